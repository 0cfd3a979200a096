"""Faults by name: how they are written, which requests they strike, what they make of a stream."""

import json

from emulator.errors import ApiError
from emulator.faults import NAMES, ConnectionCut, Fault, Faults, Stall, before_handler, with_faults
from emulator.serving import as_stream
from emulator.wire import sse
from tests.support.emulator_clients import drained

import pytest

BLOCKS = [b"data: 1\n\n", sse.TextBlock(b"data: 22\n\n"), sse.FinalBlock(b"data: [DONE]\n\n")]
CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ("fin@3", ("fin", None, 3, False, "")),
        ("rst@120b", ("rst", None, 120, True, "")),
        ("500x2", ("500", 2, 0, False, "")),
        (" 429x1=300ms ", ("429", 1, 0, False, "300ms")),
        ("id+comment@1", ("id+comment", None, 1, False, "")),
        ("close@2=4000", ("close", None, 2, False, "4000")),
    ],
)
def test_fault_is_read(spec, fields):
    fault = Fault.parse(spec)

    assert (fault.name, fault.times, fault.at, fault.in_bytes, fault.argument) == fields
    assert fault.spec == spec.strip()


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("finn@3", "Unknown fault"),
        ("fin@", "Unknown fault"),
        ("", "Unknown fault"),
        ("split=0", "needs a number of bytes"),
        ("fail=other", "needs a code"),
        ("batch-fail=1/0", "needs how many of how many"),
        ("lag-delete=5s", "needs a time"),
        ("expire=3m", "needs a time"),
        ("late-deltas", "needs a number of deltas"),
        ("close=2000", "needs a code"),
    ],
)
def test_wrong_spec_is_refused_by_name(spec, why):
    with pytest.raises(ApiError, match=why) as caught:
        Fault.parse(spec)

    error = caught.value
    assert (error.status, error.param, error.code) == (400, "x-emulator-fault", "invalid_value")


def struck(faults, path=CHAT, method="POST", header=""):
    return [fault.spec for fault in faults.strike(header, path, method)]


def test_fault_strikes_as_often_as_it_says():
    faults = Faults(["500x2", "comment"])

    assert [struck(faults) for _ in range(3)] == [["500x2", "comment"]] * 2 + [["comment"]]


def test_header_counts_only_where_it_may_ask():
    assert struck(Faults(from_header=True), header="fin@1, comment") == ["fin@1", "comment"]
    assert struck(Faults(["comment"], from_header=True)) == ["comment"]
    assert struck(Faults(), header="fin@1") == []


SESSION = ("GET", "/v1/realtime")
ATTACH = ("POST", "/v1/vector_stores/vs_1/files")
CONTENT = ("GET", "/v1/vector_stores/vs_1/files/file-1/content")
DELETE = ("DELETE", "/v1/files/file-1")


@pytest.mark.parametrize(
    ("spec", "requests"),
    [
        ("500", [SESSION, ATTACH, CONTENT, DELETE]),
        ("ws401", [SESSION]),
        ("abort@1", [SESSION]),
        ("stuck", [ATTACH]),
        ("lag-delete=5ms", [ATTACH, DELETE]),
        ("404content", [ATTACH, CONTENT]),
    ],
)
def test_fault_strikes_the_requests_that_it_concerns(spec, requests):
    faults = Faults([spec])

    for method, path in (SESSION, ATTACH, CONTENT, DELETE):
        assert bool(struck(faults, path, method)) == ((method, path) in requests)


def test_request_that_is_not_concerned_is_not_counted():
    faults = Faults(["stuckx1"])

    assert struck(faults) == []
    assert struck(faults, ATTACH[1]) == ["stuckx1"]
    assert struck(faults, ATTACH[1]) == []


def test_failed_only_is_one_of_responses():
    assert struck(Faults(["failed-only@1"]), "/v1/responses") == ["failed-only@1"]
    with pytest.raises(ApiError, match="failed-only"):
        struck(Faults(["failed-only@1"]))


@pytest.mark.parametrize(
    ("spec", "status", "code"),
    [
        ("401", 401, "invalid_api_key"),
        ("ws401", 401, "invalid_api_key"),
        ("429", 429, "rate_limit_exceeded"),
        ("429quota", 429, "insufficient_quota"),
        ("500", 500, None),
    ],
)
def test_fault_before_the_handler_is_an_error(spec, status, code):
    with pytest.raises(ApiError) as caught:
        before_handler([Fault.parse("comment"), Fault.parse(spec)], "req_1")

    assert (caught.value.status, caught.value.code) == (status, code)


@pytest.mark.parametrize(
    ("spec", "wait"), [("429=300ms", "300"), ("429", "1000"), ("429=x", "1000")]
)
def test_refusal_says_how_long_to_wait(spec, wait):
    with pytest.raises(ApiError) as caught:
        before_handler([Fault.parse(spec)], "req_1")

    assert caught.value.headers["retry-after-ms"] == wait


def test_silence_before_the_handler_is_a_stall():
    before_handler([Fault.parse("fin@1")], "req_1")
    with pytest.raises(Stall):
        before_handler([Fault.parse("stall-head")], "req_1")


def through(*specs, blocks=BLOCKS):
    """The blocks as they come out, and what ends them."""
    got, stream = [], with_faults(as_stream(blocks), [Fault.parse(spec) for spec in specs])

    async def all_of():
        async for block in stream:
            got.append(block)
            yield block

    try:
        drained(all_of())
    except (ConnectionCut, Stall) as end:
        return got, end
    return got, None


