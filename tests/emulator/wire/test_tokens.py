"""Pieces of text, and how many a prompt has."""

from emulator.wire import tokens

import pytest
from hypothesis import given
from hypothesis import strategies as st


@given(st.text())
def test_pieces_join_to_text(text):
    assert "".join(tokens.split(text)) == text
    assert all(tokens.split(text)) or text == ""


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("The observatory", ["The", " observat", "ory"]),
        ("It is 12345.", ["It", " is", " 123", "45", "."]),
        ("a\n\n  b", ["a", "\n\n", "  ", "b"]),
        ("a  ", ["a", " ", " "]),
        ('{"a":[]}', ['{"', "a", '":[]', "}"]),
        ("snake_case__x", ["snake", "_", "case", "__", "x"]),
        ("日本", ["日本"]),
    ],
)
def test_text_is_cut_where_the_rule_says(text, pieces):
    assert tokens.split(text) == pieces
    assert tokens.count(text) == len(pieces)


def test_prompt_counts_three_a_message_and_three():
    assert tokens.count_prompt([]) == 3
    assert tokens.count_prompt(["one two", "three"]) == 3 + 3 + 3 + 3
