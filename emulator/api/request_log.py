"""How a request went: `GET /exchanges/{request_id}`, for lessons and tests.

It is no part of OpenAI's API, so its path stands outside `/v1`. OpenAI keeps such a log, too, but
shows it to its own people alone: there a request id is what a support request quotes.
"""

from emulator.errors import ApiError
from emulator.serving import Reply, send_json, service

import anyio
from starlette.requests import Request
from starlette.routing import Route

# A server notices that a client has left when it next writes, within a tenth of a second.
LONGEST_WAIT_S = 2.0


async def retrieve(request: Request) -> Reply:
    """Status, blocks sent, and how it ended; waits a moment for one that is still open."""
    id = request.path_params["id"]
    found = next((each for each in service(request).exchanges if each.request_id == id), None)
    if found is None:
        raise ApiError(404, f"No request {id!r} is among the last ones.")
    await anyio.to_thread.run_sync(found.finished.wait, LONGEST_WAIT_S)
    fields = {"path": found.path, "status": found.status, "blocks": found.blocks}
    return send_json(request, {"request_id": id, **fields, "ended": found.ended})


routes = [Route("/exchanges/{id}", retrieve, methods=["GET"])]
