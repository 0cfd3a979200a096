"""The caller's words, for sessions whose settings ask for them: when they are heard, and sent.

    StableWords    what of a transcript that is still growing can be sent already
    Transcripts    which items wait for their words, and which events are due

From recorded sessions (2026): the fields of the events and their order; that `gpt-realtime-whisper`
begins with a blank, may send deltas while somebody speaks, and `completed` in the middle of the
answer; that `gpt-4o-transcribe` sends all of it between `response.created` and the first output;
that seconds are whole, and 0 for the silence of an idle timeout. From the SDK's types (3.57): that
`languages` comes with `gpt-transcribe` alone, and `delay` is for `gpt-realtime-whisper`. Assumed:
how many milliseconds a `delay` stands for. Moonshine reports no probabilities, so `logprobs` gives
each piece the logarithm 0, a probability of 1.
"""

import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import count
from typing import Any

from emulator.pace import Pace
from emulator.realtime.audio_settings import WITHOUT_TURNS
from emulator.realtime.build_prompt import USER_MS_A_TOKEN
from emulator.realtime.conversation import ConversationItem
from emulator.realtime.input_buffer import FRAME_MS, InputBuffer
from emulator.realtime.jobs import Job, Transcribe
from emulator.realtime.output import Emit
from emulator.wire import sse, tokens

NAME = "conversation.item.input_audio_transcription"
PASS_MS = {"minimal": 256, "low": 480, "medium": 960, "high": 1600, "xhigh": 3200}
CLOSING_MS, LONGEST_MS = 640, 15_000
# Seconds before the first event, between deltas, and before `completed`: of a model that streams,
# and of one that reads the item as a whole.
STREAMED_S, WHOLE_S = (0.0, 0.04, 0.4), (0.15, 0.01, 0.0)

_WITH_LOGPROBS = (
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15",
)
_BILLED_BY_TOKENS = (*_WITH_LOGPROBS, "gpt-4o-transcribe-diarize")

NamedEvent = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class InputTranscription:
    """What a session asks for: a model, its `delay` if any, and whether with `logprobs`."""

    model: str
    delay: str | None = None
    has_logprobs: bool = False

    @property
    def streams(self) -> bool:
        """Whether its deltas come while somebody speaks."""
        return self.model in WITHOUT_TURNS

    @property
    def pass_ms(self) -> int:
        """How much new sound there is between two passes."""
        return PASS_MS[self.delay or "low"]

    @property
    def times_s(self) -> tuple[float, float, float]:
        return STREAMED_S if self.streams else WHOLE_S

    def delta(self, item_id: str, piece: str) -> NamedEvent:
        logprobs = {"logprobs": [_logprob(piece)]} if self.has_logprobs else {}
        rest = {**logprobs, "obfuscation": sse.padding(len(piece))}
        return f"{NAME}.delta", {"item_id": item_id, "content_index": 0, "delta": piece, **rest}

    def completed(self, entry: ConversationItem, words: str) -> NamedEvent:
        fields: dict[str, Any] = {"transcript": words, "usage": self._usage(entry, words)}
        if self.has_logprobs:
            fields["logprobs"] = [_logprob(piece) for piece in tokens.split(words)]
        if self.model == "gpt-transcribe":
            fields["languages"] = [{"code": "en"}] if words else []
        return f"{NAME}.completed", {"item_id": entry.id, "content_index": 0, **fields}

    def first(self, piece: str, live: "StableWords") -> str:
        """A piece as it is sent: the first may have a blank before it."""
        is_first = self.model == "gpt-realtime-whisper" and not live.sent
        return f" {piece}" if is_first else piece

    def _usage(self, entry: ConversationItem, words: str) -> dict[str, Any]:
        """Most are billed by time, in whole seconds; `gpt-4o-*` by tokens."""
        if self.model not in _BILLED_BY_TOKENS:
            seconds = 0 if entry.is_silence else math.ceil(entry.sound_ms / 1000)
            return {"type": "duration", "seconds": seconds}
        read, written = round(entry.sound_ms / USER_MS_A_TOKEN), tokens.count(words)
        return {
            "type": "tokens",
            "total_tokens": read + written,
            "input_tokens": read,
            "input_token_details": {"text_tokens": 0, "audio_tokens": read},
            "output_tokens": written,
        }


def input_transcription(settings: Mapping[str, Any]) -> InputTranscription | None:
    """Who transcribes in a session with these settings; None where nobody does."""
    wanted = settings["audio"]["input"]["transcription"]
    if not wanted:
        return None
    model = wanted["model"]
    has_logprobs = bool(settings["include"]) and model in _WITH_LOGPROBS
    return InputTranscription(model, wanted.get("delay"), has_logprobs)


