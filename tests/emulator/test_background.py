"""Responses in background: polled, followed, resumed after a break, cancelled."""

import asyncio
import json
import time
from itertools import count

from emulator import params
from emulator.answers.answer import Answer, Message, Prompt
from emulator.api.responses import PARAMS
from emulator.background import MOST_RUNNING, BackgroundResponses
from emulator.encode.response_events import ResponseWriter
from emulator.errors import ApiError
from emulator.pace import Pace
from emulator.wire import sse
from tests.support.emulator_clients import MODEL, Gate, connect

import openai
import pytest

ASKED = {
    "model": MODEL,
    "input": "Reply with exactly: one two three four five six",
    "reasoning": {"effort": "none"},
    "background": True,
}


def wait_for(client, id, status="completed"):
    """Poll as a caller does, without a wait of its own; the tests' time limit ends it."""
    deadline = time.monotonic() + 20
    while (response := client.responses.retrieve(id)).status != status:
        assert time.monotonic() < deadline, response.status
    return response


def test_answer_can_be_polled(start):
    gate = Gate(passes=2)
    with connect(start(pace=1, sleep=gate.sleep)) as client:
        begun = client.responses.create(**ASKED)
        assert gate.reached.wait(10)
        running = client.responses.retrieve(begun.id)
        gate.open()
        done = wait_for(client, begun.id)

    assert (begun.status, begun.output, begun.background) == ("queued", [], True)
    assert (running.status, running.usage) == ("in_progress", None)
    assert done.output_text == "one two three four five six"
    assert done.usage.output_tokens == 6


