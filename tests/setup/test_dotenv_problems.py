"""What is wrong with a `.env`: each kind is named, and none of the messages has a key in it."""

from pathlib import Path

from common.settings import SettingsError, load_settings
from setup.dotenv_problems import missing_file_problem

import pytest

KEY = "sk-proj-0123456789abcdef"


def load(folder: Path, **environment: str) -> str:
    """What is said of the `.env` in a folder; empty if it is read."""
    try:
        load_settings(environment, folder / ".env")
    except SettingsError as error:
        said = "\n".join(filter(None, (str(error), error.why, error.attempt)))
        assert KEY not in said
        return said
    return ""


@pytest.mark.parametrize("name", [".env.txt", "env", "env.txt", ".ENV", ".env.rtf"])
def test_file_with_another_name_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(f"OPENAI_API_KEY={KEY}\n")
    if (tmp_path / ".env").exists():
        pytest.skip("this file system takes them for the same name")

    said = load(tmp_path)

    assert f"there is a file {name}, but no .env" in said
    assert f"'{name}' .env" in said or f'"{name}" .env' in said
    # Who sets the key elsewhere needs no .env.
    assert load(tmp_path, OPENAI_API_KEY=KEY) == ""
    (tmp_path / ".env").write_text("")
    assert load(tmp_path) == ""


def test_key_in_the_example_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text(f"# the key\nOPENAI_API_KEY={KEY}\n")

    assert "the key is in .env.example, not in .env" in load(tmp_path)


def test_example_as_it_is_delivered_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("OPENAI_API_KEY=\n# OPENAI_API_KEY=x\n")
    (tmp_path / "env").mkdir()  # a virtual environment

    assert load(tmp_path) == ""
    assert missing_file_problem(tmp_path / "gone" / ".env") is None


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_utf_16_is_named_with_and_without_its_mark(tmp_path: Path, encoding: str) -> None:
    (tmp_path / ".env").write_bytes(f"OPENAI_API_KEY={KEY}\n".encode(encoding))

    assert ".env is not text in UTF-8" in load(tmp_path)


LINES = {
    f'$env:OPENAI_API_KEY="{KEY}"': "a command for a terminal",
    f"set OPENAI_API_KEY={KEY}": "a command for a terminal",
    f"setx OPENAI_API_KEY {KEY}": "a command for a terminal",
    KEY: "a key alone",
    f'"{KEY}"': "a key alone",
    f"{KEY}=": "a key alone",
    f"OPENAI_API_KEY: {KEY}": "another sign",
    f"OPENAI_API_KEY\uff1d{KEY}": "another sign",
    "OPENAI_API_KEY": "no = and no value",
    f'OPENAI_API_KEY="{KEY}': "a quotation mark",
    f"OPENAI_KEY={KEY}": "sets OPENAI_KEY, which nothing reads",
    f"openai_api_key={KEY}": "sets openai_api_key, which nothing reads",
    f"OPENAI_API_KEY=\u201c{KEY}\u201d": "has quotation marks in it",
    f"OPENAI_API_KEY=OPENAI_API_KEY={KEY}": "has its own name in it",
}


@pytest.mark.parametrize("line", LINES)
def test_line_that_sets_nothing_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"# mine\n\n\nOPENAI_MODEL=a\n\n{line}\n", encoding="utf-8")

    said = load(tmp_path)

    assert LINES[line] in said
    assert "line 6 of .env" in said or "OPENAI_API_KEY has" in said


@pytest.mark.parametrize(
    "line",
    [
        f"export OPENAI_API_KEY={KEY}",
        f"OPENAI_API_KEY = '{KEY}'",
        f'OPENAI_API_KEY="{KEY}"\r',
        f"OPENAI_KEY=x\nOPENAI_API_KEY={KEY}",
        f"ANTHROPIC_API_KEY=x\nmy.setting=1\nOPENAI_API_KEY={KEY}",
    ],
)
def test_line_that_is_understood_is_read(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"{line}\n", newline="")

    assert load_settings({}, tmp_path / ".env").key == KEY
