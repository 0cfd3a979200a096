"""Streams that are sent in pieces, silence left out."""

from cassette.stream_comparison import SHORTEST_SILENCE, SilenceFilter

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
