"""How exact a microphone and a loudspeaker are, on a sound server without hardware (Linux).

    python -m benchmarks.sound_devices interruptions [COUNT]   50 by default, 2 s each
    python -m benchmarks.sound_devices call [MINUTES]          10 by default, one core kept busy
    ... --package sounddevice                                  in place of PyAudio

Lesson 3's `interrupt` holds the call, unmodified, with a server that stands in for OpenAI's. That
server sends sound in bursts, and then `speech_started` in the middle of it. The sink of the sound
server is recorded meanwhile. Each answer is noise of its own, so its beginning is found in the
recording by correlation, and its end is where the sink falls silent.

The recording says what was played, and also when. Its samples come at an even rate, and those that
came most promptly tell the clock of the sink. What this hides: the recorder itself takes some
milliseconds, so the silence really begins a little earlier than is said here.
"""

import argparse
import asyncio
import importlib.util
import json
import os
import random
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from audio.call_clock import CallClock
from audio.devices import FADE, Microphone, Speaker
from audio.portaudio import PyAudioSystem, SounddeviceSystem, SoundSystem
from benchmarks.pulse_server import RATE_HZ, PulseServer, SinkRecording, pulse_server
from common import COURSE

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from websockets.asyncio.server import ServerConnection, serve

PACKAGES: dict[str, Callable[[], SoundSystem]] = {
    "pyaudio": PyAudioSystem,
    "sounddevice": SounddeviceSystem,
}
MOST_LATE_MS, MOST_WRONG_MS, MOST_GROWTH_MB = 60, 40, 10
LEVEL, DELTA, LIKENESS = 6_000, RATE_HZ // 5, 0.4
WARM_UP_S = 20
ANSWER_S, LONG_S, PAUSE_S = 4, 8, 2
Numbers = NDArray[np.int64]


