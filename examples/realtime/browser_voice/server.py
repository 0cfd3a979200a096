"""A page that you talk to: it sends your speech to the Realtime API, and plays what comes back.

Open the address that it prints, press the button, and speak. You may interrupt. Your key stays in
this program. The page gets a client secret, with which it has a minute to start a session.

    python3 course.py run examples/realtime/browser_voice/server.py
"""

import os
from pathlib import Path
from typing import Any

import uvicorn
from openai import AsyncOpenAI, OpenAIError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

client = AsyncOpenAI()
MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
# The settings go with the secret, so a page can't use it for anything else.
SESSION: Any = {
    "type": "realtime",
    "model": MODEL,
    "instructions": "You answer at the desk of an observatory. Use at most two short sentences.",
    "audio": {
        "input": {
            "transcription": {"model": "gpt-transcribe"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 500},
        },
        "output": {"voice": "marin"},
    },
}


async def page(request: Request) -> Response:
    return FileResponse(Path(__file__).with_name("page.html"))


async def start(request: Request) -> Response:
    """Return where the page has to connect, and the secret for that."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return Response(status_code=403)  # The request came from another site's page.
    try:
        secret = await client.realtime.client_secrets.create(
            session=SESSION, expires_after={"anchor": "created_at", "seconds": 60}
        )
    except OpenAIError as error:
        body = getattr(error, "body", None)
        reason = (isinstance(body, dict) and body.get("message")) or str(error)
        return JSONResponse({"problem": reason}, status_code=502)
    url = f"{client.base_url}realtime?model={MODEL}".replace("http", "ws", 1)
    return JSONResponse({"url": url, "secret": secret.value})


app = Starlette(
    routes=[Route("/", page), Route("/start", start, methods=["POST"])],
    # Nobody but this computer may use your key.
    middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
