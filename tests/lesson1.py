"""Lesson 1 as a module (its name begins with a digit), and as a learner runs it."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

COURSE = Path(__file__).resolve().parent.parent
SCRIPT = COURSE / "01_streaming.py"


def load() -> ModuleType:
    """The script, imported without running it."""
    spec = importlib.util.spec_from_file_location("lesson_1", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def environment(**variables: str) -> dict[str, str]:
    """The outside as a learner's terminal has it, without a key or a proxy of whoever runs this."""
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith(("OPENAI_", "HTTP"))}
    return kept | {"PYTHONIOENCODING": "utf-8", "PYTHONDEVMODE": "", "COLUMNS": "80"} | variables


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script as a learner does, to its end."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env=environment(**variables),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
