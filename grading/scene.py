"""What one run of a program meets: the base of all scenes, and how texts are drawn from a seed."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from emulator.answers.answer import Answer, Prompt, SearchOutcome
from grading.child import Ending, Program
from grading.failure import Failure
from grading.trace import Trace, TracedExchange

from starlette.types import ASGIApp, Message, Receive, Scope, Send

WORDS = """amber basin cedar dome ember frost gate harbour island jetty kestrel lantern meadow
north orbit pier quartz ridge slate tower umber valley willow yarrow zenith moon comet star path
bench shutter mirror ticket window garden bridge""".split()
HOLD_LONGER_S = 0.4


class Scene:
    """One run of one exercise. A subclass says how the server answers, and judges the traffic.

    `draw` gives everything that differs from run to run, so that nothing can be hard-coded.
    `limit_s` is how long the program may take, in seconds; `pace` is the emulator's, 0 for at once.
    """

    limit_s: ClassVar[float] = 20.0
    pace: ClassVar[float] = 0.0
    may_fail: bool = False
    """Whether the program may end with an error, as it does behind a Ctrl-C."""
    meanings: ClassVar[Mapping[str, str]] = {}
    """What an exception means in this exercise, where that is more than it means in general: by its
    name, or by its whole message."""
    hold_s: float = 0.0
    """How long an answer is held back that the program has to wait for, if it is longer than the
    scene's own time. It is 0 in the first run of a check alone. See `judge.check`."""
    is_timed: ClassVar[bool] = False
    """Whether its sentences name what was measured, which differs from run to run."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.trace = Trace()

    @property
    def write(self) -> Callable[[Prompt, SearchOutcome | None], Answer] | None:
        """Writes each answer; None where the emulator answers by itself."""
        return None

    def prepare(self, folder: Path) -> dict[str, str]:
        """Put what the program reads into its folder; returns environment variables for it."""
        return {}

    def around(self, app: ASGIApp) -> ASGIApp:
        """The server as the program meets it, where a scene changes its answers.

        What the trace keeps is what was sent.
        """
        return app

    def fault(self, request: TracedExchange) -> str:
        """The failure that strikes a request, as emulator/faults.py writes it; "" for none."""
        return ""

    def drive(self, program: Program) -> Ending:
        """Do what has to be done while the program runs, and wait for its end."""
        return program.wait(self.limit_s)

    def waited_s(self) -> float:
        """How long the program did nothing once it had to wait."""
        return 0.0

    def next_hold_s(self) -> float:
        """The `hold_s` of the next run: longer than the program did nothing in this one."""
        return self.waited_s() + HOLD_LONGER_S

    def verdict(self) -> Failure | None:
        """The first wrong fact in `trace`, or None."""
        raise NotImplementedError

    def notes(self, ending: Ending) -> Sequence[str]:
        """What is worth saying behind a pass."""
        return ()


class PlayedFile:
    """What a loudspeaker of the exercises has played, in a file that only grows.

    It is read while the program runs, so that nobody can write afterwards what should have been
    played before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = b""
        self._whole = b""

    def grow(self) -> int:
        """Take what was added since the last call; how many bytes there have been."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(len(self._seen))
                self._seen += file.read()
        return len(self._seen)

    def read(self) -> bytes:
        """All of it, at the end of the program; b"" if nothing was played."""
        self._whole = self._path.read_bytes() if self._path.exists() else b""
        return self._whole

    def changed(self) -> Failure | None:
        """Whether what it had is no longer there, once all of it was read."""
        if self._whole.startswith(self._seen):
            return None
        fact = "The file of the loudspeaker was changed after something had been played."
        return Failure(fact, "Nobody can take back what was heard. Only append to what was played.")


Alter = Callable[[TracedExchange, bytes], AsyncIterator[bytes]]


class AlteredStreams:
    """Passes each event of an answered stream through `alter`, which gives what is sent for it.

    `alter` may wait, which delays the stream. It gets whole events, each with its blank line.
    """

    def __init__(self, app: ASGIApp, trace: Trace, alter: Alter) -> None:
        self._app, self._trace, self._alter = app, trace, alter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = self._trace.exchanges[-1]  # the recorder has just begun it
        is_stream = False

        async def sending(message: Message) -> None:
            nonlocal is_stream
            if message["type"] == "http.response.start":
                is_stream = any(b"event-stream" in value for _, value in message["headers"])
            body = message.get("body", b"")
            if not is_stream or not body:
                await send(message)
                return
            for event in body.split(b"\n\n")[:-1]:
                async for block in self._alter(exchange, event + b"\n\n"):
                    await send({**message, "body": block, "more_body": True})

        await self._app(scope, receive, sending)


async def until(holds: Callable[[], bool], limit_s: float = 5.0) -> bool:
    """Wait until something holds; False if it doesn't within so many seconds."""
    end = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True


def sentence(draw: random.Random, words: int = 9) -> str:
    """A sentence that nobody can know beforehand."""
    chosen = [draw.choice(WORDS) for _ in range(words - 1)]
    return f"{' '.join(chosen).capitalize()} {draw.randrange(100, 1000)}."


def pieces(draw: random.Random, text: str, longest: int = 7) -> list[str]:
    """A text in pieces of 1 to `longest` letters."""
    found, start = [], 0
    while start < len(text):
        end = start + draw.randint(1, longest)
        found.append(text[start:end])
        start = end
    return found
