"""What a failure is explained as: always three lines, and never for a mistake of the course."""

import binascii
import json
import re
from base64 import b64decode
from datetime import date

from common.client import PLACEHOLDER
from common.settings import CourseError, Settings, SettingsError
from console.explain import ErrorContext, explain
from tests.support.loopback_sockets import socket_server

import httpx2
import openai
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.datastructures import Headers
from websockets.exceptions import (
    ConnectionClosedError,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)
from websockets.frames import Close
from websockets.http11 import Response

HOST = "127.0.0.1:8000"
THERE = ErrorContext(model="llama3", host=HOST)
JSON = "application/json"
SSE = "text/event-stream"


def client(body, status=200, kind=JSON, path="/v1"):
    """The unmodified SDK, whose server gives this answer to every request."""

    def answer(request):
        return httpx2.Response(status, content=body, headers={"content-type": kind})

    http_client = httpx2.Client(transport=httpx2.MockTransport(answer))
    url = f"http://{HOST}{path}"
    return openai.OpenAI(api_key=PLACEHOLDER, base_url=url, max_retries=0, http_client=http_client)


def ask(client):
    whole = client.chat.completions.create(model="llama3", messages=[])
    return whole.choices[0].message.content


def ask_in_events(client):
    whole = client.responses.create(model="llama3", input="Hm?")
    return whole.output[0].type


def stream(client):
    for chunk in client.chat.completions.create(model="llama3", messages=[], stream=True):
        if chunk.choices:
            print(chunk.choices[0].delta.content or "", end="")


