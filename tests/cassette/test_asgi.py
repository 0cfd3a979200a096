"""Requests and answers as ASGI has them."""

from cassette.asgi import (
    accept_message,
    close_message,
    content_of,
    end_to_end,
    path_of,
    read_body,
    send_message,
    wait_for_disconnect,
    while_connected,
)

import anyio
import pytest


def receiver(*messages):
    left = list(messages)

    async def receive():
        return left.pop(0)

    return receive, left


async def never():
    await anyio.sleep_forever()


async def test_work_that_fails_raises_what_it_raised():
    async def work():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await while_connected(never, work())


async def test_work_of_a_client_that_left_is_cancelled():
    receive, _ = receiver({"type": "http.disconnect"})

    assert await while_connected(receive, never()) is None


def test_path_has_its_query():
    scope = {"raw_path": b"/v1/a%20b", "query_string": b""}

    assert path_of(scope) == "/v1/a%20b"
    assert path_of(scope | {"query_string": b"c=d%20e"}) == "/v1/a%20b?c=d%20e"


async def test_body_may_come_in_parts():
    receive, left = receiver(
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "body": b"b", "more_body": False},
        {"type": "http.disconnect"},
    )

    assert await read_body(receive) == b"ab"
    assert len(left) == 1


async def test_disconnect_is_waited_for():
    receive, left = receiver({"type": "http.request"}, {"type": "websocket.disconnect"}, {})

    await wait_for_disconnect(receive)

    assert left == [{}]


def test_headers_between_neighbours_are_left_out():
    headers = [("Host", "a"), ("X-Own", "B"), ("Sec-WebSocket-Key", "c"), ("Connection", "upgrade")]

    assert end_to_end(headers) == [("x-own", "B")]


def test_handshake_is_accepted_as_recorded():
    head = {"headers": {"sec-websocket-protocol": "realtime", "x-own": "é"}}
    headers = [(b"x-own", b"\xe9")]

    accepted = accept_message(head, ["realtime"])

    expected = {"type": "websocket.accept", "subprotocol": "realtime", "headers": headers}
    assert accepted == expected
    assert accept_message(head, []) == expected | {"subprotocol": None}


def test_message_is_text_or_bytes():
    assert content_of({"text": ""}) == ""
    assert content_of({"bytes": b"a"}) == b"a"
    assert content_of({"bytes": b"a", "text": None}) == b"a"
    assert send_message("a") == {"type": "websocket.send", "text": "a"}
    assert send_message(b"a") == {"type": "websocket.send", "bytes": b"a"}


def test_close_holds_123_bytes_of_its_reason():
    assert close_message(1000, "x" * 123)["reason"] == "x" * 123
    assert close_message(1000, "x" * 124)["reason"] == "x" * 123
    assert close_message(1000, "é" * 62)["reason"] == "é" * 61


def test_close_without_code_has_none():
    assert close_message(1005, "")["code"] is None
    assert close_message(1000, "")["code"] == 1000
