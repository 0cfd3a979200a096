"""`--wire`: print requests, answers and events as they pass, without any change to a program.

A proxy on loopback (proxy.py) passes everything on, and gives it to a `Tap` that prints a line for
each request, each block of an answer, and each message of a WebSocket with the seconds since its
start. Sound would fill the screen, so a run of messages with sound becomes one line, with its
length: `input_audio_buffer.append x 137, 2.74 s`; so does a run of transcribed words. Keys travel
in headers, and headers aren't shown.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

HEAD_SHOWN, STRING_SHOWN = 24, 60
DATA = "data: {"
_NUMBER = re.compile(r'"sequence_number": ?\d+')
_CONTENT = re.compile(r'"delta"|"choices": ?\[\]')

# Bytes in a millisecond of the API's sound formats: 24 kHz in 16 bits, 8 kHz in 8.
FORMATS = {"audio/pcm": 48, "audio/pcmu": 8, "audio/pcma": 8}
SOUND = "response.output_audio.delta"
# Messages of which only a run is shown: sound by its length, words joined. Who sends them, and the
# field with the content.
FOLDED = {
    "input_audio_buffer.append": (">", "audio"),
    SOUND: ("<", "delta"),
    "response.output_audio_transcript.delta": ("<", "delta"),
    "conversation.item.input_audio_transcription.delta": ("<", "delta"),
}
SOUNDS = ("input_audio_buffer.append", SOUND)
UNSHOWN = ("type", "event_id", "obfuscation")


class Tap:
    """Prints what passes, a line at a time, although one thread may send while another receives."""

    def __init__(
        self, show: Callable[[str], None], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._show, self._clock = show, clock
        self._lock = threading.Lock()

    def show(self, line: str) -> None:
        # Nobody may be reading any more; the traffic goes on.
        with self._lock, suppress(OSError, ValueError):
            self._show(line)

    def show_request(self, method: str, path: str, body: Any = None) -> None:
        words = "" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        self.show(f"> {method} {path} {words}".rstrip())

    def show_response(self, status: int, kind: str) -> None:
        self.show(f"< {status} {kind}".rstrip())

    def show_block(self, data: bytes) -> None:
        for line in data.decode("utf-8", "replace").split("\n"):
            if line.strip():
                self.show(f"< {shorten(line.rstrip())}")

    def socket(self) -> "SocketTap":
        """The tap of a WebSocket that is being opened."""
        return SocketTap(self.show, self._clock)


@dataclass
class MessageRun:
    """Messages of one type: when the first came, how many, and all that they carry."""

    start: float
    count: int = 0
    seconds: float = 0.0
    words: str = ""


class SocketTap:
    """Prints the messages of a WebSocket, each with its direction and the seconds since its start.

    How long a piece of sound is depends on its format, which the session says for each direction. A
    run goes on while there is nothing but runs, and its line has the time of its start.
    """

    def __init__(self, show: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._show, self._clock, self._start = show, clock, clock()
        self._bytes_per_ms = {">": FORMATS["audio/pcm"], "<": FORMATS["audio/pcm"]}
        self._runs: dict[str, MessageRun] = {}

    def line(self, direction: str, text: str) -> None:
        self._end_runs()
        self._show(f"{direction} +{self._clock() - self._start:.3f} {text}")

    def _end_runs(self) -> None:
        for kind, run in self._runs.items():
            content = (
                f"{run.seconds:.2f} s"
                if kind in SOUNDS
                else json.dumps(_cut(run.words), ensure_ascii=False)
            )
            self._show(f"{FOLDED[kind][0]} +{run.start:.3f} {kind} x {run.count}, {content}")
        self._runs.clear()

    def _fold(self, kind: str, content: str) -> None:
        if kind not in self._runs:
            self._runs[kind] = MessageRun(self._clock() - self._start)
        run = self._runs[kind]
        run.count += 1
        if kind in SOUNDS:
            run.seconds += byte_count(content) / self._bytes_per_ms[FOLDED[kind][0]] / 1000
        else:
            run.words += content

    def message(self, direction: str, data: str | bytes) -> None:
        try:
            event = json.loads(data)
            json.dumps(event)
        except (ValueError, RecursionError):
            short = _cut(" ".join(data.split())) if isinstance(data, str) else f"{len(data)} bytes"
            self.line(direction, short)
            return
        kind = str(event.get("type")) if isinstance(event, dict) else ""
        sender, field = FOLDED.get(kind, ("", ""))
        if sender == direction and isinstance(event.get(field), str):
            self._fold(kind, event[field])
        elif isinstance(event, dict):
            self._note_formats(event.get("session"))
            self.line(direction, event_line(event, self._bytes_per_ms[direction]))
        else:
            self.line(direction, _cut(json.dumps(event)))

    def end(self, line: Mapping[str, Any]) -> None:
        """How it ended: a close by one side, or a connection that dropped (cassette's `end`)."""
        self._end_runs()
        if "code" in line:
            direction = ">" if line["by"] == "client" else "<"
            self.line(direction, f"close {line['code']} {line['reason']}".rstrip())
        elif line["how"] != "complete":
            direction = ">" if line["how"] == "left" else "<"
            self.line(direction, "the connection dropped")

    def _note_formats(self, session: object) -> None:
        """Read `session.audio.input.format.type` and the same of the output, where they are set."""
        for direction, side in ((">", "input"), ("<", "output")):
            found = session
            for name in ("audio", side, "format", "type"):
                found = found.get(name) if isinstance(found, dict) else None
            if isinstance(found, str) and found in FORMATS:
                self._bytes_per_ms[direction] = FORMATS[found]


def event_line(event: Mapping[str, Any], bytes_per_ms: int) -> str:
    """An event's type, then its content, then its ids and places; sound as its length."""
    kind = str(event.get("type", "{}"))
    fields = [(name, value) for name, value in event.items() if name not in UNSHOWN]
    fields.sort(key=_is_address)
    words = [kind]
    for name, value in fields:
        name = "audio" if kind == SOUND and name == "delta" else name
        short = _short(value, bytes_per_ms, name)
        is_sound = name == "audio" and isinstance(value, str)
        words.append(f"{name} {short if is_sound else json.dumps(short, ensure_ascii=False)}")
    return "  ".join(words)


def _short(value: Any, bytes_per_ms: int, name: str = "") -> Any:
    """A value with its texts shortened, and each sound in it replaced by its length."""
    if isinstance(value, dict):
        fields = sorted(value.items(), key=_is_address)
        return {each: _short(inner, bytes_per_ms, each) for each, inner in fields}
    if isinstance(value, list):
        return [_short(inner, bytes_per_ms) for inner in value]
    if not isinstance(value, str):
        return value
    if name != "audio":
        return _cut(value)
    size = byte_count(value)
    return f"{size / bytes_per_ms:,.0f} ms ({size:,} bytes)"


def byte_count(base64: str) -> int:
    """How many bytes stand in base64."""
    return len(base64) * 3 // 4 - base64[-2:].count("=")


def _is_address(field: tuple[str, Any]) -> bool:
    """Whether a field is an id or a place; these come last, where the terminal cuts the line."""
    return field[0] in ("id", "object") or field[0].endswith(("_id", "_index"))


def _cut(text: str) -> str:
    return text if len(text) <= STRING_SHOWN else f"{text[: STRING_SHOWN - 3]}..."


def shorten(line: str) -> str:
    """A chunk without most of its envelope: what differs from chunk to chunk is the delta.

    The chunk with the token counts has none, and no choices. The terminal cuts a line, so the
    number of an event of Responses goes to the front.
    """
    content, number = _CONTENT.search(line), _NUMBER.search(line)
    at = content.start() if content else -1
    shown = line[at:] if at >= HEAD_SHOWN else line[len(DATA) :]
    if number and line.startswith(DATA) and number.start() > HEAD_SHOWN:
        return f"{DATA}{number[0]} ... {shown}"
    return line if at < HEAD_SHOWN else f"{line[:HEAD_SHOWN]} ... {shown}"