# Captions while somebody speaks. The recognizer reads a clip as a whole, so what has been said so
# far is read again and again, a little more of it in each pass. A pass is least sure of its end:
# half a word sounds like another one, and the next words change what the last ones were taken for.
# But deltas are append-only: nothing that was sent can be taken back. So a piece is sent once two
# passes in a row agree on it and on all before it: "local agreement" (Liu, Spanakis and Niehues,
# 2020), which Macháček, Dabre and Bojar used in 2023 to stream Whisper. It costs a delay of one
# pass. What two passes agreed on may still be wrong: the last pass, over the whole item, is the
# transcript, and `completed` has it. Punctuation at the end of a pass isn't sent: each pass takes
# the place where the sound ends for the end of a sentence.
class StableWords:
    """The pieces of one item that were sent, and the pass before, which the next must agree with.

    A silence closes a stretch: it is read for the last time, and the next pass begins at the frame
    `start`. So a pass never gets long. `passed` is the frame up to which the last pass went.
    """

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.start = self.passed = 0
        self._stretch = 0  # how many pieces were sent before it
        self._before: list[str] = []

    def hear(self, words: str) -> list[str]:
        """The pieces that are stable after one more pass over the stretch."""
        before, now = self._unsent(self._before), self._unsent(tokens.split(words))
        self._before = tokens.split(words)
        return now[: _agreed(before, now)]

    def close(self, words: str) -> list[str]:
        """The pieces of a stretch that is over which were not sent yet."""
        return self._unsent(tokens.split(words))

    def rest(self, words: str) -> list[str]:
        """What is left to send of the whole transcript."""
        pieces = tokens.split(words)
        return pieces[_matched(self.sent, pieces) :]

    def begin(self, frame: int) -> None:
        """Begin the next stretch."""
        self.start, self._stretch, self._before = frame, len(self.sent), []

    def _unsent(self, pieces: list[str]) -> list[str]:
        left = pieces[_matched(self.sent[self._stretch :], pieces) :]
        if left and len(self.sent) == self._stretch > 0:
            left[0] = f" {left[0]}"
        return left


@dataclass(frozen=True)
class LivePass:
    """A pass that is under way over what is being said; `closes` its stretch at the frame `end`."""

    job_id: int
    item_id: str
    live: StableWords
    wanted: InputTranscription
    end: int
    closes: bool


@dataclass(frozen=True)
class WaitingItem:
    """An item that waits for its words, with what was asked for when it was committed."""

    entry: ConversationItem
    wanted: InputTranscription | None
    live: StableWords


