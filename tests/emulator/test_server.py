"""The emulator in a thread: started, stopped, and nothing left behind (P20)."""

import json
import os
import socket
import struct
import sys
import threading
import time
from contextlib import ExitStack, suppress

from emulator.server import Emulator, PromptServer
from tests.support.emulator_clients import MODEL, Gate, ask, connect

import openai
import pytest


def port_of(emulator):
    return int(emulator.base_url.split(":")[2].split("/")[0])


def test_own_corpus_is_quoted(start, tmp_path):
    (tmp_path / "zoo.md").write_text("# Zoo\n\nThe zebra sleeps at noon.\n", encoding="utf-8")

    with connect(start(corpus=tmp_path)) as client:
        answer = client.chat.completions.create(**ask("When does the zebra sleep?"))

    assert answer.choices[0].message.content == "The zebra sleeps at noon. (Quoted from zoo.md.)"


def test_small_writes_go_at_once(start):
    emulator = start()
    with connect(emulator) as client:
        client.models.list()
        (connection,) = emulator.service.connections

        assert connection.transport.get_extra_info("socket").getsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY
        )


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files by /proc")
def test_p20_start_and_stop_leak_nothing(start):
    def cycle():
        with Emulator() as emulator, connect(emulator) as client:
            client.models.list()
        return port_of(emulator)

    cycle()
    before = len(os.listdir("/proc/self/fd"))
    ports = [cycle() for _ in range(10)]

    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", ports[-1]), timeout=2)


def test_data_folder_outlives_emulator(start, tmp_path):
    with connect(start(data=tmp_path / "new")) as client:
        made = client.responses.create(model=MODEL, input="What is the Lantern?")

    with connect(start(data=tmp_path / "new")) as client:
        assert client.responses.retrieve(made.id).output_text == made.output_text


def test_stop_does_not_wait_for_a_tick(monkeypatch):
    monkeypatch.setattr(PromptServer, "tick_s", 60.0)
    with Emulator() as emulator, connect(emulator) as client:
        assert client.models.list().data
        begun = time.monotonic()

    assert time.monotonic() - begun < 20


def test_stop_right_after_start_is_a_stop():
    for _ in range(20):
        emulator = Emulator().start()
        emulator.stop()

        assert not emulator._thread.is_alive()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port_of(emulator)), timeout=2)


def test_stop_drops_connections_that_are_open():
    gate = Gate(passes=2)
    emulator = Emulator(pace=1, sleep=gate.sleep).start()
    with connect(emulator) as client:
        stream = client.chat.completions.create(**ask("What is the Lantern?"), stream=True)
        next(stream)
        emulator.stop()

        with pytest.raises(openai.APIConnectionError):
            list(stream)
    assert emulator.open_connections == 0


def test_stop_closes_connections_that_were_accepted_a_moment_ago():
    """Callers come while the loop is busy, so it accepts them in the step in which it stops."""
    busy, free = threading.Event(), threading.Event()

    def work():
        busy.set()
        free.wait()

    emulator = Emulator().start()
    with connect(emulator) as client:
        assert client.models.list().data
    emulator._server.servers[0].get_loop().call_soon_threadsafe(work)
    busy.wait()
    with ExitStack() as callers:
        address = ("127.0.0.1", port_of(emulator))
        waiting = [callers.enter_context(socket.create_connection(address)) for _ in range(10)]
        emulator._server.stop()
        free.set()
        emulator.stop()

        for caller in waiting:
            caller.settimeout(10)
            with suppress(ConnectionResetError):
                assert caller.recv(1) == b""


@pytest.mark.parametrize("forwarded", ["", "x-forwarded-for: 10.0.0.1\r\n"])
@pytest.mark.parametrize("fault", ["fin@3", "rst@3"])
def test_connection_is_closed_or_reset_as_the_fault_says(start, fault, forwarded):
    """The connection is found by the caller's address: a proxy's header must not change it."""
    emulator = start(faults=[fault])
    body = json.dumps(ask("What is the Lantern?") | {"stream": True})
    kind = "authorization: Bearer k\r\ncontent-type: application/json\r\n"
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port_of(emulator)}\r\n"
    sent = f"{head}{kind}{forwarded}content-length: {len(body)}\r\n\r\n{body}"
    with socket.create_connection(("127.0.0.1", port_of(emulator)), timeout=5) as raw:
        raw.sendall(sent.encode())
        got, end = b"", None
        try:
            while part := raw.recv(65536):
                got += part
        except ConnectionResetError as error:
            end = error

    assert b'"role":"assistant"' in got or end
    assert (end is not None) == fault.startswith("rst")


def test_connection_that_its_caller_reset_leaves_no_timer(start):
    """uvicorn leaves its keep-alive timer, and with it the whole connection, for 75 seconds."""
    emulator = start(pace=0.0)
    host = f"host: 127.0.0.1:{port_of(emulator)}\r\nauthorization: Bearer k\r\n"
    with socket.create_connection(("127.0.0.1", port_of(emulator)), timeout=5) as raw:
        raw.sendall(f"GET /v1/models/gpt-5 HTTP/1.1\r\n{host}\r\n".encode())
        assert raw.recv(65536)
        assert emulator.exchanges[0].finished.wait(5)
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    deadline = time.monotonic() + 10
    while emulator.open_connections:
        assert time.monotonic() < deadline

    loop = emulator._server.servers[0].get_loop()
    left = [repr(timer) for timer in list(loop._scheduled) if not timer.cancelled()]
    assert not [timer for timer in left if "keep_alive" in timer]
