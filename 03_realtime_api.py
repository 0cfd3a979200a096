"""Lesson 3. Realtime: talk over a WebSocket, and let callers interrupt. Run it: python3 course.py 3

Each part is a small program: copy it, and the parts that it uses, into a file of your own. The
course sets OPENAI_BASE_URL and OPENAI_API_KEY, which `OpenAI()` reads, to yours or the emulator's.
"""

import asyncio
import datetime
import json
import sys
import wave
from base64 import b64decode, b64encode
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import suppress
from operator import mul
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # `python -P` leaves this folder out

from console.call_display import OPTIONS, drop_of, hold_call, hold_your_call, take_turn
from console.lesson import open_lesson
from console.recording_display import understand

from openai import AsyncOpenAI, OpenAI, OpenAIError
from openai.resources.realtime.realtime import AsyncRealtimeConnection, RealtimeConnection
from openai.types import realtime as types
from pydantic import BaseModel, Field
from websockets.exceptions import ConnectionClosed

# ------------------------------------ 1  text: Send a text turn over one WebSocket
TEXT: Any = {"type": "realtime", "output_modalities": ["text"]}


def text(question: str, model: str) -> list[str]:
    client, types_seen = OpenAI(), list[str]()
    with client.realtime.connect(model=model) as connection:
        connection.session.update(session=TEXT)
        connection.conversation.item.create(item=message("user", question))
        connection.response.create()
        for event in read(connection):
            types_seen.append(event.type)
            if event.type == "response.output_text.delta":
                print(event.delta or "", end="", flush=True)
    print()
    return types_seen


def message(role: str, text: str) -> Any:
    kind = "input_text" if role == "user" else "output_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def read(connection: RealtimeConnection) -> Iterator[types.RealtimeServerEvent]:
    """Yield the events of one response. Raises EOFError if it isn't complete at its end."""
    for event in connection:
        if getattr(event, "type", None):  # JSON that isn't an event may come as well
            yield event
            check(event)
            if event.type == "response.done":
                return
    raise EOFError("the connection was closed before response.done")


def check(event: types.RealtimeServerEvent, *accepted: str) -> None:
    # The SDK raises no exception for these two, so your code has to look.
    if event.type == "error":
        code = getattr(event.error, "code", None) or getattr(event.error, "type", None)
        raise OpenAIError(f"{getattr(event.error, 'message', event.error)} ({code or 'no code'})")
    if event.type == "response.done":
        status = event.response and event.response.status
        if status not in ("completed", *accepted):
            details = event.response and event.response.status_details
            why = details.to_json(indent=None) if details else "it gave no reason"
            raise EOFError(f"response.done has the status {status}: {why}")


# ------------------------------------ 2  voice: Ask by voice, and save the spoken answer
def voice(question: Path, answer: Path, model: str, transcriber: str) -> None:
    """Send a WAV file, print the words of the answer, and write its sound to another WAV file."""
    sound = bytearray()
    with OpenAI().realtime.connect(model=model) as connection:
        connection.session.update(session=session_config(transcriber))
        speak(connection, question)
        listen(connection, sound)
    save(answer, sound)


def session_config(transcriber: str, turn_detection: Any = None) -> Any:
    """The settings of a session. Defaults have changed before, so set what you rely on."""
    return {
        "type": "realtime",
        "instructions": "You are an observatory's voice assistant. Answer in two short sentences.",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},  # 16 bits: 48,000 bytes a second
                "transcription": {"model": transcriber},  # words to read; the model hears the sound
                "turn_detection": turn_detection,  # None: your code commits each turn itself
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "marin"},
        },
    }


def speak(connection: RealtimeConnection, file: Path) -> None:
    with wave.open(str(file)) as sound:  # 24 kHz, 16 bits, one channel
        while piece := sound.readframes(2_400):  # 100 ms
            connection.input_audio_buffer.append(audio=b64encode(piece).decode())
    connection.input_audio_buffer.commit()
    connection.response.create()


