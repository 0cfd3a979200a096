"""Draws docs/terminal.svg, the README's picture, from a real run of lesson 1.

    python tools/draw_terminal.py

It runs two parts on the emulator as a learner would, 80 columns wide, and lets `rich` draw what
they printed.
"""

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

COURSE = Path(__file__).resolve().parent.parent
PARTS = ("stream", "race")
COLUMNS = 80


def printed(part: str) -> str:
    """What a part prints on a coloured terminal, backspaces carried out."""
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    run = subprocess.run(
        [sys.executable, str(COURSE / "01_streaming.py"), part, "--offline"],
        env=environment
        | {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    text, count = run.stdout, 1
    while count:
        text, count = re.subn(r"[^\n\b]\x08 \x08", "", text)
    return text


def main() -> None:
    console = Console(width=COLUMNS, record=True, file=StringIO())
    for part in PARTS:
        console.print(Text("$ ") + Text(f"python3 course.py 1 {part}", style="bold"))
        console.print(Text.from_ansi(printed(part)))
    picture = console.export_svg(title="Module 7, lesson 1", unique_id="lesson1")
    picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)  # nothing from elsewhere
    (COURSE / "docs" / "terminal.svg").write_text(picture, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
