"""Handlers that work on the file storage, as those of files, uploads and vector stores do.

Another process may be writing to the same SQLite file, and then a query waits for up to half a
minute. So no query runs in the event loop: a handler is a plain function of the storage and the
request, and a decorator runs it in a worker thread. There is one with a JSON body and one without.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar

from emulator.errors import ApiError
from emulator.serving import Reply, read_json, send_json, service
from emulator.storage.attachment_table import AttachedFile
from emulator.storage.file_storage import DeletedMeanwhile, FileStorage
from emulator.storage.file_table import File
from emulator.storage.vector_store_table import VectorStore

from starlette.requests import Request

POLL_AFTER_MS, LONGEST_POLL_MS = 5, 250
Result = TypeVar("Result")
Body = dict[str, Any]
Handler = Callable[[Request], Awaitable[Reply]]


async def use_storage(request: Request, do: Callable[[FileStorage], Result]) -> Result:
    """Call `do` with the opened storage in a worker thread, and return what it returns."""
    storage = service(request).file_storage

    def opened() -> Result:
        storage.open()
        try:
            return do(storage)
        except DeletedMeanwhile:
            raise ApiError(404, "The vector store or a file of it was just deleted.") from None

    return await asyncio.to_thread(opened)


def in_storage(handle: Callable[[FileStorage, Request], Reply]) -> Handler:
    @wraps(handle)
    async def handler(request: Request) -> Reply:
        return await use_storage(request, lambda storage: handle(storage, request))

    return handler


def json_in_storage(handle: Callable[[FileStorage, Request, Body], Reply]) -> Handler:
    @wraps(handle)
    async def handler(request: Request) -> Reply:
        sent = await read_json(request)
        return await use_storage(request, lambda storage: handle(storage, request, sent))

    return handler


def polled(request: Request, body: Body) -> Reply:
    """A body that is polled until it has changed; the SDK waits as long as the header says."""
    waiting = body.get("file_counts", {}).get("in_progress", 1)
    reply = send_json(request, body)
    after_ms = min(LONGEST_POLL_MS, POLL_AFTER_MS * max(1, waiting))
    reply.headers["openai-poll-after-ms"] = str(after_ms)
    return reply


def deleted(request: Request, id: str, kind: str) -> Reply:
    return send_json(request, {"id": id, "object": kind, "deleted": True})


def known_file(storage: FileStorage, id: str) -> File:
    if (found := storage.files.find(id)) is None:
        raise ApiError(404, f"No such File object: {id}", param="id")
    return found


def known_store(storage: FileStorage, id: str) -> VectorStore:
    if (found := storage.stores.find(id)) is None:
        raise ApiError(404, f"Vector store with id '{id}' not found.")
    return found


def living_store(storage: FileStorage, id: str) -> VectorStore:
    """A store that can be used; raises ApiError (400) for one that has expired."""
    found = known_store(storage, id)
    if found.is_expired:
        message = f"Vector store with id '{id}' has expired."
        raise ApiError(400, message, code="vector_store_expired")
    return found


def known_attached_file(storage: FileStorage, store_id: str, file_id: str) -> AttachedFile:
    known_store(storage, store_id)
    if (found := storage.attached.find(store_id, file_id)) is None:
        message = f"No file found with id '{file_id}' in vector store '{store_id}'."
        raise ApiError(404, message)
    return found
