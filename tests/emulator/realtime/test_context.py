"""Context truncation: what a response still reads of a conversation that has grown too long."""

from emulator.realtime.build_prompt import input_tokens
from emulator.realtime.context import kept
from emulator.realtime.conversation import ConversationItem
from tests.support.realtime_calls import MODEL

import pytest


def item(words):
    payload = {"id": "i", "type": "message", "role": "user", "content": []}
    return ConversationItem(payload, words="word " * words)


def read(sizes, instructions="", ratio=1.0, most=500):
    """How many of the items are read."""
    limits = {"post_instructions": most}
    truncation = {"type": "retention_ratio", "retention_ratio": ratio, "token_limits": limits}
    items = [item(words) for words in sizes]
    return len(kept(items, instructions, {"model": MODEL, "truncation": truncation}))


@pytest.mark.parametrize(
    ("sizes", "count"), [([], 0), ([97] * 5, 5), ([97] * 6, 5), ([10, 490], 1), ([10, 487], 2)]
)
def test_newest_that_fit_are_read(sizes, count):
    assert sum(input_tokens([item(97)], "").values()) == 97 + 3 + 1
    assert read(sizes, most=505) == count


def test_instructions_take_their_room():
    assert read([96] * 5, instructions="word " * 90) == 4


def test_last_item_is_read_whatever_its_size():
    assert read([600]) == read([10, 600]) == 1


def test_ratio_drops_more_only_once_something_must_go():
    assert read([96] * 5, ratio=0.5) == 5
    assert read([96] * 6, ratio=0.5) == 2
