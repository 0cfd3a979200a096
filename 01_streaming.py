"""Lesson 1. Streaming: show an answer while it is still being written.

1  stream    print each piece of an answer as it comes
2  race      the same question, whole and streamed: what streaming buys
3  events    the Responses API: typed events instead of chunks
4  usage     what it cost: the chunk that has no choices
5  stop      leave early, and the server stops, too
6  broken    the connection breaks: keep what came, and go on from there
7  together  several answers at once, with the async client
8  beyond    more than prose: calls of tools, and an object that grows

python 01_streaming.py                        all of it; no key needed
python 01_streaming.py race "Is it cold?"     one part, with your own question
"""

import asyncio
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path

# Python's option -P leaves the folder of the script out.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from console.lesson import Lesson, open_lesson

from openai import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AsyncOpenAI,
    OpenAI,
    pydantic_function_tool,
)
from openai.types import CompletionUsage
from openai.types.responses import ResponseStreamEvent
from openai.types.shared import ReasoningEffort
from pydantic import BaseModel

QUESTION = "What happens on a public evening at Fernhill Observatory? Answer in six sentences."
WISH = "Are there places for two people on Friday, and for four people on Saturday?"
QUICK_ONES = ["When does the last bus leave?", "May I bring my dog?", "What is the Lantern?"]


@dataclass(frozen=True)
class Ask:
    """A question and the model it is for; `effort` is how long that may think before it writes."""

    question: str
    model: str
    effort: ReasoningEffort


# -------------------------------------------------------------------- 1  stream


def stream(client: OpenAI, ask: Ask) -> Generator[str, None, None]:
    """Yield each piece of the answer as soon as it arrives.

    All of it takes as long as before, but the reader starts to read at once.
    """
    finish = None
    with client.chat.completions.create(
        model=ask.model,
        messages=[{"role": "user", "content": ask.question}],
        reasoning_effort=ask.effort,
        stream=True,
    ) as chunks:
        for chunk in chunks:
            # A chunk may come without a choice: the one that carries the usage does.
            for choice in chunk.choices:
                finish = choice.finish_reason or finish
                # The first delta tells the role and the last one nothing: both have no text.
                if choice.delta.content:
                    yield choice.delta.content
    # A connection that is cut looks like an end; only "stop" says that the answer is whole.
    if finish != "stop":
        raise EOFError(f"the stream ended with finish_reason {finish}")


# ---------------------------------------------------------------------- 2  race


@dataclass(frozen=True)
class Timing:
    """When each piece came, in seconds after the request; a piece is about a token."""

    arrivals: list[float]
    tokens: int


def race(
    client: OpenAI, ask: Ask, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Timing]:
    """Ask twice, and note when the text comes.

    Time to first token (TTFT) is what a reader feels; the speed after it only has to beat reading.
    """
    start = clock()
    completion = client.chat.completions.create(
        model=ask.model,
        messages=[{"role": "user", "content": ask.question}],
        reasoning_effort=ask.effort,
    )
    arrival = clock() - start
    tokens = completion.usage.completion_tokens if completion.usage else 0
    return {"whole": Timing([arrival], tokens), "streamed": measure(stream(client, ask), clock)}


def measure(pieces: Iterable[str], clock: Callable[[], float] = time.perf_counter) -> Timing:
    """Drain a stream, noting when each piece came."""
    start = clock()
    arrivals = [clock() - start for _ in pieces]
    return Timing(arrivals or [clock() - start], len(arrivals))


# -------------------------------------------------------------------- 3  events

MEANING = {
    "response.created": "the question has been taken, and the answer has an id",
    "response.in_progress": "the model is at work",
    "response.output_item.added": "an item of the answer begins: here a message",
    "response.content_part.added": "a part of that message begins: here text",
    "response.output_text.delta": "a piece of the text",
    "response.output_text.done": "the whole text once more",
    "response.content_part.done": "the part is complete",
    "response.output_item.done": "the item is complete",
    "response.completed": "the end, with the whole response and its usage",
    "response.incomplete": "the end, cut short: incomplete_details says why",
    "response.failed": "the end, by a failure: response.error says which",
    "error": "the end, by an error inside the stream",
}


def events(client: OpenAI, ask: Ask) -> Iterator[ResponseStreamEvent]:
    """Yield the typed events of an answer.

    Chat sends chunks of one shape. The Responses API, the newer one, says what each event means.
    """
    with client.responses.create(
        model=ask.model,
        input=ask.question,
        reasoning={"effort": ask.effort},
        store=False,
        stream=True,
    ) as stream_of_events:
        yield from stream_of_events


