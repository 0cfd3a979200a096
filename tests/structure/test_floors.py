"""The floors of the house: no module imports from a floor above its own."""

import ast
import sys
from pathlib import Path

import pytest

COURSE = Path(__file__).resolve().parents[2]

# From the ground up. Packages that share a floor don't know each other.
HOUSE = [
    ("emulator", "cassette", "setup"),
    ("common",),
    ("audio",),
    ("console",),
    ("grading",),
    ("presenter",),
    ("lessons",),
    ("tools", "benchmarks"),
    ("tests",),
]
EMULATOR = [
    ("wire",),
    ("addresses", "errors", "models"),
    ("params", "faults", "guard", "limits", "client_secrets", "deadline", "blas"),
    ("text",),
    ("retrieval",),
    ("voice",),
    ("storage",),
    ("structured",),
    ("answers",),
    ("upstream",),
    ("pace", "encode"),
    ("background",),
    ("serving",),
    ("api",),
    ("realtime",),
    ("app",),
    ("server",),
    ("__main__",),
]
# The learner's programs show plain `openai`, and setup/ runs before anything is installed.
ALONE = ("examples", "exercises", "setup")
# What an example may import besides Python: `openai`, and what that package brings along; a
# microphone needs one package more, and web servers need two.
FOR_EXAMPLES = {"openai", "pydantic", "websockets", "sounddevice"}
FOR_SERVERS = {"starlette", "uvicorn"}


def floors_of(house):
    return {room: number for number, rooms in enumerate(house) for room in rooms}


def statements(block):
    """All statements of a block and those within them; an import never stands in an expression."""
    for node in block:
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            yield from statements(getattr(node, part, ()))


def imports(path):
    """(line, dotted name) of all that a file imports, wherever in it the import stands."""
    for node in statements(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from emulator import guard` imports the module emulator.guard.
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def room_in_course(path):
    room = path.relative_to(COURSE).parts[0]
    return "lessons" if room[0].isdigit() else room


def room_in_emulator(path):
    parts = path.relative_to(COURSE / "emulator").parts
    return parts[0].removesuffix(".py")


def is_climbing(floors, here, there):
    """Whether `there` is above `here`, or beside it on the same floor."""
    if here == there or there not in floors:
        return False
    return here not in floors or floors[there] >= floors[here]


def climbing_imports(paths, floors, room_of, part):
    """What imports from above, as `file:line imports name`; `part` of a dotted name is its room."""
    for path in paths:
        for line, name in imports(path):
            parts = name.split(".")
            if len(parts) > part and is_climbing(floors, room_of(path), parts[part]):
                yield f"{path.relative_to(COURSE)}:{line} imports {name}"


def sources(*rooms):
    return [path for room in rooms for path in sorted((COURSE / room).rglob("*.py"))]


def test_house_is_imported_downwards_alone():
    rooms = [room for rooms in HOUSE for room in rooms if room != "lessons"]
    paths = [*sources(*rooms), *sorted(COURSE.glob("0*.py"))]

    assert list(climbing_imports(paths, floors_of(HOUSE), room_in_course, part=0)) == []


def test_emulator_is_imported_downwards_alone():
    inside = [path for path in sources("emulator") if path.parent.name != "__pycache__"]
    paths = [path for path in inside if path != COURSE / "emulator" / "__init__.py"]
    floors = floors_of(EMULATOR)
    within = [
        found
        for found in climbing_imports(paths, floors, room_in_emulator, part=1)
        if " imports emulator." in found
    ]

    assert within == []
    assert {room_in_emulator(path) for path in paths} == set(floors)


@pytest.mark.parametrize("room", ALONE)
def test_room_stands_alone(room):
    ours = {name for rooms in HOUSE for name in rooms} | set(ALONE)

    for path in sources(room):
        foreign = {name.split(".")[0] for _, name in imports(path)} & (ours - {room})
        assert not foreign, f"{path.relative_to(COURSE)} imports {foreign}"


NESTED = """
import a
def f():
    if f:
        import b
    elif f:
        import c
    else:
        with f: import d
class C:
    async def m():
        for i in m:
            while i:
                try: import e
                except* ValueError: import f
                else: import g
                finally: from h import i
        match m:
            case 1: import j
"""


def test_every_import_is_found(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(NESTED)

    assert "".join(name for _, name in sorted(imports(path))) == "abcdefgh.ij"


@pytest.mark.parametrize("path", sources("examples"), ids=lambda path: path.parent.name)
def test_example_runs_anywhere(path):
    known = set(sys.stdlib_module_names) | FOR_EXAMPLES
    if path.name == "server.py":
        known |= FOR_SERVERS

    assert {name.split(".")[0] for _, name in imports(path)} <= known


def test_climbing_import_is_named_with_both_files(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "COURSE", tmp_path)
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "low.py").write_text("def f():\n    from console.high import g\n")

    found = list(climbing_imports(sources("common"), floors_of(HOUSE), room_in_course, part=0))

    assert found == [f"{Path('common', 'low.py')}:2 imports console.high.g"]


def test_emulator_climbing_is_found(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "COURSE", tmp_path)
    (tmp_path / "emulator" / "wire").mkdir(parents=True)
    (tmp_path / "emulator" / "wire" / "ids.py").write_text("from emulator import serving\n")

    found = list(
        climbing_imports(sources("emulator"), floors_of(EMULATOR), room_in_emulator, part=1)
    )

    assert [each.split(" imports ")[1] for each in found] == ["emulator.serving"]


@pytest.mark.parametrize(("paths", "most"), [("common/*.py", 999), ("course.py", 79)])
def test_small_rooms_stay_small(paths, most):
    """A learner who wonders how a lesson finds its server reads `common/` to its end."""
    lines = [path.read_text(encoding="utf-8").splitlines() for path in COURSE.glob(paths)]

    assert 0 < sum(map(len, lines)) <= most
