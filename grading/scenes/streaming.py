"""Scenes of lesson 1, streaming."""

import json
import random
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

from emulator.answers.answer import Answer, Prompt, SearchOutcome
from grading.failure import Failure, difference, value
from grading.scene import AlteredStreams, Scene, pieces, sentence
from grading.trace import Exchange
from grading.turns import turns

from starlette.types import ASGIApp


class JoinDeltas(Scene):
    """S1: the second request has to carry the first answer, byte for byte."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        # "None" is a word here, so leaving it out afterwards is wrong, too.
        words = [sentence(draw), "None of it is open;  see \u201cpage 3\u201d.", sentence(draw, 14)]
        draw.shuffle(words)
        self.first = " ".join(words)
        self.second = sentence(draw)

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        is_first = len(self.trace.writing()) == 1
        return Answer(pieces(self.draw, self.first if is_first else self.second))

    def verdict(self) -> Failure | None:
        asked = self.trace.writing()
        if not asked or not asked[0].is_stream:
            got = asked[0].json if asked else None
            return not_streamed(got)
        if len(asked) < 2:
            fact = "Your program asked once. The second question never came."
            why = (
                "A server remembers nothing. The second request shows whether you kept the answer."
            )
            return Failure(fact, why, is_absence=True)
        return _kept_answer(asked[1], self.first)


JOINED_WHY = """In some chunks `delta.content` is None: in the first, which names the role, and in
the last, which gives the finish_reason. All other pieces belong together as they are: no space
between them, none removed."""


class CountTokens(Scene):
    """S2: the counts of the first answer have to come back in the second request's metadata."""

    meanings: ClassVar[Mapping[str, str]] = {
        "IndexError": "not every chunk has choices: the one with the counts has an empty list.",
        "TypeError": "not every chunk has choices: some servers leave the field out.",
    }

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.answer = Answer(
            pieces(draw, f"{sentence(draw)} {sentence(draw)}"), reasoning=draw.randint(20, 90)
        )
        # Azure's filters send such chunks, before the text or in the middle of it.
        self.extra: dict[str, Any] = draw.choice([{"choices": None}, {"choices": []}, {}])
        self.at = draw.randrange(4)

    def around(self, app: ASGIApp) -> ASGIApp:
        return AlteredStreams(app, self.trace, self.alter)

    async def alter(self, exchange: Exchange, event: bytes) -> AsyncIterator[bytes]:
        if exchange.path.endswith("/completions") and len(exchange.blocks) == self.at:
            head = {"id": "", "object": "", "created": 0, "model": ""}
            yield b"data: %s\n\n" % json.dumps(head | self.extra).encode()
        yield event

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        is_first = len(self.trace.writing()) == 1
        return self.answer if is_first else Answer(pieces(self.draw, sentence(self.draw)))

    def verdict(self) -> Failure | None:
        asked = self.trace.writing()
        if not asked or not asked[0].is_stream:
            return not_streamed(asked[0].json if asked else None)
        first = asked[0]
        if first.path.endswith("/completions") and not _asks_for_counts(first.json):
            fact = "The first request didn't ask for the token counts."
            why = "A stream of Chat Completions leaves them out unless stream_options says so."
            wanted = '{"include_usage": true}'
            return Failure(fact, why, value("stream_options", _options(first.json), wanted))
        if len(asked) < 2:
            fact = "Your program asked once. The second question never came."
            return Failure(fact, "It carries the counts, so it has to be sent.", is_absence=True)
        return _kept_answer(asked[1], self.answer.text) or _counts(asked[1], usage_of(first))


def _options(body: Mapping[str, Any]) -> Any:
    return body.get("stream_options")


def _asks_for_counts(body: Mapping[str, Any]) -> bool:
    options = _options(body)
    return isinstance(options, Mapping) and options.get("include_usage") is True


def usage_of(exchange: Exchange) -> tuple[int, int]:
    """The tokens of the prompt and of the answer, as the server sent them; 0 if it did not."""
    for event in exchange.events():
        usage = (event.body.get("response") or event.body).get("usage")
        if usage and event.type in ("", "response.completed", "response.incomplete"):
            read, wrote = usage.get("prompt_tokens"), usage.get("completion_tokens")
            return read or usage.get("input_tokens", 0), wrote or usage.get("output_tokens", 0)
    return 0, 0


def _kept_answer(request: Exchange, text: str) -> Failure | None:
    """Whether a request has an answer as the assistant's turn, byte for byte."""
    said = [turn for turn in turns(request) if turn.role == "assistant"]
    if not said:
        fact = f"{request.name.capitalize()} doesn't carry the first answer."
        roles = [turn.role for turn in turns(request)]
        shown = value("roles of its turns", roles, '"assistant" among them')
        return Failure(fact, CARRIED_WHY, shown)
    if said[0].text == text:
        return None
    fact = "The assistant's turn in the second request differs from the answer."
    return Failure(fact, JOINED_WHY, difference(said[0].place, said[0].text, text))


def _counts(request: Exchange, counts: tuple[int, int]) -> Failure | None:
    metadata = request.json.get("metadata")
    for name, expected in zip(("tokens_in", "tokens_out"), counts, strict=True):
        got = metadata.get(name) if isinstance(metadata, Mapping) else None
        if got is None:
            fact = f"The second request's metadata has no `{name}`."
            shown = value("metadata", metadata, json.dumps({name: str(expected)}))
            return Failure(fact, "It shows that your program knows what the answer took.", shown)
        if not isinstance(got, str):
            fact = f"`{name}` is a number. The values of metadata have to be texts."
            why = "OpenAI refuses any other type there, so write str(...)."
            return Failure(fact, why, value(f"metadata.{name}", got, json.dumps(str(expected))))
        if got != str(expected):
            fact = f"`{name}` is {got}, but the server counted {expected}."
            shown = value(f"metadata.{name}", got, json.dumps(str(expected)))
            return Failure(fact, COUNTED_WHY, shown)
    return None


CARRIED_WHY = "Without its own answer in the conversation, the model can't refer to it."
COUNTED_WHY = """Only the server can count: a chunk is not a token, and reasoning is never shown.
Its counts come after the finish_reason, in a chunk without choices. Read on until the stream ends,
and take `usage` from the chunk where it is not None."""


def not_streamed(body: object) -> Failure:
    fact = "The first request didn't ask for a stream."
    why = "With stream=True the server sends the answer while it is being written."
    shown = value("stream", body.get("stream") if isinstance(body, dict) else None, "true")
    return Failure(fact, why, shown)


SCENES = {"S1": JoinDeltas, "S2": CountTokens}
