"""`course.py learn`: checks an exercise whenever its file is saved.

    h  hint    l  list    c  check now    a  check all    n  next exercise    q  quit

Where no keys can be read, or with --manual, a letter is typed and Enter pressed.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from console.talk_key import keyboard
from console.terminal import Terminal
from grading import exercise_commands as commands
from grading.exercise import Exercise, exercises
from grading.learner_progress import load
from grading.screen import show_skills, show_start, show_task
from grading.watch import Watch

KEYS = "Save the file to check it. h hint, l list, c check, a check all, n next, q quit."
TYPED = "Type a letter and Enter: h hint, l list, c check, a check all, n next, q quit."
ENTER = "c"

Read = Callable[[], str]


def learn(terminal: Terminal, *, is_manual: bool) -> int:
    """Go from exercise to exercise until the learner quits."""
    coming = load().next()
    if coming is None:
        show_skills(terminal, load())
        return 0
    session = LearnSession(terminal, coming)
    if is_manual or not (sys.stdin and sys.stdin.isatty()):
        session.show(TYPED)
        for line in _lines():
            if session.obey((line.strip().lower() or ENTER)[0]):
                return 0
        return 0
    session.show(KEYS)
    with _keys() as read:
        while not session.step(read()):
            if session.has_checked:
                while read():  # pressed while the check ran, for an exercise that may be over
                    pass
                session.has_checked = False
    return 0


class LearnSession:
    """Which exercise it is about, and what each key does; `step` is called again and again."""

    def __init__(self, terminal: Terminal, exercise: Exercise) -> None:
        self.exercise = exercise
        self._terminal = terminal
        self._watch = Watch(each.path for each in exercises().values())
        self._keys = KEYS
        self.has_checked = False

    def show(self, keys: str) -> None:
        """The task, and what can be pressed."""
        self._keys = keys
        show_task(self._terminal, self.exercise)
        self._terminal.say()
        self._terminal.note(keys)

    def step(self, pressed: str) -> bool:
        """Obey a key, or check what has been saved; whether to end."""
        if pressed:
            return self.obey(pressed[0].lower())
        saved = self._watch.changed()
        for exercise in exercises().values():
            if exercise.path in saved:
                self.exercise = exercise
                self._check()
                self._terminal.note(self._keys)
                break
        return False

    def obey(self, key: str) -> bool:
        """Do what a key stands for; whether to end."""
        if key == "q":
            return True
        actions: dict[str, Callable[[], object]] = {
            "h": lambda: commands.hint(self._terminal, self.exercise.id),
            "l": lambda: commands.list_all(self._terminal),
            "c": self._check,
            "a": lambda: commands.check_all(self._terminal),
            "n": self._go_on,
        }
        if key in actions:
            self._terminal.say()
            actions[key]()
        elif not key.isprintable():  # an arrow or another key without a letter
            return False
        else:
            self._terminal.say()
            self._terminal.note(f"The key {key} does nothing here.")
        self._terminal.note(self._keys)
        return False

    def _check(self) -> None:
        self._terminal.say()
        show_start(self._terminal, self.exercise)
        if commands.graded(self._terminal, self.exercise):
            self.exercise = load().next(behind=self.exercise) or self.exercise
        self.has_checked = True
        self._watch.changed()

    def _go_on(self) -> None:
        every = list(exercises().values())
        place = every.index(self.exercise)
        self.exercise = every[(place + 1) % len(every)]
        show_task(self._terminal, self.exercise)


@contextmanager
def _keys() -> Iterator[Read]:
    """A function that returns what was pressed, or "" after a moment."""
    with keyboard() as read:
        yield lambda: read().decode("utf-8", "ignore").strip()


def _lines() -> Iterator[str]:
    """What is typed, up to its end."""
    while line := sys.stdin.readline() if sys.stdin else "":
        yield line
