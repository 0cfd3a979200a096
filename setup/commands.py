"""What can be typed after `course.py`, and what each word starts."""

import os
import sys

from setup import COURSE
from setup.environment import Environment
from setup.launch import become, wait_for
from setup.problem import Problem, command, did_you_mean, say

LESSONS = {
    "1": ("01_streaming.py", "lesson 1: streaming responses"),
    "2": ("02_vector_store_rag.py", "lesson 2: answers from your own files, with sources"),
    "3": ("03_realtime_api.py", "lesson 3: a spoken conversation that can be interrupted"),
}
MODULES = {
    "run": ("", "give your own program a server: run FILE, or run -- COMMAND"),
    "learn": ("grading", "the exercises: write code, save it, and it is checked"),
    "check": ("grading", "check one exercise: check S1; without an ID, the next one"),
    "quiz": ("grading", "ten questions on a section; `place` says where to start"),
    "present": ("presenter", "show the lessons to a class, part by part, from recordings"),
    "test": ("pytest", "run the tests; ARGS go to pytest"),
    "doctor": ("console.doctor", "check this computer, and say how to fix what is missing"),
    # Done by set-up; there is no module to start.
    "extras": ("", "try again to install lesson 3's optional packages"),
    "fixtures": ("tools.record_fixtures", "record the tests' cassettes again"),
    "drift": ("tools.drift", "with a key: what has changed at OpenAI since the cassettes"),
    "conformance": ("tests.conformance", "run other people's tests and clients on the emulator"),
}
# Other words for the exercises; `list` shows where they stand.
OF_EXERCISES = set("learn check quiz hint list reset show trace progress place".split())
# The tests run on all cores, file by file; `-n0` or `--pdb` runs them one after the other.
ALL_CORES = ["-n", "auto", "--dist", "loadfile"]
HELP = {"-h", "--help"}
UNREAD = 141  # the exit code of a program whose output nobody reads any more


def menu() -> str:
    """What can be typed, and what that does; only lessons whose file is there."""
    lessons = [(word, row) for word, row in LESSONS.items() if (COURSE / row[0]).is_file()]
    rows = lessons + list(MODULES.items())
    return "\n".join(f"  {command(word):30} {about}" for word, (_, about) in rows)


def usage() -> str:
    """The text of --help."""
    tour = f"  {command():30} set up, then a preview of the three lessons; no key needed"
    more = "More for the exercises: hint, list, progress, reset, show, trace."
    note = "The first run sets up .venv, which takes about a minute."
    return f"usage: {command('[WHAT [ARGS]]')}\n\n{tour}\n{menu()}\n\n{more}\n{note}"


def arguments(word: str, args: list[str]) -> list[str]:
    """The command line for .venv's Python, from the word that was typed and what followed it."""
    if word == "extras" and args:
        raise Problem(f"unknown word {args[0]!r} after extras", "", command("extras"), code=2)
    if word == "test" and not any(arg.startswith(("-n", "--pdb", "-h")) for arg in args):
        args = [*ALL_CORES, *args]
    if word == "run":  # by its path, because it runs in the folder where it was typed
        return [str(COURSE / "console" / "run.py"), *args]
    if word in OF_EXERCISES:
        return ["-m", "grading", word, *args]
    if word in MODULES:
        return ["-m", MODULES[word][0], *args]
    if word not in LESSONS:
        near = did_you_mean(word, [*LESSONS, *MODULES, *sorted(OF_EXERCISES)])
        raise Problem(f"unknown word {word!r}", near, command("--help"), code=2)
    file = COURSE / LESSONS[word][0]
    if not file.is_file():
        fact = f"lesson {word} is not here: no file {file.name}"
        raise Problem(fact, "", command("--help"), code=2)
    return [str(file), *args]


def start(words: list[str]) -> int:
    """Set up what the words need, then do what they ask for."""
    word, args = (words or [""])[0], words[1:]
    if word in {*HELP, "help"}:
        print(usage())
        return 0
    # A wrong word is refused before set-up, which may take a minute.
    environment = Environment(COURSE)
    argv = arguments(word, args) if word else []
    is_for_developers = word in ("test", "conformance")
    set_up(environment, ["requirements.txt"] + ["requirements-dev.txt"] * is_for_developers)
    if word == "extras":
        extras(environment, is_retry=True)
        return 0
    if word == "3" and not HELP & set(args):
        extras(environment, is_retry=False)
    if not word:
        return preview(environment)
    if word in OF_EXERCISES or (word in MODULES and word != "run"):
        os.chdir(COURSE)
    return become(environment.python, argv)


def set_up(environment: Environment, files: list[str]) -> None:
    """Install these requirements files; return at once if that has been done."""
    if not environment.is_current(files):
        from setup.make_venv import make_current

        make_current(environment, files)


def extras(environment: Environment, *, is_retry: bool) -> None:
    """Try to install the extras that were not tried yet; all of them in a retry."""
    from setup.extras import untried

    if is_retry or untried(environment):
        from setup.install_extras import add_extras

        add_extras(environment, is_retry=is_retry)


# The most striking part of each lesson.
PREVIEW = {"1": "compare", "2": "answer", "3": "interrupt"}


def preview(environment: Environment) -> int:
    """Show one part of each lesson, then say what to type next."""
    present = [word for word in PREVIEW if (COURSE / LESSONS[word][0]).is_file()]
    for word in present:
        argv = arguments(word, [PREVIEW[word], "--offline"])
        if word == "3":
            extras(environment, is_retry=False)
        print(f"\n{LESSONS[word][1].capitalize()}")
        sys.stdout.flush()
        if code := wait_for(environment.python, argv):
            return code
    print("\nThat was one part of each lesson. Begin with lesson 1:\n")
    print(f"    {command('1 --step')}\n")
    print("The page docs/1-streaming.md explains each part.")
    return 0


def explain(words: list[str]) -> int:
    """Start; show a problem as its three lines."""
    try:
        code = start(words)
        sys.stdout.flush()
        return code
    except Problem as error:
        problem = error
    except BrokenPipeError:
        raise
    except OSError as error:
        from setup.symptoms import failure

        problem = failure("the start", str(error))
    say(str(problem))
    return problem.code


def main(words: list[str]) -> int:
    """Start; end quietly if nobody reads what is written. Ctrl-C is left to course.py."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # started with it closed
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    try:
        return explain(words)
    except BrokenPipeError:
        # Python flushes both at its end, and would complain then.
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        return UNREAD
