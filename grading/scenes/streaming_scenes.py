"""Scenes of lesson 1, streaming."""

import asyncio
import json
import random
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote_plus

from emulator.answers.answer import Answer, Call, Prompt, SearchOutcome
from emulator.wire import sse
from emulator.wire.reasons import reason_in
from grading.answer_changer import change_answer
from grading.child import Ending, Program
from grading.failure import Excerpt, Failure, difference, missing, value
from grading.request_turns import RequestTurn, objects, turns, written
from grading.scene import AlteredStreams, Scene, pieces, sentence, until
from grading.trace import Trace, TracedExchange

from starlette.types import ASGIApp, Receive, Scope, Send


class JoinDeltas(Scene):
    """S1: the second request has to carry the first answer, byte for byte."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        # "None" is a word here, so leaving it out afterwards is wrong, too.
        words = [sentence(draw), "None of it is open;  see \u201cpage 3\u201d.", sentence(draw, 14)]
        draw.shuffle(words)
        self.first = " ".join(words)
        self.second = sentence(draw)
        self.is_shown = True
        """Whether something of the first answer was printed before the rest of it was sent."""
        self._program: Program | None = None

    def drive(self, program: Program) -> Ending:
        self._program = program
        return super().drive(program)

    def around(self, app: ASGIApp) -> ASGIApp:
        return AlteredStreams(app, self.trace, self.hold)

    async def hold(self, exchange: TracedExchange, event: bytes) -> AsyncIterator[bytes]:
        """The rest of the first answer waits for the first words on the screen, but not long."""
        program = self._program
        if len(exchange.blocks) == FIRST_WORDS and len(self.trace.writing()) == 1 and program:
            self.is_shown = await until(lambda: program.has_printed, 0.5)
        yield event

    def notes(self, ending: Ending) -> Sequence[str]:
        # A terminal shows what ends a line at once, though a pipe doesn't.
        if self.is_shown or not ending.output or ending.text.count("\n") > FIRST_WORDS:
            return ()
        fact = "Nothing of the first answer was on the screen before all of it had come."
        return [f'{fact} Python keeps back what you print: print(piece, end="", flush=True).']

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        is_first = len(self.trace.writing()) == 1
        return Answer(pieces(self.draw, self.first if is_first else self.second))

    def verdict(self) -> Failure | None:
        asked = self.trace.writing()
        if found := _no_stream(asked):
            return found
        if len(asked) < 2:
            fact = "Your program asked once. The second question never came."
            why = (
                "A server remembers nothing. The second request shows whether you kept the answer."
            )
            return Failure(fact, why, is_absence=True)
        fetched = _fetched(self.trace, asked[1], [self.first])
        return fetched or _kept_answer(asked[0], asked[1], self.first)


FIRST_WORDS = 8
JOINED_WHY = """`delta.content` isn't always text. In the first chunk, which names the role, it is
empty. In the last one, which gives the finish_reason, it is None. Join all other pieces as they
are: add no space, and remove none."""


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

    async def alter(self, exchange: TracedExchange, event: bytes) -> AsyncIterator[bytes]:
        if exchange.path.endswith("/completions") and len(exchange.blocks) == self.at:
            head = {"id": "", "object": "", "created": 0, "model": ""}
            yield b"data: %s\n\n" % json.dumps(head | self.extra).encode()
        yield event

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        is_first = len(self.trace.writing()) == 1
        return self.answer if is_first else Answer(pieces(self.draw, sentence(self.draw)))

    def verdict(self) -> Failure | None:
        asked = self.trace.writing()
        if found := _no_stream(asked):
            return found
        first = asked[0]
        if first.path.endswith("/completions") and not _asks_for_counts(first.json):
            fact = "The first request didn't ask for the token counts."
            why = "A stream of Chat Completions leaves them out unless stream_options says so."
            wanted = '{"include_usage": true}'
            return Failure(fact, why, value("stream_options", _options(first.json), wanted))
        if len(asked) < 2:
            fact = "Your program asked once. The second question never came."
            return Failure(fact, "It carries the counts, so it has to be sent.", is_absence=True)
        fetched = _fetched(self.trace, asked[1], [self.answer.text])
        kept = fetched or _kept_answer(asked[0], asked[1], self.answer.text)
        return kept or _counts(asked[1], usage_of(first))


def _options(body: Mapping[str, Any]) -> Any:
    return body.get("stream_options")


def _asks_for_counts(body: Mapping[str, Any]) -> bool:
    options = _options(body)
    return isinstance(options, Mapping) and options.get("include_usage") is True


def usage_of(exchange: TracedExchange) -> tuple[int, int]:
    """The tokens of the prompt and of the answer, as the server sent them; 0 if it did not."""
    for event in exchange.events():
        usage = (event.body.get("response") or event.body).get("usage")
        if usage and event.type in ("", "response.completed", "response.incomplete"):
            read, wrote = usage.get("prompt_tokens"), usage.get("completion_tokens")
            return read or usage.get("input_tokens", 0), wrote or usage.get("output_tokens", 0)
    return 0, 0


def _fetched(trace: Trace, request: TracedExchange, texts: list[str]) -> Failure | None:
    """An answer that was fetched before `request` proves nothing about its stream.

    OpenAI gives back a stored answer in several ways: alone, in a list, as an item.
    """
    for each in trace.exchanges[: trace.exchanges.index(request)]:
        if any(_holds(each.answer_json, text) and not _holds(each.json, text) for text in texts):
            why = (
                "The stream has all of it. A second request takes time, and needs a stored answer."
            )
            return Failure(f"{each.title} fetches the answer once more.", why)
    return None


def _holds(found: Any, text: str) -> bool:
    """Whether a text is part of any text in a JSON value."""
    if isinstance(found, str):
        return text in found
    inner = found.values() if isinstance(found, Mapping) else found
    return isinstance(found, Mapping | list) and any(_holds(each, text) for each in inner)


def _said(first: TracedExchange, request: TracedExchange) -> list[RequestTurn]:
    """The assistant's turns of a request behind the question of the first one.

    Examples may stand in front of that question, in any of the requests.
    """
    before, now = turns(first), turns(request)
    asked = [turn.text for turn in before if turn.role == "user"]
    places = [at for at, turn in enumerate(now) if turn.role == "user" and turn.text in asked[-1:]]
    number = asked.count(asked[-1]) if asked else 1
    if len(places) >= number:
        return [turn for turn in now[places[number - 1] :] if turn.role == "assistant"]
    examples = [turn for turn in before if turn.role == "assistant"]
    return [turn for turn in now if turn.role == "assistant"][len(examples) :]


def _kept_answer(first: TracedExchange, request: TracedExchange, text: str) -> Failure | None:
    """Whether a request has the answer to the first one as the assistant's turn, byte for byte."""
    said = _said(first, request)
    if not said:
        fact = f"{request.title} doesn't carry the first answer."
        roles = [turn.role for turn in turns(request)]
        shown = value("roles of its turns", roles, '"assistant" among them')
        is_kept = request.json.get("previous_response_id") is not None
        return Failure(fact, KEPT_BY_SERVER_WHY if is_kept else CARRIED_WHY, shown)
    if said[0].text == text:
        return None
    fact = "The assistant's turn in the second request differs from the answer."
    return Failure(fact, JOINED_WHY, difference(said[0].place, said[0].text, text))


