"""Lesson 2 as a learner meets it: every part, its own folder, and nothing left behind."""

import io
import re
import signal
import sys

from console.handbook import known_questions
from console.lesson import arguments as parse
from console.lesson import contents_of
from emulator.storage.vector_store_table import DAY_S
from tests.support import lessons
from tests.support.emulator_clients import MODEL, connect
from tests.support.files_in_stores import SettableClock
from tests.support.interrupts import can_interrupt

import pytest

CONTENTS = contents_of(lessons.LESSON_2)
PARTS = ["embed", "by_hand", "store", "search", "answer", "filter", "measure", "cleanup"]
LEAFLETS = str(lessons.COURSE / "data" / "handbook" / "house")
SOURCE = lessons.LESSON_2.read_text(encoding="utf-8")
KEY_FACT = "The spare key hangs behind the clock."
PARAGRAPH = "The spare key of the shed hangs behind the clock in the hall."


def run(emulator, *arguments, **variables):
    """Run the lesson in this process against an emulator of the test's."""
    outside = {"OPENAI_BASE_URL": emulator.base_url} | variables
    return lessons.run_here(*arguments, script=lessons.LESSON_2, **outside)


def left(emulator):
    """What is still stored with the emulator."""
    with connect(emulator) as client:
        return [*client.vector_stores.list(), *client.files.list()]


def unbroken(screen):
    """A screen without its line breaks and the marks of notes."""
    return " ".join(screen.replace("|  ", " ").split())


def type_in(monkeypatch, *lines):
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_parts_are_named_after_their_functions():
    assert [name for name, part in CONTENTS.parts.items() if not part.is_extra] == PARTS
    assert [name for name, part in CONTENTS.parts.items() if part.is_extra] == ["ask", "clean"]


def test_tour_shows_every_part_and_leaves_nothing(start, monkeypatch):
    """Three of the thirty questions are measured: the others take a minute and show no more."""
    monkeypatch.setattr("console.handbook.known_questions", lambda most: known_questions(most)[:3])
    emulator = start(pace=0)

    result = run(emulator)

    assert (result.returncode, result.stderr) == (0, "")
    titles = [CONTENTS.parts[name].heading for name in PARTS]
    assert re.findall(r"^\d\. .+$", result.stdout, re.MULTILINE) == titles
    assert re.search(r"scanned-page.txt +failed +It is not UTF-8", result.stdout)
    assert "20 of 21 files are indexed" in result.stdout
    assert result.stdout.rstrip().endswith("Nothing is left.")
    assert left(emulator) == []


# ------------------------------------------------------------ headline questions


def test_by_hand_the_passages_make_the_difference(start):
    with_passages, without = run(start(pace=0), "by_hand").stdout.split("without the passages:")

    assert "Taxis must be called before 22:30" in with_passages
    assert "22:30" not in without


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("May I bring my dog?", "Dogs may come into the garden"),
        ("When does the last bus leave?", "the last bus goes back at 23:10"),
        ("From what age may young people come alone?", "age of 14"),
        ("From what age could young people come alone in 2025?", "age of 16"),
    ],
)
def test_question_is_answered(start, question, fact):
    assert fact in run(start(pace=0), "answer", question).stdout


def test_follow_up_makes_sense_only_after_the_first_question(start):
    shown = run(start(pace=0), "answer").stdout

    first, second = shown.split("> When does it open?")
    assert "> What is the Kettle?" in first
    assert second.lstrip().startswith("It is open from 14:00 to 17:30")
    assert "[1] module7-hours-and-prices.md" in second


def test_own_question_has_no_follow_up(start):
    assert "Where does it stand?" not in run(start(pace=0), "answer", "What is E15?").stdout


def test_answer_cites_the_manual(start):
    result = run(start(pace=0), "answer", "What does E15 mean?", "--folder", LEAFLETS)

    assert "E15: the motor is too hot" in result.stdout
    assert "[1] module7-dome-manual.pdf" in result.stdout


def test_editions_contradict_each_other(start):
    result = run(start(pace=0), "filter")

    assert "from the age of 16" in result.stdout
    assert "from the age of 14" in result.stdout


