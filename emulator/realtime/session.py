"""One Realtime session without I/O: client events, results of jobs and the time in; events out.

How it fits together:

    receive(message)   one client event         heard / thought / said   what a job brought
    tick(now)          let time pass            deadline                 when that must be called
    take_events()      what is to be sent       take_jobs()              what is to be worked on

A turn goes through four hands. The `InputBuffer` finds in the sound where speech starts, pauses and
stops. At a pause recognition begins (`Hear`); speech that goes on throws its result away. At the
stop the sound becomes an item of the `Conversation`, and a `Response` is begun; once the words of
all its items are known it is thought about (`Think`), spoken sentence by sentence (`Say`), and sent
faster than it is heard. Speech that starts meanwhile ends it with `turn_detected`. On a WebSocket
only the caller knows what was heard of it, so the caller truncates.

From openai 3.54's types: the events and their fields. From recorded sessions (2026): orders, ids,
defaults, sentences of errors, `rate_limits.updated` behind `response.done`, that
`conversation.created` is not sent, that the output of a tool is acknowledged behind the response.
Assumed: what an idle timeout commits, how long semantic turn detection waits where no words are
known, that 64 tokens of a conversation are cached at a time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.answers.answer import Answer
from emulator.errors import ApiError
from emulator.pace import Pace
from emulator.realtime import events, session_settings
from emulator.realtime.conversation import Conversation, ConversationItem
from emulator.realtime.conversation_items import checked_item
from emulator.realtime.input_buffer import (
    Clip,
    InputBuffer,
    Paused,
    Resumed,
    SpeechDetector,
    Started,
    Stopped,
)
from emulator.realtime.jobs import Hear, Job
from emulator.realtime.response import Response
from emulator.realtime.response_queue import Limit, Responses
from emulator.realtime.transcripts import transcript
from emulator.realtime.turns import Turn, is_semantic, longest_wait_ms, turns_of, wait_ms
from emulator.voice import sound
from emulator.wire import ids

SESSION_S = 3600.0
LEAST_COMMIT_MS = 100


@dataclass(frozen=True)
class FaultEffects:
    """The faults that bend a session; their names are those of `emulator/faults.py`."""

    short_by_ms: int = 0
    late_deltas: int = 0
    is_transcript_late: bool = False
    has_unknown_events: bool = False


@dataclass(frozen=True)
class Voice:
    """What a session needs of the voice room: a detector of its own, and why no words are heard."""

    detector: SpeechDetector
    why_deaf: str | None = None


class Session:
    """One session; `told` is its settings as the server tells them."""

    def __init__(
        self,
        told: dict[str, Any],
        voice: Voice,
        *,
        now: float,
        pace: Pace,
        limit: Limit,
        lasts_s: float = SESSION_S,
        fault_effects: FaultEffects | None = None,
    ) -> None:
        self.told = told
        self.conversation = Conversation()
        self.closing: tuple[int, str] | None = None
        self._voice = voice
        self._bends = fault_effects or FaultEffects()
        self._buffer = InputBuffer(voice.detector, sound.Resampler(24_000, 16_000), None)
        self._input = sound.Decoder(self._format)
        self._turn, self._hearings = Turn(), 0
        self._responses = Responses(
            self.conversation, pace, limit, self._tell, lambda: self.told, self._on_end
        )
        self._is_response_wanted = False
        self._deferred: list[Mapping[str, Any]] = []
        self._late: list[tuple[str, dict[str, Any]]] = []
        self._idle_at: float | None = None
        self._ends_at = now + lasts_s
        self._outbox: list[dict[str, Any]] = []
        self._jobs: list[Job] = []
        self._buffer.set_turns(turns_of(self._turn_detection))
        self._tell("session.created", session=told)
        if self._bends.has_unknown_events:
            self._tell("never.heard", note="an event that this SDK does not know")
            self._outbox.append({"event_id": ids.realtime("event"), "note": "no type at all"})

    # ------------------------------------------------------------------- in and out

    def receive(self, message: str | bytes, now: float) -> None:
        """Take one client event; what it causes waits in `take_events` and `take_jobs`."""
        self.tick(now)
        if self.closing:
            return
        try:
            self._handle(events.parse(message), now)
        except ApiError as error:
            self._refuse(error, events.event_id_of(message))

    def _handle(self, event: dict[str, Any], now: float) -> None:
        HANDLERS[event["type"]](self, event, now)

    def tick(self, now: float) -> None:
        """Let time pass: send what has fallen due."""
        self._responses.advance(now)
        if self._idle_at is not None and now >= self._idle_at:
            self._on_idle(now)
        if now >= self._ends_at and self.closing is None:
            self._expire()

    @property
    def deadline(self) -> float:
        """When `tick` must be called, whatever comes in."""
        idle = [] if self._idle_at is None else [self._idle_at]
        return min([*self._responses.dues, *idle, self._ends_at])

    def take_events(self) -> list[dict[str, Any]]:
        """The events to send, in order; they are forgotten here."""
        taken, self._outbox = self._outbox, []
        return taken

    def take_jobs(self) -> list[Job]:
        """The jobs to begin; they are forgotten here."""
        taken, self._jobs = [*self._jobs, *self._responses.take_jobs()], []
        return taken

    # ------------------------------------------------------------------- what jobs bring

    def heard(self, job_id: int, words: str | None, now: float) -> None:
        """The words of a clip; None where recognition failed or cannot be had."""
        if self._turn.hearing == job_id:
            self._turn.words, self._turn.is_heard = words, True
            if is_semantic(self._turn_detection):
                self._buffer.silence_ms = wait_ms(self._turn_detection, words)
        for entry in self.conversation:
            if entry.hearing == job_id:
                self._learn(entry, words)
        self._responses.heard(now)

    def thought(self, response_id: str, answer: Answer | ApiError, now: float) -> None:
        """The answer for a response, or why there is none."""
        self._responses.thought(response_id, answer, now)

    def said(self, response_id: str, pcm: bytes, now: float) -> None:
        """The sound of the sentence that a response asked for: s16le, 24 kHz."""
        self._responses.said(response_id, pcm, now)

    # ------------------------------------------------------------------- client events

    def _on_update(self, event: Mapping[str, Any], now: float) -> None:
        turns, format = turns_of(self._turn_detection), self._format
        self.told = session_settings.updated(
            self.told, event["session"], has_spoken=self._has_spoken
        )
        if turns_of(self._turn_detection) != turns:
            self._buffer.set_turns(turns_of(self._turn_detection))
            self._turn = Turn()
        self._idle_at = self._idle_at if self._idle_s else None
        if self._format != format:
            self._input = sound.Decoder(self._format)
        self._tell("session.updated", session=self.told)

    def _on_append(self, event: Mapping[str, Any], now: float) -> None:
        pcm = self._input.feed(events.audio(event, self._format))
        for signal in self._buffer.append(pcm):
            SIGNALS[type(signal)](self, signal, now)

    def _on_commit(self, event: Mapping[str, Any], now: float) -> None:
        if self._buffer.buffered_ms < LEAST_COMMIT_MS:
            message = f"""Error committing input audio buffer: buffer too small. Expected at least \
