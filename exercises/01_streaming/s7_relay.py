"""S7. Relay a stream to a browser.

A web server stands between a browser and the API, because a browser must never see your key. Write
the body of `relay`: it asks the question with stream=True, and yields each piece of the answer as
soon as it comes. When the page is closed, Starlette cancels `relay`. Then the stream of the API has
to be closed, too, or it is written on and paid for.

Check it with:   python3 course.py check S7
To see it, run it, and open http://127.0.0.1:8000/?question=What+is+the+Lantern in a browser.
"""

import os
from collections.abc import AsyncIterator

try:
    import uvicorn
    from openai import AsyncOpenAI
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import StreamingResponse
    from starlette.routing import Route
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check S7") from None

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
PORT = int(os.environ.get("PORT", "8000"))
client = AsyncOpenAI()


async def relay(question: str) -> AsyncIterator[str]:
    """Yield each piece of the answer as it comes."""
    raise NotImplementedError("write the body of relay")
    yield ""  # what has a `yield` in it is a generator


async def answer(request: Request) -> StreamingResponse:
    question = request.query_params["question"]
    return StreamingResponse(relay(question), media_type="text/plain; charset=utf-8")


if __name__ == "__main__":
    app = Starlette(routes=[Route("/", answer)])
    uvicorn.run(app, port=PORT, log_level="warning")
