"""What the package knows of OpenAI's API; and that it knows it in one place."""

import json
import re
from pathlib import Path

import cassette
from cassette.openai import OPENAI

import openai
import pytest

WORDS = r"openai|realtime|sk-|ek_|input_audio|rate_limits|event_id|/v1/|invalid_request_error"


def test_nothing_else_in_the_package_knows_the_api():
    """Prose may name it, code may not; `__main__` chooses the profile."""
    package = Path(cassette.__file__).parent
    generic = [path for path in package.glob("*.py") if path.stem not in ("openai", "__main__")]
    known = {}
    for path in generic:
        code = re.sub(r'r?"""(.|\n)*?"""|#.*', "", path.read_text(encoding="utf-8"))
        known[path.name] = re.findall(WORDS, code, re.IGNORECASE)

    assert len(known) > 15
    assert {name: found for name, found in known.items() if found} == {}


def test_module_does_not_hide_the_sdk():
    assert "site-packages" in openai.__file__
    assert openai.OpenAI


def test_longest_message_is_passed_on():
    """OpenAI takes 16 MiB: a message of that size must not fail in the recorder."""
    assert 16 * 2**20 < OPENAI.longest_message < 17 * 2**20


def test_errors_have_the_shape_of_the_api():
    missing = OPENAI.error_answer(404, "not_recorded", "why")
    gateway = OPENAI.error_answer(502, "unreachable", "why")

    assert json.loads(missing.body) == {
        "error": {
            "message": "why",
            "type": "invalid_request_error",
            "param": None,
            "code": "not_recorded",
        }
    }
    assert missing.headers == {"content-type": "application/json", "x-should-retry": "false"}
    assert json.loads(gateway.body)["error"]["type"] == "server_error"
    assert gateway.headers == {"content-type": "application/json"}


def test_emulator_says_who_it_is():
    assert OPENAI.server_name({"x-openai-emulator": "1"}) == "emulator"
    assert OPENAI.server_name({"openai-version": "1"}) == ""


TRACED = {"type": "realtime", "model": "gpt-realtime-2.1-mini", "tracing": "auto"}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "session.update", "session": TRACED}, True),
        ({"type": "session.update", "session": {"tracing": None}}, True),
        ({"type": "session.update", "session": TRACED | {"instructions": "Be brief."}}, False),
        ({"type": "session.update", "session": {"type": "realtime"}}, False),
        ({"type": "session.update", "session": "tracing"}, False),
        ({"type": "session.update"}, False),
        ({"type": "response.create", "session": TRACED}, False),
        ({}, False),
    ],
)
def test_only_tracing_may_be_set_at_any_time(event, expected):
    assert OPENAI.messages.is_unordered(json.dumps(event)) is expected
