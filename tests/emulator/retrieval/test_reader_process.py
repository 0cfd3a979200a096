"""Hostile files end at their limits, other files go on, and no process is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

from emulator.retrieval import reader_process
from emulator.retrieval.file_text import MOST_BYTES, Unreadable
from emulator.retrieval.reader_process import FileReaders, ReadersClosed, ReadingLimits
from tests.support.files_in_stores import until
from tests.support.lessons import COURSE
from tools import make_test_files as made

import pytest

PLAIN = made.text_pdf([made.DOORS])
SLOW = made.slow_pdf(2000)
ENDLESS = ReadingLimits(seconds=600)
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def readers():
    with closing(FileReaders()) as made_readers:
        yield made_readers


def children(pid):
    """The processes that another one has started and not ended yet."""
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in listed for child in path.read_text().split()]


def is_running(pid):
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.parametrize("name", ["plain.pdf", "plain.docx", "plain.pptx", "plain.html"])
def test_document_is_read(readers, name):
    data = (COURSE / "tests" / "files" / name).read_bytes()

    assert readers.read_text(name, data).strip()
    assert 0 < readers.peak_bytes < 100 * 2**20


def test_text_and_code_start_no_process(readers):
    assert readers.read_text("a.md", b"# Dogs") == "# Dogs"
    assert readers.read_text("a.json", b'{"a": 1}') == "a: 1"
    assert readers.peak_bytes == 0


@linux
def test_process_serves_one_file_after_the_other(readers):
    before = set(children(os.getpid()))
    started = set()
    for _ in range(3):
        readers.read_text("a.pdf", PLAIN)
        started |= set(children(os.getpid())) - before
    readers.close()

    assert len(started) == 1
    assert not any(map(is_running, started))


@pytest.mark.parametrize("name", ["scan.pdf", "not-a.docx", "old.doc", "too-deep.html"])
def test_refusal_comes_with_its_reason(readers, name):
    with pytest.raises(Unreadable) as caught:
        readers.read_text(name, (COURSE / "tests" / "files" / name).read_bytes())

    assert caught.value.code in ("invalid_file", "unsupported_file")
    assert readers.read_text("a.pdf", PLAIN) == made.DOORS


def test_file_that_takes_too_long_is_given_up():
    with closing(FileReaders(ReadingLimits(seconds=0.5))) as readers:
        with pytest.raises(Unreadable, match=r"longer than 0\.5 s") as caught:
            readers.read_text("a.pdf", SLOW)
        assert caught.value.code == "invalid_file"


HUNGRY = {
    "a.pdf": made.form_bomb,
    "a.html": lambda: b"<p>" + b"<b>x</b>" * 4_000_000,
    "a.json": lambda: b"[" + b"[]," * 6_000_000 + b"[]]",
}


@pytest.mark.parametrize("name", HUNGRY)
def test_file_that_takes_too_much_memory_is_given_up(readers, name):
    with pytest.raises(Unreadable, match="more than 300 MB of memory|longer than 10 s") as caught:
        readers.read_text(name, HUNGRY[name]())

    assert caught.value.code == "invalid_file"
    assert readers.read_text("a.pdf", PLAIN) == made.DOORS


def test_file_is_too_large_to_be_sent(readers):
    with pytest.raises(Unreadable, match="too large"):
        readers.read_text("a.pdf", bytes(MOST_BYTES + 1))

    assert readers.peak_bytes == 0


def test_other_files_are_read_meanwhile():
    with closing(FileReaders(ENDLESS)) as readers:
        slow = threading.Thread(target=read_until_closed, args=(readers,))
        slow.start()
        for _ in range(3):
            assert readers.read_text("a.pdf", PLAIN) == made.DOORS
        assert slow.is_alive()
        readers.close()
        slow.join()


def read_until_closed(readers):
    with pytest.raises(ReadersClosed):
        readers.read_text("a.pdf", SLOW)


def test_closed_readers_read_nothing(readers):
    readers.close()

    with pytest.raises(ReadersClosed):
        readers.read_text("a.pdf", PLAIN)


def test_many_threads_share_two_processes(readers):
    texts = []
    threads = [
        threading.Thread(target=lambda: texts.append(readers.read_text("a.pdf", PLAIN)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert texts == [made.DOORS] * 8


def test_missing_python_is_a_fault_of_the_server(readers, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(COURSE / "no-such-python"))

    with pytest.raises(Unreadable, match="cannot start") as caught:
        readers.read_text("a.pdf", PLAIN)
    assert caught.value.code == "server_error"
    monkeypatch.undo()
    assert readers.read_text("a.pdf", PLAIN) == made.DOORS


def test_files_of_the_learner_are_not_taken_for_pythons(readers, tmp_path, monkeypatch):
    for name in ("random", "queue", "json", "lxml", "pypdfium2", "emulator"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken for another')")
    monkeypatch.chdir(tmp_path)

    assert readers.read_text("a.pdf", PLAIN) == made.DOORS


@linux
def test_process_has_no_key(readers, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    before = set(children(os.getpid()))
    readers.read_text("a.pdf", PLAIN)

    (child,) = set(children(os.getpid())) - before
    assert b"sk-secret" not in Path(f"/proc/{child}/environ").read_bytes()


def cpu_ticks(pid):
    """The time that a process has worked, in hundredths of a second."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


PARENT = """
import sys, threading
from emulator.retrieval.reader_process import FileReaders, ReadingLimits
from tools import make_test_files as made
readers = FileReaders(ReadingLimits(seconds=600))
readers.read_text("a.pdf", made.text_pdf(["Doors"]))
if sys.argv[1] == "busy":
    slow = made.slow_pdf(2000)
    threading.Thread(target=readers.read_text, args=("a.pdf", slow)).start()
print("ready", flush=True)
sys.stdin.read()
"""


@linux
@pytest.mark.parametrize("how", ["idle", "busy"])
def test_process_ends_when_its_parent_is_killed(how):
    words = [sys.executable, "-c", PARENT, how]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, cwd=COURSE, **pipes) as parent:
        assert parent.stdout.readline() == b"ready\n"
        (child,) = children(parent.pid)
        until(lambda: how == "idle" or cpu_ticks(child) > 50)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()

    until(lambda: not is_running(child))


@linux
def test_child_ends_with_its_input():
    """Nobody reads its last answer, and what it was sent was cut off."""
    words = [sys.executable, "-P", "-c", reader_process.START, str(COURSE), "10", str(300 * 2**20)]
    sent = b'{"name": "a.pdf", "size": 99}\n%PDF-1.7'

    done = subprocess.run(words, input=sent, capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (0, b"")


def test_memory_that_is_counted_grows():
    before = reader_process.peak_bytes()
    kept = bytearray(b"x") * (before + 50 * 2**20)

    assert reader_process.peak_bytes() - before >= 40 * 2**20
    del kept


def test_waiting_for_a_process_is_bounded(readers):
    """A second process starts only where the first one stays busy."""
    start = time.monotonic()
    for _ in range(2):
        readers.read_text("a.pdf", PLAIN)

    assert time.monotonic() - start < 10
