"""Transcribes a file: checks it, recognizes its words, and returns a body or a stream of events.

The work is a generator whose steps run in a worker thread. Each step recognizes at most one part of
the recording. Two such threads serve all recordings. Between two steps, other requests get their
turn, the words so far are sent, and the server notices if the client has disconnected. All requests
share one engine, which takes one clip at a time, those of calls first. So a phone call waits for at
most one part of a long recording.
"""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from emulator.answers.answer import Answer
from emulator.api import transcription_params
from emulator.api.speech import COMMANDS
from emulator.encode import transcription_bodies as bodies
from emulator.encode.transcription_bodies import SpokenTurn, Transcript
from emulator.errors import ApiError, not_installed, server_error
from emulator.serving import Reply, as_stream, count_request, send_json, send_stream, service
from emulator.voice import audio_files, recognizer
from emulator.voice.activity import detector
from emulator.voice.audio_files import MissingDecoder, UnreadableAudio
from emulator.voice.recognizer import RecognitionError
from emulator.voice.recordings import CutRules, SpeechSpan, Utterance, heard_in, spans_of
from emulator.wire import sse, tokens

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request

MOST_S = 7200.0
"""The longest recording in seconds, for a model that accepts any length."""
REFERENCE_S = (2, 10)
"""How many seconds the sample of a known speaker's voice must have, from and to."""
TEXTS = {"text": bodies.text_body, "srt": bodies.srt_body, "vtt": bodies.vtt_body}
PLAIN = "text/plain; charset=utf-8"

Heard = Utterance | SpokenTurn | None
"""What a step returns; None if it found no words."""


async def transcription(
    request: Request, data: bytes, filename: str, values: Mapping[str, Any], inert: list[str]
) -> Reply:
    """The answer to a request whose fields have been checked; raises ApiError (400, 500)."""
    # Only loading the engine shows whether it works, and a stream can't report that any more.
    engine = recognizer.for_recordings()
    await asyncio.to_thread(engine.warm)
    if reason := engine.unavailable_reason:
        raise not_installed(reason, "python3 course.py extras")
    results = service(request).hearing.results
    *_, seconds = [each async for each in results(_measured(data, filename, values))]
    transcription_params.check_length(seconds, values, MOST_S)
    known = await asyncio.to_thread(_known_voices, values)
    heard = _transcript(values, seconds)
    count_request(request, values["model"], heard.usage.get("input_tokens", 0))
    steps = _steps(data, values, known)
    names = [*filter(_fits_a_header, [*inert, *_inert_settings(values)])]
    if values["stream"] and transcription_params.transcriber(values).streams:
        return send_stream(request, _events(request, heard, steps, values), names)
    try:
        async for part in results(steps):
            _keep(heard, part)
    except RecognitionError as error:
        raise ApiError(500, str(error), type="server_error") from error
    return _whole(request, heard, values, names)


def _measured(data: bytes, filename: str, values: Mapping[str, Any]) -> Iterator[float]:
    """The length so far of a recording; its content has to match its extension."""
    extension = filename.rpartition(".")[2].lower()
    if audio_files.kind_of(data) not in _KINDS[extension]:
        raise transcription_params.unreadable(transcription_params.transcriber(values))
    try:
        yield from audio_files.measured(data, MOST_S)
    except UnreadableAudio:
        raise transcription_params.unreadable(transcription_params.transcriber(values)) from None
    except MissingDecoder as missing:
        raise _decoder(missing, "file") from None


_MPEG_KINDS = ("mp3", "mpeg")
_KINDS = {name: (name,) for name in ("flac", "ogg", "wav", "webm", "mp4", "mp3")} | {
    "oga": ("ogg",),
    "m4a": ("mp4",),
    "mpeg": _MPEG_KINDS,
    "mpga": _MPEG_KINDS,
}


def _decoder(missing: MissingDecoder, param: str) -> ApiError:
    return not_installed(f"{missing} Or send a WAV file.", COMMANDS[missing.package], param)


def _known_voices(values: Mapping[str, Any]) -> dict[str, NDArray[np.float32]]:
    """Each known speaker's sample at 16 kHz; raises ApiError (400)."""
    if values["response_format"] != "diarized_json":
        return {}
    voices = {}
    for place, (name, data) in enumerate(transcription_params.known_speakers(values).items()):
        try:
            seconds = audio_files.seconds_of(data, REFERENCE_S[1] + 1)
            if not REFERENCE_S[0] <= seconds <= REFERENCE_S[1]:
                why = f"its sound lasts {seconds:.1f} seconds, and must last 2 to 10."
                raise transcription_params.bad_reference(place, why)
            voices[name] = _numbers(b"".join(audio_files.speech_pcm(data)))
        except UnreadableAudio:
            why = "its sound is damaged, or of no supported format."
            raise transcription_params.bad_reference(place, why) from None
        except MissingDecoder as missing:
            raise _decoder(missing, f"known_speaker_references[{place}]") from None
    return voices


def _transcript(values: Mapping[str, Any], seconds: float) -> Transcript:
    able = transcription_params.transcriber(values)
    languages = None
    if able.takes_languages:
        # It returns the languages from the request, whatever is spoken.
        languages = [*values["languages"]] or ["en"]
    wants_logprobs = bool(values["include"]) and values["response_format"] == "json"
    return Transcript(
        seconds,
        able.is_billed_by_time,
        prompt=values["prompt"] or "",
        temperature=values["temperature"],
        languages=languages,
        has_logprobs=able.has_logprobs and wants_logprobs,
    )


