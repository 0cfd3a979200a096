"""A simulated caller: speaks recorded clips, listens to the answers, and notes who said what when.

A lesson decides when each clip is spoken: after the answer before it was heard, or in the middle of
that answer, or after the connection was dropped. What both sides say is noted by item, since
a transcript may arrive long after the sound.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audio.call_clock import CallClock
from audio.call_recording import Recording
from audio.wav import WavMicrophone, WavSpeaker
from common.settings import CourseError

if TYPE_CHECKING:
    from openai.types.realtime import RealtimeServerEvent

PATIENCE_S = 60.0
LOOK_S = 0.02

TURN_END_S = 0.5
"""The silence after which a server takes a turn for ended; until then it has nothing to do."""

Utterance = tuple[str, str]
"""Who, and what: the caller's or the assistant's words, a tool call, news of the connection."""

Show = Callable[[float, str, str], None]


class SimulatedCaller:
    """A telephone with a caller at it; its clock may be faster than the world's."""

    def __init__(self, clock: CallClock) -> None:
        self.clock = clock
        self.recording = Recording(clock)
        self.microphone = WavMicrophone(clock, self.recording)
        self.speaker = WavSpeaker(clock, self.recording)
        self._start = self._session_start = self._spoken_until = clock.now()
        self._is_answered = False
        self._sessions = 0
        self._has_session = asyncio.Event()
        self._spoken_at: dict[str, float] = {}
        self._words: dict[str, Utterance] = {}
        clock.is_server_busy = self._is_server_busy

    async def run_call(
        self,
        events: "AsyncGenerator[RealtimeServerEvent, None]",
        clips: Mapping[Path, int | None],
        show: Show,
        drop: Callable[[], None] | None = None,
    ) -> None:
        """Speak the clips while the call's events come; show what is said on both sides."""
        await asyncio.gather(self._listen(events, show), self._speak(clips, drop))

    async def speak_clips(
        self, clips: Mapping[Path, int | None], drop: Callable[[], None] | None = None
    ) -> None:
        """Speak clips, then hang up.

        Each clip is spoken once the answer before it was heard, or so many ms of it. `drop`, if
        given, is called between two clips. It drops the connection, so the next clip waits for
        a new session. Raises CourseError if the assistant doesn't answer.
        """
        for place, (clip, heard_ms) in enumerate(clips.items()):
            if place and heard_ms is not None:
                await self._wait(partial(self._has_heard, heard_ms))
            elif place:
                await self._wait(self._is_heard_out)
                if drop:
                    await self._reconnect(drop)
            self._is_answered = False
            self.microphone.speak(clip)
            await self.microphone.spoken()
            self._spoken_until = self.clock.now()
        await self._wait(self._is_heard_out)
        self.microphone.close()

    def note_event(self, event: "RealtimeServerEvent") -> Utterance | None:
        """Note an event of the server; the utterance that it completes, if it does."""
        note = _NOTES.get(event.type)
        return note(self, event) if note else None

    def save(self, file: Path) -> None:
        """The call as a stereo WAV, the caller left; raises OSError if it can't be written."""
        for item_id, (speaker, text) in self._words.items():
            spoken = self._spoken_at.get(item_id, self._start)
            moment = self.speaker.moment(item_id) if speaker == "assistant" else spoken
            self.recording.caption(speaker, moment, text)
        self.recording.save(file)

    async def _speak(
        self, clips: Mapping[Path, int | None], drop: Callable[[], None] | None
    ) -> None:
        """Speak only once the session has its settings; without them it would hear differently."""
        await self._has_session.wait()
        await self.speak_clips(clips, drop)

    # ---------------------------------------------------------------- events

    def _note_session(self, event: Any) -> Utterance | None:
        self._session_start = self.clock.now()
        self._sessions += 1
        self._has_session.set()
        if self._sessions == 1:
            self._start = self._session_start
            return None
        self.recording.mark(self._session_start, "a new session")
        return "line", "The connection dropped. A new session has begun, and it knows nothing."

    def _note_speech(self, event: Any) -> None:
        # An answer that was complete before the caller interrupted doesn't answer this turn.
        self._is_answered = False
        self._spoken_at[event.item_id] = self._session_start + event.audio_start_ms / 1000

    def _note_words(self, event: Any) -> Utterance:
        return self._note(event.item_id, "caller", event.transcript)

    def _note_no_words(self, event: Any) -> Utterance:
        return self._note(event.item_id, "caller", f"({event.error.message})")

    def _note_answer(self, event: Any) -> Utterance:
        return self._note(event.item_id, "assistant", event.transcript)

    def _note_tool(self, event: Any) -> Utterance:
        return "tool", f"{event.name}({event.arguments})"

    def _note_cut(self, event: Any) -> Utterance:
        return "line", f"Cut off: {event.audio_end_ms:,} ms of it were heard."

    def _note_done(self, event: Any) -> None:
        """A response that calls a tool is no answer yet; another one will follow."""
        calls = [each for each in event.response.output or [] if each.type == "function_call"]
        self._is_answered = event.response.status != "cancelled" and not calls

    def _note(self, item_id: str, speaker: str, text: str) -> Utterance:
        self._words[item_id] = (speaker, text)
        return speaker, text

    async def _listen(
        self, events: "AsyncGenerator[RealtimeServerEvent, None]", show: Show
    ) -> None:
        async with aclosing(events):
            async for event in events:
                if utterance := self.note_event(event):
                    show(self.clock.now() - self._start, *utterance)

    # ---------------------------------------------------------------- waiting

    def _is_server_busy(self) -> bool:
        """Whether the server owes something, so that a virtual clock must not jump.

        First it owes a session. While the caller speaks, it owes something only if the assistant
        is speaking, too: it has to notice the interruption. After that, it owes the words and the
        answer, as soon as it can know that the turn has ended.
        """
        if not self._sessions:
            return True
        if self.microphone.is_speaking:
            return self.speaker.sounding is not None
        if self.clock.now() < self._spoken_until + TURN_END_S:
            return False
        # Of several turns only the last one is sure to be answered, and to get its words.
        last_turn = next(reversed(self._spoken_at), "")
        return not self._is_answered or last_turn not in self._words

    def _is_heard_out(self) -> bool:
        return self._is_answered and self.speaker.sounding is None

    def _has_begun(self, before: int) -> bool:
        return self._sessions > before

    def _has_heard(self, milliseconds: int) -> bool:
        sounding = self.speaker.sounding
        if sounding is None:
            return self._is_answered
        return self.speaker.ledger.heard_ms(sounding) >= milliseconds

    async def _reconnect(self, drop: Callable[[], None]) -> None:
        """Drop the connection, and wait for a new session."""
        before, self._is_answered = self._sessions, False
        drop()
        await self._wait(partial(self._has_begun, before))

    async def _wait(self, is_due: Callable[[], bool]) -> None:
        last = self.clock.now() + PATIENCE_S * self.clock.speed
        while not is_due():
            if self.clock.now() > last:
                raise CourseError(
                    f"the assistant has not answered for {PATIENCE_S:.0f} s",
                    "it heard nothing, or its answer was lost",
                    "run it again with --wire, which shows every event",
                )
            await self.clock.wait_until(self.clock.now() + LOOK_S)


_NOTES: dict[str, Callable[[SimulatedCaller, Any], Utterance | None]] = {
    "session.created": SimulatedCaller._note_session,
    "input_audio_buffer.speech_started": SimulatedCaller._note_speech,
    "conversation.item.input_audio_transcription.completed": SimulatedCaller._note_words,
    "conversation.item.input_audio_transcription.failed": SimulatedCaller._note_no_words,
    "response.output_audio_transcript.done": SimulatedCaller._note_answer,
    "response.function_call_arguments.done": SimulatedCaller._note_tool,
    "conversation.item.truncated": SimulatedCaller._note_cut,
    "response.done": SimulatedCaller._note_done,
}
