"""S7. Relay a stream to a browser.

A browser must never see your API key. So your web server asks the API, and relays the answer to the
browser. Write the body of `relay`: it asks the question with stream=True, and yields each piece of
the answer as soon as it comes.

If the reader closes the page, Starlette, the web framework, cancels `relay`. Make sure that the
API's stream is then closed, too. Otherwise the API goes on writing, and you pay for it.

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
    yield ""  # a function that contains a `yield` is a generator


async def answer(request: Request) -> StreamingResponse:
    question = request.query_params["question"]
    return StreamingResponse(relay(question), media_type="text/plain; charset=utf-8")


if __name__ == "__main__":
    app = Starlette(routes=[Route("/", answer)])
    uvicorn.run(app, port=PORT, log_level="warning")