def _inert_settings(values: Mapping[str, Any]) -> Iterator[str]:
    """Padding has no effect, because the recognizer invents words in the silence before a span."""
    chunking = values["chunking_strategy"]
    if isinstance(chunking, dict) and chunking["prefix_padding_ms"] != 300:
        yield "chunking_strategy[prefix_padding_ms]"


def _fits_a_header(name: str) -> bool:
    return name.isascii() and name.isprintable() and "," not in name and len(name) <= 64


def _rules(values: Mapping[str, Any]) -> CutRules:
    chunking = values["chunking_strategy"]
    if not isinstance(chunking, dict):
        return CutRules()
    return CutRules(chunking["threshold"], chunking["silence_duration_ms"])


def _steps(data: bytes, values: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Heard]:
    if values["response_format"] == "diarized_json":
        return _turns(data, _rules(values), known)
    return _utterances(data, _rules(values))


class RecentSpans:
    """Where the last recordings hold speech, as one is often sent again for another format.

    The detector takes 5 % of a recording's time. At most `most_bytes` of speech are kept.
    """

    def __init__(self, most_bytes: int = 32_000_000) -> None:
        self._most_bytes = most_bytes
        self._known: dict[tuple[bytes, CutRules], list[SpeechSpan]] = {}
        self._one_at_a_time = threading.Lock()

    def spans(self, data: bytes, rules: CutRules) -> Iterator[SpeechSpan | None]:
        """The spans of a recording, found or remembered; None after each piece that ends none."""
        key = (hashlib.sha256(data).digest(), rules)
        if (known := self._known.get(key)) is not None:
            yield from known
            return
        found = []
        for span in spans_of(audio_files.speech_pcm(data), detector(), rules):
            if span is not None:
                found.append(span)
            yield span
        self._keep(key, found)

    def _keep(self, key: tuple[bytes, CutRules], found: list[SpeechSpan]) -> None:
        with self._one_at_a_time:
            self._known[key] = found
            while sum(map(_size, self._known.values())) > self._most_bytes:
                del self._known[next(iter(self._known))]


def _size(spans: list[SpeechSpan]) -> int:
    return sum(len(span.pcm) for span in spans)


RECENT = RecentSpans()


def _utterances(data: bytes, rules: CutRules) -> Iterator[Heard]:
    for span in RECENT.spans(data, rules):
        yield span and heard_in(span, recognizer.for_recordings().transcribe)


def _turns(data: bytes, rules: CutRules, known: Mapping[str, Any]) -> Iterator[Heard]:
    """Find the speakers in the whole recording first, then recognize the words of each turn."""
    # Imported here, because it reads the weights of a network.
    from emulator.voice.speakers import tell_apart

    spans: list[SpeechSpan] = []
    for span in RECENT.spans(data, rules):
        if span is not None:
            spans.append(span)
        yield None
    pcm = b"".join(audio_files.speech_pcm(data))
    for turn in tell_apart(_numbers(pcm), [(each.start, each.end) for each in spans], known):
        first, last = (2 * round(at * audio_files.RATE) for at in turn[:2])
        likelihood = max(each.likelihood for each in spans if each.end >= turn.start)
        clip = SpeechSpan(turn.start, turn.end, pcm[first:last], likelihood)
        said = heard_in(clip, recognizer.for_recordings().transcribe)
        yield said and SpokenTurn(turn.speaker, said)


def _numbers(pcm: bytes) -> NDArray[np.float32]:
    numbers: NDArray[np.float32] = np.frombuffer(pcm, "<i2").astype(np.float32)
    numbers /= 32768
    return numbers


def _keep(heard: Transcript, part: Heard) -> None:
    if isinstance(part, SpokenTurn):
        heard.turns.append(part)
        heard.utterances.append(part.utterance)
    elif part is not None:
        heard.utterances.append(part)


async def _events(
    request: Request, heard: Transcript, steps: Iterator[Heard], values: Mapping[str, Any]
) -> AsyncIterator[bytes]:
    """The stream. Each part is sent at once, while the next one is being recognized."""
    try:
        async for part in service(request).hearing.results(steps):
            if part is None:
                continue
            blocks = _blocks(heard, part)
            _keep(heard, part)
            for block in blocks[:-1]:
                yield block
            yield sse.SeparateBlock(blocks[-1])
    except RecognitionError:
        error = server_error(request.scope["exchange"].request_id)
        yield bodies.stream_block({"error": error.fields()})
        return
    yield bodies.done(heard)
    yield bodies.DONE


def _blocks(heard: Transcript, part: Utterance | SpokenTurn) -> list[bytes]:
    if isinstance(part, SpokenTurn):
        return [bodies.stream_block(bodies.diarized_segment(len(heard.turns), part))]
    is_first = not heard.utterances
    return [*bodies.deltas(part, is_first=is_first, has_logprobs=heard.has_logprobs)]


def _whole(
    request: Request, heard: Transcript, values: Mapping[str, Any], inert: list[str]
) -> Reply:
    """The body in the requested format, sent no sooner than a model would have written it."""
    wanted, answers = values["response_format"], [Answer(tokens.split(heard.text))]
    if wanted in TEXTS:
        body = TEXTS[wanted](heard).encode()
        delay_s = service(request).pace.whole(answers)
        return Reply(request, as_stream([body]), PLAIN, inert, delay_s)
    if wanted == "verbose_json":
        granularities = values["timestamp_granularities"] or ("segment",)
        return send_json(request, bodies.verbose_body(heard, granularities), inert, answers)
    encode = bodies.diarized_body if wanted == "diarized_json" else bodies.json_body
    return send_json(request, encode(heard), inert, answers)
