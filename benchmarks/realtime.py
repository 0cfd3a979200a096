"""How fast the emulator's Realtime sessions are: in events, and in answering a voice.

    python -m benchmarks.realtime events     text events, beside a minimal server
    python -m benchmarks.realtime voice      from a caller's last sound to the answer's first
    python -m benchmarks.realtime words      what is recognized of the callers

Times of `voice` are of real time: the callers' clips are sent as they would be spoken. `words`
tells the word error rate over all clips, heard through a session.
"""

import argparse
import asyncio
import json
import re
import tempfile
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from audio.wav import read_wav
from benchmarks.streaming import server
from common import COURSE
from common.settings import DEFAULT_MODELS
from emulator.voice.recognizer import SpeechRecognizer
from emulator.voice.sound import resampled

from openai import AsyncOpenAI, OpenAI
from rich.console import Console
from rich.table import Table
from websockets.sync.client import connect

ROUNDS, DELTAS = 15, 2000
MODEL = DEFAULT_MODELS["OPENAI_REALTIME_MODEL"]
CALLERS = COURSE / "data" / "callers"
FRAME_MS, SILENCE_MS = 20, 200
BYTES_A_MS = 48
LOUD = 600
DIRECT = {"proxy": None}


LONG = "Reply with exactly: " + ("word " * DELTAS).strip()
ORDINARY = "When does the last bus leave?"


def asked(text: str = LONG) -> dict[str, object]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def recorded(base_url: str) -> list[str]:
    """The messages of a session that answers at length, in writing."""
    url = f"{base_url.replace('http', 'ws')}/realtime?model={MODEL}"
    head = {"Authorization": "Bearer offline"}
    with connect(url, additional_headers=head, proxy=None, max_size=None) as socket:
        messages = [str(socket.recv())]
        socket.send(json.dumps({"type": "conversation.item.create", "item": asked()}))
        response = {"output_modalities": ["text"]}
        socket.send(json.dumps({"type": "response.create", "response": response}))
        while '"response.done"' not in messages[-1][:40]:
            messages.append(str(socket.recv()))
    return messages


def turns(base_url: str, *, is_emulator: bool) -> tuple[float, float]:
    """Seconds to the first delta of an ordinary answer, and events a second of a long one."""
    first, _ = one_turn(base_url, ORDINARY, is_emulator=is_emulator)
    _, rate = one_turn(base_url, LONG, is_emulator=is_emulator)
    return first, rate


def one_turn(base_url: str, text: str, *, is_emulator: bool) -> tuple[float, float]:
    """Seconds to the first delta, and events a second up to the end of the response."""
    client = OpenAI(base_url=base_url, api_key="offline")
    options = client.realtime.connect(model=MODEL, websocket_connection_options=DIRECT)  # type: ignore[arg-type]
    with options as connection:
        if is_emulator:
            connection.conversation.item.create(item=asked(text))  # type: ignore[arg-type]
            while connection.recv().type != "conversation.item.done":
                pass
        else:
            connection.recv()
        start = time.perf_counter()
        connection.response.create(response={"output_modalities": ["text"]})
        first, events = 0.0, 0
        for event in connection:
            events += 1
            if not first and event.type == "response.output_text.delta":
                first = time.perf_counter() - start
            if event.type == "response.done":
                break
        return first, events / (time.perf_counter() - start)


def measure_events() -> None:
    table = Table(title=f"Realtime text beside a minimal server, medians of {ROUNDS} rounds")
    for title in ("figure", "emulator", "minimal", "ratio", "aim"):
        table.add_column(title)
    with tempfile.TemporaryDirectory() as folder, server("emulator", "--pace", "0") as emulator:
        file = Path(folder, "messages")
        file.write_text("\n".join(recorded(emulator)), encoding="utf-8")
        with server("benchmarks.minimal_socket", str(file)) as minimal:
            pairs = [
                (turns(emulator, is_emulator=True), turns(minimal, is_emulator=False))
                for _ in range(ROUNDS)
            ]
    rows = [(0, "first delta, ms", 1000, "3 ms"), (1, "events a second", 1, "at least 0.9")]
    for figure, title, scale, aim in rows:
        mine, theirs = (median(pair[side][figure] for pair in pairs) * scale for side in (0, 1))
        ratio = median(pair[0][figure] / pair[1][figure] for pair in pairs)
        table.add_row(title, f"{mine:,.2f}", f"{theirs:,.2f}", f"{ratio:.2f}", aim)
    Console().print(table)


@dataclass(frozen=True)
class MeasuredTurn:
    """One caller's turn: moments in seconds after the last sound, and what was heard."""

    name: str
    stopped: float
    transcribed: float
    answered: float
    heard: str
    said: str


def last_sound_ms(pcm: bytes) -> int:
    """Where the speech of a clip ends."""
    samples = memoryview(pcm).cast("h")
    return max(place for place in range(0, len(samples), 24) if abs(samples[place]) > LOUD) // 24


