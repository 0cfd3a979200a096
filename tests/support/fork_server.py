"""Python processes that start in 20 ms: forked from one that has imported everything already.

Most of a lesson's short run is imports: half a second for the lesson, half a second for its
emulator. The tests run lessons some two hundred times. So they start one process that imports the
packages and builds the SDK's types once, and then forks. What comes out is a real process of its
own, with its own signals, streams, environment and exit code; it only skips that work.

    Popen                    stands in for `subprocess.Popen`; what it can't fork, it starts
    share()                  one server for this process and those that it starts: xdist's workers
    python -m tests.support.fork_server SOCKET     the process that forks

Three kinds of process are involved. The *server* accepts a connection for each process that is
wanted, and forks a *nanny* for it, so that it never waits itself. The nanny forks the *child*,
sends its process id over the connection, waits for it, and sends its exit status. Nobody has
threads when it forks. Linux only: elsewhere, and for what depends on how an interpreter starts
(`-W`, `-O`, PYTHONDEVMODE and the like), `Popen` is the ordinary one.
"""

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

from tests.support.certificates import share_certificates

COURSE = Path(__file__).resolve().parents[2]
ADDRESS = "TESTS_FORK_SERVER"
# On macOS the frameworks below NumPy do not stand being forked.
IS_POSSIBLE = sys.platform == "linux"

# Nothing of `common`, `console` or `audio`: they look at how the process was started.
PRELOADED = """openai openai.resources.chat.completions.completions
openai.resources.responses.responses openai.resources.realtime.realtime httpcore2 truststore
encodings.idna openai.resources.vector_stores.file_batches
openai.resources.files openai.resources.embeddings openai.lib openai.lib.streaming.chat
openai.types.realtime openai.types.responses httpx2 pydantic dotenv websockets.sync.client
websockets.asyncio.client rich.console rich.live rich.progress rich.table rich.markup numpy
starlette.applications starlette.routing starlette.websockets uvicorn anyio._backends._asyncio
uvicorn.protocols.http.h11_impl uvicorn.protocols.websockets.websockets_sansio_impl uvicorn.logging
uvicorn.loops.asyncio uvicorn.lifespan.off uvicorn.lifespan.on python_multipart asyncio argparse
wave tempfile sqlite3 emulator.app emulator.server cassette.play cassette.record
emulator.answers.cited emulator.retrieval.index emulator.retrieval.second_reading
emulator.text.markdown markdown_it mdit_py_plugins.front_matter""".split()

# The SDK builds the types of a stream when the first event of a kind comes. For Responses that
# takes longer than a second.
FIRST_EVENTS: dict[str, list[Any]] = {
    "openai.types.responses:ResponseStreamEvent": [
        {"type": "response.created", "response": {"output": [{"type": "message"}], "tools": []}},
        {"type": "response.output_item.added", "item": {"type": "message"}},
        {"type": "response.content_part.added", "part": {"type": "output_text"}},
        {"type": "response.output_text.annotation.added", "annotation": {"type": "file_citation"}},
    ],
    "openai.types.realtime:RealtimeServerEvent": [
        {"type": "session.created", "session": {"type": "realtime"}},
        {"type": "conversation.item.added", "item": {"type": "message", "role": "user"}},
        {"type": "response.done", "response": {"output": [{"type": "message"}]}},
    ],
    "openai.types.chat:ChatCompletionChunk": [{"choices": [{"delta": {"tool_calls": [{}]}}]}],
}

