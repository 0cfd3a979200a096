"""Responses encoded: which events come for which answer, in which order, and the bodies in them."""

import json
from itertools import groupby

from emulator import params
from emulator.answers.answer import Answer, Call, Citation, Message, Prompt, SearchOutcome
from emulator.api.responses import PARAMS, as_told
from emulator.encode.response_events import FIELDS, ResponseWriter, usage, without_padding
from emulator.errors import ApiError
from emulator.models import MODELS
from emulator.serving import as_stream
from emulator.wire import sse, tokens
from emulator.wire.sealed import unseal
from tests.support.emulator_clients import MODEL, drained

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

ASKED = Prompt([Message("user", "Hello there")])
EVENT = TypeAdapter(ResponseStreamEvent)
RESULTS = [{"file_id": "file-1", "filename": "a.md", "score": 1.0, "text": "one two"}]
FOUND = SearchOutcome(["closed?"], RESULTS)
ADDED, DONE = "output_item.added", "output_item.done"
TEXT = ["content_part.added", "output_text.delta", "output_text.done", "content_part.done"]


def written(answer, **asked):
    """A writer whose events have been taken, their blocks, and the events."""
    writer = writer_of(answer, **asked)
    blocks = drained(writer.events())
    return writer, blocks, [event_of(block) for block in blocks]


def writer_of(answer, **asked):
    values, _ = params.parse({"model": MODEL, **asked}, PARAMS)
    return ResponseWriter(values | as_told(values, MODELS[values["model"]]), ASKED, answer)


def event_of(block):
    name, data = block.decode().removesuffix("\n\n").split("\n")
    event = json.loads(data.removeprefix("data: "))
    if event["type"] != "error":  # recorded traffic nests its fields, the SDK's type does not
        EVENT.validate_python(event)
    assert name == f"event: {event['type']}"
    return event


def kinds(events):
    return [event["type"].removeprefix("response.") for event in events]


def test_message_has_a_part_and_deltas():
    writer, blocks, events = written(Answer(["one", " two"]))

    part_added, delta, *dones = TEXT
    begin, end = ["created", "in_progress", ADDED, part_added], [*dones, DONE, "completed"]
    assert kinds(events) == [*begin, delta, delta, *end]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["response"]["status"] for event in events if "response" in event] == [
        "in_progress",
        "in_progress",
        "completed",
    ]
    assert type(blocks[-1]) is sse.FinalBlock
    assert writer.output == [events[-2]["item"]] == events[-1]["response"]["output"]
    assert writer.output[0]["content"][0]["text"] == "one two"


def test_body_has_all_fields_in_their_order():
    asked = {"instructions": "Be kind.", "metadata": {"a": "b"}, "background": True}
    writer, _, events = written(Answer(["one"]), **asked)

    body = writer.body()
    Response.model_validate(body)
    absent = {"conversation", "input_transformations", "prompt_cache_options"}
    assert list(body) == [name for name in FIELDS if name not in absent]
    assert list(events[0]["response"]) == [name for name in body if name != "billing"]
    assert {name: body[name] for name in asked} == asked
    assert (body["service_tier"], body["top_logprobs"]) == ("default", 0)
    assert body["completed_at"] >= body["created_at"]
    first = events[0]["response"]
    assert (first["completed_at"], first["usage"], first["service_tier"]) == (None, None, "auto")
    assert (first["error"], first["incomplete_details"], first["output"]) == (None, None, [])


def test_keys_stand_in_recorded_order():
    answer = Answer(["one"], calls=[Call("f", "{}")], found=FOUND, reasoning=4)
    _, _, events = written(answer, reasoning={"effort": "high", "summary": "auto"})

    for event in events:
        kind, *rest = event
        assert (kind, rest) == ("type", sorted(rest))
    body = list(events[-1]["response"])
    assert body[:4] == ["id", "object", "created_at", "status"]
    assert body[4:] == [*sorted(body[4:-1]), "metadata"]


