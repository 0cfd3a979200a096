"""What the families of files and stores share: the advice when to poll, and texts in Unicode."""

from emulator.storage.file_storage import DeletedMeanwhile, FileStorage
from tests.support.files_in_stores import (
    KEY,
    LANTERN,
    upload,
)

import httpx2
import openai
import pytest


def test_half_of_a_pair_is_no_character(emulator):
    sent = KEY | {"content-type": "application/json"}
    url = f"{emulator.base_url}/vector_stores"
    for name, status in ((r"\ud800", 400), (r"\ud83d\ude00", 200)):
        body = f'{{"name": "{name}"}}'

        answer = httpx2.post(url, content=body, headers=sent, trust_env=False)

        assert answer.status_code == status


def test_every_polled_answer_says_when_to_ask_again(client, store):
    raw = client.vector_stores.with_raw_response
    file = upload(client, "lantern.md", LANTERN)
    batches = client.vector_stores.file_batches.with_raw_response
    files = client.vector_stores.files.with_raw_response
    batch = batches.create(store.id, file_ids=[file.id])
    answers = [
        raw.retrieve(store.id),
        batch,
        batches.retrieve(batch.parse().id, vector_store_id=store.id),
        files.create(store.id, file_id=file.id),
        files.retrieve(file.id, vector_store_id=store.id),
    ]

    assert {int(answer.headers["openai-poll-after-ms"]) for answer in answers} == {5}


def test_more_files_are_polled_less_often(client, store, monkeypatch):
    batches = client.vector_stores.file_batches.with_raw_response
    stuck = {"x-emulator-fault": "stuck"}
    ids = [upload(client, f"{n}.md").id for n in range(3)]

    def advice():
        answer = batches.create(store.id, file_ids=ids, extra_headers=stuck)
        return int(answer.headers["openai-poll-after-ms"])

    assert advice() == 15
    monkeypatch.setattr("emulator.api.storage_access.LONGEST_POLL_MS", 12)
    assert advice() == 12


def test_what_was_just_deleted_is_404(client, store, monkeypatch):
    def attach(*_):
        raise DeletedMeanwhile

    file = upload(client)
    monkeypatch.setattr(FileStorage, "attach", attach)

    with pytest.raises(openai.NotFoundError, match="was just deleted"):
        client.vector_stores.files.create(store.id, file_id=file.id)
