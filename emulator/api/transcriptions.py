"""`POST /v1/audio/transcriptions`: the words of a recording, streamed or not, also by speaker."""

from emulator.api import transcription_params
from emulator.api.multipart import MultipartForm, drain
from emulator.api.transcription_params import UnbilledError
from emulator.errors import ApiError, rate_limited
from emulator.serving import Reply, Service, service, while_connected

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

MOST_BYTES = 25 * 2**20
"""The limit for the whole request, as at OpenAI."""
MOST_AT_ONCE = 8
"""How many requests may hold their file in memory at the same time."""


async def create(request: Request) -> "HeldReply":
    """Raises ApiError: 400 for fields or files that OpenAI refuses, 413 for a file that is too big.

    The work stops as soon as the client disconnects.
    """
    emulator = service(request)
    if emulator.uploads_under_way >= MOST_AT_ONCE:
        await drain(request)
        raise rate_limited(1000)
    emulator.uploads_under_way += 1
    try:
        form = await _read(request)
        values, inert = transcription_params.parsed(form.lists)
        transcription_params.check_filename(
            form.filename or "", transcription_params.transcriber(values)
        )
        # Imported here, because NumPy would double the emulator's start time.
        from emulator.api.listening import transcription

        answering = transcription(request, bytes(form.pending), form.filename or "", values, inert)
        return HeldReply(await while_connected(request, answering), emulator)
    except BaseException:
        emulator.uploads_under_way -= 1
        raise


class HeldReply:
    """A reply. While it is being sent, the file stays in memory, so it counts as an upload."""

    def __init__(self, reply: Reply, service: Service) -> None:
        self._reply, self._service = reply, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._reply(scope, receive, send)
        finally:
            self._service.uploads_under_way -= 1


async def _read(request: Request) -> MultipartForm:
    """The form, with its file in `pending`; raises ApiError (400, 413) after reading all of it."""
    kind = request.headers.get("content-type", "")
    form = MultipartForm(kind, "file", longest_field=MOST_BYTES)
    taken = 0
    try:
        async for chunk in request.stream():
            taken += len(chunk)
            if taken <= MOST_BYTES:
                form.feed(chunk)
    except ApiError:
        await drain(request)
        raise
    if taken > MOST_BYTES:
        message = f"Maximum content size limit ({MOST_BYTES}) exceeded ({taken} bytes read)"
        raise UnbilledError(413, message, type="server_error")
    form.check_whole()
    return form


routes = [Route("/v1/audio/transcriptions", create, methods=["POST"])]
