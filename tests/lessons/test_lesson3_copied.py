"""Each part of lesson 3 works in a program of one's own: its section is pasted into a bare file."""

import json
import re
import subprocess
import sys

from tests.support import lessons

import pytest

SECTION = re.compile(r"^# -{10,} +(?:\d+|\+)? *(\w+)(?:: .+)?$", re.MULTILINE)
SOURCE = lessons.LESSON_3.read_text(encoding="utf-8")
CALLERS = lessons.COURSE / "data" / "callers"
MODELS = '"gpt-realtime-2.1-mini", "gpt-transcribe"'

DEVICES = """
class Loudspeaker:
    def play(self, item_id, pcm):
        played.append(pcm)
    def finish(self, item_id): pass
    def stop(self): return []

played = []
over = asyncio.Event()

async def microphone():
    with wave.open(CLIP) as sound:
        while piece := sound.readframes(480):
            yield piece
    while not over.is_set():
        yield bytes(960)
        await asyncio.sleep(0.002)

def show(event):
    if event.type == "response.done":
        assert played
        over.set()
"""

# What to call for each part, the other sections that it uses, and what is printed.
CALLS = {
    "text": ('text("When does the last bus leave?", MODEL)', [], "the last one goes back at 23:10"),
    "voice": ('voice(Path(CLIP), Path("a.wav"), MODEL, TRANSCRIBER)', ["text"], "closed"),
    "interrupt": (
        "asyncio.run(interrupt(microphone(), Loudspeaker(), MODEL, TRANSCRIBER, show)); print(1)",
        ["text", "voice"],
        "1",
    ),
    "tool": ('tool(Path(CLIP), Path("a.wav"), MODEL, TRANSCRIBER)', ["text", "voice"], "closed"),
    "talk": ("print(talk is interrupt)", ["text", "voice", "interrupt"], "True"),
    "transcribe": (
        "transcribe(OpenAI(), Path(CLIP), TRANSCRIBER); print(subtitles(OpenAI(), Path(CLIP)))",
        [],
        "--> 00:00:0",
    ),
    "reconnect": (
        'reconnect(OpenAI(), ["What is the Lantern?"], MODEL, lambda: None)',
        ["text"],
        "a mirror telescope",
    ),
}


def sections():
    """The text of each section, by its name."""
    found = list(SECTION.finditer(SOURCE))
    ends = [*(match.start() for match in found[1:]), len(SOURCE)]
    return {match[1]: SOURCE[match.start() : end] for match, end in zip(found, ends, strict=True)}


def imports():
    """The imports of the lesson, without those of the course."""
    head = SOURCE[: SECTION.search(SOURCE).start()].partition('"""\n\n')[2]
    lines = re.sub(r"^(from console|sys\.path).*\n", "", head, flags=re.MULTILINE)
    assert "console" not in lines
    return lines


def test_every_part_is_copied():
    assert sorted(sections()) == sorted([*CALLS, "main"])


# Runs each program as Python runs a script, and prints what each printed, or how it failed. One
# process for all: most of the time of such a run goes into importing `openai`.
DRIVER = """
import contextlib, io, json, runpy, sys, traceback

shown = {}
for path in sys.argv[1:]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_path(path, run_name="__main__")
        except BaseException:
            traceback.print_exc()
    shown[path] = out.getvalue(), err.getvalue()
print(json.dumps(shown))
"""


def program(part):
    """The text of a learner's own program for this part."""
    call, uses, _ = CALLS[part]
    clip = f"CLIP = {str(CALLERS / 'ask-closed.wav')!r}\n"
    models = f"MODEL, TRANSCRIBER = {MODELS}\n"
    pasted = "".join(sections()[name] for name in [*uses, part])
    devices = DEVICES if part == "interrupt" else ""
    return f"{imports()}\n{pasted}\n{clip}{models}{devices}{call}\n"


@pytest.fixture(scope="module")
def shown(spare, tmp_path_factory):
    """What each part printed to its two streams, in a process that has nothing of the course."""
    folder = tmp_path_factory.mktemp("own")
    files = {part: folder / f"{part}.py" for part in CALLS}
    for part, file in files.items():
        file.write_text(program(part), encoding="utf-8")
    variables = {"OPENAI_BASE_URL": spare.base_url, "OPENAI_API_KEY": "mine"}

    run = subprocess.run(
        [sys.executable, "-I", "-c", DRIVER, *map(str, files.values())],
        env=lessons.environment(**variables, NO_PROXY="127.0.0.1"),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")
    streams = json.loads(run.stdout)
    return {part: streams[str(file)] for part, file in files.items()}


@pytest.mark.parametrize("part", CALLS)
def test_part_works_in_a_file_of_its_own(shown, part):
    out, err = shown[part]

    assert err == ""
    assert CALLS[part][2] in out
