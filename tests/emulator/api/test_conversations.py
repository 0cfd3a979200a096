"""Conversations: made, read, labelled, deleted, and what responses read in them and add."""

from tests.support.emulator_clients import MODEL

import openai
import pytest

QUIET = {"reasoning": {"effort": "none"}}


def test_conversation_remembers(client):
    conversation = client.conversations.create(metadata={"a": "b"})
    asked = {"model": MODEL, "conversation": conversation.id, **QUIET}
    client.responses.create(**asked, input="What is the Lantern?")
    list(client.responses.create(**asked, input="Why?", stream=True))

    items = list(client.conversations.items.list(conversation.id, order="asc"))

    assert [item.role for item in items] == ["user", "assistant", "user", "assistant"]
    assert "Lantern" in items[3].content[0].text


def test_conversation_is_read_labelled_deleted(client):
    made = client.conversations.create(items=[{"role": "user", "content": "Hello."}])

    assert client.conversations.retrieve(made.id) == made
    assert client.conversations.update(made.id, metadata={"a": "c"}).metadata == {"a": "c"}
    assert client.conversations.delete(made.id).deleted is True
    with pytest.raises(openai.NotFoundError, match=made.id):
        client.conversations.retrieve(made.id)
    with pytest.raises(openai.NotFoundError, match=made.id):
        client.responses.create(model=MODEL, input="x", conversation=made.id)


def test_items_of_conversation_come_and_go(client):
    id = client.conversations.create().id
    added = client.conversations.items.create(id, items=[{"role": "user", "content": "Hello."}])
    item = added.data[0]

    assert client.conversations.items.retrieve(item.id, conversation_id=id) == item
    client.conversations.items.delete(item.id, conversation_id=id)
    with pytest.raises(openai.NotFoundError, match=item.id):
        client.conversations.items.retrieve(item.id, conversation_id=id)


def test_conversation_and_previous_response_exclude_each_other(client):
    first = client.responses.create(model=MODEL, input="Hello.")
    id = client.conversations.create().id

    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(
            model=MODEL, input="x", conversation=id, previous_response_id=first.id
        )

    assert caught.value.code == "mutually_exclusive_parameters"