def listen(connection: RealtimeConnection, sound: bytearray) -> types.RealtimeResponse:
    """Print the words of a response, and add its sound to `sound`."""
    heard = ""
    for event in read(connection):
        if event.type == "response.output_audio.delta":
            sound += b64decode(event.delta or "")
        elif event.type == "response.output_audio_transcript.delta":
            print(event.delta or "", end="", flush=True)
        elif event.type == "response.output_audio_transcript.done":
            print()
        elif event.type == "conversation.item.input_audio_transcription.completed":
            # The words of the question come before, during or after the answer.
            heard = f"(The question was heard as: {event.transcript or 'no words'})\n"
        elif event.type == "response.done":
            response = event.response
    print(heard, end="")
    return response


def save(file: Path, sound: bytearray) -> None:
    with wave.open(str(file), "wb") as wav:
        wav.setparams((1, 2, 24_000, 0, "NONE", "not compressed"))
        wav.writeframes(sound)


# ------------------------------------ 3  interrupt: Let the caller interrupt
async def interrupt(
    microphone: AsyncIterable[bytes], speaker: Any, model: str, transcriber: str, show: Any
) -> None:
    """Hold a call until the microphone ends. (audio/devices.py has a microphone and a speaker.)"""
    # Now the server decides when a turn is over, and it answers without being asked.
    detection = {"type": "server_vad", "silence_duration_ms": 500, "interrupt_response": True}
    session = session_config(transcriber, detection)
    async with AsyncOpenAI() as client, client.realtime.connect(model=model) as connection:
        await connection.session.update(session=session)
        sending = asyncio.create_task(send(connection, microphone))
        try:
            await receive(connection, speaker, show)
            if not await sending:
                raise EOFError("the connection was closed in the middle of the call")
        finally:
            sending.cancel()


async def send(connection: AsyncRealtimeConnection, microphone: AsyncIterable[bytes]) -> bool:
    """Send the caller's sound; return whether all of it could be sent."""
    with suppress(ConnectionClosed):
        async for frame in microphone:
            await connection.input_audio_buffer.append(audio=b64encode(frame).decode())
        await connection.close()
        return True
    return False


async def receive(connection: AsyncRealtimeConnection, speaker: Any, show: Any) -> None:
    newest, stopped = "", set[str]()
    async for event in connection:
        if not getattr(event, "type", None):
            continue
        if event.type == "response.created":
            newest = (event.response and event.response.id) or ""
        elif event.type == "response.output_audio.delta":
            # Sound comes faster than it can be played, so it waits in the speaker's queue.
            if event.response_id not in stopped:
                speaker.play(event.item_id, b64decode(event.delta or ""))
        elif event.type == "response.output_audio.done":
            speaker.finish(event.item_id)
        elif event.type == "input_audio_buffer.speech_started":
            # The server cancels its response, but most of the sound is here already. What is
            # still on its way must not be played either.
            stopped.add(newest)
            for item_id, played_ms in speaker.stop():
                await connection.conversation.item.truncate(
                    item_id=item_id, content_index=0, audio_end_ms=played_ms, event_id="truncate"
                )
        # A truncation may come too late. Then the server sends an error, which does no harm.
        elif event.type != "error" or getattr(event.error, "event_id", None) != "truncate":
            check(event, "cancelled")
        show(event)


# ------------------------------------ 4  tool: Let the assistant call your function
class Booking(BaseModel):
    date: datetime.date
    time: str = Field(description="The hour, HH:MM")
    people: int = Field(description="How many people come")


BOOK_SLOT: types.RealtimeFunctionToolParam = {
    "type": "function",
    "name": "book_slot",
    "description": "Book places at the telescope for an evening.",
    "parameters": Booking.model_json_schema(),
}


def book_slot(arguments: str) -> str:
    """Stand-in for your own booking system: JSON in, JSON out."""
    try:
        booking = Booking.model_validate_json(arguments)
    except ValueError as error:  # the model reads this, and can correct its call
        return json.dumps({"error": str(error)})
    if booking.people > 6:
        return json.dumps({"booked": False, "reason": "A slot has room for six people."})
    return json.dumps({"booked": True, "number": 4711, "people": booking.people})