def _counts(request: TracedExchange, counts: tuple[int, int]) -> Failure | None:
    metadata = request.json.get("metadata")
    for name, expected in zip(("tokens_in", "tokens_out"), counts, strict=True):
        got = metadata.get(name) if isinstance(metadata, Mapping) else None
        if got is None:
            fact = f"The second request's metadata has no `{name}`."
            shown = value("metadata", metadata, json.dumps({name: str(expected)}))
            return Failure(fact, "It shows that your program knows what the answer took.", shown)
        if not isinstance(got, str):
            fact = f"`{name}` is a number. The values of metadata have to be strings."
            why = "OpenAI refuses any other type there, so write str(...)."
            return Failure(fact, why, value(f"metadata.{name}", got, json.dumps(str(expected))))
        if got == str(sum(counts)):
            fact = f"`{name}` is {got}, which is the total of both."
            why = "`total_tokens` adds the tokens of the prompt and those of the answer."
            return Failure(fact, why, value(f"metadata.{name}", got, json.dumps(str(expected))))
        if got != str(expected):
            fact = f"`{name}` is {got}, but the server counted {expected}."
            shown = value(f"metadata.{name}", got, json.dumps(str(expected)))
            return Failure(fact, COUNTED_WHY, shown)
    return None


CARRIED_WHY = "Without its own answer in the conversation, the model can't refer to it."
KEPT_BY_SERVER_WHY = """With previous_response_id, the server adds the conversation itself. That
works, but here your program has to show that it has the answer: send it as a turn."""
COUNTED_WHY = """Only the server can count: a chunk is not a token, and reasoning is never shown.
Its counts come after the finish_reason, in a chunk without choices. Read on until the stream ends,
and take `usage` from the chunk where it is not None."""


@dataclass(frozen=True)
class Attempt:
    """A question as it was asked once. `end` is a finish_reason, or the fault that cut it."""

    exchange: TracedExchange
    question: str
    place: int
    end: str
    text: str
    in_sentences: bool = False
    """Whether each piece is a whole sentence, so that a cut falls behind one."""

    @property
    def is_cut(self) -> bool:
        return self.end not in ("stop", *UNFINISHED)

    @property
    def what_ended(self) -> str:
        name = f"answer {self.place + 1} (request {self.exchange.number})"
        if self.end == "fin":
            return f"The connection broke in the middle of {name}"
        if self.end == "stream-500":
            return f"The server sent an error in the middle of {name}"
        is_chat = self.exchange.path.endswith("/completions")
        lacks = "a finish_reason" if is_chat else "response.completed"
        return f"A{name[1:]} ended without {lacks}"


