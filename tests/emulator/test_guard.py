"""The door: who may come in, what may be sent, and that no key is kept (P1 to P7, P12, P14)."""

import asyncio
import json
import socket
import sys
from contextlib import closing

from emulator.errors import ApiError
from emulator.guard import (
    BODY_S,
    JSON_LIMIT,
    LEAST_BYTES_A_SECOND,
    LONGEST_PAUSE_S,
    BoundedBody,
    check,
    check_socket,
    listen,
)
from emulator.storage.objects import MOST, ObjectStore
from tests.support.emulator_clients import MODEL, ask, connect

import httpx2
import openai
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

CANARY = "sk-canary-0123456789abcdef"
KEY = {"authorization": "Bearer offline"}


def exchange(emulator, *lines, body=b""):
    """Send raw lines and read the answer: its status and its error."""
    host, port = emulator.base_url.split("/")[2].split(":")
    with closing(socket.create_connection((host, int(port)), timeout=5)) as line:
        text = "\r\n".join([*lines, "connection: close", "", ""]).replace("PORT", port)
        line.sendall(text.encode() + body)
        answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()
    head, _, rest = answer.partition("\r\n\r\n")
    return int(head.split()[1]), rest


def get(emulator, *headers, target="/v1/models"):
    return exchange(emulator, f"GET {target} HTTP/1.1", "authorization: Bearer k", *headers)[0]


def post(emulator, content=b"{}", **headers):
    url = f"{emulator.base_url}/chat/completions"
    sent = KEY | {"content-type": "application/json"} | headers
    return httpx2.post(url, content=content, headers=sent, trust_env=False)


OURS = ["127.0.0.1:PORT", "localhost:PORT", "LOCALHOST:PORT", "[::1]:PORT"]
FOREIGN = [
    "evil.com",
    "evil.com:PORT",
    "localhost.evil.com:PORT",
    "127.0.0.1.nip.io:PORT",
    "127.0.0.1",
    "localhost",
    "localhost:1",
    "127.0.0.1:PORT0",
    "127.0.0.2:PORT",
    "127.1:PORT",
    "2130706433:PORT",
    "0.0.0.0:PORT",
    "[::]:PORT",
    "",
    "localhost:PORT@evil.com",
    "user@localhost:PORT",
]


@pytest.mark.parametrize("host", OURS)
def test_p2_own_names_are_answered(emulator, host):
    assert get(emulator, f"host: {host}") == 200


@pytest.mark.parametrize("host", FOREIGN)
def test_p2_foreign_host_is_refused(emulator, host):
    assert get(emulator, f"host: {host}") == 403


def test_p2_doubled_host_and_absolute_target_are_refused(emulator):
    assert get(emulator, "host: localhost:PORT", "host: evil.com") in (400, 403)
    assert get(emulator, "host: localhost:PORT", target="http://evil.com/v1/models") == 403


@pytest.mark.parametrize(
    "origin", ["https://evil.com", "null", "http://localhost.evil.com", "http://["]
)
def test_p3_foreign_origin_is_refused(emulator, origin):
    assert get(emulator, "host: localhost:PORT", f"origin: {origin}") == 403


def test_p3_own_origin_passes_and_gets_no_cors(emulator):
    own = {"origin": "http://localhost:3000"} | KEY
    answer = httpx2.get(f"{emulator.base_url}/models", headers=own, trust_env=False)

    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_p3_page_of_another_site_is_refused(emulator):
    assert get(emulator, "host: localhost:PORT", "sec-fetch-site: cross-site") == 403


@pytest.mark.parametrize("site", ["Cross-Site", "CROSS-SITE", " cross-site "])
def test_p3_page_of_another_site_is_refused_however_it_is_written(emulator, site):
    assert get(emulator, "host: localhost:PORT", f"Sec-Fetch-Site: {site}") == 403


@pytest.mark.parametrize("hosts", [[], ["host: localhost:PORT", "host: localhost:PORT"]])
def test_p2_missing_or_doubled_host_is_refused_in_shape(emulator, hosts):
    status, body = exchange(emulator, "GET /v1/models HTTP/1.1", "authorization: Bearer k", *hosts)

    assert (status, json.loads(body)["error"]["code"]) == (403, "forbidden_by_emulator")


def test_what_is_no_http_is_refused_in_shape(emulator):
    status, body = exchange(emulator, "GET /v1/models HTTP/9.9 now", "host: localhost:PORT")

    assert (status, json.loads(body)["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("place", ["target", "header"])
def test_handshake_with_a_long_line_is_refused(emulator, place):
    long = "x" * 9_000
    target = f"/v1/realtime?model={long if place == 'target' else 'gpt-realtime'}"
    key = long if place == "header" else "k"
    handshake = ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"]
    lines = [f"GET {target} HTTP/1.1", "host: localhost:PORT", f"authorization: Bearer {key}"]
    status, body = exchange(
        emulator, *lines, *handshake, "sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg=="
    )

    assert status == 431
    assert "longer than 8000 bytes" in json.loads(body)["error"]["message"]


def test_p3_preflight_allows_nothing(emulator):
    url = f"{emulator.base_url}/chat/completions"
    answer = httpx2.request("OPTIONS", url, headers=KEY, trust_env=False)

    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_p4_body_of_another_type_is_refused(emulator, kind):
    answer = post(emulator, **{"content-type": kind})

    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "unsupported_content_type"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "identity, GZIP", "x-gzip"])
