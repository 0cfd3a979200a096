"""Other people's tests and clients against the emulator: `python3 course.py conformance`.

    1  sdk        the tests that the openai package brings along for the paths of the API
    2  clients    five clients that are not ours: a stream, a tool, a structured output
    3  calls      four Realtime clients that are not ours, each in a call of six turns

    python3 course.py conformance --only sdk -- -k embeddings -x

What follows `--` goes to pytest. The first run needs the network: it makes environments in
.venv/conformance, which takes about a minute. That of the Realtime clients takes 0.8 GB. It lies in
your cache folder (such as ~/.cache/openai-course-conformance), so that other copies of the course
use it, too. You can delete it at any time.

A part starts as soon as its environment is made, and runs while the next one is made. The last
part comes first: the calls take longest, and are mostly silence.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from setup.problem import Problem, say
from setup.symptoms import failure
from tests.conformance import environments, run_clients, run_sdk
from tests.conformance.tally import Tally

PARTS = ["sdk", "clients", "calls"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python3 course.py conformance",
        description="Other people's tests and clients against the emulator.",
    )
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("pytest", nargs="*", metavar="ARGS", help="after --, for pytest")
    return parser.parse_args()


def show(tallies: list[Tally]) -> None:
    print(f"{'suite':36} {'passed':>7} {'left out':>9} {'failed':>7}")
    for tally in tallies:
        print(f"{tally.suite:36} {tally.passed:7} {tally.left_out:9} {tally.failed:7}")


def begin(part: str, pytest: Sequence[str], workers: ThreadPoolExecutor) -> Future[list[Tally]]:
    """Make what a part runs in, then let a worker run it.

    Programs that are ended by Ctrl-C can only be started here, in the main thread.
    """
    match part:
        case "sdk":
            return workers.submit(run_sdk.run, *environments.sdk(), pytest)
        case "clients":
            return workers.submit(run_clients.run, *environments.clients())
        case _:
            return workers.submit(run_clients.run_calls, run_clients.python_for_calls())


def run() -> int:
    args = arguments()
    # The three lines of a problem end with what was typed, which course.py took the word off.
    sys.argv.insert(1, "conformance")
    wanted = [args.only] if args.only else PARTS
    with ThreadPoolExecutor(len(wanted)) as workers:
        begun = [begin(part, args.pytest, workers) for part in reversed(wanted)]
        tallies = [tally for part in reversed(begun) for tally in part.result()]
    show(tallies)
    return 1 if any(tally.failed for tally in tallies) else 0


def main() -> int:
    try:
        return run()
    except Problem as problem:
        say(str(problem))
        return problem.code
    except OSError as error:
        say(str(failure("conformance", str(error))))
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130


if __name__ == "__main__":
    sys.exit(main())
