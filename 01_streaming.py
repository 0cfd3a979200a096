"""Lesson 1. Streaming: show an answer while it is being written. Run it: python3 course.py 1

Each part is a small program: copy its functions into a file of your own, and they run. `OpenAI()`
reads OPENAI_BASE_URL and OPENAI_API_KEY. The course sets both, to your values or the emulator's.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from threading import Thread

sys.path.insert(0, str(Path(__file__).resolve().parent))  # python -P leaves it out

from console.lesson import open_lesson

from jiter import from_json
from openai import APIConnectionError, APIError, AsyncOpenAI, OpenAI, pydantic_function_tool
from openai.types import CompletionUsage, ReasoningEffort
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
from openai.types.responses import ResponseStreamEvent
from openai.types.shared_params.response_format_json_schema import JSONSchema
from pydantic import BaseModel


# ------------------------------------ 1  stream: Print an answer while it is being written
def stream(question: str, model: str) -> None:
    client = OpenAI()
    chunks = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": question}],
        stream=True,
    )
    for piece in read(chunks):
        print(piece, end="", flush=True)
    print()


def read(chunks: Iterable[ChatCompletionChunk]) -> Iterator[str]:
    """Yield the text of a stream. Raises EOFError if the end of the answer is missing."""
    finish = refusal = None
    for chunk in chunks:
        # A chunk may have no choices, and a delta may have no text.
        for choice in (chunk and chunk.choices) or []:
            finish = choice.finish_reason or finish
            if choice.delta:
                refusal = choice.delta.refusal or refusal
                yield choice.delta.content or choice.delta.refusal or ""
    if refusal:
        yield " [The model refused.]"
    # "length" and "content_filter" mean that it was cut off. Without a reason, no end arrived.
    if finish != "stop":
        raise EOFError(f"finish_reason is {finish or 'missing'}")


# ------------------------------------ 2  compare: Compare waiting with streaming
def compare(question: str, model: str, show: Callable[[int, str], None]) -> None:
    """Ask the same question twice at the same time; `show` adds text to column 0 or 1."""
    client = OpenAI()
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": question}]

    def wait() -> None:
        completion = client.chat.completions.create(model=model, messages=messages)
        show(0, "".join(each.message.content or "" for each in completion.choices if each.message))

    waiting = Thread(target=wait, daemon=True)  # so that Ctrl-C doesn't wait for it
    waiting.start()
    chunks = client.chat.completions.create(model=model, messages=messages, stream=True)
    for piece in read(chunks):
        show(1, piece)
    waiting.join()


# ------------------------------------ 3  events: Read the typed events of the Responses API
def events(client: OpenAI, question: str, model: str) -> Iterator[ResponseStreamEvent]:
    answer = client.responses.create(model=model, input=question, store=False, stream=True)
    yield from read_events(answer)


def read_events(events: Iterable[ResponseStreamEvent]) -> Iterator[ResponseStreamEvent]:
    """Yield the events of a response. Raises EOFError if it isn't complete at its end."""
    for event in (each for each in events if each):  # `data: null` only keeps a connection open
        yield event
        if event.type == "response.completed":
            return
        # The SDK raises no exception for these three, so your code has to look.
        if event.type in ("response.incomplete", "response.failed"):
            why = event.response and (event.response.error or event.response.incomplete_details)
            raise EOFError(f"{event.type}: {why.to_json(indent=None) if why else 'no reason'}")
        if event.type == "error":
            raise EOFError(f"error: {event.code or ''} {event.message or 'no reason'}")
    raise EOFError("the stream ended without response.completed")


def text_of(event: ResponseStreamEvent) -> str:
    if event.type == "response.output_text.delta" or event.type == "response.refusal.delta":
        return event.delta or ""
    return " [The model refused.]" if event.type == "response.refusal.done" else ""


# ------------------------------------ 4  chat: Hold a conversation
def chat(client: OpenAI, questions: Sequence[str], model: str) -> None:
    """Chat Completions: the server keeps nothing, so you send all messages every time."""
    messages: list[ChatCompletionMessageParam] = []
    for question in questions:
        print(f"> {question}")
        messages.append({"role": "user", "content": question})
        answer = ""
        chunks = client.chat.completions.create(model=model, messages=messages, stream=True)
        for piece in read(chunks):
            answer += piece
            print(piece, end="", flush=True)
        messages.append({"role": "assistant", "content": answer.encode(errors="replace").decode()})
        print()


