"""The conversation: the place of an item, and what truncation leaves of an answer."""

from emulator.errors import ApiError
from emulator.realtime.conversation import Conversation, ConversationItem

import pytest


def item(item_id, role="user", **fields):
    payload = {"id": item_id, "type": "message", "role": role, "content": []}
    return ConversationItem(payload, **fields)


def conversation(*items):
    made = Conversation()
    for each in items:
        made.add(each)
    return made


def answer(words="one two three four", ms=1000.0):
    spoken = item("a", "assistant", words=words, sound_ms=ms)
    spoken.payload["content"] = [{"type": "output_audio", "transcript": words}]
    return spoken


def code_of(call, *given):
    with pytest.raises(ApiError) as caught:
        call(*given)
    return caught.value.code


@pytest.mark.parametrize(
    ("previous", "order", "before"),
    [(None, "123x", "3"), ("root", "x123", None), ("1", "1x23", "1"), ("3", "123x", "3")],
)
def test_item_goes_behind_the_one_it_names(previous, order, before):
    made = conversation(item("1"), item("2"), item("3"))

    assert made.add(item("x"), previous) == before
    assert "".join(each.id for each in made) == order


def test_item_behind_no_known_one_is_refused():
    made = conversation(item("1"))

    assert code_of(made.add, item("x"), "9") == "item_create_invalid_previous_item_id"
    assert code_of(made.add, item("1")) == "item_create_duplicate_item_id"
    assert [each.id for each in made] == ["1"]


@pytest.mark.parametrize("verb", ["retrieve", "truncate", "delete"])
def test_error_names_what_was_to_be_done(verb):
    assert code_of(conversation().get, "x", verb) == f"item_{verb}_invalid_item_id"


@pytest.mark.parametrize(
    ("end_ms", "words"),
    [(0, ""), (400, "one"), (500, "one two"), (999, "one two three"), (1000, "one two three four")],
)
def test_truncation_keeps_whole_words(end_ms, words):
    spoken = answer()
    conversation(spoken).truncate("a", 0, end_ms)

    assert (spoken.words, spoken.sound_ms) == (words, end_ms)
    assert spoken.payload["content"] == [{"type": "output_audio", "transcript": None}]


def test_truncation_of_an_open_answer_gives_it_no_content():
    spoken = answer()
    spoken.payload["content"] = []
    conversation(spoken).truncate("a", 0, 500)

    assert (spoken.words, spoken.payload["content"]) == ("one two", [])


def test_truncation_knows_one_part():
    assert code_of(conversation(answer()).truncate, "a", 1, 500) == "invalid_value"


def test_truncation_at_the_very_end_is_allowed():
    made = conversation(answer(ms=1000.9))

    made.truncate("a", 0, 1000)
    assert code_of(made.truncate, "a", 0, 1001) == "invalid_value"


def test_only_what_a_model_spoke_can_be_truncated():
    written = item("w", "assistant", words="one")

    assert code_of(conversation(written).truncate, "w", 0, 0) == "unsupported_content_type"
    asked = item("u", sound_ms=500.0)
    assert code_of(conversation(asked).truncate, "u", 0, 0) == "unsupported_content_type"


def test_sound_is_kept_up_to_the_limit_and_not_beyond(monkeypatch):
    monkeypatch.setattr("emulator.realtime.conversation.MOST_SOUND_BYTES", 20)
    made = conversation(item("1", pcm=bytes(10)), item("2", pcm=bytes(10)))
    assert [len(each.pcm) for each in made] == [10, 10]

    made.add(item("3", pcm=bytes(2)))

    assert [len(each.pcm) for each in made] == [0, 10, 2]
