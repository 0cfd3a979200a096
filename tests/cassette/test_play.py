"""Playing, driven by the unmodified SDK, sync and async."""

import asyncio
import json

from cassette import CassetteError
from cassette.format import Cassette
from cassette.openai import OPENAI
from cassette.play import Player
from common.client import LOCAL
from tests.support.cassettes import CHUNK, END, HEADER, RESPONSE, player, recorder, write_cassette
from tests.support.emulator_clients import MODEL, ask
from tests.support.loopback_sockets import sdk_client
from tools.record_fixtures import fixtures

import httpx2
import openai
import pytest

QUESTION = ask("When is the observatory closed?")


def talk(base_url):
    """A conversation of several kinds; what the SDK made of it."""
    with sdk_client(base_url) as client:
        stream = client.chat.completions.create(**QUESTION, stream=True)
        chunks = [chunk.to_dict() for chunk in stream]
        response = client.responses.create(model=MODEL, input="What is the Lantern?")
        again = client.responses.retrieve(response.id)
        with pytest.raises(openai.NotFoundError) as missing:
            client.models.retrieve("gpt-none")
    return chunks, response, again, missing.value.body


def test_replay_equals_recording(emulator, cassette_path):
    with recorder(cassette_path, emulator.base_url) as base_url:
        recorded = talk(base_url)

    with player(cassette_path) as base_url:
        replayed = talk(base_url)

    assert replayed == recorded
    assert Cassette(cassette_path).header["answered_by"] == "emulator"


def test_async_client_is_recorded_and_replayed(emulator, cassette_path):
    async def both(base_url):
        http_client = httpx2.AsyncClient(**LOCAL)
        async with openai.AsyncOpenAI(
            base_url=base_url, api_key="x", http_client=http_client
        ) as client:

            async def one(text):
                stream = await client.chat.completions.create(**ask(text), stream=True)
                return [chunk.to_dict() async for chunk in stream]

            return await asyncio.gather(one("What is the Lantern?"), one("May I bring my dog?"))

    with recorder(cassette_path, emulator.base_url) as base_url:
        recorded = asyncio.run(both(base_url))

    with player(cassette_path) as base_url:
        assert asyncio.run(both(base_url)) == recorded


def test_equal_requests_play_in_order(emulator, cassette_path):
    def twice(base_url):
        with sdk_client(base_url) as client:
            return [client.chat.completions.create(**QUESTION).id for _ in range(2)]

    with recorder(cassette_path, emulator.base_url) as base_url:
        recorded = twice(base_url)

    with player(cassette_path) as base_url:
        assert twice(base_url) == recorded
    assert len(set(recorded)) == 2


def test_request_beyond_recording_is_refused(emulator, cassette_path):
    with recorder(cassette_path, emulator.base_url) as base_url, sdk_client(base_url) as client:
        client.chat.completions.create(**QUESTION)

    with pytest.raises(CassetteError, match="was recorded 1 times and has been played as often"):
        with player(cassette_path) as base_url, sdk_client(base_url) as client:
            client.chat.completions.create(**QUESTION)
            with pytest.raises(openai.NotFoundError) as caught:
                client.chat.completions.create(**QUESTION)

    assert caught.value.code == "not_recorded"


