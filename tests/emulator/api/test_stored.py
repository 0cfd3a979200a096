"""What is stored: completions, the input items of responses, conversations, compactions."""

from tests.conftest import MODEL, ask

import openai
import pytest

QUIET = {"reasoning": {"effort": "none"}}


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


def test_conversation_and_previous_response_exclude_each_other(client):
    first = client.responses.create(model=MODEL, input="Hello.")
    id = client.conversations.create().id

    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(
            model=MODEL, input="x", conversation=id, previous_response_id=first.id
        )

    assert caught.value.code == "mutually_exclusive_parameters"


def test_response_without_model_and_input_is_answered(client):
    """As openai 3.54's types let both be left out."""
    assert "can only quote" in client.responses.create().output_text


WRONG_PAGES = [({"limit": 101}, "limit"), ({"order": "up"}, "order"), ({"limit": "x"}, "limit")]


@pytest.mark.parametrize(("query", "param"), WRONG_PAGES)
def test_wrong_page_is_refused(client, query, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.list(**query)

    assert caught.value.param == param