@pytest.mark.parametrize(
    ("model", "reasoning", "top_p", "retention"),
    [
        (
            "gpt-4o",
            {"context": None, "effort": None, "summary": None},
            1.0,
            "in_memory",
        ),
        (
            "gpt-5-mini",
            {"context": "current_turn", "effort": "medium", "mode": "standard", "summary": None},
            1.0,
            "in_memory",
        ),
        (
            "gpt-5.2",
            {"context": "current_turn", "effort": "none", "mode": "standard", "summary": None},
            0.98,
            "24h",
        ),
        (
            "gpt-5.6",
            {"context": "all_turns", "effort": "medium", "mode": "standard", "summary": None},
            0.98,
            "24h",
        ),
    ],
)
def test_body_tells_the_defaults_of_its_generation(model, reasoning, top_p, retention):
    body = writer_of(Answer(["one"]), model=model).body()

    assert body["model"] == MODELS[model].answers_as
    assert (body["reasoning"], body["top_p"], body["temperature"]) == (reasoning, top_p, 1.0)
    assert body["prompt_cache_retention"] == retention


@pytest.mark.parametrize(
    ("asked", "told"), [("auto", "detailed"), ("concise", "concise"), ("detailed", "detailed")]
)
def test_body_tells_the_summary_that_was_made(asked, told):
    body = writer_of(Answer(["one"]), reasoning={"summary": asked, "context": "auto"}).body()

    assert (body["reasoning"]["summary"], body["reasoning"]["context"]) == (told, "all_turns")


def test_body_echoes_what_only_some_requests_have():
    asked = {"prompt_cache_options": {"mode": "explicit"}, "conversation": "conv_1"}
    body = writer_of(Answer(["one"]), **asked).body()

    assert body["prompt_cache_options"] == {"mode": "explicit", "ttl": "30m"}
    assert body["conversation"] == {"id": "conv_1"}
    assert "billing" not in body  # it has not ended


def test_response_in_background_is_queued_first():
    _, _, events = written(Answer(["one"]), background=True)

    assert kinds(events)[:3] == ["created", "queued", "in_progress"]
    statuses = [event["response"]["status"] for event in events[:3]]
    assert statuses == ["queued", "queued", "in_progress"]


def test_reasoning_is_an_item_without_a_summary():
    writer, blocks, events = written(Answer(["one"], reasoning=7))

    assert kinds(events)[2:5] == [ADDED, DONE, ADDED]
    assert (type(blocks[3]), blocks[3].tokens) == (sse.ReasoningBlock, 7)
    assert writer.output[0] == events[2]["item"] == events[3]["item"]
    item = writer.output[0]
    assert (item["type"], item["summary"], item["content"]) == ("reasoning", [], [])
    assert unseal(item["encrypted_content"])["id"] == item["id"]
    assert [event["output_index"] for event in events[2:5]] == [0, 0, 1]
    assert writer.body()["usage"]["output_tokens_details"] == {"reasoning_tokens": 7}


SUMMARY = [
    "reasoning_summary_part.added",
    *["reasoning_summary_text.delta"] * 3,
    "reasoning_summary_text.done",
    "reasoning_summary_part.done",
]


def test_summary_is_streamed_where_it_is_asked_for():
    writer, blocks, events = written(Answer(["one"], reasoning=7), reasoning={"summary": "concise"})

    told = [kind for kind, _ in groupby(kinds(events))][2:8]
    assert told == [ADDED, *dict.fromkeys(SUMMARY), DONE]
    assert (type(blocks[3]), blocks[3].tokens) == (sse.ReasoningBlock, 7)
    deltas = [e for e in events if e["type"].endswith("summary_text.delta")]
    text = "".join(event["delta"] for event in deltas)
    assert all((len(e["delta"]) + len(e["obfuscation"])) % 16 == 0 for e in deltas)
    assert "7 tokens" in text
    assert writer.output[0]["summary"] == [{"type": "summary_text", "text": text}]
    assert {event["output_index"] for event in deltas} == {0}


def test_search_stands_between_two_parts_of_reasoning():
    found = SearchOutcome(["closed?"], RESULTS * 2)
    asked = {"reasoning": {"summary": "auto"}}
    writer, _, _ = written(Answer(["one"], found=found, reasoning=7), **asked)

    kinds_of_items = [item["type"] for item in writer.output]
    assert kinds_of_items == ["reasoning", "file_search_call", "reasoning", "message"]
    before, after = (writer.output[place]["summary"][0]["text"] for place in (0, 2))
    assert '"closed?"' in before
    assert "2 passages in a.md" in after


def test_search_that_found_nothing_is_accounted_for():
    answer = Answer(["one"], found=SearchOutcome(["closed?"], []), reasoning=2)
    writer, _, _ = written(answer, reasoning={"summary": "auto"})

    assert "0 passages in the files" in writer.output[2]["summary"][0]["text"]


