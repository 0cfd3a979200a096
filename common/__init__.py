"""What the lessons share: settings, the client, the frame of a lesson, its terminal.

A lesson imports this package before `openai`, so a missing package is told here, in three lines.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

NEEDED = ("openai", "dotenv", "rich", "starlette", "uvicorn")

if missing := [name for name in NEEDED if find_spec(name) is None]:
    script = Path(sys.argv[0]).name
    lesson = script[1] if script[:2].isdigit() else ""
    print(f"error: not installed for this Python: {', '.join(missing)}", file=sys.stderr)
    print(f"  why: {sys.executable} is not the course's own environment", file=sys.stderr)
    print(
        f"  try: {'py' if sys.platform == 'win32' else 'python3'} course.py {lesson}",
        file=sys.stderr,
    )
    sys.exit(1)
