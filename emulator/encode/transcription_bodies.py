"""A transcription on the wire: as JSON, text, subtitles, or as a stream of events.

Order and names of the keys are those of recorded bodies. A stream has `data:` lines alone, ends its
lines with CR LF, and ends with `[DONE]`:

    transcript.text.delta     pieces of the text, while the recording is still being heard
    transcript.text.segment   in their place where speakers are told apart: a part, and who says it
    transcript.text.done      all of the text, and the usage

The recogniser gives words, and neither their times nor how sure it is of them. So times within an
utterance are estimated: its words share its time by their letters. A logprob is estimated, too, by
how much of an utterance stays the same in a second hearing.
"""

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from emulator.text.sentences import spoken_pieces
from emulator.voice.recordings import Utterance, words_of
from emulator.wire import sse, tokens

AUDIO_TOKENS_A_SECOND = 10
WINDOW_S = 30
"""Whisper hears windows of so many seconds; `seek` is where one begins, in hundredths."""


class SpokenTurn(NamedTuple):
    """What one speaker says without a break."""

    speaker: str
    utterance: Utterance


@dataclass
class Transcript:
    """What has been heard so far, and what a body tells besides.

    `seconds` is the recording's length. `is_billed_by_time` decides the kind of usage.
    """

    seconds: float
    is_billed_by_time: bool
    prompt: str = ""
    temperature: float = 0.0
    languages: list[str] | None = None
    has_logprobs: bool = False
    utterances: list[Utterance] = field(default_factory=list)
    turns: list[SpokenTurn] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(each.text for each in self.utterances)

    @property
    def usage(self) -> dict[str, Any]:
        if self.is_billed_by_time:
            return {"type": "duration", "seconds": math.ceil(self.seconds)}
        heard = max(1, round(self.seconds * AUDIO_TOKENS_A_SECOND))
        read, written = tokens.count(self.prompt), tokens.count(self.text)
        return {
            "type": "tokens",
            "total_tokens": heard + read + written,
            "input_tokens": heard + read,
            "input_token_details": {"text_tokens": read, "audio_tokens": heard},
            "output_tokens": written,
        }

    @property
    def extras(self) -> dict[str, Any]:
        """What only some models, or only some requests, have beside the text."""
        extras: dict[str, Any] = {}
        if self.has_logprobs:
            extras["logprobs"] = [
                each
                for number, utterance in enumerate(self.utterances)
                for each in logprobs(utterance, is_first=number == 0)
            ]
        if self.languages is not None:
            extras["languages"] = [{"code": code} for code in self.languages if self.utterances]
        return extras


def json_body(heard: Transcript) -> dict[str, Any]:
    return {"text": heard.text, **heard.extras, "usage": heard.usage}


def verbose_body(heard: Transcript, granularities: Sequence[str]) -> dict[str, Any]:
    """With the times of segments, of words, or of both."""
    body: dict[str, Any] = {
        "task": "transcribe",
        "language": "english",
        "duration": round(heard.seconds, 2),
        "text": heard.text,
    }
    if "segment" in granularities:
        parts = enumerate(segments(heard.utterances))
        body["segments"] = [_segment(id, part, heard.temperature) for id, part in parts]
    if "word" in granularities:
        body["words"] = [word for each in heard.utterances for word in words(each)]
    return body | {"usage": heard.usage}


def diarized_body(heard: Transcript) -> dict[str, Any]:
    """`task` and `duration` are sent since August 2026, and were required by the types before."""
    parts = [diarized_segment(id, turn) for id, turn in enumerate(heard.turns)]
    return {
        "task": "transcribe",
        "duration": heard.seconds,
        "text": heard.text,
        "segments": parts,
        "usage": heard.usage,
    }


def diarized_segment(number: int, turn: SpokenTurn) -> dict[str, Any]:
    said = turn.utterance
    return {
        "type": "transcript.text.segment",
        "text": f" {said.text}",
        "speaker": turn.speaker,
        "start": said.start,
        "end": said.end,
        "id": f"seg_{number}",
    }


def text_body(heard: Transcript) -> str:
    return f"{heard.text}\n"


