"""The frame of a lesson: what it reads from the script, what it deletes, and Ctrl-C meanwhile."""

import asyncio
import os
import signal
import threading
from contextlib import ExitStack
from types import SimpleNamespace

from common import COURSE
from common.client import Connection
from common.settings import default_settings
from console.lesson import (
    Lesson,
    Made,
    arguments,
    contents_of,
    cost_of,
    delete_at_end,
)
from console.terminal import Terminal
from tests.support.interrupts import can_interrupt
from tests.support.scripted_http import answering

import pytest

SCRIPT = '''"""A lesson.

It teaches.
"""

# ------------------------------------ 1  first: See what comes first
def first():
    pass


# ------------------------------------ +  extra: Do what is done only if asked for
async def extra():
    pass


# ------------------------------------ 3  second: And then this
def second():
    pass


# ------------------------------------ main
'''
TEXTS = """
[1.first]
why = "Because."
question = "Is it cold?"
before = ["Is it dark?"]
after = ["Is it wet?"]
notice = "It was."
"""


@pytest.fixture
def contents(tmp_path, monkeypatch):
    (tmp_path / "01_lesson.py").write_text(SCRIPT)
    (tmp_path / "parts.toml").write_text(TEXTS)
    monkeypatch.setattr("console.lesson_contents.TEXTS", tmp_path / "parts.toml")
    return contents_of(tmp_path / "01_lesson.py")


def test_parts_are_read_from_the_file(contents):
    assert contents.text == "A lesson.\n\nIt teaches.\n"
    headings = {name: part.heading for name, part in contents.parts.items()}
    assert headings == {
        "first": "1. See what comes first",
        "extra": "Do what is done only if asked for",
        "second": "3. And then this",
    }
    assert [part.is_extra for part in contents.parts.values()] == [False, True, False]
    assert contents.parts["first"].texts["why"] == "Because."


def test_number_that_is_out_of_order_is_a_mistake_of_ours():
    for script in sorted(COURSE.glob("0[0-9]_*.py")):
        contents = contents_of(script)
        numbers = [part.number for part in contents.parts.values()]
        assert numbers == list(range(1, len(numbers) + 1))


def first():
    pass


def second():
    pass


def frame(contents, *argv):
    lesson = Lesson(
        default_settings(),
        Connection("http://127.0.0.1:9/v1", "offline", "who"),
        Terminal(),
        contents,
        arguments(contents, argv=argv),
        "gpt-6-luna",
        ExitStack(),
    )
    return lesson


def test_part_shows_why_and_then_what_to_notice(contents, capsys):
    lesson = frame(contents)

    assert lesson.part(first)
    assert lesson.questions == ["Is it dark?", "Is it cold?", "Is it wet?"]
    assert lesson.part(second)

    shown = capsys.readouterr().out
    assert shown == (
        "\n1. See what comes first\n|  Because.\n\n|  Notice: It was.\n\n3. And then this\n\n"
    )


def test_question_of_the_learner_takes_the_place_of_the_part_s(contents):
    lesson = frame(contents, "first", "Is it windy?")

    assert lesson.part(first) and not lesson.part(second)
    assert lesson.questions == ["Is it dark?", "Is it windy?", "Is it wet?"]


def test_options_may_stand_anywhere(contents):
    for argv in (
        ["first", "--offline", "Is it windy?", "--pace", "0"],
        ["--pace", "0", "first", "Is it windy?", "--offline"],
        ["--offline", "--pace=0", "first", "Is it windy?"],
    ):
        args = arguments(contents, argv=argv)
        assert (args.part, args.question, args.offline, args.pace) == (
            "first",
            "Is it windy?",
            True,
            0.0,
        )


