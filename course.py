#!/usr/bin/env python3
"""The front door: sets up .venv, then starts a lesson, the tests or the doctor in it.

    python3 course.py                  set up, then the tour; no key needed
    python3 course.py 1 [ARGS]         lesson 1
    python3 course.py test [ARGS]      the tests
    python3 course.py doctor           look this computer over
    python3 course.py extras           try anew to fetch what lesson 3 is better with
    python3 course.py fixtures         record the cassettes of the tests anew
    python3 course.py conformance      other people's tests and clients against the emulator

On Windows, type `py` for `python3`. The first run takes about half a minute; a run that finds
all in place costs a tenth of a second. What a run leaves half done, the next one mends.

Python 3.6 must be able to read this file, if only to say that it is too old: hence the plain
syntax, and the names from `typing`.
"""

import hashlib
import json
import os
import re
import sys
import time
from contextlib import contextmanager, suppress
from typing import Callable, Dict, Iterator, List, Tuple

OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 15)
GET_PYTHON = "install Python 3.12 from https://www.python.org/downloads"
LESSONS = {
    "1": ("01_streaming.py", "lesson 1: streaming"),
    "2": ("02_vector_store_rag.py", "lesson 2: answers out of your own documents"),
    "3": ("03_realtime_api.py", "lesson 3: talking"),
}
MODULES = {
    "test": ("pytest", "the tests; ARGS go to pytest"),
    "doctor": ("console.doctor", "look this computer over"),
    # Done by this file; there is no module to start.
    "extras": ("", "try anew to fetch what lesson 3 is better with"),
    "fixtures": ("tools.record_fixtures", "record the cassettes of the tests anew"),
    "conformance": ("tests.conformance", "other people's tests and clients against the emulator"),
}
WINDOWS = sys.platform == "win32"
HERE = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(HERE, ".venv")
PYTHON = os.path.join(VENV, *(["Scripts", "python.exe"] if WINDOWS else ["bin", "python"]))
CONFIG = os.path.join(VENV, "pyvenv.cfg")
STAMP = os.path.join(VENV, "course.json")
LOG = os.path.join(VENV, "pip.log")
EXTRAS = os.path.join(HERE, "requirements-extras.txt")
OUTCOMES = os.path.join(VENV, "extras.json")


class Problem(Exception):
    """What went wrong, why if that is known, and what to try; `code` is the exit code."""

    def __init__(self, fact: str, why: str = "", attempt: str = "", code: int = 1) -> None:
        super().__init__(fact)
        self.fact, self.why, self.attempt, self.code = fact, why, attempt, code

    def __str__(self) -> str:
        lines = [("error", self.fact), ("  why", self.why), ("  try", self.attempt)]
        return "\n".join(f"{label}: {text}" for label, text in lines if text)


def say(text: str) -> None:
    """Tell how set-up goes, on stderr: stdout belongs to whatever is started."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


# ---------------------------------------------------------------- 1  what to start


def command(*words: str) -> str:
    """What a learner types to start this file with these words."""
    return " ".join(["py" if WINDOWS else "python3", "course.py"] + list(words))


def again() -> str:
    """What the learner typed this time."""
    return command(*sys.argv[1:])


def in_course(name: str) -> str:
    """The full path of a file of the course."""
    return os.path.join(HERE, name)


def menu() -> str:
    """What can be typed, and what that does; only lessons that are here."""
    lessons = [(word, row) for word, row in LESSONS.items() if os.path.isfile(in_course(row[0]))]
    rows = lessons + list(MODULES.items())
    return "\n".join(f"  {command(word):30} {about}" for word, (_, about) in rows)


def usage() -> str:
    """The text of --help."""
    tour = f"  {command():30} set up, then a tour; no key needed"
    note = "The first run sets up .venv, which takes about half a minute."
    return f"usage: {command('[WHAT [ARGS]]')}\n\n{tour}\n{menu()}\n\n{note}"


def arguments(word: str, args: List[str]) -> List[str]:
    """What to hand to .venv's Python for a word that was typed, and what followed it."""
    if word == "extras" and args:
        raise Problem(f"unknown word {args[0]!r} after extras", "", command("extras"), code=2)
    if word in MODULES:
        return ["-m", MODULES[word][0]] + args
    if word not in LESSONS:
        raise Problem(f"unknown word {word!r}", "", command("--help"), code=2)
    name = LESSONS[word][0]
    if not os.path.isfile(in_course(name)):
        raise Problem(f"lesson {word} is not here: no file {name}", "", command("--help"), code=2)
    return [in_course(name)] + args


