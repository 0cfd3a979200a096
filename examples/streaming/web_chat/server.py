"""A chat page on your own computer: text appears as it is written, and Stop ends the answer.

Open the address that it prints. If the page loses its connection during an answer, it connects
again by itself, and the text goes on where it stopped.

    python3 course.py run examples/streaming/web_chat/server.py
"""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from openai import APIConnectionError, AsyncOpenAI, OpenAIError, omit
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

client = AsyncOpenAI()
MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")


async def page(request: Request) -> Response:
    return FileResponse(Path(__file__).with_name("page.html"))


async def ask(request: Request) -> Response:
    """Start an answer, and return its id."""
    if request.headers.get("content-type") != "application/json":
        return Response(status_code=415)  # Another site could send a form here, but not JSON.
    asked = await request.json()
    question, previous = asked["question"], asked["previous"]
    # In the background, the API keeps writing even if nobody reads, so a break loses no text.
    events = await client.responses.create(
        model=MODEL, input=question, previous_response_id=previous, background=True, stream=True
    )
    async with events:
        async for event in events:
            if event and event.type == "response.created":
                return JSONResponse({"id": event.response.id})
    raise OpenAIError("the answer did not start")


async def read(request: Request) -> Response:
    """Relay an answer as server-sent events, starting after the last event that the page has."""
    last = request.headers.get("last-event-id", "")
    return StreamingResponse(relay(request.path_params["id"], last), media_type="text/event-stream")


async def relay(id: str, last: str) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"  # After a break the browser waits a second, then connects again.
    try:
        after = int(last) if last.isdecimal() else omit
        async with await client.responses.retrieve(id, stream=True, starting_after=after) as events:
            event: Any
            async for event in events:
                kind = getattr(event, "type", "")
                if kind in ("response.output_text.delta", "response.refusal.delta"):
                    yield f"id: {event.sequence_number}\ndata: {json.dumps(event.delta or '')}\n\n"
                elif kind == "response.refusal.done":
                    yield 'event: end\ndata: "The model refused."\n\n'
                elif kind == "response.completed":
                    yield 'event: end\ndata: ""\n\n'
                elif kind in ("response.failed", "response.incomplete", "error"):
                    yield f"event: end\ndata: {json.dumps(reason(event))}\n\n"
    except (APIConnectionError, ValueError):
        return  # The page loses its connection, too, and connects again.
    except OpenAIError as error:
        yield f"event: end\ndata: {json.dumps(reason(error))}\n\n"


async def stop(request: Request) -> Response:
    """Stop an answer at its source. You pay for what was written until then, and no more."""
    await client.responses.cancel(request.path_params["id"])
    return Response(status_code=204)


def reason(failure: Any) -> str:
    """Why an answer failed, in the server's words."""
    body, ended = getattr(failure, "body", None), getattr(failure, "response", None) or failure
    if isinstance(failure, OpenAIError):
        return (isinstance(body, dict) and body.get("message")) or str(failure)
    why = getattr(ended, "error", None) or getattr(ended, "incomplete_details", None) or ended
    return getattr(why, "message", None) or getattr(why, "reason", None) or "no reason given"


async def explain(request: Request, error: Exception) -> Response:
    return JSONResponse({"problem": reason(error)}, status_code=502)


routes = [
    Route("/", page),
    Route("/answers", ask, methods=["POST"]),
    Route("/answers/{id}", read),
    Route("/answers/{id}/stop", stop, methods=["POST"]),
]
# Nobody but this computer may use your key.
local = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
app = Starlette(routes=routes, middleware=[local], exception_handlers={OpenAIError: explain})

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")), timeout_graceful_shutdown=1)
