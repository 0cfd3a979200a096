"""What part 7 of lesson 3 shows: each request about a recording, its time, and which to choose."""

import time
import wave
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common import COURSE
from console.call_display import own_file, sound_file
from console.lesson import Lesson
from console.terminal import Terminal, plain
from emulator.models import DIARIZING, NAMED, SUBTITLING

from openai import BadRequestError, OpenAI

MEETING = COURSE / "data" / "meeting.wav"
IN_TOUR_S = 40
NOT_INSTALLED = "not_installed_on_emulator"
FIRST_TURNS, FIRST_CUES, BEST = 6, 2, 2

Transcribe = Callable[[OpenAI, Path, str], None]
Speakers = Callable[[OpenAI, Path], list[tuple[float, str]]]
Subtitles = Callable[[OpenAI, Path], str]
Search = Callable[[OpenAI, str, list[str], str], list[tuple[float, str]]]


def until(model: str) -> str:
    """A model's name, and when it ends."""
    ends = NAMED[model].ends
    return f"{model}, which ends on {ends}" if ends else model


def understand(
    lesson: Lesson,
    transcribe: Transcribe,
    speakers: Speakers,
    subtitles: Subtitles,
    search: Search,
) -> None:
    """Show a recording as words, turns and subtitles, and find something that was said in it."""
    file, terminal, settings = recording_of(lesson), lesson.terminal, lesson.settings
    client = OpenAI(timeout=300)
    terminal.note(f"The recording is {file.name}.")
    with engine_may_be_missing(lesson):
        with timed(terminal, f"The words, as they are recognized ({settings.transcribe_model}):"):
            transcribe(client, file, settings.transcribe_model)
        with timed(terminal, f"Who spoke ({until(DIARIZING)}):"):
            turns = speakers(client, file)
            show_turns(terminal, turns)
        with timed(terminal, f"Subtitles ({until(SUBTITLING)}):"):
            cues = subtitles(client, file)
            save_subtitles(terminal, cues, lesson.options.calls / f"{file.stem}.srt")
        if question := question_for(lesson, file):
            with timed(terminal, f"Search what was said ({settings.embedding_model}):"):
                terminal.question(question)
                words = [f"{clock_time(start)}  {text}" for start, text in turns]
                best = search(client, question, words, settings.embedding_model) if words else []
                for score, text in best[:BEST]:
                    terminal.say(f"{score:.2f}  {plain(text)}")
        terminal.say()
        terminal.note("Which model to use (prices per minute, November 2026):")
        terminal.table(["you need", "use", "price", "ends"], texts_of(lesson)["choices"], folded=1)


@contextmanager
def engine_may_be_missing(lesson: Lesson) -> Iterator[None]:
    """In a tour, go on where the emulator lacks the package that recognizes speech."""
    try:
        yield
    except BadRequestError as error:
        if lesson.options.part is not None or error.code != NOT_INSTALLED:
            raise
        said = error.body.get("message") if isinstance(error.body, dict) else None
        lesson.terminal.note(str(said or error.message))


def recording_of(lesson: Lesson) -> Path:
    """The learner's own recording, or the meeting; CourseError if there is no such file.

    In a tour, the beginning of the meeting is enough: the emulator needs its time.
    """
    file = own_file(lesson) or MEETING
    is_tour = lesson.options.part is None
    return beginning_of(file, sound_file(lesson, "meeting")) if is_tour else file


def beginning_of(file: Path, copy: Path) -> Path:
    """A copy of the first seconds of a WAV file."""
    with wave.open(str(file)) as sound, wave.open(str(copy), "wb") as start:
        start.setparams(sound.getparams())
        start.writeframes(sound.readframes(IN_TOUR_S * sound.getframerate()))
    return copy


def question_for(lesson: Lesson, file: Path) -> str | None:
    """What to search for: the words after --find, or a question about the meeting."""
    own: str | None = lesson.options.find
    return own or (str(texts_of(lesson)["find"]) if file.name == MEETING.name else None)


def texts_of(lesson: Lesson) -> Mapping[str, Any]:
    return lesson.now.texts if lesson.now else {}


@contextmanager
def timed(terminal: Terminal, title: str) -> Iterator[None]:
    """A titled step, and how long it took."""
    terminal.say()
    terminal.note(title)
    start = time.perf_counter()
    yield
    terminal.note(f"That took {time.perf_counter() - start:.1f} s.")


def show_turns(terminal: Terminal, turns: list[tuple[float, str]]) -> None:
    """The first turns, and how many more there are."""
    if not turns:
        terminal.note("No speech was found.")
        return
    rows = [(clock_time(start), text) for start, text in turns[:FIRST_TURNS]]
    terminal.table(["from", "who said what"], rows)
    if len(turns) > FIRST_TURNS:
        terminal.note(f"{len(turns) - FIRST_TURNS} more turns.")


def save_subtitles(terminal: Terminal, cues: str, file: Path) -> None:
    """Show the first cues, and save all of them."""
    blocks = [block for block in cues.strip().split("\n\n") if block]
    for block in blocks[:FIRST_CUES]:
        terminal.say(plain(block))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(cues, encoding="utf-8")
    terminal.note(f"The subtitles ({len(blocks)}) are in {file}. A video player can show them.")


def clock_time(seconds: float) -> str:
    """Seconds as minutes and seconds, such as 1:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
