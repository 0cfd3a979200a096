"""Streams that mean one known answer, in as odd a shape as servers send: strategies of Hypothesis.

An answer is taken apart into chunks, and each choice on the way (where it is cut, how a call is
written, what stands beside it, how it is framed) is drawn on its own, so that oddities meet.
"""

import json
from dataclasses import dataclass

from tests.support.relayed_answers import Seen
from tests.support.scripted_upstream import SSE

from hypothesis import strategies as st

TEXTS = st.text(st.sampled_from('ab {}":\n\u2028\u0085é日😀[1]'), max_size=12)
ARGUMENTS = [
    json.dumps(each) for each in ({}, {"city": "Rome"}, {"n": [1, {"a": '}"{'}], "s": "é"})
]
CALLS = st.tuples(st.sampled_from(["get_time", "get_weather"]), st.sampled_from(ARGUMENTS))
FINISH_WORDS = {
    "stop": ["stop", "STOP", "eos", "end_turn", "stop_sequence"],
    "tool_calls": ["tool_calls", "tool_call", "tool_use", "function_call", "stop"],
    "length": ["length", "max_tokens", "MAX_TOKENS"],
    "content_filter": ["content_filter", "safety"],
}
# What stands beside a choice, or in it, and means nothing.
BESIDE_CHUNK = [
    {"usage": None},
    {"usage": {"prompt_tokens": "7", "completion_tokens": None}},
    {"id": "", "model": None, "created": "now", "object": ""},
    {"prompt_filter_results": [], "x_groq": {"id": "1"}, "provider": "p"},
    {"error": None},
]
BESIDE_CHOICE = [
    {"logprobs": None, "matched_stop": None},
    {"content_filter_results": {"hate": {"filtered": False}}},
    {"native_finish_reason": None, "stop_reason": 154829},
]
BESIDE_DELTA = [
    {"role": None},
    {"role": "assistant", "refusal": None, "tool_calls": None},
    {"reasoning_content": "Hm."},
    {"reasoning": "Hm.", "thinking": None, "audio": None},
    {"function_call": None, "tool_calls": []},
]
SILENT = [
    {},
    {"choices": None},
    {"choices": []},
    {"choices": [], "usage": {"total_tokens": 3}},
    {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {"content": None}, "finish_reason": ""}]},
    {"choices": [{"index": 0, "delta": {"reasoning_content": "Hm."}}]},
    {"type": "ping"},
    None,
]
ERRORS = [
    {"error": {"message": "busy", "code": 503}},
    {"error": "busy"},
    {"error": {"error": {"message": "busy"}}},
    {"object": "error", "message": "busy", "type": "x"},
    {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
    {
        "choices": [
            {"index": 0, "delta": {}, "finish_reason": "error", "error": {"message": "busy"}}
        ]
    },
    {"choices": [], "error": {"message": "busy"}},
]
WORDS_OF_COMMENTS = [": ping\n\n", ":\n", "retry: 5\n\n", "event: message\n", "id: 7\n", "\n"]


@dataclass(frozen=True)
class OddStream:
    """A body and its label, the answer that it means, and where that answer is complete."""

    body: bytes
    kind: str
    meant: Seen
    complete_at: int


@st.composite
def answers(draw):
    """Text, a refusal or calls, and why it ended."""
    calls = tuple(draw(st.lists(CALLS, max_size=2)))
    text, refusal = draw(TEXTS), draw(st.sampled_from(["", "", "I won't."]))
    if calls:
        return Seen(text, calls, "", "tool_calls")
    finish = draw(st.sampled_from(["stop", "stop", "length", "content_filter"]))
    return Seen(text or ("" if refusal else "Hm."), (), refusal, finish)


def cut_up(draw, text, most=3):
    """The text in pieces, which may be empty."""
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=most))
    places = sorted([0, *cuts, len(text)])
    return [text[start:end] for start, end in zip(places, places[1:], strict=False)]


