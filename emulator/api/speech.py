"""`POST /v1/audio/speech`: a text read aloud, one sentence at a time.

A process has one speech engine, and each sentence is one job for it. All texts take turns, so they
delay a phone call by a sentence or two. A sentence is spoken only after the one before it was sent.
So if the client reads slowly, the work slows down, and if the client leaves, the work stops.

The errors are those of recorded traffic (2025 and 2026): OpenAI's message is a Python list of what
its validation found, without `param` and `code`. `tts-1` and `tts-1-hd` accept `instructions` and
`stream_format: "sse"`, but ignore both. The header `x-openai-emulator-inert` names what had no
effect.
"""

import asyncio
import base64
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from emulator import params
from emulator.api.model_list import find_model
from emulator.errors import INSTALL_FULL, ApiError, not_installed
from emulator.models import FIRST_SPEAKERS
from emulator.params import Param, bad, text
from emulator.serving import Reply, StepRunner, count_request, read_json, send_stream, service
from emulator.text.sentences import spoken_pieces
from emulator.voice import voices
from emulator.wire import sse, tokens

from starlette.requests import Request
from starlette.routing import Route

if TYPE_CHECKING:
    from emulator.voice.encoding import Encoder
    from emulator.voice.synthesizer import SpeechSynthesizer

VOICES = tuple(voices.VOICES)
# In the order of OpenAI's message.
FIRST_VOICES = tuple("nova shimmer echo onyx fable alloy ash sage coral".split())
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
LONGEST = 4096
SLOWEST, FASTEST = 0.25, 4.0
PIECE = 4096
"""Bytes of sound in one write, or in one event."""
MS_A_TOKEN = 50
"""Milliseconds of sound that are billed as one token."""
EXTRAS = "python3 course.py extras"
COMMANDS = {
    "soundfile": EXTRAS,
    "av": INSTALL_FULL,
}


def unfit(name: str, kind: str, why: str, **context: object) -> ApiError:
    """OpenAI's error for a parameter; `why` is a sentence, `context` has the allowed values."""
    found = {"type": kind, "loc": ("body", name), "msg": why, "ctx": context}
    return ApiError(400, str([found]))


def spoken_input(name: str, value: Any) -> str:
    said = text(name, value)
    if not said:
        why = "String should have at least 1 character"
        raise unfit(name, "string_too_short", why, min_length=1)
    if len(said) > LONGEST:
        why = f"String should have at most {LONGEST} characters"
        raise unfit(name, "string_too_long", why, max_length=LONGEST)
    return said


def choice(*allowed: str) -> params.Check:
    """One of several words; OpenAI's message lists them."""

    def check(name: str, value: Any) -> str:
        if value not in allowed:
            *most, last = map(repr, allowed)
            listed = f"{', '.join(most)} or {last}"
            raise unfit(name, "enum", f"Input should be {listed}", expected=listed)
        return str(value)

    return check


def voice(name: str, value: Any) -> Any:
    """A name, which is checked once the model is known. A custom voice is refused."""
    if isinstance(value, dict):
        message = f"""Unsupported parameter: '{name}.id'. Custom voices are a part of OpenAI's API \
that this emulator does not serve. Use a built-in voice, such as 'marin'."""
        raise bad(message, f"{name}.id", "unsupported_parameter")
    return value


