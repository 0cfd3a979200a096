"""What servers really send, by public reports, and what the unmodified SDK makes of it here.

Each row is an answer of a server behind the emulator, and what its caller has to see: the same
whole and streamed, by chat and by Responses. The sources are GitHub's, as `repository#number`.
"""

import json

from emulator.server import Emulator
from tests.support.emulator_clients import connect
from tests.support.relayed_answers import WAYS, Failed, Seen, seen_by
from tests.support.scripted_upstream import ScriptedUpstream, chunk, said, stream_of

import pytest

JSON, HTML = "application/json", "text/html"
END, CALLED = chunk({}, "stop"), chunk({}, "tool_calls")
HI = chunk({"content": "Hi."})
SAID = Seen("Hi.")
ROME = '{"city":"Rome"}'
GET_TIME = {"name": "get_time", "arguments": ROME}
ONE_CALL = Seen("", (("get_time", ROME),), "", "tool_calls")
TWO_CALLS = Seen("", (("get_time", ROME), ("get_time", '{"city":"Oslo"}')), "", "tool_calls")


def calling(*deltas):
    return stream_of(*(chunk({"tool_calls": [delta]}) for delta in deltas), CALLED)


def call(index=0, id="a", **function):
    head = {"index": index, "id": id, "type": "function", "function": function}
    return {key: value for key, value in head.items() if value is not None}


def completion(message, finish="stop", **more):
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps({"object": "chat.completion", "choices": [choice], **more}).encode()


