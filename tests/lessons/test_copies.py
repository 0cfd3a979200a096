"""Each part of a lesson runs in a file of its own, with nothing of the course in it.

The part's section is written into a bare file, with the sections that define what it uses, and the
script's imports from the standard library, `openai`, pydantic, websockets and jiter. A process that
knows only OPENAI_BASE_URL and OPENAI_API_KEY then calls the part against the emulator.
"""

import ast
import builtins
import os
import subprocess
import sys
from functools import cache

from console.lesson import contents_of
from emulator.server import Emulator
from tests.support import lessons
from tests.support.fork_server import Popen

import pytest

SCRIPTS = [lessons.SCRIPT, lessons.LESSON_2, lessons.LESSON_3]
ALLOWED = {*sys.stdlib_module_names, "openai", "pydantic", "websockets", "jiter"}
CALLS = ("create", "connect", "search")
SYSTEM = ("SYSTEMROOT",)  # Windows opens no socket without it
LINES, LINES_OF_MAIN, FIRST_CALL = 330, 60, 45

QUESTION = "Reply with exactly: one two three"
VISITS = "Are there places for two people on Friday, and for four people on Saturday?"
SHOW = "lambda column, piece: print(column, piece)"
ASK = f"OpenAI(), {QUESTION!r}, 'gpt-6-luna'"

# What is typed below a copied part, and what its output must contain.
CALLS_OF_PARTS = {
    "01_streaming.py": {
        "stream": (f"stream({QUESTION!r}, 'gpt-6-luna')", "one two three"),
        "compare": (f"compare({QUESTION!r}, 'gpt-6-luna', {SHOW})", "0 one two three"),
        "events": (f"for event in events({ASK}): print(event.type)", "response.completed"),
        "chat": (
            f"for each in (chat, chat_by_id): each(OpenAI(), [{QUESTION!r}], 'gpt-6-luna')",
            "> Reply with exactly: one two three\none two three\n" * 2,
        ),
        "usage": (f"print(cents(usage({ASK}), 100, 100))", "0."),
        "stop": (f"print(stop({ASK}))", "req_"),
        "recover": (f"print(recover({ASK}))", "('one two three', 'complete')"),
        "resume": (f"print(*resume({ASK}), sep='')", "one two three"),
        "together": (f"asyncio.run(together([{QUESTION!r}], 'gpt-6-luna', {SHOW}))", "0  three"),
        "tools": (f"tools(OpenAI(), {VISITS!r}, 'gpt-6-luna', 'none')", "day='Saturday' people=4"),
        "objects": (
            f"print(list(objects(OpenAI(), {VISITS!r}, 'gpt-6-luna'))[-1])",
            "visits=[Visit(day='Friday', people=2), Visit(day='Saturday', people=4)]",
        ),
    },
    "02_vector_store_rag.py": {},
    "03_realtime_api.py": {},
}


@cache
def tree_of(script):
    return ast.parse(script.read_text(encoding="utf-8"))


def part_starts(script):
    """The line of each section comment, in order; after the last part comes what shows it all."""
    lines = script.read_text(encoding="utf-8").splitlines()
    return [place for place, line in enumerate(lines, 1) if line.startswith("# ----------")]


def section_of(script, node):
    """Which section a statement stands in: its number from 0, or -1 above all of them."""
    return sum(start < node.lineno for start in part_starts(script)) - 1


def is_definition(node):
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign)


def names_defined(node):
    if isinstance(node, ast.Assign):
        return {
            each.id for target in node.targets for each in ast.walk(target) if hasattr(each, "id")
        }
    return {node.name}


@cache
def sections(script):
    """The statements of each part, by the part's name."""
    names = list(contents_of(script).parts)
    found = {name: [] for name in names}
    for node in tree_of(script).body:
        place = section_of(script, node)
        if 0 <= place < len(names):
            found[names[place]].append(node)
    return found


def names_used(nodes):
    return {
        each.id
        for node in nodes
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    }


def with_what_it_uses(script, part):
    """The names of the sections that a part needs, itself included, in the script's order."""
    needed, new = set(), {part}
    while new:
        needed |= new
        used = names_used([node for name in new for node in sections(script)[name]])
        new = {
            name
            for name, nodes in sections(script).items()
            if any(names_defined(node) & used for node in nodes if is_definition(node))
        } - needed
    return [name for name in sections(script) if name in needed]


def imports(script):
    """The script's import lines that are not of the course."""
    for node in tree_of(script).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = (
                [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            )
            if {module.partition(".")[0] for module in modules} <= ALLOWED:
                yield node


def copied(script, part):
    """The statements of a bare file that holds a part."""
    nodes = [sections(script)[name] for name in with_what_it_uses(script, part)]
    return [*imports(script), *(node for section in nodes for node in section)]


def local_names(nodes):
    """What these statements define, import, take as arguments or assign somewhere."""
    for node in nodes:
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store | ast.Del):
                yield each.id
            elif isinstance(each, ast.arg):
                yield each.arg
            elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield each.name
            elif isinstance(each, ast.alias):
                yield (each.asname or each.name).partition(".")[0]
            elif isinstance(each, ast.ExceptHandler) and each.name:
                yield each.name


def every_part():
    for script in SCRIPTS:
        for part in contents_of(script).parts:
            yield pytest.param(script, part, id=f"{script.name[1]}-{part}")


@pytest.fixture(scope="module")
def server():
    with Emulator() as emulator:
        yield emulator


@pytest.mark.parametrize(("script", "part"), list(every_part()))
def test_part_uses_no_name_of_the_course(script, part):
    nodes = copied(script, part)

    unknown = names_used(nodes) - {*local_names(nodes), *dir(builtins)}
    assert unknown == set()


@pytest.mark.parametrize(("script", "part"), list(every_part()))
def test_part_runs_in_a_file_of_its_own(server, tmp_path, script, part):
    if part not in CALLS_OF_PARTS[script.name]:
        pytest.skip("there is no call for this part yet")
    call, expected = CALLS_OF_PARTS[script.name][part]
    file = tmp_path / "mine.py"
    body = ast.unparse(ast.Module(copied(script, part), []))
    file.write_text(f"{body}\n{call}\n", encoding="utf-8")

    environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "offline"}
    with Popen(
        [sys.executable, str(file)],
        env=environment | {name: os.environ[name] for name in SYSTEM if name in os.environ},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        shown, error = process.communicate(timeout=60)

    assert (process.returncode, error) == (0, "")
    assert expected in shown


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_script_is_short_and_calls_early(script):
    if not contents_of(script).parts:
        pytest.skip("this script has no section comments yet")
    lines = script.read_text(encoding="utf-8").splitlines()
    calls = [
        node.lineno
        for node in ast.walk(tree_of(script))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CALLS
    ]

    assert len(lines) <= LINES
    assert min(calls) < FIRST_CALL
    assert len(lines) - part_starts(script)[-1] < LINES_OF_MAIN
    assert "main" in lines[part_starts(script)[-1] - 1]
