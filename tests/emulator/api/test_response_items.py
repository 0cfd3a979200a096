"""The items of responses: listed, counted, referred to, compacted."""

from tests.conftest import MODEL

import openai
import pytest

QUIET = {"reasoning": {"effort": "none"}}


def texts(items):
    return [item.content[0].text for item in items]


def test_input_items_tell_what_was_asked(client):
    first = client.responses.create(model=MODEL, input="What is the Lantern?", **QUIET)
    then = client.responses.create(
        model=MODEL, input="Why?", previous_response_id=first.id, **QUIET
    )

    items = client.responses.input_items.list(then.id, order="asc", limit=1)

    assert texts(items) == ["What is the Lantern?", first.output_text, "Why?"]
    assert texts(client.responses.input_items.list(first.id)) == ["What is the Lantern?"]


def test_input_tokens_are_those_of_the_usage(client):
    asked = {"model": MODEL, "input": "What is the Lantern?", "instructions": "Be brief."}

    counted = client.responses.input_tokens.count(**asked)

    assert counted.input_tokens == client.responses.create(**asked).usage.input_tokens
    assert client.responses.input_tokens.count().input_tokens == 3


def test_reference_stands_for_stored_item(client):
    first = client.responses.create(model=MODEL, input="What is the Lantern?", **QUIET)
    said = [
        {"type": "item_reference", "id": first.output[0].id},
        {"role": "user", "content": "Why?"},
    ]

    then = client.responses.create(model=MODEL, input=said, **QUIET)

    assert then.usage.input_tokens > first.usage.output_tokens
    with pytest.raises(openai.BadRequestError, match="msg_none"):
        client.responses.create(model=MODEL, input=[{"type": "item_reference", "id": "msg_none"}])


def test_compaction_keeps_what_was_said(client):
    first = client.responses.create(model=MODEL, input="What is the Lantern?", **QUIET)

    compacted = client.responses.compact(model=MODEL, previous_response_id=first.id)
    said = [item.to_dict() for item in compacted.output]
    then = client.responses.create(
        model=MODEL, input=[*said, {"role": "user", "content": "Why?"}], **QUIET
    )

    assert [item["type"] for item in said] == ["compaction"]
    assert then.usage.input_tokens > first.usage.output_tokens
    assert "Lantern" in then.output_text


def test_broken_compaction_is_refused(client):
    item = {"type": "compaction", "encrypted_content": "gAAA"}

    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=MODEL, input=[item])

    assert caught.value.code == "invalid_encrypted_content"


def test_response_without_model_and_input_is_answered(client):
    """As openai 3.54's types let both be left out."""
    assert "can only quote" in client.responses.create().output_text
