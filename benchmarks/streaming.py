"""How fast the emulator streams, beside a minimal server that replays the same bytes.

    python -m benchmarks.streaming

Both are processes of their own and answer the same SDK client, turn by turn, so that whatever else
the machine does hits both. A ratio is the median over the rounds of emulator to minimal server.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from common import COURSE
from common.client import LOCAL
from common.settings import DEFAULT_MODELS

import httpx2
from openai import AsyncOpenAI, OpenAI
from rich.console import Console
from rich.table import Table

ROUNDS, CHUNKS, AT_ONCE = 15, 2000, 64


def question(chunks: int) -> dict[str, object]:
    """A question whose answer has this many chunks, the first (role) and the last among them."""
    text = "Reply with exactly: " + "word " * (chunks - 2)
    return {
        "model": DEFAULT_MODELS["OPENAI_MODEL"],
        "messages": [{"role": "user", "content": text.strip()}],
        "stream": True,
    }


@contextmanager
def server(*command: str) -> Iterator[str]:
    """A server in a process of its own, which prints its base URL first."""
    argv = [sys.executable, "-m", *command]
    with subprocess.Popen(argv, cwd=COURSE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def record(base_url: str, chunks: int) -> bytes:
    """The body of the emulator's answer."""
    headers = {"authorization": "Bearer offline"}
    with httpx2.Client(**LOCAL) as client:
        return client.post(
            f"{base_url}/chat/completions", json=question(chunks), headers=headers
        ).content


def one_stream(base_url: str) -> tuple[float, float]:
    """Seconds to the first chunk, and chunks a second over the whole."""
    with OpenAI(base_url=base_url, api_key="offline", http_client=httpx2.Client(**LOCAL)) as client:
        for _ in range(2):  # the first request pays for imports and for the connection
            start = time.perf_counter()
            stream = client.chat.completions.create(**question(CHUNKS))  # type: ignore[call-overload]
            next(stream)
            first = time.perf_counter() - start
            rest = sum(1 for _ in stream)
        total = time.perf_counter() - start
    assert rest == CHUNKS - 1, rest
    return first, CHUNKS / total


def many_streams(base_url: str) -> float:
    """Seconds for 64 streams at once, none of which may lose a chunk."""

    async def one(client: AsyncOpenAI) -> int:
        asked = question(CHUNKS // 10)
        stream = await client.chat.completions.create(**asked)  # type: ignore[call-overload]
        return sum([1 async for _ in stream])

    async def all_of_them() -> float:
        http_client = httpx2.AsyncClient(**LOCAL)
        async with AsyncOpenAI(base_url=base_url, api_key="x", http_client=http_client) as client:
            start = time.perf_counter()
            counts = await asyncio.gather(*(one(client) for _ in range(AT_ONCE)))
            assert counts == [CHUNKS // 10] * AT_ONCE, counts
            return time.perf_counter() - start

    return asyncio.run(all_of_them())


def rounds(emulator: str, minimal: str, minimal_short: str) -> dict[str, list[tuple[float, float]]]:
    """Pairs (emulator, minimal server) of each figure: a pair a round, one after the other."""
    seen: dict[str, list[tuple[float, float]]] = {"first": [], "rate": [], "many": []}
    for _ in range(ROUNDS):
        (first, rate), (first_minimal, rate_minimal) = one_stream(emulator), one_stream(minimal)
        seen["first"].append((first, first_minimal))
        seen["rate"].append((rate, rate_minimal))
        seen["many"].append((many_streams(emulator), many_streams(minimal_short)))
    return seen


def report(seen: dict[str, list[tuple[float, float]]]) -> None:
    rows = [
        ("first", f"first of {CHUNKS} chunks, ms", 1000, "at most 2"),
        ("rate", f"chunks a second, of {CHUNKS}", 1, "at least 0.9"),
        ("many", f"{AT_ONCE} streams at once, s", 1, "at most 1.1"),
    ]
    table = Table(title=f"emulator beside a minimal server, medians of {ROUNDS} rounds")
    for title in ("figure", "emulator", "minimal", "ratio", "aim"):
        table.add_column(title)
    for name, title, scale, aim in rows:
        pairs = seen[name]
        mine, theirs = (median(pair[side] for pair in pairs) * scale for side in (0, 1))
        ratio = median(mine / theirs for mine, theirs in pairs)
        table.add_row(title, f"{mine:,.2f}", f"{theirs:,.2f}", f"{ratio:.2f}", aim)
    Console().print(table)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, server("emulator", "--pace", "0") as emulator:
        long, short = Path(folder, "long"), Path(folder, "short")
        long.write_bytes(record(emulator, CHUNKS))
        short.write_bytes(record(emulator, CHUNKS // 10))
        with (
            server("benchmarks.minimal_server", str(long)) as minimal,
            server("benchmarks.minimal_server", str(short)) as minimal_short,
        ):
            report(rounds(emulator, minimal, minimal_short))


if __name__ == "__main__":
    main()
