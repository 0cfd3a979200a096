"""`python -m cassette record FILE --upstream URL` and `python -m cassette play FILE`.

The first line is the base URL. It ends when standard input closes. What is wrong with the cassette
is the last line of standard output; the exit code is then 2 if it could not be opened, 1 if the
recording or the replay failed later.
"""

import argparse
import json
import os
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from cassette import CassetteError
from cassette.cassette_writer import CassetteWriter
from cassette.format import Cassette
from cassette.loopback import serve
from cassette.message_rules import MessageRules
from cassette.openai import OPENAI
from cassette.play import Player
from cassette.record import Recorder
from cassette.scrub import Scrubber

DONE, FAILED, NOT_OPENED = 0, 1, 2


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m cassette", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    record = commands.add_parser("record", help="pass requests on to URL, and write them down")
    record.add_argument("file", type=Path)
    # By environment as well: an address may hold a password, and any user can list arguments.
    upstream = os.environ.get("CASSETTE_UPSTREAM")
    record.add_argument(
        "--upstream",
        default=upstream,
        required=upstream is None,
        metavar="URL",
        help="base URL of the server that answers",
    )
    record.add_argument(
        "--about", type=json.loads, default={}, metavar="JSON", help="fields for the header"
    )
    play = commands.add_parser("play", help="answer from FILE")
    play.add_argument("file", type=Path)
    play.add_argument(
        "--speed", type=float, default=1.0, help="1 as recorded, 2 twice as fast, 0 at once"
    )
    play.add_argument(
        "--rules",
        type=parse_rules,
        default=OPENAI.messages,
        metavar="JSON",
        help="what may differ in WebSocket messages (default: as in OpenAI's Realtime API)",
    )
    return parser.parse_args()


def parse_rules(text: str) -> MessageRules:
    """Rules from JSON, by the names of their fields."""
    given = json.loads(text)
    return MessageRules(**{name: _frozen(value) for name, value in given.items()})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def main() -> int:
    """Serve until standard input closes; the exit code says at which stage something failed."""
    args = parse_arguments()
    try:
        app = open_player(args) if args.command == "play" else open_recorder(args)
    except CassetteError as error:
        print(error, flush=True)
        return NOT_OPENED
    try:
        serve(app, OPENAI.base_path, OPENAI.longest_message)
        app.finish()
    except (CassetteError, OSError) as error:
        print(error, flush=True)
        return FAILED
    return DONE


def open_player(args: argparse.Namespace) -> Player:
    return Player(Cassette(args.file), args.speed, replace(OPENAI, messages=args.rules))


def open_recorder(args: argparse.Namespace) -> Recorder:
    header = {"recorded": date.today().isoformat(), **args.about}
    writer = CassetteWriter(args.file, header, Scrubber(OPENAI.secrets))
    return Recorder(writer, args.upstream, OPENAI)


if __name__ == "__main__":
    sys.exit(main())
