"""The proxy before any server: what it shows, and how it breaks answers and connections."""

import asyncio
import json
import socket
from http import HTTPStatus

from common.client import LOCAL
from common.proxy import BREAKS, Breaking, start_proxy
from common.wire_tap import Tap
from tests.support.emulator_clients import MODEL, Gate, ask
from tests.support.loopback_sockets import socket_server

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from websockets.exceptions import ConnectionClosedError, InvalidStatus

QUESTION = ask("Reply with exactly: one two three four five six")
KEY = "sk-proj-0123456789abcdef"


def client_of(base_url, kind=OpenAI, **options):
    http_client = {OpenAI: httpx2.Client, AsyncOpenAI: httpx2.AsyncClient}[kind](**LOCAL)
    return kind(base_url=base_url, api_key=KEY, http_client=http_client, max_retries=0, **options)


def drain(client):
    """The text that came, and the exception that ended the stream, if one did."""
    text = ""
    try:
        for chunk in client.chat.completions.create(**QUESTION, stream=True):
            text += chunk.choices[0].delta.content or ""
    except Exception as error:  # each test names the one it expects
        return text, error
    return text, None


def test_answer_passes_unchanged(emulator):
    with start_proxy(emulator.base_url) as proxy, client_of(proxy.base_url) as client:
        assert drain(client) == ("one two three four five six", None)


ENDINGS = {
    "cut": (openai.APIConnectionError, httpx2.RemoteProtocolError),
    "stall": (openai.APITimeoutError, httpx2.ReadTimeout),
    "end": (type(None), type(None)),
    "garble": (json.JSONDecodeError, type(None)),
    "error": (openai.APIError, type(None)),
}


@pytest.mark.parametrize("how", BREAKS)
def test_answer_breaks_after_events(emulator, how):
    with start_proxy(emulator.base_url) as proxy:
        with client_of(proxy.breaking(how, after=4), timeout=0.2) as client:
            text, error = drain(client)

    assert text == "one two three"
    assert (type(error), type(error.__cause__) if error else type(None)) == ENDINGS[how]
    assert emulator.exchanges[-1].finished.wait(5)
    assert set(ENDINGS) == set(BREAKS)


def test_short_answer_is_over_before_it_breaks(emulator):
    with start_proxy(emulator.base_url) as proxy:
        with client_of(proxy.breaking("cut", after=99)) as client:
            assert drain(client) == ("one two three four five six", None)


def test_server_stops_when_the_connection_breaks(start):
    gate = Gate(passes=3)
    emulator = start(pace=1, sleep=gate.sleep)
    with start_proxy(emulator.base_url) as proxy:
        with client_of(proxy.breaking("cut", after=1)) as client:
            _, error = drain(client)
            # The rest of the answer is held back meanwhile; else it might be complete by then.
            assert emulator.exchanges[0].finished.wait(5)
            gate.open()

    assert isinstance(error, openai.APIConnectionError)
    assert emulator.exchanges[0].ended == "disconnected"


def test_unknown_break_is_an_unknown_path(emulator):
    with start_proxy(emulator.base_url) as proxy:
        with client_of(proxy.breaking("shatter")) as client, pytest.raises(openai.NotFoundError):
            client.models.list()


def status(client):
    try:
        return client.models.with_raw_response.list().http_response.status_code
    except openai.APIStatusError as error:
        return error.status_code


def test_every_nth_request_asks_for_a_failure(emulator):
    with start_proxy(emulator.base_url, fault="500", every=3) as proxy:
        with client_of(proxy.base_url) as client:
            assert [status(client) for _ in range(6)] == [200, 200, 500, 200, 200, 500]


# ------------------------------------------------------------ what it shows


def test_request_and_chunks_are_shown_in_short(emulator):
    shown = []
    with start_proxy(emulator.base_url, Tap(shown.append)) as proxy:
        with client_of(proxy.base_url) as client:
            drain(client)

    assert shown[0].startswith('> POST /v1/chat/completions {"')
    assert '"content":"Reply with exactly: one two' in shown[0]
    assert shown[1] == "< 200 text/event-stream; charset=utf-8"
    assert shown[-1] == "< data: [DONE]"
    assert [line for line in shown if '"delta":{"content":" three"}' in line]
    assert KEY not in "".join(shown)


def test_line_is_shown_before_the_client_has_it(emulator):
    shown, seen = [], []
    with start_proxy(emulator.base_url, Tap(shown.append)) as proxy:
        with client_of(proxy.base_url) as client:
            for chunk in client.chat.completions.create(**QUESTION, stream=True):
                if content := chunk.choices[0].delta.content:
                    seen.append([line for line in shown if f'"content":"{content}"' in line])

    assert len(seen) == 6
    assert all(seen)


def test_upload_is_shown_without_its_bytes(emulator):
    shown = []
    with start_proxy(emulator.base_url, Tap(shown.append)) as proxy:
        with client_of(proxy.base_url) as client:
            client.files.create(file=("a.txt", b"secret words"), purpose="assistants")

    assert shown[0] == "> POST /v1/files"


def test_secret_of_an_answer_is_not_shown(emulator):
    shown = []
    with start_proxy(emulator.base_url, Tap(shown.append)) as proxy:
        with client_of(proxy.base_url) as client:
            secret = client.realtime.client_secrets.create().value

    assert secret.startswith("ek_")
    assert secret not in "".join(shown)


# ------------------------------------------------------------ WebSockets


def greet(socket):
    socket.send(json.dumps({"type": "session.created", "event_id": "e", "session": {"id": "s"}}))
    for _ in socket:
        pass


