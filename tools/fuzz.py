"""Send the emulator what nobody should send, and see whether it stays well.

    python -m tools.fuzz                        a minute, seed 1
    python -m tools.fuzz --seconds 3600         an hour
    python -m tools.fuzz --only realtime --seed 7 --cases 500

Each case takes something valid, changes it in one to three places, and sends it: a JSON body, a
form with a file, the events of a Realtime session, a document for a vector store, or the answer of
a server that writes for the emulator. A cassette is changed, sealed anew, and read. What must not
happen is a *finding*, and is printed with its case:

    a status of 500 or more; 502 is right only where the server behind the emulator is broken
    an answer that takes longer than 2 s, for which the emulator computes that long (on Linux);
        10 s for embeddings, as a network reads each word of the text
    memory that grows by more than 30 MB after the first tenth, in which each kind of case fills its
        buffers and caches (read by `ps`; not on Windows)
    a traceback on the standard error of an emulator, even if the caller saw none of it
    a Realtime session that gives no answer to a valid event any more
    a cassette that raises anything but CassetteError

The same seed gives the same cases. The emulators are processes of their own, on loopback.
"""

import argparse
import itertools
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TextIO

from cassette import CassetteError
from cassette.format import Cassette, read_lines, seal

import httpx2
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.connection import Connection

COURSE = Path(__file__).resolve().parent.parent
SLOW_S, SLOW_EMBEDDINGS_S, GROWTH_MB, BETWEEN = 2.0, 10.0, 30, 200
"""The last: how many cases come between two looks at the memory."""
WAIT_S = 60.0
"""For an answer: much longer than SLOW_S, as a busy computer lets the emulator wait."""
HEADERS = {"authorization": "Bearer offline"}

# What Python's `json` doesn't write, and the texts that stand for it meanwhile.
_DIGITS, _DEEP = "<digits>", "<deep>"
_UNWRITABLE = {_DIGITS: "9" * 5_000, _DEEP: "[" * 5_000 + "]" * 5_000}
FRAGMENTS = [
    *("a ", "(", "[", "## a # ", "\n", " ", "\t", '"', "1.", "**", "`", "é", "http://a.b/"),
    *("@a.b ", "at 5 pm ", "Dr. ", "{", "</p>", "\\", "|", "- ", "一", "\u202e", "\x1b[2J", "and "),
]
PATTERNS = [
    *(r"^([a-z0-9]+-?)+$", r"^(\w+\s?)+$", "a{1000000000}", "(", r"(a)\1", "^(?=.*b)(a|aa)+$"),
    *("(.*)*x", "[", "^$", "(?<n>a)", "((a{99}){99}){99}"),
]
ODD: list[Callable[[random.Random], Any]] = [
    lambda rng: rng.choice([None, True, False, 0, -1, -3, 0.5, 1e308, -1e308, 10**400, 2**63]),
    lambda rng: rng.choice([[], {}, [[]], [None], {"a": 1}, [{"type": [1]}], "", "x", "\x00"]),
    lambda rng: rng.choice(["\ud800", "a\udfffb", "../../x", "C:\\x", "a\r\nb: c", _DIGITS, _DEEP]),
    lambda rng: rng.choice(FRAGMENTS) * rng.choice([3, 300, 5_000]),
    lambda rng: "".join(rng.choices(FRAGMENTS, k=rng.randrange(1, 60))),
    lambda rng: {"type": "string", "pattern": rng.choice(PATTERNS)},
    lambda rng: rng.choice([{"$ref": "#"}, {"$ref": "#/a"}, {"anyOf": []}, {"enum": [[1], 1]}]),
    lambda rng: nested(rng.choice([10, 60, 200])),
]


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place inside a JSON value: what holds it, and its key or its number there."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def changed(value: Any, rng: random.Random) -> Any:
    """A copy that differs in one to three places.

    JSON copies deeper nesting than `copy.deepcopy` does: each place may hold 200 lists in a row.
    """
    value = json.loads(json.dumps(value))
    for _ in range(rng.randrange(1, 4)):
        found = list(places(value))
        if not found:
            return value
        holder, key = rng.choice(found)
        how = rng.randrange(6)
        if how == 0:
            del holder[key]
        elif how == 1 and isinstance(holder, dict):
            holder[rng.choice(["foo", "stream", "n", "type", "items", "\ud800"])] = odd(rng)
        elif how == 2:
            other_holder, other = rng.choice(found)
            holder[key] = json.loads(json.dumps(other_holder[other]))
        else:
            holder[key] = odd(rng)
    return value


