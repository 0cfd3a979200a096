"""`python3 course.py present`: shows the lessons to a class.

present [LESSON] [PART]     the show; without LESSON, all three
present --notes             the instructor's notes, in a second terminal, which follow the show
present --export FILE       the show as one page for a browser
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from common import course_command
from presenter.course_plan import instructions
from presenter.course_show import ShowPart, load_show, place_of
from presenter.plan_clock import PlanClock
from setup.commands import LESSONS

if TYPE_CHECKING:
    from presenter.live_part import LiveParts
    from presenter.show_player import ShowPlayer


def parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        course_command("present"),
        description="Shows the lessons part by part, from recordings. Press ? for the keys.",
    )
    parser.add_argument("lesson", nargs="?", choices=LESSONS, metavar="LESSON", help="1, 2 or 3")
    parser.add_argument("part", nargs="?", metavar="PART", help="the part to begin with")
    parser.add_argument(
        "--notes", action="store_true", help="show the notes and the time left, and follow the show"
    )
    parser.add_argument(
        "--export", type=Path, metavar="FILE", help="write the show as a page for a browser"
    )
    parser.add_argument("--mute", action="store_true", help="play no sound")
    parser.add_argument("--debug", action="store_true", help="show the traceback of a failure")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    args = parse(argv)
    try:
        return obey(args)
    except (Exception, KeyboardInterrupt) as error:
        # Imported here, as a show that nothing goes wrong with shall start at once.
        from console.explain import ErrorContext
        from console.lesson import report_failures

        with report_failures(ErrorContext(), debug=args.debug):
            raise error
    return 1  # not reached: a failure that was reported exits


def obey(args: argparse.Namespace) -> int:
    """Do what was asked for; the exit code."""
    if args.notes:
        from presenter.speaker_notes import follow

        return follow()
    show = load_show([args.lesson] if args.lesson else list(LESSONS))
    place = place_of(show, args.part) if args.part else 0
    if args.export:
        from presenter.html_export import write_page

        write_page(show, args.export)
        return 0
    return present(show, place, is_mute=args.mute)


def present(show: Sequence[ShowPart], place: int, *, is_mute: bool) -> int:
    """Run the show on this terminal until somebody quits."""
    from presenter.live_part import LiveParts
    from presenter.show_sound import open_sound
    from presenter.speaker_notes import StateFile
    from presenter.terminal_screen import open_screen
    from presenter.terminal_view import draw

    with (
        LiveParts() as live,
        StateFile() as state,
        open_sound(show, is_mute=is_mute) as sound,
        open_screen() as (screen, read_keys),
    ):
        player = open_player(show, place, live, has_sound=sound.is_there)
        while not player.is_over:
            player.tick()
            state.follow(player)
            sound.follow(player)
            screen.show(draw(player.view(), *screen.size(), screen.signs))
            press_all(player.press, read_keys())
    return 0


def open_player(
    show: Sequence[ShowPart], place: int, live: "LiveParts", *, has_sound: bool
) -> "ShowPlayer":
    """The show at a place, by the clocks of this computer."""
    from presenter.show_player import ShowPlayer

    return ShowPlayer(
        show,
        time.monotonic,
        live.start,
        instructions,
        place,
        has_sound=has_sound,
        # The time of the class goes on while the computer sleeps; that of the show doesn't.
        plan_clock=PlanClock(time.time),
    )


def press_all(press: Callable[[str], None], keys: Sequence[str]) -> None:
    for key in keys:
        press(key)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
