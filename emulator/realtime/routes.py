"""`POST /v1/realtime/client_secrets`: a key for a browser, with the session that it may start."""

from emulator.serving import Reply, read_json, send_json, service
from emulator.wire import ids

from starlette.requests import Request
from starlette.routing import Route


async def create_secret(request: Request) -> Reply:
    """The session is sent as it would start; its own `expires_at` is 0 until then."""
    # Imported here, as their tables would lengthen every start of the emulator by a tenth.
    from emulator.realtime.session_settings import asked_secret

    session, seconds = asked_secret(
        await read_json(request, allows_surrogates=True), ids.realtime("sess")
    )
    value, expires_at = service(request).secrets.issue(session, seconds)
    return send_json(request, {"value": value, "expires_at": expires_at, "session": session})


routes = [Route("/v1/realtime/client_secrets", create_secret, methods=["POST"])]