def noise(number: int, seconds: float) -> Numbers:
    """The sound of an answer: no sample is 0, and no two answers are alike."""
    signs = np.random.default_rng(number).choice([-1, 1], round(seconds * RATE_HZ))
    made: Numbers = signs * np.random.default_rng(number).integers(LEVEL // 2, LEVEL, len(signs))
    return made


# ---------------------------------------------------------------- the server


def main_server(what: str, count: int) -> None:
    """Serve one call: print the port, then a line of JSON for each answer."""

    async def run() -> None:
        done = asyncio.Event()

        async def call(socket: ServerConnection) -> None:
            with suppress(Exception):
                await SCRIPTS[what](socket, count)
            done.set()

        async with serve(call, "127.0.0.1", 0, max_size=None) as server:
            print(next(iter(server.sockets)).getsockname()[1], flush=True)
            await done.wait()

    asyncio.run(run())


async def interrupted_answers(socket: ServerConnection, count: int) -> None:
    """Answers that are interrupted; what the client says it has heard of each."""
    events = await opened(socket)
    for number in range(count):
        await send_answer(socket, number, ANSWER_S)
        await asyncio.sleep(random.uniform(0.6, 1.4))
        at = time.perf_counter()
        speech = {"type": "input_audio_buffer.speech_started", "item_id": f"u{number}"}
        await send(socket, **speech, audio_start_ms=0)
        async for event in events:
            if event["type"] == "conversation.item.truncate":
                break
        print(json.dumps({"at": at, "audio_end_ms": event["audio_end_ms"]}), flush=True)
        await asyncio.sleep(0.6)
    await socket.close()


async def long_answers(socket: ServerConnection, count: int) -> None:
    """Answers that are heard to their end, one every ten seconds."""
    events = await opened(socket)

    async def listen() -> None:
        async for _ in events:
            pass

    listening = asyncio.create_task(listen())
    for number in range(count):
        await send_answer(socket, number, LONG_S)
        await send(socket, type="response.output_audio.done", item_id=f"item_{number}")
        await asyncio.sleep(LONG_S + PAUSE_S)
    listening.cancel()
    await socket.close()


SCRIPTS: dict[str, Callable[[ServerConnection, int], Awaitable[None]]] = {
    "interruptions": interrupted_answers,
    "call": long_answers,
}


async def opened(socket: ServerConnection) -> Any:
    async def events() -> Any:
        async for text in socket:
            yield json.loads(text)

    await send(socket, type="session.created", session={"type": "realtime"})
    return events()


async def send_answer(socket: ServerConnection, number: int, seconds: float) -> None:
    """All of an answer at once, as OpenAI sends sound faster than it can be heard."""
    await send(socket, type="response.created", response={"id": f"resp_{number}"})
    sound = noise(number, seconds).astype("<i2")
    where = {"item_id": f"item_{number}", "response_id": f"resp_{number}", "content_index": 0}
    for start in range(0, len(sound), DELTA):
        delta = b64encode(sound[start : start + DELTA].tobytes()).decode()
        await send(socket, type="response.output_audio.delta", delta=delta, **where)


async def send(socket: ServerConnection, **event: Any) -> None:
    await socket.send(json.dumps({"event_id": "event_1", **event}))


@contextmanager
def stand_in(what: str, count: int) -> Iterator["subprocess.Popen[str]"]:
    """The server in a process of its own, as a real one is; OPENAI_BASE_URL leads to it."""
    command = [sys.executable, "-m", "benchmarks.sound_devices", "--serve", what, str(count)]
    with subprocess.Popen(command, cwd=COURSE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        os.environ["OPENAI_BASE_URL"] = f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        os.environ["OPENAI_API_KEY"] = "offline"
        try:
            yield process
        finally:
            process.kill()


# ---------------------------------------------------------------- the call


async def hold(system: SoundSystem, watch: Callable[[Speaker], None]) -> tuple[Microphone, Speaker]:
    """Lesson 3's call on devices; `watch` is called 50 times a second."""
    spec = importlib.util.spec_from_file_location("lesson_3", COURSE / "03_realtime_api.py")
    assert spec and spec.loader
    lesson = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lesson)
    clock = CallClock()
    with Microphone(clock, system=system) as microphone, Speaker(clock, system=system) as speaker:
        call = lesson.interrupt(
            microphone, speaker, "gpt-realtime", "whisper-1", lambda event: None
        )
        calling = asyncio.ensure_future(call)
        while not calling.done():
            watch(speaker)
            await asyncio.sleep(0.02)
        with suppress(EOFError):  # the server ends the call
            await calling
    return microphone, speaker


class SinkClock:
    """When the samples of a recording were played, by those that came most promptly."""

    def __init__(self, recording: SinkRecording) -> None:
        self._recording, self._ahead = recording, -float("inf")
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._is_over.wait(0.003):
            seconds = self._recording.size / RATE_HZ
            self._ahead = max(self._ahead, seconds - time.perf_counter())

    def moment(self, sample: int) -> float:
        return sample / RATE_HZ - self._ahead

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()


@dataclass(frozen=True)
class Interruption:
    """One interruption: times in ms; `late` from the server's event to silence at the sink."""

    late: float
    latency: float
    said: int
    recorded: float


def measure_interruptions(
    server: PulseServer, system: SoundSystem, count: int
) -> list[Interruption]:
    with stand_in("interruptions", count) as process:
        latencies: list[tuple[float, float]] = []

        def watch(speaker: Speaker) -> None:
            latencies.append((time.perf_counter(), 1000 * speaker.latency_s))

        with server.recorded() as recording:
            clock = SinkClock(recording)
            asyncio.run(hold(system, watch))
            clock.stop()
        assert process.stdout
        told = [json.loads(line) for line in process.stdout]
    played = np.frombuffer(recording.pcm, "<i2").astype(np.int64)
    found, last = [], 0
    for number, each in enumerate(told):
        place = heard_of(number, played, last)
        if place is None:
            continue
        first, last = place
        latency = [ms for at, ms in latencies if at <= each["at"]][-1]
        late = 1000 * (clock.moment(last) - each["at"])
        # A gap in the middle, when the computer is late, is not heard.
        recorded = int(np.count_nonzero(played[first : last + 1])) * 1000 / RATE_HZ
        found.append(Interruption(late, latency, each["audio_end_ms"], recorded))
    return found


def heard_of(number: int, played: Numbers, after: int) -> tuple[int, int] | None:
    """The first and the last sample of an answer in the recording, without the fade at its end.

    It ends where 200 ms of silence begin. It is looked for from the sample `after` on. None means
    that its beginning isn't there in one piece, because the computer was late just then.
    """
    begin = noise(number, ANSWER_S)[: RATE_HZ // 10]
    # Answers come one after the other, so this one is in the next seconds.
    window = played[after : after + round((ANSWER_S + 2) * RATE_HZ)]
    size = len(window) + len(begin)
    spectrum = np.fft.rfft(window, size) * np.conj(np.fft.rfft(begin, size))
    fits = np.fft.irfft(spectrum, size)[: max(1, len(window) - len(begin))]
    first = int(np.argmax(fits))
    if fits[first] < LIKENESS * float((begin**2).sum()):
        return None
    sounds = np.concatenate([[0], np.cumsum(window[first:] != 0)])
    span = min(RATE_HZ // 5, len(sounds) - 1)
    quiet = sounds[span:] == sounds[:-span]
    return after + first, after + first + int(np.argmax(quiet)) - 1 - FADE


@contextmanager
def busy_core() -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def print_interruptions(server: PulseServer, system: SoundSystem, count: int) -> None:
    found = measure_interruptions(server, system, count)
    more = [each.late - each.latency for each in found]
    wrong = [abs(each.said - each.recorded) for each in found]
    rows = [
        ("speech_started to silence at the sink", [each.late for each in found], ""),
        ("the device's own latency", [each.latency for each in found], ""),
        ("silence, without that latency", more, f"p95 at most {MOST_LATE_MS}"),
        ("audio_end_ms beside the recording", wrong, f"all within {MOST_WRONG_MS}"),
    ]
    title = f"{len(found)} interruptions by {system.name}, ms"
    if len(found) < count:
        title += f" ({count - len(found)} had a gap at their beginning, and are left out)"
    table = Table(title=title)
    for column in ("figure", "median", "p95", "most", "aim"):
        table.add_column(column, justify="left" if column in ("figure", "aim") else "right")
    for figure, values, aim in rows:
        p95 = float(np.percentile(values, 95))
        table.add_row(figure, *(f"{each:.1f}" for each in (median(values), p95, max(values))), aim)
    Console().print(table)


def print_call(server: PulseServer, system: SoundSystem, minutes: int) -> None:
    memory: list[tuple[float, float]] = []

    def watch(speaker: Speaker) -> None:
        memory.append((time.perf_counter(), resident_mb()))

    answers = round(minutes * 60 / (LONG_S + PAUSE_S))
    with busy_core(), stand_in("call", answers):
        microphone, speaker = asyncio.run(hold(system, watch))
    settled = [mb for at, mb in memory if at - memory[0][0] > WARM_UP_S]
    heard = sum(speaker.ledger.heard_ms(f"item_{number}") for number in range(answers))
    rows = [
        ("answers heard, s", f"{heard / 1000:.1f}", f"{answers * LONG_S}"),
        ("gaps because the network was late", str(speaker.underruns), "0"),
        ("gaps because the computer was late (-9980)", str(speaker.underflows), "0"),
        ("blocks lost by the microphone (-9981)", str(microphone.overflows), "0"),
        ("frames dropped on the way to the server", str(microphone.dropped_frames), "0"),
        ("memory at first, MB", f"{settled[0]:.1f}", ""),
        ("growth at most, MB", f"{max(settled) - settled[0]:.1f}", f"{MOST_GROWTH_MB}"),
    ]
    table = Table(title=f"a call of {minutes} min by {system.name}, one core kept busy")
    for title in ("figure", "measured", "aim"):
        table.add_column(title, justify="left" if title == "figure" else "right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


MEASURES = {"interruptions": (print_interruptions, 50), "call": (print_call, 10)}


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.sound_devices", description=__doc__)
    parser.add_argument("what", choices=MEASURES)
    parser.add_argument("count", type=int, nargs="?", help="interruptions, or minutes")
    parser.add_argument("--package", choices=PACKAGES, default="pyaudio")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    measure, usual = MEASURES[options.what]
    if options.serve:
        main_server(options.what, options.count)
        return
    with pulse_server() as server, closing(PACKAGES[options.package]()) as system:
        measure(server, system, options.count or usual)


if __name__ == "__main__":
    main()