def test_socket_is_shown_and_closed():
    shown = []
    tap = Tap(shown.append, lambda: 0.0)
    with socket_server(greet) as upstream, start_proxy(upstream, tap) as proxy:
        with client_of(proxy.base_url) as client:
            with client.realtime.connect(model="m") as connection:
                connection.recv()
                connection.session.update(session={"type": "realtime"})

    assert shown == [
        "> +0.000 GET /v1/realtime?model=m",
        "< +0.000 101",
        '< +0.000 session.created  session {"id": "s"}',
        '> +0.000 session.update  session {"type": "realtime"}',
        "> +0.000 close 1000",
    ]


def test_drop_reaches_every_socket_that_is_open():
    with socket_server(greet) as upstream, start_proxy(upstream) as proxy:
        with client_of(proxy.base_url) as client:
            sockets = [client.realtime.connect(model="m").enter() for _ in range(2)]
            for socket in sockets:
                assert socket.recv().type == "session.created"
            proxy.drop()
            for socket in sockets:
                with pytest.raises(ConnectionClosedError, match="no close frame"):
                    socket.recv()


async def test_async_socket_drops_as_well():
    with socket_server(greet) as upstream, start_proxy(upstream) as proxy:
        async with client_of(proxy.base_url, AsyncOpenAI) as client:
            async with client.realtime.connect(model="m") as connection:
                await connection.recv()
                proxy.drop()
                with pytest.raises(ConnectionClosedError, match="no close frame"):
                    await connection.recv()


def test_refusal_of_a_socket_is_passed_on_and_shown():
    shown = []

    def refuse(socket, request):
        return socket.respond(HTTPStatus.UNAUTHORIZED, "no")

    tap = Tap(shown.append, lambda: 0.0)
    with socket_server(greet, process_request=refuse) as upstream, start_proxy(upstream, tap) as p:
        with client_of(p.base_url) as client, pytest.raises(InvalidStatus):
            client.realtime.connect(model="m").enter()

    assert shown == ["> +0.000 GET /v1/realtime?model=m", "< +0.000 401", "< no"]


def test_server_that_is_gone_is_told(emulator):
    with start_proxy("http://127.0.0.1:9/v1") as proxy, client_of(proxy.base_url) as client:
        with pytest.raises(openai.InternalServerError, match="cannot reach 127.0.0.1:9") as raised:
            client.models.retrieve(MODEL)

    assert raised.value.code == "unreachable"


# ------------------------------------------------------------ who may use it

FOREIGN = {
    "a name of its own (DNS rebinding)": {"host": "evil.example"},
    "a page from elsewhere": {"origin": "http://evil.example"},
    "a page without an origin": {"origin": "null"},
    "a form from elsewhere": {"sec-fetch-site": "cross-site"},
    "no address": {"host": "["},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_page_from_elsewhere_is_refused(emulator, name):
    before = len(emulator.exchanges)
    with start_proxy(emulator.base_url) as proxy, httpx2.Client(**LOCAL) as client:
        answer = client.get(f"{proxy.base_url}/models", headers=FOREIGN[name])

    assert (answer.status_code, answer.text) == (403, "Refused.\n")
    assert len(emulator.exchanges) == before


def test_socket_from_a_page_elsewhere_is_refused():
    with socket_server(greet) as upstream, start_proxy(upstream) as proxy:
        with client_of(proxy.base_url) as client, pytest.raises(InvalidStatus, match="403"):
            client.realtime.connect(
                model="m", extra_headers={"Origin": "http://evil.example"}
            ).enter()


def test_page_of_this_machine_is_passed_on(emulator):
    with start_proxy(emulator.base_url) as proxy, httpx2.Client(**LOCAL) as client:
        headers = {"origin": "http://localhost:8000", "authorization": "Bearer x"}
        answer = client.get(f"{proxy.base_url}/models", headers=headers)

    assert answer.status_code in (200, 403)  # the emulator has rules of its own for origins
    assert answer.text != "Refused.\n"


def test_target_that_is_no_path_reaches_nobody(emulator):
    with start_proxy(emulator.base_url) as proxy:
        address = httpx2.URL(proxy.base_url)
        with socket.create_connection((address.host, address.port)) as line:
            line.sendall(b"GET @127.0.0.1:9/x HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert line.recv(100).startswith(b"HTTP/1.1 400 ")


def test_server_is_left_if_the_client_leaves_before_the_answer(start):
    gate = Gate(passes=0)
    emulator = start(pace=1, sleep=gate.sleep)
    with start_proxy(emulator.base_url) as proxy:
        with client_of(proxy.base_url, timeout=0.2) as client:
            with pytest.raises(openai.APITimeoutError):
                client.chat.completions.create(**QUESTION)
        assert emulator.exchanges[0].finished.wait(5)

    assert emulator.exchanges[0].ended == "disconnected"


def test_events_are_counted_whatever_ends_their_lines():
    sent = []

    async def run():
        breaking = Breaking(None, send, "end", 2)
        body = b"data: 1\r\n\r\ndata: 2\r\n\r\ndata: 3\r\n\r\n"
        for byte in body:
            part = {"type": "http.response.body", "body": bytes([byte]), "more_body": True}
            await breaking.send(part)
        await breaking.finish()

    async def send(message):
        sent.append(message["body"])

    asyncio.run(run())

    assert b"".join(sent) == b"data: 1\r\n\r\ndata: 2\r\n\r\n"


def test_traffic_goes_on_if_nobody_reads_it(emulator):
    def gone(line):
        raise BrokenPipeError

    with start_proxy(emulator.base_url, Tap(gone)) as proxy, client_of(proxy.base_url) as client:
        assert drain(client) == ("one two three four five six", None)
