"""Work that takes too long for a session to wait for: it leaves as a job, and comes back as input.

The shell does it on a worker and hands the result to `Session.heard`, `.thought` or `.said`.
"""

from dataclasses import dataclass

from emulator.answers.answer import Prompt


@dataclass(frozen=True)
class Hear:
    """Recognise words in `pcm`: s16le, mono, 16 kHz."""

    id: int
    pcm: bytes


@dataclass(frozen=True)
class Think:
    """Answer `prompt` for a response: with `plain` where that is given; `before` comes first."""

    response_id: str
    prompt: Prompt
    plain: str | None = None
    before: str = ""


@dataclass(frozen=True)
class Say:
    """Speak one sentence of a response; `speed` is a factor."""

    response_id: str
    text: str
    voice: str
    speed: float


Job = Hear | Think | Say
