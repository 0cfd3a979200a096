"""Work that takes too long for a session to wait for: it leaves as a job, and comes back as input.

The shell does it on a worker thread and hands the result to the session's method of that name:
`transcribed`, `generated` or `synthesized`.
"""

from dataclasses import dataclass

from emulator.answers.answer import Prompt


@dataclass(frozen=True)
class Transcribe:
    """Recognize the words in `pcm`: s16le, mono, 16 kHz."""

    id: int
    pcm: bytes


@dataclass(frozen=True)
class Generate:
    """Answer `prompt` for a response; `fixed` is the answer where nothing has to be generated.

    `notice` is put in front of a generated answer.
    """

    response_id: str
    prompt: Prompt
    fixed: str | None = None
    notice: str = ""


@dataclass(frozen=True)
class Synthesize:
    """Speak one sentence of a response; `speed` is a factor."""

    response_id: str
    text: str
    voice: str
    speed: float


Job = Transcribe | Generate | Synthesize
