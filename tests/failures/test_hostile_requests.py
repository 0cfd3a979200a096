"""Requests that are made to hurt: each is answered or refused soon, and nobody waits for it."""

import json
import socket
import threading
from urllib.parse import urlsplit

from emulator import serving
from emulator.api.tool_params import MOST_RESPONSE_TOOLS, MOST_TOOLS
from emulator.serving import (
    _SEPARATORS,
    _TEXT_OR_SEPARATOR,
    MOST_SEPARATORS,
    MOST_WRITTEN,
)
from emulator.wire import tokens
from tests.support.emulator_clients import MODEL, ask
from tests.support.loop_steps import loop_steps
from tests.support.schemas import closed

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

MOST_STEP_S = 0.25
"""Of computing without a pause. On a quiet computer it is below the 0.1 s that others may wait."""
CHAT, RESPONSES, EMBEDDINGS = "/chat/completions", "/responses", "/embeddings"


def asked(text, **options):
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **options}


def function(number):
    return {"name": f"tool_{number}", "parameters": closed(city={"type": "string"})}


def chat_tools(count):
    return [{"type": "function", "function": function(number)} for number in range(count)]


def response_tools(count):
    return [{"type": "function", **function(number)} for number in range(count)]


HOSTILE = {
    "messages": (CHAT, asked("Hi") | {"messages": [[]] * (2 * MOST_SEPARATORS)}),
    "short texts": (CHAT, asked("Hi") | {"messages": ["["] * (2 * MOST_SEPARATORS)}),
    "long text": (CHAT, asked("# " * 200_000)),
    "long input": (RESPONSES, {"model": MODEL, "input": "# " * 200_000}),
    "tools": (CHAT, asked("Hi", tools=chat_tools(MOST_TOOLS + 1))),
    "response tools": (
        RESPONSES,
        {"model": MODEL, "input": "Hi", "tools": response_tools(MOST_RESPONSE_TOOLS + 1)},
    ),
    "calls": (
        CHAT,
        {"model": MODEL, "messages": [{"role": "assistant", "tool_calls": [{}] * 129}]},
    ),
    "embedding": (EMBEDDINGS, {"model": "text-embedding-3-small", "input": "a " * 1_000_000}),
}
CODES = {
    "messages": "request_too_large",
    "short texts": "request_too_large",
    "long text": "context_length_exceeded",
    "long input": "context_length_exceeded",
    "tools": "array_above_max_length",
    "response tools": "array_above_max_length",
    "calls": "array_above_max_length",
    "embedding": None,
}


def post(emulator, path, body):
    headers = {"authorization": "Bearer offline", "content-type": "application/json"}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    url = emulator.base_url + path
    return httpx2.post(url, content=content, headers=headers, timeout=60, trust_env=False)


@pytest.mark.parametrize("kind", HOSTILE)
def test_request_for_too_much_is_refused_and_nobody_waits(emulator, monkeypatch, kind):
    with loop_steps(monkeypatch) as steps:
        answer = post(emulator, *HOSTILE[kind])

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, CODES[kind])
    assert max(steps) < MOST_STEP_S


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, asked("Hi") | {"messages": asked("Hi")["messages"] * 8_000}),
        (CHAT, asked(" " * 300_000 + "Hello")),
        (CHAT, asked("Which?", tools=chat_tools(MOST_TOOLS), reasoning_effort="none")),
        (RESPONSES, {"model": MODEL, "input": "Hi", "tools": response_tools(256)}),
        (RESPONSES, {"model": MODEL, "input": asked("Hi")["messages"] * 3_000}),
    ],
    ids=["messages", "blanks", "tools", "response tools", "input"],
)
def test_large_request_is_answered_and_nobody_waits(emulator, monkeypatch, path, body):
    with loop_steps(monkeypatch) as steps:
        answer = post(emulator, path, body)

    assert answer.status_code == 200
    assert max(steps) < MOST_STEP_S


@pytest.mark.parametrize(
    "path",
    [
        "/responses/{id}?include=foo",
        "/responses/{id}?stream=maybe",
        "/responses/{id}?stream=true&starting_after=-3",
    ],
)
def test_nothing_in_a_query_is_ignored_in_silence(emulator, client, path):
    id = client.responses.create(model=MODEL, input="Hi", background=True).id
    headers = {"authorization": "Bearer offline"}
    answer = httpx2.get(emulator.base_url + path.format(id=id), headers=headers, trust_env=False)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_many_choices_share_what_one_request_may_have_written(client):
    asked = ask("Say exactly: " + "pineapple " * 2_000)

    answer = client.chat.completions.create(**asked, n=128)

    assert {choice.finish_reason for choice in answer.choices} == {"length"}
    lengths = {tokens.count(choice.message.content) for choice in answer.choices}
    assert lengths == {MOST_WRITTEN // 128}


def test_question_is_understood_once_for_all_choices(client, monkeypatch):
    understood = []

    def understand(prompt, corpus):
        understood.append(prompt)
        return real(prompt, corpus)

    real = serving.understand
    monkeypatch.setattr("emulator.serving.understand", understand)
    answer = client.chat.completions.create(**ask("When is the observatory closed?"), n=5)

    assert len(answer.choices) == 5
    assert len(understood) == 1


def test_work_stops_when_the_caller_leaves(emulator, monkeypatch):
    begun, stopped = threading.Event(), threading.Event()

    def endless(*_, **__):
        begun.set()
        try:
            while True:
                pass
        finally:
            stopped.set()

    monkeypatch.setattr("emulator.serving.answer", endless)
    body = json.dumps(asked("Hi")).encode()
    address = urlsplit(emulator.base_url)
    head = f"""POST /v1{CHAT} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer k\r
Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"""
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + body)
        assert begun.wait(10)

    assert stopped.wait(10)


def test_context_length_is_told_in_the_models_words(client):
    long = "# " * 140_000

    with pytest.raises(openai.BadRequestError) as older:
        client.chat.completions.create(model="gpt-4o", messages=ask(long)["messages"])
    with pytest.raises(openai.BadRequestError) as newer:
        client.responses.create(model="gpt-5-mini", input=long)

    assert older.value.param == "messages"
    assert "maximum context length is 128000 tokens. However, your messages" in str(older.value)
    assert newer.value.param == "input"
    assert "exceeds the context window" in str(newer.value)


@given(st.text('[{,"\\ a', max_size=30), st.integers(0, 3))
def test_separators_are_those_outside_of_texts(text, count):
    body = json.dumps([text] * (count + 1) + [{text: text}], separators=(",", ":")).encode()
    found = [each[0] for each in _TEXT_OR_SEPARATOR.finditer(body) if each[0] in _SEPARATORS]

    assert sorted(found) == sorted([b"[", b"{", *[b","] * (count + 1)])