100ms of audio, but buffer only has {self._buffer.buffered_ms:.2f}ms of audio."""
            raise ApiError(400, message, code="input_audio_buffer_commit_empty")
        turn, self._turn = self._turn, Turn()
        self._commit(self._buffer.commit(), turn.item_id, None)

    def _on_clear(self, event: Mapping[str, Any], now: float) -> None:
        self._buffer.clear()
        self._turn = Turn()
        self._tell("input_audio_buffer.cleared")

    def _on_create_item(self, event: Mapping[str, Any], now: float) -> None:
        checked = checked_item(event["item"], lambda: ids.realtime("item"), self._format)
        if checked.told["type"] == "function_call_output" and self._responses.active is not None:
            self._deferred.append(event)
            return
        entry = ConversationItem(checked.told, words=checked.text, images=checked.images)
        if checked.audio:
            entry.pcm = sound.decoded(checked.audio, self._format)
            entry.sound_ms = len(entry.pcm) / 48
            entry.words = None
            entry.hearing = self._hear(sound.resampled(entry.pcm, 24_000, 16_000))
        entry.previous = self.conversation.add(entry, event.get("previous_item_id"))
        self._tell_added(entry)

    def _on_delete_item(self, event: Mapping[str, Any], now: float) -> None:
        self.conversation.remove(event["item_id"])
        self._tell("conversation.item.deleted", item_id=event["item_id"])

    def _on_retrieve_item(self, event: Mapping[str, Any], now: float) -> None:
        entry = self.conversation.get(event["item_id"], "retrieve")
        self._tell("conversation.item.retrieved", item=entry.with_sound())

    def _on_truncate_item(self, event: Mapping[str, Any], now: float) -> None:
        keys = ("item_id", "content_index", "audio_end_ms")
        item_id, content_index, end_ms = (event[key] for key in keys)
        self.conversation.truncate(item_id, content_index, end_ms, self._bends.short_by_ms)
        place = {"content_index": content_index, "audio_end_ms": end_ms}
        self._tell("conversation.item.truncated", item_id=item_id, **place)

    def _on_create_response(self, event: Mapping[str, Any], now: float) -> None:
        if self.told["type"] != "realtime":
            raise ApiError(400, "A transcription session has no responses.", code="invalid_value")
        asked = event.get("response")
        wanted = session_settings.response_settings(self.told, asked, has_spoken=self._has_spoken)
        self._responses.begin(wanted, now)
        self._idle_at = None

    def _on_cancel_response(self, event: Mapping[str, Any], now: float) -> None:
        self._responses.cancel(event.get("response_id"), "client_cancelled", now)

    # ------------------------------------------------------------------- turns

    def _on_started(self, signal: Started, now: float) -> None:
        self._turn = Turn(item_id=ids.realtime("item"))
        self._idle_at = None
        if is_semantic(self._turn_detection):
            self._buffer.silence_ms = longest_wait_ms(self._turn_detection)
        told = {"audio_start_ms": signal.at_ms, "item_id": self._turn.item_id}
        self._tell("input_audio_buffer.speech_started", **told)
        if self._responses.active is not None and self._turn_detection["interrupt_response"]:
            self._responses.cancel(None, "turn_detected", now, self._bends.late_deltas)

    def _on_paused(self, signal: Paused, now: float) -> None:
        self._turn.hearing = self._hear(self._buffer.speech())
        self._turn.is_heard = False

    def _on_resumed(self, signal: Resumed, now: float) -> None:
        self._turn.hearing = None
        if is_semantic(self._turn_detection):
            self._buffer.silence_ms = longest_wait_ms(self._turn_detection)

    def _on_stopped(self, signal: Stopped, now: float) -> None:
        turn, self._turn = self._turn, Turn()
        told = {"audio_end_ms": signal.at_ms, "item_id": turn.item_id}
        self._tell("input_audio_buffer.speech_stopped", **told)
        detection = self._turn_detection
        self._commit(self._buffer.commit(is_turn=True), turn.item_id, turn)
        if self.told["type"] == "realtime" and detection["create_response"]:
            self._is_response_wanted = True
            self._answer_turn(now)

    def _commit(self, clip: Clip, item_id: str | None, turn: Turn | None) -> None:
        """Sound becomes an item of the caller's; `turn` tells what is known of its words."""
        content = {"type": "input_audio", "transcript": None}
        told = {"type": "message", "status": "completed", "role": "user", "content": [content]}
        item = {"id": item_id or ids.realtime("item"), **told}
        entry = ConversationItem(item, pcm=clip.pcm, sound_ms=len(clip.pcm) / 48, words=None)
        entry.previous = self.conversation.add(entry)
        previous = {"previous_item_id": entry.previous}
        self._tell("input_audio_buffer.committed", **previous, item_id=entry.id)
        self._tell_added(entry)
        if turn and turn.is_heard:
            self._learn(entry, turn.words)
        else:
            entry.hearing = turn.hearing if turn and turn.hearing else self._hear(clip.speech)

    def _on_idle(self, now: float) -> None:
        """Nobody spoke: an empty turn is committed, and answered unasked."""
        self._idle_at = None
        end = self._buffer.written_ms
        start = max(0, end - (self._turn_detection.get("idle_timeout_ms") or 0))
        item_id = ids.realtime("item")
        told = {"audio_start_ms": start, "audio_end_ms": end, "item_id": item_id}
        self._tell("input_audio_buffer.timeout_triggered", **told)
        self._commit(self._buffer.commit(is_turn=True), item_id, Turn(words="", is_heard=True))
        self.conversation.get(item_id, "retrieve").is_silence = True
        self._is_response_wanted = True
        self._answer_turn(now)

    def _answer_turn(self, now: float) -> None:
        """Begin the response that a turn calls for, once the one before has ended."""
        if self._is_response_wanted and self._responses.active is None:
            self._is_response_wanted = False
            self._idle_at = None
            self._responses.begin(session_settings.response_settings(self.told, None), now)

    # ------------------------------------------------------------------- after a response

    def _on_end(self, response: Response, now: float) -> None:
        """The default response has ended: do what had to wait for that."""
        self._take_deferred(now)
        for name, fields in self._late:
            self._tell(name, **fields)
        self._late.clear()
        if self._idle_s:
            self._idle_at = max(now, response.heard_until) + self._idle_s
        self._answer_turn(now)

    def _take_deferred(self, now: float) -> None:
        """Items that came while a response was written are acknowledged behind it."""
        deferred, self._deferred = self._deferred, []
        for event in deferred:
            try:
                self._on_create_item(event, now)
            except ApiError as error:
                self._refuse(error, event.get("event_id"))

    # ------------------------------------------------------------------- hearing

    def _hear(self, speech: bytes) -> int:
        self._hearings += 1
        self._jobs.append(Hear(self._hearings, speech))
        return self._hearings

    def _learn(self, entry: ConversationItem, words: str | None) -> None:
        """An item's words are known, or known not to be had."""
        entry.hearing, entry.words = None, words
        wanted = self._input_settings.get("transcription")
        if not wanted:
            return
        if words and entry.told.get("content"):
            entry.told["content"][0]["transcript"] = words
        for name, fields in transcript(entry, words, wanted, self._voice.why_deaf):
            self._tell_late(name, **fields)

    def _tell_late(self, name: str, /, **fields: Any) -> None:
        """Transcripts come when they come; bent, behind the answer."""
        if self._bends.is_transcript_late and self._turn_detection.get("create_response"):
            self._late.append((name, fields))
        else:
            self._tell(name, **fields)

    # ------------------------------------------------------------------- settings

    @property
    def _input_settings(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.told["audio"]["input"]
        return found

    @property
    def _format(self) -> str:
        return str(self._input_settings["format"]["type"])

    @property
    def _turn_detection(self) -> Mapping[str, Any]:
        return self._input_settings["turn_detection"] or {}

    @property
    def _has_spoken(self) -> bool:
        """Whether the voice was heard, so that it is fixed."""
        return any(entry.is_spoken_answer for entry in self.conversation)

    @property
    def _idle_s(self) -> float:
        return (self._turn_detection.get("idle_timeout_ms") or 0) / 1000

    # ------------------------------------------------------------------- telling

    def _tell(self, name: str, /, **fields: Any) -> None:
        self._outbox.append({"type": name, "event_id": ids.realtime("event"), **fields})

    def _tell_added(self, entry: ConversationItem) -> None:
        for what in ("added", "done"):
            told = {"previous_item_id": entry.previous, "item": dict(entry.told)}
            self._tell(f"conversation.item.{what}", **told)

    def _refuse(self, error: ApiError, event_id: str | None) -> None:
        self._tell("error", error={**error.fields(), "event_id": event_id})

    def _expire(self) -> None:
        message = "Your session hit the maximum duration of 60 minutes."
        self._refuse(ApiError(400, message, code="session_expired"), None)
        self.closing = (1001, message)


Handler = Callable[[Session, Mapping[str, Any], float], None]

HANDLERS: dict[str, Handler] = {
    "session.update": Session._on_update,
    "input_audio_buffer.append": Session._on_append,
    "input_audio_buffer.commit": Session._on_commit,
    "input_audio_buffer.clear": Session._on_clear,
    "conversation.item.create": Session._on_create_item,
    "conversation.item.delete": Session._on_delete_item,
    "conversation.item.retrieve": Session._on_retrieve_item,
    "conversation.item.truncate": Session._on_truncate_item,
    "response.create": Session._on_create_response,
    "response.cancel": Session._on_cancel_response,
}
SIGNALS: dict[type, Callable[[Session, Any, float], None]] = {
    Started: Session._on_started,
    Paused: Session._on_paused,
    Resumed: Session._on_resumed,
    Stopped: Session._on_stopped,
}