def chat_by_id(client: OpenAI, questions: Sequence[str], model: str) -> None:
    """Responses: the server keeps each response, so you name the previous one."""
    previous: str | None = None
    for question in questions:
        print(f"> {question}")
        events = client.responses.create(
            model=model, input=question, previous_response_id=previous, stream=True
        )
        for event in read_events(events):
            print(text_of(event), end="", flush=True)
            if event.type == "response.completed" and event.response:
                previous = event.response.id
        print()


# ------------------------------------ 5  usage: Count the tokens and the cents
def usage(client: OpenAI, question: str, model: str) -> CompletionUsage | None:
    counted, finished = None, False
    for chunk in client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": question}],
        stream=True,
        stream_options={"include_usage": True},
    ):
        counted = (chunk and chunk.usage) or counted
        finished |= any(choice.finish_reason for choice in (chunk and chunk.choices) or [])
    if not finished:
        raise EOFError("finish_reason is missing")
    return counted


def cents(counted: CompletionUsage, price_in: float, price_out: float) -> float:
    """Prices are in dollars for a million tokens."""
    return (counted.prompt_tokens * price_in + counted.completion_tokens * price_out) / 10_000


# ------------------------------------ 6  stop: Stop early, and see that the server stopped
def stop(client: OpenAI, question: str, model: str) -> str | None:
    """Print the first pieces, then close the stream; return the id of the request."""
    with client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], stream=True
    ) as chunks:
        for piece in islice(read(chunks), 30):
            print(piece, end="", flush=True)
    print()  # Leaving the `with` closed the connection. Leaving only the loop keeps it open.
    return chunks.response.headers.get("x-request-id")


# ------------------------------------ 7  recover: Recover when the connection breaks
def recover(client: OpenAI, question: str, model: str) -> tuple[str, str]:
    """Return the text that came, and how the stream ended."""
    text = ""
    chunks = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], stream=True
    )
    try:
        for piece in read(chunks):
            text += piece
    except (APIError, EOFError, ValueError) as error:
        # The SDK raises APIError, and `read` EOFError. Half an event isn't JSON: ValueError.
        return text, f"{type(error).__name__}: {error}"
    return text, "complete"


# ------------------------------------ 8  resume: Resume an answer after a break
def resume(client: OpenAI, question: str, model: str) -> Iterator[str]:
    """Yield the whole text once, however often the connection breaks."""
    id, last = "", -1
    # With background=True the server keeps writing even if nobody reads.
    events = client.responses.create(model=model, input=question, background=True, stream=True)
    for _ in range(20):
        try:
            if id:
                events = client.responses.retrieve(id, stream=True, starting_after=last)
            for event in read_events(events):
                # A server may leave the numbers out, or send old events again.
                number = last + 1 if event.sequence_number is None else event.sequence_number
                if event.type == "response.created" and event.response:
                    id = event.response.id
                if number > last:
                    yield text_of(event)
                last = max(last, number)
            return
        except APIConnectionError:
            if not id:
                raise
            yield f" [the connection broke after event {last}] "
    raise EOFError("20 connections were not enough")


# ------------------------------------ 9  together: Stream several answers at once
async def together(questions: Sequence[str], model: str, show: Callable[[int, str], None]) -> None:
    async def answer(column: int, question: str) -> None:
        chunks = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": question}], stream=True
        )
        finish = None
        async for chunk in chunks:
            for choice in (chunk and chunk.choices) or []:
                finish = choice.finish_reason or finish
                if choice.delta:
                    show(column, choice.delta.content or choice.delta.refusal or "")
        if finish != "stop":
            raise EOFError(f"finish_reason is {finish or 'missing'}")

    async with AsyncOpenAI() as client:
        await asyncio.gather(*(answer(*each) for each in enumerate(questions)))


# ------------------------------------ 10  tools: Stream tool calls
class Visit(BaseModel):
    day: str
    people: int


