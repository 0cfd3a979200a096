"""What the lessons share: settings, the client, the servers beside a lesson, `--wire`.

It imports nothing but the emulator's list of models, `openai` and what these need. Importing it has
no effects, so a learner's own program may use it.
"""

import shlex
import sys
from pathlib import Path

COURSE = Path(__file__).resolve().parent.parent

_SCRIPT = Path(sys.argv[0]).name
LESSON = _SCRIPT[1:2] if _SCRIPT[:2].isdigit() else ""
"""The number of the lesson that runs: `1` for 01_streaming.py; else empty."""


def course_command(*words: str) -> str:
    """What a learner types to run course.py with these words."""
    python = "py" if sys.platform == "win32" else "python3"
    return " ".join([python, "course.py", *(shlex.quote(word) for word in words)])
