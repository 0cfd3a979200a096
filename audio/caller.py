"""Notes from the events of a call: who said what, and when. And a simulated caller with clips.

What both sides say is noted by item, because a transcript may arrive long after the sound. An
answer is shown once it was heard, or as much of it as was heard before an interruption. That is the
same in a call with a real person (CallNotes). A lesson decides when the simulated caller speaks
each clip: after the answer before it was heard, or in the middle of that answer.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audio.call_clock import CallClock
from audio.call_recording import Recording
from audio.playback import Cut
from audio.wav import WavMicrophone, WavSpeaker
from common.settings import CourseError

if TYPE_CHECKING:
    from audio.devices import Microphone

    from openai.types.realtime import RealtimeServerEvent

PATIENCE_S = 60.0
LOOK_S = 0.02

TURN_END_S = 0.5
"""The silence after which a server takes a turn for ended; until then it has nothing to do."""

Show = Callable[[float | None, str, str], None]
"""Shows what was said: when (None: at the same time as the line before), by whom, the words."""

UNHEARD = "not heard"


@dataclass
class TurnTimes:
    """What happened after the caller's last word, and when, by the clock of the call.

    `ended` is when the server said that the turn is over, `understood` when its words came, and
    `answered` when the first sound of the answer came. A turn that was cut off has not all of them.
    """

    ended: float | None = None
    understood: float | None = None
    answered: float | None = None


class CallNotes:
    """Notes the events of a call, and shows what was said.

    `turns` has the times of each of the caller's turns. `words` is what each side is saying now,
    as far as it's known: an answer's words come before its sound.
    """

    def __init__(
        self,
        clock: CallClock,
        recording: Recording,
        microphone: "WavMicrophone | Microphone",
        speaker: WavSpeaker,
        show: Show = lambda moment, speaker, words: None,
    ) -> None:
        self.clock, self.recording = clock, recording
        self.microphone, self.speaker = microphone, speaker
        self.turns: dict[str, TurnTimes] = {}
        self.words = {"caller": "", "assistant": ""}
        self._show = show
        self._start = clock.now()
        self._is_answered = False
        self._has_session = asyncio.Event()
        self._spoken_at: dict[str, float] = {}
        self._heard: dict[str, str] = {}
        self._answers: dict[str, str] = {}
        self._unshown: list[str] = []

    def note_event(self, event: "RealtimeServerEvent") -> None:
        """Note an event of the server, and show what it completes."""
        if note := _NOTES.get(event.type):
            note(self, event)
        self.show_what_was_heard()

    def save(self, file: Path) -> None:
        """The call as a stereo WAV, the caller left; raises OSError if it can't be written."""
        for item_id, words in self._heard.items():
            self.recording.caption("caller", self._spoken_at.get(item_id, self._start), words)
        for item_id, words in self._answers.items():
            self.recording.caption("assistant", self.speaker.moment(item_id), words)
        self.recording.save(file)

    def number_of(self, item_id: str) -> int:
        """Which of the assistant's answers an item is, counted from 1; 0 for none."""
        answers = [*self._answers]
        return answers.index(item_id) + 1 if item_id in answers else 0

    def show_rest(self) -> None:
        """Show the answers that weren't shown yet, at the end of a call."""
        for item_id in self._unshown:
            self._show_answer(item_id)

    # ---------------------------------------------------------------- events

    def _note_session(self, event: Any) -> None:
        self._start = self.clock.now()
        self._has_session.set()

    def _note_speech(self, event: Any) -> None:
        # An answer that was complete before the caller interrupted doesn't answer this turn.
        self._is_answered = False
        self._spoken_at[event.item_id] = self.microphone.moment(event.audio_start_ms or 0)
        self.turns[event.item_id] = TurnTimes()
        self._show_cut()

    def _note_end(self, event: Any) -> None:
        if turn := self.turns.get(event.item_id):
            turn.ended = self.clock.now()

    def _note_words(self, event: Any) -> None:
        if turn := self.turns.get(event.item_id):
            turn.understood = self.clock.now()
        self._note_heard(event.item_id, event.transcript or "")

    def _note_hearing(self, event: Any) -> None:
        self.words["caller"] += event.delta or ""

    def _note_no_words(self, event: Any) -> None:
        reason = event.error and event.error.message
        self._note_heard(event.item_id, f"({reason or 'not understood'})")

    def _note_heard(self, item_id: str, words: str) -> None:
        self._heard[item_id] = words
        self.words["caller"] = ""
        self._show(self._seconds(self._spoken_at.get(item_id, self._start)), "caller", words)

    def _note_sound(self, event: Any) -> None:
        last = next(reversed(self.turns.values()), None)
        if last and last.ended is not None and last.answered is None:
            last.answered = self.clock.now()

    def _note_answer(self, event: Any) -> None:
        if event.item_id not in self._answers:
            self._unshown.append(event.item_id)
        words = self._answers.get(event.item_id, "") + (event.delta or "")
        self._answers[event.item_id] = self.words["assistant"] = words

    def _note_done(self, event: Any) -> None:
        """A response that calls a tool is no answer yet; another one will follow."""
        items = (event.response and event.response.output) or []
        calls = [item for item in items if item and item.type == "function_call"]
        is_cancelled = event.response and event.response.status == "cancelled"
        self._is_answered = not is_cancelled and not calls

    # ---------------------------------------------------------------- what is shown

    def show_what_was_heard(self) -> None:
        """Show the answers that were heard to their end."""
        while self._unshown and self.speaker.ledger.is_over(self._unshown[0]):
            self._show_answer(self._unshown.pop(0))

    def _show_answer(self, item_id: str) -> None:
        self.words["assistant"] = ""
        began = self.speaker.moment(item_id) or self.clock.now()
        self._show(self._seconds(began), "assistant", self._answers[item_id])

    def _seconds(self, moment: float) -> float:
        return max(0.0, moment - self._start)

    def _show_cut(self) -> None:
        """Show what the caller heard of the answers that the speaker has dropped, and the rest."""
        for item_id in [each for each in self._unshown if each in self.speaker.cuts]:
            self._unshown.remove(item_id)
            words = self._answers[item_id]
            place = words_heard(words, self.speaker.cuts[item_id])
            self._answers[item_id] = words[:place].rstrip()
            self._show_answer(item_id)
            self._show(None, UNHEARD, words[place:].strip())


