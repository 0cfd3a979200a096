"""What lesson 3 shows of a call, and the clock that its caller lives by."""

from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from audio.call_clock import CallClock, VirtualClock
from audio.caller import CallNotes, SimulatedCaller
from audio.wav import read_sound, write_wav
from common import COURSE
from common.settings import CourseError
from console.lesson import Lesson, Option
from console.terminal import Terminal

CALLERS = COURSE / "data" / "callers"
FASTEST = 10.0
"""A clock that is faster than this gets ahead of the server."""

STAGES = {
    "ended": "the silence rule ends the turn",
    "understood": "speech recognition has the words",
    "answered": "the first sound of the answer comes",
}
"""What a turn waits for after the caller's last sound, by the names of `TurnTimes`."""

TURNS_A_TABLE = 5
"""More columns than this don't fit into 80 characters."""

OPTIONS: list[Option] = [
    ("--calls", "calls", "where the sound is saved (default: the folder calls)"),
    ("--play", "switch", "voice, interrupt, tool: play the sound when it is over"),
    ("--devices", "devices", "list the microphones and loudspeakers, then stop"),
    ("--input", "name", "talk: the microphone, by number or a part of its name"),
    ("--output", "name", "talk, --play: the loudspeaker, in the same way"),
    ("--push-to-talk", "switch", "talk: send sound only while you hold the space bar"),
    ("--speakers", "switch", "talk: you have no headphones; mutes you while the assistant speaks"),
    ("--find", "words", "transcribe: what to search for in the recording"),
]

VoiceTurn = Callable[[Path, Path, str, str], None]
"""A part: the WAV of the question, that of the answer, the model, and the transcriber."""

VoiceCall = Callable[..., Coroutine[Any, Any, None]]
"""A part: microphone, speaker, model, transcriber, and what shows the events."""


def take_turn(lesson: Lesson, part: VoiceTurn, clip: str) -> None:
    """Let a recorded caller ask one question, or the learner by a sound file."""
    answer = sound_file(lesson, part.__name__)
    question = own_question(lesson) or CALLERS / f"{clip}.wav"
    words = question.with_suffix(".txt")
    if words.is_file():
        lesson.terminal.question(words.read_text(encoding="utf-8").strip())
    part(question, answer, lesson.model, lesson.settings.transcribe_model)
    lesson.terminal.note(f"The sound of the answer is in {answer}.")
    play_if_asked(lesson, question, answer)


def own_question(lesson: Lesson) -> Path | None:
    """The learner's own sound file, as the WAV that a call needs."""
    own = own_file(lesson)
    if own is None:
        return None
    question = sound_file(lesson, "question")
    write_wav(question, read_sound(own))
    lesson.terminal.note(f"Your question is {own.name}.")
    return question


def own_file(lesson: Lesson) -> Path | None:
    """The file that the learner has named, if any; CourseError if it isn't there."""
    if not lesson.options.question:
        return None
    own = Path(lesson.options.question)
    if not own.is_file():
        raise CourseError(f"there is no file {own}", f"you are in {Path.cwd()}", "check its path")
    return own


def hold_call(lesson: Lesson, part: VoiceCall, clips: Mapping[str, int | None]) -> None:
    """Let a recorded caller speak these clips in a call; show it, and keep the sound of both sides.

    A clip is spoken once the answer before it was heard, or so many ms of it.
    """
    caller, file = caller_for(lesson), sound_file(lesson, part.__name__)
    models = lesson.model, lesson.settings.transcribe_model
    call = part(caller.microphone, caller.speaker, *models, caller.note_event)
    lesson.run(caller.run_call(call, {CALLERS / f"{name}.wav": ms for name, ms in clips.items()}))
    show_cuts(caller, lesson.terminal)
    show_latency(caller, lesson.terminal)
    keep_call(caller, file, lesson.terminal)
    play_if_asked(lesson, file)


def hold_your_call(lesson: Lesson, part: VoiceCall) -> None:
    """Let the learner speak in a call, by microphone and loudspeaker."""
    # Imported here, as other parts need no device, and NumPy takes a tenth of a second to load.
    from console.talk import hold_own_call

    hold_own_call(lesson, part)


def play_if_asked(lesson: Lesson, *files: Path) -> None:
    """With --play, make these files audible, one after the other."""
    if lesson.options.play:
        from console.talk import play

        all(play(lesson, file) for file in files)  # one message is enough


def drop_of(lesson: Lesson) -> Callable[[], None]:
    """What drops the connection of part 5, as a network does, and says so."""

    def drop() -> None:
        lesson.terminal.note("The connection is dropped here, on purpose.")
        lesson.proxy.drop()

    return drop


def sound_file(lesson: Lesson, name: str) -> Path:
    """Where the sound of a part is kept; its folder exists."""
    folder: Path = lesson.options.calls
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.wav"


def caller_for(lesson: Lesson) -> SimulatedCaller:
    """A caller who keeps the pace of the server that answers.

    At pace 0, and for a cassette at speed 0, the call's clock skips all that can be skipped. For
    a live server, and one that somebody else started, it's always the world's.
    """
    options = lesson.options
    if options.replay:
        speed = options.speed
    elif lesson.connection.is_ours:
        speed = 1 / options.pace if options.pace else 0.0
    else:
        speed = 1.0
    clock = CallClock(min(speed, FASTEST)) if speed else VirtualClock()
    return SimulatedCaller(clock, lesson.terminal.utterance)


def show_cuts(caller: CallNotes, terminal: Terminal) -> None:
    """Where answers were cut off, by the count of samples."""
    cuts = {item_id: cut for item_id, cut in caller.speaker.cuts.items() if cut.received}
    for item_id, cut in cuts.items():
        arrived, played = f"{cut.received_ms:,} ms", f"{cut.audio_end_ms:,} ms"
        told = f"so the lesson sent audio_end_ms = {cut.audio_end_ms}"
        first = f"Answer {caller.number_of(item_id)}: of" if len(cuts) > 1 else "Of"
        terminal.note(f"{first} {arrived} that had arrived, {played} were played, {told}.")
    if cuts:
        terminal.note("Which words were heard is an estimate: no event reports it.")


def show_latency(caller: CallNotes, terminal: Terminal) -> None:
    """When each stage of a turn was reached, in seconds after the caller's last sound."""
    ends = [span.end_s for span in caller.recording.spans() if span.speaker == "caller"]
    turns = list(zip(caller.turns.values(), ends, strict=False))
    for first in range(0, max(1, len(turns)), TURNS_A_TABLE):
        some = turns[first : first + TURNS_A_TABLE]
        rows = [
            (stage, *(_after(caller, getattr(turn, name), end_s) for turn, end_s in some))
            for name, stage in STAGES.items()
        ]
        titles = [f"turn {number}" for number in range(first + 1, first + len(some) + 1)]
        terminal.table(["after the caller's last sound", *titles], rows)


def _after(caller: CallNotes, moment: float | None, end_s: float) -> str:
    return "-" if moment is None else f"+{caller.recording.seconds(moment) - end_s:.2f} s"


def keep_call(caller: CallNotes, file: Path, terminal: Terminal) -> None:
    """Save a call, and show which side spoke when; the picture of that is saved beside it."""
    caller.save(file)
    call = caller.recording
    levels = {speaker: call.levels(speaker) for speaker in ("caller", "assistant")}
    picture = file.with_suffix(".svg")
    terminal.timeline(call.spans(), call.marks, call.duration_s, levels, picture)
    terminal.note(f"The sound is in {file}: the caller left, the assistant right.")