class FinishedOrCut(Scene):
    """S3: a cut answer is asked for once more, one that was too long is not; neither is kept.

    One of the silent cuts falls right behind a sentence, so that the part looks complete.
    """

    meanings: ClassVar[Mapping[str, str]] = {
        "APIConnectionError": """the connection broke in the middle of an answer. The client \
doesn't retry a stream that has begun, so your code has to.""",
        "APIError": """the server sent an error in the middle of an answer. The status was 200 by \
then, so the client raises it while you read.""",
    }
    CUTS: ClassVar[list[str]] = ["eof", "fin", "stream-500"]

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        twice = draw.choices(self.CUTS, k=2)
        self.plans = [[each] for each in UNFINISHED]
        self.plans += [SILENT, [draw.choice(self.CUTS[1:]), "stop"], twice]
        draw.shuffle(self.plans)
        self.attempts: list[Attempt] = []

    def fault(self, request: TracedExchange) -> str:
        asked = [turn.text for turn in turns(request) if turn.role == "user"]
        if request not in self.trace.writing() or not asked:
            return ""
        known = list(dict.fromkeys([*(each.question for each in self.attempts), asked[-1]]))
        place = known.index(asked[-1])
        before = len(self._before(asked[-1]))
        plan = self.plans[place] if place < len(self.plans) else ["stop"]
        end = plan[before] if before < len(plan) else "stop"
        in_sentences = end == "eof" and plan == SILENT
        many = LATEST_CUT + 1 if in_sentences else 3
        text = " ".join(sentence(self.draw) for _ in range(many))
        attempt = Attempt(request, asked[-1], place, end, text, in_sentences)
        self.attempts.append(attempt)
        return f"{end}@{self.draw.randint(6, LATEST_CUT)}" if attempt.is_cut else ""

    def _before(self, question: str) -> list[Attempt]:
        return [each for each in self.attempts if each.question == question]

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        asked = self._before(prompt.questions[-1]) if prompt.questions else []
        attempt = (asked or self.attempts)[-1]
        finish = attempt.end if attempt.end in UNFINISHED else "stop"
        parts = pieces(self.draw, attempt.text, 5)
        if attempt.in_sentences:
            parts = re.findall(r"[^.]+\.", attempt.text)
        return Answer(parts, finish)

    def verdict(self) -> Failure | None:
        found = next(self._wrong_attempts(), None)
        last = next((each for each in self.attempts if each.place >= len(self.plans)), None)
        if found or last is None:
            fact = "The last request, which asks for the summary, never came."
            return found or Failure(fact, "It shows which answers you kept.", is_absence=True)
        texts = [each.text for each in self.attempts]
        fetched = _fetched(self.trace, last.exchange, texts)
        return self._not_repeated() or fetched or self._wrongly_kept(last.exchange)

    def _wrong_attempts(self) -> Iterator[Failure]:
        """A stream that wasn't asked for, and a question that was asked once too often."""
        seen: dict[str, list[Attempt]] = {}
        for each in self.attempts:
            before = seen.setdefault(each.question, [])
            if each.place < len(self.plans) and not each.exchange.wants_stream:
                yield not_streamed(each.exchange.json, each.exchange.title)
            if before and each.place < len(self.plans):
                yield from self._once_too_often(each, before)
            before.append(each)

    def _once_too_often(self, attempt: Attempt, before: list[Attempt]) -> Iterator[Failure]:
        name, last = attempt.exchange.title, before[-1]
        shown = value("the question", attempt.question)
        if last.end == "stop":
            fact = f"{name} asks a question again, although its answer was complete."
            yield Failure(fact, "Every answer is paid for.", shown)
        elif last.end in UNFINISHED:
            fact = f"{name} asks again after an answer that {UNFINISHED[last.end]}."
            yield Failure(fact, AGAIN_WHY[last.end], shown)
        elif len(before) > 1:
            fact = f"{name} asks the same question for the third time."
            why = """A server in trouble gets even more requests if every client asks again and
again. So every program needs a limit; here it is one more attempt."""
            yield Failure(fact, why, shown)

    def _not_repeated(self) -> Failure | None:
        for attempt in self.attempts:
            if attempt.is_cut and len(self._before(attempt.question)) == 1:
                fact = f"{attempt.what_ended}, and your program didn't ask again."
                if attempt.end == "eof":
                    return Failure(fact, SILENT_WHY, _last_event(attempt.exchange))
                return Failure(fact, BROKEN_WHY)
        return None

    def _wrongly_kept(self, request: TracedExchange) -> Failure | None:
        ends = {each.question: each for each in self.attempts}  # the last attempt of each
        kept = dict(_pairs(turns(request)))
        for question, turn in kept.items():
            attempt = ends.get(question)
            if attempt is None or attempt.end == "stop":
                continue
            end = json.dumps(turn.text[-40:], ensure_ascii=False)[1:]
            shown = Excerpt(turn.place, f"...{end}", len(end) + 2)
            if attempt.end in UNFINISHED:
                fact = f"An answer that {UNFINISHED[attempt.end]} is kept as if it were complete."
                return Failure(fact, KEPT_WHY[attempt.end], shown)
            fact = f"Part of answer {attempt.place + 1}, which was cut off, is kept as complete."
            return Failure(fact, PART_WHY, shown)
        whole = [each for each in ends.values() if each.place < 5 and each.end == "stop"]
        for each in whole:
            if each.question not in kept:
                fact = f"The last request lacks answer {each.place + 1}, which was complete."
                roles = [turn.role for turn in turns(request)]
                return Failure(fact, CARRIED_WHY, value("roles of its turns", roles))
            turn = kept[each.question]
            if turn.text != each.text:
                fact = f"Answer {each.place + 1} is not kept as it came."
                return Failure(fact, ANEW_WHY, difference(turn.place, turn.text, each.text))
        return self._part_kept(request)

    def _part_kept(self, request: TracedExchange) -> Failure | None:
        """A part of an answer that isn't whole must stand nowhere in the request."""
        whole = [each.text for each in self.attempts if each.end == "stop"]
        for attempt in self.attempts:
            start = attempt.text[:PART_LETTERS]
            if attempt.end == "stop" or any(start in text for text in whole):
                continue
            for turn in turns(request):
                if len(start) == PART_LETTERS and start in turn.text:
                    fact = f"Part of answer {attempt.place + 1}, which isn't complete, was sent on."
                    return Failure(fact, PART_WHY, value(turn.place, start))
        return None


