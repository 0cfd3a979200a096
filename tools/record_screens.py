"""Records what `python3 course.py present` shows: `python -m tools.record_screens [PART]...`.

Each part is run with the cassette of tests/fixtures, at its recorded speed, and what it writes is
kept with its time. Without names, this is done for the parts whose cassette has changed since. Name
a part if what the lesson writes has changed; a test says when that is so.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from presenter.course_show import COLUMNS, RECORDINGS
from presenter.live_part import LessonRun
from tools.record_fixtures import FIXTURES, LESSONS, parts, words_of

LONGEST_S = 300


def main(wanted: Sequence[str]) -> int:
    for lesson, script in LESSONS.items():
        for part in parts(script):
            if part in wanted or (not wanted and is_old(lesson, part)):
                record_screen(lesson, script, part)
    return 0


def record_screen(lesson: str, script: str, part: str) -> None:
    """Run a part, and write what it wrote. Raises SystemExit if it fails."""
    cassette = FIXTURES / lesson / f"{part}.jsonl"
    run = LessonRun(script, [part, *words_of(part), "--replay", str(cassette)])
    try:
        run.wait(LONGEST_S)
        if run.code:
            raise SystemExit(f"{lesson} {part} failed: {run.complaint}")
        header = {"part": f"{lesson} {part}", "cassette": mark_of(cassette), "columns": COLUMNS}
        rows = [[round(chunk.at, 3), chunk.text] for chunk in run.chunks()]
    finally:
        run.close()
    lines = [json.dumps(row, ensure_ascii=False) for row in (header, *rows)]
    file = RECORDINGS / lesson / f"{part}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    print(
        f"{lesson} {part:12} {rows[-1][0]:6.1f} s {len(rows):5} pieces {file.stat().st_size:8,} B"
    )


def is_old(lesson: str, part: str) -> bool:
    """Whether a part has no recording, or one of another cassette."""
    try:
        with (RECORDINGS / lesson / f"{part}.jsonl").open(encoding="utf-8") as file:
            header = json.loads(file.readline())
    except (OSError, ValueError):
        return True
    return bool(header.get("cassette") != mark_of(FIXTURES / lesson / f"{part}.jsonl"))


def mark_of(cassette: Path) -> str:
    """A mark that changes with the cassette."""
    return hashlib.sha256(cassette.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
