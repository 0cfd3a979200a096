"""A Realtime server that plays a scene: the emulator's session, without its ears, voice and clock.

The session itself is `emulator/realtime/session.py`, so each event, id and error is the emulator's.
What a machine may lack, or what takes its time, comes from the scene: how loud counts as speech,
the words that were heard, the answer, its sound. Nothing waits for a clock: all that is due is sent
at once, and a scene that wants a gap sends the next sound when the program has sent something.

So runs are alike on each machine, and a scene may hold back what a server would send later:

    sound      None: the sentence waits until `speak` is called
    held       events that wait for a while before they are sent, and all behind them; the program's
               messages are taken meanwhile, so what it sends too early stands in the trace before
    closes     the code with which the connection is closed behind an event
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from emulator.answers.answer import Answer, Prompt
from emulator.app import REALTIME, App
from emulator.pace import Pace
from emulator.realtime import handshake
from emulator.realtime.jobs import Generate, Job, Synthesize, Transcribe
from emulator.realtime.session import Session
from emulator.serving import Service
from emulator.voice.sound import samples
from emulator.wire import sse, tokens
from grading.scene import Scene
from grading.trace import TracedEvent, TracedExchange

from starlette.types import ASGIApp, Receive, Scope, Send

LOUD = 2_000
"""A frame with a sample beyond this counts as speech."""


class RealtimeScene(Scene):
    """A scene of calls over `/v1/realtime`; a subclass says what is heard, answered and spoken."""

    # A program that leaves while much is unread waits 10 s for its end: websockets' own timeout.
    limit_s = 30.0
    held: ClassVar[Sequence[tuple[str, int]]] = ()
    """The events that the program has to wait for: the type, and which one of a session it is."""
    stays_for: ClassVar[tuple[str, int]] = ("", 0)
    """The event that the program has to stay for. It is held for a moment, so that a program that
    leaves without it is gone before."""
    LEAST_HOLD_S: ClassVar[float] = 0.5
    LAST_HOLD_S: ClassVar[float] = 0.3
    PROMPT_S: ClassVar[float] = 0.25
    MOST_HOLD_S: ClassVar[float] = 8.0

    def around(self, app: ASGIApp) -> ASGIApp:
        assert isinstance(app, App)
        return _ScriptedApp(self, app)

    def defaults(self, settings: dict[str, Any]) -> None:
        """Change the settings that a session begins with."""

    def received(self, call: "ScriptedSession", message: dict[str, Any]) -> None:
        """A message came; the session takes it after this."""

    def taken(self, call: "ScriptedSession", message: dict[str, Any]) -> None:
        """The session has taken a message."""

    def words(self, call: "ScriptedSession") -> str:
        """What was said in a turn of the caller's."""
        return "Good evening."

    def answer(self, call: "ScriptedSession", prompt: Prompt) -> Answer:
        """The answer to a response; each sentence of it becomes a sound of its own."""
        raise NotImplementedError

    def sound(self, call: "ScriptedSession", text: str) -> bytes | None:
        """A sentence as sound (s16le, 24 kHz); None if it comes later."""
        return b""

    def closes(self, call: "ScriptedSession", event: dict[str, Any]) -> int | None:
        return None

    @property
    def sessions(self) -> list[TracedExchange]:
        """The WebSockets that were opened, in order."""
        found = self.trace.to(REALTIME, method="GET")
        return [each for each in found if each.status == 101]

    @property
    def holding_s(self) -> float:
        """How long each event of `held` is held back."""
        return max(self.hold_s, self.LEAST_HOLD_S)

    def waited_s(self) -> float:
        return max([0.0, *self._late_s()]) + self.holding_s

    def next_hold_s(self) -> float:
        """Longer than the program did nothing; three times as long if it went on late.

        One that waits for an event of `held` goes on at once when that has come. One that sleeps
        goes on at a time of its own, and may sleep longer in each run.
        """
        waited_s, longer_s = self.waited_s(), super().next_hold_s()
        if waited_s - self.holding_s < self.PROMPT_S:
            return longer_s
        return max(longer_s, min(3 * waited_s, self.MOST_HOLD_S))

    def _late_s(self) -> Iterator[float]:
        """From each event of `held` to the next message of the program."""
        for session in self.sessions:
            sent = [each.at for each in session.messages if each.sender == "client"]
            for kind, number in self.held:
                for event in session.received(kind)[number - 1 : number]:
                    yield from [at - event.at for at in sent if at >= event.at][:1]

    @property
    def messages(self) -> list[TracedEvent]:
        """What passed in all of them, in order."""
        return [event for each in self.sessions for event in each.messages]