def explained(body, status=200, kind=JSON, path="/v1", call=ask, context=THERE):
    """The three lines, as one text; an answer that is taken or that counts as our mistake fails."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = taken(body, status, kind, path, call, context)
    assert said is not None, "the answer was taken"
    return said


def taken(body, status, kind, path, call, context=THERE):
    """The same; None if the answer could be read."""
    with client(body, status, kind, path) as asked:
        try:
            call(asked)
        except Exception as error:
            return lines(error, context)
    return None


def lines(error, context=THERE):
    found = explain(error, context)
    assert isinstance(found, CourseError), repr(error)
    return "\n".join(filter(None, (str(found), found.why, found.attempt)))


def test_own_bug_is_not_explained_away():
    assert explain(ZeroDivisionError("x"), ErrorContext()) is None
    assert explain(AttributeError("x", name="y", obj=ErrorContext()), ErrorContext()) is None
    assert explain(TypeError("x"), ErrorContext()) is None
    assert explain(RuntimeError("x"), ErrorContext()) is None
    assert isinstance(explain(OSError(28, "No space left on device"), ErrorContext()), CourseError)


def test_kind_of_our_own_error_is_kept():
    found = explain(SettingsError("a\x1b[2Jb", "c", "d"), THERE)

    assert isinstance(found, SettingsError)
    assert (str(found), found.why, found.attempt) == ("a\ufffd[2Jb", "c", "d")


@pytest.mark.parametrize("status", [502, 503, 504, 524])
@pytest.mark.parametrize("body", [b"<html><h1>Bad Gateway</h1></html>", b"", b'{"a": 1}'])
def test_gateway_without_its_server_is_down_or_overloaded(status, body):
    said = explained(body, status, "text/html")

    assert f"{HOST} is down or overloaded ({status})" in said
    assert "does not speak" not in said


def test_page_of_another_server_is_told_by_its_words():
    said = explained(b"<html><head><title>x</title></head><p>Sign\tin</html>", 403, "text/html")

    assert "does not speak OpenAI's protocol" in said
    assert "it answered 403: Sign in" in said


def test_missing_v1_is_hinted_at():
    assert "most end in /v1" in explained({"detail": "Not Found"}, 404, path="")
    # OpenAI words it so, without a code.
    wrong = {"error": {"message": "Invalid URL (POST /chat/completions)", "type": "x"}}
    assert "most end in /v1" in explained(wrong, 404, path="")
    assert "most end in /v1" in explained(b"404 page not found", 404, "text/plain", path="/api")


@pytest.mark.parametrize(
    "error", ["model 'x' not found", {"message": 'model "x" not found, try pulling it first'}]
)
def test_model_that_a_server_lacks_is_named_in_its_words(error):
    said = explained({"error": error}, 404)

    assert "the model x does not exist there" in said
    assert "not found" in said
    assert "set OPENAI_MODEL in .env to a model that it has" in said


def test_openai_model_that_ended_names_its_successor():
    body = {
        "error": {"message": "The model `gpt-5-mini` does not exist", "code": "model_not_found"}
    }
    day = date(2026, 11, 28)
    context = ErrorContext("gpt-5-mini", "api.openai.com", key_tail="abcd", today=day)

    said = explained(body, 404, context=context)

    assert "OpenAI shuts gpt-5-mini down on 2026-12-11; it is set by OPENAI_MODEL" in said
    assert "set OPENAI_MODEL=gpt-6.1-terra in .env" in said


@pytest.mark.parametrize(
    ("model", "why", "attempt"),
    [
        ("gpt-5-mini", "shut gpt-5-mini down on 2026-12-11", "set OPENAI_MODEL=gpt-6.1-terra in"),
        ("gpt-realtime", "2027-01-20", "set OPENAI_REALTIME_MODEL=gpt-realtime-2.1 in .env"),
        ("gpt-4o-transcribe", "2027-02-26", "set OPENAI_TRANSCRIBE_MODEL=gpt-transcribe in"),
        ("no-vectors", "OPENAI_EMBEDDING_MODEL", "set OPENAI_EMBEDDING_MODEL=text-embedding-3"),
        ("whisper-1", "this part needs that model", "read docs/4-audio.md"),
        ("gpt-none", "OPENAI_MODEL", "set OPENAI_MODEL=gpt-6-luna in .env"),
    ],
)
def test_each_model_that_is_gone_has_the_command_that_fixes_it(model, why, attempt):
    """By the variable that sets it; whisper-1 stands in the lesson itself."""
    models = ("gpt-5-mini", "no-vectors", "gpt-realtime", "gpt-4o-transcribe")
    variables = Settings("k", None, *models).model_variables
    words = {"message": f"The model '{model}' does not exist", "code": "model_not_found"}
    context = ErrorContext("gpt-5-mini", "", model_variables=variables, today=date(2027, 3, 1))

    said = explained({"error": words}, 404, context=context)

    assert why in said
    assert f"\n{attempt}" in said
    assert "--offline" in said


@pytest.mark.parametrize("body", [{"error": {"message": "no key", "code": None}}, b"Unauthorized"])
def test_gateway_that_wants_a_key_names_the_option(body):
    said = explained(body, 401)

    assert "--send-key" in said
    assert "mistyped" not in said
    assert "mistyped" in explained(body, 401, context=ErrorContext(host=HOST, key_tail="abcd"))


QUOTA = {
    "type": "insufficient_quota",
    "code": "insufficient_quota",
    "message": "over",
    "param": None,
}
NO_CODE = QUOTA | {"code": None}


@pytest.mark.parametrize("error", [QUOTA, NO_CODE])
def test_no_credit_is_told_wherever_it_stands(error):
    event = json.dumps({"type": "error", "error": error, "sequence_number": 2})
    for body, status, kind, call in (
        ({"error": error}, 429, JSON, ask),
        (f"event: error\ndata: {event}\n\n".encode(), 200, SSE, stream),
    ):
        assert "add credit at" in explained(body, status, kind, call=call)
    assert "add credit at" in lines(openai.OpenAIError("over (insufficient_quota)"))
    assert "add credit at" in lines(
        EOFError("the response failed: ResponseError(code='insufficient_quota', message='over')")
    )


CODES = {
    "credit_balance_exhausted": "add credit at",
    "billing_hard_limit_reached": "add credit at",
    "billing_not_active": "add credit at",
    "project_spend_limit_exceeded": "has reached a spending limit",
    "organization_usage_limit_exceeded": "has reached a spending limit",
    "rate_limit_exceeded": "wait a minute, then run it again",
    "server_overloaded": "is down or overloaded",
}


@pytest.mark.parametrize("code", CODES)
def test_code_gets_the_same_advice_wherever_it_stands(code):
    error = {"type": "x", "code": code, "message": "over", "param": None}
    event = json.dumps({"type": "error", "error": error, "sequence_number": 2})
    inside = explained(f"event: error\ndata: {event}\n\n".encode(), 200, SSE, call=stream)

    assert CODES[code] in inside
    assert "inside the stream" in inside
    assert CODES[code] in explained({"error": error}, 429)
    assert CODES[code] in lines(openai.OpenAIError(f"over ({code})"))


@pytest.mark.parametrize("code", ["credit_balance_exhausted", "rate_limit_exceeded"])
def test_code_of_a_failed_response_gets_that_advice(code):
    error = EOFError(f"the response failed: ResponseError(code='{code}', message='over')")

    assert CODES[code] in lines(error)


@pytest.mark.parametrize("error", ["overloaded", ["overloaded"], {"message": "overloaded"}])
def test_error_in_a_stream_keeps_its_reason(error):
    body = b"data: " + json.dumps({"error": error}).encode() + b"\n\n"

    assert "overloaded" in explained(body, kind=SSE, call=stream)


def test_web_page_with_status_200_is_told_by_its_words():
    said = explained(b"<html><body>Log in to Cafe</body></html>", kind="text/html")

    assert "does not speak OpenAI's protocol" in said
    assert "it sent Log in to Cafe" in said


@pytest.mark.parametrize("error", ["overloaded", {"message": "overloaded"}])
@pytest.mark.parametrize("call", [ask, ask_in_events])
def test_error_object_with_status_200_is_told(error, call):
    assert "overloaded" in explained({"error": error}, call=call)


@pytest.mark.parametrize("body", [None, [1], "x", 3, {}, {"choices": []}, {"choices": [{}]}])
def test_other_json_with_status_200_is_no_mistake_of_the_course(body):
    assert "does not speak OpenAI's protocol" in explained(body)


def test_pythons_notation_is_never_shown():
    failed = "the response failed: ResponseError(code='server_error', message='We\\'re busy')"
    assert "ResponseError" not in lines(EOFError(failed))
    nameless = 'the response failed: ResponseError(code=None, message="It\'s busy", extra={})'
    assert "the response failed: It's busy;" in lines(EOFError(nameless))
    assert "(None)" not in lines(openai.OpenAIError("It was refused. (None)"))


def completion(**choice):
    choice = {"index": 0, "message": {"role": "assistant", "content": "{"}, **choice}
    return openai.types.chat.ChatCompletion.construct(id="x", choices=[choice])


def test_object_that_is_cut_is_told_by_its_cause():
    cut = openai.LengthFinishReasonError(completion=completion(finish_reason="length"))

    assert "cut off (length)" in lines(cut)
    assert "content filter" in lines(openai.ContentFilterFinishReasonError())


def test_stream_without_its_end_is_told():
    ended = RuntimeError("Didn't receive a `response.completed` event.")

    assert "stopped before its end" in lines(ended)


def test_text_that_cannot_be_encoded_is_told():
    with pytest.raises(UnicodeEncodeError) as caught:
        "\ud800".encode()

    assert "could not be encoded" in lines(caught.value)


def ends(function, *arguments):
    """Whether a call ends well, and what it raises if it doesn't."""
    try:
        function(*arguments)
    except Exception as error:
        return False, error
    return True, None


