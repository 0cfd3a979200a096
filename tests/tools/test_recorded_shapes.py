"""The shapes of recordings: what counts as a change of the API, and which recording is poorer."""

import json

from tests.support.cassettes import END, HEADER, REQUEST, RESPONSE, write_cassette
from tools.record_fixtures import FIXTURES
from tools.recorded_shapes import changes, poorer, shape

import pytest
from hypothesis import given
from hypothesis import strategies as st

A = {"type": "a", "n": 1, "inside": {"x": None}, "list": [{"type": "t", "y": 1}, {"type": "u"}]}
B = {"type": "b", "text": "some words"}


def recorded(path, *events, by="emulator", status=200):
    """The shape of a cassette with one answer: a stream of these events."""
    body = "".join(f"data: {json.dumps(each)}\n\n" for each in events)
    chunk = {"chunk": 1, "after": 0.2, "text": f"{body}data: [DONE]\n\n"}
    head = HEADER | {"answered_by": by}
    return shape(write_cassette(path, [head, REQUEST, RESPONSE | {"status": status}, chunk, END]))


@pytest.fixture
def old(tmp_path):
    return recorded(tmp_path / "old.jsonl", A, B, B)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([A, B], []),
        ([A | {"n": 2}, B | {"text": "other words"}], []),
        ([A], ["- POST /v1/x: b"]),
        ([A, B | {"type": "c"}], ["- POST /v1/x: b", "+ POST /v1/x: c"]),
        ([A, B, {"type": "c"}], ["+ POST /v1/x: c"]),
        ([A, B | {"more": 1}], ["+ POST /v1/x: b more"]),
        ([A, {"type": "b"}], ["- POST /v1/x: b text"]),
        ([A, B, {"type": "b"}], ["- POST /v1/x: b text"]),
        ([A | {"inside": {}}, B], ["- POST /v1/x: a inside.x"]),
        ([A | {"inside": None}, B], []),
        ([A | {"list": [{"type": "t", "y": 2}, {"type": "v"}]}, B], []),
        ([A | {"list": [{"type": "t", "z": 1}]}, B], ["- a list[t].y", "+ a list[t].z"]),
    ],
)
def test_change_of_the_api_is_told_and_another_text_is_not(tmp_path, old, events, expected):
    found = changes(old, recorded(tmp_path / "new.jsonl", *events))

    assert [each.replace("POST /v1/x: a list", "a list") for each in found] == expected


@pytest.mark.parametrize(
    ("events", "options", "reason"),
    [
        ([A], {}, "it has no POST /v1/x: b"),
        ([A, {"type": "b", "other": "some words"}], {}, "POST /v1/x: b lacks text"),
        ([A, B], {"status": 500}, "it has no POST /v1/x: a"),
        ([A | {"list": [], "inside": None}, B], {}, "letters"),
        ([A, B, B], {"by": "api.openai.com"}, ""),
        ([A, B, B, {"type": "c"}], {}, ""),
    ],
)
def test_poorer_recording_is_known_by_what_it_lacks(tmp_path, events, options, reason):
    old = recorded(tmp_path / "old.jsonl", A, B, B, B, B, B)
    new = recorded(tmp_path / "new.jsonl", *events, *[events[-1]] * 3 * (not reason), **options)

    found = poorer(old, new)

    assert any(reason in each for each in found) if reason else found == []


def test_recording_of_the_emulator_is_poorer_than_one_of_openai(tmp_path):
    live = recorded(tmp_path / "live.jsonl", A, B, by="api.openai.com")
    ours = recorded(tmp_path / "ours.jsonl", A, B)

    assert poorer(live, ours) == ["the old one was answered by OpenAI, this one by emulator"]
    assert poorer(ours, live) == poorer(live, live) == []


@given(st.lists(st.sampled_from([A, B]), min_size=1, max_size=6))
def test_whatever_is_left_out_of_a_recording_is_told(tmp_path_factory, events):
    folder = tmp_path_factory.mktemp("cassettes")
    whole = recorded(folder / "whole.jsonl", *events)
    kinds = {each["type"] for each in events}

    assert poorer(whole, whole) == changes(whole, whole) == []
    for kind in kinds:
        less = recorded(folder / "less.jsonl", *(e for e in events if e["type"] != kind))
        assert f"it has no POST /v1/x: {kind}" in poorer(whole, less)


@pytest.mark.parametrize("name", ["lesson1/resume", "lesson2/cleanup", "lesson3/text"])
def test_shapes_of_the_fixtures_have_their_events(name):
    found = shape(FIXTURES / f"{name}.jsonl")

    expected = {
        "lesson1/resume": "GET /v1/responses/*: response.completed",
        "lesson2/cleanup": "DELETE /v1/vector_stores/*: vector_store.deleted",
        "lesson3/text": "GET /v1/realtime: response.done",
    }
    assert expected[name] in found.kinds
    assert not any("exchanges" in kind for kind in found.kinds)
