"""A body as it is read: however it is cut, and whatever its label says."""

from contextlib import suppress

from emulator.upstream.upstream_body import MOST_BYTES, BodyReader, UpstreamMalformed
from tests.support.computing_time import computes_at_once
from tests.support.scripted_upstream import stream_of

import pytest
from hypothesis import given
from hypothesis import strategies as st


def read(*blocks):
    reader = BodyReader()
    found = [each for block in blocks for each in reader.feed(block)]
    return found + ([] if reader.is_done else list(reader.end()))


SIGNS = {"a": "é 日本 😀 \u2028 \u0085 end"}
STREAM = stream_of(SIGNS, {"b": 2})


@given(st.lists(st.integers(0, len(STREAM))), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_any_cut_and_line_end_reads_the_same(cuts, line_end):
    body = STREAM.replace(b"\n", line_end)
    places = sorted({0, len(body), *cuts})
    blocks = [body[start:end] for start, end in zip(places, places[1:], strict=False)]

    assert read(*blocks) == [SIGNS, {"b": 2}]


def test_what_keeps_a_connection_open_is_no_chunk():
    body = (
        b"\xef\xbb\xbf: ping\n\nretry: 5\n\ndata:\n\nid: 4\ndata: null\n\ndata: 3\n\ndata: []\n\n"
    )

    assert read(body + stream_of(SIGNS)) == [SIGNS]


def test_last_event_needs_no_empty_line():
    assert read(b'data: {"a":1}') == [{"a": 1}]
    assert read(b'data: {"a":1}\r') == [{"a": 1}]


def test_nothing_counts_behind_the_end():
    assert read(stream_of(SIGNS) + b"data: {cut\n\n") == [SIGNS]


@pytest.mark.parametrize("end", ["[DONE]", "[done]", '"[DONE]"', "DONE", " [DONE] now"])
def test_end_may_be_written_in_several_ways(end):
    reader = BodyReader()

    assert list(reader.feed(stream_of(SIGNS, end=f"data: {end}\n\ndata: {{cut\n\n"))) == [SIGNS]
    assert reader.is_done and reader.is_marked


def test_body_of_json_is_marked_and_a_stream_without_end_is_not():
    for body, is_marked in ((b'{"choices": []}', True), (b'data: {"a": 1}', False)):
        reader = BodyReader()
        assert list(reader.feed(body)) + list(reader.end())
        assert reader.is_marked == is_marked


@pytest.mark.parametrize(
    "error", [None, False, "", [], {}, {"code": None, "message": None}, {"message": ""}]
)
def test_error_of_nothing_is_none(error):
    assert read(stream_of(SIGNS | {"error": error})) == [SIGNS | {"error": error}]


@pytest.mark.parametrize(
    "fragment",
    [b"{}", b"{} ", b"1 ", b"data: ", b"data:\n", b": \n", b"\n", b"{", b'"', b"\\", b"[DONE"],
)
@pytest.mark.parametrize("begin", [b"data: ", b""])
def test_repeated_fragments_are_read_at_once(begin, fragment):
    with computes_at_once(), suppress(UpstreamMalformed):
        read(begin, *[fragment * 1000] * 50)


def test_several_lines_are_one_object():
    assert read(b'data: {"a":\ndata: 1}\n\n') == [{"a": 1}]


def test_whole_body_of_json_is_one_object():
    assert read(b'\n {"choices"', b": []}") == [{"choices": []}]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "sent nothing"),
        (b" \n", "sent nothing"),
        (b"data: {cut\n\n", "malformed JSON"),
        (b"event: error\ndata: Too many requests\n\n", "reported an error: Too many requests"),
        (b"event: error\ndata: {}\n\n", "reported an error: it gave no reason"),
        (b"error: out of memory\n\n", "reported an error: out of memory"),
        (b': ping\n\n{"error": "busy"}\n\n', "reported an error: busy"),
        (b'{"choices": []}\n{"error": "busy"}', "reported an error: busy"),
        (b'data: {"a":1', "malformed JSON"),
        (b"data: " + b"[" * 100_000 + b"\n\n", "malformed JSON"),
        (b'data: {"error":"busy"}\n\n', "reported an error: busy"),
        (b'data: {"object":"error","message":"busy"}\n\n', "reported an error: busy"),
        (b'data: {"error":{"code":3}}\n\n', "it gave no reason"),
        (b'[{"error":{"message":"busy"}}]', "sent no answer: busy"),
        (b'{"models": []}', "sent no answer"),
        (b"<p>Log in</p>", "sent a web page: Log in"),
        (b"{cut", "malformed JSON"),
    ],
)
def test_nonsense_is_told(body, words):
    with pytest.raises(UpstreamMalformed, match=words):
        read(body)


@pytest.mark.parametrize("begin", [b"{", b"data: "])
def test_endless_body_is_refused(begin):
    with pytest.raises(UpstreamMalformed, match="at once"):
        read(begin, b"x" * MOST_BYTES)


def test_break_at_the_end_of_a_piece_is_seen_with_the_next_one():
    reader = BodyReader()

    found = [list(reader.feed(piece)) for piece in (b'data: {"a":1}\r\r', b'data: {"a":2}')]

    assert found == [[], [{"a": 1}]]
    assert list(reader.end()) == [{"a": 2}]
