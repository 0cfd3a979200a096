"""From a request to its blocks: bodies read, streams bounded, callers who leave (P14, P18)."""

import asyncio
import json
import threading

from emulator.answers.corpus import Corpus
from emulator.faults import Fault, Faults
from emulator.pace import Pace
from emulator.serving import (
    BATCH,
    MOST_STEPS,
    MOST_STREAMS,
    Exchange,
    Service,
    as_stream,
    before_last,
    send_json,
    send_stream,
)
from emulator.storage.objects import ObjectStore
from emulator.wire import sse
from tests.support.emulator_clients import MODEL, Gate, ask, connect, drained

import httpx2
import openai
import pytest
from starlette.requests import Request

ASKED = ask("When is the observatory closed?")
KEY = {"authorization": "Bearer offline", "content-type": "application/json"}


def post(emulator, content):
    url = f"{emulator.base_url}/chat/completions"
    return httpx2.post(url, content=content, headers=KEY, trust_env=False)


def test_p18_hangup_stops_the_writer(start):
    emulator = start(pace=1, sleep=Gate(passes=2).sleep)
    with connect(emulator) as client:
        for create in (client.chat.completions.create, client.chat.completions.create):
            stream = create(**ASKED, stream=True)
            next(stream)
            stream.close()

        for exchange in emulator.exchanges:
            assert exchange.finished.wait(5)
            assert exchange.ended == "disconnected"


def test_p18_hangup_before_a_whole_answer(start):
    gate = Gate(passes=0)
    emulator = start(pace=1, sleep=gate.sleep)
    with connect(emulator, timeout=0.2) as client:
        with pytest.raises(Exception, match="timed out"):
            client.chat.completions.create(**ASKED)

        assert emulator.exchanges[0].finished.wait(5)
        assert emulator.exchanges[0].ended == "disconnected"


def test_p14_cut_streams_leave_nothing_open(start):
    emulator = start()
    with connect(emulator) as client:
        for cut in range(40):
            stream = client.chat.completions.create(**ASKED, stream=True)
            for _ in range(cut):
                next(stream)
            stream.close()

        assert client.models.list().data
        assert all(exchange.finished.wait(5) for exchange in emulator.exchanges)
    assert emulator.service.open_streams == 0
    assert emulator.open_connections <= 1


async def test_many_streams_at_once_lose_no_chunk(async_client):
    words = " ".join(f"w{number}" for number in range(300))

    async def one():
        asked = ask(f"Reply with exactly: {words}")
        stream = await async_client.chat.completions.create(**asked, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert await asyncio.gather(*(one() for _ in range(16))) == [words] * 16


def test_p14_too_many_streams_get_429(start):
    gate = Gate(passes=0)
    emulator = start(pace=1, sleep=gate.sleep)
    with connect(emulator, timeout=30) as client:
        asked = ask("Reply with exactly: x")
        http = httpx2.Limits(max_connections=None)
        wide = client.with_options(http_client=httpx2.Client(limits=http, trust_env=False))
        streams = [wide.chat.completions.create(**asked, stream=True) for _ in range(MOST_STREAMS)]

        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(**asked, stream=True)

        gate.open()
        assert all(list(stream) for stream in streams)
        # The SDK stops reading at [DONE], a moment before the server counts the stream as ended.
        assert all(exchange.finished.wait(10) for exchange in emulator.exchanges)
        assert list(client.chat.completions.create(**asked, stream=True))


BODIES = [b"", b"[1]", b"{", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000, b'"text"', b"null"]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_body_that_is_no_object_is_400(emulator, body):
    answer = post(emulator, body)

    assert answer.status_code == 400
    assert list(answer.json()["error"]) == ["message", "type", "param", "code"]


def test_numbers_that_json_does_not_have_are_refused(emulator):
    body = json.dumps(ASKED | {"temperature": float("nan")})

    answer = post(emulator, body.encode())

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, None)
    assert "could not parse the JSON body" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["model", "user", r"\ud800"])