@pytest.mark.parametrize(
    ("model", "calls", "phase"),
    [
        ("gpt-5.4", (), "final_answer"),
        ("gpt-5.5", [Call("f", "{}")], "commentary"),
        ("gpt-5.2", (), None),
    ],
)
def test_message_tells_its_phase_from_5_4_on(model, calls, phase):
    writer, _, _ = written(Answer(["one"], calls=calls), model=model)

    message = writer.output[0]
    assert message.get("phase") == phase
    keys = ["id", "type", "status", "content", "role"]
    assert list(message) == (keys[:4] + ["phase", "role"] if phase else keys)


@pytest.mark.parametrize(
    ("asked", "results"), [({}, None), ({"include": ["file_search_call.results"]}, RESULTS)]
)
def test_file_search_shows_results_to_who_asked(asked, results):
    writer, _, events = written(Answer(["one"], found=FOUND), **asked)

    stages = [f"file_search_call.{stage}" for stage in ("in_progress", "searching", "completed")]
    assert kinds(events)[2:7] == [ADDED, *stages, DONE]
    added, done = events[2]["item"], events[6]["item"]
    assert (added["status"], added["queries"], added["results"]) == ("in_progress", [], None)
    assert (done["status"], done["queries"], done["results"]) == ("completed", ["closed?"], results)
    assert {event["item_id"] for event in events[3:6]} == {done["id"]} == {added["id"]}
    assert {event["output_index"] for event in events[2:7]} == {0}
    assert writer.output[0] == done
    assert writer.body()["usage"]["input_tokens"] == ASKED.prompt_tokens() + tokens.count("one two")


def test_annotation_follows_the_text_that_it_belongs_to():
    cited = [Citation(3, "file-1", "a.md"), Citation(7, "file-2", "b.md"), Citation(7, "f", "c")]
    writer, _, events = written(Answer(["one", " two"], citations=cited))

    delta, note = "output_text.delta", "output_text.annotation.added"
    told = [kind for kind in kinds(events) if kind in (delta, note)]
    assert told == [delta, note, delta, note, note]
    notes = [event for event in events if event["type"].endswith("annotation.added")]
    assert [event["annotation_index"] for event in notes] == [0, 1, 2]
    assert notes[0]["annotation"] == {
        "type": "file_citation",
        "file_id": "file-1",
        "filename": "a.md",
        "index": 3,
    }
    annotations = [event["annotation"] for event in notes]
    assert writer.output[0]["content"][0]["annotations"] == annotations


def test_annotation_beyond_a_cut_text_is_left_out():
    cited = [Citation(3, "file-1", "a.md"), Citation(4, "file-2", "b.md")]
    writer, _, _ = written(Answer(["one"], "length", citations=cited))

    assert [each["index"] for each in writer.output[0]["content"][0]["annotations"]] == [3]


def test_call_streams_its_arguments():
    call = Call("f", '{"city": "Paris"}', "call_1")
    writer, _, events = written(Answer([], "tool_calls", calls=[call]))

    delta = "function_call_arguments.delta"
    begin, end = ["created", "in_progress", ADDED], ["function_call_arguments.done", DONE]
    assert kinds(events) == [*begin, *[delta] * len(call.pieces), *end, "completed"]
    deltas = [event["delta"] for event in events if event["type"].endswith("arguments.delta")]
    assert "".join(deltas) == call.arguments == events[-3]["arguments"]
    added, (done,) = events[2]["item"], writer.output
    assert (added["status"], added["arguments"]) == ("in_progress", "")
    assert done == added | {"status": "completed", "arguments": call.arguments}
    assert (done["type"], done["name"], done["call_id"]) == ("function_call", "f", "call_1")


def test_calls_come_after_the_message():
    calls = [Call("f", "{}"), Call("g", "{}")]
    writer, _, events = written(Answer(["Well."], "tool_calls", calls=calls))

    assert [item["type"] for item in writer.output] == ["message", *["function_call"] * 2]
    places = [event["output_index"] for event in events if event["type"].endswith("item.added")]
    assert places == [0, 1, 2]


@pytest.mark.parametrize(("finish", "items"), [("stop", 1), ("length", 0)])
def test_answer_without_text_has_a_message_unless_it_was_cut(finish, items):
    writer, _, events = written(Answer([], finish))

    assert len(writer.output) == items
    assert kinds(events)[-1] == ("incomplete" if finish == "length" else "completed")
    assert "output_text.delta" not in kinds(events)