# Variables that an interpreter reads when it starts: a fork would come too late for them.
AT_START = {
    *("PYTHONDEVMODE", "PYTHONOPTIMIZE", "PYTHONSAFEPATH", "PYTHONWARNINGS", "PYTHONUTF8"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONUNBUFFERED", "PYTHONHASHSEED", "OPENAI_LOG"),
    *("LC_ALL", "LC_CTYPE", "LANG"),
}
_AT_START = {name: os.environ.get(name) for name in AT_START}


_ORDINARY = subprocess.Popen  # `subprocess.Popen` is replaced where a lesson is run
# How Python 3.11 to 3.15 hand on to the part of `Popen` that starts a process.
_EXECUTE = signature(subprocess.Popen._execute_child)


class Popen(subprocess.Popen):  # type: ignore[type-arg]
    """`subprocess.Popen` that forks where it can."""

    _status: socket.socket | None = None

    def _execute_child(self, *given: Any) -> None:
        named = _EXECUTE.bind(self, *given).arguments
        environment = dict(os.environ if named["env"] is None else named["env"])
        has_own_group = named["process_group"] != -1  # its starter waits for it by its process id
        if has_own_group or not _can_fork(named["args"], environment):
            super()._execute_child(*given)
            return
        address = _started()
        streams = [named[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        own = [own if stream == -1 else stream for own, stream in enumerate(streams)]
        is_unbuffered = named["args"][1] == "-u"
        wanted = {
            "argv": named["args"][1 + is_unbuffered :],
            "is_unbuffered": is_unbuffered,
            "folder": str(named["cwd"] or Path.cwd()),
            "environment": environment | {ADDRESS: address},
            "own_session": bool(named["start_new_session"]),
        }
        self._status = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._status.connect(address)
        socket.send_fds(self._status, [json.dumps(wanted).encode() + b"\n"], own)
        self.pid = int(_line(self._status))
        self._child_created = True
        pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(named[name] for name in pipes))

    def _internal_poll(self, *given: Any, **options: Any) -> int | None:
        if self._status is None:
            return super()._internal_poll(*given, **options)
        if self.returncode is None:
            self._try_wait(os.WNOHANG)
        return self.returncode

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if self._status is None:
            return super()._try_wait(wait_flags)
        self._status.setblocking(not wait_flags & os.WNOHANG)
        try:
            status = int(_line(self._status))
        except BlockingIOError:
            return 0, 0
        self.returncode = os.waitstatus_to_exitcode(status)
        self._status.close()
        return self.pid, status


def _can_fork(argv: Any, environment: dict[str, str]) -> bool:
    """Whether a command is this Python with a script, a module or a text of code to run."""
    if not IS_POSSIBLE or not isinstance(argv, list) or argv[0] != sys.executable:
        return False
    given = [name for name, value in _AT_START.items() if environment.get(name) != value]
    what = str(next((word for word in argv[1:] if word != "-u"), ""))
    is_plain = what in ("-m", "-c") or what.endswith(".py")
    return is_plain and not any(environment.get(name) for name in given)


def _line(connection: socket.socket) -> bytes:
    """A line, byte by byte, so that the next one stays where it is."""
    found = b""
    while not found.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError("the fork server is gone")
        found += byte
    return found


def share() -> None:
    """Start the server, whose imports take seconds, before this process starts others."""
    if IS_POSSIBLE:
        os.environ[ADDRESS] = _started()


@cache
def _started() -> str:
    """Where the server listens: one that started this process, or one that is started now.

    It ends with the standard input that this process holds open, however this process ends.
    """
    if ADDRESS in os.environ:
        return os.environ[ADDRESS]
    folder = tempfile.mkdtemp(prefix="fork-")
    address = str(Path(folder, "socket"))
    command = [sys.executable, "-m", "tests.support.fork_server", address]
    pipe = subprocess.PIPE
    server = _ORDINARY(command, cwd=COURSE, stdin=pipe, stdout=pipe)
    assert server.stdin and server.stdout
    server.stdout.readline()

    def end() -> None:
        server.communicate()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    return address


# ------------------------------------------------------------------- in the server's process


def serve(address: str) -> dict[str, Any]:
    """Fork for each process that connects, until standard input closes.

    Only a child comes back from here. A process that connects before all is imported waits, and
    does other things until then.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nannies are not waited for
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the tests
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(address)
        listener.listen(64)
        print("ready", flush=True)
        _end_with_parent(listener)
        _import_all()
        while True:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    return _nurse(connection)


def _import_all() -> None:
    for name in PRELOADED:
        importlib.import_module(name)
    share_certificates()
    _build_types()
    _read_weights()
    gc.collect()
    gc.freeze()  # so that no child looks at all this again


def _build_types() -> None:
    from openai._models import construct_type

    for place, events in FIRST_EVENTS.items():
        kind = pkgutil.resolve_name(place)
        for event in events:
            construct_type(type_=kind, value=event)


def _read_weights() -> None:
    """What an emulator reads when it is first asked about the handbook: a quarter of a second."""
    from emulator.retrieval import encoder

    encoder.load()


def _end_with_parent(listener: socket.socket) -> None:
    """A process that only waits for standard input to close, then ends the server."""
    server = os.getpid()
    if os.fork() == 0:
        listener.close()
        while os.read(0, 1024):
            pass
        with contextlib.suppress(ProcessLookupError):
            os.kill(server, signal.SIGKILL)
        os._exit(0)


def _nurse(connection: socket.socket) -> dict[str, Any]:
    """Fork the child, tell its process id and, in the end, its status; the child comes back."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, streams, _, _ = socket.recv_fds(connection, 2**20, 3)
    while not request.endswith(b"\n"):
        request += connection.recv(2**20)
    wanted: dict[str, Any] = json.loads(request)
    child = os.fork()
    if child == 0:
        connection.close()
        for own, stream in enumerate(streams):
            os.dup2(stream, own)
            os.close(stream)
        return wanted
    for stream in streams:
        os.close(stream)
    with contextlib.suppress(OSError):
        connection.sendall(b"%d\n" % child)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(OSError):
        connection.sendall(b"%d\n" % status)
    os._exit(0)


def become(wanted: dict[str, Any]) -> None:
    """Be the process that was asked for, as if Python had just started; never comes back."""
    if wanted["own_session"]:
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    os.chdir(wanted["folder"])
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "utf-8").partition(":")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        mode = "wb" if number else "rb"
        how = "backslashreplace" if name == "stderr" else errors or None
        by_line = name == "stderr" or os.isatty(number)
        at_once = wanted["is_unbuffered"] and number > 0
        size = 0 if at_once else -1
        stream = open(number, mode, size, closefd=False)  # noqa: SIM115  until the end
        text = io.TextIOWrapper(stream, encoding, how, None, by_line, write_through=at_once)
        setattr(sys, name, text)
    subprocess.Popen = Popen  # type: ignore[misc]
    code = 0
    try:
        run(wanted["argv"], wanted["folder"])
    except SystemExit as ended:
        code = _exit_code(ended.code)
    except KeyboardInterrupt:
        sys.excepthook(*sys.exc_info())
        code = -signal.SIGINT
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    _end(code)


def run(argv: list[str], folder: str) -> None:
    """Run what `python ARGV` runs: a module, a text of code or a script."""
    kind, *rest = argv
    if kind == "-m":
        sys.argv, sys.path[0] = ["-m", *rest[1:]], folder
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv, sys.path[0] = ["-c", *rest[1:]], ""
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv, sys.path[0] = [kind, *rest], str(Path(kind).resolve().parent)
        runpy.run_path(kind, run_name="__main__")


def _exit_code(given: object) -> int:
    if given is None or isinstance(given, int):
        return given or 0
    print(given, file=sys.stderr)
    return 1


def _end(code: int) -> None:
    """End as an interpreter does, without the third of a second that taking it apart takes."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except OSError as error:
        print(f"Exception ignored in: {sys.stdout!r}\n{error}", file=sys.stderr)
        code = 120
    sys.stderr.flush()
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code & 0xFF)


if __name__ == "__main__":
    become(serve(sys.argv[1]))