def test_text_that_is_no_unicode_is_refused(emulator, name):
    body = json.dumps(ASKED)[:-1] + rf', "{name}": "a\udfff"}}'

    answer = post(emulator, body.encode())

    assert answer.status_code == 400
    assert "no Unicode" in answer.json()["error"]["message"]
    assert post(emulator, body.replace("udfff", "ud83d\\ude00").encode()).status_code != 500


class ScriptedCaller:
    """An ASGI server's side of one request: keeps what is sent, and leaves when it is told."""

    def __init__(self, *faults, pace=None):
        self.service = Service(Corpus([]), ObjectStore(), pace or Pace(), Faults())
        self.exchange = Exchange("POST", "/", "req_1")
        self.scope = {
            "type": "http",
            "client": ("127.0.0.1", 1),
            "emulator": self.service,
            "exchange": self.exchange,
            "faults": [Fault.parse(fault) for fault in faults],
        }
        self.writes, self.left = [], asyncio.Event()

    async def receive(self):
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        assert self.service.open_streams == 1
        self.writes.append(message)

    @property
    def request(self):
        return Request(self.scope)

    async def take(self, reply):
        """Send a reply to its end; the bodies of all writes."""
        await reply(self.scope, self.receive, self.send)
        assert self.service.open_streams == 0 and self.exchange.finished.is_set()
        return [write["body"] for write in self.writes if write["type"] == "http.response.body"]


async def test_first_block_goes_alone_and_the_others_share_writes():
    caller = ScriptedCaller()
    blocks = [b"%03d" % number for number in range(BATCH + 3)]

    bodies = await caller.take(send_stream(caller.request, as_stream(blocks)))

    assert bodies == [
        blocks[0],
        b"".join(blocks[1 : BATCH + 1]),
        b"".join(blocks[BATCH + 1 :]),
        b"",
    ]
    assert [write["more_body"] for write in caller.writes[1:]] == [True, True, True, False]
    assert (caller.exchange.blocks, caller.exchange.ended) == (BATCH + 3, "complete")
    assert (b"cache-control", b"no-cache") in caller.writes[0]["headers"]


async def test_separate_block_ends_a_write():
    caller = ScriptedCaller()
    blocks = [b"1", b"2", sse.SeparateBlock(b"3"), sse.SeparateBlock(b"4"), b"5"]

    bodies = await caller.take(send_stream(caller.request, as_stream(blocks)))

    assert bodies == [b"1", b"23", b"4", b"5", b""]


async def test_block_that_waits_lets_those_before_it_go():
    waits, sent = [], []
    caller = ScriptedCaller(pace=Pace(1, lambda seconds: wait(seconds), lambda: 0.0))

    async def wait(seconds):
        waits.append(round(seconds, 3))
        sent.append(len(caller.writes))

    blocks = [b"1", b"2", b"3", sse.TextBlock(b"4"), sse.TextBlock(b"5")]
    bodies = await caller.take(send_stream(caller.request, as_stream(blocks)))

    assert bodies == [b"1", b"23", b"4", b"5", b""]
    assert (waits, sent) == ([0.4, 0.425], [3, 4])


async def test_caller_who_leaves_stops_the_writing():
    caller, closed = ScriptedCaller(), []

    async def endless():
        try:
            while True:
                yield b"x"
                await asyncio.sleep(0)
                if len(caller.writes) == 3:
                    caller.left.set()
        finally:
            closed.append(True)

    bodies = await caller.take(send_stream(caller.request, endless()))

    assert caller.exchange.ended == "disconnected" and b"" not in bodies
    assert len(bodies) < 10 and closed == [True]


async def test_caller_who_leaves_after_the_last_block_had_a_complete_answer():
    """As clients do after the end mark, often before the server has taken note of its own end."""
    caller = ScriptedCaller()

    async def last():
        yield b"x"
        caller.left.set()
        await asyncio.sleep(0)

    await caller.take(send_stream(caller.request, last()))

    assert caller.exchange.ended == "complete"


