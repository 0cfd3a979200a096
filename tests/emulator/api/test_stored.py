"""Stored completions: listed, read, labelled, deleted."""

from tests.support.emulator_clients import MODEL, ask

import openai
import pytest


@pytest.fixture
def kept(client):
    """Three stored completions, of which the second carries other metadata."""
    return [
        client.chat.completions.create(
            **ask(f"Reply with exactly: {word}"), store=True, metadata={"word": word, "lot": "7"}
        )
        for word in ("one", "two", "three")
    ]


def listed(client, **query):
    found = client.chat.completions.list(metadata={"lot": "7"}, **query)
    return [completion.choices[0].message.content for completion in found]


def test_completion_is_stored_only_when_told(client):
    made = client.chat.completions.create(**ask("Hello!"))

    with pytest.raises(openai.NotFoundError):
        client.chat.completions.retrieve(made.id)


def test_stored_completions_are_listed_in_pages(client, kept):
    assert listed(client)[-3:] == ["one", "two", "three"]
    assert listed(client, order="desc", limit=1)[:3] == ["three", "two", "one"]
    assert listed(client, after=kept[1].id) == ["three"]
    second = client.chat.completions.list(metadata={"word": "two"}, after=kept[0].id)
    assert [completion.id for completion in second] == [kept[1].id]
    assert list(client.chat.completions.list(model="gpt-5")) == []


def test_stored_completion_is_read_labelled_deleted(client, kept):
    read = client.chat.completions.retrieve(kept[0].id)
    assert read.to_dict() == kept[0].to_dict() | {"metadata": {"word": "one", "lot": "7"}}

    labelled = client.chat.completions.update(kept[0].id, metadata={"lot": "8"})
    assert labelled.metadata == {"lot": "8"}

    assert client.chat.completions.delete(kept[0].id).deleted is True
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.delete(kept[0].id)


def test_streamed_completion_is_stored(client):
    chunks = list(client.chat.completions.create(**ask("Hello!"), store=True, stream=True))

    text = client.chat.completions.retrieve(chunks[0].id).choices[0].message.content
    assert text == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def test_messages_of_completion_are_listed(lenient):
    """Lenient, as the SDK's type has assistants alone where the servers list users, too."""
    said = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hello!"}]},
    ]
    made = lenient.chat.completions.create(model=MODEL, messages=said, store=True)

    messages = list(lenient.chat.completions.messages.list(made.id, limit=1))

    told = [(message.id, message.role, message.content) for message in messages]
    assert told == [
        (f"{made.id}-0", "system", "Be brief."),
        (f"{made.id}-1", "user", "Hello!"),
    ]
