"""Installs the extras one by one. If one fails, set-up says why and goes on."""

import re
from collections.abc import Callable

from setup import WINDOWS
from setup.environment import Environment
from setup.extras import Extra, read_extras, read_outcomes, untried, write_outcomes
from setup.lock import lock
from setup.pip import WHEELS_ONLY, pip_install
from setup.problem import command, say
from setup.processes import ignore
from setup.progress import Progress
from setup.symptoms import UNREACHABLE, UNTRUSTED, failure

# pip may compile only this one, if `course.py extras` asks for it, and not on Windows, where hardly
# anybody has a compiler. The start of a lesson compiles nothing.
COMPILED = [] if WINDOWS else ["pyaudio"]
# Without a network an extra can wait for the next time, and the learner must not wait for it.
SHORT_WAIT = ["--timeout", "6", "--retries", "1"]
NO_WHEEL = "no wheel for this system"
DOWNLOAD_STOPPED = "the download was interrupted"
# After one of these an extra is tried again at the next start.
PASSING = (UNREACHABLE, UNTRUSTED, DOWNLOAD_STOPPED)

Install = Callable[[Environment, list[str], Callable[[str], None]], tuple[int, str]]


def add_extras(environment: Environment, *, is_retry: bool, install: Install = pip_install) -> None:
    """Try the extras that were not tried yet; all of them in a retry."""
    try:
        with lock(environment.folder):
            extras = read_extras(environment.course) if is_retry else untried(environment)
            if extras:
                try_each(environment, extras, install, may_compile=is_retry)
    except BrokenPipeError:
        raise
    except OSError as error:
        say(f"{failure('installing extras', str(error))}\n")


def try_each(
    environment: Environment, extras: list[Extra], install: Install, *, may_compile: bool
) -> None:
    """Install extras one by one, and save the outcome after each."""
    size, count = sum(extra.megabytes for extra in extras), len(extras)
    say(f"Installing what makes lesson 3 better: {count} extras, at most {size:.0f} MB.")
    outcomes, is_offline, has_failed = read_outcomes(environment), False, False
    installed = [re.split(r"[^\w.-]", line)[0] for line, why in outcomes.items() if not why]
    for number, extra in enumerate(extras, 1):
        title = f"{number} of {count}: {extra}"
        only_wheels = extra.name not in COMPILED or not may_compile
        why = try_one(environment, extra, title, is_offline, only_wheels, install)
        is_spare = bool(why) and why not in PASSING and extra.instead in installed
        say(f"  {title}: {outcome(extra, why, is_spare=is_spare)}")
        installed += [extra.name] * (not why)
        is_offline = is_offline or why in (UNREACHABLE, UNTRUSTED)
        has_failed = has_failed or (bool(why) and not is_spare)
        # Kept after each one, so that Ctrl-C in the middle costs one extra and not all.
        if why not in PASSING:
            outcomes[extra.line] = why
            write_outcomes(environment, outcomes)
    retry = f"Lesson 3 works without what failed. To try again: {command('extras')}\n"
    say(retry if has_failed else "")


def outcome(extra: Extra, why: str, *, is_spare: bool) -> str:
    """How it went, in words; `is_spare`: another extra that does the same is installed."""
    if is_spare:
        return f"not needed, as {extra.instead} does the same; {why}"
    return f"failed, {why}; without it {extra.loss}" if why else "done"


def try_one(
    environment: Environment,
    extra: Extra,
    title: str,
    is_offline: bool,
    only_wheels: bool,
    install: Install,
) -> str:
    """Let pip install an extra. Returns why it did not; empty if it did."""
    progress = Progress()
    # One long wait for the index is enough. Without it pip still finds what is installed.
    options = ["--no-index"] if is_offline else SHORT_WAIT
    options = options + (WHEELS_ONLY if only_wheels else []) + [extra.line]
    try:
        if progress.live:
            progress.show(title)
        code, output = install(environment, options, progress.watch if progress.live else ignore)
    finally:
        progress.clear()
    why = why_not(extra, code, output)
    if why != NO_WHEEL:
        return why
    if is_offline:
        return UNREACHABLE
    return f"{why} ({remedy(extra)})" if extra.name in COMPILED else why


def why_not(extra: Extra, code: int, output: str) -> str:
    """Why pip did not install an extra, in a few words; empty if it did."""
    if "Operation cancelled by user" in output:  # Ctrl-C may reach pip before it reaches us
        raise KeyboardInterrupt
    if re.search(r"(?m)^Ignoring .+: markers", output):
        return "it is not made for this system"
    if code == 0:
        return ""
    problem = failure("pip", output)
    if problem.fact in (UNREACHABLE, UNTRUSTED):
        return DOWNLOAD_STOPPED if "  Downloading " in output else problem.fact
    if problem.fact.startswith("no package found"):
        return NO_WHEEL
    if re.search("Failed building wheel|subprocess-exited-with-error", output):
        return f"it does not compile here ({remedy(extra)})"
    return ": ".join(words for words in (problem.fact, problem.why) if words)


def remedy(extra: Extra) -> str:
    """The command for the installer of this system that installs what compiling an extra needs."""
    from shutil import which

    commands = [words for words, installer in extra.remedies if which(installer)]
    first = (commands or ["install a compiler and the library that it needs"])[0]
    return f"try: {first}, then {command('extras')}"
