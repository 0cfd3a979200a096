"""The commands of the exercises: `python3 course.py learn`, `check`, `hint` and so on."""

import argparse
import sys
from collections.abc import Sequence

from common import course_command
from console.explain import ErrorContext
from console.lesson import CourseParser, report_failures
from console.terminal import Terminal

ABOUT = {
    "learn": "go through the exercises; each is checked when you save its file",
    "check": "check an exercise: ID, or the next one; `check all` checks all that you have begun",
    "hint": "show a hint for an exercise, and the next one each time",
    "list": "list the exercises, and show which you have passed",
    "reset": "put the original file of an exercise back; yours is kept beside it",
    "show": "write our solutions beside your file, after you pass",
    "trace": "show what your program sent and received in the last check",
    "progress": "show what you can do now",
    "quiz": "ten questions on a section: 1, 2, 3 or audio",
    "place": "five questions that say where to start",
}


def main(argv: Sequence[str]) -> int:
    args = parse(argv)
    with report_failures(ErrorContext(), debug=args.debug):
        return obey(args, Terminal())
    return 1  # not reached: a failure that was reported exits


def parse(argv: Sequence[str]) -> argparse.Namespace:
    word = argv[0]
    about = f"{ABOUT[word][0].upper()}{ABOUT[word][1:]}."
    parser = CourseParser(course_command(word), description=about)
    if word in ("check", "hint"):
        parser.add_argument("id", nargs="?", help="such as S1; without it, the next one")
    if word in ("reset", "show"):
        parser.add_argument("id", help="such as S1")
    if word == "check":
        parser.add_argument(
            "--seed", type=int, help="run it once, with the seed of a check that failed"
        )
    if word == "show":
        parser.add_argument("--give-up", action="store_true", help="write them before you pass")
    if word == "learn":
        parser.add_argument("--manual", action="store_true", help="type letters, watch no files")
    if word == "quiz":
        parser.add_argument("section", nargs="?", choices=("1", "2", "3", "audio"))
    parser.add_argument("--debug", action="store_true", help="show the traceback of a failure")
    args = parser.parse_args(argv[1:])
    args.word = word
    return args


def obey(args: argparse.Namespace, terminal: Terminal) -> int:
    """Do what was asked for. The judge is imported only where it is needed."""
    if args.word in ("quiz", "place"):
        from grading import quiz

        return quiz.ask(terminal, args.section) if args.word == "quiz" else quiz.place(terminal)
    from grading import exercise_commands as commands
    from grading import learn

    match args.word:
        case "learn":
            return learn.learn(terminal, is_manual=args.manual)
        case "check" if (args.id or "").lower() == "all":
            return commands.check_all(terminal)
        case "check":
            return commands.check(terminal, args.id, args.seed)
        case "hint":
            return commands.hint(terminal, args.id)
        case "show":
            return commands.show(terminal, args.id, gives_up=args.give_up)
        case "reset":
            return commands.reset(terminal, args.id)
        case "trace":
            return commands.trace(terminal)
        case "list":
            return commands.list_all(terminal)
    return commands.skills(terminal)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
