"""Lesson 3. Realtime: a spoken conversation over one WebSocket, which the caller can interrupt.

1  text       a turn in writing: events both ways, and the same without the SDK
2  voice      a turn in speech: sound in pieces, turn detection, both sides in words
3  interrupt  the caller cuts in: the sound stops, the server is told what was heard
4  tool       the caller books: a function is called, and the desk confirms in words
5  reconnect  the line drops: a new session is told what the old one knew

python 03_realtime_api.py                  all of it; no key, no microphone needed
python 03_realtime_api.py interrupt        one part
"""

import asyncio
import json
import sys
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import Literal, cast

# Python's option -P leaves the folder of the script out.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from audio.playback import Cut
from audio.wav import WavMicrophone, WavSpeaker
from console.call_display import caller_for, keep_call
from console.lesson import Lesson, open_lesson

from openai import AsyncOpenAI, OpenAI, OpenAIError, WebSocketQueueFullError
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import (
    ConversationItemParam,
    RealtimeError,
    RealtimeFunctionToolParam,
    RealtimeResponse,
    RealtimeServerEvent,
    RealtimeSessionCreateRequestParam,
)
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

QUESTION = "When does the last bus leave?"
INSTRUCTIONS = """You answer the telephone at the desk of Fernhill Observatory. Be friendly, and
answer in at most two short sentences."""
CALLERS = Path(__file__).with_name("data") / "callers"
# Two events that crossed on the way: nothing is wrong then.
HARMLESS = {"response_cancel_not_active", "conversation_already_has_active_response"}
MODEL = attrgetter("realtime_model")
TOUR = (640, 1_550)
OPTIONS = [("--calls", "calls", "where the sound of the calls is kept (default: calls/)")]


# -------------------------------------------------------------------- 1  text


def text(client: OpenAI, model: str, question: str) -> Iterator[RealtimeServerEvent]:
    """Yield the events of a turn in writing.

    HTTP has a request and its answer. Here one socket stays open, and both sides send events when
    they like: the session, then an item of the conversation, then the wish for a response.
    """
    with client.realtime.connect(model=model) as connection:
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        connection.conversation.item.create(item=written("user", question))
        connection.response.create()
        for event in connection:
            # A server that refuses something says so in an event, and waits for the next one.
            if event.type == "error":
                check(event.error)
            yield event
            if event.type == "response.done":
                return
    # A connection that is closed looks like an end; only "response.done" says that it is one.
    raise EOFError("the server hung up before its response was done")


def bare(
    url: str, key: str, question: str, proxy: Literal[True] | None = True
) -> Iterator[dict[str, object]]:
    """The same without the SDK: what it sends is JSON, and what comes is JSON.

    `proxy` is None for a server on this machine, which no proxy could reach.
    """
    session = {"type": "realtime", "output_modalities": ["text"]}
    headers = {"Authorization": f"Bearer {key}"}
    with connect(url, additional_headers=headers, proxy=proxy) as socket:
        socket.send(json.dumps({"type": "session.update", "session": session}))
        item = written("user", question)
        socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
        socket.send(json.dumps({"type": "response.create"}))
        for message in socket:
            event = json.loads(message)
            yield event
            if event["type"] in ("error", "response.done"):
                return


def written(role: str, words: str) -> ConversationItemParam:
    """A message of the user's, or one that the assistant is told to have said."""
    kind = "input_text" if role == "user" else "output_text"
    content = [{"type": kind, "text": words}]
    return cast(ConversationItemParam, {"type": "message", "role": role, "content": content})


# ------------------------------------------------------------------- 2  voice


@dataclass
class VoiceCall:
    """A call: what the session is to be, both ends of the sound, and what is known so far."""

    model: str
    session: RealtimeSessionCreateRequestParam
    microphone: WavMicrophone
    speaker: WavSpeaker
    connection: AsyncRealtimeConnection | None = None
    response_id: str = ""
    is_over: bool = False
    cut_off: set[str] = field(default_factory=set)
    cuts: list[Cut] = field(default_factory=list)
    history: dict[str, ConversationItemParam | None] = field(default_factory=dict)


def session_config(transcriber: str) -> RealtimeSessionCreateRequestParam:
    """What the session is to be; whatever a call relies on is said, as defaults have changed."""
    return {
        "type": "realtime",
        "instructions": INSTRUCTIONS,
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                # 24,000 samples a second of 16 bits: a second is 48,000 bytes.
                "format": {"type": "audio/pcm", "rate": 24_000},
                # The words of the caller, for people to read: the model hears the sound itself.
                "transcription": {"model": transcriber},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "marin"},
        },
        "tools": [BOOK],
    }