def test_words_find_the_code(start):
    by_words = run(start(pace=0), "search").stdout.split("by words\n")[1]

    assert by_words.startswith("1  1.00  module7-house-dome-manual.pdf")


# ------------------------------------------------------------ nothing is left


def test_failure_leaves_nothing(start):
    emulator = start(pace=0)

    result = run(emulator, "answer", "--folder", LEAFLETS, OPENAI_MODEL="gpt-none")

    assert result.returncode == 1
    assert "model_not_found" in result.stderr
    assert "Nothing is left" in result.stdout
    assert left(emulator) == []


@can_interrupt
@pytest.mark.parametrize(
    ("part", "seen"), [("store", "3. Put"), ("store", "are indexed"), ("search", "0.")]
)
def test_ctrl_c_leaves_nothing(start, part, seen):
    emulator = start(pace=0)
    lesson = lessons.begin("-u", str(lessons.LESSON_2), part, OPENAI_BASE_URL=emulator.base_url)
    for line in lesson.stdout:
        if seen in line:
            lesson.send_signal(signal.SIGINT)
            break
    out, error = lesson.communicate(timeout=30)

    assert (lesson.returncode, error.strip()) == (130, "stopped")
    assert "Left:" not in out
    assert left(emulator) == []


def test_kept_store_is_found_again_and_cleaned(start, monkeypatch):
    emulator = start(pace=0)
    kept = run(emulator, "store", "--keep", "--folder", LEAFLETS)
    store_id = re.search(r"ask --store (vs_\w+)", kept.stdout)[1]
    assert len(left(emulator)) == 4

    type_in(monkeypatch, "And E16?", "")
    asked = run(emulator, "ask", "--store", store_id, "What does E15 mean?")
    assert "> What does E15 mean?" in asked.stdout
    assert "E15: the motor is too hot" in asked.stdout
    assert "E16: the angle is unknown" in asked.stdout
    assert len(left(emulator)) == 4

    cleaned = run(emulator, "clean")
    assert "4 stores and files were left" in cleaned.stdout
    assert "Deleted: 1 vector store and 3 files. Nothing is left." in unbroken(cleaned.stdout)
    assert left(emulator) == []


def test_ask_keeps_the_conversation(start, monkeypatch):
    type_in(monkeypatch, "What is the Lantern?", "Where does it stand?")

    assert "stands in the flat-roofed hut" in run(start(pace=0), "ask").stdout


# ------------------------------------------------------------ one's own files


def test_own_folder_is_read(start, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "my notes.md").write_text(KEY_FACT)
    (tmp_path / ".hidden.md").write_text("no")
    (tmp_path / "table.csv").write_text("a,b")

    result = run(start(pace=0), "answer", "Where is the spare key?", "--folder", str(tmp_path))

    assert "1 of 1 files are indexed" in result.stdout
    told = unbroken(result.stdout)
    assert "Left out: 1 file that OpenAI's file search doesn't read (.csv): table.csv." in told
    assert "behind the clock [1]." in result.stdout
    assert "[1] module7-deep-my notes.md" in result.stdout


@pytest.mark.parametrize("part", ["store", "search", "answer", "filter", "cleanup", "ask"])
def test_failed_and_left_out_files_are_named_in_every_part(start, tmp_path, part, monkeypatch):
    type_in(monkeypatch, "")
    (tmp_path / "good-2026.md").write_text(KEY_FACT)
    (tmp_path / "bad.txt").write_bytes(b"\xff\x00\x81")
    (tmp_path / "empty.md").write_bytes(b"")
    (tmp_path / "photo.PNG").write_bytes(b"\x89PNG")
    emulator = start(pace=0, faults=["400unsupported"])  # as OpenAI judges by the name

    result = run(emulator, part, "--folder", str(tmp_path))

    assert (result.returncode, result.stderr) == (0, "")
    assert re.search(r"bad.txt +failed +It is not UTF-8 text", result.stdout)
    assert re.search(r"empty.md +it is empty", result.stdout)
    assert "doesn't read (.png): photo.PNG." in unbroken(result.stdout)
    assert left(emulator) == []


