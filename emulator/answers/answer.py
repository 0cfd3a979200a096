"""One value between thinking and encoding: what is asked, and what is answered.

Chat and Responses only encode an `Answer`, so that stop sequences, lengths and counts are written
once, here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from emulator.wire import tokens

FOLLOWS_ROLES = ("system", "developer")


@dataclass(frozen=True)
class Message:
    """One message of a conversation: who speaks, and the text."""

    role: str
    text: str


@dataclass(frozen=True)
class Ask:
    """What a caller wants: the conversation so far, and the limits of the answer.

    `max_tokens` bounds the answer in tokens; the answer ends before the first of `stop`;
    `sentences` is how many a caller's wish for brevity allows.
    """

    messages: Sequence[Message]
    max_tokens: int | None = None
    stop: Sequence[str] = ()
    sentences: int = 3

    @property
    def instructions(self) -> list[str]:
        return [m.text for m in self.messages if m.role in FOLLOWS_ROLES]

    @property
    def questions(self) -> list[str]:
        """What the user said, latest last."""
        return [m.text for m in self.messages if m.role == "user"]

    def prompt_tokens(self) -> int:
        return tokens.count_prompt([m.text for m in self.messages])


@dataclass(frozen=True)
class Answer:
    """The answer in pieces as they are streamed, and why it ended: `stop` or `length`."""

    pieces: list[str] = field(default_factory=list)
    finish: str = "stop"

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def shape(text: str, ask: Ask) -> Answer:
    """Bring a text within the caller's limits: first the stop sequences, then the length."""
    ends = [at for sequence in ask.stop if (at := text.find(sequence)) >= 0]
    pieces = tokens.split(text[: min(ends)] if ends else text)
    if ask.max_tokens is not None and len(pieces) > ask.max_tokens:
        return Answer(pieces[: ask.max_tokens], "length")
    return Answer(pieces)
