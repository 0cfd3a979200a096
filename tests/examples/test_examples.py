"""Every example against the emulator, and again from a cassette, where no server answers."""

import ast
import re

from tests.support.cassettes import player, recorder
from tests.support.example_runs import CALLERS, EXAMPLES, run_example
from tests.support.spoken_files import at_rate, caller, encoded_file, wav_file

import pytest

# Each program: its arguments, what is typed, and words that it has to show.
PROGRAMS = {
    "audio/captions.py": ([CALLERS / "greeting.wav"], "", "\n> "),
    "streaming/chat.py": ([], "When are you closed?\nMay I bring my dog?\n", "Dogs may come into"),
    "streaming/resume.py": ([], "", "[connection lost after event 20; connecting again]"),
    "streaming/tool_calls.py": ([], "", 'count_places({"day":"Saturday"}) -> 0'),
    "rag/rag_by_hand.py": ([], "", "Dogs may come into the garden"),
    "rag/folder_bot.py": (
        ["FOLDER"],
        "When are you closed?\nAnd on 24 December?\n\n",
        "[hours.md]",
    ),
    "audio/transcribe.py": ([CALLERS / "book-two.wav"], "", "book a place for two people"),
    "audio/who_spoke.py": (
        [CALLERS / "ask-ticket.wav", f"Tom={CALLERS / 'book-two.wav'}"],
        "",
        "00:00  Tom: How much",
    ),
    "audio/read_aloud.py": ([CALLERS / "ask-closed.txt", "speech.wav"], "", "0 differences"),
    "audio/chained_assistant.py": ([CALLERS / "ask-closed.wav"], "", "Realtime: first sound"),
    "realtime/text_turn.py": ([], "", "By bus: line 47"),
    "realtime/voice_turn.py": ([CALLERS / "ask-closed.wav", "answer.wav"], "", "seconds"),
}
# These are run by real devices, in test_device_examples.py.
WITH_DEVICES = {"realtime/phone_call.py", "realtime/push_to_talk.py"}
SERVERS = {"streaming/web_chat/server.py", "realtime/browser_voice/server.py"}
MOST_LINES = 70
each_program = pytest.mark.parametrize("name", PROGRAMS)


def sources():
    return sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.py"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of documents; the examples write what they write beside it."""
    monkeypatch.chdir(tmp_path)
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "hours.md").write_text(
        "# Hours\n\nThe house is closed on Mondays.\n\nIt is closed on 24 December too.\n"
    )
    (documents / "photo.png").write_bytes(b"\x89PNG")
    return documents


def test_every_example_is_run():
    assert set(sources()) == set(PROGRAMS) | SERVERS | WITH_DEVICES


@pytest.mark.parametrize("name", sources())
def test_example_is_small_and_says_how_to_run_it(name):
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(text))

    assert 15 <= len(text.splitlines()) <= MOST_LINES
    assert "You see " in docstring
    assert f"python3 course.py run examples/{name}" in docstring


@each_program
def test_example_runs_on_emulator_and_from_cassette(name, emulator, folder, cassette_path):
    arguments, typed, shown = PROGRAMS[name]
    arguments = [folder if each == "FOLDER" else each for each in arguments]

    with recorder(cassette_path, emulator.base_url) as base_url:
        recorded = run_example(name, *arguments, base_url=base_url, typed=typed)
    with player(cassette_path) as base_url:
        played = run_example(name, *arguments, base_url=base_url, typed=typed)

    assert (recorded.returncode, recorded.stderr) == (0, "")
    assert shown in recorded.stdout
    # Some show how long they took.
    shows = (re.sub(r" +\d+ ms", " N ms", each.stdout) for each in (played, recorded))
    assert played.returncode == 0
    assert next(shows) == next(shows)


@pytest.mark.parametrize("format", ["wav", "mp4", "mp3"])
def test_chain_takes_any_sound_file(format, emulator, tmp_path):
    pytest.importorskip("av", reason="the example reads other formats with it")
    file = tmp_path / f"question.{format}"
    sound = at_rate(caller("ask-closed"), 16_000)
    encoded = wav_file(sound, 16_000) if format == "wav" else encoded_file(sound, 16_000, format)
    file.write_bytes(encoded)

    ended = run_example("audio/chained_assistant.py", file, base_url=emulator.base_url)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.search(r"1 transcribe.*clos", ended.stdout)
    assert "Realtime: first sound" in ended.stdout


def test_chain_says_what_reads_other_formats(emulator, tmp_path):
    (tmp_path / "av.py").write_text("raise ImportError(\"No module named 'av'\")")
    (tmp_path / "question.m4a").write_bytes(b"not a WAV file")

    ended = run_example(
        "audio/chained_assistant.py",
        tmp_path / "question.m4a",
        base_url=emulator.base_url,
        variables={"PYTHONPATH": str(tmp_path)},
        is_forked=False,
    )

    assert ended.returncode == 1
    assert ended.stderr == "error: No module named 'av'; try: pip install av\n"