def text_of(seen: Iterable[ResponseStreamEvent]) -> tuple[str, str]:
    """Build the text from its deltas; give it back beside the text that the last event repeats."""
    text = ""
    for event in seen:
        if event.type == "response.output_text.delta":
            text += event.delta
        elif event.type == "response.completed":
            return text, event.response.output_text
        # The SDK raises nothing for these three: whoever does not look takes half for the whole.
        elif event.type == "error":
            raise EOFError(f"the stream carried an error: {event.message}")
        elif event.type == "response.failed":
            raise EOFError(f"the response failed: {event.response.error}")
        elif event.type == "response.incomplete":
            raise EOFError(f"the response was cut short: {event.response.incomplete_details}")
    raise EOFError("the stream ended without response.completed")


def outline(seen: Iterable[ResponseStreamEvent]) -> list[tuple[str, int, str]]:
    """The events in order, a run of the same type as one row: type, how many, meaning."""
    runs = [(kind, len(list(run))) for kind, run in groupby(event.type for event in seen)]
    return [(kind, count, MEANING.get(kind, "(new to this lesson)")) for kind, count in runs]


# --------------------------------------------------------------------- 4  usage


def usage(client: OpenAI, ask: Ask) -> CompletionUsage:
    """Count the tokens of a stream.

    A stream tells its cost only if asked to, in one chunk near its end that has no choices.
    """
    counted = None
    with client.chat.completions.create(
        model=ask.model,
        messages=[{"role": "user", "content": ask.question}],
        reasoning_effort=ask.effort,
        stream=True,
        stream_options={"include_usage": True},
    ) as chunks:
        for chunk in chunks:
            # Not always the very last chunk, and never there when the stream was cut.
            counted = chunk.usage or counted
    if counted is None:
        raise EOFError("the stream ended without its usage")
    return counted


# ---------------------------------------------------------------------- 5  stop


def stop(client: OpenAI, ask: Ask, sentences: int = 2) -> Iterator[str]:
    """Yield the first sentences, then close the stream.

    A bare break stops nothing: while the stream object lives the server writes on, and bills.
    Leaving a `with`, or close(), hangs up. Ctrl-C does the same here: what came stays.
    """
    with closing(stream(client, ask)) as pieces:
        for piece in pieces:
            yield piece
            if piece.rstrip().endswith((".", "!", "?")):
                sentences -= 1
            if sentences == 0:
                break


# -------------------------------------------------------------------- 6  broken


def broken(client: OpenAI, ask: Ask) -> tuple[str, str]:
    """Give back what arrived of an answer, and how it ended.

    A stream that has begun is never retried by the SDK, so what came must be kept here. These
    connections break on purpose, after twenty chunks.
    """
    text = ""
    try:
        for piece in stream(client, ask):
            text += piece
    except APITimeoutError:
        return text, "the server fell silent"
    except APIConnectionError:
        if not text:
            raise  # it never began
        return text, "the connection was lost"
    except APIError as error:
        return text, f"the server reported an error in the stream: {error.message}"
    except EOFError as error:
        return text, f"{error}, and the SDK had raised nothing"
    except ValueError as error:
        return text, f"the stream was garbled: {error}"
    return text, "complete"


ENDS = ("response.completed", "response.incomplete", "response.failed", "error")
CONNECTIONS = 20


def resume(client: OpenAI, ask: Ask) -> Iterator[tuple[int, ResponseStreamEvent]]:
    """Yield all events of an answer, each with the number of the connection that brought it.

    A response in background is written on whether or not anybody reads. Its events are numbered:
    whoever knows the last one that came can ask for those after it.
    """
    id, last = "", -1
    numbered_events = client.responses.create(
        model=ask.model,
        input=ask.question,
        reasoning={"effort": ask.effort},
        background=True,
        stream=True,
    )
    for connection in range(1, CONNECTIONS):
        with suppress(APIConnectionError), numbered_events:
            for event in numbered_events:
                if event.type == "response.created":
                    id = event.response.id
                last = event.sequence_number
                yield connection, event
                if event.type in ENDS:
                    return
        numbered_events = client.responses.retrieve(id, stream=True, starting_after=last)
    raise EOFError(f"{CONNECTIONS} connections were not enough")


def stretches(
    seen: Iterable[tuple[int, ResponseStreamEvent]],
) -> Iterator[tuple[int, str, str]]:
    """What each connection brought: its events by their numbers, and its stretch of the text."""
    for connection, pairs in groupby(seen, key=itemgetter(0)):
        came = [event for _, event in pairs]
        text = "".join(event.delta for event in came if event.type == "response.output_text.delta")
        yield connection, f"{came[0].sequence_number} to {came[-1].sequence_number}", text


# ------------------------------------------------------------------ 7  together


