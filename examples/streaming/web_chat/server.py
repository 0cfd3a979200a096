"""A chat page. You see text as it arrives, Stop ends an answer, a lost connection loses none.

python3 course.py run examples/streaming/web_chat/server.py
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
from openai import AsyncOpenAI, OpenAIError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

client, MODEL = AsyncOpenAI(), os.environ.get("OPENAI_MODEL", "gpt-6-luna")


async def answer(request: Request) -> Response:
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site != "same-origin" or request.url.hostname not in ("127.0.0.1", "localhost"):
        return PlainTextResponse("Only this server's own page may use your key.", 403)
    return StreamingResponse(relay(request), media_type="text/event-stream")


async def relay(request: Request) -> AsyncIterator[str]:
    # After a break the browser connects again, and sends the id of the last event that it got.
    id, _, last = request.headers.get("last-event-id", "").partition("/")
    text, before = request.query_params["question"], request.query_params.get("previous")
    try:
        if id:
            events = await client.responses.retrieve(id, stream=True, starting_after=int(last))
        else:  # In background the API keeps writing while nobody is connected.
            events = await client.responses.create(
                model=MODEL, input=text, previous_response_id=before, background=True, stream=True
            )
        async with events:
            async for event in (event async for event in events if event):
                if event.type == "response.created":
                    id = event.response.id
                yield f"id: {id}/{event.sequence_number}\ndata: {event.to_json(indent=None)}\n\n"
    except (OpenAIError, ValueError) as error:
        yield f"event: problem\ndata: {' '.join(str(error).split())}\n\n"


async def stop(request: Request) -> Response:
    """Stop the model. What it has written is billed, and nothing more."""
    await client.responses.cancel(request.path_params["id"])
    return Response(status_code=204)


def page(request: Request) -> Response:
    return FileResponse(Path(__file__).with_name("page.html"))


routes = [Route("/", page), Route("/answer", answer), Route("/stop/{id}", stop, methods=["POST"])]
explain = {OpenAIError: lambda request, error: PlainTextResponse(str(error), 502)}
app = Starlette(routes=routes, exception_handlers=explain)
uvicorn.run(app, port=int(os.environ.get("PORT", "8000")), timeout_graceful_shutdown=1)
