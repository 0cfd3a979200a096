"""One name, one thing: no class and no module stands twice in the tree."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

COURSE = Path(__file__).resolve().parents[2]
ROOMS = [
    *("audio", "benchmarks", "cassette", "common", "console", "docs", "emulator", "grading"),
    *("presenter", "setup", "tests", "tools"),
]

# The same thing twice, on purpose.
SAME_CLASS = {
    # The shape that each of other people's clients has to fill; they share no environment.
    "Price": {
        "tests/conformance/clients/with_agents.py",
        "tests/conformance/clients/with_langchain.py",
        "tests/conformance/clients/with_llm.py",
        "tests/conformance/clients/with_pydantic_ai.py",
    },
}


def sources():
    inside = [path for room in ROOMS for path in (COURSE / room).rglob("*.py")]
    return sorted([*inside, *COURSE.glob("*.py")])


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def place(path):
    return path.relative_to(COURSE).as_posix()


def twice(named):
    return {name: places for name, places in named.items() if len(places) > 1}


def test_class_names_are_unique():
    named = defaultdict(set)
    for path in sources():
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef):
                named[node.name].add(place(path))

    assert twice(named) == SAME_CLASS


def test_module_names_are_unique():
    named = defaultdict(set)
    for path in sources():
        # `conftest` is pytest's own name for the fixtures of a folder.
        if not path.stem.startswith("__") and path.stem != "conftest":
            named[path.stem].add(place(path))

    assert twice(named) == {}


def test_no_test_module_imports_another():
    for path in (COURSE / "tests").rglob("test_*.py"):
        for node in ast.walk(tree(path)):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            if module and module.startswith("tests"):
                named = [module, *(f"{module}.{alias.name}" for alias in node.names)]
                assert not any(".test_" in name for name in named), place(path)
                assert not module.endswith("conftest"), place(path)