@example("A")
@example("AB=")
@given(st.text("AZaz09+/=", min_size=1))
def test_sound_that_is_no_base64_is_malformed(text):
    read, error = ends(b64decode, text)
    if not read:
        assert isinstance(error, binascii.Error)
        assert "the stream was malformed" in lines(error)


@pytest.mark.parametrize("code", [None, "not_found"])
def test_thing_that_is_gone_is_told_with_advice(code):
    body = {"error": {"message": "No file found with id 'file-1'.", "code": code}}
    ours, live = ErrorContext(is_ours=True), ErrorContext(host="api.openai.com")

    for context in (ours, live):
        said = explained(body, 404, context=context)
        assert "the server refused the request (404" in said
        assert "No file found with id 'file-1'." in said
        assert "check its id: it may have been deleted, or belong to another server" in said
    assert "--offline" in explained(body, 404)


def test_socks_proxy_is_named_with_its_command(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(ImportError) as caught:
        openai.OpenAI(api_key="x")

    said = lines(caught.value)
    assert "ALL_PROXY names a SOCKS proxy" in said
    assert "pip install socksio" in said


@pytest.mark.parametrize(("proxy", "kind"), [("foo://x", ValueError), (":::", httpx2.InvalidURL)])
def test_proxy_that_is_none_is_named(monkeypatch, proxy, kind):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(kind) as caught:
        openai.OpenAI(api_key="x")

    assert "HTTPS_PROXY is not the address of a proxy" in lines(caught.value)


def test_certificate_file_that_is_gone_is_named(monkeypatch, tmp_path):
    path = tmp_path / "corporate.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(FileNotFoundError) as caught:
        openai.OpenAI(api_key="x")

    assert f"SSL_CERT_FILE names a file that is not there: {path}" in lines(caught.value)
    assert "SSL_CERT_FILE" not in lines(FileNotFoundError(2, "No such file", "cats.md"))


def handshake(status, body):
    return InvalidStatus(Response(status, "", Headers(), json.dumps(body).encode()))


def closed(code, reason):
    return ConnectionClosedError(Close(code, reason), None)


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://127.0.0.1:9/login", "scheme isn't ws or wss"),
        ("ws://:9/login", "hostname isn't provided"),
        ("ws://127.0.0.1:9/#login", "fragment identifier is meaningless"),
    ],
)
async def test_redirected_handshake_is_another_server(location, why):
    def elsewhere(connection, request):
        return Response(302, "Found", Headers(location=location))

    with socket_server(process_request=elsewhere) as base_url:
        async with openai.AsyncOpenAI(api_key="x", base_url=base_url) as asked:
            with pytest.raises(InvalidURI) as caught:
                await asked.realtime.connect(model="m").enter()

    said = lines(caught.value)
    assert "does not speak OpenAI's protocol" in said
    assert f"it did not open a WebSocket: {location}" in said and why in said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            handshake(429, {"error": {"message": "You exceeded your current quota"}}),
            "add credit at",
        ),
        (handshake(401, {"error": {"message": "no key"}}), "--send-key"),
        (handshake(503, {"error": {"message": "at rest"}}), "at rest"),
        (handshake(503, {}), "with that status"),
        (closed(1008, "insufficient_quota: over"), "add credit at"),
        (closed(3000, "invalid_api_key"), "--send-key"),
        (closed(4000, "the model cannot speak"), "OPENAI_REALTIME_MODEL"),
        (closed(1011, "\x1b[2J"), "\ufffd[2J"),
        (ConnectionClosedError(None, None), "it gave no reason"),
        (InvalidHandshake("no upgrade"), "it did not open a WebSocket: no upgrade"),
    ],
)
def test_websocket_that_is_refused_or_closed_is_told(error, said):
    assert said in lines(error)