def tool(question: Path, answer: Path, model: str, transcriber: str) -> None:
    sound = bytearray()
    with OpenAI().realtime.connect(model=model) as connection:
        session: Any = {**session_config(transcriber), "tools": [BOOK_SLOT]}
        connection.session.update(session=session)
        speak(connection, question)
        while True:
            items = listen(connection, sound).output or []
            calls = [item for item in items if item and item.type == "function_call"]
            if not calls:
                break
            for call in calls:
                output = book_slot(call.arguments or "")
                print(f"{call.name}({call.arguments})\n    returned {output}")
                id = call.call_id or ""
                connection.conversation.item.create(
                    item={"type": "function_call_output", "call_id": id, "output": output}
                )
            # There can be only one response at a time, so ask for the next when this one is done.
            connection.response.create()
    save(answer, sound)


# ------------------------------------ 5  reconnect: Reconnect after a drop
def reconnect(client: OpenAI, questions: list[str], model: str, drop: Callable[[], None]) -> None:
    """Ask one question after another; the connection drops after each answer."""
    history: list[types.ConversationItemParam] = []
    with client.realtime.connect(model=model, on_reconnecting=lambda event: None) as connection:
        for question in questions:
            print(f"> {question}")
            answer = ""
            for event in read(connection):
                if event.type == "session.created":
                    # The SDK has connected again, but to a new session, which is empty.
                    answer = ""
                    with suppress(ConnectionClosed):  # it may drop once more
                        connection.session.update(session=TEXT)
                        for item in (*history, message("user", question)):
                            connection.conversation.item.create(item=item)
                        connection.response.create()
                elif event.type == "response.output_text.delta":
                    answer += event.delta or ""
                    print(event.delta or "", end="", flush=True)
            print()
            history += [message("user", question), message("assistant", answer)]
            drop()


# ------------------------------------ 6  talk: Talk to the assistant yourself
talk = interrupt  # Only the devices differ: yours instead of files (audio/devices.py).


# ------------------------------------ 7  transcribe: Understand a recording
def transcribe(client: OpenAI, file: Path, model: str) -> None:
    for event in client.audio.transcriptions.create(file=file, model=model, stream=True):
        if event.type == "transcript.text.delta":
            print(event.delta or "", end="", flush=True)
    print()


def speakers(client: OpenAI, file: Path) -> list[tuple[float, str]]:
    """Each turn: its start in seconds, and who said what."""
    heard = client.audio.transcriptions.create(
        file=file,
        model="gpt-4o-transcribe-diarize",
        response_format="diarized_json",
        chunking_strategy="auto",  # a recording of more than 30 s needs it
    )
    return [(turn.start, f"{turn.speaker}: {turn.text.strip()}") for turn in heard.segments or []]


def subtitles(client: OpenAI, file: Path) -> str:
    return client.audio.transcriptions.create(file=file, model="whisper-1", response_format="srt")


def search(client: OpenAI, question: str, texts: list[str], model: str) -> list[tuple[float, str]]:
    """The texts whose meaning is closest to the question, as in lesson 2."""
    data = client.embeddings.create(model=model, input=[question, *texts]).data
    scores = [sum(map(mul, data[0].embedding, each.embedding)) for each in data[1:]]
    return sorted(zip(scores, texts, strict=True), reverse=True)


# ------------------------------------ main
def main() -> None:
    with open_lesson(__file__, (450, 640), OPTIONS, lambda it: it.realtime_model) as lesson:
        terminal, model = lesson.terminal, lesson.model
        if lesson.part(text):
            types_seen = text(lesson.question, model)
            terminal.kinds(types_seen, lesson.meanings)
        if lesson.part(voice):
            take_turn(lesson, voice, "ask-dogs")
        if lesson.part(interrupt):
            # The second clip begins when 2,000 ms of the answer to the first one were played.
            hold_call(lesson, interrupt, {"ask-programme": None, "cut-in-price": 2_000})
        if lesson.part(tool):
            take_turn(lesson, tool, "book-two")
        if lesson.part(reconnect):
            client, drop = OpenAI(base_url=lesson.proxy.base_url), drop_of(lesson)
            reconnect(client, lesson.questions, model, drop)
            terminal.note("Now the last question alone, in a session that gets no history:")
            reconnect(client, [lesson.question], model, drop)
        if lesson.part("talk"):
            hold_your_call(lesson, talk)
        if lesson.part(transcribe):
            understand(lesson, transcribe, speakers, subtitles, search)


if __name__ == "__main__":
    main()
