"""What the openai package's tests take for granted: objects with the ids that their texts name.

Answers are made by a real request and then renamed in the emulator's store. Files and vector stores
are written to its storage, as most tests need several of them.
"""

import time
from collections.abc import Sequence
from contextlib import suppress

from emulator.serving import Service
from emulator.storage.attachment_table import AttachedFile, Attachment
from emulator.storage.file_storage import FileStorage

from openai import NotFoundError, OpenAI

MODEL = "gpt-6-luna"


def background_response(client: OpenAI) -> str:
    """A response that was written in the background, which has ended and kept its events."""
    stream = client.responses.create(model=MODEL, input="Hello", background=True, stream=True)
    ids = [event.response.id for event in stream if event.type == "response.created"]
    return ids[0]


def response(client: OpenAI) -> str:
    return client.responses.create(model=MODEL, input="Hello").id


def completion(client: OpenAI) -> str:
    """A completion whose one message is an assistant's: the package's type knows no other."""
    messages = [{"role": "assistant", "content": "Hello"}]
    return client.chat.completions.create(model=MODEL, messages=messages, store=True).id


def conversation(client: OpenAI) -> str:
    """A conversation of one message, whose id the tests name, too."""
    message = {"id": "msg_abc", "type": "message", "role": "user", "content": "Hello"}
    return client.conversations.create(items=[message]).id


SEEDS = {
    "resp_677efb5139a88190b512bc3fef8e535d": ("response", background_response),
    "resp_123": ("response", response),
    "response_id": ("response", response),
    "completion_id": ("completion", completion),
    "conv_123": ("conversation", conversation),
}
# A model of one's own comes of fine-tuning, which the emulator does not serve.
OWN_MODEL = {
    "id": "ft:gpt-4o-mini:acemeco:suffix:abc123",
    "object": "model",
    "created": 1_700_000_000,
    "owned_by": "acemeco",
}


FILES = {"file_id", "file-abc123", "string"}
STORES = {"vs_abc123", "vector_store_id"}
BATCHES = {"vsfb_abc123", "batch_id"}
UPLOAD, PART = "upload_abc123", "string"


def plant(service: Service, client: OpenAI, ids: set[object]) -> None:
    """Make anew whatever of these ids is ours to make."""
    store = service.store
    for id in ids & SEEDS.keys():
        kind, make = SEEDS[id]
        store.delete(kind, id)
        store.rename(make(client), id)
    if OWN_MODEL["id"] in ids:
        store.delete("model", OWN_MODEL["id"])
        store.save("model", OWN_MODEL)
    if UPLOAD in ids:
        plant_upload(service, client)
    else:
        plant_stores(service.file_storage, ids)


def plant_stores(storage: FileStorage, ids: set[object]) -> None:
    """Files and vector stores, every file in every store, and batches of one file."""
    storage.open()
    storage.db.change("DELETE FROM uploads WHERE id = ?", UPLOAD)
    files = [str(id) for id in ids & FILES]
    for file in files:
        write_file(storage, file)
    for store in map(str, ids & STORES):
        storage.delete_store(store)
        rename(storage, "stores", storage.create_store("name", None, {}, None).id, store)
        await_indexed(storage, storage.attach(store, [Attachment(file) for file in files]))
        for batch in map(str, ids & BATCHES):
            write_file(storage, f"{batch}-file")
            made = storage.attach_batch(store, [Attachment(f"{batch}-file")])
            await_indexed(storage, storage.attached.of_batch(made.id))
            rename(storage, "batches", made.id, batch)


def write_file(storage: FileStorage, id: str) -> None:
    """A file in the place of one that may be there, of a purpose that lets its content be read."""
    storage.delete_file(id)
    storage.files.begin(id)
    storage.files.append(id, 0, b"Example data")
    storage.files.finish(id, "a.txt", "batch")


def await_indexed(storage: FileStorage, files: Sequence[AttachedFile]) -> None:
    while any(storage.attached.is_waiting(file) for file in files):
        time.sleep(0.001)


def plant_upload(service: Service, client: OpenAI) -> None:
    """An upload of one part, which is all of it."""
    service.file_storage.db.change("DELETE FROM uploads WHERE id = ?", UPLOAD)
    with suppress(NotFoundError):
        client.files.delete(PART)
    upload = client.uploads.create(
        bytes=4, filename="filename", mime_type="mime_type", purpose="assistants"
    )
    part = client.uploads.parts.create(upload.id, data=b"data")
    rename(service.file_storage, "uploads", upload.id, UPLOAD)
    rename(service.file_storage, "files", part.id, PART)


def rename(storage: FileStorage, table: str, old: str, new: object) -> None:
    """What refers to a row by its id goes with it."""
    storage.db.change(f"UPDATE {table} SET id = ? WHERE id = ?", new, old)
