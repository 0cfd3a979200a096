"""One Realtime session without I/O: client events, results of jobs and the time in; events out.

    receive(message)   one client event                        take_events()   what is to be sent
    transcribed, generated, synthesized   a job's result       take_jobs()     what is to be done
    tick(now)          let time pass                           deadline        when to call that

The states and what moves them; a response's own phases are in `response.py`, the turn's states in
`input_buffer.py`. "Item" stands for `conversation.item.added` and `.done`.

    what comes in                     before -> after              what is sent, and jobs
    sound: a frame of speech          turn: idle -> speaking       speech_started
    sound: enough for one more pass   -                            a Transcribe job; then deltas
                                      response: active -> none     with interrupt_response: done
    sound: 3 frames of silence        turn: speaking -> paused     nothing; a Transcribe job
    sound: speech again               turn: paused -> speaking     nothing; that job counts no more
    sound: silence_ms of silence      turn: paused -> idle         speech_stopped, committed, item
                                      response: none -> active     with create_response: created
    commit                            turn: any -> idle            committed, item; a Transcribe job
    clear, other turn_detection       turn: any -> idle            cleared, or session.updated
    response.create                   response: none -> active     created
    words of an item known            -                            transcripts, each in its time
    words of all items known          response: active             a Generate job
    the answer, each sentence         response: active             deltas; Synthesize jobs
    the last delta is due             response: active -> none     done, rate_limits.updated
    response.cancel                   response: active -> none     done
    idle_timeout_ms after it played   response: none -> active     timeout_triggered, then as a turn
    60 minutes                        session: open -> closing     error; the socket is closed, 1001

If a turn ends while a response is active, its own is owed (`_is_response_owed`), and begins once
the active one has ended. The output of a tool waits for that, too (`_deferred`). On a WebSocket
only the client knows how much of an answer was heard, so the client truncates.

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
from emulator.params import bad
from emulator.realtime import events, session_settings
from emulator.realtime.conversation import Conversation, ConversationItem
from emulator.realtime.conversation_items import checked_item
from emulator.realtime.input_buffer import Clip, InputBuffer, TurnEdge
from emulator.realtime.jobs import Job
from emulator.realtime.response import Response
from emulator.realtime.response_queue import Limit, Responses
from emulator.realtime.transcripts import StableWords, Transcripts, WaitingItem
from emulator.realtime.turns import (
    CurrentTurn,
    is_semantic,
    longest_wait_ms,
    turn_settings,
    wait_ms,
)
from emulator.voice import sound
from emulator.voice.activity import SpeechDetector
from emulator.wire import ids

SESSION_S = 3600.0
LEAST_COMMIT_MS = 100


@dataclass(frozen=True)
class FaultEffects:
    """What faults change in a session; the names are those of `emulator/faults.py`."""

    short_by_ms: int = 0
    late_deltas: int = 0
    is_transcript_late: bool = False
    has_unknown_events: bool = False


class Session:
    """One session; `settings` is what the server sends as `session`.

    `detector` is this session's own; `why_no_words` says why there is no speech recognition.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        detector: SpeechDetector,
        *,
        now: float,
        pace: Pace,
        limit: Limit,
        why_no_words: str | None = None,
        lasts_s: float = SESSION_S,
        fault_effects: FaultEffects | None = None,
    ) -> None:
        self.settings = settings
        self.conversation = Conversation()
        self.closing: tuple[int, str] | None = None
        self._fault_effects = fault_effects or FaultEffects()
        # Sound in: what undoes its format, what finds turns in it, and what is known of this one.
        self._decoder = sound.Decoder(self._format)
        self._buffer = InputBuffer(detector, turn_settings(self._turn_detection))
        self._turn = CurrentTurn()
        out = (self._emit, self._start_job, lambda: self.settings)
        self._transcripts = Transcripts(pace, *out, why_no_words)
        # Answers, and what waits until the active one has ended.
        talk = (self.conversation, pace, limit, self._emit, self._start_job)
        self._responses = Responses(*talk, lambda: self.settings, self._on_end, self._hear_beside)
        self._is_response_owed = False
        self._deferred: list[Mapping[str, Any]] = []
        # Time, and what goes out.
        self._idle_at: float | None = None
        self._ends_at = now + lasts_s
        self._outbox: list[dict[str, Any]] = []
        self._jobs: list[Job] = []
        self._emit("session.created", session=settings)
        if self._fault_effects.has_unknown_events:
            self._emit("never.heard", note="an event that this SDK does not know")
            self._outbox.append({"event_id": ids.realtime("event"), "note": "no type at all"})

    # ------------------------------------------------------------------- in and out

    def end(self) -> None:
        """Let go of sound, items and detector, once nothing is received or sent any more.

        The parts of a session refer to each other. Python finds out only much later that nobody
        else refers to them, and meanwhile each would hold several megabytes.
        """
        vars(self).clear()

    def receive(self, message: str | bytes, now: float) -> None:
        """Take one client event; what it causes is in `take_events` and `take_jobs`."""
        self.tick(now)
        if self.closing:
            return
        try:
            event = events.parse(message)
            HANDLERS[event["type"]](self, event, now)
        except ApiError as error:
            self._refuse(error, events.event_id_of(message))
        self._transcripts.advance(now)

    def tick(self, now: float) -> None:
        """Let time pass: send what has fallen due, unless the session has ended."""
        if self.closing:
            return
        self._transcripts.advance(now)
        self._responses.advance(now)
        if self._idle_at is not None and now >= self._idle_at:
            self._on_idle(now)
        if now >= self._ends_at and self.closing is None:
            self._expire()

    @property
    def deadline(self) -> float:
        """When `tick` must be called, even if nothing comes in."""
        idle = [] if self._idle_at is None else [self._idle_at]
        return min([*self._responses.dues, *self._transcripts.dues, *idle, self._ends_at])

    def take_events(self) -> list[dict[str, Any]]:
        """The events to send, in order; they are forgotten here."""
        taken, self._outbox = self._outbox, []
        return taken

    def take_jobs(self) -> list[Job]:
        """The jobs to begin; they are forgotten here."""
        taken, self._jobs = self._jobs, []
        return taken

    # ------------------------------------------------------------------- results of jobs

    def transcribed(self, job_id: int, words: str | None, now: float) -> None:
        """The words of a clip; None where recognition failed or isn't installed."""
        # The clip is the turn that is being spoken, or an item by now; or neither, if speech went
        # on behind the pause: then a later job has the whole turn.
        if self._turn.transcription_id == job_id:
            self._turn.words, self._turn.is_transcribed = words, True
            if is_semantic(self._turn_detection):
                self._buffer.silence_ms = wait_ms(self._turn_detection, words)
        self._transcripts.pass_ended(job_id, words, self._turn.live)
        if item := self._transcripts.taken(job_id):
            self._set_words(item, words, now)
        self._transcripts.advance(now)
        self._responses.transcribed(now)

    def generated(self, response_id: str, answer: Answer | ApiError, now: float) -> None:
        """The answer for a response, or why there is none."""
        self._responses.generated(response_id, answer, now)

    def synthesized(self, response_id: str, pcm: bytes, now: float) -> None:
        """The sound of the sentence that a response asked for: s16le, 24 kHz."""
        self._responses.synthesized(response_id, pcm, now)

    # ------------------------------------------------------------------- client events

    def _on_update(self, event: Mapping[str, Any], now: float) -> None:
        turns, format = turn_settings(self._turn_detection), self._format
        self.settings = session_settings.updated(
            self.settings, event["session"], has_spoken=self._has_spoken
        )
        # Only what has changed begins anew: an update in the middle of a turn must not end it.
        if (changed := turn_settings(self._turn_detection)) != turns:
            self._buffer.set_turns(changed)
            self._turn = CurrentTurn()
        if self._format != format:
            self._decoder = sound.Decoder(self._format)
        self._idle_at = self._idle_at if self._idle_s else None
        self._emit("session.updated", session=self.settings)

    def _on_append(self, event: Mapping[str, Any], now: float) -> None:
        pcm = self._decoder.feed(events.audio(event, self._format))
        for edge, at_ms in self._buffer.append(pcm):
            EDGES[edge](self, at_ms, now)
        # A model that streams hears along. The item gets its id now, as its deltas name it.
        if self._transcripts.is_pass_due(self._buffer, self._turn.live):
            self._turn.item_id = self._turn.item_id or ids.realtime("item")
            self._transcripts.begin_pass(self._buffer, self._turn.live, self._turn.item_id)

    def _on_commit(self, event: Mapping[str, Any], now: float) -> None:
        if self._buffer.buffered_ms < LEAST_COMMIT_MS:
            message = f"""Error committing input audio buffer: buffer too small. Expected at least \
100ms of audio, but buffer only has {self._buffer.buffered_ms:.2f}ms of audio."""
            raise ApiError(400, message, code="input_audio_buffer_commit_empty")
        # A turn that has begun announced the id of its item. Its words so far are not those of the
        # whole clip, which is recognized anew.
        turn, self._turn = self._turn, CurrentTurn()
        clip = self._buffer.commit()
        self._commit(clip, CurrentTurn(turn.item_id, live=turn.live), now)

    def _on_clear(self, event: Mapping[str, Any], now: float) -> None:
        self._buffer.clear()
        self._turn = CurrentTurn()
        self._emit("input_audio_buffer.cleared")

    def _on_create_item(self, event: Mapping[str, Any], now: float) -> None:
        # As recorded: the output of a tool is acknowledged once the response that called it has
        # ended.
        checked = checked_item(event["item"], self._format)
        if checked.payload["type"] == "function_call_output" and self._responses.active is not None:
            self._deferred.append(event)
            return
        entry = ConversationItem(checked.payload, words=checked.text, images=checked.images)
        if checked.audio:
            entry.set_sound(sound.decoded(checked.audio, self._format))
        self.conversation.check_call(checked.payload)
        entry.previous = self.conversation.add(entry, event.get("previous_item_id"))
        if checked.audio:
            self._hear(self._transcripts.item(entry))
        self._emit_added(entry)

    def _on_delete_item(self, event: Mapping[str, Any], now: float) -> None:
        self.conversation.remove(event["item_id"])
        self._emit("conversation.item.deleted", item_id=event["item_id"])

    def _on_retrieve_item(self, event: Mapping[str, Any], now: float) -> None:
        entry = self.conversation.get(event["item_id"], "retrieve")
        self._emit("conversation.item.retrieved", item=entry.with_sound())

    def _on_truncate_item(self, event: Mapping[str, Any], now: float) -> None:
        place = {key: event[key] for key in ("item_id", "content_index", "audio_end_ms")}
        item_id, content_index, end_ms = place.values()
        self.conversation.truncate(item_id, content_index, end_ms, self._fault_effects.short_by_ms)
        self._emit("conversation.item.truncated", **place)

    def _on_create_response(self, event: Mapping[str, Any], now: float) -> None:
        if self.settings["type"] != "realtime":
            message = "'response.create' is not for a transcription session: it has no responses."
            raise bad(message, "type", "invalid_value")
        asked, has_spoken = event.get("response"), self._has_spoken
        wanted = session_settings.response_settings(self.settings, asked, has_spoken=has_spoken)
        self._responses.begin(wanted, now)
        self._idle_at = None

    def _on_cancel_response(self, event: Mapping[str, Any], now: float) -> None:
        self._responses.cancel(event.get("response_id"), "client_cancelled", now)

    # ------------------------------------------------------------------- turns

    def _on_started(self, at_ms: int, now: float) -> None:
        self._turn = CurrentTurn(item_id=ids.realtime("item"))
        self._idle_at = None
        self._wait_longest()
        place = {"audio_start_ms": at_ms, "item_id": self._turn.item_id}
        self._emit("input_audio_buffer.speech_started", **place)
        if self._responses.active is not None and self._turn_detection["interrupt_response"]:
            self._responses.cancel(None, "turn_detected", now, self._fault_effects.late_deltas)

    def _on_paused(self, at_ms: int, now: float) -> None:
        self._turn.transcription_id = self._transcripts.transcribe(self._buffer.speech())
        self._turn.is_transcribed = False

    def _on_resumed(self, at_ms: int, now: float) -> None:
        self._turn.transcription_id = None
        self._wait_longest()

    def _on_stopped(self, at_ms: int, now: float) -> None:
        turn, self._turn = self._turn, CurrentTurn()
        place = {"audio_end_ms": at_ms, "item_id": turn.item_id}
        self._emit("input_audio_buffer.speech_stopped", **place)
        self._commit(self._buffer.commit(is_turn=True), turn, now)
        if self.settings["type"] == "realtime" and self._turn_detection["create_response"]:
            self._is_response_owed = True
            self._answer_turn(now)

    def _wait_longest(self) -> None:
        """Semantic VAD: no words are known that would shorten the wait."""
        if is_semantic(self._turn_detection):
            self._buffer.silence_ms = longest_wait_ms(self._turn_detection)

    def _commit(
        self, clip: Clip, turn: CurrentTurn, now: float, *, is_silence: bool = False
    ) -> None:
        """Sound becomes a user's item, with what is known of its words."""
        content = {"type": "input_audio", "transcript": None}
        message = {"type": "message", "status": "completed", "role": "user", "content": [content]}
        payload = {"id": turn.item_id or ids.realtime("item"), **message}
        entry = ConversationItem(payload, clip.pcm, len(clip.pcm) / 48, None, is_silence=is_silence)
        entry.previous = self.conversation.add(entry)
        previous = {"previous_item_id": entry.previous}
        self._emit("input_audio_buffer.committed", **previous, item_id=entry.id)
        self._emit_added(entry)
        # Recognition began at the pause that ends the turn: it is done, under way, or (a silence
        # shorter than a pause, or push to talk) still to begin.
        item = self._transcripts.item(entry, turn.live)
        if turn.is_transcribed:
            self._set_words(item, turn.words, now)
        else:
            job_id = turn.transcription_id or self._transcripts.transcribe(clip.speech)
            self._transcripts.wait_for(job_id, item)

    # An idle timeout lets the assistant speak up. It counts from the end of playback, not from the
    # last delta: an answer is sent faster than it is played, and who listens is not idle. Speech
    # or a response stops it. What it commits is the silence, as an item of its own, so that the
    # conversation shows why there is an answer without a question.
    def _on_idle(self, now: float) -> None:
        """Nobody spoke: an empty turn is committed, and answered."""
        self._idle_at = None
        end = self._buffer.written_ms
        start = max(0, end - round(1000 * self._idle_s))
        turn = CurrentTurn(ids.realtime("item"), words="", is_transcribed=True)
        place = {"audio_start_ms": start, "audio_end_ms": end, "item_id": turn.item_id}
        self._emit("input_audio_buffer.timeout_triggered", **place)
        self._commit(self._buffer.commit(is_turn=True), turn, now, is_silence=True)
        self._is_response_owed = True
        self._answer_turn(now)

    def _answer_turn(self, now: float) -> None:
        """Begin the response that is owed, once the one before has ended."""
        if self._is_response_owed and self._responses.active is None:
            self._is_response_owed = False
            self._idle_at = None
            self._responses.begin(session_settings.response_settings(self.settings, None), now)

    # ------------------------------------------------------------------- after a response

    def _on_end(self, response: Response, now: float) -> None:
        """The default response has ended: do what had to wait for that."""
        self._take_deferred(now)
        self._transcripts.release(now)
        if self._idle_s:
            self._idle_at = max(now, response.plays_until) + self._idle_s
        self._answer_turn(now)

    def _take_deferred(self, now: float) -> None:
        """Items that came while a response was written are acknowledged behind it."""
        deferred, self._deferred = self._deferred, []
        for event in deferred:
            try:
                self._on_create_item(event, now)
            except ApiError as error:
                self._refuse(error, event.get("event_id"))

    # ------------------------------------------------------------------- words

    def _hear(self, item: WaitingItem) -> None:
        """Have the sound of an item recognized that came as a whole."""
        speech = sound.resampled(item.entry.pcm, 24_000, 16_000)
        self._transcripts.wait_for(self._transcripts.transcribe(speech), item)

    def _hear_beside(self, entry: ConversationItem, audio: bytes) -> None:
        """The same for an item that is in no conversation: its words are for the answer alone."""
        entry.set_sound(sound.decoded(audio, self._format))
        self._hear(WaitingItem(entry, None, StableWords()))

    def _set_words(self, item: WaitingItem, words: str | None, now: float) -> None:
        """An item's words are known, or known to be unknowable (None)."""
        # The words are known here in any case; the client sees them only if its settings asked for
        # that when the item was committed.
        entry = item.entry
        entry.transcription_id, entry.words = None, words
        if item.wanted and words and entry.payload.get("content"):
            entry.payload["content"][0]["transcript"] = words
        is_late = self._fault_effects.is_transcript_late and self.settings["type"] == "realtime"
        is_held = is_late and bool(self._turn_detection.get("create_response"))
        self._transcripts.finish(item, words, now, is_held=is_held)

    # ------------------------------------------------------------------- settings

    @property
    def _input_settings(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.settings["audio"]["input"]
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

    # ------------------------------------------------------------------- jobs and events out

    def _start_job(self, job: Job) -> None:
        self._jobs.append(job)

    def _emit(self, name: str, /, **fields: Any) -> None:
        self._outbox.append({"type": name, "event_id": ids.realtime("event"), **fields})

    def _emit_added(self, entry: ConversationItem) -> None:
        for what in ("added", "done"):
            fields = {"previous_item_id": entry.previous, "item": entry.shown()}
            self._emit(f"conversation.item.{what}", **fields)

    def _refuse(self, error: ApiError, event_id: str | None) -> None:
        self._emit("error", error={**error.fields(), "event_id": event_id})

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
EDGES: dict[TurnEdge, Callable[[Session, int, float], None]] = {
    TurnEdge.STARTED: Session._on_started,
    TurnEdge.PAUSED: Session._on_paused,
    TurnEdge.RESUMED: Session._on_resumed,
    TurnEdge.STOPPED: Session._on_stopped,
}