class Loud:
    """Takes what is loud for speech: a detector for sounds that a scene has made."""

    name = "loud"

    def probability(self, frame: bytes) -> float:
        return float(abs(samples(frame).astype(int)).max() > LOUD)


class ScriptedSession:
    """One connection of a scene; `number` counts them from 1."""

    def __init__(self, scene: RealtimeScene, settings: dict[str, Any], service: Service) -> None:
        self.number = len(scene.sessions)
        self.appended = 0
        """Bytes of sound that came, as base64 stands for them."""
        self._scene = scene
        self._unspoken: deque[Synthesize] = deque()
        self._session = Session(
            settings,
            Loud(),
            now=0.0,
            pace=Pace(),
            limit=lambda spent: service.limits.tokens(str(settings.get("model")), spent),
        )

    def take(self, text: str | bytes) -> list[dict[str, Any]]:
        """A message of the program's; what is to be sent then."""
        message = _object(text)
        if message.get("type") == "input_audio_buffer.append":
            self.appended += len(str(message.get("audio"))) * 3 // 4
        self._scene.received(self, message)
        self._session.receive(text, 0.0)
        self._settle()
        self._scene.taken(self, message)
        return self.events()

    def events(self) -> list[dict[str, Any]]:
        """What is to be sent, at the start as well."""
        self._settle()
        return self._session.take_events()

    def speak(self, pcm: bytes) -> bool:
        """The sound of the sentence that waits; False if none does."""
        if not self._unspoken:
            return False
        job = self._unspoken.popleft()
        self._session.synthesized(job.response_id, pcm, 0.0)
        self._settle()
        return True

    def _settle(self) -> None:
        """Do what can be done, and let all that is due be sent."""
        while (jobs := self._session.take_jobs()) or self._session.deadline <= 0:
            for job in jobs:
                self._do(job)
            self._session.tick(0.0)

    def _do(self, job: Job) -> None:
        match job:
            case Transcribe():
                self._session.transcribed(job.id, self._scene.words(self), 0.0)
            case Generate():
                fixed = None if job.fixed is None else Answer(tokens.split(job.fixed))
                answer = fixed or self._scene.answer(self, job.prompt)
                self._session.generated(job.response_id, answer, 0.0)
            case Synthesize():
                pcm = self._scene.sound(self, job.text)
                if pcm is None:
                    self._unspoken.append(job)
                else:
                    self._session.synthesized(job.response_id, pcm, 0.0)


def _object(text: str | bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        if isinstance(found := json.loads(text), dict):
            return found
    return {}


class _ScriptedApp:
    """The scene's server: calls are its own, all other requests go to the emulator."""

    def __init__(self, scene: RealtimeScene, app: App) -> None:
        self._scene, self._app = scene, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket" or scope["path"] != REALTIME:
            await self._app(scope, receive, send)
            return
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        try:
            settings = handshake.settings_of(scope, self._app.service)
        except handshake.Refused as refused:
            await _send(send, refused.event())
            code, reason = refused.close_code, refused.reason
            await send({"type": "websocket.close", "code": code, "reason": reason})
            return
        self._scene.defaults(settings)
        call = ScriptedSession(self._scene, settings, self._app.service)
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        writing = asyncio.create_task(self._write(call, queue, send))
        try:
            async for events in _taken(call, receive):
                for event in events:
                    queue.put_nowait(event)
        finally:
            writing.cancel()

    async def _write(
        self, call: ScriptedSession, queue: asyncio.Queue[dict[str, Any]], send: Send
    ) -> None:
        count: Counter[str] = Counter()
        with suppress(OSError, RuntimeError):  # the program has left
            while True:
                event = await queue.get()
                count[event["type"]] += 1
                which = (event["type"], count[event["type"]])
                if which in self._scene.held:
                    await asyncio.sleep(self._scene.holding_s)
                elif which == self._scene.stays_for:
                    await asyncio.sleep(self._scene.LAST_HOLD_S)
                await _send(send, event)
                if code := self._scene.closes(call, event):
                    await send({"type": "websocket.close", "code": code, "reason": ""})
                    return


async def _send(send: Send, event: dict[str, Any]) -> None:
    await send({"type": "websocket.send", "text": sse.compact(event)})


async def _taken(call: ScriptedSession, receive: Receive) -> AsyncIterator[list[dict[str, Any]]]:
    """What is to be sent at the start, and after each message, until the program leaves."""
    yield call.events()
    while (message := await receive())["type"] != "websocket.disconnect":
        yield call.take(message.get("text") or message.get("bytes") or "")