class ReallyCancel(Scene):
    """S4: after the first sentence a stream has to be closed, and the client goes on.

    A few more pieces follow that sentence. Then nothing comes until the stream was closed, or the
    second question shows that it was not. So a program that reads slowly has time enough, and one
    that reads on waits in vain. The second question is held until that is certain.
    """

    FEW: ClassVar[int] = 20
    DRIP_S: ClassVar[float] = 0.03
    PATIENCE_S: ClassVar[float] = 5.0
    """How long nothing comes. It is time to print the first sentence, letter by letter."""
    NOTICE_S: ClassVar[float] = 1.0
    """How long the server may take to notice that a stream was closed."""
    meanings: ClassVar[Mapping[str, str]] = {
        "APIConnectionError": """did you close the client? Then it can't send any more. Close the \
stream instead.""",
        "RuntimeError": "did you close the client? Close the stream instead.",
    }

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.sentences: list[str] = []
        self.behind: dict[int, int] = {}
        """Request -> how many events followed the piece with the first full stop."""
        self.open: dict[int, bool] = {}
        """The requests whose streams stayed open, each with whether it was read on."""

    def around(self, app: ASGIApp) -> ASGIApp:
        altered = AlteredStreams(app, self.trace, self.drip)

        async def held(scope: Scope, receive: Receive, send: Send) -> None:
            request = self.trace.exchanges[-1]
            streams = [each for each in self.streams() if self._question(each) is request]
            for each in streams:
                await until(partial(self._is_settled, each))
            await (app if streams else altered)(scope, receive, send)

        return held

    def _is_settled(self, stream: TracedExchange) -> bool:
        is_over = stream.left is not None or stream.ended is not None
        return is_over or stream.number in self.open

    def streams(self) -> list[TracedExchange]:
        """Those of the first question; the second one may be streamed, too."""
        streams = [each for each in self.trace.writing() if each.wants_stream]
        return [each for each in streams if not _said(streams[0], each)]

    def _question(self, stream: TracedExchange) -> TracedExchange | None:
        """The second question behind a stream; two halves may run at the same time."""
        streams = self.streams()
        others = {self._sentence(each) for each in streams if each is not stream}
        for each in self.trace.writing():
            if each.number > stream.number and each not in streams:
                said = _said(stream, each)
                if not said or said[0].text not in others:
                    return each
        return None

    def _sentence(self, stream: TracedExchange) -> str:
        text = "".join(written(stream))
        return next((each for each in self.sentences if each.startswith(text[: len(each)])), "")

    async def drip(self, exchange: TracedExchange, event: bytes) -> AsyncIterator[bytes]:
        number = exchange.number
        if self.open or exchange not in self.streams():
            pass
        elif number in self.behind:
            self.behind[number] += 1
            await asyncio.sleep(self.DRIP_S)
            if self.behind[number] > self.FEW:
                await self._wait_for_end(exchange)
        elif "." in "".join(written(exchange)):
            self.behind[number] = 0
        yield event

    async def _wait_for_end(self, stream: TracedExchange) -> None:
        """Return if the program leaves the stream open. If it closes it, this is cancelled."""
        is_asked = await until(lambda: self._question(stream) is not None, self.PATIENCE_S)
        if is_asked:
            await asyncio.sleep(self.NOTICE_S)
        self.open[stream.number] = not is_asked

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        if self.trace.writing()[-1] not in self.streams():
            return Answer([sentence(self.draw)])
        self.sentences.append(sentence(self.draw, 5))
        rest = [sentence(self.draw, 11) for _ in range(8)]
        # The piece with the full stop has a bit of the next sentence, too.
        first, last = self.sentences[-1][:-2], self.sentences[-1][-2:]
        shared = f"{last} {rest[0][:2]}"
        behind = " ".join(rest)[2:]
        return Answer([*pieces(self.draw, first), shared, *pieces(self.draw, behind)])

    def verdict(self) -> Failure | None:
        streams, asked = self.streams(), self.trace.writing()
        if not streams:
            return _no_stream(asked)
        for stream in streams:
            if stream.number in self.open:
                return self._left_open(stream)
            question = self._question(stream)
            if question is None:
                fact = f"After {stream.name} your program sent no second question."
                why = "After you close a stream, the same client can send more requests."
                return Failure(fact, why, is_absence=True)
            if found := _kept_sentence(stream, question, self._sentence(stream)):
                return found
        if len(streams) < 2:
            fact = "The asynchronous part of your program never asked for a stream."
            return Failure(fact, "The task asks for both.", is_absence=True)
        kinds = {_is_async(each) for each in streams}
        if len(kinds) == 1 and kinds != {None}:
            fact = f"Both streams were asked for {'a' * (kinds == {True})}synchronously."
            return Failure(
                fact, "Use `main` for the synchronous one, and `main_async` for the other."
            )
        return None

    def _left_open(self, stream: TracedExchange) -> Failure:
        fact = f"The stream of {stream.name} stayed open after the first sentence."
        why = ASYNC_OPEN_WHY if _is_async(stream) else OPEN_WHY
        if self.open[stream.number]:
            fact = f"Your program read on after the first sentence of the answer to {stream.name}."
            why = "You pay for everything that is written. Leave the loop, and close the stream."
        count = f"more than {self.FEW}"
        shown = Excerpt("pieces that were sent after the full stop", count, 0, "a few")
        return Failure(fact, why, shown)


def _is_async(request: TracedExchange) -> bool | None:
    """Which of the SDK's two clients sent a request; None if it came from neither.

    The SDK names its client in two headers (openai/_client.py, openai/_base_client.py).
    """
    agent = re.match(r"(Async)?(Azure)?OpenAI/Python ", request.headers.get("user-agent", ""))
    if agent:
        return agent[1] is not None
    named = request.headers.get("x-stainless-async")
    return None if named is None else named != "false"


def _kept_sentence(first: TracedExchange, request: TracedExchange, text: str) -> Failure | None:
    said = _said(first, request)
    if said and said[0].text != text:
        fact = "The assistant's turn isn't the text up to and including the first full stop."
        why = "A piece may hold the full stop and the beginning of the next sentence."
        return Failure(fact, why, difference(said[0].place, said[0].text, text))
    return _kept_answer(first, request, text)


OPEN_WHY = """`break` leaves the loop, but the stream still exists, and with it the connection. So
the server goes on writing, and you pay. `with stream:` or `stream.close()` closes it."""
ASYNC_OPEN_WHY = """`break` leaves the loop, but doesn't close the connection, so the server goes on
writing, and you pay. Use `async with stream:`, or `await stream.close()`. Without `await`, close()
does nothing."""


