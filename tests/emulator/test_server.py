"""Starting and stopping: alone, as a child, in a thread (P18 to P20)."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from typing import NamedTuple

from emulator.server import Emulator
from tests.conftest import Gate, ask, can_interrupt, connect
from tests.support import lessons

import pytest

ASKED = ask("When is the observatory closed?")


class Alone(NamedTuple):
    """An emulator in a process of its own."""

    base_url: str


def alone(*arguments, **options):
    command = [sys.executable, "-m", "emulator", *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=lessons.COURSE, text=True, **(pipes | options))


def test_first_line_is_base_url_and_input_ends_child():
    with alone("--child", "--pace", "0") as child:
        url = child.stdout.readline().strip()
        with connect(Alone(url)) as client:
            assert client.models.list().data

        child.stdin.close()
        assert child.wait(5) == 0


@can_interrupt
def test_p19_ctrl_c_ends_it_alone():
    with alone() as server:
        url = server.stdout.readline().strip()
        with connect(Alone(url)) as client:
            assert client.models.list().data
        server.send_signal(signal.SIGINT)
        _, error = server.communicate(timeout=5)

    assert server.returncode == 130
    assert error == ""


def test_taken_port_is_told():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = alone("--port", str(taken.getsockname()[1]))
        out, error = server.communicate(timeout=10)

    assert (server.returncode, out) == (1, "")
    assert error.startswith("error: the emulator cannot start: ")
    assert "Traceback" not in error


@pytest.mark.parametrize("option", ["--corpus", "--data"])
def test_bad_folder_is_told(option, tmp_path):
    file = tmp_path / "file"
    file.write_text("x")

    with alone(option, str(file)) as server:
        _, error = server.communicate(timeout=10)

    assert server.returncode == 1
    assert error.startswith("error: the emulator cannot start: ")


def test_own_corpus_is_quoted(start, tmp_path):
    (tmp_path / "zoo.md").write_text("# Zoo\n\nThe zebra sleeps at noon.\n", encoding="utf-8")

    with connect(start(corpus=tmp_path)) as client:
        answer = client.chat.completions.create(**ask("When does the zebra sleep?"))

    assert answer.choices[0].message.content == "The zebra sleeps at noon. (Quoted from zoo.md.)"


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


def test_small_writes_go_at_once(start):
    emulator = start()
    with connect(emulator) as client:
        client.models.list()
        (connection,) = emulator.service.connections

        assert connection.transport.get_extra_info("socket").getsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY
        )


def test_pace_holds_back_each_piece(start):
    waits, now = [], [7.0]

    async def sleep(seconds):
        waits.append(seconds)
        now[0] += seconds * 1.5  # a sleep that takes too long is made up for

    with connect(start(pace=2, sleep=sleep, clock=lambda: now[0])) as client:
        list(client.chat.completions.create(**ask("Reply with exactly: a b c"), stream=True))
        client.chat.completions.create(**ask("Reply with exactly: a b c"))

    assert waits[0] == pytest.approx(0.8)
    assert sum(waits) < 0.8 + 0.1 + 0.9
    assert waits[-1] == pytest.approx(0.9)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files by /proc")
def test_p20_start_and_stop_leak_nothing(start):
    def cycle():
        with Emulator() as emulator, connect(emulator) as client:
            client.models.list()
        return int(emulator.base_url.split(":")[2].split("/")[0])

    cycle()
    before = len(os.listdir("/proc/self/fd"))
    ports = [cycle() for _ in range(10)]

    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", ports[-1]), timeout=2)


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
