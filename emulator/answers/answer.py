"""One value between thinking and encoding: what is asked, and what is answered.

Chat and Responses only encode an `Answer`, so that stop sequences, lengths, tool calls and counts
are written once, here.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from emulator.wire import ids, tokens

INSTRUCTION_ROLES = ("system", "developer")
USUAL_SENTENCES = 3
"""How many an answer has if the caller doesn't ask for more, or fewer."""


@dataclass(frozen=True)
class Call:
    """A call of a tool: its name, and its arguments as JSON text."""

    name: str
    arguments: str
    id: str = field(default_factory=ids.call_id)

    @property
    def pieces(self) -> list[str]:
        """The arguments as they are streamed."""
        return tokens.split(self.arguments)


@dataclass(frozen=True)
class Message:
    """One message of a conversation: its role and its text.

    An assistant's message may hold `calls`; a message of the role `tool` is what the call with
    `call_id` gave back.
    """

    role: str
    text: str
    calls: Sequence[Call] = ()
    call_id: str | None = None


@dataclass(frozen=True)
class Tool:
    """A function of the caller's; `parameters` is the JSON schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]


USER_MS_A_TOKEN = 100
"""How much of a caller's sound is billed as a token."""


@dataclass(frozen=True)
class HeardSound:
    """The sound in a conversation: how long it is, and how many tokens its words are as text."""

    ms: float = 0.0
    word_tokens: int = 0

    @property
    def audio_tokens(self) -> int:
        return round(self.ms / USER_MS_A_TOKEN)


@dataclass(frozen=True)
class Prompt:
    """A request of either API: the conversation so far, and the limits of the answer.

    The answer has at most `max_tokens`, reasoning included, and `sentences`; it ends before the
    first of `stop`. `effort` is how much is read before it. Of `tools` one has to be called if
    `must_call`, and at most one can be if not `parallel`; files have to be searched if
    `must_search`, whatever was said. `schema` is the shape of the answer; `sampling` (temperature
    and the like) is for a server upstream. Where `names_sources` is off, the answer is spoken, and
    names neither files nor tools. `heard` is the sound whose words the messages are: it is billed
    by its length, and the words are not.
    """

    messages: Sequence[Message]
    max_tokens: int | None = None
    stop: Sequence[str] = ()
    sentences: int = USUAL_SENTENCES
    effort: str = "none"
    tools: Sequence[Tool] = ()
    must_call: bool = False
    must_search: bool = False
    parallel: bool = True
    schema: Mapping[str, Any] | None = None
    sampling: Mapping[str, float] = field(default_factory=dict)
    names_sources: bool = True
    heard: HeardSound = HeardSound()

    @property
    def instructions(self) -> list[str]:
        return [m.text for m in self.messages if m.role in INSTRUCTION_ROLES]

    @property
    def questions(self) -> list[str]:
        """What the user said, latest last."""
        return [m.text for m in self.messages if m.role == "user"]

    @property
    def turn(self) -> Sequence[Message]:
        """What was said since the user spoke last: calls, and what they gave back."""
        spoken = [place for place, m in enumerate(self.messages) if m.role == "user"]
        return self.messages[spoken[-1] + 1 :] if spoken else self.messages

    @property
    def letters(self) -> int:
        return sum(len(message.text) for message in self.messages)

    def rough_tokens(self) -> int:
        """About as many as `prompt_tokens`, by letters alone: to know before the first chunk."""
        return self.letters // 4

    def prompt_tokens(self) -> int:
        return self._counted

    @cached_property
    def _counted(self) -> int:
        """Counted once, as a long text takes a second."""
        texts = [m.text + "".join(call.arguments for call in m.calls) for m in self.messages]
        shapes = [[t.name, t.description, t.parameters] for t in self.tools]
        if self.schema is not None:
            shapes.append([self.schema])
        written = tokens.count(json.dumps(shapes)) if shapes else 0
        heard = self.heard.audio_tokens - self.heard.word_tokens
        return tokens.count_prompt(texts) + written + heard


@dataclass(frozen=True)
class Citation:
    """A file that the text draws on; `index` is how many characters stand before the mention."""

    index: int
    file_id: str
    filename: str


@dataclass(frozen=True)
class SearchOutcome:
    """What file search found: the queries, and results as OpenAI reports them, best first."""

    queries: Sequence[str]
    results: Sequence[Mapping[str, Any]]

    @property
    def tokens(self) -> int:
        """What the model has to read of it."""
        return sum(tokens.count(result["text"]) for result in self.results)


Search = Callable[[Sequence[str]], SearchOutcome]


@dataclass
class Answer:
    """The answer in pieces as they are streamed, then its calls, and why it ended.

    `finish` is `stop`, `length`, `tool_calls` or `content_filter`; `reasoning` is in tokens;
    `found` is what was searched before, and a piece ends where a citation stands. `refusal` is what
    another server's model says in place of an answer. A live answer is still being written, so that
    its pieces have a pace of their own.
    """

    is_live: ClassVar[bool] = False

    pieces: list[str] = field(default_factory=list)
    finish: str = "stop"
    calls: Sequence[Call] = ()
    reasoning: int = 0
    found: SearchOutcome | None = None
    citations: Sequence[Citation] = ()
    refusal: str = ""

    @property
    def is_cut(self) -> bool:
        """Whether the answer ended before its end."""
        return self.finish in ("length", "content_filter")

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def tokens(self) -> int:
        """All that was written, reasoning included."""
        called = sum(len(call.pieces) + tokens.count(call.name) for call in self.calls)
        return self.reasoning + len(self.pieces) + tokens.count(self.refusal) + called

    async def write(self) -> AsyncIterator[str]:
        """The pieces as they come; calls and finish are settled once they have come."""
        for piece in self.pieces:
            yield piece

    async def finished(self) -> None:
        """Wait until all is written; raises ApiError where that fails."""
        async for _ in self.write():
            pass

    async def close(self) -> None:
        """Give up what is still being written."""


Write = Callable[[Prompt, SearchOutcome | None], Awaitable[Answer]]
"""Writes an answer in place of the emulator, from what was found for it."""


def shape(text: str, prompt: Prompt, reasoning: int = 0) -> Answer:
    """Bring a text within the caller's limits: first the stop sequences, then the length."""
    ends = [at for sequence in prompt.stop if (at := text.find(sequence)) >= 0]
    most = None if prompt.max_tokens is None else prompt.max_tokens + 1
    pieces = tokens.split(text[: min(ends)] if ends else text, most)
    if prompt.max_tokens is not None and reasoning + len(pieces) > prompt.max_tokens:
        reasoning = min(reasoning, prompt.max_tokens)
        return Answer(pieces[: prompt.max_tokens - reasoning], "length", reasoning=reasoning)
    return Answer(pieces, reasoning=reasoning)