def test_events_begin_with_queued(client):
    events = list(client.responses.create(**ASKED, stream=True))

    kinds = [event.type for event in events]
    assert kinds[:3] == ["response.created", "response.queued", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert events[1].response.status == "queued"
    assert [event.sequence_number for event in events] == list(range(len(events)))


@pytest.mark.parametrize("after", [0, 3, 7, 100])
def test_ended_answer_is_streamed_from_any_event(client, after):
    events = list(client.responses.create(**ASKED, stream=True))

    again = client.responses.retrieve(events[0].response.id, stream=True, starting_after=after)

    assert list(again) == events[after + 1 :]


def test_all_events_come_without_a_place_to_start(client):
    events = list(client.responses.create(**ASKED, stream=True))

    assert list(client.responses.retrieve(events[0].response.id, stream=True)) == events


def test_running_answer_is_followed(start):
    gate = Gate(passes=3)
    with connect(start(pace=1, sleep=gate.sleep)) as client:
        stream = client.responses.create(**ASKED, stream=True)
        seen = [next(stream) for _ in range(8)]
        stream.close()
        assert gate.reached.wait(10)
        resumed = client.responses.retrieve(
            seen[0].response.id, stream=True, starting_after=seen[-1].sequence_number
        )
        gate.open()
        rest = list(resumed)

    numbers = [event.sequence_number for event in [*seen, *rest]]
    assert numbers == list(range(len(numbers)))
    assert rest[-1].type == "response.completed"
    text = "".join(e.delta for e in [*seen, *rest] if e.type == "response.output_text.delta")
    assert text == "one two three four five six"


@pytest.mark.parametrize("fault", ["fin@7", "rst@9", "eof@6", "halfjson@8"])
def test_s1_broken_stream_is_resumed(start, fault):
    emulator = start(faults=[f"{fault.replace('@', 'x1@')}"])
    seen = []
    with connect(emulator) as client:
        try:
            for event in client.responses.create(**ASKED, stream=True):
                seen.append(event)
        except (openai.APIConnectionError, ValueError):
            pass
        resumed = client.responses.retrieve(
            seen[0].response.id, stream=True, starting_after=seen[-1].sequence_number
        )
        seen += list(resumed)

    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    assert seen[-1].response.output_text == "one two three four five six"


def test_helper_of_sdk_resumes(client):
    events = list(client.responses.create(**ASKED, stream=True))
    id = events[0].response.id

    with client.responses.stream(response_id=id) as stream:
        stream.until_done()
        assert stream.get_final_response().output_text == "one two three four five six"


def test_cancel_ends_it_for_good(start):
    gate = Gate(passes=3)
    with connect(start(pace=1, sleep=gate.sleep)) as client:
        stream = client.responses.create(**ASKED, stream=True)
        begun = next(stream)
        assert gate.reached.wait(10)
        cancelled = client.responses.cancel(begun.response.id)
        rest = list(stream)
        again = client.responses.cancel(begun.response.id)
        read = client.responses.retrieve(begun.response.id)

    assert cancelled.status == "cancelled"
    assert cancelled == again == read
    assert rest[-1].type == "response.output_text.delta"


def test_cancel_of_ended_answer_changes_nothing(client):
    done = list(client.responses.create(**ASKED, stream=True))[-1].response

    cancelled = client.responses.cancel(done.id).to_dict()
    assert cancelled.pop("billing") == {"payer": "developer"}  # a stream doesn't say
    assert cancelled == done.to_dict()


def test_answer_goes_on_unread(start):
    gate = Gate(passes=1)
    with connect(start(pace=1, sleep=gate.sleep)) as client:
        stream = client.responses.create(**ASKED, stream=True)
        id = next(stream).response.id
        stream.close()
        gate.open()

        assert wait_for(client, id).output_text == "one two three four five six"


def test_next_response_follows_one_from_background(client):
    first = wait_for(client, client.responses.create(**ASKED).id)

    then = client.responses.create(model=MODEL, input="Why?", previous_response_id=first.id)

    assert then.usage.input_tokens > first.usage.total_tokens


def test_what_ran_when_the_emulator_died_has_failed(start, tmp_path):
    gate = Gate(passes=1)
    with connect(start(data=tmp_path, pace=1, sleep=gate.sleep)) as client:
        id = client.responses.create(**ASKED).id
        with connect(start(data=tmp_path)) as other:
            failed = other.responses.retrieve(id)

    assert (failed.status, failed.error.code) == ("failed", "server_error")


REFUSED = [
    ({"background": True, "store": False}, "background"),
    ({"background": "yes"}, "background"),
]


@pytest.mark.parametrize(("change", "param"), REFUSED)
def test_background_needs_store(client, change, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(**ASKED | change)

    assert caught.value.param == param


def test_response_from_the_foreground_is_neither_cancelled_nor_resumed(client):
    made = client.responses.create(**ASKED | {"background": False})

    with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
        client.responses.cancel(made.id)
    with pytest.raises(openai.BadRequestError, match="background=true"):
        client.responses.retrieve(made.id, stream=True)


def test_unknown_response_is_404(client):
    for call in (client.responses.cancel, client.responses.input_items.list):
        with pytest.raises(openai.NotFoundError, match="resp_none"):
            call("resp_none")


def writer_of(answer):
    values, _ = params.parse({"model": MODEL, "background": True}, PARAMS)
    return ResponseWriter(values, Prompt([Message("user", "x")]), answer)


class Held(Answer):
    """An answer whose pieces a test lets through one by one; it may break behind the last."""

    def __init__(self, error=None):
        super().__init__()
        self.more, self.error = asyncio.Event(), error

    async def write(self):
        for number in count():
            await self.more.wait()
            self.more.clear()
            if self.error is not None:
                raise self.error
            self.pieces.append(f"{number} ")
            yield self.pieces[-1]

    async def let_through(self):
        self.more.set()
        for _ in range(8):
            await asyncio.sleep(0)


def taken(blocks):
    """The blocks that a reader gets, in a list that fills as they come, and the reader."""
    got = []

    async def take():
        async for block in blocks:
            assert type(block) is sse.SeparateBlock
            got.append(bytes(block))

    return got, asyncio.ensure_future(take())


async def test_ended_responses_are_forgotten():
    responses, saved = BackgroundResponses(), []
    for number in range(MOST_RUNNING + 3):
        begun = responses.start(writer_of(Answer(["x"])), Pace(), saved.append)
        assert responses.find(begun.writer.id) is begun
        blocks = [block async for block in begun.follow()]
        await asyncio.sleep(0)

        assert responses.find(begun.writer.id) is None
        assert saved[number] is begun and saved[number].blocks == blocks
    assert len(saved) == MOST_RUNNING + 3


def test_ended_responses_leave_room(client):
    """429 after 64, if none were forgotten."""
    for _ in range(MOST_RUNNING + 1):
        wait_for(client, client.responses.create(**ASKED).id)


async def test_only_so_many_run_at_once():
    responses = BackgroundResponses()
    running = [
        responses.start(writer_of(Held()), Pace(), lambda ended: None) for _ in range(MOST_RUNNING)
    ]

    with pytest.raises(ApiError) as caught:
        responses.start(writer_of(Answer(["x"])), Pace(), lambda ended: None)
    assert (caught.value.status, caught.value.headers["retry-after"]) == (429, "1")

    await running[0].cancel()
    responses.start(writer_of(Answer(["x"])), Pace(), lambda ended: None)
    for each in running[1:]:
        await each.cancel()


async def test_readers_get_each_block_once_whenever_they_come():
    answer = Held()
    begun = BackgroundResponses().start(writer_of(answer), Pace(), lambda ended: None)
    early, early_reader = taken(begun.follow())
    await answer.let_through()
    late, late_reader = taken(begun.follow(after=len(early) - 2))
    await answer.let_through()

    assert early == begun.blocks and json.loads(early[-1].partition(b"data: ")[2])["delta"] == "1 "
    assert late == early[-2:]
    assert (await begun.cancel())["status"] == "cancelled"
    await asyncio.gather(early_reader, late_reader)
    assert early == begun.blocks


async def test_error_of_ours_fails_the_response(capfd):
    saved = []
    answer = Held(error=ZeroDivisionError("oh"))
    responses = BackgroundResponses()
    begun = responses.start(
        writer_of(answer), Pace(), lambda ended: saved.append(len(ended.blocks))
    )
    got, reader = taken(begun.follow())
    await answer.let_through()
    await reader

    *_, error, failed = [json.loads(block.partition(b"data: ")[2]) for block in got]
    assert (error["type"], failed["type"]) == ("error", "response.failed")
    assert failed["response"]["error"]["code"] == "server_error"
    assert begun.writer.id in failed["response"]["error"]["message"]
    assert saved == [len(got)] and responses.find(begun.writer.id) is None
    assert "ZeroDivisionError" in capfd.readouterr().err


async def test_cancel_after_the_end_changes_nothing():
    begun = BackgroundResponses().start(writer_of(Answer(["x"])), Pace(), lambda ended: None)
    assert len([block async for block in begun.follow()]) == len(begun.blocks)

    assert (await begun.cancel())["status"] == "completed"


async def test_blocks_wait_as_the_pace_says():
    waits = []

    async def sleep(seconds):
        waits.append(round(seconds, 3))

    begun = BackgroundResponses().start(
        writer_of(Answer(["a", "b"])), Pace(1, sleep, lambda: 0.0), lambda ended: None
    )
    blocks = [block async for block in begun.follow()]

    assert waits == [0.4, 0.425] and len(blocks) > 5


def test_deleted_response_stops_and_is_gone(start):
    gate = Gate(passes=1)
    emulator = start(pace=1, sleep=gate.sleep)
    with connect(emulator) as client:
        id = client.responses.create(**ASKED).id
        assert gate.reached.wait(10)
        client.responses.delete(id)

        assert emulator.service.background.find(id) is None
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(id)


@pytest.mark.parametrize(
    "query",
    [{"stream": "maybe"}]
    + [{"stream": "true", "starting_after": after} for after in ("-3", "-99", "9" * 5000, "--1")],
)
def test_wrong_place_in_a_stream_is_refused(client, query):
    made = client.responses.create(model=MODEL, input="Hi", background=True)

    with pytest.raises(openai.BadRequestError) as caught:
        client.get(f"/responses/{made.id}", cast_to=object, options={"params": query})

    assert caught.value.param in query