# Recognition runs beside the answer, so these events have no fixed place among the others: OpenAI
# warns that a transcript may come before, during or after the response to it, and of two turns in
# either order. A client goes by `item_id`. Here each event has its time, counted from the moment at
# which the words were known, and so have the deltas of the answer; neither waits for the other. The
# fault `transcript-late` holds them back until the response has ended.
class Transcripts:
    """Items that wait for their words, and events that wait for their time.

    `settings` gives those of the session; `why_no_words` says why there is no speech recognition.
    """

    def __init__(
        self,
        pace: Pace,
        emit: Emit,
        start_job: Callable[[Job], None],
        settings: Callable[[], Mapping[str, Any]],
        why_no_words: str | None,
    ) -> None:
        self._pace, self._emit, self._start_job = pace, emit, start_job
        self._settings, self._why_no_words = settings, why_no_words
        self._jobs = count(1)
        self._pass: LivePass | None = None
        self._waiting: dict[int, WaitingItem] = {}
        self._held: list[NamedEvent] = []
        self._planned: list[tuple[float, int, NamedEvent]] = []
        self._order = count()

    @property
    def dues(self) -> list[float]:
        """When the next event is to go out."""
        return [at for at, _, _ in self._planned[:1]]

    def transcribe(self, speech: bytes) -> int:
        """Ask for the words of a clip (s16le, 16 kHz); the number of the job."""
        job_id = next(self._jobs)
        self._start_job(Transcribe(job_id, speech))
        return job_id

    def item(self, entry: ConversationItem, live: StableWords | None = None) -> WaitingItem:
        """An item as it is transcribed by the settings of this moment."""
        return WaitingItem(entry, input_transcription(self._settings()), live or StableWords())

    def wait_for(self, job_id: int, item: WaitingItem) -> None:
        item.entry.transcription_id = job_id
        self._waiting[job_id] = item

    def taken(self, job_id: int) -> WaitingItem | None:
        """The item that waited for this job, if any; it waits no more."""
        return self._waiting.pop(job_id, None)

    # ------------------------------------------------------------------- while somebody speaks

    def is_pass_due(self, buffer: InputBuffer, live: StableWords) -> bool:
        """Whether there is enough new sound for one more pass."""
        wanted = input_transcription(self._settings())
        if wanted is None or not wanted.streams or self._why_no_words or self._pass is not None:
            return False
        # With turn detection a pause has the turn recognized as a whole.
        is_paused = buffer.turns is not None and buffer.is_paused
        is_new = (buffer.judged - live.passed) * FRAME_MS >= wanted.pass_ms
        return is_new and not is_paused and buffer.has_speech(live.start)

    def begin_pass(self, buffer: InputBuffer, live: StableWords, item_id: str) -> None:
        wanted = input_transcription(self._settings())
        assert wanted is not None
        speech = buffer.speech(live.start)
        closes = buffer.quiet_ms >= CLOSING_MS or len(speech) >= 32 * LONGEST_MS
        job_id = self.transcribe(speech)
        self._pass = LivePass(job_id, item_id, live, wanted, buffer.judged, closes)
        live.passed = buffer.judged

    def pass_ended(self, job_id: int, words: str | None, current: StableWords) -> None:
        """Send what is stable, if this was a pass over what is still being said (`current`)."""
        ended = self._pass
        if ended is None or ended.job_id != job_id:
            return
        self._pass = None
        live = ended.live
        if words is None or live is not current:
            return
        self._send_pieces(ended, live.close(words) if ended.closes else live.hear(words))
        if ended.closes:
            live.begin(ended.end)

    def _send_pieces(self, ended: LivePass, pieces: Sequence[str]) -> None:
        for piece in pieces:
            name, fields = ended.wanted.delta(ended.item_id, ended.wanted.first(piece, ended.live))
            self._emit(name, **fields)
            ended.live.sent.append(piece)

    # ------------------------------------------------------------------- once the words are known

    def finish(
        self, item: WaitingItem, words: str | None, now: float, *, is_held: bool = False
    ) -> None:
        """Plan the events of an item whose words are known, or known to be unknowable (None)."""
        if item.wanted is None:
            return
        events = list(self._last_events(item, item.wanted, words))
        if is_held:
            self._held += events
            return
        first_s, gap_s, last_s = (self._pace.factor * each for each in item.wanted.times_s)
        at = now + first_s
        for event in events[:-1]:
            self._plan(at, event)
            at += gap_s
        self._plan(at + last_s, events[-1])

    def release(self, now: float) -> None:
        """Send what was held back."""
        held, self._held = self._held, []
        for event in held:
            self._plan(now, event)
        self.advance(now)

    def advance(self, now: float) -> None:
        """Send what has fallen due."""
        while self._planned and self._planned[0][0] <= now:
            _, _, (name, fields) = heapq.heappop(self._planned)
            self._emit(name, **fields)

    def _last_events(
        self, item: WaitingItem, wanted: InputTranscription, words: str | None
    ) -> Iterator[NamedEvent]:
        """The deltas that are left and the whole text, or a failure."""
        entry, live = item.entry, item.live
        if words is None:
            message = self._why_no_words or "Transcription failed."
            error = {"type": "server_error", "code": None, "message": message, "param": None}
            yield f"{NAME}.failed", {"item_id": entry.id, "content_index": 0, "error": error}
            return
        for piece in live.rest(words):
            yield wanted.delta(entry.id, wanted.first(piece, live))
            live.sent.append(piece)
        yield wanted.completed(entry, words)

    def _plan(self, at: float, event: NamedEvent) -> None:
        heapq.heappush(self._planned, (at, next(self._order), event))


def _matched(sent: Sequence[str], pieces: Sequence[str]) -> int:
    """How many of `pieces` stand for those that were sent."""
    keys, others = [_key(piece) for piece in sent], [_key(piece) for piece in pieces]
    if others[: len(keys)] == keys:
        return len(keys)
    # A later pass took some of it for something else: what comes behind the last piece that both
    # have is counted off one by one.
    blocks = SequenceMatcher(None, keys, others, autojunk=False).get_matching_blocks()
    shared = [(block.a + block.size, block.b + block.size) for block in blocks if block.size]
    in_sent, in_pieces = shared[-1] if shared else (0, 0)
    return min(len(others), in_pieces + len(keys) - in_sent)


def _agreed(before: Sequence[str], now: Sequence[str]) -> int:
    """How many pieces at the start are the same in both: whole words, and no sign at the end."""
    most = min(len(before), len(now))
    same = next((n for n in range(most) if _key(before[n]) != _key(now[n])), most)
    while same and (_goes_on(before, same) or _goes_on(now, same)):
        same -= 1
    while same in (len(before), len(now)) and same and not _has_letter(now[same - 1]):
        same -= 1
    return same


def _goes_on(pieces: Sequence[str], place: int) -> bool:
    """Whether the piece at `place` is the rest of a word: a long one is cut into several."""
    return place < len(pieces) and pieces[place][0].isalnum()


def _has_letter(piece: str) -> bool:
    return any(letter.isalnum() for letter in piece)


def _key(piece: str) -> str:
    return piece.strip().casefold()


def _logprob(piece: str) -> dict[str, Any]:
    return {"token": piece, "logprob": 0.0, "bytes": list(piece.encode())}
