"""The emulator in a process of its own: how it starts, what it says, how it ends (P18, P19)."""

import json
import platform
import random
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import NamedTuple

from emulator.__main__ import DamagedFile, check_files
from tests.support import lessons
from tests.support.emulator_clients import connect
from tests.support.interrupts import can_interrupt
from tests.support.scripted_upstream import ScriptedUpstream

import pytest


class Process(NamedTuple):
    """An emulator in a process of its own."""

    base_url: str


def alone(*arguments, **options):
    command = [sys.executable, "-m", "emulator", *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=lessons.COURSE, text=True, **(pipes | options))


def test_first_line_is_base_url_and_input_ends_child():
    with alone("--child", "--pace", "0") as child:
        url = child.stdout.readline().strip()
        with connect(Process(url)) as client:
            assert client.models.list().data

        child.stdin.close()
        assert child.wait(5) == 0


@can_interrupt
def test_p19_ctrl_c_ends_it_alone():
    with alone() as server:
        url = server.stdout.readline().strip()
        with connect(Process(url)) as client:
            assert client.models.list().data
        server.send_signal(signal.SIGINT)
        _, error = server.communicate(timeout=5)

    assert server.returncode == 130
    assert error == ""


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def test_taken_port_is_told():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = alone("--port", str(taken.getsockname()[1]))
        out, error = server.communicate(timeout=10)

    assert (server.returncode, out) == (1, "")
    assert error.startswith("error: the emulator cannot start: ")
    assert "Traceback" not in error


@pytest.mark.parametrize("task", ["CHAT", "EMBEDDINGS"])
def test_server_upstream_that_is_the_emulator_itself_is_refused(free_port, task):
    upstream = {f"EMULATOR_{task}_BASE_URL": f"http://localhost:{free_port}/v1"}
    server = alone("--port", str(free_port), env=lessons.environment(**upstream))
    out, error = server.communicate(timeout=10)

    assert (server.returncode, out) == (1, "")
    assert f"EMULATOR_{task}_BASE_URL names this emulator itself" in error
    assert "Traceback" not in error


def test_child_tells_its_parent_why_it_cannot_start():
    environment = lessons.environment(EMULATOR_CHAT_BASE_URL="no address")
    server = alone("--child", env=environment)
    out, _ = server.communicate(timeout=10)

    assert out == "EMULATOR_CHAT_BASE_URL is not an http address: 'no address'\n"


@pytest.mark.parametrize("option", ["--corpus", "--data"])
def test_bad_folder_is_told(option, tmp_path):
    file = tmp_path / "file"
    file.write_text("x")

    with alone(option, str(file)) as server:
        _, error = server.communicate(timeout=10)

    assert server.returncode == 1
    assert error.startswith("error: the emulator cannot start: ")


def test_embeddings_are_made_where_the_environment_says():
    vector = {"object": "embedding", "index": 0, "embedding": [3, 4]}
    body = json.dumps({"data": [vector]}).encode()
    with ScriptedUpstream(body, "application/json") as upstream:
        named = {"BASE_URL": upstream.base_url, "MODEL": "nomic", "API_KEY": "k"}
        environment = {f"EMULATOR_EMBEDDINGS_{name}": value for name, value in named.items()}
        with alone("--child", env=lessons.environment(**environment)) as child:
            with connect(Process(child.stdout.readline().strip())) as client:
                made = client.embeddings.create(
                    model="text-embedding-3-small",
                    input="moon",
                    dimensions=2,
                    encoding_format="float",
                )
            child.stdin.close()
            child.wait(5)

    ((headers, asked),) = upstream.asked
    assert made.data[0].embedding == pytest.approx([0.6, 0.8])
    assert (asked["model"], headers["authorization"]) == ("nomic", "Bearer k")


def test_damaged_file_is_named_before_the_start(tmp_path):
    file = tmp_path / "library.sqlite3"
    file.write_bytes(random.Random(5).randbytes(5_000))
    with pytest.raises(DamagedFile, match="library.sqlite3 is damaged"):
        check_files(tmp_path)


def test_file_that_is_damaged_inside_is_found(tmp_path):
    file = tmp_path / "library.sqlite3"
    with closing(sqlite3.connect(file)) as database:
        database.executescript("CREATE TABLE a (b); CREATE INDEX c ON a (b);")
        database.executemany("INSERT INTO a VALUES (?)", [(f"{n:0900}",) for n in range(40)])
        database.commit()
    check_files(tmp_path)
    raw = bytearray(file.read_bytes())
    raw[9_000:14_000] = random.Random(5).randbytes(5_000)
    file.write_bytes(raw)

    with pytest.raises(DamagedFile):
        check_files(tmp_path)


def test_file_that_another_process_holds_is_not_damaged(tmp_path):
    with closing(sqlite3.connect(tmp_path / "library.sqlite3", isolation_level=None)) as database:
        database.execute("CREATE TABLE a (b)")
        database.execute("BEGIN EXCLUSIVE")
        check_files(tmp_path)


ALLOCATING = """
import ctypes, sys, threading
from emulator.__main__ import limit_arenas
if "limited" in sys.argv:
    limit_arenas()
together = threading.Barrier(12)
def allocate():
    together.wait()
    kept = [bytearray(1000) for _ in range(100)]
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(12)]
for each in threads: each.start()
for each in threads: each.join()
library = ctypes.CDLL(None)
library.fdopen.restype = ctypes.c_void_p
output = ctypes.c_void_p(library.fdopen(1, b"w"))
library.malloc_info(0, output)
library.fflush(output)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
def test_few_arenas_serve_all_threads():
    def arenas(*arguments):
        command = [sys.executable, "-c", ALLOCATING, *arguments]
        done = subprocess.run(
            command, cwd=lessons.COURSE, capture_output=True, text=True, check=True
        )
        return done.stdout.count("<heap nr=")

    assert arenas("limited") <= 2 < arenas()
