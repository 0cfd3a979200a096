"""Where the show is, and what each key does. There is no terminal here, and time is injected.

Each part has three stages: its title, its run, and its end. A key goes on to the next stage, so one
key is enough to walk through all lessons. Within a run, the time of the recording passes with a
speed; it stands still in a pause, and then the recording can be stepped through, piece by piece.

A part can also be run live. What the lesson writes then is recorded while it comes, so a live part
can be paused and stepped through as well. If it fails, the recording is shown instead.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from presenter.course_show import Chunk, PartReplay, ShowPart
from presenter.pane import Line
from presenter.plan_clock import PlanClock, PlanTime

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
NORMAL = SPEEDS.index(1.0)

FIRST_S, SILENCE_S = 8.0, 10.0
"""A live part has failed if it writes nothing for so long: at first, and later, when a reasoning
model needs some seconds. Its traffic counts as well."""

MESSAGE_S = 12.0
"""How long a message stays on the screen."""

REACTION_S = 1.0
"""So long after a run has ended by itself, a key that goes on was meant for the end of the run."""


class Stage(Enum):
    TITLE = "title"
    RUN = "run"
    END = "end"


class LivePart(Protocol):
    """A part that runs now. `code` is its exit code, None while it runs; see live_part.py.

    It may have failed before it ends.
    """

    @property
    def code(self) -> int | None: ...
    @property
    def has_failed(self) -> bool: ...
    @property
    def complaint(self) -> str: ...
    def chunks(self) -> list[Chunk]: ...
    def stop(self) -> None: ...


StartLive = Callable[[ShowPart], LivePart]
"""Starts a part; raises CourseError if there is no key, or if the server cannot be reached."""


@dataclass(frozen=True)
class ShowView:
    """What is to be drawn. `rows_back` is how far one has scrolled back in the output."""

    show: Sequence[ShowPart]
    place: int
    stage: Stage
    replay: PartReplay
    final_rows: int
    seconds: float
    speed: float
    is_paused: bool
    is_live: bool
    shows_wire: bool
    rows_back: int
    code_shift: int
    message: str
    following: str
    choice: int | None
    shows_help: bool
    plan: PlanTime | None

    @property
    def part(self) -> ShowPart:
        return self.show[self.place]


class ShowPlayer:
    """The show: `press` a key by its name, then `tick`, and `view` says what to draw.

    `clock` returns seconds. `following` says for each part's name what comes after it, such as
    an exercise. With `has_sound`, parts that can be heard keep their silences. `plan_clock` is the
    time of the class.
    """

    def __init__(
        self,
        show: Sequence[ShowPart],
        clock: Callable[[], float],
        start_live: StartLive,
        following: Callable[[str], str] = lambda name: "",
        place: int = 0,
        *,
        has_sound: bool = False,
        plan_clock: PlanClock | None = None,
    ) -> None:
        self.show = list(show)
        self._clock, self._start_live, self._following = clock, start_live, following
        self.place, self._has_sound = place, has_sound
        self.stage = Stage.TITLE
        self.is_over = False
        self._speed = NORMAL
        self._shows_wire = self._shows_help = self._shows_plan = False
        self._plan_clock = plan_clock or PlanClock(clock)
        self._can_undo_restart = False
        self._choice: int | None = None
        self._patience_s = FIRST_S
        self._message, self._message_until = "", 0.0
        self._live: LivePart | None = None
        self._now = clock()
        self._code_scroll: tuple[object, int] = (None, 0)
        self._is_paused = self._live_has_ended = self._was_cut = False
        self._rows_back = self._runs = 0
        self._ended_at = float("-inf")
        self._load(self._recorded())

    @property
    def part(self) -> ShowPart:
        return self.show[self.place]

    @property
    def seconds(self) -> float:
        """How far the recording has run."""
        return self._seconds

    @property
    def heard(self) -> int:
        """A number for each run whose sound is to be heard now; 0 where there is silence.

        When a recording has ended by itself, its sound goes on.
        """
        sound = self.part.sound
        is_silent = (
            not self._has_sound
            or sound is None
            or self._live is not None
            or self._is_paused
            or self._speed != NORMAL
            or self.stage is Stage.TITLE
            or (self.stage is Stage.END and self._was_cut)
            or self._seconds < sound.at
        )
        return 0 if is_silent else self._runs

    @property
    def plan_time(self) -> PlanTime:
        """How long the class has been going on, and how long this part was shown."""
        return self._plan_clock.show(self.part.name)

    @property
    def highlighted(self) -> frozenset[int]:
        """The lines of the part's code that matter now."""
        return self._replay.highlighted

    # ------------------------------------------------------------ keys

    def press(self, key: str) -> None:
        """Obey a key; those that mean nothing are ignored."""
        self._message = ""
        can_undo, self._can_undo_restart = self._can_undo_restart, False
        if key == "c" and can_undo:
            self._undo_restart()
        elif self._shows_help or self._shows_plan:
            self._shows_help = self._shows_plan = False
            if key == "c":
                self.restart_clock()
        elif self._choice is not None:
            self._choose(key)
        elif action := ACTIONS.get(key):
            action(self)

    def forward(self) -> None:
        """The next stage: run the part, then show all of it, then the next part's title."""
        if self.stage is Stage.TITLE:
            self._run()
        elif self.stage is Stage.RUN:
            self._finish()
        elif self._clock() - self._ended_at < REACTION_S:
            self._ended_at = float("-inf")
            self.say("The run had just ended. Press again to go on.")
        elif self.place + 1 < len(self.show):
            self.go_to(self.place + 1)
        else:
            self.say("That was the last part. Press q to quit, or g for the list.")

    def back(self) -> None:
        """This part's title, or the end of the part before, with all of its output."""
        if self.stage is not Stage.TITLE:
            self.go_to(self.place)
        elif self.place > 0:
            self.go_to(self.place - 1)
            self._run()
            self._finish()

    def skip(self) -> None:
        """The title of the next part that is in the plan."""
        later = range(self.place + 1, len(self.show))
        wanted = (place for place in later if not self.show[place].is_optional)
        if (place := next(wanted, None)) is not None:
            self.go_to(place)
        else:
            self.say(
                "No later part is in the plan. The space bar shows the others, and g lists all."
            )

    def repeat(self) -> None:
        """Run this part again from its beginning."""
        self._stop_live()
        self._load(self._recorded())
        self._run()

    def pause(self) -> None:
        if self.stage is Stage.TITLE:
            self._run()
        self._is_paused = self.stage is Stage.RUN and not self._is_paused

    def step(self) -> None:
        """Pause, and show the next piece. With the traffic, that is the next event."""
        if self.stage is Stage.TITLE:
            self._run()
        if self.stage is not Stage.RUN:
            return
        self._is_paused = True
        before = self._looks_of(self._replay)
        while self._count < len(self._chunks) and self._looks_of(self._replay) == before:
            self._feed_next()
        self._end_if_complete()

    def step_back(self) -> None:
        """Pause, and take back the last piece that can be seen."""
        if self.stage is Stage.TITLE:
            return
        replay, changed_at = PartReplay(self.part), 0
        looks = self._looks_of(replay)
        for count, chunk in enumerate(self._chunks[: self._count], 1):
            replay.feed(chunk.text)
            if (now := self._looks_of(replay)) != looks:
                looks, changed_at = now, count
        self.stage, self._is_paused = Stage.RUN, True
        self._rewind_to(max(0, changed_at - 1))

    def faster(self) -> None:
        self._speed = min(self._speed + 1, len(SPEEDS) - 1)

    def slower(self) -> None:
        self._speed = max(self._speed - 1, 0)

    def toggle_wire(self) -> None:
        self._shows_wire = not self._shows_wire

    def scroll_up(self) -> None:
        self._rows_back = min(self._rows_back + 3, len(self._replay.lines))

    def scroll_down(self) -> None:
        self._rows_back = max(self._rows_back - 3, 0)

    def code_up(self) -> None:
        self._scroll_code(-3)

    def code_down(self) -> None:
        self._scroll_code(3)

    def open_list(self) -> None:
        self._choice = self.place

    def help(self) -> None:
        self._shows_help = True

    def show_plan(self) -> None:
        self._shows_plan = True

    def restart_clock(self) -> None:
        """The class begins now, with this part."""
        self._plan_clock.restart()
        self._can_undo_restart = True
        self.say("The clock of the plan starts now, with this part. Press c again to undo that.")

    def _undo_restart(self) -> None:
        self._plan_clock.undo()
        self.say("The clock of the plan goes on as before.")

    def quit(self) -> None:
        self._stop_live()
        self.is_over = True

    def go_live(self) -> None:
        """Run this part now; a second press goes back to the recording."""
        if self._live:
            self.repeat()
            self.say("This is the recording again.")
            return
        if not self.part.part.is_recorded:
            command = self.part.command
            self.say(f"This part can't run in the show. In another terminal, type: {command}")
            return
        try:
            live = self._start_live(self.part)
        except Exception as error:  # whatever it is, the show goes on
            self._fall_back(str(error))
            return
        self._load(())
        self._live, self._last_sign, self._patience_s = live, self._clock(), FIRST_S
        self._run()
        self.say("Live: this part runs now. Press l for the recording.")

    def _choose(self, key: str) -> None:
        assert self._choice is not None
        moves = {"up": -1, "down": 1, "pageup": -8, "pagedown": 8}
        if key in moves:
            self._choice = max(0, min(len(self.show) - 1, self._choice + moves[key]))
        elif key in ("enter", " ", "right"):
            self.go_to(self._choice)
            self._choice = None
        elif key in ("escape", "g", "q", "left"):
            self._choice = None

    # ------------------------------------------------------------ time

    def tick(self) -> None:
        """Let the time pass that has passed since the last call."""
        now = self._clock()
        passed, self._now = now - self._now, now
        if self._message and now >= self._message_until:
            self._message = ""
        self._plan_clock.show(self.part.name)
        if self._live:
            self._hear_from(self._live, now)
        if self.stage is not Stage.RUN or self._is_paused:
            return
        self._seconds += passed * SPEEDS[self._speed]
        while self._count < len(self._chunks) and self._chunks[self._count].at <= self._seconds:
            self._feed_next()
        if self._end_if_complete():
            self._ended_at = now

    def _hear_from(self, live: LivePart, now: float) -> None:
        """Take what a live part has written; go back to the recording if it has failed."""
        code = live.code  # before its chunks, so that none is missed when it has ended
        if came := live.chunks():
            self._last_sign, self._patience_s = now, SILENCE_S
            self._chunks.extend(came)
        if code or live.has_failed:
            self._fall_back(live.complaint or f"it ended with the code {code}")
        elif code == 0:
            self._live_has_ended = True
        elif now - self._last_sign > self._patience_s:
            self._fall_back(f"nothing came for {self._patience_s:.0f} seconds")

    def _fall_back(self, why: str) -> None:
        self._stop_live()
        self.repeat()
        self.say(f"Live failed, so this is the recording. ({why})")

    # ------------------------------------------------------------ the state

    def go_to(self, place: int) -> None:
        """The title of a part."""
        self._stop_live()
        self.place, self.stage = place, Stage.TITLE
        self._load(self._recorded())

    def say(self, message: str) -> None:
        self._message, self._message_until = message, self._clock() + MESSAGE_S

    def _stop_live(self) -> None:
        if self._live:
            self._live.stop()
        self._live = None

    def _recorded(self) -> Sequence[Chunk]:
        part = self.part
        return part.all_chunks if self._has_sound and part.sound else part.chunks

    def _load(self, chunks: Sequence[Chunk]) -> None:
        self._chunks = list(chunks)
        self._is_paused = self._live_has_ended = False
        self._rows_back, self._code_scroll = 0, (None, 0)
        self._rewind_to(0)

    def _rewind_to(self, count: int) -> None:
        self._replay = PartReplay(self.part)
        self._count, self._seconds = 0, 0.0
        while self._count < count:
            self._feed_next()

    def _feed_next(self) -> None:
        chunk = self._chunks[self._count]
        self._replay.feed(chunk.text)
        self._count += 1
        self._seconds = max(self._seconds, chunk.at)

    def _run(self) -> None:
        self.stage, self._is_paused, self._was_cut = Stage.RUN, False, False
        self._ended_at = float("-inf")
        self._now = self._clock()
        self._runs += 1

    def _finish(self) -> None:
        """Show all of the output at once; a live part goes on until it ends."""
        while self._count < len(self._chunks):
            self._feed_next()
        self._is_paused, self._was_cut = False, True
        self._ended_at = float("-inf")
        self._end_if_complete()
        if self._live and not self._live_has_ended:
            self.say("This part still runs. Press l for its recording, or s for the next part.")

    def _end_if_complete(self) -> bool:
        is_all = self._count == len(self._chunks)
        if not is_all or (self._live and not self._live_has_ended):
            return False
        self.stage, self._is_paused = Stage.END, False
        self._replay.end()
        return True

    def _scroll_code(self, rows: int) -> None:
        self._code_scroll = self._code_place, self._code_shift + rows

    @property
    def _code_place(self) -> object:
        """Scrolled code stays scrolled while this is the same.

        It changes when the run begins and when the highlight moves.
        """
        return self.stage is Stage.TITLE, self.highlighted

    @property
    def _code_shift(self) -> int:
        place, rows = self._code_scroll
        return rows if place == self._code_place else 0

    def _looks_of(self, replay: PartReplay) -> tuple[list[Line], int]:
        """What a step has to change."""
        return replay.lines, replay.traffic.complete if self._shows_wire else 0

    def view(self) -> ShowView:
        return ShowView(
            show=self.show,
            place=self.place,
            stage=self.stage,
            replay=self._replay,
            final_rows=max(self.part.final_rows, len(self._replay.lines)),
            seconds=self._seconds,
            speed=SPEEDS[self._speed],
            is_paused=self._is_paused,
            is_live=self._live is not None,
            shows_wire=self._shows_wire,
            rows_back=self._rows_back,
            code_shift=self._code_shift,
            message=self._message,
            following=self._following(self.part.name),
            choice=self._choice,
            shows_help=self._shows_help,
            plan=self.plan_time if self._shows_plan else None,
        )