def test_other_request_is_shown_its_difference(emulator, cassette_path):
    with recorder(cassette_path, emulator.base_url) as base_url, sdk_client(base_url) as client:
        client.chat.completions.create(**QUESTION)

    with (
        pytest.raises(CassetteError),
        player(cassette_path) as base_url,
        sdk_client(base_url) as client,
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(**ask("Something else?"), temperature=0.5)

    said = str(caught.value)
    assert 'recorded "When is the observatory closed?", sent "Something else?"' in said


def test_unplayed_exchange_is_an_error(emulator, cassette_path):
    with recorder(cassette_path, emulator.base_url) as base_url:
        talk(base_url)

    with pytest.raises(CassetteError, match="never asked for: POST /v1/responses"):
        with player(cassette_path) as base_url, sdk_client(base_url) as client:
            list(client.chat.completions.create(**QUESTION, stream=True))


@pytest.mark.parametrize("fault", ["fin@4", "eof@4", "401", "429=300ms", "500"])
def test_failures_are_replayed_as_they_were(start, cassette_path, fault):
    def ending(base_url):
        with sdk_client(base_url) as client:
            text = ""
            try:
                for chunk in client.chat.completions.create(**QUESTION, stream=True):
                    text += chunk.choices[0].delta.content or ""
            except openai.APIError as error:
                return text, type(error), getattr(error, "code", None)
            return text, None, None

    with recorder(cassette_path, start(faults=[fault]).base_url) as base_url:
        recorded = ending(base_url)

    with player(cassette_path) as base_url:
        assert ending(base_url) == recorded


def test_damaged_cassette_is_told_at_once(cassette_path):
    cassette_path.write_bytes(b"nonsense\n")

    with pytest.raises(CassetteError, match="line 1 is no header"), player(cassette_path):
        pass


@pytest.mark.parametrize("speed", [1.0, 2.0, 0.0])
async def test_chunks_come_at_their_times(speed):
    cassette = Cassette(next(path for path in fixtures() if path.stem == "stream"))
    exchange = cassette.exchanges[1]
    now, sent = [100.0], []

    async def sleep(seconds):
        now[0] += seconds

    async def send(message):
        sent.append((now[0] - 100, message.get("body", b"")))

    app = Player(cassette, speed, sleep=sleep, clock=lambda: now[0])
    await app(*request_of(exchange), send)

    lines = list(cassette.answer(exchange))
    assert len(sent) == len(lines)
    assert b"".join(body for _, body in sent) == b"".join(
        line["text"].encode() for line in lines if "chunk" in line
    )
    expected = [line["after"] / speed if speed else 0 for line in lines]
    assert [after for after, _ in sent] == pytest.approx(expected)


def request_of(exchange):
    """The scope and the receive of the recorded request."""
    body = json.dumps(exchange.request["json"]).encode()
    scope = {
        "type": "http",
        "method": exchange.request["method"],
        "raw_path": exchange.request["path"].encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        return messages.pop() if messages else await asyncio.Event().wait()

    return scope, receive


class SleepClock:
    """Time that goes on when somebody sleeps."""

    def __init__(self):
        self.now, self.slept = 100.0, []

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await asyncio.sleep(0)
        self.now += seconds


REQUEST = {"request": 1, "method": "GET", "path": "/v1/x", "headers": {}}


def app_of(path, clock, speed, *lines):
    cassette = Cassette(write_cassette(path, [HEADER, *lines]))
    return Player(cassette, speed, OPENAI, sleep=clock.sleep, clock=lambda: clock.now)


def scope_of(kind):
    scope = {"type": kind, "method": "GET", "raw_path": b"/v1/x", "query_string": b""}
    return scope | {"headers": [], "subprotocols": []}


@pytest.mark.parametrize(
    ("speed", "times"), [(1.0, [0.5, 2.5]), (2.0, [0.25, 1.25]), (0.0, [0, 0])]
)
async def test_handshake_takes_its_time(cassette_path, speed, times):
    clock, sent = SleepClock(), []
    frame = {"frame": 1, "after": 2.5, "from": "server", "text": "hello"}
    end = {"end": 1, "after": 2.5, "how": "cut"}
    head = {"response": 1, "after": 0.5, "status": 101, "headers": {}}
    lines = (REQUEST | {"upgrade": "websocket"}, head, frame, end)
    came = [{"type": "websocket.connect"}]

    async def receive():
        return came.pop() if came else await asyncio.Event().wait()

    async def send(message):
        sent.append(clock.now - 100)

    await app_of(cassette_path, clock, speed, *lines)(scope_of("websocket"), receive, send)

    assert sent == pytest.approx(times)


@pytest.mark.parametrize("how", ["complete", "left"])
async def test_answer_stops_when_the_client_leaves(cassette_path, how):
    """As soon as it has left, no more is sent; an answer that was `left` waits for that."""
    clock, sent, leave = SleepClock(), [], asyncio.Event()
    chunks = [CHUNK | {"after": after} for after in (0.2, 0.3, 0.4)]
    came = [{"type": "http.request", "body": b""}]

    async def receive():
        if came:
            return came.pop()
        await leave.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)
        if how == "complete" and len(sent) == 2:
            leave.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    lines = (REQUEST, RESPONSE, *chunks, END | {"how": how, "after": 0.5})
    playing = asyncio.ensure_future(
        app_of(cassette_path, clock, 1.0, *lines)(scope_of("http"), receive, send)
    )
    for _ in range(100):
        await asyncio.sleep(0)

    assert len(sent) == (2 if how == "complete" else 4)
    assert playing.done() == (how == "complete")
    leave.set()
    await playing
