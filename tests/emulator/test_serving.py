"""From a request to its blocks: bodies read, streams bounded, callers who leave (P14, P18)."""

import asyncio

from emulator.serving import MOST_STREAMS
from tests.support.emulator_clients import Gate, ask, connect

import httpx2
import openai
import pytest

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
        assert list(client.chat.completions.create(**asked, stream=True))


BODIES = [b"", b"[1]", b"{", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000, b'"text"', b"null"]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_body_that_is_no_object_is_400(emulator, body):
    answer = post(emulator, body)

    assert answer.status_code == 400
    assert list(answer.json()["error"]) == ["message", "type", "param", "code"]
