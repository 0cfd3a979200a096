"""Every example against the emulator, and again from a cassette, where no server answers."""

import ast

from tests.support.cassettes import player, recorder
from tests.support.example_runs import CALLERS, EXAMPLES, run_example

import pytest

# Each program: its arguments, what is typed, and words that it has to show.
PROGRAMS = {
    "streaming/chat.py": ([], "When are you closed?\nMay I bring my dog?\n", "Dogs may come into"),
    "streaming/resume.py": ([], "", "[connection lost after event 20; connecting again]"),
    "streaming/tool_calls.py": ([], "", 'count_places({"day":"Saturday"}) -> {"places": 0}'),
    "rag/rag_by_hand.py": ([], "", "Dogs may come into the garden"),
    "rag/folder_bot.py": (["FOLDER"], "When are you closed?\nAnd on 24 December?\n", "hours.md"),
    "realtime/text_turn.py": ([], "", "By bus: line 47"),
    "realtime/voice_turn.py": ([CALLERS / "ask-closed.wav", "answer.wav"], "", "seconds"),
}
SERVERS = {"streaming/web_chat/server.py", "realtime/browser_voice/server.py"}
# The three longest could be shorter only by leaving out what can go wrong.
MOST_LINES = 77
each_program = pytest.mark.parametrize("name", PROGRAMS)


def sources():
    return sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.py"))


def code_lines(path):
    """The lines of a file that are neither blank, nor a comment, nor a docstring."""
    text = path.read_text(encoding="utf-8")
    told = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0]
            if ast.get_docstring(node) is not None:
                told.update(range(first.lineno, first.end_lineno + 1))
    lines = enumerate(text.splitlines(), 1)
    return [
        line for place, line in lines if line.strip()[:1] not in ("", "#") and place not in told
    ]


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
    assert set(sources()) == set(PROGRAMS) | SERVERS


@pytest.mark.parametrize("name", sources())
def test_example_is_small_and_says_how_to_run_it(name):
    path = EXAMPLES / name
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert 15 <= len(code_lines(path)) <= MOST_LINES
    assert f"    python3 course.py run examples/{name}" in docstring


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
    assert (played.returncode, played.stdout) == (0, recorded.stdout)