@pytest.mark.parametrize(
    ("spec", "kind"), [("fin", ConnectionCut), ("rst", ConnectionCut), ("stall", Stall)]
)
def test_stream_ends_at_a_block_or_a_byte(spec, kind):
    for at, kept in (("", []), ("@1", BLOCKS[:1]), ("@12b", [BLOCKS[0], b"dat"]), ("@9", BLOCKS)):
        got, end = through(spec + at)

        assert got == kept and type(end) is kind
        assert getattr(end, "reset", spec == "rst") is (spec == "rst")


def test_stream_ends_clean_or_with_half_an_event():
    assert through("eof@2") == (BLOCKS[:2], None)
    assert through("halfjson@1") == ([BLOCKS[0], b'data: {"half":\n\n'], None)


def test_errors_after_the_start_have_two_shapes():
    (_, nested), _ = through("error-nested@1")
    (_, flat), _ = through("error-flat@1")

    body = json.loads(nested.removeprefix(b"data: "))
    assert list(body) == ["error"] and body["error"]["type"] == "server_error"
    name, _, data = flat.partition(b"\ndata: ")
    told = json.loads(data)
    assert name == b"event: error"
    assert (told["type"], told["code"], told["sequence_number"]) == ("error", "server_error", 1)


def test_failed_only_fails_the_response_that_began():
    begun = sse.event("response.created", '{"response":{"id":"resp_1","status":"in_progress"}}')
    got, end = through("failed-only@1", blocks=[begun, *BLOCKS])

    assert got[:2] == [begun, BLOCKS[0]] and len(got) == 3 and end is None
    failed = json.loads(got[2].partition(b"data: ")[2])
    assert (failed["type"], failed["sequence_number"]) == ("response.failed", 2)
    assert (failed["response"]["id"], failed["response"]["status"]) == ("resp_1", "failed")
    assert failed["response"]["error"]["code"] == "server_is_overloaded"


def test_buffer_keeps_the_time_and_sends_all_at_once():
    got, _ = through("buffer")

    assert [type(block) for block in got] == [sse.TextBlock, sse.SeparateBlock]
    assert got == [b"", b"".join(BLOCKS)]


def test_split_cuts_each_block_into_writes_of_their_own():
    got, _ = through("split=4", blocks=[b"123456789", b"1234"])

    assert got == [b"1234", b"5678", b"9", b"1234"]
    assert {type(block) for block in got} == {sse.SeparateBlock}


@pytest.mark.parametrize(
    ("spec", "extra"),
    [
        ("comment", b": ping\n\n"),
        ("retry-block", b"retry: 3000\n\n"),
        ("empty-data", b"data:\n\n"),
        ("id+comment", b"id: 7\n: ping\n\n"),
    ],
)
def test_keep_alives_stand_before_each_block_from_their_place(spec, extra):
    one, two, three = BLOCKS

    assert through(spec)[0] == [extra, one, extra, two, extra, three]
    assert through(f"{spec}@2")[0] == [one, two, extra, three]


def test_login_page_replaces_the_answer():
    (page,), _ = through("html200")
    assert page.startswith(b"<!DOCTYPE html>")


RESPONSE = {"id": "resp_1", "status": "in_progress", "error": None, "output": []}
EVENTS = [
    sse.event(kind, sse.compact({"type": kind, "response": RESPONSE, "sequence_number": number}))
    for number, kind in enumerate(["response.created", "response.in_progress", "response.x"])
]
QUOTA = "insufficient_quota"


@pytest.mark.parametrize(
    ("name", "type_", "code"),
    [
        ("stream-quota", QUOTA, QUOTA),
        ("stream-429", "requests", "rate_limit_exceeded"),
        ("stream-500", "server_error", None),
    ],
)
@pytest.mark.parametrize(("at", "passed"), [("", 2), ("@1", 2), ("@3", 3)])
def test_refusal_in_responses_is_an_error_and_a_failed_response(name, type_, code, at, passed):
    got, end = through(f"{name}{at}", blocks=EVENTS)

    assert (got[:passed], end) == (EVENTS[:passed], None)
    error, failed = (json.loads(block.partition(b"data: ")[2]) for block in got[passed:])
    assert (error["type"], error["sequence_number"]) == ("error", passed)
    assert list(error["error"]) == ["type", "code", "message", "param"]
    assert (error["error"]["type"], error["error"]["code"]) == (type_, code)
    assert (failed["type"], failed["sequence_number"]) == ("response.failed", passed + 1)
    why = {"code": code or "server_error", "message": error["error"]["message"]}
    assert failed["response"] == RESPONSE | {"status": "failed", "error": why}


@pytest.mark.parametrize(("at", "passed"), [("", 0), ("@2", 2)])
def test_refusal_in_chat_is_a_chunk_without_end_mark(at, passed):
    got, end = through(f"stream-quota{at}")

    *before, last = got
    assert (before, end) == (BLOCKS[:passed], None)
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == QUOTA


def test_refusal_in_a_stream_leaves_a_whole_body_alone():
    assert through("stream-quota", blocks=[b"{}"]) == ([b"{}"], None)


def test_faults_act_one_after_the_other():
    got, end = through("comment@1", "fin@2")

    assert got == [BLOCKS[0], b": ping\n\n"] and type(end) is ConnectionCut
    assert through("500", "stuck") == (BLOCKS, None)
    assert len(NAMES) == 37
