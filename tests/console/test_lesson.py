"""The frame of a lesson: what it reads from the script, what it deletes, and Ctrl-C meanwhile."""

import signal
import threading
from types import SimpleNamespace

from console.lesson import (
    arguments,
    contents_of,
    cost_of,
    delay_interrupts,
    delete_at_end,
)
from console.terminal import Terminal
from tests.support.interrupts import can_interrupt

import pytest

SCRIPT = '''"""A lesson.

1  first    what is shown first
-  extra    only where it is asked for
2  second   and then
"""

def first():
    """Yield it.

    Because it comes first.
    """

async def extra():
    """Only this line."""

def second(): pass
'''


@pytest.fixture
def contents(tmp_path):
    (tmp_path / "lesson.py").write_text(SCRIPT)
    return contents_of(tmp_path / "lesson.py")


def test_parts_and_reasons_are_read_from_the_file(contents):
    assert contents.parts == {
        "first": "what is shown first",
        "extra": "only where it is asked for",
        "second": "and then",
    }
    assert contents.extra_parts == {"extra"}
    reasons = {name: reason.strip() for name, reason in contents.reasons.items()}
    assert reasons == {"first": "Because it comes first.", "extra": "", "second": ""}
    assert [contents.title(name) for name in contents.parts] == ["1  first", "extra", "3  second"]


def test_part_is_given_by_name_or_number(contents):
    for word in ("second", "SECOND", "3"):
        assert arguments(contents, argv=[word]).part == "second"


def test_cost_is_told_where_it_is_known():
    assert cost_of("gpt-6-luna", 1_000_000, 1_000_000).startswith("about $0.6000")
    assert "not known here" in cost_of("llama3", 1, 1)


# ------------------------------------------------------------ what is deleted


def lesson(keep=False):
    return SimpleNamespace(options=SimpleNamespace(keep=keep), terminal=Terminal(), client=None)


def stopped_cleanup(client, made):
    """Deletes one thing after another; Ctrl-C comes before each of them."""
    for id in list(made):
        signal.raise_signal(signal.SIGINT)
        yield made.pop(id), id


@can_interrupt
def test_second_ctrl_c_does_not_stop_the_deleting(capsys):
    with pytest.raises(KeyboardInterrupt):
        with delete_at_end(lesson(), stopped_cleanup) as made:
            made |= {"file-1": "file", "file-2": "file", "vs_1": "vector store"}
            signal.raise_signal(signal.SIGINT)

    shown = capsys.readouterr().out
    assert made == {}
    assert "2 of 2 files deleted, 1 of 1 vector stores deleted; nothing is left." in shown
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@can_interrupt
def test_ctrl_c_during_the_deleting_alone_is_no_failure():
    with delete_at_end(lesson(), stopped_cleanup) as made:
        made["file-1"] = "file"

    assert made == {}


@can_interrupt
def test_interrupt_waits_until_the_end_of_the_block():
    done = []
    with pytest.raises(KeyboardInterrupt):
        with delay_interrupts():
            signal.raise_signal(signal.SIGINT)
            done.append("noted")

    assert done == ["noted"]


def test_what_is_left_is_named_with_the_command(capsys):
    def failing_cleanup(client, made):
        made.pop("file-1")
        yield "file", "file-1"
        raise OSError("the network is gone")

    with pytest.raises(OSError, match="network"):
        with delete_at_end(lesson(), failing_cleanup) as made:
            made |= {"file-1": "file", "vs_1": "vector store"}

    shown = capsys.readouterr().out
    assert "left: vs_1." in shown
    assert shown.rstrip().endswith("course.py clean")


def test_what_is_kept_is_named_with_the_commands(capsys):
    def no_cleanup(client, made):
        raise AssertionError("nothing is to be deleted")

    with delete_at_end(lesson(keep=True), no_cleanup) as made:
        made |= {"file-1": "file", "vs_1": "vector store"}

    shown = capsys.readouterr().out
    assert "Kept: 1 files, 1 vector stores." in shown
    assert "ask --store vs_1\n" in shown
    assert set(made) == {"file-1", "vs_1"}


def test_nothing_made_is_nothing_said(capsys):
    with delete_at_end(lesson(), stopped_cleanup):
        pass

    assert capsys.readouterr().out == ""


def test_interrupts_are_not_touched_outside_the_main_thread():
    errors = []

    def work():
        try:
            with delay_interrupts():
                pass
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert errors == []
