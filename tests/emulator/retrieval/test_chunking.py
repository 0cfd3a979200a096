"""Chunks: within the limit, nothing lost, no word cut, ends where a reader pauses."""

from emulator.retrieval.chunking import chunk, chunk_bounds
from emulator.wire import tokens

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

TEXTS = st.text(st.sampled_from("ab1 \n\t.#_-é。\u00a0"), max_size=200) | st.text(max_size=100)
LIMITS = st.integers(4, 40).flatmap(
    lambda most: st.tuples(st.just(most), st.integers(0, most // 2))
)


@given(TEXTS, LIMITS)
def test_chunk_has_at_most_the_limit(text, limits):
    assert all(0 < tokens.count(piece) <= limits[0] for piece in chunk(text, *limits))


@given(TEXTS, LIMITS)
def test_every_character_is_in_a_chunk(text, limits):
    seen = 0
    for start, end in chunk_bounds(text, *limits):
        assert start <= seen < end
        seen = end

    assert seen == len(text)


@given(TEXTS, LIMITS)
def test_neighbours_share_at_most_the_overlap(text, limits):
    found = chunk_bounds(text, *limits)

    pieces = [tokens.split(text[start:end]) for start, end in found]
    shared = [end - start for (_, end), (start, _) in zip(found, found[1:], strict=False)]
    for piece, length in zip(pieces, shared, strict=False):
        assert len("".join(piece[len(piece) - limits[1] :])) >= length


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=12), max_size=60), LIMITS)
def test_no_word_is_cut(words, limits):
    pieces = chunk(" ".join(words), *limits)

    assert {word for piece in pieces for word in piece.split()} <= set(words)


@settings(max_examples=20)
@given(st.integers(1, 3000))
def test_long_word_is_cut_within_the_limit(length):
    pieces = chunk("x" * length, 100, 0)

    assert "".join(pieces) == "x" * length
    assert max(map(tokens.count, pieces)) <= 100


def test_chunk_ends_after_sentence():
    text = "The dome is closed on Mondays. " * 100

    assert all(piece.rstrip().endswith("Mondays.") for piece in chunk(text, 100, 0))


def test_heading_begins_a_chunk():
    section = "## Dogs\n\n" + "They may come into the garden. " * 10 + "\n\n"
    pieces = chunk(section * 3, 90, 0)

    assert [piece.startswith("## Dogs") for piece in pieces] == [True] * 3


@pytest.mark.parametrize(("most", "overlap"), [(800, 401), (100, -1), (3, 0)])
def test_impossible_limits_are_refused(most, overlap):
    with pytest.raises(ValueError, match="half overlap"):
        chunk("text", most, overlap)
