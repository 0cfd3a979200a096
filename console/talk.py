"""Lesson 3 with real devices: part 6, a call with your own voice; and `--play`."""

import math
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from audio.call_clock import CallClock
from audio.call_recording import Recording
from audio.caller import CallNotes
from audio.devices import DeviceError, Microphone, Speaker, devices
from audio.portaudio import SoundSystem
from audio.wav import WavSpeaker, read_mono
from common import course_command
from common.settings import CourseError
from console.call_display import VoiceCall, keep_call, show_cuts, show_latency, sound_file
from console.lesson import Lesson
from console.talk_key import TalkKey
from console.terminal import Terminal

ECHO_S = 0.3
"""How long the sound of a loudspeaker may echo in a room after it has stopped."""

HALF_DUPLEX = """ Your microphone is muted while the assistant speaks. Otherwise the assistant would
    interrupt itself. But you can't interrupt it then."""
METER, QUIETEST_DB, NEWEST = 10, -50.0, 50


def hold_own_call(
    lesson: Lesson,
    call: VoiceCall,
    system: SoundSystem | None = None,
    clock: CallClock | None = None,
) -> None:
    """Hold a call with the learner until Ctrl-C, and keep its sound. In a tour, only say how.

    Raises DeviceError without a microphone, CourseError with --replay. Tests bring devices and a
    clock of their own.
    """
    terminal = lesson.terminal
    if lesson.options.part is None:
        terminal.note("This part needs you. To talk:")
        terminal.command(course_command("3", "talk"))
        return
    refuse_replay(lesson)
    devices = ExitStack()
    with devices:
        own = OwnCall(lesson, devices, system, clock or CallClock())
        terminal.note(own.how_to_talk())
        models = lesson.model, lesson.settings.transcribe_model
        try:
            with terminal.status(own.status):
                note = own.notes.note_event
                lesson.run(call(own.frames(), own.speaker, *models, note))
        except KeyboardInterrupt:
            pass  # that's how a caller hangs up
        finally:
            devices.close()  # their threads would go on recording while the call is saved
            own.show(lesson)


def refuse_replay(lesson: Lesson) -> None:
    """CourseError with --replay: the learner's words are not those of the recording."""
    if lesson.options.replay:
        raise CourseError(
            "a call with your own voice can't be replayed",
            "you wouldn't say exactly what the recording contains",
            "leave out --replay",
        )


