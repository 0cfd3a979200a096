"""The emulator on its own: `python -m emulator`. Its first line is its base URL."""

import argparse
import os
import socket
import sqlite3
import sys
import threading
from pathlib import Path

from emulator.guard import base_url, listen


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m emulator",
        description="OpenAI's API on this machine, without a key. The first line is its base URL.",
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="port to listen on (default: a free one)")
    add(
        "--pace",
        type=float,
        default=1.0,
        metavar="FACTOR",
        help="1: text comes as slowly as from a live model (default), 0: at once",
    )
    add(
        "--data",
        type=Path,
        metavar="DIR",
        help="keep what it stores in this folder (default: in memory)",
    )
    add(
        "--corpus",
        type=Path,
        metavar="DIR",
        help="the .md and .txt files that it may quote (default: the course's handbook and README)",
    )
    add(
        "--faults",
        action="store_true",
        help="let the header x-emulator-fault ask for failures by name",
    )
    add(
        "--child",
        action="store_true",
        help="end when standard input closes: how a lesson starts it",
    )
    return parser.parse_args()


def main() -> int:
    """Listen and say where before the slow imports: a caller may then already be on its way."""
    args = arguments()
    try:
        with listen(args.port) as listener:
            print(base_url(listener), flush=True)
            if args.child:
                threading.Thread(target=end_with_parent, daemon=True).start()
            serve(args, listener)
    except (OSError, OverflowError, UnicodeDecodeError, sqlite3.Error) as error:
        print(f"error: the emulator cannot start: {error}", file=sys.stderr)
        print("  try: another --port, --data or --corpus", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def serve(args: argparse.Namespace, listener: socket.socket) -> None:
    from emulator.faults import Faults
    from emulator.server import make_server, read_corpus
    from emulator.serving import Pace, Service
    from emulator.store import Store

    faults = Faults(from_header=args.faults)
    service = Service(read_corpus(args.corpus), Store(args.data), Pace(args.pace), faults)
    make_server(service).run(sockets=[listener])


def end_with_parent() -> None:
    """A parent holds the other end of standard input; when it is gone, so are we."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