class ToolCalls(Scene):
    """S5: two calls, whose pieces alternate, have to come back with their results.

    The emulator sends one call after the other, so their events are put in another order here: at
    each turn one or two events of a call, each call's own in their order.
    """

    NAMES: ClassVar[list[str]] = "Saturn Jupiter Mars Venus Vega Deneb Altair Mizar Algol".split()
    meanings: ClassVar[Mapping[str, str]] = {
        "JSONDecodeError": """the text isn't the arguments of one call. Pieces of two calls \
are interleaved: join those with the same `index`. Parse them when the stream has ended.""",
        "ValidationError": """the text isn't the arguments of one call. Pieces of two calls \
are interleaved: join those with the same `index`, and parse them at the end. The SDK's helper \
`chat.completions.stream` can't do that: it parses a call as soon as another one begins.""",
    }

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        names, hours = draw.sample(self.NAMES, 2), draw.sample(range(18, 24), 2)
        self.asked = list(zip(names, hours, strict=True))
        texts = [json.dumps({"name": name, "hour": hour}) for name, hour in self.asked]
        self.calls = [Call("height", text, f"call_{draw.randbytes(12).hex()}") for text in texts]
        self.lanes: dict[int, list[dict[str, Any]]] = {}
        self.sent = 0

    def around(self, app: ASGIApp) -> ASGIApp:
        return AlteredStreams(app, self.trace, self.by_turns)

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        if len(self.trace.writing()) == 1:
            return Answer(calls=self.calls, finish="tool_calls")
        return Answer([sentence(self.draw)])

    async def by_turns(self, exchange: TracedExchange, event: bytes) -> AsyncIterator[bytes]:
        body = json.loads(event.partition(b"data: ")[2]) if b"[DONE]" not in event else {}
        lane = _lane(body)
        if lane is not None:
            self.lanes.setdefault(lane, []).append(body)
            return
        for each in self._merged():
            yield self._numbered(each)
        yield self._numbered(body) if "sequence_number" in body else event

    def _merged(self) -> Iterator[dict[str, Any]]:
        lanes = [self.lanes[index] for index in sorted(self.lanes)]
        self.lanes = {}
        while any(lanes):
            for lane in lanes:
                count = self.draw.randint(1, 2)
                yield from lane[:count]
                del lane[:count]

    def _numbered(self, body: dict[str, Any]) -> bytes:
        if "sequence_number" not in body:
            return sse.data(sse.compact(body))
        body |= {"sequence_number": self.sent}
        self.sent += 1
        return sse.event(body["type"], sse.compact(body))

    def verdict(self) -> Failure | None:
        asked = self.trace.writing()
        if found := _no_stream(asked):
            return found
        if not asked[0].json.get("tools"):
            fact = "The first request offers no tools."
            why = "The model can only call functions that the request describes in `tools`."
            return Failure(fact, why, value("tools", None))
        if len(asked) < 2:
            fact = "Your program asked once. The results of the calls never came."
            why = "The model waits for a result of each call before it writes its answer."
            return Failure(fact, why, is_absence=True)
        fetched = _fetched(self.trace, asked[1], [call.arguments for call in self.calls])
        shaped = fetched or _shapeless(asked[1]) or self._calls(asked[1])
        return shaped or self._results(asked[1], _item_ids(asked[0]))

    def _calls(self, request: TracedExchange) -> Failure | None:
        """The model has to see its own calls again, unless the server keeps them."""
        if request.json.get("previous_response_id"):
            return None
        came = {call[0]: call for turn in turns(request) for call in turn.calls}
        if not came:
            fact = f"{request.title} doesn't repeat the calls of the model."
            why = "A result without its call means nothing: send the calls first, in one turn."
            roles = [turn.role for turn in turns(request)]
            return Failure(fact, why, value("roles of its turns", roles))
        for place, call in enumerate(self.calls):
            name = f"call {place + 1} of 2"
            if call.id not in came:
                fact = f"{request.title} doesn't repeat {name}."
                return Failure(fact, LANE_WHY, value("ids of the calls", [*came], f'"{call.id}"'))
            _, function, arguments = came[call.id]
            if function != call.name:
                fact = f"The name of {name} differs from the one that the model gave."
                why = "The name comes in one piece, with the id."
                return Failure(fact, why, difference("name", function, call.name))
            if not _same_json(arguments, call.arguments):
                fact = f"The arguments of {name} are not those that the model gave."
                return Failure(fact, LANE_WHY, difference("arguments", arguments, call.arguments))
        return None

    def _results(self, request: TracedExchange, item_ids: list[str]) -> Failure | None:
        given = {turn.call_id: turn for turn in turns(request) if turn.role == "tool"}
        for place, (call, asked) in enumerate(zip(self.calls, self.asked, strict=True)):
            name, turn = f"call {place + 1} of 2", given.get(call.id)
            if turn is None and (used := [id for id in given if id in item_ids]):
                fact = f"The result of {name} names the id of the item, not that of the call."
                why = "An item has two ids. A result belongs to the `call_id`."
                shown = value("call_id", f"{used[0][:3]}...", json.dumps(call.id))
                return Failure(fact, why, shown)
            if turn is None:
                fact = f"{request.title} has no result for {name}."
                shown = value("call ids of the results", [*given], json.dumps(call.id))
                return Failure(fact, "Every call needs a result with its own id.", shown)
            if found := self._wrong_result(name, turn, height(*asked), 1 - place):
                return found
        return None

    def _wrong_result(
        self, name: str, turn: RequestTurn, expected: str, other_place: int
    ) -> Failure | None:
        """What is wrong with the text of a result; `name` is that of its call."""
        other = height(*self.asked[other_place])
        is_other = other in turn.text and other != expected
        if expected not in turn.text:
            fact = (
                f"The result of {name} is {'that of the other call' if is_other else 'not right'}."
            )
            why = "The model matches a result to its call by the id, and by nothing else."
            wanted = "It has to be what `height` returns for the arguments of this call."
            shown = difference(turn.place, turn.text, expected)
            return Failure(fact, why if is_other else wanted, shown)
        if is_other:
            fact = f"The result of {name} has that of the other call in it as well."
            return Failure(fact, "Each call gets its own result.", value(turn.place, turn.text))
        if len(values := set(HEIGHT.findall(turn.text))) > 1:
            fact = f"The result of {name} has {len(values)} values in it."
            why = "The model can't know which one is meant. Send the one that it asked for."
            return Failure(fact, why, value(turn.place, turn.text))
        return None


HEIGHT = re.compile(r"At \d+:00, \w+ stands \d+ degrees high")


def height(name: str, hour: int) -> str:
    """The same as in the stub."""
    return f"At {hour}:00, {name} stands {(7 * hour + 11 * len(name)) % 90} degrees high."


def _lane(body: Mapping[str, Any]) -> int | None:
    """To which call an event belongs, by its index; None for all other events."""
    for choice in body.get("choices") or ():
        for part in choice["delta"].get("tool_calls") or ():
            return int(part["index"])
    is_call = body.get("item", {}).get("type") == "function_call"
    if is_call or str(body.get("type")).startswith("response.function_call_arguments"):
        return int(body["output_index"])
    return None