def speed(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise params.wrong_type(name, "a decimal", value)
    if not value >= SLOWEST:
        why = f"Input should be greater than or equal to {SLOWEST:g}"
        raise unfit(name, "greater_than_equal", why, ge=SLOWEST)
    if value > FASTEST:
        why = f"Input should be less than or equal to {FASTEST:g}"
        raise unfit(name, "less_than_equal", why, le=FASTEST)
    return float(value)


PARAMS: Mapping[str, Param] = {
    "model": Param(text, required=True),
    "input": Param(spoken_input, required=True),
    "voice": Param(voice, required=True),
    "instructions": Param(text, inert=True),
    "response_format": Param(choice(*FORMATS), "mp3"),
    "speed": Param(speed, 1.0),
    "stream_format": Param(choice("sse", "audio"), "audio"),
}


@cache
def synthesizer() -> "SpeechSynthesizer":
    # Imported here, because NumPy would double the emulator's start time.
    from emulator.voice.synthesizer import SpeechSynthesizer

    return SpeechSynthesizer()


async def create(request: Request) -> Reply:
    values, inert = params.parse(await read_json(request), PARAMS)
    model = find_model(values["model"])
    if model is None or model.role != "speech":
        message = f"The model `{values['model']}` does not exist or you do not have access to it."
        raise ApiError(404, message, code="model_not_found")
    is_first = model.id in FIRST_SPEAKERS
    choice(*(FIRST_VOICES if is_first else VOICES))("voice", values["voice"])
    is_events = values["stream_format"] == "sse" and not is_first
    if values["stream_format"] == "sse" and is_first:
        inert.append("stream_format")
    read = tokens.count(values["input"]) + tokens.count(values["instructions"] or "")
    count_request(request, model.id, read)

    format = values["response_format"]
    reading = Reading(values["voice"], values["speed"], await encoder(format))
    pieces = reading.pieces(values["input"], service(request).speaking)
    if is_events:
        return send_stream(request, events(reading, pieces, read), inert)
    return send_stream(request, pieces, inert, media_type(format))


async def encoder(format: str, param: str = "response_format") -> "Encoder":
    """An encoder for a format; raises ApiError (400) if its package or the engine is missing."""
    from emulator.voice.encoding import Encoder, MissingEncoder

    # In a thread, because loading an engine takes a while.
    if await asyncio.to_thread(lambda: synthesizer().name) == "silence":
        raise not_installed("This emulator has no speech engine, so it can't speak.", EXTRAS)
    try:
        return await asyncio.to_thread(Encoder, format)
    except MissingEncoder as missing:
        raise not_installed(str(missing), COMMANDS[missing.package], param) from None


def media_type(format: str) -> str:
    from emulator.voice.encoding import MEDIA_TYPES

    return MEDIA_TYPES[format]


class Reading:
    """Reads a text aloud; `ms` is how long the sound is so far."""

    def __init__(self, voice: str, speed: float, encoder: "Encoder") -> None:
        self._voice, self._speed, self._encoder = voice, speed, encoder
        self.ms = 0.0

    async def pieces(self, text: str, speaking: StepRunner) -> AsyncIterator[bytes]:
        """The sound in blocks of PIECE bytes, sent as soon as each sentence is spoken."""
        held = b""
        async for sound in speaking.results(self._sounds(text)):
            held += sound
            whole = len(held) // PIECE * PIECE
            for start in range(0, whole, PIECE):
                yield sse.SeparateBlock(held[start : start + PIECE])
            held = held[whole:]
        if held:
            yield sse.SeparateBlock(held)

    def _sounds(self, text: str) -> Iterator[bytes]:
        for sentence in spoken_pieces(text):
            yield self._speak(sentence)
        yield self._end()

    def _speak(self, sentence: str) -> bytes:
        return self._feed(synthesizer().synthesize(sentence, self._voice, self._speed))

    def _end(self) -> bytes:
        # Some players can't open a file without any sound.
        nothing = b"" if self.ms else self._feed(bytes(48 * 100))
        return nothing + self._encoder.flush()

    def _feed(self, pcm: bytes) -> bytes:
        self.ms += len(pcm) / 48
        return self._encoder.feed(pcm)


async def events(
    reading: Reading, pieces: AsyncIterator[bytes], input_tokens: int
) -> AsyncIterator[bytes]:
    """The sound as server-sent events, with CR LF at the end of each line, as recorded."""
    async for piece in pieces:
        audio = base64.b64encode(piece).decode()
        yield sse.SeparateBlock(_line(sse.compact({"type": "speech.audio.delta", "audio": audio})))
    spoken = math.ceil(reading.ms / MS_A_TOKEN)
    usage = {
        "input_tokens": input_tokens,
        "output_tokens": spoken,
        "total_tokens": input_tokens + spoken,
    }
    yield _line(sse.compact({"type": "speech.audio.done", "usage": usage}))
    yield sse.FinalBlock(_line("[DONE]"))


def _line(text: str) -> bytes:
    return f"data: {text}\r\n\r\n".encode()


routes = [Route("/v1/audio/speech", create, methods=["POST"])]
