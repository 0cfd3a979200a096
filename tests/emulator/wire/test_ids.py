"""Ids: their shapes, and that none comes twice."""

import re

from emulator.wire import ids

import pytest

SHAPES = [
    (ids.completion_id, "chatcmpl-[0-9A-Za-z]{29}"),
    (ids.audio_id, "audio_[0-9a-f]{32}"),
    (ids.call_id, "call_[0-9A-Za-z]{24}"),
    (ids.request_id, "req_[0-9a-f]{32}"),
    (lambda: ids.item_id("fc"), "fc_[0-9a-f]{48}"),
    (lambda: ids.ResponseIds().new("resp"), "resp_[0-9a-f]{50}"),
    (lambda: ids.realtime("sess"), "sess_[0-9A-Za-z]{21}"),
    (ids.realtime_call, "call_[0-9A-Za-z]{16}"),
]


@pytest.mark.parametrize(("make", "shape"), SHAPES, ids=[shape for _, shape in SHAPES])
def test_id_has_its_shape_and_does_not_repeat(make, shape):
    made = {make() for _ in range(1000)}

    assert len(made) == 1000
    assert all(re.fullmatch(shape, id) for id in made)


def test_ids_of_a_response_share_18_digits():
    response, other = ids.ResponseIds(), ids.ResponseIds()
    made = {response.new("msg").removeprefix("msg_") for _ in range(100)}

    assert len(made) == 100 and len({id[:18] for id in made}) == 1
    assert len({id[18] for id in made}) > 1
    assert other.new("msg")[4:22] not in {id[:18] for id in made}


def test_all_letters_and_digits_are_used():
    assert set(ids.alphanumeric(10_000)) == set(ids.ALPHANUMERIC)
    assert ids.alphanumeric(0) == ""
