"""A caller at the telephone: both ends of the sound, and a record of who said what and when.

The caller speaks clips at moments that a lesson decides: when the desk has finished, or while it
still speaks. What is said on both sides is noted by the item that it belongs to, since a
transcript may come long after the words.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from pathlib import Path

from audio.wav import CallClock, Recording, WavMicrophone, WavSpeaker
from common.settings import CourseError
from console.lesson import Lesson
from console.terminal import Terminal

from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent

PATIENCE_S = 60.0
LOOK_S = 0.02
FASTEST = 10.0

Show = Callable[[float, str, str], None]


class SimulatedCaller:
    """A telephone with a caller at it; its clock may be faster than the world's."""

    def __init__(self, clock: CallClock) -> None:
        self.clock = clock
        self.recording = Recording(clock)
        self.microphone = WavMicrophone(clock, self.recording)
        self.speaker = WavSpeaker(clock, self.recording)
        self._start = self._session_start = clock.now()
        self._is_answered = False
        self._sessions = 0
        self._spoken_at: dict[str, float] = {}
        self._words: dict[str, tuple[str, str]] = {}

    async def hold(
        self,
        events: AsyncGenerator[RealtimeServerEvent, None],
        speech: Awaitable[None],
        show: Show,
    ) -> None:
        """Let the caller ring while the call's events come; what is said is shown."""
        await asyncio.gather(self._listen(events, show), speech)

    async def speak_clips(
        self, clips: Mapping[Path, int | None], meanwhile: Callable[[], None] | None = None
    ) -> None:
        """Speak clips, then hang up: each when the answer before was heard, or so many ms of it.

        `meanwhile` happens between two clips, once an answer was heard; it breaks the line, so the
        next clip waits for a new session. Raises CourseError.
        """
        for place, (clip, heard_ms) in enumerate(clips.items()):
            if place and heard_ms is not None:
                await self._wait(partial(self._has_heard, heard_ms))
            elif place:
                await self._wait(self._is_heard_out)
                if meanwhile:
                    before = self._sessions
                    meanwhile()
                    await self._wait(partial(self._has_begun, before))
            self._is_answered = False
            self.microphone.speak(clip)
            await self.microphone.spoken()
        await self._wait(self._is_heard_out)
        self.microphone.close()

    def take(self, event: RealtimeServerEvent) -> tuple[str, str] | None:
        """Note an event of the server's; who said what, where it tells that."""
        if event.type == "session.created":
            self._session_start = self.clock.now()
            self._sessions += 1
            if self._sessions == 1:
                self._start = self._session_start
                return None
            self.recording.mark(self._session_start, "a new session")
            return "line", "The line dropped: a new session has begun, and knows nothing."
        elif event.type == "input_audio_buffer.speech_started":
            # An answer that was sent to its end before the caller cut in is none to this.
            self._is_answered = False
            self._spoken_at[event.item_id] = self._session_start + event.audio_start_ms / 1000
        elif event.type == "conversation.item.input_audio_transcription.completed":
            return self._note(event.item_id, "caller", event.transcript)
        elif event.type == "conversation.item.input_audio_transcription.failed":
            return self._note(event.item_id, "caller", f"({event.error.message})")
        elif event.type == "response.output_audio_transcript.done":
            return self._note(event.item_id, "desk", event.transcript)
        elif event.type == "response.function_call_arguments.done":
            return "tool", f"{event.name}({event.arguments})"
        elif event.type == "conversation.item.truncated":
            return "line", f"Cut off: {event.audio_end_ms:,} ms of it were heard."
        elif event.type == "response.done":
            calls = [o for o in event.response.output or [] if o.type == "function_call"]
            self._is_answered = event.response.status != "cancelled" and not calls
        return None

    def save(self, file: Path) -> None:
        """The call as a stereo WAV, caller left, desk right; raises OSError where it cannot be."""
        for item_id, (who, text) in self._words.items():
            spoken = self._spoken_at.get(item_id, self._start)
            moment = self.speaker.moment(item_id) if who == "desk" else spoken
            self.recording.caption(who, moment, text)
        self.recording.save(file)

    def keep(self, file: Path, show: Terminal) -> None:
        """Save the call, and show who spoke when; the picture is kept beside it."""
        self.save(file)
        made = self.recording
        levels = {who: made.levels(who) for who in ("caller", "desk")}
        picture = file.with_suffix(".svg")
        show.timeline(made.spans(), made.marks, made.duration_s, levels, picture)
        show.note(f"The sound is in {file}: the caller left, the desk right.")

    async def _listen(self, events: AsyncGenerator[RealtimeServerEvent, None], show: Show) -> None:
        async with aclosing(events):
            async for event in events:
                if said := self.take(event):
                    show(self.clock.now() - self._start, *said)

    def _note(self, item_id: str, who: str, text: str) -> tuple[str, str]:
        self._words[item_id] = (who, text)
        return who, text

    def _is_heard_out(self) -> bool:
        return self._is_answered and self.speaker.sounding is None

    def _has_begun(self, before: int) -> bool:
        return self._sessions > before

    def _has_heard(self, milliseconds: int) -> bool:
        sounding = self.speaker.sounding
        if sounding is None:
            return self._is_answered
        return self.speaker.ledger.heard_ms(sounding) >= milliseconds

    async def _wait(self, is_due: Callable[[], bool]) -> None:
        last = self.clock.now() + PATIENCE_S * self.clock.speed
        while not is_due():
            if self.clock.now() > last:
                raise CourseError(
                    f"the desk has not answered for {PATIENCE_S:.0f} s",
                    "it heard nothing, or its answer was lost",
                    "run it again with --wire: then every event is shown",
                )
            await self.clock.wait_until(self.clock.now() + LOOK_S)


def caller_for(lesson: Lesson) -> SimulatedCaller:
    """A telephone that keeps the pace of whoever answers; a live server's is the world's."""
    options = lesson.options
    if options.replay:
        speed = options.speed
    else:
        speed = (
            (1 / options.pace if options.pace else FASTEST) if lesson.connection.is_ours else 1.0
        )
    return SimulatedCaller(CallClock(min(speed or FASTEST, FASTEST)))


def drop(connection: AsyncRealtimeConnection | None) -> None:
    """Break the line as a lost network does: at once, and without a word to the server."""
    if connection is not None:
        connection._connection.transport.abort()
