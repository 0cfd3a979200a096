"""Runs a program against a scene, and gives the verdict."""

import random
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from emulator.answers.answer import Answer, Prompt, SearchOutcome
from emulator.server import Emulator
from grading.child import Ending, Program, server_variables
from grading.crash import crash
from grading.failure import Failure
from grading.scene import Scene
from grading.trace import TraceRecorder

SEEDS = 3
"""How many runs a check has."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of one run: its seed, the failure if there is one, and how the program ended."""

    seed: int
    failure: Failure | None
    ending: Ending
    scene: Scene = field(repr=False)

    @property
    def is_pass(self) -> bool:
        return self.failure is None


def run(kind: type[Scene], program: Path, seed: int, hold_s: float = 0.0) -> Verdict:
    """Run a program once. It ends at its own end, or at the scene's limit."""
    scene = kind(random.Random(seed))
    scene.hold_s = hold_s
    with (
        tempfile.TemporaryDirectory(prefix="exercise-", ignore_cleanup_errors=True) as folder,
        serve(scene) as server,
    ):
        variables = server_variables(server.base_url) | scene.prepare(Path(folder))
        running = Program(program.resolve(), variables)
        try:
            ending = scene.drive(running)
        finally:  # Ctrl-C ends the program, too
            running.end_all()
    return Verdict(seed, first_failure(scene, ending, program), ending, scene)


def check(kind: type[Scene], program: Path, seeds: list[int]) -> Verdict:
    """Run it once for each seed, up to the first failure.

    A program that sleeps where it should wait for an event passes as long as the event comes
    sooner. So each run holds the event back for longer than the program did nothing in the run
    before. One that waits for the event doesn't notice.
    """
    hold_s = 0.0
    for seed in seeds:
        verdict = run(kind, program, seed, hold_s)
        if not verdict.is_pass:
            break
        hold_s = verdict.scene.next_hold_s()
    return verdict


def new_seeds() -> list[int]:
    """Nobody can know them beforehand, nor try all of them while a program runs."""
    return [random.SystemRandom().randrange(10**11, 10**12) for _ in range(SEEDS)]


def first_failure(scene: Scene, ending: Ending, program: Path) -> Failure | None:
    """What was sent wrong comes first, then a crash, then what is missing, as that may follow."""
    broken = crash(ending, program, scene.trace, scene.limit_s, scene.meanings)
    if not scene.trace.exchanges:
        return broken or nothing_sent()
    if scene.may_fail and not ending.is_flood and ending.code is not None:
        broken = None
    found = scene.verdict()
    return found if found and not found.is_absence else broken or found


def nothing_sent() -> Failure:
    fact = "Your program ended without a single request to the server."
    why = "Use OpenAI() without arguments: it finds the server's address in the environment."
    return Failure(fact, why)


def serve(scene: Scene) -> Emulator:
    """An emulator whose answers the scene writes, and whose traffic the scene's trace keeps."""
    lock = threading.Lock()

    async def write(prompt: Prompt, found: SearchOutcome | None) -> Answer:
        assert scene.write is not None
        with lock:
            return scene.write(prompt, found)

    return Emulator(
        pace=scene.pace,
        faults_from_header=True,
        upstream=write if scene.write is not None else None,
        around=lambda app: TraceRecorder(scene.around(app), scene.trace, scene.fault),
    )
