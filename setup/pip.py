"""Runs the pip of .venv."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from setup.environment import Environment
from setup.processes import run
from setup.symptoms import failure

PIP_INSTALL = ["-m", "pip", "install", "--progress-bar", "off"]
PIP_INSTALL += ["--disable-pip-version-check", "--no-input", "--no-color"]
WHEELS_ONLY = ["--only-binary", ":all:"]  # nothing that would have to be compiled


def pip_install(
    environment: Environment,
    options: list[str],
    watch: Callable[[str], None],
    *,
    is_new_log: bool = False,
) -> tuple[int, str]:
    """Run `pip install` to its end. Returns its exit code and its output, which goes to the log."""
    python: list[str | Path] = [environment.python, "-I", "-u", "-X", "utf8"]
    code, output = run([*python, *PIP_INSTALL, *options], watch, environment.course)
    with (
        suppress(OSError),
        environment.log.open("w" if is_new_log else "a", encoding="utf-8") as log,
    ):
        log.write(output + "\n")
    return code, output


def install_files(environment: Environment, files: list[str], watch: Callable[[str], None]) -> None:
    """Install what these requirements files ask for."""
    options = [word for name in files for word in ("-r", str(environment.course / name))]
    code, output = pip_install(environment, WHEELS_ONLY + options, watch, is_new_log=True)
    if code:
        raise failure("pip", output)
