"""Responses in background: polled, followed, resumed after a break, cancelled."""

import time

from tests.conftest import MODEL, Gate, connect

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

    assert client.responses.cancel(done.id) == done


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
