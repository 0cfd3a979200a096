"""Parameters: what each check takes, and how it refuses by name."""

from emulator import params
from emulator.errors import ApiError
from emulator.params import Param

import pytest

TABLE = {
    "a": Param(params.text, required=True),
    "b": Param(params.integer(1, 9), 5),
    "c": Param(params.flag, inert=True),
    "d": Param(params.fields({"x": Param(params.number(0, 1), 0.5)})),
}


def refusal(call, *arguments):
    with pytest.raises(ApiError) as caught:
        call(*arguments)
    assert caught.value.status == 400
    return caught.value.param, caught.value.code, caught.value.message


def test_defaults_are_filled_in_and_null_counts_as_not_sent():
    values, inert = params.parse({"a": "x", "b": None, "c": None, "d": {}}, TABLE)

    assert values == {"a": "x", "b": 5, "c": None, "d": {"x": 0.5}}
    assert inert == []
    assert params.parse({"c": False, "a": "x"}, TABLE)[1] == ["c"]


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "a", "missing_required_parameter"),
        ({"a": None}, "a", "missing_required_parameter"),
        ({"a": "x", "e": 1}, "e", "unknown_parameter"),
        ({"a": "x", "d": {"y": 1}}, "d.y", "unknown_parameter"),
        ({"a": "x", "d": {"x": 2}}, "d.x", "decimal_above_max_value"),
        ({"a": "x", "d": 1}, "d", "invalid_type"),
    ],
)
def test_body_is_refused_by_name(body, param, code):
    assert refusal(params.parse, body, TABLE)[:2] == (param, code)


@pytest.mark.parametrize(
    ("check", "taken"),
    [
        (params.integer(1, 9), [1, 9]),
        (params.integer(1), [10**9]),
        (params.number(0, 2), [0, 2, 1.5]),
        (params.one_of("a", "b"), ["a", "b"]),
        (params.only(None, "x"), [None, "x"]),
    ],
)
def test_bounds_are_within(check, taken):
    assert [check("p", value) for value in taken] == taken


@pytest.mark.parametrize(
    ("check", "value", "code", "message"),
    [
        (params.integer(1, 9), 0, "integer_below_min_value", "Expected a value >= 1, but got 0"),
        (params.integer(1, 9), 10, "integer_above_max_value", "Expected a value <= 9, but got 10"),
        (params.integer(1), -(10**400), "integer_below_min_value", ">= 1, but got -1.79769e+308"),
        (params.number(0, 2), 10**400, "decimal_above_max_value", "<= 2, but got 1.79769e+308"),
        (params.integer(1, 9), True, "invalid_type", "expected an integer, but got a boolean"),
        (params.integer(1, 9), 1.0, "invalid_type", "expected an integer, but got a decimal"),
        (params.number(0, 2), 2.5, "decimal_above_max_value", "Expected a value <= 2, but got 2.5"),
        (params.number(0, 2), False, "invalid_type", "expected a decimal, but got a boolean"),
        (params.text, 1, "invalid_type", "expected a string, but got an integer"),
        (params.flag, "x", "invalid_type", "expected a boolean, but got a string"),
        (params.obj, [], "invalid_type", "expected an object, but got an array"),
        (params.one_of("a"), "b", "invalid_value", "Supported values are: 'a'."),
        (params.one_of("a", "b", "c"), "d", "invalid_value", "are: 'a', 'b' and 'c'."),
        (
            params.one_of("a", "b"),
            {},
            "invalid_type",
            "expected one of 'a' and 'b', but got an obj",
        ),
        (params.one_of("a"), None, "invalid_type", "but got null"),
        (params.only(False), True, "unsupported_parameter", "'p' is a part of OpenAI's API"),
        (params.array, {}, "invalid_type", "expected an array of objects, but got an object"),
    ],
)
def test_wrong_value_is_refused_by_name(check, value, code, message):
    told = refusal(check, "p", value)

    assert told[:2] == ("p", code) and message in told[2]


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        ("b", "unsupported_parameter", "Unsupported value: 'b' in 'p' is a part of OpenAI's API"),
        ("c", "invalid_value", "Supported values are: 'a' and 'b'."),
        (1, "invalid_type", "expected one of 'a' and 'b'"),
    ],
)
def test_known_word_is_told_from_a_typo(value, code, message):
    check = params.known(("a",), ("b",))

    assert check("p", "a") == "a"
    told = refusal(check, "p", value)
    assert told[:2] == ("p", code) and message in told[2]


def test_refusal_repeats_no_long_text():
    assert "xxx" not in refusal(params.only(), "p", "x" * 65)[2]


@pytest.mark.parametrize("value", [True, 1.0])
def test_harmless_value_is_of_the_same_type(value):
    assert refusal(params.only(1), "p", value)[1] == "unsupported_parameter"


@pytest.mark.parametrize(
    ("names", "comma", "told"),
    [
        (("a",), True, "'a'"),
        (("a", "b"), True, "'a' and 'b'"),
        (("a", "b", "c"), True, "'a', 'b', and 'c'"),
        (("a", "b", "c"), False, "'a', 'b' and 'c'"),
    ],
)
def test_words_are_listed(names, comma, told):
    assert params.listed(names, comma=comma) == told


def test_array_has_a_least_and_a_most():
    assert params.array("p", [1], least=1, most=1) == [1]
    assert refusal(lambda: params.array("p", [], least=1))[1:] == (
        "empty_array",
        "Invalid 'p': empty array. Expected an array with minimum length 1, but got an empty array "
        + "instead.",
    )
    param, code, message = refusal(lambda: params.array("p", [1, 2], most=1))
    assert (param, code) == ("p", "array_above_max_length")
    assert "maximum length 1, but got an array with length 2" in message


def test_metadata_is_bounded():
    most = {str(n): "v" for n in range(16)}

    assert params.metadata("m", most) == most
    assert params.metadata("m", {"k" * 64: "v" * 512})
    assert refusal(params.metadata, "m", most | {"x": "v"})[1] == "object_above_max_properties"
    for pairs in ({"k" * 65: "v"}, {"k": "v" * 513}):
        assert refusal(params.metadata, "m", pairs)[1] == "string_above_max_length"
    assert refusal(params.metadata, "m", {"k": 1})[0] == "m.k"
    assert params.pairs(params.obj)("m", {"k": {}}) == {"k": {}}