async def one_call(base_url: str, name: str) -> MeasuredTurn:
    """Speak a clip in real time, and note when what comes back."""
    pcm = read_wav(CALLERS / f"{name}.wav")
    said = (CALLERS / f"{name}.txt").read_text(encoding="utf-8").strip()
    client = AsyncOpenAI(base_url=base_url, api_key="offline")
    manager = client.realtime.connect(model=MODEL, websocket_connection_options=DIRECT)  # type: ignore[arg-type]
    async with client, manager as connection:
        await connection.session.update(session=session())  # type: ignore[arg-type]
        while (await connection.recv()).type != "session.updated":
            pass
        start = time.perf_counter() + 0.1
        sending = asyncio.create_task(speak(connection, bytes(300 * BYTES_A_MS) + pcm, start))
        ended = start + (300 + last_sound_ms(pcm)) / 1000
        moments: dict[str, float] = {}
        heard = ""
        while "response.done" not in moments:
            event = await connection.recv()
            moments.setdefault(event.type, time.perf_counter() - ended)
            if event.type == "conversation.item.input_audio_transcription.completed":
                heard = event.transcript
        sending.cancel()
    return MeasuredTurn(
        name,
        moments["input_audio_buffer.speech_stopped"],
        moments.get("conversation.item.input_audio_transcription.completed", 0.0),
        moments.get("response.output_audio.delta", 0.0),
        heard,
        said,
    )


async def speak(connection, pcm: bytes, start: float) -> None:  # type: ignore[no-untyped-def]
    """Send sound as it is spoken, then silence."""
    size = FRAME_MS * BYTES_A_MS
    place = 0
    while True:
        frame = pcm[place * size : (place + 1) * size].ljust(size, b"\0")
        place += 1
        await asyncio.sleep(max(0.0, start + place * FRAME_MS / 1000 - time.perf_counter()))
        await connection.input_audio_buffer.append(audio=b64encode(frame).decode())


def session() -> dict[str, object]:
    turns = {"type": "server_vad", "silence_duration_ms": SILENCE_MS}
    transcription = {"model": DEFAULT_MODELS["OPENAI_TRANSCRIBE_MODEL"]}
    audio = {"input": {"turn_detection": turns, "transcription": transcription}}
    return {"type": "realtime", "audio": audio}


def calls() -> list[MeasuredTurn]:
    names = sorted(path.stem for path in CALLERS.glob("*.wav"))

    async def one_after_the_other(base_url: str) -> list[MeasuredTurn]:
        await one_call(base_url, names[0])  # the first pays for loading the engines
        return [await one_call(base_url, name) for name in names]

    with server("emulator", "--pace", "1") as emulator:
        return asyncio.run(one_after_the_other(emulator))


def measure_voice() -> None:
    """The silence rule decides first; of the recognizer only what the silence did not cover."""
    table = Table(title=f"after the caller's last sound, ms; silence_duration_ms {SILENCE_MS}")
    for title in ("clip", "speech_stopped", "first sound", "between", "recognizer alone"):
        table.add_column(title, justify="left" if title == "clip" else "right")
    spoken = calls()
    alone = recognized([turn.name for turn in spoken])
    rows = [
        (turn.stopped, turn.answered, turn.answered - turn.stopped, each)
        for turn, each in zip(spoken, alone, strict=True)
    ]
    for turn, row in zip(spoken, rows, strict=True):
        table.add_row(turn.name, *_in_ms(row))
    table.add_section()
    table.add_row("median", *_in_ms([median(column) for column in zip(*rows, strict=True)]))
    Console().print(table)


def recognized(names: Sequence[str]) -> list[float]:
    """Seconds that the recognizer takes for each clip by itself."""
    recognizer, taken = SpeechRecognizer(), []
    recognizer.warm()
    for name in names:
        pcm = resampled(read_wav(CALLERS / f"{name}.wav"), 24_000, 16_000)
        start = time.perf_counter()
        recognizer.transcribe(pcm)
        taken.append(time.perf_counter() - start)
    return taken


def _in_ms(seconds: Sequence[float]) -> list[str]:
    return [f"{1000 * each:.0f}" for each in seconds]


def measure_words() -> None:
    table = Table(title="what was heard of the callers")
    for title in ("clip", "words", "wrong", "heard"):
        table.add_column(title)
    total = wrong = 0
    for turn in calls():
        said, heard = _words(turn.said), _words(turn.heard)
        errors = distance(said, heard)
        table.add_row(turn.name, str(len(said)), str(errors), turn.heard)
        total, wrong = total + len(said), wrong + errors
    table.add_section()
    table.add_row("all", str(total), str(wrong), f"error rate {wrong / total:.3f}, aim 0.10")
    Console().print(table)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower().replace("'", ""))


def distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """How many words must be changed, added or left out (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for place, word in enumerate(said, 1):
        before, row[0] = row[0], place
        for at, other in enumerate(heard, 1):
            best = min(row[at] + 1, row[at - 1] + 1, before + (word != other))
            before, row[at] = row[at], best
    return row[-1]


MEASURES = {"events": measure_events, "voice": measure_voice, "words": measure_words}


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.realtime", description=__doc__)
    parser.add_argument("what", choices=MEASURES)
    MEASURES[parser.parse_args().what]()


if __name__ == "__main__":
    main()
