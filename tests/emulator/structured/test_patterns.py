"""Patterns of callers: the same matches as Python's `re`, in time that grows with the text."""

import re
import tracemalloc
from contextlib import suppress

from emulator.structured.patterns import (
    MOST_CHARACTERS,
    MOST_PROGRAMS,
    Pattern,
    TooManySteps,
    compiled,
)
from tests.support.computing_time import computes_at_once
from tests.support.property_examples import examples

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

ATOMS = st.sampled_from([*"abcA", r"\w", r"\d", r"\s", "[^a]", "[a-b]", "."])
PLACES = st.sampled_from(["^", "$", r"\b", r"\B", r"\Z", ""])
REPEATS = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{,2}", "*?", "+?"])
BEHIND = st.sampled_from(["(?<=a)", "(?<!a)", r"(?<=\w)", "(?<!ab)"])


def larger(smaller):
    return st.one_of(
        st.builds("{}{}".format, smaller, smaller),
        st.builds("(?:{}|{})".format, smaller, smaller),
        st.builds("({}){}".format, smaller, REPEATS),
        st.builds("(?={})".format, smaller),
        st.builds("(?!{})".format, smaller),
        st.builds("(?i:{})".format, smaller),
        st.builds("(?P<name>{})".format, smaller),
    )


PATTERNS = st.recursive(ATOMS | PLACES | BEHIND, larger, max_leaves=8)


@settings(max_examples=examples(400), deadline=None)
@given(PATTERNS, st.text("abcA1 \n", max_size=8))
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_matches_are_those_of_re(source, text):
    try:
        expected = re.search(source, text) is not None
    except re.error:  # two groups with one name, for example
        assume(False)

    assert Pattern(source).search(text) is expected


@settings(max_examples=examples(60), deadline=None)
@given(PATTERNS, st.text("abcA1 \n", min_size=1, max_size=6))
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_any_pattern_on_any_long_text_ends_soon(source, fragment):
    try:
        pattern = Pattern(f"^(({source})+)+$")
    except ValueError:
        assume(False)

    with computes_at_once(2), suppress(TooManySteps):
        pattern.search(fragment * 3_000 + "!")


@pytest.mark.parametrize(
    "source", [r"^([a-z0-9]+-?)+$", r"^(\w+\s?)+$", r"^(a+)+$", r"(.*)*x", r"(a|aa)+$", r"^(a|a)*$"]
)
def test_exponential_patterns_are_linear(source):
    assert not Pattern(source).search("a" * 5_000 + "!")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("a{1000000000}", "too large"),
        ("((a{999}){999}){999}", "too large"),
        ("(", "unterminated"),
        (r"(a)\1", "back-reference"),
        ("(?>a)", "atomic group"),
        ("a++", "possessive repeat"),
        ("(" * 4_000 + ")" * 4_000, "recursion"),
        ("a" * (MOST_CHARACTERS + 1), "10001 characters"),
    ],
)
def test_pattern_that_cannot_be_matched_says_why(source, reason):
    with pytest.raises(ValueError, match=reason):
        Pattern(source)


def test_group_of_javascript_has_its_name_but_an_escaped_bracket_stays():
    assert Pattern(r"^(?<year>\d{4})$").search("2026")
    assert Pattern(r"^\(?<a$").search("(<a")


def test_nothing_many_times_is_nothing():
    assert Pattern("^((){1000000}){1000000}$").search("")


def test_text_that_takes_too_many_steps_is_told_apart():
    with pytest.raises(TooManySteps):
        Pattern("(a|b|c|.){0,900}!$").search("a" * 20_000)


def test_large_patterns_of_callers_do_not_fill_the_memory():
    tracemalloc.start()
    try:
        for number in range(2 * MOST_PROGRAMS):
            compiled(f"[a-z]{{3000}}{number}")
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert kept < 8 * 2**20