def tools(client: OpenAI, question: str, model: str, effort: ReasoningEffort) -> None:
    calls: dict[str, dict[str, str]] = {}  # id -> name and arguments
    newest, finish, text = dict[int, str](), None, ""  # index -> the id of its newest call
    for chunk in client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": question}],
        reasoning_effort=effort,  # in chat, gpt-6-luna takes tools only with "none"
        tools=[pydantic_function_tool(Visit, name="count_places", description="Places left")],
        stream=True,
    ):
        for choice in (chunk and chunk.choices) or []:
            finish = choice.finish_reason or finish
            text += (choice.delta and (choice.delta.content or choice.delta.refusal)) or ""
            for part in (choice.delta and choice.delta.tool_calls) or []:
                # Only the first part of a call has its id. Some servers leave the index out.
                index = part.index or 0
                newest[index] = part.id or newest.get(index, f"call {index}")
                call = calls.setdefault(newest[index], {"name": "", "arguments": ""})
                if part.function:
                    call["name"] = call["name"] or part.function.name or ""
                    call["arguments"] += part.function.arguments or ""
    if finish not in ("tool_calls", "stop"):
        raise EOFError(f"finish_reason is {finish or 'missing'}; {len(calls)} calls, text: {text}")
    for call in calls.values():
        text += f"\n{call['name']} {Visit.model_validate_json(call['arguments'])}"
    print(text.lstrip() if calls else f"The model called no function. It wrote: {text}")


# ------------------------------------ 11  objects: Stream an object
class Plan(BaseModel):
    visits: list[Visit]


def objects(client: OpenAI, question: str, model: str) -> Iterator[object]:
    """Yield the object each time more of it has arrived; the last one is a Plan."""
    schema = pydantic_function_tool(Plan)["function"]["parameters"]
    plan: JSONSchema = {"name": "plan", "strict": True, "schema": schema}
    chunks = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": question}],
        response_format={"type": "json_schema", "json_schema": plan},
        stream=True,
    )
    text = b""
    for piece in read(chunks):
        text += piece.encode(errors="replace")
        with suppress(ValueError):  # half an object isn't JSON; this parser closes its brackets
            yield from_json(text, partial_mode="trailing-strings")
    try:
        yield Plan.model_validate_json(text)
    except ValueError:
        raise EOFError(f"this isn't a Plan: {text.decode()}") from None


# ------------------------------------ main
def main() -> None:
    with open_lesson(__file__, tour_tokens=(1_000, 2_500)) as lesson:
        client = OpenAI(timeout=60)
        terminal, model = lesson.terminal, lesson.settings.model
        if lesson.part(stream):
            stream(lesson.question, model)
        if lesson.part(compare):
            with terminal.lanes(["waiting", "streaming"]) as lanes:
                compare(lesson.question, model, lanes.add)
            terminal.timings(lanes)
        if lesson.part(events):
            terminal.events(events(client, lesson.question, model), lesson.meanings)
        if lesson.part(chat):
            chat(client, lesson.questions, model)
            terminal.note("The same by previous_response_id:")
            chat_by_id(client, lesson.questions, model)
            terminal.note("The second question alone, without the first:")
            chat(client, [lesson.question], model)
        if lesson.part(usage):
            counted = usage(client, lesson.question, model)
            terminal.bill(counted, cents(counted, *lesson.prices) if counted else 0, lesson.prices)
        if lesson.part(stop):
            lesson.show_request(stop(client, lesson.question, model))
        if lesson.part(recover):
            for how, what in lesson.breaks.items():
                broken = OpenAI(base_url=lesson.breaking(how), timeout=1)
                terminal.broken(what, *recover(broken, lesson.question, model))
        if lesson.part(resume):
            address = lesson.breaking("cut", after=50)
            terminal.live(resume(OpenAI(base_url=address), lesson.question, model))
        if lesson.part(together):
            with terminal.lanes(lesson.questions) as lanes:
                lesson.run(together(lesson.questions, model, lanes.add))
        if lesson.part(tools):
            tools(client, lesson.question, model, lesson.settings.effort)
        if lesson.part(objects):
            terminal.changes(objects(client, lesson.question, model))


if __name__ == "__main__":
    main()
