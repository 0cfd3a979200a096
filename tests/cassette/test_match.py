"""Which exchange answers a request, and what is said where none does."""

from cassette.format import RecordedExchange
from cassette.match import ExchangeMatcher, RequestKey, brief, difference

import pytest


def line(number=1, **fields):
    return {"request": number, "method": "POST", "path": "/v1/x", "headers": {}} | fields


def key(**fields):
    return RequestKey.from_line(line(**fields))


def matcher(*lines):
    return ExchangeMatcher(RecordedExchange(each["request"], each) for each in lines)


def test_equal_requests_are_handed_out_by_their_number():
    exchanges = matcher(line(2, json=1), line(1, json=1), line(3, json=2))

    found = [exchanges.claim(key(json=1)) for _ in range(3)]

    assert [each and each.number for each in found] == [1, 2, None]
    assert exchanges.unplayed() == ["POST /v1/x"]
    assert exchanges.unplayed(["POST /v1/x"]) == []


@pytest.mark.parametrize(
    "other",
    [
        {"method": "GET"},
        {"path": "/v1/y"},
        {"json": {"a": 1, "b": True}},
        {"json": {"a": 1}},
        {"form": []},
        {"body": {"text": "a"}},
        {"upgrade": "websocket"},
    ],
    ids=str,
)
def test_request_that_differs_is_not_found(other):
    recorded = {"json": {"a": 1, "b": 1}}

    assert matcher(line(**recorded)).claim(key(**(recorded | other))) is None


def test_layout_and_headers_do_not_matter():
    exchanges = matcher(line(json={"a": 1, "b": 2}))

    assert exchanges.claim(key(json={"b": 2, "a": 1}, headers={"x": "y"}))


def test_request_played_already_is_told_how_often():
    exchanges = matcher(line(1), line(2))
    for _ in range(2):
        exchanges.claim(key())

    why = exchanges.explain_miss(key())

    assert why == "POST /v1/x was recorded 2 times and has been played as often"


def test_empty_cassette_is_told():
    assert matcher().explain_miss(key()).endswith("was not recorded; the cassette holds no request")


def test_nearest_request_has_the_same_path_before_the_same_body():
    near, far = line(1, json={"a": "quite another"}), line(2, path="/v1/y", json={"a": "b"})
    exchanges = matcher(far, near)

    why = exchanges.explain_miss(key(json={"a": "b"}))

    assert why == 'POST /v1/x was recorded with another body; a: recorded "quite another", sent "b"'


def test_nearest_request_has_the_most_alike_body():
    exchanges = matcher(line(1, json={"a": "xyz"}), line(2, json={"a": "hello you"}))

    assert 'recorded "hello you"' in exchanges.explain_miss(key(json={"a": "hello me"}))


def test_another_path_is_named_first():
    exchanges = matcher(line(path="/v1/y", json={"a": 1}))

    same, other = key(json={"a": 1}), key(json={"a": 2})
    said = "POST /v1/x was not recorded; the nearest is POST /v1/y"
    assert exchanges.explain_miss(same) == said
    assert exchanges.explain_miss(other) == f"{said}, and a: recorded 1, sent 2"


def test_body_of_another_kind_is_named():
    why = matcher(line(json={"a": 1})).explain_miss(key(body={"text": "a"}))

    assert why.endswith('another body; json: recorded {"a": 1}, sent nothing')


def test_difference_deep_inside_a_long_request_is_short():
    """It must fit into six lines of a terminal."""

    def request(word):
        messages = [{"role": "user", "content": "long " * 600 + word + " words" * 600}]
        return {"model": "m", "messages": [*[{"role": "system", "content": "x"}] * 9, *messages]}

    why = matcher(line(json=request("dogs"))).explain_miss(key(json=request("cats")))

    assert "messages.9.content: recorded " in why and "dogs words" in why and "cats words" in why
    assert len(why) < 200


def test_deep_nesting_is_compared_as_text():
    def nested(value):
        for _ in range(600):
            value = [value]
        return {"json": value}

    why = matcher(line(**nested(1))).explain_miss(key(**nested(2)))

    assert why.startswith("POST /v1/x was recorded with another body; recorded ")
    assert len(why) < 200


SAME = [1, "a", None, [1, {"a": []}], {"a": {"b": True}}, float("nan"), b"x"]


@pytest.mark.parametrize("value", SAME, ids=repr)
def test_equal_values_have_no_difference(value):
    assert difference(value, value) == ""


DIFFERENT = [
    (1, 1.0, "recorded 1, sent 1.0"),
    (b"abc", "abc", 'recorded 3 bytes, sent "abc"'),
    ({"a": 1, "b": 1}, {"b": 2, "a": 1}, "b: recorded 1, sent 2"),
    ([1, 2], [1], "1: recorded 2, sent nothing"),
    ({"a": None}, {}, "a: recorded null, sent nothing"),
    ("a" * 16 + "b", "a" * 16 + "c", f'recorded "{"a" * 16}b", sent "{"a" * 16}c"'),
    ("a" * 17 + "b", "a" * 17 + "c", f'recorded "...{"a" * 8}b", sent "...{"a" * 8}c"'),
    ("a" * 40, "b", f'recorded "{"a" * 40}", sent "b"'),
    ("a" * 41, "b", f'recorded "{"a" * 40}...", sent "b"'),
]


@pytest.mark.parametrize(("recorded", "sent", "words"), DIFFERENT)
def test_difference_is_told_by_its_place(recorded, sent, words):
    assert difference(recorded, sent) == words


def test_message_is_cut_to_a_sentence():
    assert brief("a" * 100) == "a" * 100
    assert brief("a" * 101) == "a" * 97 + "..."
    assert brief(b"a" * 1234) == "1,234 bytes"