def test_by_hand_names_what_it_leaves_out(start, tmp_path):
    (tmp_path / "good.md").write_text(PARAGRAPH)
    (tmp_path / "bad.txt").write_bytes(b"\xff\x00\x81")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")

    result = run(start(pace=0), "by_hand", "Where is the spare key?", "--folder", str(tmp_path))

    assert (result.returncode, result.stderr) == (0, "")
    assert re.search(r"bad.txt +it isn't text in UTF-8 or UTF-16", result.stdout)
    assert "doesn't read (.png): photo.png." in unbroken(result.stdout)
    assert "behind the clock" in result.stdout


def test_type_that_openai_refuses_meanwhile_is_explained(start, tmp_path, monkeypatch):
    """The list of types may change; a refused batch then says which file to move."""
    monkeypatch.setattr("console.handbook.SEARCHABLE", [".md", ".rst"])
    (tmp_path / "good.md").write_text(KEY_FACT)
    (tmp_path / "new.rst").write_text(KEY_FACT + " Really.")
    emulator = start(pace=0, faults=["400unsupported"])

    result = run(emulator, "store", "--folder", str(tmp_path))

    assert result.returncode == 1
    assert "(400 unsupported_file)" in result.stderr
    assert "Files with extensions [.rst] are not supported" in result.stderr
    assert "try: move files of that type out of the folder" in result.stderr
    assert left(emulator) == []


@pytest.mark.parametrize("part", ["by_hand", "search", "answer"])
def test_question_about_the_handbook_is_not_taken_for_ones_own(start, tmp_path, part):
    (tmp_path / "good.md").write_text(PARAGRAPH)
    emulator = start(pace=0)

    without = run(emulator, part, "--folder", str(tmp_path)).stdout
    own = run(emulator, part, "Where is the key?", "--folder", str(tmp_path)).stdout

    hint = "The question of this part is about the handbook"
    assert hint in unbroken(without) and hint not in unbroken(own)
    assert f"course.py {part} 'YOUR QUESTION' --folder {tmp_path}" in without


@pytest.mark.parametrize("part", ["embed", "clean"])
def test_option_without_effect_is_said(start, part):
    emulator = start(pace=0)

    assert (
        f"The part {part} doesn't use --folder." in run(emulator, part, "--folder", LEAFLETS).stdout
    )
    assert f"The part {part} doesn't use --store." in run(emulator, part, "--store", "vs_1").stdout
    assert "doesn't use" not in run(emulator, part).stdout


def test_by_hand_says_that_a_store_is_not_read(start):
    shown = run(start(pace=0), "by_hand", "--store", "vs_1").stdout

    assert "the handbook's, not those of the store" in unbroken(shown)
    assert "To ask your own" not in unbroken(shown)


def test_filter_needs_an_edition_in_a_name(start, tmp_path):
    (tmp_path / "good.md").write_text(KEY_FACT)

    shown = run(start(pace=0), "filter", "--folder", str(tmp_path)).stdout

    assert "Skipped: no file of yours has 2025 or 2026 in its name." in unbroken(shown)


def test_nothing_indexed_is_an_error(start, tmp_path):
    (tmp_path / "bad.txt").write_bytes(b"\xff\x00\x81")
    emulator = start(pace=0)

    result = run(emulator, "answer", "Why?", "--folder", str(tmp_path))

    assert result.returncode == 1
    assert "could be indexed" in result.stderr
    assert "> Why?" not in result.stdout
    assert left(emulator) == []


def test_kept_store_says_which_files_failed(start, monkeypatch):
    emulator = start(pace=0)
    with connect(emulator) as client:
        store = client.vector_stores.create(name="kept")
        for name, data in (("good.md", KEY_FACT.encode()), ("bad.txt", b"\xff\x00\x81")):
            client.vector_stores.files.upload_and_poll(
                vector_store_id=store.id, file=(name, data), poll_interval_ms=5
            )
    type_in(monkeypatch, "")

    shown = run(emulator, "ask", "Where is the key?", "--store", store.id).stdout

    assert "1 of 2 files are indexed." in shown
    assert re.search(r"bad.txt +failed +It is not UTF-8 text", shown)
    assert "behind the clock" in shown


