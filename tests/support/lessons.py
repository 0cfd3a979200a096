"""The lessons as modules (their names begin with a digit), and as a learner runs them.

All functions use lesson 1, unless they get another `script`.
"""

import gc
import importlib.util
import os
import runpy
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType

from tests.support.fork_server import Popen

COURSE = Path(__file__).resolve().parent.parent.parent
SCRIPT = COURSE / "01_streaming.py"
LESSON_2 = COURSE / "02_vector_store_rag.py"
LESSON_3 = COURSE / "03_realtime_api.py"


def load(script: Path = SCRIPT) -> ModuleType:
    """The script, imported without running it."""
    name = f"lesson_{script.name[1]}"
    spec = importlib.util.spec_from_file_location(name, script)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def environment(**variables: str) -> dict[str, str]:
    """The outside as a learner's terminal has it, without a key or a proxy of whoever runs this."""
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith(("OPENAI_", "HTTP"))}
    return kept | {"PYTHONIOENCODING": "utf-8", "PYTHONDEVMODE": "", "COLUMNS": "80"} | variables


def run(
    *arguments: str, script: Path = SCRIPT, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the script as a learner does, to its end."""
    with Popen(
        [sys.executable, str(script), *arguments],
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def begin(*command: str, is_forked: bool = True, **variables: str) -> subprocess.Popen[str]:
    """Python with these arguments (the script's path among them), left running for the test.

    One that is not forked has its own servers as children, as /proc shows them.
    """
    return (Popen if is_forked else subprocess.Popen)(
        [sys.executable, *command],
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_here(
    *arguments: str, script: Path = SCRIPT, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the script in this process: the same file, arguments and sockets, twenty times faster.

    A failure leaves its clients open, as a program does that ends with it. They are closed here.
    """
    out, err, code = StringIO(), StringIO(), 0
    argv, variables_before, started_by = sys.argv, dict(os.environ), subprocess.Popen
    subprocess.Popen = Popen
    sys.argv = [str(script), *arguments]
    os.environ.clear()
    os.environ.update(environment(**variables))
    gc.freeze()
    gc.disable()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            runpy.run_path(str(script), run_name="__main__")
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.argv, subprocess.Popen = argv, started_by
        os.environ.clear()
        os.environ.update(variables_before)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        gc.enable()
        gc.unfreeze()
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
