"""Lesson 2 as a learner meets it: every part, its own folder, and nothing left behind."""

import io
import re
import signal
import sys

from common.settings import CourseError
from console.handbook import documents, known_questions
from console.lesson import delay_interrupts
from tests.support import lessons
from tests.support.emulator_clients import connect
from tests.support.interrupts import can_interrupt

import pytest

PARTS = ["numbers", "unaided", "store", "search", "answer", "editions", "sizes", "cleanup"]
LEAFLETS = str(lessons.COURSE / "data" / "handbook" / "house")


def run(emulator, *arguments, **variables):
    """Run the lesson in this process against an emulator of the test's."""
    outside = {"OPENAI_BASE_URL": emulator.base_url} | variables
    return lessons.run_here(*arguments, script=lessons.LESSON_2, **outside)


def left(emulator):
    """What is still stored with the emulator."""
    with connect(emulator) as client:
        return [*client.vector_stores.list(), *client.files.list()]


def test_tour_shows_every_part_and_leaves_nothing(start):
    emulator = start(pace=0)

    result = run(emulator)

    assert (result.returncode, result.stderr) == (0, "")
    headings = re.findall(r"^(\d)  (\w+): ", result.stdout, re.MULTILINE)
    assert headings == [(str(number), name) for number, name in enumerate(PARTS, 1)]
    assert "scanned-page.txt  invalid_file" in result.stdout
    assert "of 21 files 1 would be uploaded" in " ".join(result.stdout.split())
    assert result.stdout.rstrip().endswith("nothing is left.")
    assert left(emulator) == []


def test_answer_cites_the_manual(start):
    result = run(start(pace=0), "answer", "--folder", LEAFLETS)

    assert "E15: the motor is too hot" in result.stdout
    assert "[1] dome-manual.pdf" in result.stdout


def test_editions_contradict_each_other(start):
    result = run(start(pace=0), "editions")

    assert "from the age of 16" in result.stdout
    assert "from the age of 14" in result.stdout


def test_failure_leaves_nothing(start):
    emulator = start(pace=0)

    result = run(emulator, "answer", "--folder", LEAFLETS, OPENAI_MODEL="gpt-none")

    assert result.returncode == 1
    assert "model_not_found" in result.stderr
    assert "nothing is left" in result.stdout
    assert left(emulator) == []


@can_interrupt
@pytest.mark.parametrize("seen", ["3  store", "files of", "found by search"])
def test_ctrl_c_leaves_nothing(start, seen):
    emulator = start(pace=0)
    words = [str(lessons.LESSON_2), "store" if seen != "found by search" else "search"]
    lesson = lessons.begin("-u", *words, OPENAI_BASE_URL=emulator.base_url)
    for line in lesson.stdout:
        if seen in line:
            lesson.send_signal(signal.SIGINT)
            break
    out, error = lesson.communicate(timeout=30)

    assert (lesson.returncode, error.strip()) == (130, "stopped")
    assert "left:" not in out
    assert left(emulator) == []


def test_kept_store_is_found_again_and_cleaned(start, monkeypatch):
    emulator = start(pace=0)
    kept = run(emulator, "store", "--keep", "--folder", LEAFLETS)
    store_id = re.search(r"ask --store (vs_\w+)", kept.stdout)[1]
    assert len(left(emulator)) == 5

    monkeypatch.setattr(sys, "stdin", io.StringIO("What does E15 mean?\nAnd E16?\n\n"))
    asked = run(emulator, "ask", "--store", store_id)
    assert "E15: the motor is too hot" in asked.stdout
    assert "E16: the angle is unknown" in asked.stdout
    assert len(left(emulator)) == 5

    cleaned = run(emulator, "clean")
    assert "4 of 4 files deleted, 1 of 1 vector stores deleted" in cleaned.stdout
    assert left(emulator) == []


def test_own_folder_is_read(start, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "my notes.md").write_text("The spare key hangs behind the clock.")
    (tmp_path / ".hidden.md").write_text("no")
    (tmp_path / "copy.md").write_text("The spare key hangs behind the clock.")

    result = run(start(pace=0), "answer", "Where is the spare key?", "--folder", str(tmp_path))

    assert "1 files of 37 bytes" in result.stdout
    assert "behind the clock [1]." in result.stdout


def test_folder_that_is_none_is_told(start, tmp_path):
    (tmp_path / "empty").mkdir()
    emulator = start(pace=0)

    for name, told in (("none", "is not a folder"), ("empty", "has no files")):
        result = run(emulator, "answer", "--folder", str(tmp_path / name))
        assert result.returncode == 1
        assert told in result.stderr
        assert "3  store" not in result.stdout
    assert left(emulator) == []


def test_picture_is_drawn(start, tmp_path):
    file = tmp_path / "map.svg"

    result = run(start(pace=0), "numbers", "--picture", str(file))

    assert str(file.name) in result.stdout
    assert file.read_text().count("<circle") == 6


def test_unknown_store_is_told(start, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hello?\n"))

    result = run(start(pace=0), "ask", "--store", "vs_none")

    assert result.returncode == 1
    assert "vs_none" in result.stderr


def test_documents_are_those_of_the_handbook():
    names = [name for name, _ in documents()]

    assert len(names) == 20
    assert names == sorted(names)
    with pytest.raises(CourseError):
        list(documents(lessons.COURSE / "none"))


def test_known_questions_have_passages():
    known = known_questions(30)

    assert len(known) == 30
    assert all(question.endswith("?") and passage for question, passage in known)


def test_files_of_one_name_are_told_apart(start, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.md").write_text("The spare key of the shed hangs behind the clock.")
    (tmp_path / "a-b.md").write_text("The spare key of the dome hangs behind the door.")
    (tmp_path / "empty.md").touch()

    result = run(start(pace=0), "answer", "Where are the spare keys?", "--folder", str(tmp_path))

    assert "2 files of" in result.stdout
    assert {"[1]", "[2]"} <= set(result.stdout.split())
    assert "a/b.md" in result.stdout and "a-b.md" in result.stdout


def test_newest_edition_answers_unless_a_year_is_named(start):
    emulator = start(pace=0)

    newest = run(emulator, "answer", "From what age may young people come alone?")
    older = run(emulator, "answer", "From what age could young people come alone in 2025?")

    assert "age of 14" in newest.stdout
    assert "age of 16" in older.stdout


def test_nothing_is_quoted_unaided(start):
    assert "Quoted from" not in run(start(pace=0), "unaided").stdout


def test_model_that_is_none_is_named(start):
    result = run(start(pace=0), "numbers", OPENAI_EMBEDDING_MODEL="nope")

    assert "the model nope does not exist" in result.stderr
    assert "set OPENAI_EMBEDDING_MODEL=" in result.stderr


def test_interruption_waits_for_the_request(start):
    """Ctrl-C in the middle of an upload must not lose sight of the file."""
    made = []
    with pytest.raises(KeyboardInterrupt):
        with delay_interrupts():
            signal.raise_signal(signal.SIGINT)
            made.append("file-1")

    assert made == ["file-1"]
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