OSLO = {"name": "get_time", "arguments": '{"city":"Oslo"}'}
BUSY = {"error": {"message": "busy", "type": "server_error", "code": 500}}
# Rows of the table of known cases: what the writer's part of it says.
KNOWN = [
    ("choices null", stream_of({"choices": None}, HI, END), SAID),
    ("choices missing", stream_of({"id": "x"}, HI, {}, END), SAID),
    ("delta null", stream_of(chunk(None), HI, END), SAID),
    ("delta null beside a finish", stream_of(HI, chunk(None, "stop")), SAID),
    ("data null", stream_of("null", HI, "null", END), SAID),
    ("a call whole", calling(call(**GET_TIME)), ONE_CALL),
    (
        "the name in every delta",
        calling(
            call(name="get_time", arguments='{"city"'), call(name="get_time", arguments=':"Rome"}')
        ),
        ONE_CALL,
    ),
    ("two calls of one index", calling(call(**GET_TIME), call(id="b", **OSLO)), TWO_CALLS),
    ("no index", calling(call(None, **GET_TIME), call(None, "b", **OSLO)), TWO_CALLS),
    ("no index, no id", calling(call(None, None, **GET_TIME)), ONE_CALL),
    (
        "stop after a call",
        stream_of(chunk({"tool_calls": [call(**GET_TIME)]}), END),
        ONE_CALL,
    ),
    (
        "refusal",
        stream_of(chunk({"refusal": "I "}), chunk({"refusal": "won't."}), END),
        Seen("", (), "I won't."),
    ),
    ("cut by length", said("Hi", finish="length"), Seen("Hi", (), "", "length")),
    (
        "withheld",
        said("Hi", finish="content_filter"),
        Seen("Hi", (), "", "content_filter"),
    ),
    ("half a character", said("Hi\ud83d", "."), Seen("Hi\ufffd.")),
    ("JSON in place of a stream", (completion({"content": "Hi."}), JSON), SAID),
    ("error with status 200", (json.dumps(BUSY).encode(), JSON), Failed("reported an error: busy")),
    ("error in the stream", stream_of(HI, BUSY), Failed("reported an error: busy")),
    (
        "quota in the stream",
        stream_of(
            HI, {"error": {"type": "insufficient_quota", "code": "insufficient_quota"}, "x": 1}
        ),
        Failed("reported an error: it gave no reason"),
    ),
    (
        "flat error in the stream",
        stream_of(HI, {"type": "error", "message": "busy", "code": "x"}),
        Failed("reported an error: busy"),
    ),
    ("labelled as HTML", (said("Hi."), HTML), SAID),
    ("labelled as binary", (said("Hi."), "application/octet-stream"), SAID),
    ("HTML 502", (b"<h1>Bad gateway</h1>", HTML, 502), Failed("answered 502: Bad gateway")),
    ("HTML 524", (b"<p>A timeout</p>", HTML, 524), Failed("answered 524: A timeout")),
    ("HTML 200", (b"<p>Log in</p>", HTML), Failed("sent a web page: Log in")),
    ("no /v1", (b'{"detail":"Not Found"}', JSON, 404), Failed("answered 404: Not Found")),
    (
        "error as a text",
        (b'{"error":"model \'x\' not found"}', JSON, 404),
        Failed("answered 404: model 'x' not found"),
    ),
    (
        "a key is wanted",
        (b'{"error":{"message":"Invalid API Key"}}', JSON, 401),
        Failed("answered 401: Invalid API Key"),
    ),
    ("control sequences", said("Hi\x1b[2J."), Seen("Hi\x1b[2J.")),
    (
        "usage null, and as texts",
        stream_of(HI | {"usage": None}, END, {"choices": [], "usage": {"total_tokens": "7"}}),
        SAID,
    ),
    ("no [DONE]", stream_of(HI, END, end=""), SAID),
    ("CRLF", said("Hi.").replace(b"\n", b"\r\n"), SAID),
    ("CR", said("Hi.").replace(b"\n", b"\r"), SAID),
    (
        "reasoning under three names",
        stream_of(
            *(chunk({name: "Hm"}) for name in ("reasoning_content", "reasoning", "thinking")),
            HI,
            END,
        ),
        SAID,
    ),
    (
        "arguments as an object",
        calling(call(name="get_time", arguments={"city": "Rome"})),
        Seen("", (("get_time", '{"city": "Rome"}'),), "", "tool_calls"),
    ),
    ("nothing", b"", Failed("sent nothing")),
    ("no end", stream_of(HI, end=""), Failed("ended its stream without a finish_reason")),
]
# Found in public issues; none of them is a row of the table of known cases.
FOUND = [
    (
        "llama.cpp#16104: a field `error:` in place of `data:`",
        b'error: {"code":400,"message":"exceeds the context size"}\n\ndata: [DONE]\n\n',
        Failed("reported an error: exceeds the context size"),
    ),
    (
        "vllm#51697: the arguments twice",
        calling(call(**GET_TIME), call(0, None, arguments=ROME)),
        ONE_CALL,
    ),
    (
        "vllm#42167: the last chunk repeats what came in part",
        calling(call(name="get_time", arguments='{"city"'), call(0, None, arguments=ROME)),
        Failed("sent a call that is not complete: get_time"),
    ),
    (
        "vllm#57082: finish_reason abort, then [DONE]",
        stream_of(HI, chunk({}, "abort")),
        Failed("broke off with finish_reason 'abort'"),
    ),
    (
        "oh-my-pi#8563: finish_reason insufficient_system_resource (DeepSeek)",
        stream_of(HI, chunk({}, "insufficient_system_resource")),
        Failed("broke off with finish_reason 'insufficient_system_resource'"),
    ),
    (
        "genkit#6259: the error is in the choice, with finish_reason error (OpenRouter)",
        stream_of(
            HI,
            {"choices": [{"delta": {}, "finish_reason": "error", "error": {"message": "late"}}]},
        ),
        Failed("reported an error: late"),
    ),
    (
        "OmniRoute#8210: error beside empty choices (OpenRouter)",
        stream_of({"choices": [], "error": {"code": 502, "message": "limit reached (33/32)"}}),
        Failed("reported an error: limit reached (33/32)"),
    ),
    (
        "ollama#4357: finish_reason is an empty text until the end",
        stream_of(chunk({"content": "H"}, ""), chunk({"content": "i."}, ""), END),
        SAID,
    ),
    (
        "mlx-lm#782: finish_reason tool_call",
        stream_of(chunk({"tool_calls": [call(**GET_TIME)]}), chunk({}, "tool_call")),
        ONE_CALL,
    ),
    (
        "litellm#12481: finish_reason end_turn",
        stream_of(HI, chunk({}, "end_turn")),
        SAID,
    ),
    (
        "llxprt-code#1731: finish_reason max_tokens",
        stream_of(HI, chunk({}, "max_tokens")),
        Seen("Hi.", (), "", "length"),
    ),
    (
        "llxprt-code#1731: finish_reason refusal",
        stream_of(HI, chunk({}, "refusal")),
        Seen("Hi.", (), "", "content_filter"),
    ),
    (
        "litellm#376: a finish_reason in every chunk",
        stream_of(chunk({"content": "H"}, "stop"), chunk({"content": "i."}, "stop")),
        SAID,
    ),
    (
        "litellm#376: the same, and cut off",
        stream_of(chunk({"content": "H"}, "stop"), chunk({"content": "i"}), end=""),
        Failed("ended its stream without a finish_reason"),
    ),
    (
        "vllm-mlx#628: finish_reason null, then [DONE]",
        stream_of(HI, chunk({})),
        Failed("ended its stream without a finish_reason"),
    ),
    (
        "vllm#45736: reasoning alone, and finish_reason stop",
        stream_of(chunk({"reasoning_content": "The dome is"}), chunk({"content": None}, "stop")),
        Failed("sent its reasoning alone, and no answer behind it"),
    ),
    (
        "quarkus-langchain4j#2642: arguments as JSON in JSON",
        calling(call(name="get_time", arguments=json.dumps(ROME))),
        ONE_CALL,
    ),
    (
        "hermes-browser-extension#11: the last chunk has the whole message",
        stream_of(
            chunk({"content": "H"}),
            chunk({"content": "i."}),
            json.loads(completion({"content": "Hi."})),
        ),
        SAID,
    ),
    (
        "aprender#2015: data: data:",
        said("Hi.").replace(b"data: ", b"data: data: "),
        SAID,
    ),
    (
        "mnfst/llm-gateway#2053: a comment as data",
        stream_of(": OPENROUTER PROCESSING", HI, ": OPENROUTER PROCESSING", END),
        SAID,
    ),
    (
        "9router#3492: whole JSON, then data: [DONE]",
        completion({"content": "Hi."}) + b"\n\ndata: [DONE]\n\n",
        SAID,
    ),
    (
        "unsloth#5047: an object a line, without data:",
        (b"".join(json.dumps(each).encode() + b"\n" for each in (HI, END)), JSON),
        SAID,
    ),
    (
        "sub2api#1471: an error is put into an event that has begun",
        b'data: {"choices": [{"delta": {"content": "Hi\ndata: {"error": "x"}\n\n',
        Failed('sent malformed JSON: {"choices": [{"delta": {"content": "Hi {"error": "x"}'),
    ),
    (
        "llama.cpp#14268: no empty line between two events",
        said("H", "i.").replace(b"\n\n", b"\n") + b"\n",
        SAID,
    ),
    (
        "symfony/ai#2422: content in parts, some of them thinking (Mistral)",
        stream_of(
            chunk(
                {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "No"}]}]}
            ),
            chunk({"content": [{"type": "text", "text": "Hi."}]}),
            END,
        ),
        SAID,
    ),
    (
        "llama_index#18313: a call as function_call (LiteLLM)",
        stream_of(
            chunk({"function_call": {"name": "get_time", "arguments": ""}}),
            chunk({"function_call": {"arguments": ROME}}),
            chunk({}, "function_call"),
        ),
        ONE_CALL,
    ),
    (
        "llama.cpp#13800: the id inside the function, the name in every delta",
        calling(
            {"index": 0, "function": {"id": "a", "name": "get_time", "arguments": '{"city"'}},
            {"index": 0, "function": {"id": "a", "name": "get_time", "arguments": ':"Rome"}'}},
        ),
        ONE_CALL,
    ),
    (
        "opencode#37841: id and name are empty texts in later deltas (DashScope)",
        calling(
            call(name="get_time", arguments='{"city"'), call(0, "", name="", arguments=':"Rome"}')
        ),
        ONE_CALL,
    ),
    (
        "opencode#42918: a price behind the end",
        stream_of(HI, END, {"choices": [], "cost": "0"}),
        SAID,
    ),
    (
        "dart_agent_core#23: usage in every chunk",
        stream_of(HI | {"usage": {"total_tokens": 1}}, END | {"usage": {"total_tokens": 2}}),
        SAID,
    ),
    (
        "sub2api#7097: Anthropic's ping",
        b'event: ping\ndata: {"type": "ping"}\n\n' + said("Hi."),
        SAID,
    ),
    (
        "OpenHands#419: an unknown path answers 200 (LM Studio)",
        b'{"error":"Unexpected endpoint or method. (POST /chat/completions)"}',
        Failed("reported an error: Unexpected endpoint or method. (POST /chat/completions)"),
    ),
    (
        "ragflow#15392: an error as an object of its own, with status 200",
        stream_of({"code": 500, "message": "unsupported value: NaN", "data": True}),
        Failed("ended its stream without a finish_reason: unsupported value: NaN"),
    ),
]


@pytest.fixture(scope="module")
def relay():
    """A server upstream, and a client of the emulator that it writes for."""
    with ScriptedUpstream() as upstream, Emulator(upstream=upstream.write) as emulator:
        with connect(emulator) as client:
            yield upstream, client


@pytest.mark.parametrize(
    ("answer", "seen"), [pytest.param(*row[1:], id=row[0]) for row in (*KNOWN, *FOUND)]
)
def test_answer_of_the_field_is_read_or_says_why_not(relay, answer, seen):
    upstream, client = relay
    upstream.script(*(answer if isinstance(answer, tuple) else (answer,)))

    assert [seen_by(client, way) for way in WAYS] == [seen] * len(WAYS)
