"""The call that each Realtime client holds: text, speech, tool, interruption, cancel, reconnect.

A client's script puts a `VoiceClient` around the client's own public API, and `hold` makes the
call. What counts is both what the client says of itself, and what passed on the wire. A `WireRelay`
stands between client and emulator for that: it passes every byte on, notes the types of the events,
and drops the connection when the call gets there.
"""

import asyncio
import json
import os
import sys
import wave
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from client_checks import FACT, QUESTION, REPORT, WEATHER, tell
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

MODEL = "gpt-realtime-2.1-mini"
RATE = 24_000
INSTRUCTIONS = "You are a friendly assistant on the telephone. Answer in one or two sentences."
CALLERS = Path(__file__).resolve().parents[3] / "data" / "callers"
SPOKEN, SPOKEN_FACT = "ask-ticket", "11 euros"
LONG, LONG_QUESTION = "ask-programme", "What can be seen in December?"
CUT_IN, CUT_IN_FACT = "cut-in-price", "2 euros by day"
# A client sends 100 ms of sound at a time, four times as fast as it is spoken.
PIECE_MS, FASTER, SILENCE_MS = 100, 4, 800
PATIENCE_S = 30.0
HEARD_S = 0.5
HARMLESS = "response_cancel_not_active"
# Where a cut answer may end: it is heard for half a second, and then until the caller is noticed.
LEAST_MS, MOST_MS = 300, 10_000


