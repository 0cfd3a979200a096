"""The course's own cassettes: replayed as a learner replays them, and true to the SDK's types."""

import json
import re

from cassette.format import Cassette
from tests import lesson1
from tests.record_fixtures import FIXTURES, LESSONS, fixtures, mask, parts

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

FILES = fixtures()
EVENT = TypeAdapter(ResponseStreamEvent)


def name(path):
    return f"{path.parent.name}-{path.stem}"


def test_every_part_has_its_cassette():
    expected = {
        FIXTURES / lesson / f"{part}.jsonl"
        for lesson, script in LESSONS.items()
        for part in parts(script)
    }

    assert set(FILES) == expected


@pytest.mark.parametrize("path", FILES, ids=name)
def test_replay_shows_golden_screen(path):
    shown = lesson1.run_here(path.stem, "--replay", str(path), "--speed", "0")

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
        body = "".join(line["text"] for line in lines if "chunk" in line)
        count = validate(exchange.request["path"], lines[0]["headers"]["content-type"], body)
        assert count > 0


def validate(path, kind, body):
    """Validate a body by the type that the SDK has for it; how many values it held."""
    if "event-stream" not in kind:
        ChatCompletion.model_validate_json(body, strict=True)
        return 1
    found = [json.loads(data) for data in re.findall(r"^data: (\{.*\})$", body, re.MULTILINE)]
    for value in found:
        if path.startswith("/v1/responses"):
            EVENT.validate_python(value)
        else:
            ChatCompletionChunk.model_validate(value)
    return len(found)
