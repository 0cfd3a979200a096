"""All that the recorder and the player know about OpenAI's API, as one `ApiProfile`.

This module is `cassette.openai`; the SDK is `openai`. Neither hides the other, as imports are
absolute and the course is started from its own folder.
"""

import json
from collections.abc import Mapping
from typing import Any

from cassette.api_profile import ApiProfile, ErrorAnswer
from cassette.message_rules import MessageRules
from cassette.scrub import SecretRules

NOT_RECORDED = 404

# `sess-` begins a key; `sess_` begins the id of a session, which a replay must show as it was.
SECRETS = SecretRules(
    kept_headers=(
        "openai-processing-ms",
        "openai-version",
        "openai-poll-after-ms",
        "x-openai-emulator(-inert)?",
        "retry-after-ms",
        "x-should-retry",
    ),
    secret_headers=("openai-organization", "openai-project"),
    key_patterns=tuple(
        rb"%b[A-Za-z0-9_-]{16,}" % start
        for start in (b"sk[-_]", b"ek[-_]", b"rk[-_]", b"pk[-_]", b"sess-")
    ),
    key_subprotocols=(
        "openai-insecure-api-key.",
        "openai-organization.",
        "openai-project.",
    ),
    public_subprotocols=("realtime", "openai-beta.realtime-v1"),
    # The course's own, and what people give servers that need no key.
    placeholder_keys=("offline", "x", "xxx", "none", "empty", "dummy", "ollama", "lm-studio"),
)


def only_sets_tracing(event: Mapping[str, Any]) -> bool:
    """An update of a session that changes nothing but how OpenAI traces it.

    openai-agents sends one as soon as it has read `session.created`, while another task of it goes
    on sending; so its place among the messages differs from run to run.
    """
    session = event.get("session")
    if event.get("type") != "session.update" or not isinstance(session, dict):
        return False
    return "tracing" in session and session.keys() <= {"type", "model", "tracing"}


# What may differ from run to run in the events of the Realtime API.
MESSAGES = MessageRules(
    background=("rate_limits.updated",),
    volatile=("event_id",),
    loose=("audio_end_ms",),
    streams={"input_audio_buffer.append": "audio"},
    unordered=only_sets_tracing,
)


def server_name(headers: Mapping[str, str]) -> str:
    """The course's emulator says who it is in a header; OpenAI is known by its address."""
    return "emulator" if "x-openai-emulator" in headers else ""


def error_answer(status: int, code: str, message: str) -> ErrorAnswer:
    """An error in OpenAI's shape; the SDK need not repeat a request that was not recorded."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    fields = {"message": message, "type": kind, "param": None, "code": code}
    headers = {"content-type": "application/json"}
    if status == NOT_RECORDED:
        headers["x-should-retry"] = "false"
    return ErrorAnswer(headers, json.dumps({"error": fields}).encode())


OPENAI = ApiProfile(
    base_path="/v1",
    secrets=SECRETS,
    messages=MESSAGES,
    # How often a client polls depends on the machine.
    optional_requests=("GET /v1/models",),
    # OpenAI takes 16 MiB; with a little more here, it is the upstream server that refuses a
    # message which is too long.
    longest_message=16 * 2**20 + 2**16,
    server_name=server_name,
    error_answer=error_answer,
)