def test_redirect_without_an_end_is_another_server():
    def again(request):
        return httpx2.Response(302, headers={"location": "/login"})

    transport = httpx2.MockTransport(again)
    with openai.OpenAI(
        api_key="x", max_retries=0, http_client=httpx2.Client(transport=transport)
    ) as asked:
        with pytest.raises(openai.OpenAIError) as caught:
            ask(asked)

    assert isinstance(explain(caught.value, THERE), CourseError)


# ------------------------------------------------------------------ the rule behind all of these

TEXTS = st.text(max_size=30) | st.sampled_from(
    ["Not Found", "model 'x' not found", "insufficient_quota", "\x1b]0;pwned\x07", "\ud800", "<p>"]
)
KEYS = st.sampled_from(["error", "message", "code", "type", "detail", "msg", "choices"]) | TEXTS
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
BODIES = (
    ANY_JSON.map(lambda value: json.dumps(value).encode())
    | TEXTS.map(lambda text: f"<html><body>{text}</body></html>".encode("utf-8", "replace"))
    | TEXTS.map(lambda text: text.encode("utf-8", "replace"))
    | st.binary(max_size=60)
)
CONTENT_TYPES = st.sampled_from(
    [JSON, SSE, "text/html", "text/plain; charset=utf-16", "text/html; charset=base64", "", "x"]
)
REPR = re.compile(r"\bNone\b|\w\(code=|[{\[]['\"]|<class|object at 0x|\bu?b?'\\")


