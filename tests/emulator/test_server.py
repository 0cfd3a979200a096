"""The emulator in a thread: started, stopped, and nothing left behind (P20)."""

import os
import socket
import time

from emulator.server import Emulator
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


def test_stop_does_not_wait():
    """uvicorn's own way takes at least 0.1 s, for each of ten."""
    emulators = [Emulator().start() for _ in range(10)]
    for emulator in emulators:
        with connect(emulator) as client:
            assert client.models.list().data

    begun = time.perf_counter()
    for emulator in emulators:
        emulator.stop()
    took = time.perf_counter() - begun

    assert took < 0.9


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


def test_forwarded_address_is_not_believed(start):
    """A fault finds its connection by the address; a proxy's header must not change it."""
    emulator = start(faults=["rst@3"])
    with connect(emulator, default_headers={"x-forwarded-for": "10.0.0.1"}) as client:
        stream = client.chat.completions.create(**ask("What is the Lantern?"), stream=True)

        with pytest.raises(openai.APIConnectionError):
            list(stream)


def test_connection_that_was_reset_leaves_no_timer(start):
    """uvicorn leaves its keep-alive timer, and with it the whole connection, for 75 seconds."""
    emulator = start(faults_from_header=True)
    asked = ask("What is the Lantern?") | {"extra_headers": {"x-emulator-fault": "rst@3"}}
    with connect(emulator) as client:
        client.models.list()
        with pytest.raises(openai.APIConnectionError):
            list(client.chat.completions.create(**asked, stream=True))
        client.models.list()

        loop = emulator._server.servers[0].get_loop()
        timers = [each for each in loop._scheduled if not each.cancelled()]
        assert sum("timeout_keep_alive_handler" in repr(each) for each in timers) <= 1
