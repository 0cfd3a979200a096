"""The thin shell around a session: a WebSocket, the clock, and the threads that do its jobs.

It moves things and decides nothing. One message is taken at a time: while a client does not read,
`send` waits, so no more is taken from that client, and after a minute the session is dropped.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from emulator import VERSION
from emulator.answers.answer import Answer
from emulator.errors import ApiError
from emulator.faults import Fault
from emulator.realtime import handshake
from emulator.realtime.jobs import Generate, Job, Transcribe
from emulator.realtime.session import Session
from emulator.serving import MOST_STREAMS, Exchange, Service
from emulator.voice import recognizer
from emulator.voice.activity import detector
from emulator.voice.recognizer import RecognitionError
from emulator.voice.synthesizer import SpeechSynthesizer
from emulator.wire import sse, tokens

from starlette.types import Send
from starlette.websockets import WebSocket, WebSocketDisconnect

LARGE = 2**18
UNREAD_S = 60.0
BROKEN = 1011


@cache
def synthesizer() -> SpeechSynthesizer:
    return SpeechSynthesizer()


@cache
def warm() -> None:
    """Load what the first turn needs ahead of it, once in a process."""
    from emulator.retrieval import encoder  # NumPy would double the time of the emulator's start

    recognizer.for_calls().warm()
    synthesizer().synthesize("Hello.")
    encoder.load()


async def serve(socket: WebSocket, send: Send, service: Service, exchange: Exchange) -> None:
    """One connection, from its handshake to its end; raises ApiError for one that is refused."""
    if service.open_streams >= MOST_STREAMS:
        raise ApiError(429, "Too many sessions are open.", code="rate_limit_exceeded")
    # OpenAI lets every WebSocket in, and only then refuses what is wrong with it; see `handshake`.
    faults: list[Fault] = socket.scope["faults"]
    subprotocol = "realtime" if "realtime" in socket.scope["subprotocols"] else None
    await socket.accept(subprotocol, headers=[(b"x-openai-emulator", VERSION.encode())])
    exchange.status = 101
    service.open_streams += 1
    try:
        settings = handshake.settings_of(socket.scope, service)
        reason = recognizer.for_calls().unavailable_reason
        session = handshake.begin(settings, service, faults, detector(), reason)
        await Shell(socket, send, session, service, exchange, faults).run()
    except handshake.Refused as refused:
        await socket.send_text(sse.compact(refused.event()))
        await socket.close(refused.close_code, refused.reason)
        exchange.end("complete")
    except (WebSocketDisconnect, OSError):
        exchange.end("disconnected")
    finally:
        service.open_streams -= 1


@dataclass
class InboundMessage:
    """What a client sent; `taken` is set once the next may come."""

    content: str | bytes
    taken: asyncio.Event = field(default_factory=asyncio.Event)


Input = InboundMessage | Callable[[float], None] | None
"""What moves a session: a message, a call that takes the time, or None for a client that left."""


class Shell:
    """A session, its socket, and what is under way for it."""

    def __init__(
        self,
        socket: WebSocket,
        send: Send,
        session: Session,
        service: Service,
        exchange: Exchange,
        faults: list[Fault],
    ) -> None:
        # What `WebSocket.send` checks costs a fifth of an event: `send` is what lies below it.
        self._socket, self._send, self._session = socket, send, session
        self._service, self._exchange = service, exchange
        self._transport = service.transport(socket.scope["client"])
        self._clock = service.pace.clock
        self._cut = next((fault for fault in faults if fault.name in ("abort", "close")), None)
        self._inbox: asyncio.Queue[Input] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until either side closes; raises WebSocketDisconnect or OSError if the client left."""
        self._begin(asyncio.to_thread(warm))
        self._begin(self._read())
        try:
            while await self._send_all():
                await self._take(await self._next())
        finally:
            for task in self._tasks:
                task.cancel()
            self._session.end()

    async def _read(self) -> None:
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                self._inbox.put_nowait(None)
                return
            message = InboundMessage(received.get("text") or received.get("bytes") or "")
            self._inbox.put_nowait(message)
            await message.taken.wait()

    async def _next(self) -> Input:
        """What comes in next; the session's deadline counts as that."""
        if not self._inbox.empty():
            return self._inbox.get_nowait()
        wait = self._session.deadline - self._clock()
        if wait > 0:
            with suppress(TimeoutError):
                return await asyncio.wait_for(self._inbox.get(), wait)
        return self._session.tick

    async def _take(self, item: Input) -> None:
        if item is None:
            raise WebSocketDisconnect
        if not isinstance(item, InboundMessage):
            item(self._clock())
            return
        # Large sounds take their time, and so do the schemas of tools.
        if len(item.content) > LARGE or '"tools"' in str(item.content):
            await asyncio.to_thread(self._session.receive, item.content, self._clock())
        else:
            self._session.receive(item.content, self._clock())
        item.taken.set()

    async def _send_all(self) -> bool:
        """Begin the jobs and send the events; whether the session goes on."""
        # A transport that is closing swallows what it gets, so nobody would notice a client that
        # left in the middle of an answer: hence the look at it before each event.
        for job in self._session.take_jobs():
            self._begin(self._work(job))
        async with asyncio.timeout(UNREAD_S):
            for event in self._session.take_events():
                if self._cut is not None and self._exchange.blocks >= self._cut.at:
                    await self._cut_off(self._cut)
                    return False
                if self._transport is None or self._transport.is_closing():
                    raise WebSocketDisconnect
                await self._send({"type": "websocket.send", "text": sse.compact(event)})
                self._exchange.blocks += 1
                if self._exchange.blocks % 16 == 0:
                    await asyncio.sleep(0)  # a write that doesn't wait never yields
        if self._session.closing is None:
            return True
        await self._socket.close(*self._session.closing)
        self._exchange.end("complete")
        return False

    async def _cut_off(self, fault: Fault) -> None:
        """A fault ends the connection: closed with a code, or reset."""
        self._exchange.end("broken")
        if fault.name == "close":
            await self._socket.close(int(fault.argument or BROKEN))
        else:
            self._service.reset(self._socket.scope["client"])

    async def _work(self, job: Job) -> None:
        """Do a job on a worker thread, and hand in its result."""
        match job:
            case Transcribe():
                done = partial(self._session.transcribed, job.id, await self._words(job))
            case Generate():
                done = partial(self._session.generated, job.response_id, await self._answer(job))
            case _:
                order = (job.text, job.voice, job.speed)
                pcm = await asyncio.to_thread(synthesizer().synthesize, *order)
                done = partial(self._session.synthesized, job.response_id, pcm)
        self._inbox.put_nowait(done)

    async def _words(self, job: Transcribe) -> str | None:
        if not job.pcm:
            return ""
        try:
            return await asyncio.to_thread(recognizer.for_calls().transcribe, job.pcm)
        except RecognitionError:
            return None

    async def _answer(self, job: Generate) -> Answer | ApiError:
        if job.fixed is not None:
            return Answer(tokens.split(job.fixed))
        try:
            (answer,) = await self._service.generate(job.prompt)
            await answer.finished()
        except ApiError as error:
            return error
        answer.pieces[:0] = tokens.split(job.notice)
        answer.pieces += tokens.split(answer.refusal)
        return answer

    def _begin(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