def _shapeless(request: TracedExchange) -> Failure | None:
    """A tool call of a chat that hasn't the shape in which it came: type, id, function."""
    for place, message in enumerate(objects(request.json.get("messages"))):
        for number, call in enumerate(objects(message.get("tool_calls"))):
            where = f"messages[{place}].tool_calls[{number}]"
            if not isinstance(call.get("function"), Mapping):
                fact = f"Call {number + 1} in {request.name} has no object `function`."
                return Failure(fact, FUNCTION_WHY, missing(where, call, '"function" among them'))
            if call.get("type") != "function":
                fact = f"Call {number + 1} in {request.name} has no type."
                why = "OpenAI refuses a call without it, as there are other types than functions."
                wanted = '"type": "function"'
                return Failure(fact, why, missing(where, call, f"{wanted} among them"))
            if not call.get("id"):
                fact = f"Call {number + 1} in {request.name} has no id."
                why = "The result names the call by its id, so the call needs the one that it had."
                return Failure(fact, why, missing(where, call, '"id" among them'))
            arguments = call["function"].get("arguments")
            if isinstance(arguments, Mapping):
                fact = f"The arguments of call {number + 1} in {request.name} are not a string."
                why = "Send the string that the model wrote, as it came. json.loads is for you."
                wanted = json.dumps(json.dumps(arguments))
                return Failure(fact, why, value(f"{where}.function.arguments", arguments, wanted))
    return None


def _item_ids(exchange: TracedExchange) -> list[str]:
    items = [event.body.get("item") for event in exchange.events()]
    return [str(item.get("id")) for item in items if isinstance(item, Mapping)]


def _same_json(text: str, other: str) -> bool:
    try:
        return bool(json.loads(text) == json.loads(other))
    except ValueError:
        return False


FUNCTION_WHY = """The name and the arguments belong in an object of their own: {"id": ...,
"type": "function", "function": {"name": ..., "arguments": ...}}. The pieces of the stream had it,
too."""
LANE_WHY = """Only the first piece of a call has its id and its name. All later ones have only
the index, and pieces of two calls are interleaved. So keep a separate call for each index."""


class ResumeBackground(Scene):
    """S6: after each break the rest is asked for, from behind the last event that came."""

    meanings: ClassVar[Mapping[str, str]] = {
        "APIConnectionError": """the connection broke. The server goes on writing the response, so \
get the rest with client.responses.retrieve.""",
    }

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        ends = ["fin", "eof", *draw.choices(["fin", "eof"], k=draw.randint(1, 2))]
        draw.shuffle(ends)
        self.faults = [f"{end}@{draw.randint(5, 9)}" for end in ends]
        self.text = " ".join(sentence(draw) for _ in range(5))

    LOOKS: ClassVar[int] = 2
    """So often after a break the response may be looked at, without its stream."""

    def around(self, app: ASGIApp) -> ASGIApp:
        async def unfinished(scope: Scope, receive: Receive, send: Send) -> None:
            begun = self._as_begun() if self._is_look(self.trace.exchanges[-1]) else None
            if begun is None:
                await app(scope, receive, send)
            else:
                await change_answer(app, scope, receive, send, lambda _: begun)

        return unfinished

    def _is_look(self, request: TracedExchange) -> bool:
        """Whether a request just looks whether the response is still being written.

        It is, for all that a program can know before its stream has ended. So it finds no text.
        """
        since: list[TracedExchange] = []
        for each in self.trace.exchanges:
            since = [] if any(each.events()) else [*since, each]
        looks = [each for each in since if _is_of_response(each)]
        return request in looks and len(looks) <= self.LOOKS and not _is_rest(request)

    def _as_begun(self) -> Any:
        """The response as it was before its text; None if it was never sent, or is whole."""
        events = [event for each in self.trace.exchanges for event in each.events()]
        if any(event.type == "response.completed" for event in events):
            return None
        begun = (event.body.get("response") for event in events)
        return next((each for each in begun if each), None)

    def fault(self, request: TracedExchange) -> str:
        is_first = request.method == "POST" and _in_background(request)
        return self.faults.pop(0) if self.faults and (is_first or _is_rest(request)) else ""

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        is_question = len(self.trace.writing()) == 1
        return Answer(pieces(self.draw, self.text if is_question else sentence(self.draw), 5))

    def verdict(self) -> Failure | None:
        asked = self.trace.writing()
        if not asked:
            return Failure("No response was created.", "Begin with client.responses.create.")
        first, *later = self.trace.exchanges[self.trace.exchanges.index(asked[0]) :]
        if not _in_background(first):
            fact = "The first request doesn't ask for a background response."
            shown = value("background", first.json.get("background"), "true")
            return Failure(fact, BACKGROUND_WHY, shown)
        if not first.wants_stream:
            return not_streamed(first.json)
        return self._rest(first, later)

    def _rest(self, first: TracedExchange, later: list[TracedExchange]) -> Failure | None:
        last, is_whole = _last_number(first)
        for exchange in later:
            if exchange in self.trace.writing():
                kept = _kept_answer(first, exchange, self.text)
                return kept if is_whole else _begun_again(first, exchange, last)
            if not is_whole and _holds(exchange.answer_json, self.text):
                return _looked_up(exchange)
            if _is_rest(exchange) and (found := _resumed(exchange, last)):
                return found
            if any(True for _ in exchange.events()):
                last, is_whole = _last_number(exchange)
        fact = "The second question never came."
        if not is_whole:
            fact = f"The connection broke after event {last}, and your program didn't get the rest."
        why = "It shows whether you have the complete answer: nothing twice, nothing missing."
        return Failure(fact, why, is_absence=True)


def _is_of_response(request: TracedExchange) -> bool:
    return request.method == "GET" and bool(re.fullmatch(r"/v1/responses/[^/]+", request.path))


def _is_rest(request: TracedExchange) -> bool:
    return _is_of_response(request) and request.query.get("stream") == ["true"]


def _in_background(request: TracedExchange) -> bool:
    body = request.json
    return isinstance(body, Mapping) and body.get("background") is True


def _last_number(exchange: TracedExchange) -> tuple[int, bool]:
    """The number of the last event that was sent, and whether it completed the response."""
    last = [*exchange.events()][-1]
    return int(last.body["sequence_number"]), last.type == "response.completed"


def _begun_again(first: TracedExchange, request: TracedExchange, last: int) -> Failure:
    shown = value("the last event that had come", last)
    if _said(first, request):
        fact = "The second question came before the answer was complete."
        why = """A connection can end cleanly in the middle of an answer. Only `response.completed`
says that you have all of it."""
        return Failure(fact, why, shown)
    fact = f"{request.title} starts a second answer."
    why = """The server is still writing the first one, and you pay for it. The second one has
other words. Get the rest of the first: client.responses.retrieve(id, stream=True, ...)."""
    return Failure(fact, why, shown)