def is_plain(said, body):
    """Whether the lines are words: nothing of Python's, unless the server itself sent it."""
    text = body.decode("utf-8", "replace")
    assert all(letter.isprintable() or letter == "\n" for letter in said), said
    assert "mistake in the course" not in said
    assert all(found in text or found in repr(text) for found in REPR.findall(said)), said


@example(b'{"code": [null], "type": {"a": 1}}', 400, JSON, "")
@given(BODIES, st.integers(400, 599), CONTENT_TYPES, st.sampled_from(["", "/v1"]))
def test_any_refusal_is_explained_in_words(body, status, kind, path):
    is_plain(explained(body, status, kind, path), body)


@given(BODIES, CONTENT_TYPES, st.sampled_from([ask, ask_in_events]))
def test_any_answer_is_read_or_explained_in_words(body, kind, call):
    if said := taken(body, 200, kind, "/v1", call):
        is_plain(said, body)


@given(st.lists(ANY_JSON, max_size=3))
def test_any_event_is_read_or_explained_in_words(events):
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()
    if said := taken(body, 200, SSE, "/v1", stream):
        is_plain(said, body)


@pytest.mark.parametrize(
    ("task", "what"), [("CHAT", "that writes"), ("EMBEDDINGS", "that makes embeddings")]
)
def test_failed_server_behind_the_emulator_is_named(task, what):
    message = f"The server of EMULATOR_{task}_BASE_URL, 127.0.0.1:1, sent nothing."
    said = explained({"error": {"message": message, "code": "upstream_error"}}, status=502)

    assert f"the server {what} for the emulator failed" in said
    assert f"remove EMULATOR_{task}_BASE_URL from .env" in said


@pytest.mark.parametrize("task", ["CHAT", "EMBEDDINGS"])
@pytest.mark.parametrize(
    ("did", "fix"),
    [
        ("answered 401: Invalid API Key", "set EMULATOR_{}_API_KEY in .env"),
        ("answered 404: model 'x' not found", "set EMULATOR_{}_MODEL in .env"),
        ("answered 404: The model `x` does not exist", "set EMULATOR_{}_MODEL in .env"),
        ("answered 404: Not Found", "check EMULATOR_{}_BASE_URL: most addresses end in /v1"),
        ("answered 404: 404 page not found", "check EMULATOR_{}_BASE_URL: most addresses end in"),
        ("answered 429: busy", "wait a minute, then run it again"),
        ("answered 500: model crashed", "start it, or remove EMULATOR_{}_BASE_URL"),
        ("could not be reached", "start it, or remove EMULATOR_{}_BASE_URL"),
    ],
)
def test_fix_depends_on_what_the_server_behind_the_emulator_did(task, did, fix):
    message = f"The server of EMULATOR_{task}_BASE_URL, 127.0.0.1:1, {did}."
    said = explained({"error": {"message": message, "code": "upstream_error"}}, status=502)

    assert fix.format(task) in said


def test_emulator_that_gave_up_on_a_busy_computer_is_asked_again():
    message = "The emulator gave up on this request after 10 seconds."
    said = explained({"error": {"message": message, "code": "emulator_took_too_long"}}, status=400)

    assert "close other programs, then run it again" in said


def test_realtime_model_that_ended_names_its_successor_however_the_server_refuses_it():
    """A status at the handshake with the API's code, or a close of the WebSocket that names it."""
    words = {"message": "The model `gpt-realtime` does not exist", "code": "model_not_found"}
    variables = {"gpt-realtime": "OPENAI_REALTIME_MODEL"}
    day = date(2027, 2, 1)
    context = ErrorContext("gpt-realtime", "", model_variables=variables, today=day)

    for error in (handshake(404, {"error": words}), closed(4000, "invalid_request_error.model")):
        said = lines(error, context)
        assert "OpenAI shut gpt-realtime down on 2027-01-20" in said
        assert "\nset OPENAI_REALTIME_MODEL=gpt-realtime-2.1 in .env, or" in said