@pytest.mark.parametrize(
    ("argv", "near"),
    [
        (["secnd"], "Did you mean second?"),
        (["FRIST"], "Did you mean first?"),
        (["--ofline"], "Did you mean --offline?"),
        (["first", "--reply=x"], "Did you mean --replay?"),
        (["first", "--recrod", "a", "--sped"], "Did you mean --record? Did you mean --speed?"),
    ],
)
def test_similar_word_is_suggested(contents, capsys, argv, near):
    with pytest.raises(SystemExit):
        arguments(contents, argv=argv)

    assert capsys.readouterr().err.rstrip().endswith(near)


@pytest.mark.parametrize("argv", [["zzz"], ["first", "--zzz"], ["first", "--pace", "x"]])
def test_nothing_is_suggested_where_nothing_is_similar(contents, capsys, argv):
    with pytest.raises(SystemExit):
        arguments(contents, argv=argv)

    assert "Did you mean" not in capsys.readouterr().err


def test_part_without_a_question_takes_none(contents, capsys):
    with pytest.raises(SystemExit):
        arguments(contents, argv=["second", "Why?"])

    assert "the part second takes no question; these do: first" in capsys.readouterr().err


SCOPED = [
    ("--loud", "switch", "first: be loud"),
    ("--way", "name", "second, --loud: which way"),
    ("--kind", "name", "of any kind: everywhere"),
]


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["second", "--loud"], "--loud has no effect on second; it is for first"),
        (["--loud", "3"], "--loud has no effect on second; it is for first"),
        (["first", "--way", "left"], "--way has no effect on first; it is for second, --loud"),
    ],
)
def test_option_of_another_part_is_refused(contents, capsys, argv, told):
    with pytest.raises(SystemExit) as ended:
        arguments(contents, SCOPED, argv)

    assert ended.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv",
    [
        ["first", "--loud"],
        ["first", "--loud", "--way", "left"],
        ["second", "--way", "left"],
        ["second", "--kind", "x"],
        ["--loud", "--way", "left"],
    ],
)
def test_option_of_this_part_or_of_a_tour_is_taken(contents, argv):
    assert arguments(contents, SCOPED, argv)


def test_coroutine_runs_with_a_loop_and_without_one(contents):
    lesson, done = frame(contents), []

    async def work():
        done.append(threading.current_thread() is threading.main_thread())

    async def as_in_a_notebook():
        lesson.run(work())

    lesson.run(work())
    asyncio.run(as_in_a_notebook())

    assert done == [True, False]


@pytest.mark.parametrize(("error", "is_told"), [(None, False), (ValueError("odd"), True)])
def test_what_ctrl_c_leaves_in_a_callback_is_not_told(contents, caplog, error, is_told):
    async def work():
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        asyncio.get_running_loop().call_soon(future.set_result if error is None else fail, error)
        await asyncio.sleep(0)

    def fail(error):
        raise error

    frame(contents).run(work())

    assert ("Exception in callback" in caplog.text) == is_told


def test_part_is_given_by_name_or_number(contents):
    for word in ("second", "SECOND", "3"):
        assert arguments(contents, argv=[word]).part == "second"


def log_shown(lesson, body, capsys):
    """What `show_request` prints if a server answers with this body."""
    with answering(body, kind="application/json") as (base_url, asked):
        os.environ["OPENAI_BASE_URL"] = base_url
        lesson.show_request("req_1/../x")
    assert asked == ["/exchanges/req_1%2F..%2Fx"]
    return capsys.readouterr().out


def test_log_of_a_request_is_shown(contents, capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "")

    shown = log_shown(frame(contents), '{"blocks": 7, "ended": "disconnected"}', capsys)

    assert "7 events sent, then the client" in shown


