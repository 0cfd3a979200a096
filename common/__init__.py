"""What the lessons share: settings, the client, the frame of a lesson, its terminal.

A lesson imports this package before `openai`, so what can go wrong until then is told here: a
package that is missing, and Ctrl-C during the half second that the imports take.
"""

import os
import shlex
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

COURSE = Path(__file__).resolve().parent.parent
SCRIPT = Path(sys.argv[0])
NEEDED = (
    *("openai", "dotenv", "rich", "starlette", "uvicorn"),
    *("numpy", "pypdf", "docx", "lxml", "python_multipart"),
)


def course_command(*words: str) -> str:
    """What a learner types to reach the course by its front door."""
    python = "py" if sys.platform == "win32" else "python3"
    return " ".join([python, "course.py", *(shlex.quote(word) for word in words)])


# `1` for 01_streaming.py: how course.py calls the lesson that runs.
LESSON = SCRIPT.name[1:2] if SCRIPT.name[:2].isdigit() else ""
IS_OURS = sys.argv[0] == "-m" or SCRIPT.resolve().parent == COURSE


def _stop_early(*_: object) -> None:
    print("stopped", file=sys.stderr, flush=True)
    os._exit(130)


if missing := [name for name in NEEDED if find_spec(name) is None]:
    again = [word for word in (LESSON, *sys.argv[1:]) if LESSON]
    print(f"error: not installed for this Python: {', '.join(missing)}", file=sys.stderr)
    print(f"  why: {sys.executable} is not the course's own environment", file=sys.stderr)
    print(f"  try: {course_command(*again)}", file=sys.stderr)
    sys.exit(1)

if IS_OURS and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _stop_early)
