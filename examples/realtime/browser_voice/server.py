"""A web page that you can talk to. You see what both sides say, and you can interrupt.

Open the address that the program prints. Your key stays in this program: the page gets a client
secret, which can start a session for one minute.

    python3 course.py run examples/realtime/browser_voice/server.py
"""

import os
from pathlib import Path
from typing import Any

import uvicorn
from openai import AsyncOpenAI, OpenAIError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

client = AsyncOpenAI()
MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
# The settings go with the secret, so a page can't use it for anything else.
SESSION: Any = {
    "type": "realtime",
    "model": MODEL,
    "instructions": "You are an observatory's voice assistant. Use two short sentences at most.",
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
    """Where the page has to connect to, and the secret that lets it in for a minute."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site != "same-origin" or request.url.hostname not in ("127.0.0.1", "localhost"):
        return PlainTextResponse("Only this server's own page may use your key.", 403)
    try:
        secret = await client.realtime.client_secrets.create(
            session=SESSION, expires_after={"anchor": "created_at", "seconds": 60}
        )
    except OpenAIError as error:
        return JSONResponse({"problem": str(error)}, 502)
    url = f"{client.base_url}realtime?model={MODEL}".replace("http", "ws", 1)
    return JSONResponse({"url": url, "secret": secret.value})


app = Starlette(routes=[Route("/", page), Route("/start", start, methods=["POST"])])
uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
