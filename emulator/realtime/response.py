"""One response: an answer and its sound come in, deltas go out when they fall due.

    phase            input          next phase, and what is sent
    AWAITING_WORDS   all words      GENERATING; its prompt is built (see `response_queue.py`)
    GENERATING       `answered`     SENDING
    SENDING          `synthesized`  SENDING; a sentence is planned, and the next one is asked for
    SENDING          `advance`      SENDING; deltas, as they fall due
    SENDING          the last step  ENDED; `response.done`
    all but ENDED    `cancel`       ENDED; what is open is closed as incomplete, `response.done`
    all but ENDED    `fail`         ENDED; the same

Text comes at the pace of a model. Sound comes a sentence at a time and is sent faster than it is
played, with its transcript a few deltas ahead, as in recorded sessions. Whatever happens, a
response ends in exactly one `response.done`.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from functools import partial
from typing import Any, NamedTuple

from emulator.answers.answer import Answer
from emulator.errors import ApiError
from emulator.pace import GAP_S, Pace
from emulator.realtime.build_prompt import MOST_TOKENS
from emulator.realtime.conversation import Conversation, ConversationItem
from emulator.realtime.jobs import Job, Synthesize
from emulator.realtime.output import Emit, Output
from emulator.realtime.session_settings import ResponseSettings
from emulator.text.sentences import spoken_pieces
from emulator.voice import sound
from emulator.wire import ids, tokens

BLOCK_MS = 200
LEAD = 3
AT_ONCE = 32
FASTER = 4
COMMENTARY = "One moment, please."
NOTHING_READ = {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0}
AT_LIMIT = {"type": "incomplete", "reason": "max_output_tokens"}


class Phase(Enum):
    AWAITING_WORDS, GENERATING, SENDING, ENDED = auto(), auto(), auto(), auto()


class Step(NamedTuple):
    """Something to do, `gap` seconds after the step before it."""

    gap: float
    do: Callable[[], None]


Plan = Iterator[Step]


# What is planned ahead of what is sent. A plan is a generator of steps, so that an answer of an
# hour takes no memory before its time. Exactly one step is taken out of the plans early, `_next`,
# because its gap must be known to say when it is due; all else stays in `_plans`. Sentences
# overlap: while one is sent, the next is being synthesized, and its plan is put behind. If
# synthesis is slower than sending, there is no next step, and time starts anew when the sound
# comes. Whatever ends a response leaves no next step, so nothing is sent behind `response.done`.
class Response:
    """A response in the default conversation, or beside it (None); `context` is what it reads."""

    def __init__(
        self,
        settings: ResponseSettings,
        context: Sequence[ConversationItem],
        conversation: Conversation | None,
        pace: Pace,
        emit: Emit,
        start_job: Callable[[Job], None],
    ) -> None:
        self.id = ids.realtime("resp")
        self.settings, self.context = settings, context
        self.phase = Phase.AWAITING_WORDS
        self.read, self.cached = NOTHING_READ, 0
        self.plays_until = 0.0
        self._status = "in_progress"
        self._details: dict[str, Any] | None = None
        self._conversation_id = conversation.id if conversation else None
        self._pace, self._emit, self._start_job = pace, emit, start_job
        self._is_audio = "audio" in settings.output_modalities
        self._output = Output(self.id, conversation, emit, is_audio=self._is_audio)
        self._plans: deque[Plan] = deque()
        self._next: Step | None = None
        self._due = 0.0  # when the step before `_next` was
        self._sentences: deque[str] = deque()
        self._answer = Answer()
        emit("response.created", response=self.body())

    @property
    def is_ended(self) -> bool:
        return self.phase is Phase.ENDED

    @property
    def due(self) -> float | None:
        """When the next delta is to go out."""
        return None if self._next is None else self._due + self._next.gap

    def answered(self, answer: Answer, now: float) -> None:
        """The answer is known."""
        self.phase = Phase.SENDING
        self._answer, self._due = answer, now
        if self.settings.has_phases:
            self._output.phase = "commentary" if answer.calls else "final_answer"
        pieces = self._said(answer)
        if self._is_audio and "".join(pieces).strip():
            self._sentences.extend(spoken_pieces("".join(pieces)))
            self._synthesize_next()
        else:
            self._plan(self._text_steps(pieces), self._last_steps())
        self.advance(now)

    def synthesized(self, pcm: bytes, now: float) -> None:
        """The sound of the sentence that was asked for: s16le, 24 kHz."""
        if self._next is None:
            self._due = max(self._due, now)
        self._plan(self._sound_steps(self._sentences.popleft(), pcm))
        if self._sentences:
            self._synthesize_next()
        else:
            self._plan(self._last_steps())
        self.advance(now)

    def advance(self, now: float) -> None:
        """Do what has fallen due, up to a handful of steps: their events are to go out first."""
        for _ in range(AT_ONCE):
            step = self._next
            if step is None or self._due + step.gap > now:
                return
            self._due += step.gap
            self._take(step)

    def cancel(self, reason: str, late_deltas: int = 0) -> None:
        """End it early: `turn_detected` or `client_cancelled`; by a fault after some deltas."""
        for _ in range(late_deltas):
            if self._next is not None and self._output.is_open:
                self._take(self._next)
        self._end_early("cancelled", {"type": "cancelled", "reason": reason})

    def fail(self, error: ApiError) -> None:
        fields = {"type": error.type, "code": error.code, "message": error.message}
        self._end_early("failed", {"type": "failed", "error": fields})

    def body(self) -> dict[str, Any]:
        # In the order of recorded events.
        settings = self.settings
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self._status,
            "status_details": self._details,
            "output": [entry.shown() for entry in self._output.entries],
            "conversation_id": self._conversation_id,
            "output_modalities": list(settings.output_modalities),
            "max_output_tokens": settings.max_output_tokens,
            "audio": {"output": {"format": settings.format, "voice": settings.voice}},
            "usage": self.usage() if self.is_ended else None,
            "metadata": settings.metadata,
        }

    def usage(self) -> dict[str, Any]:
        """What it is billed as: nothing, where nothing was produced."""
        # So in recorded sessions: an answer that is cancelled before its first item costs no input.
        is_billed = bool(self._output.entries)
        read, cached = (self.read, self.cached) if is_billed else (NOTHING_READ, 0)
        # As recorded, reasoning is part of the text, and named only where there was some.
        reasoning = self._answer.reasoning if is_billed else 0
        text, audio = self._output.text_tokens + reasoning, self._output.audio_tokens
        input_tokens = sum(read.values())
        return {
            "total_tokens": input_tokens + text + audio,
            "input_tokens": input_tokens,
            "output_tokens": text + audio,
            "input_token_details": {
                **read,
                "cached_tokens": cached,
                "cached_tokens_details": {**NOTHING_READ, "text_tokens": cached},
            },
            "output_token_details": {
                "text_tokens": text,
                "audio_tokens": audio,
                **({"reasoning_tokens": reasoning} if reasoning else {}),
            },
        }

    def _plan(self, *plans: Plan) -> None:
        """Steps to be taken behind those that are planned."""
        self._plans.extend(plans)
        if self._next is None:
            self._look_ahead()

    def _take(self, step: Step) -> None:
        """Do the next step, after finding the one behind it."""
        self._look_ahead()
        step.do()

    def _look_ahead(self) -> None:
        self._next = None
        while self._plans and self._next is None:
            self._next = next(self._plans[0], None)
            if self._next is None:
                self._plans.popleft()

    def _text_steps(self, pieces: Sequence[str]) -> Plan:
        if not pieces:
            return
        yield Step(self._pace.before(0), self._output.open_message)
        for place, piece in enumerate(pieces):
            gap = self._pace.before(place) if place else 0.0
            yield Step(gap, partial(self._output.delta, piece))

    def _sound_steps(self, sentence: str, pcm: bytes) -> Plan:
        is_first = not self._output.entries
        if is_first:
            yield Step(0.0, self._output.open_message)
        # The transcript is spread over the blocks of sound by their number, `LEAD` deltas ahead of
        # what is heard. A block waits a quarter of the time that the block before it plays.
        pieces = tokens.split(sentence)
        blocks = list(self._blocks(pcm))
        sent = 0
        for place, (block, ms) in enumerate(blocks):
            ahead = LEAD + math.ceil(len(pieces) * (place + 1) / len(blocks))
            yield from (Step(0.0, partial(self._output.delta, p)) for p in pieces[sent:ahead])
            sent = min(ahead, len(pieces))
            gap = 0.0 if is_first and place == 0 else self._pace.factor * ms / 1000 / FASTER
            yield Step(gap, partial(self._send_sound, block, ms))
        yield from (Step(0.0, partial(self._output.delta, piece)) for piece in pieces[sent:])

    def _said(self, answer: Answer) -> Sequence[str]:
        """The words of an answer: a model of the newest kind says something before a call."""
        if not (self.settings.has_phases and answer.calls) or answer.text.strip():
            return answer.pieces
        said, most = tokens.split(COMMENTARY), self.settings.max_output_tokens
        has_room = not isinstance(most, int) or answer.tokens + len(said) <= most
        return said if has_room else answer.pieces

    def _last_steps(self) -> Plan:
        """The calls of tools, and the end; the message is closed before the first call is."""
        for call in self._answer.calls:
            yield Step(self._pace.before(0), partial(self._output.open_call, call))
            for piece in call.pieces:
                yield Step(self._pace.factor * GAP_S, partial(self._output.call_delta, piece))
            yield Step(0.0, self._output.close_message)
            yield Step(0.0, self._output.close_call)
        yield Step(0.0, self._output.close_message)
        yield Step(0.0, self._finish)

    def _synthesize_next(self) -> None:
        settings = self.settings
        self._start_job(Synthesize(self.id, self._sentences[0], settings.voice, settings.speed))

    def _blocks(self, pcm: bytes) -> Iterator[tuple[bytes, float]]:
        kind = self.settings.format["type"]
        data = sound.encoded(pcm, kind)
        bytes_per_ms = sound.bytes_per_ms(kind)
        size = BLOCK_MS * bytes_per_ms
        for start in range(0, len(data), size):
            block = data[start : start + size]
            yield block, len(block) / bytes_per_ms

    def _send_sound(self, block: bytes, ms: float) -> None:
        """Send sound; it plays from now on, behind what was sent before."""
        self.plays_until = max(self.plays_until, self._due) + ms / 1000
        self._output.sound(block, ms)
        most = self.settings.max_output_tokens
        written = self._output.text_tokens + self._output.audio_tokens
        spent = self._answer.reasoning + written
        if spent >= (most if isinstance(most, int) else MOST_TOKENS):
            self._end_early("incomplete", AT_LIMIT)

    def _finish(self) -> None:
        if self._answer.finish == "length":
            self._end("incomplete", AT_LIMIT)
        elif self._answer.finish == "content_filter":
            self._end("incomplete", {"type": "incomplete", "reason": "content_filter"})
        else:
            self._end("completed", None)

    def _end_early(self, status: str, details: dict[str, Any]) -> None:
        if not self.is_ended:
            self._output.cut()
            self._end(status, details)

    def _end(self, status: str, details: dict[str, Any] | None) -> None:
        self._next = None
        self.phase = Phase.ENDED
        self._status, self._details = status, details
        self._emit("response.done", response=self.body())