async def voice(client: AsyncOpenAI, call: VoiceCall) -> AsyncGenerator[RealtimeServerEvent, None]:
    """Hold a call until the caller hangs up: send what is said, play what comes, yield each event.

    The server finds in the sound where a turn ends, and answers by itself. Its sound comes faster
    than anybody can listen, so it waits in the speaker.
    """
    async with client.realtime.connect(
        model=call.model, on_reconnecting=lambda event: None
    ) as connection:
        call.connection = connection
        sending = asyncio.create_task(send(connection, call))
        try:
            async for event in connection:
                # What meets a line that has just dropped is lost; the SDK then connects again.
                with suppress(ConnectionClosed):
                    await react(connection, call, event)
                yield event
        finally:
            sending.cancel()
    if not call.is_over:
        raise EOFError("the server hung up in the middle of the call")


async def send(connection: AsyncRealtimeConnection, call: VoiceCall) -> None:
    """Send the caller's sound, 20 ms at a time; no event says that it arrived."""
    async for frame in call.microphone:
        # The SDK keeps what meets a line that is down, up to a megabyte.
        with suppress(ConnectionClosed, WebSocketQueueFullError):
            await connection.input_audio_buffer.append(audio=b64encode(frame).decode())
    call.is_over = True
    await connection.close()


async def react(
    connection: AsyncRealtimeConnection, call: VoiceCall, event: RealtimeServerEvent
) -> None:
    """Do what an event calls for; most of them call for nothing."""
    if event.type == "error":
        check(event.error)
    elif event.type == "session.created":
        await reconnect(connection, call)
    elif event.type == "response.created":
        call.response_id = event.response.id or ""
    elif event.type == "response.output_audio.delta" and event.response_id not in call.cut_off:
        call.speaker.play(event.item_id, b64decode(event.delta), response_id=event.response_id)
    elif event.type == "response.output_audio.done":
        call.speaker.finish(event.item_id)
    elif event.type == "input_audio_buffer.speech_started":
        await interrupt(connection, call)
    elif event.type == "response.done":
        await tool(connection, event.response)
    remember(call, event)


def check(error: RealtimeError) -> None:
    """Raise OpenAIError for an `error` event, unless it only tells that two events crossed."""
    is_late_cut = (error.event_id or "").startswith("truncate_")
    if not is_late_cut and error.code not in HARMLESS:
        raise OpenAIError(f"{error.message} ({error.code or error.type})")


# --------------------------------------------------------------- 3  interrupt


async def interrupt(connection: AsyncRealtimeConnection, call: VoiceCall) -> None:
    """The caller speaks: fall silent at once, and tell the server how much was heard.

    It has sent most of its answer already, and believes that all of it was said. Of what was
    heard only this side knows; the server forgets the rest.
    """
    # The server ends its response by itself; what is still on the way must not sound.
    call.cut_off.add(call.response_id)
    cut = call.speaker.stop()
    # Before its first sound, and after its last, there is nothing to cut.
    if cut:
        call.cuts.append(cut)
        await connection.conversation.item.truncate(
            item_id=cut.item_id,
            content_index=cut.content_index,
            audio_end_ms=cut.audio_end_ms,
            event_id=f"truncate_{len(call.cuts)}",
        )


# -------------------------------------------------------------------- 4  tool

BOOK: RealtimeFunctionToolParam = {
    "type": "function",
    "name": "book_slot",
    "description": "Book places at the telescope for an evening.",
    "parameters": {
        "type": "object",
        "properties": {
            "date": {"type": "string", "format": "date", "description": "The day, YYYY-MM-DD"},
            "time": {"type": "string", "description": "The hour, HH:MM"},
            "people": {"type": "integer", "description": "How many people come"},
        },
        "required": ["date", "time", "people"],
    },
}
_numbers = count(4711)


async def tool(connection: AsyncRealtimeConnection, response: RealtimeResponse) -> None:
    """Run what a response has called, hand in what came of it, and let the desk tell it.

    The arguments come as deltas, like text. One response at a time may be under way, so the next
    is asked for when this one is done.
    """
    calls = [item for item in response.output or [] if item.type == "function_call"]
    # Half a call, where the caller cut in, is none.
    if response.status != "completed":
        return
    for item in calls:
        # A model may call with arguments that do not fit: it is told, and can mend them.
        try:
            result = book_slot(**json.loads(item.arguments))
        except (TypeError, ValueError) as error:
            result = {"error": str(error)}
        output = json.dumps(result)
        await connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": item.call_id or "", "output": output}
        )
    if calls:
        await connection.response.create()


def book_slot(date: str, time: str, people: int) -> dict[str, object]:
    """The observatory's booking system, as far as a lesson needs one."""
    if people > 6:
        return {"booked": False, "reason": "a slot holds six people"}
    return {"booked": True, "number": next(_numbers), "date": date, "time": time, "people": people}


# --------------------------------------------------------------- 5  reconnect


