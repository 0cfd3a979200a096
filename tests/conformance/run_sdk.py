"""Runs the tests that the openai package brings along against the emulator."""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from setup.problem import say
from tests.conformance import environments
from tests.conformance.sdk.families import FAMILIES, family_of, is_called
from tests.conformance.tally import Tally

# Theirs would show the slowest, and take as many processes as there are cores.
OPTIONS = ["-o", "addopts=", "-q", "-n2", "--tb=short", "--show-capture=no"]
OPTIONS += ["-p", "no:cacheprovider"]


def run(python: Path, sources: Path, arguments: Sequence[str]) -> list[Tally]:
    """Run them all, or what pytest's arguments pick; one tally for each family."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        code = start(python, sources, report, arguments)
        tallies = list(tally(report)) if report.is_file() else []
        faults = list(unfit(report)) if tallies and not arguments else []
    if faults or (code and not any(each.failed for each in tallies)):
        say("\n".join(faults))
        tallies.append(Tally("openai's tests: the run", failed=1))
    return tallies


def start(python: Path, sources: Path, report: Path, arguments: Sequence[str]) -> int:
    """Run pytest to its end; its exit code."""
    paths = [path for family in FAMILIES.values() for path in family.paths]
    options = [*OPTIONS, f"--junit-xml={report}"]
    argv = [str(python), "-m", "pytest", *options, *paths, *arguments]
    # Whoever picks tests wants to watch them; else they are shown if something is wrong.
    ended = subprocess.run(argv, cwd=sources, env=_surroundings(), capture_output=not arguments)
    if ended.returncode and not arguments:
        sys.stderr.buffer.write(ended.stdout + ended.stderr)
        sys.stderr.flush()
    return ended.returncode


def tally(report: Path) -> Iterator[Tally]:
    """Count by family what pytest wrote down."""
    counts = Counter((family, _outcome(case)) for family, case in _cases(report))
    for name in dict.fromkeys([*FAMILIES, *(name for name, _ in counts)]):
        kinds = {kind: counts[name, kind] for kind in ("passed", "left_out", "failed")}
        yield Tally(f"openai's tests: {name}", **kinds)


def unfit(report: Path) -> Iterator[str]:
    """Tell of each pattern of `refused` that no test fits any more."""
    names = [(family, case.get("name", "")) for family, case in _cases(report)]
    for family, theirs in FAMILIES.items():
        for pattern in theirs.refused:
            if not any(is_called(name, pattern) for of, name in names if of == family):
                yield f"sdk/families.py: no test of {family} is called {pattern} any more"


def _cases(report: Path) -> Iterator[tuple[str, ElementTree.Element]]:
    """Each test that was run, beside its family."""
    for case in ElementTree.parse(report).iter("testcase"):
        yield family_of(case.get("classname", "").replace(".", "/")), case


def _outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "passed" if case.find("skipped") is None else "left_out"


def _surroundings() -> dict[str, str]:
    outside = {key: value for key, value in os.environ.items() if not key.startswith("OPENAI_")}
    # The sources' own folder stands before these, by `-m pytest`: `tests` is theirs.
    paths = [str(environments.HERE), str(environments.COURSE)]
    ours = {"PYTHONPATH": os.pathsep.join(paths), "PYTEST_PLUGINS": "sdk.plugin"}
    return outside | ours | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
