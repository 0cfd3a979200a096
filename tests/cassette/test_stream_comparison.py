"""Streams that are sent in pieces, silence left out."""

from cassette import CassetteError
from cassette.stream_comparison import SHORTEST_SILENCE, SilenceFilter, StreamComparison

import pytest
from hypothesis import given
from hypothesis import strategies as st

SILENCE = bytes(SHORTEST_SILENCE * 10)


@given(st.lists(st.binary(max_size=40) | st.just(SILENCE), max_size=8), st.data())
def test_silence_is_left_out_however_pieces_are_cut(parts, data):
    whole = b"".join(parts)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=6).map(sorted))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    at_once, in_pieces = SilenceFilter(), SilenceFilter()

    filtered = b"".join(map(in_pieces.filter, pieces))

    assert filtered == at_once.filter(whole)
    assert SILENCE[:SHORTEST_SILENCE] not in filtered
    assert set(filtered) <= set(whole)


def test_short_runs_are_no_silence():
    short, long = bytes(SHORTEST_SILENCE - 1), bytes(SHORTEST_SILENCE)

    assert SilenceFilter().filter(b"a" + short + b"b" + long + b"cd") == b"a" + short + b"bc"


SOUND = bytes(range(256)) * 4


def compared(recorded, *sent):
    """By how much a stream grows with each piece."""
    stream = StreamComparison(iter(recorded))
    return [stream.compare(piece, "sound") for piece in sent]


def test_stream_grows_by_what_is_no_silence():
    assert compared([SOUND], SOUND[:10], SILENCE, SOUND[10:20]) == [9, 1, 9]


def test_place_of_a_difference_counts_all_pieces():
    with pytest.raises(CassetteError, match="sound differs from byte 304 on, silence left out"):
        compared([SOUND[:100], SOUND[100:]], SOUND[:300], SOUND[300:304] + b"xyz")


def test_first_and_last_byte_are_compared():
    for sent, place in ((b"x" + SOUND[1:9], 0), (SOUND[:7] + b"xy", 7)):
        with pytest.raises(CassetteError, match=f"from byte {place} on"):
            compared([SOUND], sent)


def test_what_comes_behind_the_recording_is_let_pass():
    assert compared([SOUND[:10], b"!"], SOUND[:10] + b"other", b"more") == [14, 4]


def test_silence_grows_in_pieces_of_any_size():
    silence = SilenceFilter()

    parts = [silence.filter(b"a"), *(silence.filter(b"\0") for _ in range(1000))]

    assert parts == [b"", b"a", *[b""] * 999]
    assert silence.filter(b"bc") == b"b"


@pytest.mark.parametrize("length", [1, SHORTEST_SILENCE - 1])
def test_run_that_is_short_is_given_on(length):
    silence = SilenceFilter()

    assert (
        silence.filter(b"a" + b"\0" * length) + silence.filter(b"b.")
        == b"a" + b"\0" * length + b"b"
    )
