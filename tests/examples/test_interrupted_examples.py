"""Ctrl-C while an example runs, by a real signal."""

import re
import select
import signal

from emulator.errors import ApiError
from emulator.server import Emulator
from emulator.storage.file_table import SEARCHABLE
from tests.support.emulator_clients import Gate, connect
from tests.support.example_runs import EXAMPLES, run_example, start_example
from tests.support.interrupts import can_interrupt

import pytest

CHAT = "streaming/chat.py"


def read_until(stream, text):
    """What a stream gives, up to this text."""
    read = ""
    while not read.endswith(text):
        letter = stream.read(1)
        assert letter, f"it ended after {read!r}"
        read += letter
    return read


def interrupt(process):
    """Press Ctrl-C until something is printed: Python misses one that comes just before a read."""
    process.send_signal(signal.SIGINT)
    while not select.select([process.stdout], [], [], 0.5)[0]:
        process.send_signal(signal.SIGINT)


@pytest.fixture
def held():
    """An emulator that is held back after six pieces of text, and its gate."""
    gate = Gate(6)
    with Emulator(pace=1.0, sleep=gate.sleep) as emulator:
        yield emulator, gate


@can_interrupt
def test_ctrl_c_stops_the_answer_and_not_the_chat(held):
    emulator, gate = held
    with start_example(CHAT, base_url=emulator.base_url) as chat:
        chat.stdin.write("When are you closed?\n")
        chat.stdin.flush()
        read_until(chat.stdout, "You: The house is")
        gate.reached.wait(30)
        interrupt(chat)
        read_until(chat.stdout, "[this answer is not complete: stopped]\n\nYou: ")
        gate.open()
        chat.stdin.write("May I bring my dog?\n")
        chat.stdin.flush()
        read_until(chat.stdout, "Dogs may come into the garden")
        _, err = chat.communicate(timeout=60)

    assert emulator.exchanges[0].ended == "disconnected"
    assert (chat.returncode, err) == (0, "")


@can_interrupt
@pytest.mark.parametrize("name", ["streaming/resume.py", "streaming/tool_calls.py"])
def test_ctrl_c_ends_a_program_without_a_traceback(held, name):
    emulator, gate = held
    with start_example(name, base_url=emulator.base_url) as program:
        gate.reached.wait(30)
        interrupt(program)
        _, err = program.communicate(timeout=60)
        gate.open()

    assert (program.returncode, err) == (130, "")


@can_interrupt
def test_ctrl_c_at_the_prompt_leaves(emulator):
    with start_example(CHAT, base_url=emulator.base_url) as chat:
        read_until(chat.stdout, "You: ")
        interrupt(chat)
        _, err = chat.communicate(timeout=60)

    assert (chat.returncode, err) == (130, "")


@can_interrupt
@pytest.mark.parametrize("moment", ["asking", "answering"])
def test_folder_is_deleted_after_ctrl_c(held, moment, tmp_path):
    emulator, gate = held
    (tmp_path / "hours.md").write_text("The house is closed on Mondays, all year round.")
    with start_example("rag/folder_bot.py", tmp_path, base_url=emulator.base_url) as bot:
        read_until(bot.stdout, "You (an empty line leaves): ")
        with connect(emulator) as client:
            assert len(client.files.list().data) == 1
            if moment == "answering":
                bot.stdin.write("When are you closed?\n")
                bot.stdin.flush()
                gate.reached.wait(30)
            interrupt(bot)
            out, err = bot.communicate(timeout=60)

            assert client.files.list().data == client.vector_stores.list().data == []
    assert out.endswith("Deleting the files and their vector store.\n")
    assert (bot.returncode, err) == (130, "")


async def refuse(prompt, found):
    raise ApiError(400, "I am not in the mood.")


def test_folder_is_deleted_after_an_error(tmp_path):
    (tmp_path / "hours.md").write_text("The house is closed on Mondays, all year round.")
    typed = "When are you closed?\n"
    with Emulator(upstream=refuse) as emulator:
        ended = run_example("rag/folder_bot.py", tmp_path, base_url=emulator.base_url, typed=typed)
        with connect(emulator) as client:
            assert client.files.list().data == client.vector_stores.list().data == []

    assert "I am not in the mood." in ended.stderr
    assert ended.returncode == 1


def test_files_that_cannot_be_searched_are_named(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    (tmp_path / "HOURS.MD").write_text("The house is closed on Mondays, all year round.")
    (tmp_path / "broken.txt").write_bytes(b"open \xff daily")
    with Emulator(faults=["400unsupported"]) as emulator:  # as OpenAI judges by the name
        ended = run_example("rag/folder_bot.py", tmp_path, base_url=emulator.base_url)

    told = sorted(ended.stdout.splitlines()[:2])
    assert [line.split(": ")[1] for line in told] == ["broken.txt", "photo.png"]
    # The end of the input leaves, as Ctrl-C does.
    assert (ended.returncode, ended.stderr) == (130, "")


def test_folder_without_readable_files_is_an_error(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    with Emulator() as emulator, connect(emulator) as client:
        ended = run_example("rag/folder_bot.py", tmp_path, base_url=emulator.base_url)
        left = [*client.files.list(), *client.vector_stores.list()]

    assert ended.stdout.startswith("left out: photo.png: ")
    assert ended.returncode == 1
    assert "has no file that file search reads" in ended.stderr
    assert left == []


def test_bot_knows_the_types_that_file_search_reads():
    source = (EXAMPLES / "rag" / "folder_bot.py").read_text(encoding="utf-8")
    (types,) = re.findall('TYPES = "(.+)"', source)

    assert [f".{each}" for each in types.split()] == SEARCHABLE
