"""Pieces of text, and how many a prompt has."""

import threading
import time

from emulator.wire import tokens
from tests.support.computing_time import computes_at_once
from tests.support.property_examples import examples

import pytest
from hypothesis import given, settings
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


@given(st.text(st.sampled_from("aB1 \t\n_.[é日"), min_size=1, max_size=6))
@settings(max_examples=examples(60), deadline=None)
def test_repeated_fragments_are_cut_in_linear_time(fragment):
    text = f"Hello{fragment * (100_000 // len(fragment))}"
    with computes_at_once(0.5):
        pieces = tokens.split(text)

    assert "".join(pieces) == text


def test_prompt_counts_three_a_message_and_three():
    assert tokens.count_prompt([]) == 3
    assert tokens.count_prompt(["one two", "three"]) == 3 + 3 + 3 + 3


def test_other_threads_run_while_a_long_text_is_cut():
    """Time of this process alone: what other programs take meanwhile doesn't count."""
    text, pauses, is_cut = "word " * 2_000_000, [], threading.Event()

    def watch():
        last = time.process_time()
        while not is_cut.is_set():
            now = time.process_time()
            pauses.append(now - last)
            last = now

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        assert len(tokens.split(text)) == 2_000_001
    finally:
        is_cut.set()
        watcher.join()
    assert max(pauses) < 0.1