async def reconnect(connection: AsyncRealtimeConnection, call: VoiceCall) -> None:
    """A session has begun: say what it is to be, and what was said before it.

    After a drop the SDK connects again, if `on_reconnecting` is given. But a new connection is a
    new session, which knows nothing: neither the settings nor a word of the conversation.
    """
    await connection.session.update(session=call.session)
    for item in call.history.values():
        if item is not None:
            await connection.conversation.item.create(item=item)


def remember(call: VoiceCall, event: RealtimeServerEvent) -> None:
    """Keep what was said, by item: a caller's words may come after the answer to them."""
    if event.type == "conversation.item.added" and event.item.id:
        call.history.setdefault(event.item.id, None)
    elif event.type == "conversation.item.input_audio_transcription.completed":
        call.history[event.item_id] = written("user", event.transcript)
    elif event.type == "response.output_audio_transcript.done":
        call.history[event.item_id] = written("assistant", event.transcript)
    elif event.type == "conversation.item.truncated":
        # Nobody knows which of its words were heard.
        call.history[event.item_id] = None


# ------------------------------------------------------------------- what is shown

MEANING = {
    "session.created": "first of all: the session, with all its defaults",
    "session.updated": "our wishes, among the defaults",
    "conversation.item.added": "an item stands in the conversation",
    "conversation.item.done": "and is complete",
    "response.created": "the model begins to answer",
    "response.output_item.added": "an item of the answer begins",
    "response.content_part.added": "a part of it begins: text, or sound",
    "response.output_text.delta": "a piece of the text",
    "response.output_text.done": "all of the text",
    "response.content_part.done": "the part is complete",
    "response.output_item.done": "the item is complete",
    "response.done": "the end: why it ended, and what it cost",
}


def main() -> None:
    with open_lesson(__file__, TOUR, OPTIONS, MODEL, asking=["text"]) as lesson:
        if lesson.part(text):
            show_text(lesson, lesson.question or QUESTION)
        if lesson.part(voice):
            show_call(lesson, "voice", {"ask-closed": None})
        if lesson.part(interrupt):
            call = show_call(lesson, "interrupt", {"ask-programme": None, "cut-in-price": 2_000})
            show_cuts(lesson, call)
        if lesson.part(tool):
            show_call(lesson, "tool", {"book-two": None})
        if lesson.part(reconnect):
            clips = {"ask-ticket": None, "follow-up-daughter": None}
            show_call(lesson, "reconnect", clips, is_dropped=True)


def show_text(lesson: Lesson, question: str) -> None:
    client, terminal, model = lesson.client, lesson.terminal, lesson.settings.realtime_model
    seen: list[RealtimeServerEvent] = []
    terminal.question(question)
    terminal.live(deltas(text(client, model, question), seen))
    times = Counter(event.type for event in seen)
    rows = [(kind, number, MEANING.get(kind, "")) for kind, number in times.items()]
    terminal.table(["event", "times", "what it means"], rows, folded=2)
    url = (
        f"{client.base_url.copy_with(scheme=lesson.connection.socket_scheme)}realtime?model={model}"
    )
    proxy = lesson.connection.socket_proxy
    told = [event["type"] for event in bare(url, client.api_key, question, proxy)]
    terminal.note(f"Without the SDK: {len(told)} messages, from {told[0]} to {told[-1]}.")


def deltas(events: Iterable[RealtimeServerEvent], seen: list[RealtimeServerEvent]) -> Iterator[str]:
    """The text of the events, which are all kept in `seen`."""
    for event in events:
        seen.append(event)
        if event.type == "response.output_text.delta":
            yield event.delta


def show_call(
    lesson: Lesson, name: str, clips: Mapping[str, int | None], *, is_dropped: bool = False
) -> VoiceCall:
    """Let a caller ring who speaks these clips, and keep the sound of both sides."""
    settings, caller = lesson.settings, caller_for(lesson)
    session = session_config(settings.transcribe_model)
    call = VoiceCall(settings.realtime_model, session, caller.microphone, caller.speaker)
    drop = lesson.connection.drop if is_dropped else None
    files = {CALLERS / f"{clip}.wav": cut_ms for clip, cut_ms in clips.items()}

    async def hold() -> None:
        async with lesson.connection.async_client() as client:
            show = lesson.terminal.utterance
            await caller.run_call(voice(client, call), files, show, drop)

    lesson.options.calls.mkdir(parents=True, exist_ok=True)
    asyncio.run(hold())
    keep_call(caller, lesson.options.calls / f"{name}.wav", lesson.terminal)
    return call


def show_cuts(lesson: Lesson, call: VoiceCall) -> None:
    """What was received, heard and told, for each time that the caller cut in."""
    columns = ["received, ms", "heard = audio_end_ms", "never heard"]
    rows = [(cut.received_ms, cut.audio_end_ms, cut.dropped_ms) for cut in call.cuts]
    lesson.terminal.table(columns, [[f"{each:,}" for each in row] for row in rows])


if __name__ == "__main__":
    main()
