"""The emulator on its own: `python -m emulator`. Its first line is its base URL."""

import argparse
import os
import socket
import sqlite3
import sys
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.answers.answer import Write
from emulator.answers.corpus import Corpus, read_corpus
from emulator.guard import base_url, listen
from emulator.storage.objects import ObjectStore
from emulator.upstream.upstream_address import UpstreamRefused, upstream_address

if TYPE_CHECKING:
    from emulator.serving import Embed

SWITCH_S = 0.001
"""How long a thread may work before it gives way; a request that takes long has a thread. Python's
own 5 ms would hold up each of the few dozen steps in which another request is answered."""


MOST_ARENAS = 2
"""Arenas of memory in which glibc serves threads. By itself it takes eight for each core, and what
one thread gives back to its arena serves no other thread: a process of many short threads grew by
21 MB in 3,600 odd requests, and with two arenas by 4 MB from 70 MB less."""
_ARENA_MAX = -8


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m emulator",
        description="OpenAI's API on this machine, without a key. The first line is its base URL.",
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="port to listen on (default: a free one)")
    add(
        "--pace",
        type=pace,
        default=1.0,
        metavar="FACTOR",
        help="1: text comes as slowly as from a live model (default), 0: all at once",
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
        help="the .md and .txt files that it may quote (default: the handbook's leaflets)",
    )
    add(
        "--faults",
        action="store_true",
        help="let a request ask for a failure by its name, in the header x-emulator-fault",
    )
    add(
        "--child",
        action="store_true",
        help="end when standard input closes, as the lessons need it",
    )
    return parser.parse_args()


def main() -> int:
    """Read what is to be quoted, listen, say where; only then the slow imports.

    A caller may so be on its way already while the server comes up.
    """
    args = arguments()
    limit_arenas()
    if missing := [name for name in ("starlette", "uvicorn") if find_spec(name) is None]:
        return complain(f"not installed for this Python: {', '.join(missing)}", "python3 course.py")
    try:
        if args.data is not None:
            check_files(args.data)
        corpus, store = read_corpus(args.corpus), ObjectStore(args.data)
        with listen(args.port) as listener:
            for task in ("CHAT", "EMBEDDINGS"):  # raises where it is wrong
                upstream_address(os.environ, listener.getsockname()[1], task)
            print(base_url(listener), flush=True)
            if args.child:
                threading.Thread(target=end_with_parent, daemon=True).start()
            serve(args, corpus, store, listener)
    except DamagedFile as error:
        return complain(str(error), "delete that folder, or name another --data", args.child)
    except UpstreamRefused as error:
        fix = "name another server, or none: then the emulator quotes"
        return complain(str(error), fix, args.child)
    except (OSError, OverflowError, UnicodeDecodeError, sqlite3.Error) as error:
        fix = "another --port, --data or --corpus"
        return complain(f"the emulator cannot start: {reason(error, args.data)}", fix, args.child)
    except KeyboardInterrupt:
        return 130
    return 0


def limit_arenas() -> None:
    """Let few arenas serve all threads, where the C library is glibc (`mallopt(3)`)."""
    if sys.platform == "linux":
        import ctypes

        with suppress(AttributeError):  # musl has no such call
            ctypes.CDLL(None).mallopt(_ARENA_MAX, MOST_ARENAS)


def reason(error: Exception, data: Path | None) -> str:
    """What an error says, with the file or folder that it is about; SQLite leaves that out."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return f"{data}: {error}" if data and isinstance(error, sqlite3.Error) else str(error)


class DamagedFile(Exception):
    """A file of an earlier run is no database any more."""


def check_files(folder: Path) -> None:
    """Raise DamagedFile for a database that can't be read; otherwise a later request would fail."""
    for file in sorted(folder.glob("*.sqlite3")):
        with closing(sqlite3.connect(file)) as database:
            try:
                found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            except sqlite3.OperationalError:  # locked or not readable; opening it says which
                continue
            except sqlite3.DatabaseError as error:
                found = str(error)
        if found != "ok":
            problem = " ".join(found.split())
            raise DamagedFile(f"{file} is damaged ({problem}), so what it stored is lost")


def complain(error: str, attempt: str, is_child: bool = False) -> int:
    """Say why it can't start; a parent reads that where it would read the base URL."""
    if is_child:
        print(error, flush=True)
    print(f"error: {error}\n  try: {attempt}", file=sys.stderr)
    return 1


def serve(
    args: argparse.Namespace, corpus: Corpus, store: ObjectStore, listener: socket.socket
) -> None:
    from emulator.deadline import report_no_lost_deadlines
    from emulator.faults import Faults
    from emulator.pace import Pace
    from emulator.server import make_server
    from emulator.serving import Service
    from emulator.storage.file_storage import FileStorage

    sys.setswitchinterval(SWITCH_S)
    report_no_lost_deadlines()
    faults = Faults(from_header=args.faults)
    storage = FileStorage(args.data)
    service = Service(
        corpus,
        store,
        Pace(args.pace),
        faults,
        upstream(os.environ),
        embeddings_upstream(os.environ),
        file_storage=storage,
    )
    make_server(service).run(sockets=[listener])


def upstream(environ: Mapping[str, str]) -> Write | None:
    """Who writes instead, if the environment names somebody; importing httpx2 takes its time."""
    address = upstream_address(environ)
    if address is None:
        return None
    from emulator.upstream.writer import Upstream

    return Upstream.at(address).answer


def embeddings_upstream(environ: Mapping[str, str]) -> "Embed | None":
    """Who makes the embeddings instead, if the environment names somebody."""
    address = upstream_address(environ, task="EMBEDDINGS")
    if address is None:
        return None
    from emulator.upstream.upstream_embeddings import UpstreamEmbeddings

    return UpstreamEmbeddings(address).embed


def pace(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1000:
        raise ValueError
    return number


def end_with_parent() -> None:
    """A parent holds the other end of standard input; when it is gone, so are we."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # `sys.exit` would wait for threads that still work for somebody
