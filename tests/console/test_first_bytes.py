"""What is kept of a stream: enough to say what came in its place."""

import threading

from console.first_bytes import KEPT, FirstBytes
from console.lesson import thread_failures

import httpx2
import pytest

EVENT = b'data: {"choices":[]}\n\n'


def send(body, asked=b'{"stream":true}'):
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, content=iter([body])))
    with httpx2.Client(transport=transport) as client:
        return client.post("http://host/v1/x", content=asked).content


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error":{"message":"Busy.","code":"c"}}', "JSON in place of a stream: Busy. (c)"),
        (b'{"error":"model x not found"}', "model x not found"),
        (b"<html><h1>Log in</h1></html>", "this in place of a stream: Log in"),
        (b"[" * KEPT, "this in place of a stream: [[["),
        (b'{"a":' * KEPT, 'this in place of a stream: {"a":{"a":'),
        (b"[1]", "JSON in place of a stream: [1]"),
        (EVENT, None),
        (b": ping\n\n", None),
        (b"", None),
    ],
)
def test_other_answers_are_found(body, said):
    seen = FirstBytes()
    with seen.watch():
        assert send(body) == body

    found = seen.instead_of_stream()
    assert found is None if said is None else said in found


def test_answers_that_were_no_streams_do_not_count():
    seen = FirstBytes()
    with seen.watch():
        send(b'{"choices":[]}', asked=b"{}")
    send(b"after the block")

    assert seen.instead_of_stream() is None


def test_upload_of_a_file_is_passed_on(tmp_path):
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, content=iter([b"ok"])))
    with httpx2.Client(transport=transport) as client, FirstBytes().watch():
        assert client.post("http://host/v1/files", files={"file": b"x" * 9}).text == "ok"


def test_little_is_kept_of_a_long_answer():
    seen = FirstBytes()
    with seen.watch():
        assert len(send(b"x" * 3 * KEPT)) == 3 * KEPT

    assert len(seen.instead_of_stream()) < KEPT


async def test_asynchronous_answers_are_kept_too():
    seen = FirstBytes()

    async def page():
        yield b"Log in"

    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, content=page()))
    async with httpx2.AsyncClient(transport=transport) as client:
        with seen.watch():
            async with client.stream("GET", "http://host/x?stream=true") as response:
                assert [data async for data in response.aiter_bytes()] == [b"Log in"]

    assert "Log in" in seen.instead_of_stream()


def test_failures_of_threads_are_collected():
    with thread_failures() as raised:
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()

    assert [type(each) for each in raised] == [ZeroDivisionError]