async def together(
    client: AsyncOpenAI, asks: Sequence[Ask], show: Callable[[int, str], None]
) -> None:
    """Stream several answers at once.

    They share one client and one event loop; each piece is shown in its lane as it comes.
    """

    async def one(lane: int, ask: Ask) -> None:
        chunks = await client.chat.completions.create(
            model=ask.model,
            messages=[{"role": "user", "content": ask.question}],
            reasoning_effort=ask.effort,
            stream=True,
        )
        finish = None
        async with chunks:
            async for chunk in chunks:
                for choice in chunk.choices:
                    finish = choice.finish_reason or finish
                    show(lane, choice.delta.content or "")
        if finish != "stop":
            raise EOFError(f"answer {lane} ended with finish_reason {finish}")

    async with client:
        await asyncio.gather(*(one(lane, ask) for lane, ask in enumerate(asks)))


# -------------------------------------------------------------------- 8  beyond


class Visit(BaseModel):
    day: str
    people: int


class Plan(BaseModel):
    visits: list[Visit]


COUNT_PLACES = pydantic_function_tool(
    Visit, name="count_places", description="How many places are left on a public evening."
)


def beyond(client: OpenAI, ask: Ask) -> Iterator[tuple[int, str]]:
    """Yield the calls of a tool that the model asks for: the index of the call, and a piece of it.

    The first piece of a call has its id and its name. The others are its arguments, bits of JSON
    that mean nothing alone: they are joined by index, and parsed when the stream has ended.
    """
    finish = None
    with client.chat.completions.create(
        model=ask.model,
        messages=[{"role": "user", "content": ask.question}],
        reasoning_effort=ask.effort,
        tools=[COUNT_PLACES],
        tool_choice="required",
        stream=True,
    ) as chunks:
        for chunk in chunks:
            for choice in chunk.choices:
                finish = choice.finish_reason or finish
                for part in choice.delta.tool_calls or []:
                    if part.function:
                        yield part.index, part.function.name or part.function.arguments or ""
    if finish != "tool_calls":
        raise EOFError(f"the stream ended with finish_reason {finish}")


def growing(client: OpenAI, ask: Ask) -> Iterator[object]:
    """Yield the object that answers, each time that more of it is known.

    JSON in pieces is no JSON yet. The SDK's helper closes the brackets that are still open, so
    that there is something to show; only the last object is checked against the class.
    """
    known: object = None
    with client.chat.completions.stream(
        model=ask.model,
        messages=[{"role": "user", "content": ask.question}],
        reasoning_effort=ask.effort,
        response_format=Plan,
    ) as helper_events:
        for event in helper_events:
            if event.type in ("content.delta", "content.done") and event.parsed != known:
                known = event.parsed
                yield known
    if not isinstance(known, Plan):
        raise EOFError("the stream ended before the object was complete")


# -------------------------------------------------------------------------- main


def main() -> None:
    with open_lesson(__file__, tour_tokens=(500, 1700)) as lesson:
        client, terminal = lesson.client, lesson.terminal
        ask = Ask(lesson.question or QUESTION, lesson.settings.model, lesson.settings.effort)
        if lesson.part(stream):
            terminal.live(stream(client, ask))
        if lesson.part(race):
            terminal.timings(race(client, ask))
        if lesson.part(events):
            seen = list(events(client, ask))
            terminal.table(["event", "times", "what it means"], outline(seen))
            built, final = text_of(seen)
            terminal.note(
                f"{len(built)} letters in deltas; the same as the final text: {built == final}"
            )
        if lesson.part(usage):
            cost = usage(client, ask)
            counts = (cost.prompt_tokens, cost.completion_tokens)
            terminal.table(["tokens in", "tokens out"], [counts])
        if lesson.part(stop):
            terminal.live(stop(client, ask))
        if lesson.part(broken):
            show_broken(lesson, ask)
        if lesson.part(together):
            questions = [lesson.question or QUICK_ONES[0], *QUICK_ONES[1:]]
            asks = [replace(ask, question=question) for question in questions]
            with terminal.lanes([each.question for each in asks]) as lanes:
                asyncio.run(together(lesson.connection.async_client(), asks, lanes.add))
        if lesson.part(beyond):
            show_beyond(lesson, replace(ask, question=lesson.question or WISH))


def show_broken(lesson: Lesson, ask: Ask) -> None:
    rows = [(how, *broken(lesson.connection.broken(how), ask)) for how in lesson.connection.breaks]
    lesson.terminal.table(["break", "kept", "how it ended"], rows)
    lesson.terminal.note("The same in background: each time that the line breaks, it is picked up.")
    picked_up = resume(lesson.connection.broken("cut", after=50), ask)
    lesson.terminal.table(["connection", "events", "text"], stretches(picked_up))


def show_beyond(lesson: Lesson, ask: Ask) -> None:
    with lesson.terminal.lanes(more="call") as lanes:
        for index, piece in beyond(lesson.client, ask):
            lanes.add(index, piece)
    lesson.terminal.live(f"{known}\n" for known in growing(lesson.client, ask))


if __name__ == "__main__":
    main()