def srt_body(heard: Transcript) -> str:
    """Numbered subtitles; three line breaks at the end."""
    parts = enumerate(segments(heard.utterances), 1)
    return "".join(f"{number}\n{_cue(part, ',')}" for number, part in parts) + "\n"


def vtt_body(heard: Transcript) -> str:
    return f"WEBVTT\n\n{''.join(_cue(part, '.') for part in segments(heard.utterances))}\n"


def deltas(said: Utterance, *, is_first: bool, has_logprobs: bool) -> Iterator[bytes]:
    """The events of an utterance, a few letters each."""
    sure = _logprob(said)
    for piece in tokens.split(said.text if is_first else f" {said.text}"):
        event: dict[str, Any] = {"type": "transcript.text.delta", "delta": piece}
        if has_logprobs:
            event["logprobs"] = [_logprob_of(piece, sure)]
        yield sse.TextBlock(stream_block(event))


def done(heard: Transcript) -> bytes:
    event = {"type": "transcript.text.done", "text": heard.text}
    return stream_block(event | heard.extras | {"usage": heard.usage})


def stream_block(event: dict[str, Any]) -> bytes:
    return f"data: {sse.compact(event)}\r\n\r\n".encode()


DONE = sse.FinalBlock(b"data: [DONE]\r\n\r\n")


def segments(utterances: Sequence[Utterance]) -> Iterator[Utterance]:
    """The sentences, each with its share of the utterance's time."""
    for each in utterances:
        parts = [part.strip() for part in spoken_pieces(each.text)]
        for part, start, end in _shared(each, parts):
            yield each._replace(text=part, start=start, end=end)


def words(said: Utterance) -> Iterator[dict[str, Any]]:
    """The words without punctuation, each with its share of the time."""
    written = [word.strip(_PUNCTUATION) for word in said.text.split()]
    for word, start, end in _shared(said, [word for word in written if word]):
        yield {"word": word, "start": round(start, 2), "end": round(end, 2)}


_PUNCTUATION = ".,;:!?…\"“”‘’'()[]-–—"


def logprobs(said: Utterance, *, is_first: bool) -> Iterator[dict[str, Any]]:
    sure = _logprob(said)
    for piece in tokens.split(said.text if is_first else f" {said.text}"):
        yield _logprob_of(piece, sure)


def _logprob_of(piece: str, logprob: float) -> dict[str, Any]:
    return {"token": piece, "logprob": logprob, "bytes": list(piece.encode())}


def _logprob(said: Utterance) -> float:
    """By the rule of succession: of so many words, so many were heard again."""
    count = max(1, len(words_of(said.text)))
    kept = (1 - said.doubt) * count
    return round(math.log((kept + 1) / (count + 2)), 6)


def _shared(said: Utterance, parts: Sequence[str]) -> Iterator[tuple[str, float, float]]:
    """Each part with its start and end: the time is shared out by letters."""
    letters = sum(map(len, parts)) or 1
    a_letter = (said.end - said.start) / letters
    at = said.start
    for part in parts:
        yield part, at, at + len(part) * a_letter
        at += len(part) * a_letter


def _segment(id: int, part: Utterance, temperature: float) -> dict[str, Any]:
    """`tokens` is empty: there are no numbers of a tokenizer here."""
    raw = part.text.encode()
    return {
        "id": id,
        "seek": int(part.start // WINDOW_S) * WINDOW_S * 100,
        "start": round(part.start, 2),
        "end": round(part.end, 2),
        "text": f" {part.text}",
        "tokens": [],
        "temperature": temperature,
        "avg_logprob": _logprob(part),
        "compression_ratio": len(raw) / len(zlib.compress(raw)),
        "no_speech_prob": round(1 - part.likelihood, 6),
    }


def _cue(part: Utterance, decimal: str) -> str:
    times = f"{_clock(part.start, decimal)} --> {_clock(part.end, decimal)}"
    return f"{times}\n{part.text}\n\n"


def _clock(seconds: float, decimal: str) -> str:
    """`00:01:02,500`"""
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, whole = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{whole:02}{decimal}{milliseconds:03}"