# ---------------------------------------------------------------- 2  which Python


def check_python() -> None:
    """Refuse a Python that is too old, and name one that would do."""
    if sys.version_info < OLDEST_PYTHON:
        needed, this = "{}.{}".format(*OLDEST_PYTHON), "{}.{}.{}".format(*sys.version_info)
        fact = f"this course needs Python {needed} or newer, this is {this}"
        raise Problem(fact, "", newer_python())


def newer_python() -> str:
    """A command that starts this file with a newer Python, or where to get one."""
    if WINDOWS:
        return f"py -3.12 course.py; if that is missing, {GET_PYTHON}"
    for minor in range(NEWEST_PYTHON[1], OLDEST_PYTHON[1] - 1, -1):
        name = f"python3.{minor}"
        # Version managers put names on the PATH that do not start: so start it.
        with suppress(OSError):
            if run([name, "-c", "import venv, ensurepip"])[0] == 0:
                return " ".join([name, "course.py"] + sys.argv[1:])
    return GET_PYTHON


def check_modules() -> None:
    """Refuse a Python that came without the modules that make a .venv."""
    from importlib.util import find_spec

    for name in ("venv", "ensurepip"):
        if find_spec(name) is None:
            why, attempt = "", GET_PYTHON
            if sys.platform == "linux":
                why = "Debian and Ubuntu ship it in a package of its own"
                attempt = f"sudo apt install python3.{sys.version_info[1]}-venv"
            raise Problem(f"this Python has no module {name}", why, attempt)


# ---------------------------------------------------------------- 3  set up


def set_up(files: List[str]) -> None:
    """Have a .venv that holds what these requirements files ask for; at once if it does."""
    if is_current(files):
        return
    try:
        with lock():
            if not is_current(files):
                complete(files)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise failure("set-up", str(error)) from error


def is_current(files: List[str]) -> bool:
    """Whether the stamp fits, and the Python that .venv was made from is still there."""
    stamp, wanted = read_stamp(), facts(files)
    there = os.path.isfile(PYTHON) and os.path.isdir(read_config().get("home", ""))
    return there and all(stamp.get(key) == value for key, value in wanted.items())


def facts(files: List[str]) -> Dict[str, str]:
    """What the stamp must say: where (a .venv cannot be moved), which Python, which files."""
    found = {"folder": os.path.realpath(VENV), "interpreter": os.path.realpath(PYTHON)}
    found["python"] = read_config().get("version", "")
    found.update((name, digest(name)) for name in files)
    return found