def clip(name: str) -> bytes:
    """A recorded caller and the silence behind: 24 kHz, mono, 16 bits."""
    with wave.open(str(CALLERS / f"{name}.wav")) as file:
        return file.readframes(file.getnframes()) + bytes(SILENCE_MS * RATE // 1000 * 2)


class EventReader:
    """Reads the events of one direction of a WebSocket, from its bytes as they come."""

    def __init__(self, note: Callable[[dict[str, Any]], None], *, is_masked: bool) -> None:
        self._note, self._is_masked = note, is_masked
        self._stream = StreamReader()
        self._parser = self._parse()

    def feed(self, data: bytes) -> None:
        self._stream.feed_data(data)
        next(self._parser)

    def _parse(self) -> Generator[None, None, None]:
        """Skip the head of HTTP; then a message may consist of several frames."""
        while (yield from self._stream.read_line(2**16)) != b"\r\n":
            pass
        message = b""
        while True:
            frame = yield from Frame.parse(self._stream.read_exact, mask=self._is_masked)
            if frame.opcode in (Opcode.TEXT, Opcode.CONT):
                message += frame.data
                if frame.fin:
                    self._note(json.loads(message))
                    message = b""


class WireRelay:
    """A relay on loopback; `events` holds what passed, by the side that sent it."""

    def __init__(self, base_url: str) -> None:
        there = urlsplit(base_url)
        self._there = there.hostname, there.port
        self._path = there.path
        self._writers: set[asyncio.StreamWriter] = set()
        self.events: dict[str, list[dict[str, Any]]] = {"client": [], "server": []}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """The base URL of the relay, `http://127.0.0.1:PORT/v1`."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{self._port}{self._path}"
        finally:
            server.close()
            self.drop()

    def drop(self) -> None:
        """Reset all connections; new ones are accepted."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._there)
        self._writers |= {writer, far_writer}
        # The emulator accepts a request only if its Host names the emulator's own port.
        head = await reader.readuntil(b"\r\n\r\n")
        ours, theirs = (f"127.0.0.1:{port}".encode() for port in (self._port, self._there[1]))
        far_writer.write(head.replace(ours, theirs))
        sent = EventReader(self.events["client"].append, is_masked=True)
        received = EventReader(self.events["server"].append, is_masked=False)
        sent.feed(head)
        await asyncio.gather(
            self._pass_on(reader, far_writer, sent), self._pass_on(far_reader, writer, received)
        )

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, events: EventReader
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(2**16):
                events.feed(data)
                writer.write(data)
                await writer.drain()
        writer.close()


class VoiceClient(ABC):
    """A Realtime client behind the few things that the call asks of it.

    `said` is what the assistant said, as the client hands it on; `sound` counts the bytes of its
    sound that the client handed on; `asked` are the cities that the tool was called with;
    `problem` is what the client complains of.
    """

    def __init__(self) -> None:
        self.said, self.sound, self.problem = "", 0, ""
        self.asked: list[str] = []

    def get_weather(self, city: str) -> str:
        self.asked.append(city)
        return REPORT

    @abstractmethod
    async def write(self, text: str) -> None:
        """Send a text, and ask for an answer."""

    @abstractmethod
    async def speak(self, pcm: bytes) -> None:
        """Send a piece of sound; the server finds out when a turn ends."""

    @abstractmethod
    async def cancel(self) -> None:
        """Stop the answer that is being given."""

    @abstractmethod
    async def reconnect(self) -> None:
        """Connect anew after the connection dropped, and send the history again."""


Connect = Callable[[str], AbstractAsyncContextManager[VoiceClient]]


class SixTurnCall:
    """The six turns; each returns when the client has got what it should, or raises."""

    def __init__(self, client: VoiceClient, wire: WireRelay) -> None:
        self._client, self._wire = client, wire
        self.begin_turn()

    def begin_turn(self) -> None:
        """What was said, heard and sent before counts no more."""
        self._client.said, self._client.sound = "", 0
        self._passed = {side: len(events) for side, events in self._wire.events.items()}

    async def text(self) -> None:
        await self._client.write(QUESTION)
        await self._until_said(FACT)

    async def speech(self) -> None:
        await self._speak(SPOKEN)
        await self._until_said(SPOKEN_FACT)

    async def tool(self) -> None:
        await self._client.write(WEATHER)
        await self._until_said(REPORT)

        assert self._client.asked == ["Paris"], self._client.asked

    async def interruption(self) -> None:
        """The caller speaks while the answer is heard: it is cut, and the new question answered."""
        await self._speak(LONG)
        await self._until_heard()
        await self._speak(CUT_IN)
        await self._until_passed("server", "conversation.item.truncated")
        await self._until_said(CUT_IN_FACT)

        cuts = self._of_type("server", "conversation.item.truncated")
        heard = max(event["audio_end_ms"] for event in cuts)
        assert LEAST_MS <= heard <= MOST_MS, f"truncated at {heard} ms"
        ends = self._of_type("server", "response.done")
        reasons = [(event["response"]["status_details"] or {}).get("reason") for event in ends]
        assert "turn_detected" in reasons, "the server went on with its answer"

    async def cancel(self) -> None:
        await self._client.write(LONG_QUESTION)
        await self._until_heard()
        await self._client.cancel()
        await self._until_passed("client", "response.cancel")
        await self._until_ended("cancelled")

    async def reconnect(self) -> None:
        """The connection drops while an answer is given; the call goes on with its history."""
        await self._client.write(LONG_QUESTION)
        await self._until_heard()
        self.begin_turn()
        self._wire.drop()
        await self._client.reconnect()
        await self._until_passed("server", "session.updated")
        await self._client.write(QUESTION)
        await self._until_said(FACT)

        sent = [event["type"] for event in self._events("client")]
        restored = sent[: sent.index("response.create")].count("conversation.item.create") - 1
        assert restored > 0, f"the history was not sent again: {sent}"

    async def _speak(self, name: str) -> None:
        pcm, size = clip(name), PIECE_MS * RATE // 1000 * 2
        for start in range(0, len(pcm), size):
            await self._client.speak(pcm[start : start + size])
            await asyncio.sleep(PIECE_MS / 1000 / FASTER)

    async def _until_said(self, words: str) -> None:
        await self._until(lambda: words in self._client.said, repr(words))
        await self._until_ended("completed")

    async def _until_heard(self) -> None:
        """Until some of the answer has been played."""
        await self._until(lambda: self._client.sound > 0, "sound")
        await asyncio.sleep(HEARD_S)

    async def _until_passed(self, side: str, type: str) -> None:
        await self._until(lambda: bool(self._of_type(side, type)), type)

    async def _until_ended(self, status: str) -> None:
        """Until no response is active, and the last one ended so."""

        def is_ended() -> bool:
            responses = self._of_type("server", "response.created", "response.done")
            return bool(responses) and responses[-1]["response"]["status"] == status

        await self._until(is_ended, f"a response that is {status}")

    async def _until(self, is_so: Callable[[], bool], what: str) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while not is_so():
                    assert not self._client.problem, self._client.problem
                    await asyncio.sleep(0.01)
                return
        last = [event["type"] for event in self._events("server")[-5:]]
        said = self._client.said[-80:]
        raise AssertionError(f"{what} did not come; it said {said!r}; the last events were {last}")

    def _events(self, side: str) -> list[dict[str, Any]]:
        """What passed in this turn."""
        return self._wire.events[side][self._passed[side] :]

    def _of_type(self, side: str, *types: str) -> list[dict[str, Any]]:
        return [event for event in self._events(side) if event["type"] in types]


TURNS = (
    SixTurnCall.text,
    SixTurnCall.speech,
    SixTurnCall.tool,
    SixTurnCall.interruption,
    SixTurnCall.cancel,
    SixTurnCall.reconnect,
)


async def hold(connect: Connect) -> bool:
    """Make the call: a line for each turn, up to the first that fails; whether one did."""
    wire = WireRelay(os.environ["OPENAI_BASE_URL"])
    is_failed = False
    async with wire.open() as base_url, connect(base_url) as client:
        call = SixTurnCall(client, wire)
        for turn in TURNS:
            reason = ""
            call.begin_turn()
            try:
                await turn(call)
            except Exception as error:  # whatever a client may raise
                reason = f"{type(error).__name__}: {error}".replace("\n", " ")
            if is_failed := tell(f"call {turn.__name__}", reason):
                break
        errors = [event["error"] for event in wire.events["server"] if event["type"] == "error"]
        # Some clients cancel what has ended already, and take no notice of the error.
        messages = [error["message"] for error in errors if error["code"] != HARMLESS]
        is_failed |= tell("call without errors", "; ".join(messages))
        for side, events in wire.events.items():
            counts = Counter(event["type"] for event in events)
            print(f"     {side}:", ", ".join(f"{type} {count}" for type, count in counts.items()))
    return is_failed


def run(connect: Connect) -> None:
    """Make the call and end the program: with 1 if a turn failed."""
    sys.exit(1 if asyncio.run(hold(connect)) else 0)
