"""No text of a caller's takes long to read: each rule needs linear time, whatever is repeated."""

import time

from tests.support.text_rules import RULES

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

LENGTH = 2_500
MOST_S = 0.5
"""For twice LENGTH letters. A quadratic rule of a microsecond a pair takes a hundred times that."""
PIECES = [
    *("[", "(", "a ", " ", "\n", "\n\n", "# a ", "## a # # #", "| a ", "- ", "1. ", "9", "9:"),
    *("12:30 ", "at 5 ", "a.", ". ", ", ", " and ", "not ", "say “", "please ", '"', "“", "`"),
    *("**", "_", "<", "<a ", "&", "\\", "é", "日本", "。", "Ana ", "Dr. ", "next ", "a@", "@a.b "),
    *("http://", "{", '"a":', "\t", "\r", "\x00", "a-", "-", "> ", "![", "](", "$", "1,", "1/"),
    *("2026-01-", "what ", "my name is ", "only ", "Question: ", "---\n", "hello ", "e.g. "),
]


def seconds(rule, text):
    start = time.thread_time()
    rule(text)
    return time.thread_time() - start


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=2, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=2))
def test_rule_reads_any_text_in_linear_time(name, pieces):
    part = "".join(pieces)
    text = f"Hello {part * (2 * LENGTH // len(part))}"

    RULES[name](f"Hello {part}")  # what is loaded with the first text of this kind is there
    whole = seconds(RULES[name], text)
    half = seconds(RULES[name], text[: len(text) // 2] + "x")  # nobody has seen this one before

    assert whole < MOST_S
    assert whole < 2.5 * half + 0.25  # some of it is remembered, or read for the first time