def _looked_up(request: TracedExchange) -> Failure:
    fact = f"{request.title} gets the response as it is now, not the rest of its stream."
    why = "Ask with stream=True, so that your reader can go on reading at once."
    return Failure(fact, why, value("query", request.query))


def _resumed(request: TracedExchange, last: int) -> Failure | None:
    """Whether a GET asks for the events behind the last one that came."""
    after = (request.query.get("starting_after") or [""])[-1]
    if after == str(last):
        return None
    if not after:
        fact = f"{request.title} gets the stream from its beginning."
        return Failure(fact, BEGINNING_WHY, value("starting_after", None, str(last)))
    fact = f"{request.title} asks for the events after {after}. The last one that came was {last}."
    why = "`starting_after` is the number of the last event that you have, not of the next."
    return Failure(fact, why, value("starting_after", after, str(last)))


BEGINNING_WHY = """All events come again, so the text comes twice. `starting_after` leaves out the
old ones. The SDK's helper `responses.stream` doesn't send it, so use `responses.retrieve`."""
BACKGROUND_WHY = """Only with a background response does the server go on writing when the
connection is gone. It needs background=True in the Responses API, and the default store=True."""


class RelayToBrowser(Scene):
    """S7: the program is a web server; this is the browser that opens its page twice.

    The first answer is held behind its first piece until the browser has that. The second one is
    held in the middle until the browser has all so far, and has left. A few more pieces drip. Then
    nothing comes until the stream of the API was closed, so only who closes it gets on.

    A program that just gives up after some pieces, or some time, does so on the first page as well.
    That page has more pieces than are sent of the second one. In the next run, it takes longer
    than the program took to close the second one.
    """

    MOST_READ: ClassVar[int] = 25
    FEW: ClassVar[int] = 8
    DRIP_S: ClassVar[float] = 0.03
    PATIENCE_S: ClassVar[float] = 4.0
    START_S: ClassVar[float] = 15.0
    limit_s = 40.0
    meanings: ClassVar[Mapping[str, str]] = {
        "'NoneType' object has no attribute 'encode'": """`relay` yielded None, which is no text. \
`delta.content` is None in the last chunk, so yield a piece only if there is one.""",
        "'coroutine' object is not iterable": """`relay` has no `yield`, so it is no generator. \
Yield each piece of the answer.""",
    }

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.questions = [sentence(draw, 6)[:-1] + "?" for _ in range(2)]
        self.texts = [" ".join(sentence(draw) for _ in range(count)) for count in (3, 12)]
        self.pieces = [pieces(draw, text, 5) for text in self.texts]
        self.most = draw.randint(3, self.MOST_READ)
        """How many pieces of the second page the browser reads."""
        self.behind = 0
        """How many events were sent after the browser had left."""
        self.page = b""
        self.problem = ""
        self.has_first = self.is_early = self.has_left = self.is_open = self.is_short = False
        self.has_ended = False
        """Whether the server served no more once the page was closed."""
        self.took_s = 0.0

    def prepare(self, folder: Path) -> dict[str, str]:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        return {"PORT": str(self.port)}

    def around(self, app: ASGIApp) -> ASGIApp:
        return AlteredStreams(app, self.trace, self.hold)

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        return Answer(self.pieces[min(len(self.trace.writing()), 2) - 1])

    async def hold(self, exchange: TracedExchange, event: bytes) -> AsyncIterator[bytes]:
        sent = len(written(exchange))
        if exchange is not self.trace.writing()[0]:
            await self._hold_second(exchange, sent)
        elif sent == 1 and not self.is_early:  # the browser may have that piece by now
            self.is_early = await until(lambda: self.has_first, self.PATIENCE_S)
            await asyncio.sleep(self.hold_s)
        yield event

    async def _hold_second(self, exchange: TracedExchange, sent: int) -> None:
        if sent == self.most:
            await until(lambda: self.has_left, self.START_S)
        if sent >= self.most:
            self.behind += 1
            await asyncio.sleep(self.DRIP_S)
        if self.behind > self.FEW and not self.is_open:  # closing the stream cancels this
            await asyncio.sleep(self.PATIENCE_S)
            self.is_open = True

    def waited_s(self) -> float:
        return self.took_s

    def drive(self, program: Program) -> Ending:
        try:
            self._read_page(program)
            if self.is_early:
                self._leave_page(program)
        except (OSError, HTTPException) as error:
            self.problem = f"{type(error).__name__}: {error}"
        ending = program.stop()
        if (self.problem or self.is_short) and "Traceback" in ending.errors:
            ending.code = ending.code or 1  # it goes on after an error, as servers do
        return ending

    def _open(self, program: Program, question: str) -> HTTPConnection:
        """Ask for the page, as soon as the server listens."""
        end = time.monotonic() + self.START_S
        while True:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("GET", f"/?question={quote_plus(question)}")
            except ConnectionError:
                if time.monotonic() > end or not program.is_running:
                    raise
                time.sleep(0.05)
            else:
                return connection

    def _read_page(self, program: Program) -> None:
        with closing(self._open(program, self.questions[0])) as connection:
            answer = connection.getresponse()
            self.page = answer.read1(10_000)
            self.has_first = bool(self.page)
            self.page += answer.read()

    def _leave_page(self, program: Program) -> None:
        wanted, got = len("".join(self.pieces[1][: self.most])), 0
        with closing(self._open(program, self.questions[1])) as connection:
            answer = connection.getresponse()
            while got < wanted and (data := answer.read1(10_000)):
                got += len(data)
            answer.close()
        self.has_left, self.is_short = True, got < wanted
        start = time.monotonic()
        while time.monotonic() < start + 2 * self.PATIENCE_S and not self._is_settled():
            time.sleep(0.02)
        self.took_s = time.monotonic() - start
        self.has_ended = not self._serves(program)

    def _serves(self, program: Program) -> bool:
        """Whether the server takes one more request, whatever it makes of that."""
        try:
            with closing(HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
                connection.request("GET", "/closed")
                connection.getresponse()
        except ConnectionRefusedError:
            return False
        except (OSError, HTTPException):  # it is about to end, or it answers no such request
            program.runs_until(lambda: False, 1.0)
        return program.is_running

    def _is_settled(self) -> bool:
        second = self.trace.writing()[1:2]
        is_over = any(each.left is not None or each.ended is not None for each in second)
        return is_over or self.is_open

    def verdict(self) -> Failure | None:
        asked = self.trace.writing()
        if found := _no_stream(asked):
            return found
        for request, question in zip(asked, self.questions, strict=False):
            said = [turn.text for turn in turns(request)]
            if not any(question in text for text in said):
                fact = f"{request.title} doesn't ask what the browser asked."
                return Failure(
                    fact, "The question is the argument of `relay`.", value("texts", said)
                )
        if not self.is_early and not self.problem:
            fact = "The browser got nothing before the whole answer had come."
            return Failure(fact, RELAY_WHY, Excerpt("what came first", self._beginning()))
        if found := self._wrong_page():
            return found
        if self.problem or len(asked) < 2:
            fact = "The browser got no page from your server."
            return Failure(fact, f"The error was {self.problem}.", is_absence=True)
        if self.is_short:
            fact = "The second page ended before its answer had, and before the browser left."
            return Failure(fact, CUT_PAGE_WHY, is_absence=True)
        if self.is_open:
            fact = "The page was closed, but the stream of the API stayed open."
            shown = Excerpt("pieces that were sent after that", f"more than {self.FEW}", 0, "a few")
            return Failure(fact, CLOSED_WHY, shown)
        if self.has_ended:
            fact = "Your server stopped when one page was closed."
            return Failure(fact, "Others may be reading. Close the stream, and let the server run.")
        return None

    def _wrong_page(self) -> Failure | None:
        """What is wrong with the first page, if the browser got one."""
        page = self.page.decode("utf-8", "replace")
        if page == self.texts[0] or self.problem:
            return None
        shown = difference("the page", page, self.texts[0])
        if self.texts[0].startswith(page):
            return Failure("The page ended before the answer of the API had.", CUT_PAGE_WHY, shown)
        return Failure("The page is not the answer of the API.", JOINED_WHY, shown)

    def _beginning(self) -> str:
        return json.dumps(self.page.decode("utf-8", "replace")[:40])


RELAY_WHY = """Each piece has to be passed on when it comes. If you join them first, the reader
waits as long as without a stream."""
CUT_PAGE_WHY = """Pass on every piece until the answer ends, or until the browser closes the page.
Nobody can know beforehand how long an answer is, or how long it takes."""
CLOSED_WHY = """When the page is closed, Starlette cancels `relay`, and nothing else. A task that
you started goes on reading, and you pay. Read the stream in `relay` itself, in `async with
stream:`."""


def _pairs(said: list[RequestTurn]) -> Iterator[tuple[str, RequestTurn]]:
    """Each assistant's turn with the question before it."""
    for before, turn in zip(said, said[1:], strict=False):
        if turn.role == "assistant":
            yield before.text, turn


def _last_event(exchange: TracedExchange) -> Excerpt | None:
    """What the stream said last."""
    event = [*exchange.events()][-1:]
    if not event or not written(exchange):
        return None
    if "choices" not in event[0].body:
        return Excerpt("the last event", event[0].type, 0, '"response.completed"')
    shown = json.dumps({"delta": event[0].body["choices"][0]["delta"], "finish_reason": None})
    return Excerpt("choices[0] of the last chunk", shown, shown.rindex("null"), '"stop"')


SILENT_WHY = """An answer is complete only if the stream says so. A proxy that gives up may end it
cleanly, so that nothing raises an exception. Look at the finish_reason, or at the type of the last
event, before you keep the text."""
BROKEN_WHY = """The client repeats a request by itself, but never one whose answer has begun: it
can't know what you have done with the part that came. Drop that part, and ask once more."""
UNFINISHED = {"length": "reached its limit", "content_filter": "a filter cut off"}
"""The finish_reasons of answers that aren't whole, and what such an answer met."""
AGAIN_WHY = {
    "length": """The same request reaches the same limit, and you pay twice. Shorten what you
ask for, or raise the limit.""",
    "content_filter": "The same question meets the same filter, and you pay twice.",
}
KEPT_WHY = {
    "length": """The finish_reason "length" says that the model had more to write. A reader
who takes the text for complete may miss the part that matters.""",
    "content_filter": """The finish_reason "content_filter" says that the rest was left out.
Only "stop" says that an answer is complete.""",
}
PART_LETTERS = 20
SILENT = ["eof", "stop"]
"""How the attempts at a question end of which one is cut behind a sentence, without a word."""
LATEST_CUT = 12
"""The number of events after which an answer is cut, at most."""
PART_WHY = "Half a sentence can say the opposite of the whole one. Drop it, or mark it as partial."
ANEW_WHY = """The second attempt is a new answer, not the rest of the first one. Start with an
empty text for each attempt."""


def nothing_asked() -> Failure:
    fact = "No request asked the model for an answer."
    return Failure(fact, "Use chat.completions.create or responses.create.", is_absence=True)


def _no_stream(asked: list[TracedExchange]) -> Failure | None:
    """What is wrong with the first request, if it got no stream."""
    if not asked:
        return nothing_asked()
    if not asked[0].wants_stream:
        return not_streamed(asked[0].json)
    return refused(asked[0]) if asked[0].status >= 400 and not asked[0].fault else None


def refused(request: TracedExchange) -> Failure:
    """A request with which something is wrong; where that ended the program, its error says it."""
    fact = f"The server refused {request.name} with status {request.status}."
    words = reason_in(request.answer_json) or "It gave no reason."
    return Failure(fact, words, is_absence=True)


def not_streamed(body: object, name: str = "The first request") -> Failure:
    fact = f"{name} didn't ask for a stream."
    why = "With stream=True the server sends the answer while it is being written."
    shown = value("stream", body.get("stream") if isinstance(body, dict) else None, "true")
    return Failure(fact, why, shown)


SCENES = {
    "S1": JoinDeltas,
    "S2": CountTokens,
    "S3": FinishedOrCut,
    "S4": ReallyCancel,
    "S5": ToolCalls,
    "S6": ResumeBackground,
    "S7": RelayToBrowser,
}
