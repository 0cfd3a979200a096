"""Whatever a gateway sends, lesson 1 shows the text there is and says what happened."""

import json
import re

from tests.support import lessons
from tests.support.gateway_streams import is_end, open_gateway, recorded_streams, sse, texts_of

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CHAT = ["stream", "compare", "usage", "stop", "recover", "together", "tools", "objects"]
RESPONSES = ["events", "resume"]
# These show the whole text; others show counts, calls, or the first pieces.
SHOWING = {"stream", "compare", "chat", "stop", "together", "resume"}

NESTED = {"error": {"message": "Too busy.", "type": "server_error", "code": None}}
FAILURE = {"code": "server_error", "message": "Too busy."}
FLAT = {"type": "error", "code": "server_error", "message": "Too busy.", "param": None}
FAILED = {"type": "response.failed", "response": {"id": "resp_x", "error": FAILURE}}
INCOMPLETE = {
    "type": "response.incomplete",
    "response": {"id": "resp_x", "incomplete_details": {"reason": "max_output_tokens"}},
}
KEEP_ALIVE = ["data: null", ": ping"]
STREAMS = {part: next(recorded_streams(source)) for part, source in {
    "stream": "stream", "compare": "stream", "usage": "usage", "stop": "stream",
    "recover": "stream", "together": "together", "tools": "tools", "objects": "objects",
    "events": "events", "resume": "events"}.items()}


@pytest.fixture(scope="module")
def gateway():
    with open_gateway() as opened:
        yield opened


def paths(value, path=()):
    """The way to every field inside a value."""
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        yield (*path, key)
        yield from paths(value[key], (*path, key))


def changed(value, path, change):
    """A copy with a field replaced, or deleted if there is no replacement."""
    copied = value.copy()
    if len(path) > 1:
        copied[path[0]] = changed(copied[path[0]], path[1:], change)
    elif change:
        copied[path[0]] = change[0]
    else:
        del copied[path[0]]
    return copied

ODD = st.sampled_from([[], [None], [""], ["\ud83d"], [[]], [{}], [[None]]])
ODD_FINISH = st.sampled_from(["length", "content_filter", None, "tool_calls", "stop"])
EXTRA = st.sampled_from([*KEEP_ALIVE, NESTED, FLAT, FAILED, INCOMPLETE, {}, "data: [1]", "data: x", "data: 3"])


@st.composite
def mutated(draw, part):
    values = list(STREAMS[part])
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(values) - 1))
        how = draw(st.sampled_from(["field", "field", "field", "drop", "twice", "extra", "end", "refuse"]))
        if isinstance(values[at], str) and how in ("field", "refuse"):
            continue
        if how == "field":
            found = list(paths(values[at]))
            if found:
                values[at] = changed(values[at], draw(st.sampled_from(found)), draw(ODD))
        elif how == "drop" and len(values)>1:
            del values[at]
        elif how == "twice":
            values[at:at] = [values[at]]
        elif how == "extra":
            values[at:at] = [draw(EXTRA)]
        elif how == "end":
            del values[at + 1 :]
        elif how == "refuse":
            values[at] = json.loads(json.dumps(values[at]).replace('"content"', '"refusal"').replace("output_text.delta", "refusal.delta"))
    return values


def run(gateway, part, *bodies, **how):
    server, base_url = gateway
    server.answer(*bodies, **how)
    return lessons.run_here(part, OPENAI_BASE_URL=base_url)


def bare(text):
    return re.sub(r"[\s?\ufffd\ud800-\udfff]|\[theconnection.*?\]", "", text)


def check(part, values, result):
    assert "Traceback" not in result.stderr, result
    assert "mistake in the course" not in result.stderr, result
    assert "should not happen" not in result.stderr, result
    assert "None" not in result.stderr, result
    assert not re.search(r"[A-Z]\w+\(\w*=|<\w+ object", result.stderr), result
    assert "None" not in result.stdout.replace("raises no", ""), result
    if result.returncode:
        assert re.fullmatch(r"error: .+\n(  why: .+\n)?(  try: .+\n)?", result.stderr), result
    else:
        assert result.stderr == ""


@pytest.mark.parametrize("part", [*CHAT, *RESPONSES])
def test_explore(gateway, part):
    import os
    @settings(max_examples=int(os.environ.get("N", "100")), deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(mutated(part), st.booleans())
    def inner(values, done):
        body = sse(values, done)
        if part == "compare":
            result = run(gateway, part, body)
        else:
            result = run(gateway, part, body)
        check(part, values, result)
        if part in SHOWING and part not in ("compare", "stop"):
            text = []
            for v in values:
                if isinstance(v, str) and v not in KEEP_ALIVE: break
                if isinstance(v, dict) and (v.get("error") or v.get("type") in ("error", "response.failed", "response.incomplete", "response.completed")): break
                text += texts_of(v)
            for t in text: assert bare(t) in bare(result.stdout), (t, result)
        if result.returncode == 0 and part not in ("recover", "usage", "stop"):
            assert any(isinstance(v, dict) and is_end(v) for v in values), result
    inner()
