"""Records what `python3 course.py present` shows: `python -m tools.record_screens [PART]...`.

Each part is run with the cassette of tests/fixtures, at its recorded speed, and what it writes is
kept with its time. Without names, this is done for the parts whose cassette has changed since. Name
a part if what the lesson writes has changed; a test says when that is so.
"""

import hashlib
import json
import sys
import wave
from collections.abc import Sequence
from pathlib import Path

from cassette.format import Cassette
from console.lesson_contents import SCRIPTS
from emulator.voice.sound import resampled
from presenter.course_show import COLUMNS, RECORDINGS, SOUND_HZ, Chunk
from presenter.live_part import LessonRun
from presenter.pane import Pane
from tools.record_fixtures import FIXTURES, parts, typed_in, words_of

import numpy as np

LONGEST_S = 300


def main(wanted: Sequence[str]) -> int:
    for lesson, script in SCRIPTS.items():
        for part in parts(script):
            if part in wanted or (not wanted and is_old(lesson, part)):
                record_screen(lesson, script, part)
    return 0


def record_screen(lesson: str, script: str, part: str) -> None:
    """Run a part, and write what it wrote. Raises SystemExit if it fails."""
    cassette = FIXTURES / lesson / f"{part}.jsonl"
    words = [part, *words_of(part), "--replay", str(cassette)]
    run = LessonRun(script, words, typed=typed_in(script, part))
    try:
        run.wait(LONGEST_S)
        if run.code:
            raise SystemExit(f"{lesson} {part} failed: {run.complaint}")
        about = Cassette(cassette).header
        header: dict[str, object] = {
            "part": f"{lesson} {part}",
            "cassette": mark_of(cassette),
            "answered_by": about["answered_by"],
            "recorded": about["recorded"],
            "columns": COLUMNS,
        }
        chunks = run.chunks()
        rows = [[round(chunk.at, 3), chunk.text] for chunk in chunks]
        file = RECORDINGS / lesson / f"{part}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        for sound in run.folder.glob("calls/*.wav"):
            header["sound_at"] = keep_sound(sound, file.with_suffix(".wav"), chunks)
    finally:
        run.close()
    lines = [json.dumps(row, ensure_ascii=False) for row in (header, *rows)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    print(
        f"{lesson} {part:12} {rows[-1][0]:6.1f} s {len(rows):5} pieces {file.stat().st_size:8,} B"
    )


def keep_sound(saved: Path, kept: Path, chunks: Sequence[Chunk]) -> float:
    """Keep what a lesson saved of its sound, as a telephone would transmit it: 8 kHz, one channel.

    Returns when it begins. The sound of a call has a channel for each side, and begins with the
    session; that of an answer begins with the response.
    """
    with wave.open(str(saved)) as sound:
        sides, rate = sound.getnchannels(), sound.getframerate()
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, sides)
    both = samples.astype(np.int32).sum(axis=1).clip(-32_768, 32_767).astype("<i2").tobytes()
    with wave.open(str(kept), "wb") as telephone:
        telephone.setparams((1, 2, SOUND_HZ, 0, "NONE", ""))
        telephone.writeframes(resampled(both, rate, SOUND_HZ))
    begins = "session.created" if sides == 2 else "response.created"
    pane = Pane(COLUMNS)
    for chunk in chunks:
        pane.feed(chunk.text)
        if any(begins in line for line in pane.wire):
            return round(chunk.at, 3)
    raise SystemExit(f"{saved.name}: no {begins} came")


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
