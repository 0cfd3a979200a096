"""A thousand streams cut at random: what the emulator holds afterwards, beside what it held before.

    python -m benchmarks.soak [STREAMS]

Linux alone tells the figures. The tests have a short form: test_p14_cut_streams_leave_nothing_open.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.streaming import question
from common import COURSE
from common.client import LOCAL

import httpx2
from openai import OpenAI
from rich.console import Console
from rich.table import Table

WARM_UP = 200


def held(pid: int) -> tuple[int, float]:
    """Open files, and resident memory in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return len(os.listdir(f"/proc/{pid}/fd")), pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cut_streams(client: OpenAI, count: int) -> None:
    for _ in range(count):
        with client.chat.completions.create(**question(200)) as stream:  # type: ignore[call-overload]
            for _ in range(random.randrange(200)):
                next(stream)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    argv = [sys.executable, "-m", "emulator", "--pace", "0"]
    with subprocess.Popen(argv, cwd=COURSE, stdout=subprocess.PIPE, text=True) as emulator:
        assert emulator.stdout
        base_url = emulator.stdout.readline().strip()
        with OpenAI(base_url=base_url, api_key="x", http_client=httpx2.Client(**LOCAL)) as client:
            cut_streams(client, WARM_UP)
            time.sleep(1)
            before = held(emulator.pid)
            cut_streams(client, count)
            time.sleep(1)
            after = held(emulator.pid)
        emulator.kill()

    table = Table(title=f"{count} streams cut at random")
    for title in ("what the emulator holds", "before", "after", "ratio", "aim"):
        table.add_column(title)
    names = ("open files", "memory, MB")
    for name, was, now in zip(names, before, after, strict=True):
        table.add_row(name, f"{was:.0f}", f"{now:.0f}", f"{now / was:.2f}", "0.95 to 1.05")
    Console().print(table)


if __name__ == "__main__":
    main()