def test_expired_store_is_an_error(start):
    clock = SettableClock()
    emulator = start(pace=0, now=clock)
    kept = run(emulator, "store", "--keep", "--folder", LEAFLETS)
    store_id = re.search(r"ask --store (vs_\w+)", kept.stdout)[1]
    clock.now += DAY_S

    result = run(emulator, "ask", "What does E15 mean?", "--store", store_id)

    assert result.returncode == 1
    assert f"the store {store_id} has expired" in result.stderr
    assert "store --keep" in result.stderr


def test_kept_store_that_is_not_indexed_yet_is_an_error(start):
    emulator = start(pace=0, faults=["stuck"])
    with connect(emulator) as client:
        store = client.vector_stores.create(name="kept")
        file = client.files.create(file=("good.md", KEY_FACT.encode()), purpose="assistants")
        client.vector_stores.files.create(store.id, file_id=file.id)

    result = run(emulator, "search", "--store", store.id)

    assert result.returncode == 1
    assert "1 of its files are still being indexed" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", "--store", "ID", "Where is the key?"),
        ("ask", "Where is the key?", "--store", "ID"),
        ("--store", "ID", "ask", "Where is the key?"),
        ("--store=ID", "ask", "--pace", "0", "Where is the key?", "--offline"),
    ],
)
def test_options_may_stand_anywhere(arguments):
    args = parse(CONTENTS, lessons.load(lessons.LESSON_2).OPTIONS, arguments)

    assert (args.part, args.question, args.store) == ("ask", "Where is the key?", "ID")


def test_empty_kept_store_is_an_error(start):
    emulator = start(pace=0)
    with connect(emulator) as client:
        empty = client.vector_stores.create(name="empty")

    result = run(emulator, "search", "--store", empty.id)

    assert result.returncode == 1
    assert f"no file in {empty.id} could be indexed" in result.stderr


def test_store_and_folder_exclude_each_other(start, tmp_path):
    result = run(start(pace=0), "ask", "--store", "vs_1", "--folder", str(tmp_path))

    assert result.returncode == 2
    assert "use either --store or --folder, not both" in result.stderr


def test_folder_that_cannot_be_used_is_an_error(start, tmp_path):
    (tmp_path / "empty").mkdir()
    emulator = start(pace=0)

    for name, told in (("none", "is not a folder"), ("empty", "has no files")):
        result = run(emulator, "answer", "--folder", str(tmp_path / name))
        assert result.returncode == 1
        assert told in result.stderr
        assert "course.py answer --folder FOLDER" in result.stderr
        assert "5. Get" not in result.stdout
    assert left(emulator) == []


def test_by_hand_says_if_there_are_no_passages(start, tmp_path):
    (tmp_path / "data.json").write_text('{"key": "The key hangs behind the clock."}')

    result = run(start(pace=0), "by_hand", "--folder", str(tmp_path))

    assert (result.returncode, result.stderr) == (0, "")
    assert "there are no passages" in unbroken(result.stdout)


def test_own_folder_has_no_known_answers(start):
    shown = run(start(pace=0), "measure", "--folder", LEAFLETS).stdout

    assert "known only for the handbook" in unbroken(shown)