def test_compressed_body_is_refused_by_its_encoding(emulator, encoding):
    answer = post(emulator, **{"content-encoding": encoding})

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (415, "unsupported_content_encoding")
    assert f"'{encoding.split()[-1].lower()}'" in error["message"]
    assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("encoding", ["", "identity", "Identity, identity"])
def test_body_that_is_not_compressed_may_say_so(emulator, encoding):
    answer = post(emulator, **{"content-encoding": encoding})

    assert answer.json()["error"]["code"] == "missing_required_parameter"


@pytest.mark.parametrize("bearer", [None, "", "Bearer", "Basic abc"])
def test_p6_request_without_key_is_401(emulator, bearer):
    headers = {} if bearer is None else {"authorization": bearer}
    answer = httpx2.get(f"{emulator.base_url}/models", headers=headers, trust_env=False)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="OpenAI API"'


def test_p6_key_is_not_kept_nor_told(start, tmp_path, capfd):
    with connect(start(data=tmp_path), api_key=CANARY) as client:
        made = client.responses.create(model=MODEL, input="What is the Lantern?")
        raw = client.responses.with_raw_response.retrieve(made.id)
        with pytest.raises(openai.NotFoundError) as caught:
            client.batches.list()

    told = [raw.text, str(raw.headers), str(caught.value.body), *capfd.readouterr()]
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert not any(CANARY in text for text in told)
    assert not any(CANARY.encode() in data for data in kept)


def test_p6_refused_key_is_not_echoed(emulator):
    with (
        connect(emulator, api_key=CANARY) as client,
        pytest.raises(openai.AuthenticationError) as e,
    ):
        client.models.list(extra_headers={"x-emulator-fault": "401"})

    assert e.value.code == "invalid_api_key"
    assert CANARY[8:] not in str(e.value.body)


def test_p1_only_loopback_is_bound(emulator):
    port = int(emulator.base_url.split(":")[2].split("/")[0])
    if sys.platform != "linux":
        pytest.skip("other addresses of the loopback network are reachable on Linux alone")

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=2)
    with pytest.raises(OSError):  # noqa: PT011  refused, or no IPv6 at all
        socket.create_connection(("::1", port), timeout=2)


@pytest.mark.parametrize(("extra", "status"), [(-1, 200), (0, 200), (1, 413)])
def test_p12_body_over_limit_is_413(emulator, extra, status):
    body = json.dumps(ask("Reply with exactly: x")).encode()
    padded = body[:-1] + b" " * (JSON_LIMIT - len(body) + extra) + b"}"

    assert post(emulator, padded).status_code == status


