"""What lesson 3 shows of a call, and the clock that its caller lives by."""

from pathlib import Path

from audio.call_clock import CallClock, VirtualClock
from audio.caller import SimulatedCaller
from console.lesson import Lesson
from console.terminal import Terminal

FASTEST = 10.0
"""A clock that is faster than this gets ahead of the server."""


def caller_for(lesson: Lesson) -> SimulatedCaller:
    """A caller who keeps the pace of the server that answers.

    At pace 0, and for a cassette at speed 0, the call's clock skips all that can be skipped. For
    a live server, and one that somebody else started, it's always the world's.
    """
    options = lesson.options
    if options.replay:
        speed = options.speed
    elif lesson.connection.is_ours:
        speed = 1 / options.pace if options.pace else 0.0
    else:
        speed = 1.0
    return SimulatedCaller(CallClock(min(speed, FASTEST)) if speed else VirtualClock())


def keep_call(caller: SimulatedCaller, file: Path, terminal: Terminal) -> None:
    """Save a call, and show which side spoke when; the picture of that is saved beside it."""
    caller.save(file)
    call = caller.recording
    levels = {speaker: call.levels(speaker) for speaker in ("caller", "assistant")}
    picture = file.with_suffix(".svg")
    terminal.timeline(call.spans(), call.marks, call.duration_s, levels, picture)
    terminal.note(f"The sound is in {file}: the caller left, the assistant right.")