def digest(name: str) -> str:
    """The SHA-256 of a file of the course."""
    try:
        with open(in_course(name), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        raise Problem(f"cannot read {name}", str(error), "get the course anew") from error


def read_stamp() -> Dict[str, str]:
    """What the last set-up noted; nothing if it never ended."""
    with suppress(OSError, ValueError, TypeError), open(STAMP, encoding="utf-8") as file:
        return dict(json.load(file))
    return {}


def write_stamp(files: List[str]) -> None:
    """Note what is installed, all at once or not at all."""
    with open(STAMP + ".new", "w", encoding="utf-8") as file:
        json.dump(facts(files), file, indent=1)
    os.replace(STAMP + ".new", STAMP)


def read_config() -> Dict[str, str]:
    """What pyvenv.cfg says, or nothing."""
    with suppress(OSError), open(CONFIG, encoding="utf-8", errors="replace") as file:
        return dict(re.findall(r"^(\w+) *= *(.*?) *$", file.read(), re.MULTILINE))
    return {}


@contextmanager
def lock() -> Iterator[None]:
    """Let one course.py set up at a time; the system unlocks if this one is killed."""
    with open(VENV + ".lock", "a") as file:
        # A pip that outlives its killed parent still writes, so it holds the lock as well.
        os.set_inheritable(file.fileno(), not WINDOWS)
        if not try_lock(file.fileno()):
            say("Another course.py is setting up: waiting for it.")
            while not try_lock(file.fileno()):
                time.sleep(0.1)
        yield


def try_lock(file: int) -> bool:
    """Take the lock if it is free."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def complete(files: List[str]) -> None:
    """Make .venv if need be, install, and stamp it last."""
    refuse_other_things()
    say("Setting up .venv: this takes about half a minute the first time.")
    start, progress = time.monotonic(), Progress()
    try:
        if not is_usable():
            check_modules()
            progress.show("making .venv")
            make_venv()
        with suppress(FileNotFoundError):
            os.remove(STAMP)
        install(files, progress)
        write_stamp(files)
    finally:
        progress.clear()
    say(f"Set up in {time.monotonic() - start:.0f} s.\n")


def refuse_other_things() -> None:
    """Stop if .venv is something that is not ours to remove."""
    is_other_folder = os.path.isdir(VENV) and os.listdir(VENV) and not os.path.isfile(CONFIG)
    if os.path.isfile(VENV) or is_other_folder:
        fact, why = ".venv is here, but is no virtual environment", "it has no pyvenv.cfg"
        raise Problem(fact, why, f"rename or move {VENV}, then {again()}")


# Run by .venv's Python. The list of pip's files is written last: if all of them are there,
# pip is whole. Python 3.7 has no importlib.metadata and fails, which is the right answer too.
PROBE = f"""
import sys, importlib.metadata
pip = importlib.metadata.distribution("pip")
files = [line.split(",")[0] for line in (pip.read_text("RECORD") or "").splitlines()]
whole = files and all(pip.locate_file(f).exists() for f in files if f.endswith(".py"))
sys.exit(0 if whole and sys.version_info >= {OLDEST_PYTHON} else 1)
"""


def is_usable() -> bool:
    """Whether .venv stands where it was made, its Python starts, and it has pip."""
    folder = os.path.realpath(VENV)
    with suppress(OSError):
        return (
            read_stamp().get("folder", folder) == folder
            and os.path.isfile(PYTHON)
            and run([PYTHON, "-I", "-c", PROBE])[0] == 0
        )
    return False


def make_venv() -> None:
    """Make .venv, with pip in it, in place of what is there."""
    discard_venv()
    os.makedirs(VENV)
    open(CONFIG, "a").close()  # from now on it is a .venv of ours, if half made
    # Started by .venv's own Python, we need the one behind it: .venv was just removed.
    base = getattr(sys, "_base_executable", None) or sys.executable
    code, output = run([base, "-I", "-m", "venv", VENV])
    if code:
        raise failure("making .venv", output)


def discard_venv() -> None:
    """Remove .venv. It is renamed first, so that being stopped here leaves no half of it."""
    import shutil

    discarded = VENV + ".discarded"
    try:
        shutil.rmtree(discarded, ignore_errors=True)
        if os.path.lexists(VENV):
            os.rename(VENV, discarded)
            shutil.rmtree(discarded, ignore_errors=True)
    except OSError as error:
        attempt = f"close the programs that use .venv, then {again()}"
        raise Problem("cannot remove .venv", str(error), attempt) from error


# ---------------------------------------------------------------- 4  pip and its words

PIP = ["-m", "pip", "install", "--progress-bar", "off"]
PIP += ["--disable-pip-version-check", "--no-input", "--no-color"]
WHEELS = ["--only-binary", ":all:"]  # nothing that would have to be compiled
# These would send the packages elsewhere, or hide what pip does.
PIP_UNSET = ["PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_DRY_RUN", "PIP_QUIET"]


def install(files: List[str], progress: "Progress") -> None:
    """Let .venv's pip install these requirements files."""
    options = [word for name in files for word in ("-r", in_course(name))]
    code, output = pip(WHEELS + options, progress.watch)
    if code:
        raise failure("pip", output)


def pip(options: List[str], watch: Callable[[str], None], mode: str = "w") -> Tuple[int, str]:
    """Run .venv's pip to its end; give back its exit code, and what it said, which is logged."""
    code, output = run([PYTHON, "-I", "-u", "-X", "utf8"] + PIP + options, watch)
    with suppress(OSError), open(LOG, mode, encoding="utf-8") as log:
        log.write(output + "\n")
    return code, output


def run(argv: List[str], watch: Callable[[str], None] = lambda line: None) -> Tuple[int, str]:
    """Run a command to its end; show each line that it writes to `watch`, and keep them."""
    from subprocess import DEVNULL, PIPE, STDOUT, Popen

    env = {key: value for key, value in os.environ.items() if key not in PIP_UNSET}
    env["PIP_USER"] = "0"
    lines = []
    with Popen(
        argv, cwd=HERE, env=env, close_fds=WINDOWS, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
    ) as child:
        try:
            for line in child.stdout or ():
                lines.append(line.decode("utf-8", "replace").rstrip())
                watch(lines[-1])
        except BaseException:
            child.terminate()
            raise
    return child.returncode, "\n".join(lines)


class Progress:
    """One live line on a terminal; elsewhere a plain line for each package."""

    def __init__(self) -> None:
        self.found = []  # type: List[str]
        self.fetched = 0
        self.live = sys.stderr.isatty()
        self.width = 0

    def watch(self, line: str) -> None:
        """Show what a line of pip's tells a learner, if anything."""
        text = self.read(line)
        if text and (self.live or not text.startswith("fetching")):
            self.show(text)

    def read(self, line: str) -> str:
        """Say a line of pip's in our words; nothing if it is of no interest."""
        found = re.match(r"Collecting ([\w.-]+)", line)
        fetched = re.match(r" +(?:Downloading|Using cached) (\S+?)-\d\S*\.whl \((.+)\)", line)
        if found and found.group(1) not in self.found:
            self.found.append(found.group(1))
            return f"package {len(self.found)}: {found.group(1)}"
        if fetched:
            self.fetched += 1
            count = f"{self.fetched} of {len(self.found)}"
            return f"fetching {count}: {fetched.group(1)} ({fetched.group(2)})"
        if line.startswith("Installing collected packages"):
            return f"installing all {line.count(',') + 1}"
        return "no answer yet, trying again" if "Retrying (Retry(" in line else ""

    def show(self, text: str) -> None:
        """Put a text in place of the last one, or below it."""
        from shutil import get_terminal_size

        if not self.live:
            return say("  " + text)
        text = f"  {text}"[: get_terminal_size().columns - 3]
        sys.stderr.write("\r" + text.ljust(self.width))
        sys.stderr.flush()
        self.width = len(text)

    def clear(self) -> None:
        """Leave an empty line for whatever comes next; a ^C may stand at its end."""
        if self.live:
            sys.stderr.write("\r" + " " * (self.width + 2) + "\r")


# ---------------------------------------------------------------- 5  what went wrong

UNREACHABLE = "the package index cannot be reached"
UNTRUSTED = "the package index cannot be trusted"

# What is looked for in a failed command's output or in the system's error: the fact, the reason,
# what to do. The first that is found counts, as it makes pip say the later ones, too.
SYMPTOMS = {
    r"No space left|Errno 28\b|WinError 112\b|uota exceeded": (
        ("the disk is full", "", "free 500 MB")
    ),
    r"(?P<said>.*(?:Errno (?:1|13|30)\b|WinError 5\b|Permission denied).*)": (
        ("cannot write to the course's folder", "{said}", "copy it to a place of your own")
    ),
    r"CERTIFICATE_VERIFY_FAILED|confirming the ssl certificate": (
        UNTRUSTED,
        "its certificate is unknown here: a company's proxy may have put in its own",
        "set PIP_CERT and SSL_CERT_FILE to your company's certificate file",
    ),
    r"Retry\(total=0|Max retries exceeded|timed out|ConnectionReset|IncompleteRead": (
        UNREACHABLE,
        "there is no network, or a proxy is in the way",
        "connect, or set HTTPS_PROXY to your proxy",
    ),
    r"No matching distribution found for (?P<package>\S+)": (
        "no package found that fits: {package}",
        "pip was given no index, or found no ready-made build (wheel) for this Python and system",
        "check the network; if that is fine remove the folder .venv, use Python 3.12",
    ),
    r"ERROR: (?P<said>.+)": ("{what} failed", "{said}", "read .venv/pip.log, mend that"),
    r"(?P<said>.*)\s*\Z": ("{what} failed", "{said}", "remove the folder .venv"),
}


def failure(what: str, output: str) -> Problem:
    """Tell from what was said why something failed."""
    from shutil import disk_usage

    # Neither pip nor venv always says so.
    if disk_usage(HERE).free < 10_000_000:
        output = "No space left"
    for pattern, (fact, why, attempt) in SYMPTOMS.items():
        found = re.search(pattern, output)
        if found:
            said = dict(found.groupdict(), what=what)
            return Problem(fact.format(**said), why.format(**said), f"{attempt}, then {again()}")
    return Problem(f"{what} failed")


# ---------------------------------------------------------------- 6  extras

# The only one that pip may compile, and not on Windows, where nobody has what that takes.
COMPILED = [] if WINDOWS else ["pyaudio"]
# Without a network an extra waits for the next time, and the learner must not wait for it.
HASTY = ["--timeout", "6", "--retries", "1"]
NO_WHEEL = "no wheel for this system"
BROKEN_OFF = "the download broke off"


class Extra:
    """A line of requirements-extras.txt, and what the comment above it tells."""

    def __init__(self, line: str, comment: str) -> None:
        self.line, self.name = line, re.split(r"[^\w.-]", line)[0]
        self.megabytes = float((re.findall(r"([\d.]+) MB", comment) or ["0"])[-1])
        self.loss = " ".join(" ".join(re.findall(r"(?s)Without it(.+?)\.", comment)).split())
        self.remedies = re.findall(r"(?m) ((?:sudo )?(\w+) install .+)$", comment)

    def __str__(self) -> str:
        return f"{self.name} ({self.megabytes:g} MB)" if self.megabytes else self.name


def read_extras() -> List[Extra]:
    """All extras, in the order in which they are tried; none if the file is not there."""
    extras, comment = [], ""
    with suppress(FileNotFoundError), open(EXTRAS, encoding="utf-8") as file:
        for line in map(str.strip, file):
            if line and not line.startswith("#"):
                extras.append(Extra(line, comment))
            comment = comment + line[1:] + "\n" if line.startswith("#") else ""
    return extras


def untried() -> List[Extra]:
    """The extras of which it is not known whether they can be had."""
    outcomes = read_outcomes()
    return [extra for extra in read_extras() if extra.line not in outcomes]


def read_outcomes() -> Dict[str, str]:
    """Each line that was tried with this Python, and why it could not be had, or nothing."""
    with suppress(OSError, ValueError, TypeError), open(OUTCOMES, encoding="utf-8") as file:
        outcomes = dict(json.load(file))
        if outcomes.pop("python", "") == read_config().get("version", ""):
            return outcomes
    return {}


def write_outcomes(outcomes: Dict[str, str]) -> None:
    """Remember what became of the extras, all at once or not at all."""
    with open(OUTCOMES + ".new", "w", encoding="utf-8") as file:
        json.dump(dict(outcomes, python=read_config().get("version", "")), file, indent=1)
    os.replace(OUTCOMES + ".new", OUTCOMES)


def add_extras(afresh: bool) -> None:
    """Try the extras that were not tried yet, or all; what fails is told, and stops nothing."""
    try:
        if afresh or untried():
            with lock():
                try_each(read_extras() if afresh else untried())
    except BrokenPipeError:
        raise
    except OSError as error:
        say(f"{failure('fetching extras', str(error))}\n")


def try_each(extras: List[Extra]) -> None:
    """Install extras one by one, and remember after each what became of it."""
    if not extras:
        return
    size, count = sum(extra.megabytes for extra in extras), len(extras)
    say(f"Fetching what lesson 3 is better with: {count} extras, at most {size:.0f} MB.")
    outcomes, is_offline, has_lost = read_outcomes(), False, False
    for number, extra in enumerate(extras, 1):
        title = f"{number} of {count}: {extra}"
        why = try_one(extra, title, is_offline)
        say(f"  {title}: " + (f"failed, {why}; without it {extra.loss}" if why else "done"))
        is_offline = is_offline or why in (UNREACHABLE, UNTRUSTED)
        has_lost = has_lost or bool(why)
        if why not in (UNREACHABLE, UNTRUSTED, BROKEN_OFF):
            outcomes[extra.line] = why
            write_outcomes(outcomes)
    say(f"Lesson 3 works all the same; {command('extras')} tries again.\n" if has_lost else "")


def try_one(extra: Extra, title: str, is_offline: bool) -> str:
    """Let pip install an extra; why it could not be had, or nothing."""
    progress = Progress()
    # One long wait for the index is enough. Without it pip still finds what is installed.
    options = ["--no-index"] if is_offline else HASTY
    options = options + ([] if extra.name in COMPILED else WHEELS) + [extra.line]
    try:
        if progress.live:
            progress.show(title)
        code, output = pip(options, progress.watch if progress.live else lambda line: None, "a")
    finally:
        progress.clear()
    why = why_not(extra, code, output)
    return UNREACHABLE if is_offline and why == NO_WHEEL else why


def why_not(extra: Extra, code: int, output: str) -> str:
    """Why pip did not install an extra, in a few words; nothing if it did."""
    if "Operation cancelled by user" in output:  # it may notice Ctrl-C before we do
        raise KeyboardInterrupt
    if re.search(r"(?m)^Ignoring .+: markers", output):
        return "it is not made for this system"
    if code == 0:
        return ""
    problem = failure("pip", output)
    if problem.fact in (UNREACHABLE, UNTRUSTED):
        return BROKEN_OFF if "  Downloading " in output else problem.fact
    if problem.fact.startswith("no package found"):
        return NO_WHEEL
    if re.search("Failed building wheel|subprocess-exited-with-error", output):
        return f"it does not compile here ({remedy(extra)})"
    return ": ".join(words for words in (problem.fact, problem.why) if words)


def remedy(extra: Extra) -> str:
    """The command that brings what compiling an extra takes, for the installer that is here."""
    from shutil import which

    commands = [words for words, installer in extra.remedies if which(installer)]
    first = (commands or ["install a compiler and what it is compiled against"])[0]
    return f"try: {first}, then {command('extras')}"


# ---------------------------------------------------------------- 7  start


def start(words: List[str]) -> int:
    """Do what the words ask for."""
    word, args = (words or [""])[0], words[1:]
    if word in ("-h", "--help", "help"):
        print(usage())
        return 0
    check_python()
    argv = arguments(word or "1", args or ([] if word else ["--offline"]))
    set_up(["requirements.txt"] + ["requirements-dev.txt"] * (word == "test"))
    if word == "extras":
        add_extras(afresh=True)
        return 0
    if word == "3" and not {"-h", "--help"} & set(args):
        add_extras(afresh=False)
    if not word:
        return tour(argv)
    if word in MODULES:
        os.chdir(HERE)
    return become(argv)


def tour(argv: List[str]) -> int:
    """Show lesson 1, then what can be typed next."""
    code = wait_for(argv)
    if code == 0:
        print("\nWhat to type next:\n" + menu())
    return code


def become(argv: List[str]) -> int:
    """Hand the process over to .venv's Python: Ctrl-C and the exit code are its own then."""
    if WINDOWS:  # os.execv would give the prompt back at once
        return wait_for(argv)
    sys.stdout.flush()
    os.execv(PYTHON, [PYTHON] + argv)


def wait_for(argv: List[str]) -> int:
    """Run .venv's Python to its end and give back its exit code; Ctrl-C goes to it alone."""
    import signal
    import subprocess

    sys.stdout.flush()
    # A handler of ours, not SIG_IGN: the child would inherit that, and be deaf to Ctrl-C.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = subprocess.call([PYTHON] + argv)
    finally:
        signal.signal(signal.SIGINT, before)
    if code in (-signal.SIGINT, 0xC000013A):  # ended by Ctrl-C on POSIX, on Windows
        return 130
    return code if code >= 0 else 128 - code


def explain(words: List[str]) -> int:
    """Start; turn a problem into its message, and Ctrl-C into a word."""
    try:
        code = start(words)
        sys.stdout.flush()
        return code
    except Problem as problem:
        say(str(problem))
        return problem.code
    except KeyboardInterrupt:
        say("stopped")
        return 130


def main() -> int:
    """Start; end quietly if nobody reads what is said."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # started with it closed
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    try:
        return explain(sys.argv[1:])
    except BrokenPipeError:
        # Python flushes both at its end, and would complain then.
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        return 141


if __name__ == "__main__":
    sys.exit(main())