@pytest.mark.parametrize(
    "body",
    [
        *("", "x", "null", "3", "[]", '"blocks"', "{}", '{"blocks": "x", "ended": 1}'),
        *('{"blocks": [], "ended": {}}', '{"blocks": null, "ended": null}', '{"blocks": 1}'),
        *('{"blocks": 1e999, "ended": ""}', "[" * 99_999, '{"blocks": NaN, "ended": ""}'),
    ],
    ids=lambda body: body[:30],
)
def test_answer_that_is_no_log_is_not_shown(contents, capsys, monkeypatch, body):
    """Any server may stand at OPENAI_BASE_URL; the lesson goes on without its log."""
    monkeypatch.setenv("OPENAI_BASE_URL", "")

    assert log_shown(frame(contents), body, capsys) == ""


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "http://[", "ftp://x", ""])
def test_log_that_is_out_of_reach_is_not_shown(contents, capsys, monkeypatch, url):
    monkeypatch.setenv("OPENAI_BASE_URL", url)

    frame(contents).show_request("req_1")

    assert capsys.readouterr().out == ""


def test_request_without_a_log_is_named_by_its_id(contents, capsys):
    frame(contents).show_request(None)

    assert "The request id is None" in capsys.readouterr().out


def test_cost_is_told_where_it_is_known():
    assert cost_of("gpt-6-luna", 1_000_000, 1_000_000).startswith("about $0.6000")
    assert "not known here" in cost_of("llama3", 1, 1)


# ------------------------------------------------------------ what is deleted


def lesson(keep=False):
    """As much of a lesson as deleting needs; making a client needs a key in the environment."""
    options = SimpleNamespace(keep=keep)
    return SimpleNamespace(options=options, terminal=Terminal(), end_part=lambda: None)


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "offline")


def stopped_cleanup(client, made):
    """Deletes one thing after another; Ctrl-C comes before each of them."""
    for id in made.copy():
        signal.raise_signal(signal.SIGINT)
        made.remove(id)


@can_interrupt
def test_second_ctrl_c_does_not_stop_the_deleting(capsys):
    with pytest.raises(KeyboardInterrupt):
        with delete_at_end(lesson(), stopped_cleanup) as made:
            made += ["vs_1", "file-1", "file-2"]
            signal.raise_signal(signal.SIGINT)

    shown = capsys.readouterr().out
    assert made == []
    assert "Deleted: 1 vector store and 2 files. Nothing is left." in shown
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@can_interrupt
def test_ctrl_c_during_the_deleting_alone_is_no_failure():
    with delete_at_end(lesson(), stopped_cleanup) as made:
        made.append("file-1")

    assert made == []


@can_interrupt
def test_interrupt_waits_until_the_id_is_noted():
    made = Made()
    with pytest.raises(KeyboardInterrupt):
        with made.noting():
            signal.raise_signal(signal.SIGINT)
            made.append("file-1")
            made.append("file-2")

    assert made == ["file-1"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@can_interrupt
def test_interrupt_waits_no_longer_than_the_block():
    made = Made()
    with pytest.raises(KeyboardInterrupt):
        with made.noting():
            signal.raise_signal(signal.SIGINT)

    made.append("file-1")
    assert made == ["file-1"]


def test_what_is_left_is_named_with_the_command(capsys):
    def failing_cleanup(client, made):
        made.remove("file-1")
        raise OSError("the network is gone")

    with pytest.raises(OSError, match="network"):
        with delete_at_end(lesson(), failing_cleanup) as made:
            made += ["vs_1", "file-1"]

    shown = capsys.readouterr().out
    assert "Deleted: 1 file. Left: vs_1." in shown
    assert shown.rstrip().endswith("course.py clean")


def test_what_is_kept_is_named_with_the_commands(capsys):
    def no_cleanup(client, made):
        raise AssertionError("nothing is to be deleted")

    with delete_at_end(lesson(keep=True), no_cleanup) as made:
        made += ["vs_1", "file-1"]

    shown = capsys.readouterr().out
    assert "Kept: 1 vector store and 1 file." in shown
    assert "ask --store vs_1\n" in shown
    assert made == ["vs_1", "file-1"]


def test_nothing_made_is_nothing_said(capsys):
    with delete_at_end(lesson(), stopped_cleanup):
        pass

    assert capsys.readouterr().out == ""


def test_interrupts_are_not_touched_outside_the_main_thread():
    errors = []

    def work():
        try:
            with Made().noting():
                pass
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert errors == []
