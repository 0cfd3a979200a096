"""What holds the course together: short functions, and pages whose code and commands are real."""

import ast
import re
from pathlib import Path

from console.lesson import contents_of
from emulator.models import MODELS
from setup import commands
from tests.support import lessons

import pytest

COURSE = lessons.COURSE
README = (COURSE / "README.md").read_text(encoding="utf-8")
PAGES = [COURSE / "README.md", *sorted((COURSE / "docs").glob("*.md"))]
LESSONS = sorted(COURSE.glob("0*.py"))
ROOMS = ("audio", "cassette", "common", "console", "emulator", "presenter", "setup")
SOURCES = [*LESSONS, *sorted(path for room in ROOMS for path in (COURSE / room).rglob("*.py"))]
LONGEST = {"emulator": 45}


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(node):
    return [n for n in ast.walk(node) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name)
def test_each_part_has_its_function(lesson):
    assigned = [node for node in tree(lesson).body if isinstance(node, ast.Assign)]
    names = {function.name for function in functions(tree(lesson))}
    names |= {ast.unparse(node.targets[0]) for node in assigned}

    assert contents_of(lesson).parts.keys() <= names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(COURSE).as_posix())
def test_functions_are_short(path):
    longest = LONGEST.get(path.relative_to(COURSE).parts[0], 30)
    for function in functions(tree(path)):
        if function.name == "main" and path in LESSONS:
            continue  # test_copies.py says how long it may be
        body = function.body[1:] if ast.get_docstring(function) else function.body
        lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0

        assert lines <= longest, function.name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(COURSE).as_posix())
def test_model_names_stand_in_one_place(path):
    text = path.read_text(encoding="utf-8")

    named = [name for name in MODELS if f'"{name}"' in text]
    # The others list what a field of a Realtime session may be. Lesson 3 needs the only models
    # that tell speakers apart and write subtitles.
    lists = (
        "03_realtime_api.py",
        "models.py",
        "settings.py",
        "session_settings.py",
        "audio_settings.py",
        "transcripts.py",
    )
    assert named == [] or path.name in lists


def test_importing_lesson_does_nothing(capsys):
    lessons.load()

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_code_in_pages_is_cut_from_its_file(page):
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- from (\S+) -->\n```python\n(.+?)```", text, re.DOTALL)

    assert text.count("```python") == len(blocks)
    for name, code in blocks:
        assert code in (COURSE / name).read_text(encoding="utf-8")


def test_commands_in_readme_exist():
    words = set(re.findall(r"python3 course\.py(?: (\w+))?", README))
    modules = re.findall(r"python -m (benchmarks\.\w+)", README)

    assert {"", "1", "test", "doctor"} <= words <= {"", *commands.LESSONS, *commands.MODULES}
    assert all((COURSE / f"{module.replace('.', '/')}.py").is_file() for module in modules)


def test_errors_in_readme_are_real():
    table = README.partition("## Troubleshooting")[2].partition("\n## ")[0]
    sources = [*SOURCES, COURSE / "course.py"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)

    for error in re.findall(r"^\| `(.+?)`", table, re.MULTILINE):
        fragment = max(
            re.split(
                r"\.\.\.|, line N|api\.openai\.com refused|\(429.*\)|ensurepip|openai,", error
            ),
            key=len,
        )
        assert fragment.strip() in code, error


def test_every_variable_is_explained():
    example = (COURSE / ".env.example").read_text(encoding="utf-8")
    settings = (COURSE / "common" / "settings.py").read_text(encoding="utf-8")

    assert set(re.findall(r"OPENAI_[A-Z_]+", settings)) == set(
        re.findall(r"^(OPENAI_[A-Z_]+)=", example, re.MULTILINE)
    )


def test_requirements_have_bounds_and_reasons():
    theirs = COURSE.glob("tests/conformance/requirements*.txt")
    for path in [*COURSE.glob("requirements*.txt"), *theirs]:
        lines = path.read_text(encoding="utf-8").splitlines()
        for before, line in zip(lines, lines[1:], strict=False):
            if line and not line.startswith("#"):
                is_bound = re.match(r"[\w\[\]-]+(>=[\d.]+,<[\d.]+|==[\d.]+$)", line)
                assert is_bound, line
                assert before.startswith("#"), line


def test_nothing_of_this_machine_is_named():
    for path in [*COURSE.glob("*"), *SOURCES]:
        if path.is_file() and path.suffix in (".md", ".py", ".txt", ".toml", ".example"):
            text = path.read_text(encoding="utf-8")
            assert str(Path.home()) + "/" not in text
            assert str(COURSE) not in text