def odd(rng: random.Random) -> Any:
    return rng.choice(ODD)(rng)


def as_json(value: Any, rng: random.Random) -> bytes:
    """JSON, of which some is cut off or has a byte changed."""
    text = json.dumps(value)
    for name, content in _UNWRITABLE.items():
        text = text.replace(f'"{name}"', content)
    return damaged(text.encode(), rng) if rng.random() < 0.1 else text.encode()


def damaged(data: bytes, rng: random.Random) -> bytes:
    raw = bytearray(data)
    for _ in range(rng.randrange(1, 9)):
        if raw and rng.random() < 0.8:
            raw[rng.randrange(len(raw))] = rng.randrange(256)
    if raw and rng.random() < 0.3:
        del raw[rng.randrange(len(raw)) :]
    return bytes(raw)


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "who", "pattern": "^[a-z]+$"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True},
        "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        "more": {"$ref": "#/$defs/more"},
    },
    "required": ["name", "count"],
    "$defs": {"more": {"type": "object", "properties": {"more": {"$ref": "#/$defs/more"}}}},
}
TOOL = {"name": "book", "description": "Book places for an evening.", "parameters": SCHEMA}
QUESTION = "Book two places on Friday at 8 pm for Alice; when are you closed?"
FORMAT = {"name": "x", "schema": SCHEMA}
BODIES: dict[str, Any] = {
    "POST /chat/completions": {
        "model": "gpt-5-mini",
        "messages": [
            {"role": "system", "content": "Answer in one sentence."},
            {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "book", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "c", "content": '{"count": 2}'},
            {"role": "user", "content": QUESTION},
        ],
        "tools": [{"type": "function", "function": TOOL}],
        "response_format": {"type": "json_schema", "json_schema": FORMAT},
        "n": 2,
        "stop": ["."],
        "stream": True,
        "stream_options": {"include_usage": True},
        "store": True,
        "metadata": {"a": "b"},
        "max_completion_tokens": 50,
    },
    "POST /responses": {
        "model": "gpt-5-mini",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": QUESTION}]},
            {"type": "function_call", "call_id": "c", "name": "book", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "[1, 2]"},
        ],
        "tools": [{"type": "function", **TOOL}],
        "text": {"format": {"type": "json_schema", **FORMAT}},
        "tool_choice": "auto",
        "stream": True,
        "reasoning": {"effort": "low", "summary": "auto"},
        "metadata": {"a": "b"},
    },
    "POST /conversations": {"items": [{"role": "user", "content": QUESTION}], "metadata": {}},
    "POST /embeddings": {"model": "text-embedding-3-small", "input": [QUESTION], "dimensions": 8},
    "POST /vector_stores": {
        "name": "x",
        "file_ids": [],
        "expires_after": {"anchor": "last_active_at", "days": 1},
        "chunking_strategy": {
            "type": "static",
            "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 20},
        },
    },
    "POST /realtime/client_secrets": {
        "expires_after": {"anchor": "created_at", "seconds": 60},
        "session": {"type": "realtime", "model": "gpt-realtime", "tools": []},
    },
    "POST /uploads": {"filename": "a.txt", "purpose": "assistants", "bytes": 9, "mime_type": "x"},
}
LISTS = [
    f"GET /{path}?{query}"
    for path in ("chat/completions", "files", "vector_stores", "models", "responses/resp_1")
    for query in ("limit=3&order=asc&after=x", "starting_after=-3&stream=true", "include=foo")
]
EVENTS: list[Any] = [
    {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "output_modalities": ["text"],
            "tools": [{"type": "function", **TOOL}],
            "audio": {
                "input": {"turn_detection": {"type": "server_vad", "threshold": 0.5}},
                "output": {"voice": "marin", "speed": 1.0},
            },
        },
    },
    {"type": "input_audio_buffer.append", "audio": b64encode(bytes(4_800)).decode()},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {
        "type": "conversation.item.create",
        "item": {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": QUESTION}],
        },
    },
    {"type": "conversation.item.delete", "item_id": "item_1"},
    {
        "type": "conversation.item.truncate",
        "item_id": "item_1",
        "content_index": 0,
        "audio_end_ms": 10,
    },
    {"type": "response.create", "response": {"conversation": "none", "metadata": {"a": "b"}}},
    {"type": "response.cancel", "response_id": "resp_1"},
]
DELTAS: list[Any] = [
    {"id": "x", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hello"}}]},
    {"id": "x", "choices": [{"index": 0, "delta": {"content": " you"}, "finish_reason": None}]},
    {
        "id": "x",
        "choices": [
            {
                "index": 0,
                "delta": {
                    "tool_calls": [
                        {"index": 0, "id": "c", "function": {"name": "book", "arguments": "{}"}}
                    ]
                },
            }
        ],
    },
    {"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"id": "x", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}},
]
HTML = "<html><body><h1>A</h1><table><tr><td colspan=2>b</td></tr></table><p>c</p></body></html>"


_BAD = re.compile(r"5\d\d|broken|timeout|traceback")


@dataclass
class Report:
    """What was sent, how it was answered, and what must not have happened."""

    cases: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    memory: list[float] = field(default_factory=list)
    _busy_s: Callable[[], float] = lambda: math.inf
    _busy_before: float = math.inf

    @property
    def growth_mb(self) -> float:
        """After the first tenth, in which buffers and caches are filled."""
        return self.memory[-1] - self.memory[len(self.memory) // 10] if self.memory else 0.0

    def begin(self, busy_s: Callable[[], float]) -> None:
        """A case begins; `busy_s` is how long the emulators have computed so far."""
        self._busy_s, self._busy_before = busy_s, busy_s()

    def note(self, kind: str, answer: str, seconds: float, case: object) -> None:
        """Count an answer; no longer than the emulators computed, it took the time of others."""
        busy = self._busy_s() - self._busy_before if self._busy_before < math.inf else math.inf
        seconds = min(seconds, busy)
        self.cases[kind] += 1
        self.answers[f"{kind} {answer}"] += 1
        self.slowest_s = max(self.slowest_s, seconds)
        is_right = (kind, answer) == ("upstream", "502")
        path = case[0] if isinstance(case, tuple) else case
        most_s = SLOW_EMBEDDINGS_S if path == "/embeddings" else SLOW_S
        if (_BAD.match(answer) and not is_right) or seconds > most_s:
            self.findings.append(f"{kind}: {answer} after {seconds:.1f} s: {str(case)[:2_000]}")


@dataclass
class Target:
    """The emulators, and a client for them; `writer` is the server behind the second one."""

    base_url: str
    relayed_url: str
    pids: list[int]
    writer: "BrokenWriter"
    client: httpx2.Client
    folder: Path

    def send(self, method: str, url: str, **content: Any) -> str:
        """The status of an answer that is read to its end; `broken` where it was not complete."""
        try:
            with self.client.stream(method, url, **content) as answer:
                for _ in answer.iter_bytes():
                    pass
                return str(answer.status_code)
        except httpx2.TimeoutException:
            return "timeout"
        except (httpx2.RemoteProtocolError, httpx2.ReadError):
            return "broken"


Case = Callable[[Target, random.Random, Report], None]


def timed(report: Report, kind: str, case: object, send: Callable[[], str]) -> None:
    start = time.perf_counter()
    answer = send()
    report.note(kind, answer, time.perf_counter() - start, case)


def http(target: Target, rng: random.Random, report: Report) -> None:
    """A body, or the query of a list."""
    if rng.random() < 0.15:
        method, path = rng.choice(LISTS).split(" ")
        value = rng.choice(["-1", "", "9" * 5_000, "%00", "%ff", "1e9", "true", "[]", "a&a=b"])
        path = re.sub("=[^&]*", lambda found: rng.choice([found[0], f"={value}"]), path)
        timed(report, "http", path, lambda: target.send(method, target.base_url + path))
        return
    method, path = rng.choice(list(BODIES)).split(" ")
    body = as_json(changed(BODIES[f"{method} {path}"], rng), rng)
    sent = {"content": body, "headers": {"content-type": "application/json"}}
    send = lambda: target.send(method, target.base_url + path, **sent)  # noqa: E731
    timed(report, "http", (path, body), send)


def form(target: Target, rng: random.Random, report: Report) -> None:
    """A form with a file, whose parts, names or bytes are changed."""
    name = rng.choice(["a.txt", "../../x", "a\\b.md", "x" * 4_000, "é.html", ""])
    parts = [
        f'content-disposition: form-data; name="purpose"\r\n\r\n{rng.choice(["assistants", "x"])}',
        f'content-disposition: form-data; name="file"; filename="{name}"\r\n\r\n{QUESTION}',
    ]
    rng.shuffle(parts)
    body = "".join(f"--B\r\n{part}\r\n" for part in parts).encode() + b"--B--\r\n"
    body = damaged(body, rng) if rng.random() < 0.7 else body
    path = rng.choice(["/files", "/audio/transcriptions", "/uploads/upload_1/parts"])
    sent = {"content": body, "headers": {"content-type": "multipart/form-data; boundary=B"}}
    send = lambda: target.send("POST", target.base_url + path, **sent)  # noqa: E731
    timed(report, "form", (path, body), send)


def document(target: Target, rng: random.Random, report: Report) -> None:
    """A file for a vector store; indexing it may fail, but has to end."""
    name, data = rng.choice(
        [
            ("a.html", HTML.encode()),
            ("a.json", as_json(changed(SCHEMA, rng), rng)),
            ("a.md", ("# A\n" + str(odd(rng))).encode("utf-8", "replace")),
            ("a.pdf", (COURSE / "data/handbook/house/dome-manual.pdf").read_bytes()),
        ]
    )
    data = damaged(data, rng) if rng.random() < 0.7 else data
    url, client = target.base_url, target.client
    start = time.perf_counter()
    try:
        uploaded = client.post(
            f"{url}/files", files={"file": (name, data)}, data={"purpose": "assistants"}
        )
        answer = str(uploaded.status_code)
        if uploaded.status_code == 200:
            answer = _indexed(client, url, uploaded.json()["id"])
    except httpx2.TimeoutException:
        answer = "timeout"
    report.note("document", answer, time.perf_counter() - start, (name, data[:500]))


def _indexed(client: httpx2.Client, url: str, file: str) -> str:
    """How a file ends in a store of its own; both are deleted."""
    until = time.perf_counter() + WAIT_S
    store = client.post(f"{url}/vector_stores", json={"file_ids": [file]}).json()
    while store["status"] == "in_progress" and time.perf_counter() < until:
        time.sleep(0.005)
        store = client.get(f"{url}/vector_stores/{store['id']}").json()
    client.delete(f"{url}/vector_stores/{store['id']}")
    client.delete(f"{url}/files/{file}")
    return f"{store['status']} {store['file_counts']['failed']} failed"


def realtime(target: Target, rng: random.Random, report: Report) -> None:
    """A session that gets twenty events, most of them changed; then a valid one is answered."""
    url = f"{target.base_url.replace('http', 'ws', 1)}/realtime?model=gpt-realtime"
    start, sent = time.perf_counter(), []
    # Without a limit of its own the client reads on while it closes.
    limits: dict[str, Any] = {"max_size": None, "max_queue": None}
    with connect(url, additional_headers=HEADERS, proxy=None, **limits) as socket:
        answer = "alive"
        try:
            for _ in range(20):
                event = rng.choice(EVENTS)
                sent.append(as_json(changed(event, rng) if rng.random() < 0.8 else event, rng))
                socket.send(sent[-1].decode("utf-8", "replace"))
            socket.send('{"type":"conversation.item.retrieve","event_id":"last","item_id":"none"}')
            wait_for_last(socket)
        except ConnectionClosed as closed:
            answer = f"500: closed with {closed.rcvd and closed.rcvd.code}"
        except TimeoutError:
            answer = "timeout: the session is dead"
    report.note("realtime", answer, time.perf_counter() - start, sent)


def wait_for_last(socket: Connection) -> None:
    """Read until the answer to the last event; raises TimeoutError after ten seconds."""
    until = time.monotonic() + 10
    while True:
        event = json.loads(socket.recv(timeout=max(0.0, until - time.monotonic())))
        if event["type"] == "error" and event["error"]["event_id"] == "last":
            return


def upstream(target: Target, rng: random.Random, report: Report) -> None:
    """An answer of the server that writes for the emulator."""
    lines = [as_json(each, rng) for each in DELTAS]
    place = rng.randrange(len(lines))
    lines[place] = as_json(changed(DELTAS[place], rng), rng)
    body = b"".join(b"data: " + line + b"\n\n" for line in lines) + b"data: [DONE]\n\n"
    body = damaged(body, rng) if rng.random() < 0.3 else body
    target.writer.answer = rng.choice([200, 200, 200, 404, 500]), body
    path = rng.choice(["/chat/completions", "/responses"])
    asked: dict[str, Any] = {"model": "gpt-5-mini", "stream": rng.random() < 0.5}
    asked |= {"input": QUESTION} if path == "/responses" else {"messages": _asked()}
    send = lambda: target.send("POST", target.relayed_url + path, json=asked)  # noqa: E731
    timed(report, "upstream", (path, body), send)


def _asked() -> list[dict[str, str]]:
    return [{"role": "user", "content": QUESTION}]


def cassette(target: Target, rng: random.Random, report: Report) -> None:
    """A fixture with changed lines, each sealed anew, so that only its fields can be wrong."""
    source = rng.choice(sorted((COURSE / "tests/fixtures").rglob("*.jsonl")))
    lines = [line for _, line in read_lines(source)][:60]
    place = rng.randrange(len(lines))
    lines[place] = changed(lines[place], rng) if rng.random() < 0.9 else {}
    path, crc = target.folder / "changed.jsonl", 0
    with path.open("wb") as file:
        for line in lines[: rng.randrange(1, len(lines) + 1)]:
            sealed, crc = seal(line, crc)
            file.write(sealed)
    start, answer = time.perf_counter(), "read"
    try:
        opened = Cassette(path)
        for exchange in opened.exchanges.values():
            list(opened.answer(exchange))
    except CassetteError:
        answer = "refused"
    except Exception as error:  # whatever it is, it is a finding
        answer = f"traceback: {error!r}"
    report.note("cassette", answer, time.perf_counter() - start, (source.name, lines[place]))


KINDS: dict[str, Case] = {
    each.__name__: each for each in (http, form, document, realtime, upstream, cassette)
}


class BrokenWriter:
    """The server behind the emulator: answers with whatever was set last."""

    def __init__(self) -> None:
        self.answer = (200, b"")
        writer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                status, body = writer.answer
                self.send_response(status)
                self.send_header("content-type", "text/event-stream")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing is logged."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def emulator(log: TextIO, **variables: str) -> Iterator[tuple[str, int]]:
    """The base URL and the process id of an emulator; `log` is its standard error."""
    command = [sys.executable, "-m", "emulator", "--child", "--pace", "0"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environment = {**os.environ, **variables}
    with subprocess.Popen(
        command, cwd=COURSE, env=environment, stderr=log, encoding="utf-8", **pipes
    ) as process:
        assert process.stdin and process.stdout
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.stdin.close()


@contextmanager
def running(log: TextIO) -> Iterator[Target]:
    with ExitStack() as stack:
        writer = BrokenWriter()
        stack.callback(writer.close)
        base_url, pid = stack.enter_context(emulator(log))
        behind = {"EMULATOR_CHAT_BASE_URL": writer.base_url, "EMULATOR_CHAT_MODEL": "x"}
        relayed_url, relay = stack.enter_context(emulator(log, **behind))
        client = stack.enter_context(
            httpx2.Client(timeout=WAIT_S, trust_env=False, headers=HEADERS)
        )
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield Target(base_url, relayed_url, [pid, relay], writer, client, folder)


def memory_mb(pids: Sequence[int]) -> float:
    """Of the emulators, in MB; 0 where the system has no `ps`."""
    if os.name == "nt":
        return 0.0
    command = ["ps", "-o", "rss=", "-p", ",".join(map(str, pids))]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return sum(map(int, listed.split())) / 1024


def busy_s(pids: Sequence[int]) -> float:
    """How long the emulators, and children that have ended, have computed; infinite if unknown.

    The numbers are those of Linux's `/proc/PID/stat`, from the 14th on, in hundredths of a second.
    """
    total = 0.0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return math.inf
        total += sum(map(int, fields[11:15])) / 100
    return total


def fuzz(seed: int, kinds: Sequence[str], *, seconds: float, cases: int | None = None) -> Report:
    """Send cases of all kinds in turn until the time is over, or so many were sent."""
    report, until = Report(), time.monotonic() + seconds
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        with running(log) as target:
            # The first answer of each emulator takes longer, as it imports what it needs.
            for url in (target.base_url, target.relayed_url):
                asked = {"model": "gpt-5-mini", "messages": _asked()}
                target.send("POST", f"{url}/chat/completions", json=asked)
            for number in itertools.count():
                if time.monotonic() > until or number == cases:
                    break
                report.begin(lambda: busy_s(target.pids))
                KINDS[kinds[number % len(kinds)]](target, random.Random(f"{seed} {number}"), report)
                if number % BETWEEN == BETWEEN - 1:
                    report.memory.append(memory_mb(target.pids))
        log.seek(0)
        report.findings += sorted(set(_last_lines(log.read())))
    if report.growth_mb > GROWTH_MB:
        report.findings.append(f"memory grew by {report.growth_mb:.0f} MB")
    return report


def _last_lines(log: str) -> Iterator[str]:
    """The place and the error of each traceback."""
    for trace in log.split("Traceback (most recent call last):\n")[1:]:
        lines = re.findall(r"(?m)^(?:  File .*|\S.*)$", trace)
        error = next((n for n, line in enumerate(lines) if not line.startswith("  ")), 0)
        yield "traceback: " + " ".join(
            line.strip() for line in lines[max(0, error - 1) : error + 1]
        )


def main() -> int:
    parser = argparse.ArgumentParser("python -m tools.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cases", type=int, help="stop after so many")
    parser.add_argument("--only", choices=KINDS, action="append", help="this kind, or several")
    args = parser.parse_args()
    report = fuzz(args.seed, args.only or list(KINDS), seconds=args.seconds, cases=args.cases)
    for finding in report.findings:
        print(finding, end="\n\n")
    for name, count in sorted(report.answers.items()):
        print(f"{count:8} {name}")
    total = sum(report.cases.values())
    print(f"{total:8} cases, {len(report.findings)} findings, slowest {report.slowest_s:.2f} s")
    shown = report.memory[:: max(1, len(report.memory) // 10)]
    print("memory in MB, after every so many cases:", *(f"{each:.0f}" for each in shown))
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