@pytest.mark.parametrize("fault", ["fin@2", "rst@2"])
async def test_cut_sends_what_came_before_and_no_end(fault):
    caller = ScriptedCaller(fault)

    bodies = await caller.take(send_stream(caller.request, as_stream([b"1", b"2", b"3"])))

    assert bodies == [b"1", b"2"] and caller.exchange.ended == "broken"


async def test_stall_lasts_until_the_caller_leaves():
    caller = ScriptedCaller("stall@1")
    taking = asyncio.ensure_future(
        caller.take(send_stream(caller.request, as_stream([b"1", b"2"])))
    )
    for _ in range(9):
        await asyncio.sleep(0)
    assert not taking.done()

    caller.left.set()

    assert await taking == [b"1"] and caller.exchange.ended == "broken"


async def test_error_on_the_way_leaves_nothing_open():
    caller = ScriptedCaller()

    async def failing():
        yield b"x"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await caller.take(send_stream(caller.request, failing()))
    assert caller.service.open_streams == 0


async def test_whole_body_has_its_length_unless_a_fault_may_change_it():
    plain, struck = ScriptedCaller(), ScriptedCaller("html200")

    (body, end) = await plain.take(send_json(plain.request, {"a": "é"}, ["seed", "user"]))
    await struck.take(send_json(struck.request, {}))

    headers = dict(plain.writes[0]["headers"])
    assert (body, end) == ('{\n  "a": "é"\n}'.encode(), b"")
    assert int(headers[b"content-length"]) == len(body)
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"x-openai-emulator-inert"] == b"seed, user"
    headers = dict(struck.writes[0]["headers"])
    assert b"content-length" not in headers and b"x-openai-emulator-inert" not in headers
    assert headers[b"content-type"].startswith(b"text/html")


class CountedWork:
    """Work whose steps wait until they are let go; `most` is how many ran at a time."""

    def __init__(self):
        self.lock, self.gate = threading.Lock(), threading.Event()
        self.running = self.most = self.begun = 0

    def steps(self):
        for step in range(3):
            with self.lock:
                self.running += 1
                self.begun += 1
                self.most = max(self.most, self.running)
            self.gate.wait(10)
            with self.lock:
                self.running -= 1
            yield step


async def results_of(service, work):
    return [step async for step in service.hearing.results(work.steps())]


def test_long_work_leaves_worker_threads_to_others():
    async def run():
        service, work = ScriptedCaller().service, CountedWork()
        tasks = [asyncio.ensure_future(results_of(service, work)) for _ in range(20)]
        await asyncio.to_thread(work.gate.wait, 0.01)
        assert await asyncio.to_thread(lambda: "another's") == "another's"
        work.gate.set()
        return await asyncio.gather(*tasks), work

    results, work = asyncio.run(run())

    assert results == [[0, 1, 2]] * 20
    assert work.most <= MOST_STEPS


def test_work_that_was_given_up_counts_until_its_step_is_done():
    async def run():
        service, work = ScriptedCaller().service, CountedWork()
        for _ in range(20):
            task = asyncio.ensure_future(results_of(service, work))
            await asyncio.wait({task}, timeout=0.001)
            task.cancel()
            await asyncio.wait({task})
        work.gate.set()
        last = await results_of(service, work)
        return last, work

    last, work = asyncio.run(run())

    assert last == [0, 1, 2]
    assert work.most <= MOST_STEPS
    assert work.begun <= 3 + MOST_STEPS


def test_what_is_stored_is_there_before_the_last_block():
    done = []
    stream = before_last(as_stream([b"1", b"2", sse.DONE]), lambda: done.append(len(seen)))
    seen = []

    async def watched():
        async for block in stream:
            seen.append((block, len(done)))
            yield block

    drained(watched())

    assert seen == [(b"1", 0), (b"2", 0), (sse.DONE, 1)]


def test_stored_answer_can_be_had_once_the_stream_has_ended(start):
    emulator = start()
    with connect(emulator) as client:
        for _ in range(5):
            *_, last = client.responses.create(model=MODEL, input="Hello!", stream=True)
            assert client.responses.retrieve(last.response.id).output == last.response.output
