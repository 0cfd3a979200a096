"""Sound in chat completions: sound in a request, and answers that are spoken.

Sound in a request is recognized first: each part `input_audio` becomes a part of text with its
words. An assistant's `audio: {"id": ...}` becomes the words of that earlier answer. After that, the
request contains only text.

The error messages are OpenAI's own where recorded traffic has them (2025 and 2026). For the formats
of `audio`, and for its ids, there is no recording.
"""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator import params
from emulator.answers.answer import Answer, HeardSound
from emulator.api import speech
from emulator.api.model_list import find_model
from emulator.encode.spoken_completions import SpokenAnswer
from emulator.errors import ApiError, not_installed
from emulator.models import Model
from emulator.params import Param, bad, one_of, text
from emulator.serving import Service
from emulator.storage.objects import ObjectStore
from emulator.text.sentences import sentences
from emulator.text.small_talk import HEARD_NOTHING
from emulator.wire import ids, tokens

KEPT_S = 3600
"""How long later requests can refer to a spoken answer, in seconds."""
LONGEST_MS = 600_000
INPUT_FORMATS = ("wav", "mp3")
FORMATS = ("wav", "aac", "mp3", "flac", "opus", "pcm16")
STREAMED = "pcm16"


def modalities(name: str, value: Any) -> list[str]:
    """What the answer consists of: `text`, `audio`, or both."""
    given = params.array(name, value, "strings", least=1)
    for place, each in enumerate(given):
        one_of("text", "audio")(f"{name}[{place}]", each)
    return given


def voice(name: str, value: Any) -> str:
    return str(one_of(*speech.VOICES)(name, speech.voice(name, value)))


AUDIO = {
    "voice": Param(voice, required=True),
    "format": Param(one_of(*FORMATS), required=True),
}


@dataclass(frozen=True)
class HeardRequest:
    """A request with words in place of sound; `is_unheard`: its last message had no words."""

    body: dict[str, Any]
    sound: HeardSound = HeardSound()
    is_unheard: bool = False


async def heard(body: Mapping[str, Any], service: Service) -> HeardRequest:
    """Recognize the sound in a request; raises ApiError (400) if it or its model can't be used."""
    said = body.get("messages")
    model = find_model(str(body.get("model")))
    if not isinstance(said, list) or model is None:
        return HeardRequest(dict(body))
    listener = Listener(service, can_hear=model.role == "audio")
    messages = [
        await listener.message(f"messages[{place}]", each) for place, each in enumerate(said)
    ]
    sound = HeardSound(listener.ms, listener.word_tokens)
    return HeardRequest({**body, "messages": messages}, sound, listener.is_unheard)


class Listener:
    """Reads the messages of one request; `ms` is how much sound was in them."""

    def __init__(self, service: Service, *, can_hear: bool) -> None:
        self._service, self._can_hear = service, can_hear
        self.ms = 0.0
        self.word_tokens = 0
        self.is_unheard = False

    async def message(self, name: str, value: Any) -> Any:
        """The message with words in place of its sound."""
        if not isinstance(value, dict):
            return value
        if value.get("role") == "assistant" and value.get("audio") is not None:
            store = self._service.store
            return {**value, "content": spoken_before(f"{name}.audio", value["audio"], store)}
        parts = value.get("content")
        if not isinstance(parts, list) or not any(map(_is_sound, parts)):
            return value
        if not self._can_hear:
            message = f"""Invalid '{name}'. Content blocks are expected to be either text or \
image_url type."""
            raise bad(message, name, "invalid_value")
        content = [
            await self._part(f"{name}.content[{place}]", part) if _is_sound(part) else part
            for place, part in enumerate(parts)
        ]
        self.is_unheard = not any(str(part.get("text") or "").strip() for part in content)
        return {**value, "content": content}

    async def _part(self, name: str, part: Mapping[str, Any]) -> dict[str, str]:
        data = sound_of(f"{name}.input_audio", part.get("input_audio"))
        steps = self._service.hearing.results(words_in(f"{name}.input_audio", data))
        parts = [part async for part in steps]
        words = " ".join(text for text, _ in parts if text)
        self.ms += sum(ms for _, ms in parts)
        self.word_tokens += tokens.count(words)
        return {"type": "text", "text": words}