def test_cut_answer_is_incomplete_everywhere():
    writer, _, events = written(Answer(["one"], "length", calls=[Call("f", "{")]))

    body = writer.body()
    assert [item["status"] for item in writer.output] == ["incomplete", "incomplete"]
    assert (events[-1]["type"], body["status"]) == ("response.incomplete", "incomplete")
    assert body["incomplete_details"] == {"reason": "max_output_tokens"}
    assert body["usage"] is not None and body["completed_at"] is None


def test_deltas_are_padded_unless_asked_otherwise():
    answer = Answer(["one", " observat"], calls=[Call("f", "{}")])
    _, _, padded = written(answer)
    _, _, bare = written(answer, stream_options={"include_obfuscation": False})

    deltas = [event for event in padded if "delta" in event]
    assert all(len(event["delta"] + event["obfuscation"]) == 16 for event in deltas)
    assert {"obfuscation" in event for event in padded if "delta" not in event} == {False}
    assert not any("obfuscation" in event for event in bare)


class FailingAnswer(Answer):
    """A live answer that breaks after its first piece."""

    is_live = True

    async def write(self):
        yield "one"
        raise ApiError(502, "It broke.", type="server_error", code=None)


def test_failed_answer_ends_with_error_and_failed():
    writer, blocks, events = written(FailingAnswer())

    assert kinds(events)[-3:] == ["output_text.delta", "error", "failed"]
    assert [type(block) for block in blocks[-3:]] == [sse.SeparateBlock, bytes, sse.FinalBlock]
    assert events[-2]["error"]["message"] == "It broke."
    assert list(events[-2]["error"]) == ["type", "code", "message", "param"]
    body = events[-1]["response"]
    assert body["error"] == {"code": "server_error", "message": "It broke."}
    assert (body["status"], body["usage"], body["output"]) == ("failed", None, [])
    assert body == writer.body()


async def test_body_can_be_had_without_the_events():
    writer = writer_of(Answer(["one"]))

    body = await writer.finished()

    assert (body["status"], body["output"][0]["content"][0]["text"]) == ("completed", "one")


def test_cancelled_response_has_no_usage():
    writer = writer_of(Answer(["one"]), background=True)
    writer.cancel()

    body = writer.body()
    assert (body["status"], body["usage"], body["completed_at"]) == ("cancelled", None, None)


def test_usage_adds_up():
    counted = usage(ASKED, Answer(["one", " two"], found=FOUND, reasoning=3))

    read = ASKED.prompt_tokens() + 2
    assert (counted["input_tokens"], counted["output_tokens"]) == (read, 5)
    assert counted["total_tokens"] == read + 5


@pytest.mark.parametrize("pieces", [[], ["Well."]])
def test_refusal_is_a_part_of_the_message(pieces):
    refusal = ["content_part.added", "refusal.delta", "refusal.done", "content_part.done"]
    writer, _, events = written(Answer(pieces, refusal="I can't."))

    text = TEXT if pieces else []
    assert kinds(events)[2:-1] == [ADDED, *text, *refusal, DONE]
    [message] = writer.output
    assert message["content"][-1] == {"type": "refusal", "refusal": "I can't."}
    assert events[-3]["content_index"] == len(pieces)


def test_filtered_answer_is_incomplete():
    writer, _, events = written(Answer([], "content_filter"))

    assert (events[-1]["type"], writer.output) == ("response.incomplete", [])
    assert writer.body()["incomplete_details"] == {"reason": "content_filter"}


def test_citation_before_all_text_has_its_event():
    _, _, events = written(Answer(["one"], citations=[Citation(0, "file-1", "a.md")], found=FOUND))

    assert kinds(events).count("output_text.annotation.added") == 1


async def test_padding_can_be_taken_off_later():
    def padded(*names):
        return [name for name in names if b"obfuscation" in name]

    blocks = [block async for block in writer_of(Answer(["The dome ", "is open."])).events()]
    bare = [block async for block in without_padding(as_stream(blocks))]

    assert len(padded(*blocks)) == 2 and padded(*bare) == []
    assert [event_of(block)["type"] for block in bare] == [event_of(b)["type"] for b in blocks]
    assert [block for block in blocks if block in bare] == [b for b in blocks if not padded(b)]