ACTIONS: dict[str, Callable[[ShowPlayer], None]] = {
    **dict.fromkeys((" ", "enter", "right", "pagedown", "n"), ShowPlayer.forward),
    **dict.fromkeys(("left", "pageup", "b", "backspace"), ShowPlayer.back),
    "r": ShowPlayer.repeat,
    "s": ShowPlayer.skip,
    "p": ShowPlayer.pause,
    ".": ShowPlayer.step,
    ",": ShowPlayer.step_back,
    "+": ShowPlayer.faster,
    "=": ShowPlayer.faster,  # the same key without Shift
    "-": ShowPlayer.slower,
    "w": ShowPlayer.toggle_wire,
    "g": ShowPlayer.open_list,
    "l": ShowPlayer.go_live,
    "t": ShowPlayer.show_plan,
    "c": ShowPlayer.restart_clock,
    "up": ShowPlayer.scroll_up,
    "down": ShowPlayer.scroll_down,
    "[": ShowPlayer.code_up,
    "]": ShowPlayer.code_down,
    "?": ShowPlayer.help,
    "h": ShowPlayer.help,
    "q": ShowPlayer.quit,
}

KEYS = [
    ("space", "go on: run the part, show all of it, then the next part"),
    ("b", "back: this part's title, then the end of the part before"),
    ("g", "go to any part, from a list"),
    ("r  s", "repeat this part; skip to the next part that is in the plan"),
    ("p", "pause, and go on"),
    (".  ,", "pause, and show one piece more; take one piece back"),
    ("+  -", "faster, slower"),
    ("w", "show the traffic, or hide it"),
    ("l", "run this part live; again: back to the recording"),
    ("t  c", "show the plan; start its clock now, with this part"),
    ("up down", "scroll the output"),
    ("[  ]", "scroll the code"),
    ("q", "quit"),
]
