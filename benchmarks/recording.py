"""What recording costs a stream, how true a replay is, and what a long one takes in memory.

    python -m benchmarks.recording

The same client asks the emulator straight and through a recorder, turn by turn. A replay at speed 1
is held against the recording, chunk by chunk. Memory is the recorder's and the player's peak
beside a short conversation (Linux alone tells it).
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from benchmarks.startup import peak
from benchmarks.streaming import question, server
from cassette.format import Cassette
from common import COURSE
from common.client import LOCAL

import httpx2
from openai import OpenAI
from rich.console import Console
from rich.table import Table

ROUNDS, CHUNKS, LONG = 10, 150, 100_000
ALONE = {"x-emulator-fault": "split=100000"}


@contextmanager
def cassette(*command: str) -> Iterator[tuple[str, int]]:
    """A recorder or a player in a process of its own: its base URL and its process id."""
    argv, pipe = [sys.executable, "-m", "cassette", *command], subprocess.PIPE
    with subprocess.Popen(argv, cwd=COURSE, text=True, stdin=pipe, stdout=pipe) as process:
        assert process.stdin and process.stdout
        yield process.stdout.readline().strip(), process.pid
        process.stdin.close()
        said = process.stdout.read()
        assert not said, said


def arrivals(base_url: str, chunks: int, headers: dict[str, str] | None = None) -> list[float]:
    """When each chunk of an answer came, in seconds after the request."""
    with OpenAI(base_url=base_url, api_key="x", http_client=httpx2.Client(**LOCAL)) as client:
        start = time.perf_counter()
        asked = question(chunks) | {"extra_headers": headers or {}}
        stream = client.chat.completions.create(**asked)  # type: ignore[call-overload]
        return [time.perf_counter() - start for _ in stream]


def overhead(table: Table, title: str, pace: str, chunks: int, file: Path) -> None:
    """Ask straight and through a recorder, turn by turn; add a row for the first and for all."""
    with (
        server("emulator", "--pace", pace) as direct,
        cassette("record", str(file), "--upstream", direct) as (recorder, _),
    ):
        for url in (direct, recorder):
            arrivals(url, chunks)
        pairs = [(arrivals(recorder, chunks), arrivals(direct, chunks)) for _ in range(ROUNDS)]
    first = median(mine[0] - theirs[0] for mine, theirs in pairs) * 1000
    ratio = median(mine[-1] / theirs[-1] for mine, theirs in pairs)
    rate = chunks / median(theirs[-1] for _, theirs in pairs)
    table.add_row(
        f"{title} ({rate:,.0f} chunks/s): first chunk later by", f"{first:.1f} ms", "at most 10"
    )
    table.add_row(f"{title}: all of it takes", f"{ratio:.3f} times as long", "at most 1.03")


def fidelity(table: Table, file: Path) -> None:
    """Record one paced answer, replay it, and compare the times."""
    file.unlink(missing_ok=True)
    with (
        server("emulator", "--pace", "1") as direct,
        cassette("record", str(file), "--upstream", direct) as (recorder, _),
    ):
        arrivals(recorder, CHUNKS)
    exchange = Cassette(file).exchanges[1]
    recorded = [line["after"] for line in Cassette(file).answer(exchange) if "chunk" in line]
    with cassette("play", str(file)) as (player, _):
        played = blocks(player)
    apart = [abs(a - b) * 1000 for a, b in zip(recorded, played, strict=False)]
    percentile = quantiles(apart, n=20)[-1]
    table.add_row("replay: blocks recorded, played", f"{len(recorded)}, {len(played)}", "equal")
    ratio = played[-1] / recorded[-1]
    table.add_row("replay: all of it takes", f"{ratio:.3f} times as long", "0.95 to 1.05")
    table.add_row(
        "replay: a block is off by (95th percentile)", f"{percentile:.1f} ms", "at most 20"
    )


def blocks(base_url: str) -> list[float]:
    """When each block of bytes came, in seconds after the request."""
    with httpx2.Client(**LOCAL) as client:
        start = time.perf_counter()
        url = f"{base_url}/chat/completions"
        with client.stream("POST", url, json=question(CHUNKS)) as response:
            return [time.perf_counter() - start for _ in response.iter_raw()]


def memory(table: Table, file: Path) -> None:
    """Record and replay a very long answer; compare the peaks with those after a short one."""
    file.unlink(missing_ok=True)
    with (
        server("emulator", "--pace", "0", "--faults") as direct,
        cassette("record", str(file), "--upstream", direct) as (recorder, pid),
    ):
        arrivals(recorder, 100, ALONE)
        before = peak(pid)
        arrivals(recorder, LONG, ALONE)
        after = peak(pid)
    lines = sum(line.startswith(b'{"chunk"') for line in file.open("rb"))
    table.add_row(
        f"recorder after {lines:,} chunks", f"{after:.0f} MB ({before:.0f} before)", "flat"
    )
    with cassette("play", str(file), "--speed", "0") as (player, pid):
        arrivals(player, 100, ALONE)
        before = peak(pid)
        count = len(arrivals(player, LONG, ALONE))
        table.add_row(
            f"player after {count:,} events", f"{peak(pid):.0f} MB ({before:.0f} before)", "flat"
        )


def main() -> None:
    table = Table(title=f"recording and replaying, medians of {ROUNDS} rounds")
    for title in ("figure", "measured", "aim"):
        table.add_column(title)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "tape.jsonl")
        overhead(table, "a paced stream", "0.2", CHUNKS, file)
        overhead(table, "an unpaced stream", "0", 2000, file)
        fidelity(table, file)
        if os.path.isdir("/proc/self"):
            memory(table, file)
    Console().print(table)


if __name__ == "__main__":
    main()
