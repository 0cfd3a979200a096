"""From process start to the first letter of an answer, offline, beside importing the SDK alone.

    python -m benchmarks.startup

The yardstick is a process that imports `openai` and builds its client. Memory is the peak of
lesson 1's whole tour and of its emulator (Linux alone tells it).
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from common import COURSE

from rich.console import Console
from rich.table import Table

ROUNDS = 15
SCRIPT = str(COURSE / "01_streaming.py")
IMPORT = "import openai; openai.OpenAI(api_key='x'); print('A', flush=True)"


def seconds_until(letter: str, *arguments: str) -> float:
    """Seconds from process start to the first line of its output that begins with this letter."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-u", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    ) as process:
        assert process.stdout
        before = b"\n"
        while byte := process.stdout.read(1):
            if before == b"\n" and byte == letter.encode():
                return time.perf_counter() - start
            before = byte
    raise RuntimeError(f"no line with {letter!r}")


def peaks() -> dict[str, float]:
    """The most memory that the tour and its emulator held, in MB."""
    argv = [sys.executable, SCRIPT, "--offline", "--pace", "0.2"]
    most = {"lesson 1": 0.0, "emulator": 0.0}
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as tour:
        while tour.poll() is None:
            most["lesson 1"] = max(most["lesson 1"], peak(tour.pid))
            children = Path(f"/proc/{tour.pid}/task/{tour.pid}/children").read_text().split()
            most["emulator"] = max([most["emulator"], *(peak(int(child)) for child in children)])
            time.sleep(0.02)
    return most


def peak(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    kilobytes = status.partition("VmHWM:")[2].split()
    return int(kilobytes[0]) / 1024 if kilobytes else 0.0


def main() -> None:
    lesson = ("A", SCRIPT, "stream", "--offline", "--pace", "0")
    pairs = [(seconds_until(*lesson), seconds_until("A", "-c", IMPORT)) for _ in range(ROUNDS)]
    mine, theirs = (median(pair[side] for pair in pairs) for side in (0, 1))
    ratio = median(mine / theirs for mine, theirs in pairs)

    table = Table(title=f"start-up, medians of {ROUNDS} rounds")
    for title in ("figure", "measured", "beside", "ratio", "aim"):
        table.add_column(title)
    table.add_row("first letter, s", f"{mine:.2f}", f"{theirs:.2f}", f"{ratio:.2f}", "at most 1.8")
    if sys.platform == "linux":
        for who, megabytes in peaks().items():
            table.add_row(f"peak of {who}, MB", f"{megabytes:.0f}", "", "", "at most 120")
    Console().print(table)


if __name__ == "__main__":
    main()
