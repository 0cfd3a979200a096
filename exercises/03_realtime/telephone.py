"""A telephone for the exercises: a loudspeaker and a microphone that need no device.

    telephone = Telephone({"ask-programme.wav": 0, "cut-in-price.wav": 2_000})
    telephone.play(sound)     add sound to the end of the queue; it is played from there
    telephone.played          how many samples have been played since the start of the program
    telephone.waiting         how many samples are in the queue
    telephone.stop()          empty the queue; nothing more of it is played
    async for frame in telephone.microphone(): ...     what the caller says, 20 ms at a time

The loudspeaker and the microphone share one clock: while 20 ms are recorded, 20 ms are played. So
nothing is played unless your program reads the microphone. All sound has 24,000 samples a second.

The caller is a series of recordings, each with a number of milliseconds. A recording begins once so
much sound has been played since the end of the one before, or since `stop`. The microphone ends
when the last answer has been played.

`course.py check` brings recordings of its own. On a busy machine, the telephone then waits for the
server; both use files to keep in step. It also notes what it has played, for the check.
"""

import asyncio
import json
import os
import threading
import time
import wave
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

CALLERS = Path(__file__).resolve().parents[2] / "data" / "callers"
FRAME_MS, SAMPLES_A_MS = 20, 24
FRAME_BYTES = FRAME_MS * SAMPLES_A_MS * 2
AHEAD, STEP_S, MOST_STEPS = 10, 0.005, 600
"""By how many frames a check lets the caller be ahead of the server, and how long that may last."""


class Telephone:
    """See above. The methods may be called from any thread."""

    def __init__(self, recordings: Mapping[str, int]) -> None:
        """`recordings` are files in data/callers, with the ms to be played before each one."""
        default = {"recordings": recordings, "quiet_ms": 3_000, "patience_ms": 20_000}
        call = json.loads(os.environ.get("EXERCISE_CALL") or json.dumps(default))
        self._recordings: dict[str, int] = call["recordings"]
        self._quiet_ms, self._patience_ms = call["quiet_ms"], call["patience_ms"]
        self._last_word, self._heard = call.get("last_word"), call.get("heard")
        self._steps = MOST_STEPS
        self._lock = threading.Lock()
        self._queue = bytearray()
        self._frames = self._played = self._silent_ms = self._mark = 0
        self._due = 0.0

    def play(self, sound: bytes) -> None:
        """Add sound (16-bit samples) to the end of the queue."""
        if not isinstance(sound, (bytes, bytearray)):
            raise TypeError(f"play takes bytes, not {type(sound).__name__}: decode the base64")
        with self._lock:
            self._queue += sound

    def stop(self) -> None:
        """Empty the queue, so that nothing more of it is played."""
        with self._lock:
            self._queue.clear()
            self._mark = self._played
            self._note(stopped=True)

    @property
    def played(self) -> int:
        """How many samples have been played since the start of the program."""
        with self._lock:
            return self._played

    @property
    def waiting(self) -> int:
        """How many samples are in the queue."""
        with self._lock:
            return len(self._queue) // 2

    async def microphone(self) -> AsyncIterator[bytes]:
        """Frames of 960 bytes, one each 20 ms, until the call is over."""
        for frame in self._recorded():
            await asyncio.sleep(self._pause_s())
            while self._is_ahead():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(STEP_S)
            self._tick()
            yield frame

    def frames(self) -> Iterator[bytes]:
        """The same for a program without asyncio."""
        for frame in self._recorded():
            time.sleep(self._pause_s())
            while self._is_ahead():
                time.sleep(STEP_S)
            self._tick()
            yield frame

    def _recorded(self) -> Iterator[bytes]:
        for name, after_ms in self._recordings.items():
            yield from self._silence(after_ms * SAMPLES_A_MS)
            with wave.open(str(CALLERS / name), "rb") as file:
                sound = file.readframes(file.getnframes())
            for start in range(0, len(sound), FRAME_BYTES):
                yield sound[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")
            self._mark = self._played
        yield from self._silence(1)
        while self._silent_ms < (self._quiet_ms if self._is_answered else self._patience_ms):
            yield bytes(FRAME_BYTES)

    @property
    def _is_answered(self) -> bool:
        """Whether the last answer has been sent, as far as anybody says so."""
        return self._last_word is None or Path(self._last_word).exists()

    def _silence(self, samples: int) -> Iterator[bytes]:
        """Silence until so many more samples were played, or nothing was for too long."""
        self._silent_ms = 0
        while self._played < self._mark + samples and self._silent_ms < self._patience_ms:
            yield bytes(FRAME_BYTES)

    def _pause_s(self) -> float:
        """How long until the next frame. A frame that is late makes the next ones later, too."""
        now = time.monotonic()
        self._due = max(self._due + FRAME_MS / 1000, now)
        return self._due - now

    def _is_ahead(self) -> bool:
        """Whether the server has yet to take frames; it writes a byte for each one that it took."""
        if self._heard is None or self._steps == 0:
            return False
        taken = 0
        with suppress(OSError), open(self._heard, "rb") as file:
            taken = file.seek(0, os.SEEK_END)
        is_ahead = self._frames - taken > AHEAD
        self._steps = self._steps - 1 if is_ahead else MOST_STEPS
        return is_ahead

    def _tick(self) -> None:
        """20 ms pass: the loudspeaker plays."""
        with self._lock:
            sound = bytes(self._queue[:FRAME_BYTES])
            del self._queue[:FRAME_BYTES]
            self._frames += 1
            self._played += len(sound) // 2
            self._silent_ms = 0 if sound else self._silent_ms + FRAME_MS
            if sound:
                self._note(played=b64encode(sound).decode())

    def _note(self, **what: Any) -> None:
        """Keep it for the check, with the number of the frame."""
        if path := os.environ.get("EXERCISE_LEDGER"):
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps({"frame": self._frames, **what}) + "\n")