def call_deltas(draw, number, name, arguments):
    """One call in one of the shapes that servers give it."""
    shape = draw(
        st.sampled_from("pieces whole named unindexed same-index doubled object twice flat".split())
    )
    head = {"index": number, "id": f"call_{number}", "type": "function"}
    if shape == "unindexed":
        del head["index"]
    if shape == "same-index":
        head["index"] = 0
    if shape == "doubled":
        arguments = json.dumps(arguments)
    if shape == "twice":
        arguments *= 2
    if shape == "object":
        return [head | {"function": {"name": name, "arguments": json.loads(arguments)}}]
    if shape == "flat":
        return [head | {"name": name, "arguments": arguments}]
    if shape in ("whole", "unindexed", "same-index"):
        return [head | {"function": {"name": name, "arguments": arguments}}]
    first, *rest = cut_up(draw, arguments)
    again = {"name": name} if shape == "named" else draw(st.sampled_from([{}, {"name": ""}]))
    later = {"index": number} | draw(st.sampled_from([{}, {"id": ""}, {"id": None}]))
    return [
        head | {"function": {"name": name, "arguments": first}},
        *(later | {"function": again | {"arguments": piece}} for piece in rest),
    ]


def deltas(draw, meant):
    found = [{"content": piece} for piece in cut_up(draw, meant.text) if piece or meant.text]
    found += [{"refusal": piece} for piece in cut_up(draw, meant.refusal) if piece]
    for number, (name, arguments) in enumerate(meant.calls):
        found += [{"tool_calls": [delta]} for delta in call_deltas(draw, number, name, arguments)]
    return found


def chunk_of(draw, delta, finish=None):
    said = {**draw(st.sampled_from([{}, {}, *BESIDE_DELTA])), **delta}
    choice = {"index": 0, "delta": said}
    if finish or draw(st.booleans()):
        choice["finish_reason"] = finish
    choice |= draw(st.sampled_from([{}, {}, *BESIDE_CHOICE]))
    return {"choices": [choice], **draw(st.sampled_from([{}, {}, *BESIDE_CHUNK]))}


def chunks(draw, meant):
    """The chunks, and the number of those that make it complete."""
    finish = draw(st.sampled_from(FINISH_WORDS[meant.finish]))
    said = deltas(draw, meant)
    joined = bool(said) and draw(st.booleans())
    last = said.pop() if joined else draw(st.sampled_from([{}, {"content": ""}, {"content": None}]))
    found = []
    for delta in said:
        found += [chunk_of(draw, delta), *draw(st.lists(st.sampled_from(SILENT), max_size=1))]
    found.append(chunk_of(draw, last, finish))
    complete = len(found)
    return [*found, *draw(st.lists(st.sampled_from(SILENT), max_size=1))], complete


def framed(draw, chunk, label):
    """One chunk as an event."""
    text = json.dumps(chunk, ensure_ascii=draw(st.booleans()))
    before = draw(st.sampled_from(["", "", *WORDS_OF_COMMENTS]))
    return f"{before}{label}{text}\n\n"


@st.composite
def odd_streams(draw):
    meant = draw(answers())
    found, complete = chunks(draw, meant)
    label = draw(st.sampled_from(["data: ", "data:", "data: data: "]))
    events = [framed(draw, each, label) for each in found]
    end = draw(st.sampled_from([f"{label}[DONE]\n\n", f"{label}[DONE]", ""]))
    line_end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    start = draw(st.sampled_from(["", "\ufeff", "\n", ": hello\n\n"]))
    written = [
        "".join(part).replace("\n", line_end).encode()
        for part in ([start, *events[:complete]], [*events[complete:], end])
    ]
    kind = draw(st.sampled_from([SSE, "text/html", "application/json", "x"]))
    # The last event needs no empty line behind it.
    complete_at = len(written[0].rstrip())
    return OddStream(b"".join(written), kind, meant, complete_at)


@st.composite
def failing_streams(draw):
    """A stream with an error somewhere before its answer is complete."""
    meant = draw(answers())
    found, complete = chunks(draw, meant)
    place = draw(st.integers(0, complete - 1))
    error = draw(st.sampled_from(ERRORS))
    label = "data: " if "choices" in error else draw(st.sampled_from(["data: ", "error: "]))
    events = [framed(draw, each, "data: ") for each in found[:place]]
    events.append(f"{label}{json.dumps(error)}\n\n")
    events += [framed(draw, each, "data: ") for each in found[place:]]
    return "".join([*events, "data: [DONE]\n\n"]).encode()
