"""Blocks of event streams: their bytes, their kinds, their padding."""

import json

from emulator.wire import sse

import pytest
from hypothesis import given
from hypothesis import strategies as st


def test_blocks_are_framed_as_each_api_frames_them():
    assert sse.data('{"a":1}') == b'data: {"a":1}\n\n'
    assert sse.event("error", "{}") == b"event: error\ndata: {}\n\n"
    assert bytes(sse.DONE) == b"data: [DONE]\n\n"


@given(st.text())
def test_json_stays_on_one_line_and_is_not_escaped(text):
    line = sse.compact({"a": [text, 1]})

    assert json.loads(line) == {"a": [text, 1]}
    assert "\n" not in line and "\r" not in line
    assert sse.compact(["é", 1]) == '["é",1]'


def test_kinds_are_the_same_bytes():
    reasoned = sse.ReasoningBlock(b"data: 1\n\n", 7)

    assert (reasoned, reasoned.tokens) == (b"data: 1\n\n", 7)
    assert type(sse.text_block(b"x", is_live=False)) is sse.TextBlock
    assert type(sse.text_block(b"x", is_live=True)) is sse.SeparateBlock
    assert isinstance(sse.DONE, sse.FinalBlock)


@given(st.integers(0, 1000))
def test_padding_fills_to_sixteen(length):
    padding = sse.padding(length)

    assert (length + len(padding)) % 16 == 0
    assert 1 <= len(padding) <= 16


@pytest.mark.parametrize("length", [0, 15])
def test_padding_changes_from_block_to_block(length):
    made = [sse.padding(length) for _ in range(5_000)]

    assert all(pad.isascii() and pad.isalnum() for pad in made)
    assert len({pad[0] for pad in made}) == 62
    assert {len(pad) for pad in made} == {16 - length}