def _is_sound(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") == "input_audio"


def sound_of(name: str, value: Any) -> bytes:
    """The file in a part `input_audio`; raises ApiError (400) if it doesn't match `format`."""
    from emulator.voice.audio_files import kind_of

    given = params.obj(name, value)
    format = one_of(*INPUT_FORMATS)(f"{name}.format", given.get("format"))
    try:
        data = base64.b64decode(text(f"{name}.data", given.get("data")), validate=True)
    except ValueError:
        data = b""
    if kind_of(data) != format:
        raise _unreadable(name, format)
    return data


def measured_ms(name: str, data: bytes) -> Iterator[float]:
    """How long a file is, step by step; raises ApiError (400) where it is too long."""
    from emulator.voice.audio_files import measured

    before = 0.0
    for seconds in measured(data, LONGEST_MS / 1000):
        if seconds * 1000 > LONGEST_MS:
            message = f"This emulator hears at most {LONGEST_MS // 60_000} minutes of sound."
            raise bad(message, name, "invalid_value")
        yield 1000 * (seconds - before)
        before = seconds


def words_in(name: str, data: bytes) -> Iterator[tuple[str, float]]:
    """An audio file in steps: words, if any were heard, and ms of sound; raises ApiError (400)."""
    # Imported here, because NumPy would double the emulator's start time.
    from emulator.voice import recognizer
    from emulator.voice.activity import detector
    from emulator.voice.audio_files import MissingDecoder, UnreadableAudio, speech_pcm
    from emulator.voice.recognizer import RecognitionError
    from emulator.voice.recordings import heard_in, spans_of

    try:
        for ms in measured_ms(name, data):
            yield "", ms
        for span in spans_of(speech_pcm(data), detector()):
            found = span and heard_in(span, recognizer.for_recordings().transcribe)
            yield found.text if found else "", 0.0
    except MissingDecoder as missing:
        command = speech.COMMANDS[missing.package]
        raise not_installed(f"{missing} Or send a WAV file.", command, name) from None
    except UnreadableAudio:
        raise _unreadable(name, "wav" if data.startswith(b"RIFF") else "mp3") from None
    except RecognitionError as error:
        raise not_installed(str(error), speech.EXTRAS, name) from None


def _unreadable(name: str, format: str) -> ApiError:
    message = f"The data provided for 'input_audio' is not of valid {format} format."
    return bad(message, name, "invalid_value")


def spoken_before(name: str, value: Any, store: ObjectStore) -> str:
    """The words of an earlier answer, by the id of its sound; raises ApiError (400)."""
    id = text(f"{name}.id", params.obj(name, value).get("id"))
    found = store.find("audio", id)
    if found is None:
        raise bad(f"Audio with id '{id}' not found.", f"{name}.id", "invalid_value")
    if found["expires_at"] <= time.time():
        raise bad(f"Audio with id '{id}' has expired.", f"{name}.id", "invalid_value")
    return str(found["transcript"])


def check_together(values: Mapping[str, Any], model: Model, request: HeardRequest) -> None:
    """Check whether model, modalities, `audio` and stream fit together; raises ApiError (400)."""
    asks_for_sound = "audio" in values["modalities"]
    if asks_for_sound and model.role != "audio":
        message = """Unsupported value: 'modalities' does not support 'audio' with this model. \
Supported values are: 'text'."""
        raise bad(message, "modalities", "unsupported_value")
    if asks_for_sound and values["audio"] is None:
        raise bad("Missing required parameter: 'audio'.", "audio", "missing_required_parameter")
    if values["audio"] is not None and not asks_for_sound:
        message = "The 'audio' parameter is only allowed when 'modalities' contains 'audio'."
        raise bad(message, "audio", "invalid_value")
    if asks_for_sound and values["stream"] and values["audio"]["format"] != STREAMED:
        message = f"""Unsupported value: 'audio.format' does not support \
'{values["audio"]["format"]}' when stream=true. Supported values are: '{STREAMED}'."""
        raise bad(message, "audio.format", "unsupported_value")
    if model.role == "audio" and not asks_for_sound and not request.sound.ms:
        message = """This model requires that either input content or output modality contain \
audio."""
        raise bad(message, "model", "invalid_value")


def unheard(count: int) -> list[Answer]:
    """The answers to sound without words; `count` is how many."""
    return [Answer(tokens.split(HEARD_NOTHING)) for _ in range(count)]


def spoken(answer: Answer, voice: str) -> SpokenAnswer:
    """An answer to be spoken. Each sentence is synthesized when it is needed."""
    expires_at = int(time.time()) + KEPT_S
    return SpokenAnswer(answer, ids.audio_id(), expires_at, _sentences(answer.text, voice))


async def _sentences(said: str, voice: str) -> AsyncIterator[tuple[str, bytes]]:
    for sentence in sentences(said):
        pcm = await asyncio.to_thread(speech.synthesizer().synthesize, sentence, voice)
        yield sentence, pcm


async def speak_whole(all_spoken: Sequence[SpokenAnswer], format: str) -> None:
    """Synthesize complete answers, each as one file."""
    for each in all_spoken:
        pcm = b"".join([sound async for _, sound in each.sentences])
        each.ms = len(pcm) / 48
        each.data = await asyncio.to_thread(_file, pcm, format)


def _file(pcm: bytes, format: str) -> bytes:
    from emulator.voice.encoding import encoded

    return encoded(pcm, "pcm" if format == STREAMED else format)


def keep(all_spoken: Sequence[SpokenAnswer], store: ObjectStore) -> None:
    """Keep these answers, so that later requests can refer to them by the ids of their sound."""
    for each in all_spoken:
        if each.answer.text:
            fields = {"expires_at": each.expires_at, "transcript": each.answer.text}
            store.save("audio", {"id": each.id, **fields})
