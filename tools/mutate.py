"""Change the code a little, one place at a time, and see whether a test notices.

    python -m tools.mutate                       60 changes, drawn with seed 1
    python -m tools.mutate --count 20 --seed 7   others
    python -m tools.mutate cassette/scrub.py     every change of one file

Coverage says which lines a test runs; it does not say whether the test would notice a mistake
there. So this script makes mistakes on purpose: a comparison turned round, a number off by one, a
condition inverted, a call left out. Each is made in a copy of the course, the tests of that room
are run against the copy until one fails, and the change is undone. A change that no test notices
*survives*: either a test is missing, or the change makes no difference (then say why).

Nothing in the course itself is touched. A run of 60 takes about ten minutes on two cores.
"""

import argparse
import ast
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue

COURSE = Path(__file__).resolve().parent.parent

# The rooms that are searched for mistakes, and the tests that have to notice them: those of the
# module itself come first, then these, the quick ones before the slow ones.
ROOMS = {
    "cassette": ["tests/cassette"],
    "common": ["tests/common", "tests/lessons/test_lesson1_script.py"],
    "emulator/realtime": ["tests/emulator/realtime", "tests/failures/test_failures_realtime.py"],
    "emulator/storage": ["tests/emulator/storage", "tests/emulator/api", "tests/failures"],
    "emulator/api": ["tests/emulator/api", "tests/emulator", "tests/failures"],
}
SECONDS = 300
UNCOPIED = (".git", ".venv*", "__pycache__", ".*_cache", ".hypothesis", ".emulator", "calls")

COMPARISONS = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}


@dataclass(frozen=True)
class Mutation:
    """A change: in `file` the source between two offsets (in characters) becomes `text`."""

    file: str
    line: int
    start: int
    end: int
    text: str
    before: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {_short(self.before)}  ->  {_short(self.text)}"


def mutations_of(file: str, source: str) -> list[Mutation]:
    """Every small change of a file that leaves it valid Python, in the order of the text."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def offset(line: int, column: int) -> int:
        # The columns of `ast` count bytes.
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    found = []
    for node in ast.walk(ast.parse(source)):
        for place, text in _changes(node):
            start = offset(place.lineno, place.col_offset)
            end = offset(place.end_lineno or 0, place.end_col_offset or 0)
            found.append(Mutation(file, place.lineno, start, end, text, source[start:end]))
    return sorted(found, key=lambda each: (each.start, each.end, each.text))


def _changes(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """What can be changed at a node: a part of the tree, and the source to put in its place."""
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            new = COMPARISONS[type(operator)]
            yield node, f"({ast.unparse(left)} {new} {ast.unparse(right)})"
        case ast.BoolOp(op=operator, values=values):
            word = " or " if isinstance(operator, ast.And) else " and "
            yield node, f"({word.join(f'({ast.unparse(value)})' for value in values)})"
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            yield test, f"(not ({ast.unparse(test)}))"
        case ast.Constant(value=bool(value)):
            yield node, str(not value)
        case ast.Constant(value=int(value)) if value < 1000:
            yield node, str(value + 1)
        case ast.BinOp(op=ast.Add() | ast.Sub() as operator, left=left, right=right):
            sign = "-" if isinstance(operator, ast.Add) else "+"
            yield node, f"({ast.unparse(left)} {sign} {ast.unparse(right)})"
        # A call whose value nobody uses, a change of an attribute, something that is deleted.
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.Delete():
            yield node, "pass"
        case ast.Assign(targets=[ast.Attribute()]) | ast.AugAssign():
            yield node, "pass"


def drawn(count: int, seed: int) -> list[Mutation]:
    """As many changes of each room, drawn at random; the same ones for the same seed and tree."""
    chance = random.Random(seed)
    chosen = []
    for place, room in enumerate(ROOMS):
        share = count // len(ROOMS) + (place < count % len(ROOMS))
        possible = [each for path in _sources(room) for each in _mutations(path)]
        chosen += chance.sample(possible, min(share, len(possible)))
    return chosen


def survivors(mutations: Sequence[Mutation], copies: int = 2) -> Iterator[tuple[Mutation, bool]]:
    """Try each change; in the order of `mutations`, each with whether no test noticed it."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        free: SimpleQueue[Path] = SimpleQueue()
        for number in range(copies):
            copy = Path(folder, str(number))
            shutil.copytree(COURSE, copy, ignore=shutil.ignore_patterns(*UNCOPIED))
            free.put(copy)

        def trial(mutation: Mutation) -> bool:
            copy = free.get()
            try:
                return survives(mutation, copy)
            finally:
                free.put(copy)

        with ThreadPoolExecutor(copies) as pool:
            yield from zip(mutations, pool.map(trial, mutations), strict=True)


def survives(mutation: Mutation, copy: Path) -> bool:
    """Whether all tests of the room pass with this change; the copy is as before at the end."""
    path = copy / mutation.file
    source = path.read_text(encoding="utf-8")
    path.write_text(
        source[: mutation.start] + mutation.text + source[mutation.end :], encoding="utf-8"
    )
    try:
        return all(_pass(tests, copy) for tests in _tests_for(mutation.file, copy))
    finally:
        path.write_text(source, encoding="utf-8")


def _tests_for(file: str, copy: Path) -> list[str]:
    """The tests that mirror the module, then those of its room; only what is there."""
    path = Path(file)
    own = Path("tests", path.parent, f"test_{path.name}").as_posix()
    room = next((room for room in ROOMS if file.startswith(f"{room}/")), "")
    mirrored = Path("tests", path.parent).as_posix()
    wanted = [own, *ROOMS.get(room, [mirrored])]
    return [tests for tests in dict.fromkeys(wanted) if (copy / tests).exists()]


def _pass(tests: str, copy: Path) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-n0", tests]
    try:
        ended = subprocess.run(command, cwd=copy, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False  # an endless loop is noticed, too
    return ended.returncode in (0, 5)


def _sources(room: str) -> list[Path]:
    return sorted(path for path in (COURSE / room).rglob("*.py") if path.name != "__init__.py")


@cache
def _mutations(path: Path) -> list[Mutation]:
    file = path.relative_to(COURSE).as_posix()
    return mutations_of(file, path.read_text(encoding="utf-8"))


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else f"{flat[:57]}..."


def main() -> int:
    """Print each change with its fate; the exit code is 1 if any survived."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", metavar="FILE", help="every change of these files")
    parser.add_argument("--count", type=int, default=60, help="how many to draw (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="which ones to draw (default: 1)")
    parser.add_argument("--list", action="store_true", help="print them, run nothing")
    args = parser.parse_args()
    named = [each for file in args.files for each in _mutations(COURSE / file)]
    mutations = named or drawn(args.count, args.seed)
    if args.list:
        print(*mutations, sep="\n")
        return 0
    alive = 0
    for mutation, is_alive in survivors(mutations):
        alive += is_alive
        print("SURVIVED" if is_alive else "noticed ", mutation, flush=True)
    print(f"{alive} of {len(mutations)} changes survived")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