class SimulatedCaller(CallNotes):
    """A telephone with a caller at it; its clock may be faster than the world's."""

    microphone: WavMicrophone

    def __init__(self, clock: CallClock, show: Show = lambda moment, speaker, words: None) -> None:
        recording = Recording(clock)
        devices = WavMicrophone(clock, recording), WavSpeaker(clock, recording)
        super().__init__(clock, recording, *devices, show)
        self._spoken_until = clock.now()
        clock.is_server_busy = self._is_server_busy

    async def run_call(
        self, call: Coroutine[Any, Any, None], clips: Mapping[Path, int | None]
    ) -> None:
        """Speak the clips while the call is held; at its end, show what wasn't shown yet."""
        try:
            await asyncio.gather(call, self._speak(clips))
        finally:
            self.show_rest()

    async def speak_clips(self, clips: Mapping[Path, int | None]) -> None:
        """Speak clips, then hang up.

        Each clip is spoken once the answer before it was heard, or so many ms of it. Raises
        CourseError if the assistant doesn't answer.
        """
        for place, (clip, heard_ms) in enumerate(clips.items()):
            if place and heard_ms is not None:
                await self._wait(partial(self._has_heard, heard_ms))
            elif place:
                await self._wait(self._is_heard_out)
            self._is_answered = False
            self.microphone.speak(clip)
            await self.microphone.spoken()
            self._spoken_until = self.clock.now()
        await self._wait(self._is_heard_out)
        self.microphone.close()

    async def _speak(self, clips: Mapping[Path, int | None]) -> None:
        """Speak only once the session has its settings; without them it would hear differently."""
        await self._has_session.wait()
        await self.speak_clips(clips)

    # ---------------------------------------------------------------- waiting

    def _is_server_busy(self) -> bool:
        """Whether the server owes something, so that a virtual clock must not jump.

        First it owes a session. While the caller speaks, it owes something only if the assistant
        is speaking, too: it has to notice the interruption. After that, it owes the words and the
        answer, as soon as it can know that the turn has ended.
        """
        if not self._has_session.is_set():
            return True
        if self.microphone.is_speaking:
            return self.speaker.sounding is not None
        if self.clock.now() < self._spoken_until + TURN_END_S:
            return False
        # Of several turns only the last one is sure to be answered, and to get its words.
        last_turn = next(reversed(self._spoken_at), "")
        return not self._is_answered or last_turn not in self._heard

    def _is_heard_out(self) -> bool:
        return self._is_answered and self.speaker.sounding is None

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
                    f"the assistant has not answered for {PATIENCE_S:.0f} s",
                    "the server found no speech, or its answer was lost",
                    "run it again with --wire, which shows every event",
                )
            await self.clock.wait_until(self.clock.now() + LOOK_S)
            self.show_what_was_heard()


def words_heard(words: str, cut: Cut) -> int:
    """About how many letters of an answer were heard before it was cut; whole words only.

    The API doesn't say which words belong to which sound, so this goes by the share of the sound.
    """
    if not cut.received or not cut.heard:
        return 0
    place = round(len(words) * cut.heard / cut.received)
    return len(words) if place >= len(words) else words.rfind(" ", 0, place + 1) + 1


_NOTES: dict[str, Callable[[CallNotes, Any], None]] = {
    "session.created": CallNotes._note_session,
    "input_audio_buffer.speech_started": CallNotes._note_speech,
    "input_audio_buffer.speech_stopped": CallNotes._note_end,
    "conversation.item.input_audio_transcription.delta": CallNotes._note_hearing,
    "conversation.item.input_audio_transcription.completed": CallNotes._note_words,
    "conversation.item.input_audio_transcription.failed": CallNotes._note_no_words,
    "response.output_audio.delta": CallNotes._note_sound,
    "response.output_audio_transcript.delta": CallNotes._note_answer,
    "response.done": CallNotes._note_done,
}