class OwnCall:
    """The devices of a call, what is sent from the microphone, and what the screen shows.

    Without a loudspeaker the call still works, and its sound is in the recording.
    """

    def __init__(
        self, lesson: Lesson, stack: ExitStack, system: SoundSystem | None, clock: CallClock
    ) -> None:
        options, self._terminal = lesson.options, lesson.terminal
        recording = Recording(clock)
        shared: Any = {"system": system, "on_problem": self._tell}
        self.key = stack.enter_context(TalkKey()) if options.push_to_talk else None
        self._is_half_duplex = options.speakers
        self.microphone = stack.enter_context(
            Microphone(clock, recording, device=options.input, **shared)
        )
        self.speaker: Speaker | WavSpeaker = WavSpeaker(clock, recording)
        try:
            self.speaker = stack.enter_context(
                Speaker(clock, recording, device=options.output, **shared)
            )
        except DeviceError as problem:
            self._tell(problem)
        self.notes = CallNotes(
            clock, recording, self.microphone, self.speaker, lesson.terminal.utterance
        )

    async def frames(self) -> AsyncIterator[bytes]:
        """What is sent: the microphone, or silence while it is muted."""
        iterator = aiter(self.microphone)
        while True:
            self.microphone.is_muted = bool(self.why_muted())
            frame = await anext(iterator, None)
            if frame is None:
                return
            yield frame
            self.notes.show_what_was_heard()

    def why_muted(self) -> str:
        """Why the microphone is muted now; empty if it isn't."""
        is_sounding = self.speaker.has_sounded(ECHO_S)  # one on a file plays when it is asked
        if self.key and not self.key.is_down():
            return "muted: hold or tap the space bar"
        if self._is_half_duplex and is_sounding:
            return "muted while the assistant speaks"
        return ""

    def how_to_talk(self) -> str:
        """What to do now, and which devices are used."""
        used = f"Microphone: {self.microphone.name}."
        if isinstance(self.speaker, Speaker):
            used += f" Loudspeaker: {self.speaker.name}."
        if self.key:
            talk = "Hold the space bar while you speak, or tap it before and after."
        else:
            talk = "Speak when you like. A short silence ends your turn."
        return f"{used} {talk}{HALF_DUPLEX if self._is_half_duplex else ''} Ctrl-C hangs up."

    def status(self) -> str:
        """Two lines: how loud each side is, and what it is saying."""
        muted, said = self.why_muted(), self.notes.words
        heard = getattr(self.speaker, "level", 0.0)
        return "\n".join(
            f"{name:9}  {meter(level)}  {newest(words)}"
            for name, level, words in (
                ("you", self.microphone.level, muted or said["caller"]),
                ("assistant", heard, said["assistant"]),
            )
        )

    def show(self, lesson: Lesson) -> None:
        """Show what was said and lost, and where the sound is, even after a failure."""
        self.notes.show_rest()
        for each in (self.microphone, self.speaker):
            if report := each.report() if isinstance(each, Microphone | Speaker) else "":
                self._terminal.note(report)
        if self.notes.recording.duration_s:
            show_cuts(self.notes, self._terminal)
            show_latency(self.notes, self._terminal)
            keep_call(self.notes, sound_file(lesson, "talk"), self._terminal)

    def _tell(self, problem: DeviceError) -> None:
        """Report a device that can't be used; the call goes on, or ends by itself."""
        self._terminal.note(told(problem))


def newest(words: str) -> str:
    """The end of a text, as much as fits on a line beside the meter."""
    return words if len(words) <= NEWEST else f"... {words[-NEWEST:].partition(' ')[2]}"


def meter(level: float) -> str:
    """A peak from 0 to 1 as a bar, from -50 to 0 dBFS."""
    decibels = 20 * math.log10(max(level, 1e-6))
    bars = round(METER * max(0.0, 1 - decibels / QUIETEST_DB))
    return "#" * bars + "." * (METER - bars)


def show_devices(terminal: Terminal, system: SoundSystem | None = None) -> None:
    """Show the microphones and loudspeakers, and how to choose one."""
    rows = [
        (
            each.index,
            each.name,
            "default" if each.is_default_input else "yes" if each.inputs else "-",
            "default" if each.is_default_output else "yes" if each.outputs else "-",
            f"{each.rate_hz:,} Hz",
        )
        for each in devices(system)
    ]
    if not rows:
        terminal.note("No sound device was found.")
        return
    terminal.table(["", "name", "microphone", "loudspeaker", "own rate"], rows, folded=1)
    terminal.note("Choose a device by its number, or by a part of its name:")
    terminal.command(course_command("3", "talk", "--input", "0", "--output", "0"))


def play(
    lesson: Lesson,
    file: Path,
    system: SoundSystem | None = None,
    clock: CallClock | None = None,
) -> bool:
    """Play a WAV file through the loudspeaker; return whether there is one."""
    pcm = read_mono(file)
    try:
        speaker = Speaker(clock or CallClock(), device=lesson.options.output, system=system)
    except DeviceError as problem:
        lesson.terminal.note(f"The sound can't be played: {told(problem)}")
        return False
    with speaker:
        speaker.play(file.name, pcm)
        speaker.finish(file.name)
        lesson.run(speaker.silent())
    return True


def told(problem: DeviceError) -> str:
    """A problem as sentences: what happened, why, and the fix."""
    return f"{problem}: {problem.why}. To fix it: {problem.attempt}."
