"""The thin shell around a session: a WebSocket, the clock, and the workers that do its jobs.

It moves things and decides nothing. One message is taken at a time: a caller who does not read
holds the shell up in `send`, so that no more is taken from that caller, and after a minute the
session is dropped.
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
from emulator.realtime.jobs import Hear, Job, Say, Think
from emulator.realtime.session import Session
from emulator.serving import MOST_STREAMS, Exchange, Service
from emulator.voice.activity import detector
from emulator.voice.hear import CannotHear, Ears
from emulator.voice.speak import Mouth
from emulator.wire import sse, tokens

from starlette.types import Send
from starlette.websockets import WebSocket, WebSocketDisconnect

LARGE = 2**18
UNREAD_S = 60.0
BROKEN = 1011


@cache
def ears() -> Ears:
    """One pair for all sessions: the engine is C code with global state."""
    return Ears()


@cache
def mouth() -> Mouth:
    return Mouth()


def warm() -> None:
    """Start both engines ahead of the first turn."""
    ears().warm()
    mouth().say("Hello.")


async def serve(socket: WebSocket, send: Send, service: Service, exchange: Exchange) -> None:
    """One connection, from its handshake to its end; raises ApiError for one that is refused."""
    if service.open_streams >= MOST_STREAMS:
        raise ApiError(429, "Too many sessions are open.", code="rate_limit_exceeded")
    faults: list[Fault] = socket.scope["faults"]
    subprotocol = "realtime" if "realtime" in socket.scope["subprotocols"] else None
    await socket.accept(subprotocol, headers=[(b"x-openai-emulator", VERSION.encode())])
    exchange.status = 101
    service.open_streams += 1
    try:
        told = handshake.settings_of(socket.scope, service)
        session = handshake.begin(told, service, faults, detector(), ears().why_not)
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
    """What a caller sent; `taken` is set once the next may come."""

    content: str | bytes
    taken: asyncio.Event = field(default_factory=asyncio.Event)


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
        self._inbox: asyncio.Queue[InboundMessage | Callable[[float], None] | None] = (
            asyncio.Queue()
        )
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until either side closes; raises WebSocketDisconnect or OSError where it left."""
        self._begin(asyncio.to_thread(warm))
        self._begin(self._read())
        try:
            while await self._send_all():
                await self._take(await self._next())
        finally:
            for task in self._tasks:
                task.cancel()

    async def _read(self) -> None:
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                self._inbox.put_nowait(None)
                return
            message = InboundMessage(received.get("text") or received.get("bytes") or "")
            self._inbox.put_nowait(message)
            await message.taken.wait()

    async def _next(self) -> InboundMessage | Callable[[float], None] | None:
        """What comes in next; time that falls due counts as that."""
        if not self._inbox.empty():
            return self._inbox.get_nowait()
        wait = self._session.deadline - self._clock()
        if wait > 0:
            with suppress(TimeoutError):
                return await asyncio.wait_for(self._inbox.get(), wait)
        return self._session.tick

    async def _take(self, came: InboundMessage | Callable[[float], None] | None) -> None:
        if came is None:
            raise WebSocketDisconnect
        if not isinstance(came, InboundMessage):
            came(self._clock())
            return
        if len(came.content) > LARGE:
            await asyncio.to_thread(self._session.receive, came.content, self._clock())
        else:
            self._session.receive(came.content, self._clock())
        came.taken.set()

    async def _send_all(self) -> bool:
        """Begin the jobs and send the events; whether the session goes on."""
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
                    await asyncio.sleep(0)  # a write that need not wait lets nobody else go on
        if self._session.closing is None:
            return True
        await self._socket.close(*self._session.closing)
        self._exchange.end("complete")
        return False

    async def _cut_off(self, fault: Fault) -> None:
        """The line breaks: closed with a code, or reset."""
        self._exchange.end("broken")
        if fault.name == "close":
            await self._socket.close(int(fault.argument or BROKEN))
        else:
            self._service.reset(self._socket.scope["client"])

    async def _work(self, job: Job) -> None:
        """Do a job on a worker, and hand in what it brought."""
        if isinstance(job, Hear):
            done = partial(self._session.heard, job.id, await self._words(job))
        elif isinstance(job, Say):
            pcm = await asyncio.to_thread(mouth().say, job.text, job.voice, job.speed)
            done = partial(self._session.said, job.response_id, pcm)
        else:
            done = partial(self._session.thought, job.response_id, await self._answer(job))
        self._inbox.put_nowait(done)

    async def _words(self, job: Hear) -> str | None:
        if not job.pcm:
            return ""
        try:
            return await asyncio.to_thread(ears().words, job.pcm)
        except CannotHear:
            return None

    async def _answer(self, job: Think) -> Answer | ApiError:
        if job.plain is not None:
            return Answer(tokens.split(job.plain))
        try:
            answer = await self._service.generate(job.prompt)
            await answer.finished()
        except ApiError as error:
            return error
        answer.pieces[:0] = tokens.split(job.before)
        return answer

    def _begin(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
