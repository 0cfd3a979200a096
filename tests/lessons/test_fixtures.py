"""The course's own cassettes: replayed as a learner replays them, and true to the SDK's types."""

import json
import re
from io import StringIO

from cassette.format import Cassette
from console.lesson_contents import SCRIPTS
from tests.support import lessons
from tools.record_fixtures import FIXTURES, fixtures, mask, parts, typed_in, words_of

import pytest
from openai.types import (
    FileDeleted,
    FileObject,
    VectorStore,
    VectorStoreDeleted,
    VectorStoreSearchResponse,
)
from openai.types.audio import TranscriptionDiarized, TranscriptionStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.realtime import RealtimeServerEvent
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.vector_stores import VectorStoreFile, VectorStoreFileBatch
from pydantic import TypeAdapter

FILES = fixtures()
EVENT = TypeAdapter(ResponseStreamEvent)
TRANSCRIPTION_EVENT = TypeAdapter(TranscriptionStreamEvent)
REALTIME = TypeAdapter(RealtimeServerEvent)


def name(path):
    return f"{path.parent.name}-{path.stem}"


def script_of(lesson):
    """A lesson's script; skips the test if that has no parts yet."""
    if not parts(SCRIPTS[lesson]):
        pytest.skip("this script has no section comments yet")
    return lessons.COURSE / SCRIPTS[lesson]


@pytest.mark.parametrize("lesson", SCRIPTS)
def test_every_part_has_its_cassette(lesson):
    expected = {FIXTURES / lesson / f"{part}.jsonl" for part in parts(script_of(lesson).name)}

    assert {path for path in FILES if path.parent.name == lesson} == expected


@pytest.mark.parametrize("path", FILES, ids=name)
def test_replay_shows_golden_screen(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    script = script_of(path.parent.name)
    monkeypatch.setattr("sys.stdin", StringIO(typed_in(script.name, path.stem)))
    words = [path.stem, *words_of(path.stem), "--replay", str(path), "--speed", "0"]
    shown = lessons.run_here(*words, script=script)

    assert (shown.returncode, shown.stderr) == (0, "")
    assert mask(shown.stdout) == path.with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=name)
def test_header_says_who_answered(path):
    header = Cassette(path).header

    assert header["answered_by"] in ("emulator", "api.openai.com")
    assert header["licence"] == "MIT"
    assert re.fullmatch(r"openai \d+\.\d+\.\d+", header["sdk"])
    is_emulator = '"x-openai-emulator"' in path.read_text(encoding="utf-8")
    assert is_emulator == (header["answered_by"] == "emulator")


@pytest.mark.parametrize("path", FILES, ids=name)
def test_bodies_fit_the_types_of_the_sdk(path):
    cassette = Cassette(path)

    for exchange in cassette.exchanges.values():
        lines = list(cassette.answer(exchange))
        if exchange.is_socket:
            assert validate_messages(lines)
            continue
        body = "".join(line["text"] for line in lines if "chunk" in line)
        place = f"{exchange.request['method']} {exchange.request['path']}"
        assert validate(place, lines[0]["headers"]["content-type"], body)


TYPES = [
    (r"POST /v1/chat/completions", ChatCompletion),
    (r"POST /v1/responses", Response),
    (r"(POST|GET) /v1/vector_stores", VectorStore),
    (r"DELETE /v1/vector_stores/\w+", VectorStoreDeleted),
    (r"POST /v1/vector_stores/\w+/search", VectorStoreSearchResponse),
    (r"POST /v1/vector_stores/\w+/file_batches", VectorStoreFileBatch),
    (r"GET /v1/vector_stores/\w+/file_batches/\w+", VectorStoreFileBatch),
    (r"GET /v1/vector_stores/\w+(/file_batches/\w+)?/files", VectorStoreFile),
    (r"GET /v1/vector_stores/\w+/files/[\w-]+", VectorStoreFile),
    (r"(POST|GET) /v1/files(\?.*)?", FileObject),
    (r"POST /v1/audio/transcriptions", TranscriptionDiarized),
    (r"DELETE /v1/files/[\w-]+", FileDeleted),
]
# The emulator's log of a request, which OpenAI doesn't have.
LOG = r"GET /exchanges/\w+"


def validate(place, kind, body):
    """Validate a body by the type that the SDK has for it; return whether there was any."""
    if re.fullmatch(LOG, place):
        return json.loads(body).keys() >= {"blocks", "ended"}
    if "text/plain" in kind:  # subtitles
        return "-->" in body
    if "event-stream" not in kind:
        return validate_whole(place.partition("?")[0], json.loads(body))
    found = [json.loads(data) for data in re.findall(r"^data: (\{.*\})\r?$", body, re.MULTILINE)]
    for value in found:
        if " /v1/responses" in place:
            EVENT.validate_python(value)
        elif " /v1/audio" in place:
            if value.get("usage", {}).get("type") == "duration":
                del value["usage"]  # as on the wire, though the SDK's type has tokens alone
            TRANSCRIPTION_EVENT.validate_python(value)
        else:
            ChatCompletionChunk.model_validate(value)
    return bool(found)


def validate_messages(lines):
    """Validate what a server sent on a WebSocket by the type of Realtime events."""
    sent = [line["text"] for line in lines if line.get("from") == "server" and "text" in line]
    for text in sent:
        REALTIME.validate_python(json.loads(text))
    return bool(sent)


def validate_whole(place, body):
    """Validate a list by its items. Vectors in base64 have no type, as the SDK decodes them."""
    if place == "POST /v1/embeddings":
        return all(isinstance(each["embedding"], str) for each in body["data"])
    kind = next(kind for pattern, kind in TYPES if re.fullmatch(pattern, place))
    is_list = body.get("object") in ("list", "vector_store.search_results.page")
    for value in body["data"] if is_list else [body]:
        kind.model_validate(value)
    return True