def test_p12_chunked_body_is_counted(emulator):
    chunks = (b" " * 65536 for _ in range(JSON_LIMIT // 65536 + 1))

    answer = post(emulator, chunks)

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def test_p12_lying_length_is_413_at_once(emulator):
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        "host: localhost:PORT",
        "authorization: Bearer k",
    ]
    kind = ["content-type: application/json", "content-length: 99999999999"]

    assert exchange(emulator, *lines, *kind, body=b"{}")[0] == 413


class ArrivingBody:
    """A body whose pieces come after so many seconds each, in a time of its own."""

    def __init__(self, pieces):
        self.pieces, self.now = list(pieces), 0.0

    async def receive(self):
        self.due, size = self.pieces.pop(0)
        self.has_come = asyncio.Event()
        if not self.due:
            self.has_come.set()
        await self.has_come.wait()
        return {"type": "http.request", "body": bytes(size), "more_body": bool(self.pieces)}

    async def sleep(self, seconds):
        self.now += min(seconds, self.due)
        if self.due <= seconds:
            self.has_come.set()
            await asyncio.Event().wait()

    async def read(self):
        """How many bytes came before the end, or before the error; and that error's status."""
        sent = scope_of(("content-type", "application/json"))
        receive = BoundedBody(sent, self.receive, self.sleep, lambda: self.now)
        size, is_over = 0, False
        try:
            while not is_over:
                message = await receive()
                size += len(message["body"])
                is_over = not message["more_body"]
        except ApiError as error:
            stopped_at = self.now
            with pytest.raises(ApiError):  # reading on to drop the rest doesn't wait
                await receive()
            assert self.now == stopped_at
            return size, error.status
        return size, None


def in_time(pieces):
    """How many bytes a body like that may bring, and the error's status if it stalls."""
    size, waited = 0, 0.0
    for pause, count in pieces:
        waited += pause
        if pause > LONGEST_PAUSE_S or waited > BODY_S + size / LEAST_BYTES_A_SECOND:
            return size, 408
        size += count
    return size, None


SLOW = [(29.0, 100_000)] * 70
"""Two megabytes in half an hour, as over a very bad connection."""
DRIPPING = [(29.0, 1)] * 70


# Eighths of a second add up without rounding.
@given(st.lists(st.tuples(st.integers(0, 300).map(lambda n: n / 8), st.integers(0, 20_000))))
@example(SLOW)
@example(DRIPPING)
@example([(0.0, 10), (31.0, 10)])
def test_p12_body_that_stalls_is_408(pieces):
    pieces = [*pieces, (0.0, 1)]

    assert asyncio.run(ArrivingBody(pieces).read()) == in_time(pieces)


def test_p12_slow_body_lives_and_dripping_one_does_not():
    assert in_time(SLOW) == (7_000_000, None)
    assert in_time(DRIPPING)[1] == 408


def test_p12_stalled_body_is_answered_and_closed(emulator, monkeypatch):
    async def no_time(seconds):
        return None

    monkeypatch.setattr(emulator.service, "wait_for_body", no_time)
    host, port = emulator.base_url.split("/")[2].split(":")
    with closing(socket.create_connection((host, int(port)), timeout=5)) as line:
        lines = [
            "POST /v1/chat/completions HTTP/1.1",
            f"host: localhost:{port}",
            "authorization: Bearer k",
            "content-type: application/json",
            "content-length: 100",
        ]
        line.sendall("\r\n".join([*lines, "", "{"]).encode())
        answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()

    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 408 ")
    assert json.loads(body)["error"] == {
        "message": "Timed out reading request body. Try again, or use a smaller request size.",
        "type": "invalid_request_error",
        "param": None,
        "code": "user_request_timeout",
    }


def test_p14_oldest_responses_are_forgotten():
    store = ObjectStore()

    for number in range(MOST + 2):
        store.save("response", {"id": f"resp_{number}"}, [{"id": f"msg_{number}"}])
        store.find("response", "resp_0")

    assert store.find("response", "resp_0")
    assert store.find("response", "resp_1") is None
    assert store.find("response", "resp_3")
    assert (store.item("msg_1"), store.item("msg_3")) == (None, {"id": "msg_3"})
    store.close()


def scope_of(*headers, port=8000, path="/v1/models", method="GET"):
    sent = [(name.encode(), value.encode()) for name, value in headers]
    return {"headers": sent, "server": ("127.0.0.1", port), "path": path, "method": method}


OWN = ("host", "localhost:8000")
BEARER = ("authorization", "Bearer k")


def test_request_with_our_host_and_any_key_is_accepted():
    check(scope_of(OWN, BEARER))
    check(scope_of(OWN, ("authorization", "bearer  k ")))
    check_socket(scope_of(OWN))
    check(scope_of(("host", "localhost"), BEARER, port=80))


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        (scope_of(BEARER), 403),
        (scope_of(OWN, OWN, BEARER), 403),
        (scope_of(("host", "localhost"), BEARER), 403),
        (scope_of(OWN, BEARER, path="//evil.com/v1/models"[2:]), 403),
        (scope_of(OWN, BEARER, ("origin", "http://localhost:1"), ("origin", "http://e.com")), 403),
        (scope_of(OWN, ("authorization", "Bearer  ")), 401),
        (scope_of(OWN), 401),
        (scope_of(OWN, BEARER, ("transfer-encoding", "chunked"), method="POST"), 415),
        (scope_of(OWN, BEARER, ("content-length", "2"), method="PATCH"), 415),
    ],
)
def test_request_that_is_not_ours_is_refused(scope, status):
    with pytest.raises(ApiError) as caught:
        check(scope)

    assert caught.value.status == status


@pytest.mark.parametrize(
    ("path", "kind", "accepted"),
    [
        ("/v1/files", "multipart/form-data; boundary=x", True),
        ("/v1/uploads/upload_1/parts", "Multipart/Form-Data", True),
        ("/v1/files", "application/json", False),
        ("/v1/uploads", "multipart/form-data", False),
        ("/v1/responses", "application/json; charset=utf-8", True),
    ],
)
def test_form_is_accepted_where_a_file_is_expected(path, kind, accepted):
    sent = ("content-length", "9"), ("content-type", kind)
    scope = scope_of(OWN, BEARER, *sent, path=path, method="POST")

    if accepted:
        check(scope)
    else:
        with pytest.raises(ApiError, match="Unsupported content type"):
            check(scope)


def test_port_that_is_taken_leaves_no_socket_open():
    with listen() as first, pytest.raises(OSError, match=".*"):
        listen(first.getsockname()[1])
