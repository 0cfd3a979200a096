"""`python -m cassette record FILE --upstream URL` and `python -m cassette play FILE`.

The first line is the base URL. It ends when standard input closes; what is wrong with the cassette
is then the last line of standard output, and the exit code is 1.
"""

import argparse
import json
import os
import socket
import sys
import threading
from datetime import date
from pathlib import Path
from typing import Any

from cassette import CassetteError
from cassette.format import Cassette
from cassette.play import Player
from cassette.record import Recorder
from cassette.relay import LONGEST_MESSAGE
from cassette.rules import Rules
from cassette.tape import Tape

import uvicorn
from starlette.types import ASGIApp

# What may differ from run to run in the events of OpenAI's Realtime API.
REALTIME = Rules(
    background=("rate_limits.updated",),
    volatile=("event_id",),
    loose=("audio_end_ms",),
    streams={"input_audio_buffer.append": "audio"},
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m cassette", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    record = commands.add_parser("record", help="pass requests on to URL, and write them down")
    record.add_argument("file", type=Path)
    # By environment as well: an address may hold a password, and arguments are for all to see.
    upstream = os.environ.get("CASSETTE_UPSTREAM")
    record.add_argument(
        "--upstream",
        default=upstream,
        required=upstream is None,
        metavar="URL",
        help="base URL of who answers",
    )
    record.add_argument(
        "--about", type=json.loads, default={}, metavar="JSON", help="fields for the header"
    )
    play = commands.add_parser("play", help="answer from FILE")
    play.add_argument("file", type=Path)
    play.add_argument(
        "--speed", type=float, default=1.0, help="1 as recorded, 2 twice as fast, 0 at once"
    )
    play.add_argument(
        "--rules", type=rules, default=REALTIME, metavar="JSON", help="what may differ by WebSocket"
    )
    return parser.parse_args()


def rules(text: str) -> Rules:
    """Rules from JSON, by the names of their fields."""
    given = json.loads(text)
    return Rules(**{name: _frozen(value) for name, value in given.items()})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def main() -> int:
    args = arguments()
    try:
        if args.command == "play":
            player = Player(Cassette(args.file), args.speed, rules=args.rules)
            serve(player)
            player.check_end()
        else:
            tape = Tape(args.file, {"recorded": date.today().isoformat(), **args.about})
            serve(Recorder(tape, args.upstream))
            tape.close()
    except (CassetteError, OSError) as error:
        print(error, flush=True)
        return 1
    return 0


def serve(app: ASGIApp) -> None:
    """Serve on a free port of loopback until standard input closes."""
    with listen() as listener:
        server = make_server(app)
        print(base_url(listener), flush=True)
        threading.Thread(target=end_with_parent, args=[server], daemon=True).start()
        server.run(sockets=[listener])


def listen() -> socket.socket:
    """A free port; with its protocol named, asyncio lets small writes go at once (TCP_NODELAY)."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    return listener


def base_url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def make_server(app: ASGIApp) -> uvicorn.Server:
    options: dict[str, Any] = {"http": "h11", "loop": "asyncio"}
    sockets: dict[str, Any] = {
        "ws": "websockets-sansio",
        "ws_max_size": LONGEST_MESSAGE,
        "ws_per_message_deflate": False,
        # Whoever pauses a session, in a debugger or before a class, is not to lose it.
        "ws_ping_interval": None,
    }
    quiet: dict[str, Any] = {"log_config": None, "log_level": "critical", "server_header": False}
    return uvicorn.Server(
        uvicorn.Config(
            app, date_header=False, **options, **sockets, **quiet, timeout_graceful_shutdown=1
        )
    )


def end_with_parent(server: uvicorn.Server) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