def test_files_of_one_name_are_told_apart(start, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.md").write_text("The spare key of the shed hangs behind the clock.")
    (tmp_path / "a-b.md").write_text("The spare key of the dome hangs behind the door.")

    result = run(start(pace=0), "answer", "Where are the spare keys?", "--folder", str(tmp_path))

    assert {"module7-a-b.md", "module7-a-b-2.md"} <= set(result.stdout.split())


# ------------------------------------------------------------ more


def test_picture_is_drawn(start, tmp_path):
    file = tmp_path / "map.svg"

    result = run(start(pace=0), "embed", "--picture", str(file))

    assert str(file.name) in result.stdout
    assert file.read_text().count("<circle") == 6


def test_unknown_store_is_told(start, monkeypatch):
    type_in(monkeypatch, "Hello?")

    result = run(start(pace=0), "ask", "--store", "vs_none")

    assert result.returncode == 1
    assert "vs_none" in result.stderr


def test_model_that_is_none_is_named(start):
    result = run(start(pace=0), "embed", OPENAI_EMBEDDING_MODEL="embed-nope")

    assert "the model embed-nope does not exist" in result.stderr
    assert "set OPENAI_EMBEDDING_MODEL=" in result.stderr


# ------------------------------------------------------------ copied into a file of one's own

IMPORTS = "".join(
    re.findall(
        r"^(?:import|from) (?!console\b)[\w.]+.*\n", SOURCE.partition("# ------")[0], re.MULTILINE
    )
)
SECTIONS = dict(
    re.findall(
        r"^# -{10,} +\S+ +(\w+): [^\n]*\n(.*?)(?=^# -{10,})", SOURCE, re.MULTILINE | re.DOTALL
    )
)
FILES = 'files = [("rules.md", b"Dogs may come into the garden, but not into the dome.")]\n'
FILLED = f"""client, made = OpenAI(), []
{FILES}
store_id, names = store(client, files, made)
assert [file.status for file in wait(client, store_id, names)] == ["completed"]
"""
# What to paste for a part besides its own section, what to run, and what it prints.
ANSWERING = ["embed", "by_hand", "store", "answer"]
USES = {
    "embed": ([], "print(round(cosine(*embed(['a dog', 'a dog'], EMBEDDING))))", "1"),
    "by_hand": (
        ["embed"],
        """passages = ['The camel sleeps inside.']
by_hand(OpenAI(), 'Where does the camel sleep?', passages, MODEL, EMBEDDING)""",
        "The camel sleeps inside.",
    ),
    "store": ([], f"{FILLED}print(made == [store_id, *names])", "True"),
    "search": (
        ["store"],
        f"""{FILLED}
print(search(client, store_id, 'Dogs?')[0].filename)
print(rank(client, store_id, 'Dogs?', MODEL, 0, 1)[0][0])""",
        "module7-rules.md\nmodule7-rules.md",
    ),
    "answer": (
        ANSWERING[:-1],
        f"{FILLED}answer(client, store_id, 'Where may dogs come?', MODEL)",
        "Dogs may come into the garden",
    ),
    "filter": (
        ANSWERING,
        f"{FILLED}filter(client, store_id, 'Where may dogs come?', MODEL, 2026)",
        "I couldn't find that in your documents.",
    ),
    "measure": (
        ["store", "search"],
        f"""{FILLED}
other = chunks_of(client, 100, list(names), made)
list(wait(client, other, names))
print(measure(client, other, [('Dogs?', 'Dogs may come')]))""",
        "(1.0, 1.0, 1.0)",
    ),
    "cleanup": (["store"], f"{FILLED}cleanup(client, made)\nprint(made)", "[]"),
    "ask": (
        ANSWERING,
        f"{FILLED}ask(client, store_id, ['Where may dogs come?'], MODEL)",
        "Dogs may come into the garden",
    ),
    "clean": (
        ["store"],
        f"{FILLED}more = []\nclean(client, more)\nprint(set(made) <= set(more))",
        "True",
    ),
}


@pytest.mark.parametrize("name", SECTIONS)
def test_part_runs_in_a_file_of_ones_own(start, name, tmp_path):
    others, code, printed = USES[name]
    file = tmp_path / "own.py"
    names = f"MODEL, EMBEDDING = {MODEL!r}, 'text-embedding-3-small'\n"
    file.write_text(IMPORTS + "".join(SECTIONS[each] for each in [*others, name]) + names + code)
    variables = {"OPENAI_BASE_URL": start(pace=0).base_url, "OPENAI_API_KEY": "offline"}

    result = lessons.run_here(script=file, NO_PROXY="127.0.0.1", **variables)

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(printed)


def test_script_is_short_and_begins_with_a_call():
    lines = SOURCE.splitlines()
    main = next(at for at, line in enumerate(lines) if line.startswith("# ---") and "main" in line)
    call = next(at for at, line in enumerate(lines, 1) if "client.embeddings.create" in line)

    assert len(lines) <= 330
    assert len(lines) - main <= 60
    assert call < 45
