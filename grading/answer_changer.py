"""Changes the JSON of some answers, for a scene in which the server answers as others do."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from grading.trace import Trace

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Change = Callable[[Any, Any], Any]
"""Makes the new answer from the request's body and the server's answer, all of them JSON."""


class AnswerChanger:
    """An ASGI application around another one; `changes` are by the end of the path.

    Only answers of status 200 are changed, and those in which both bodies are JSON.
    """

    def __init__(self, app: ASGIApp, trace: Trace, changes: dict[str, Change]) -> None:
        self._app, self._trace, self._changes = app, trace, changes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        change = next((self._changes[end] for end in self._changes if path.endswith(end)), None)
        if change is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        asked = self._trace.exchanges[-1].json  # the recorder has just begun it
        if asked is None:
            await self._app(scope, receive, send)
        else:
            await change_answer(self._app, scope, receive, send, partial(change, asked))


async def change_answer(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, change: Callable[[Any], Any]
) -> None:
    """Serve a request, and send what `change` makes of an answer of status 200, if that is JSON."""
    kept: list[Message] = []

    async def keep(message: Message) -> None:
        kept.append(message)

    await app(scope, receive, keep)
    for message in _changed(kept, change):
        await send(message)


def _changed(kept: list[Message], change: Callable[[Any], Any]) -> list[Message]:
    if not kept or kept[0].get("status") != 200:
        return kept
    try:
        sent = json.loads(b"".join(message.get("body", b"") for message in kept[1:]))
        body = json.dumps(change(sent)).encode()
    except ValueError:
        return kept
    headers = [pair for pair in kept[0]["headers"] if pair[0].lower() != b"content-length"]
    headers.append((b"content-length", str(len(body)).encode()))
    return [
        {**kept[0], "headers": headers},
        {"type": "http.response.body", "body": body, "more_body": False},
    ]
