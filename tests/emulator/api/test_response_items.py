"""Items of Responses: their shapes, references to stored ones, compactions."""

import base64
import hmac
import zlib

from tests.support.emulator_clients import MODEL

import openai
import pytest

QUIET = {"reasoning": {"effort": "none"}}


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


def test_items_of_all_shapes_are_read(client):
    said = [
        {"role": "developer", "content": "Answer in one sentence."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Yes?"}]},
        {"role": "user", "content": "What is the Lantern?"},
    ]

    response = client.responses.create(model=MODEL, input=said)

    assert response.output_text.count(". ") == 1
    assert "Lantern" in response.output_text


def signed(packed):
    """What anybody can make who has read the source: the key is no secret."""
    signature = hmac.digest(b"emulator", packed, "sha256")
    return base64.urlsafe_b64encode(signature + packed).decode()


FORGED = [b"no JSON", b"[5]", b"null", b"[null]", b'[{"a": 1}]', b"{}", b"9" * 5000, b"[" * 99_999]


@pytest.mark.parametrize("packed", [b"not packed", *map(zlib.compress, FORGED)])
def test_forged_compaction_is_refused(client, packed):
    item = {"type": "compaction", "encrypted_content": signed(packed)}

    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=MODEL, input=[item, {"role": "user", "content": "Hi"}])

    assert caught.value.code == "invalid_encrypted_content"
