"""The clock of the plan: since when the class goes on, and how long each part has been shown.

It runs from the start of the show. Somebody who starts the show before the class comes starts the
clock again with a key, which can be undone. Time is injected, in seconds; it has to go on while the
computer sleeps, as a class does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from presenter.course_plan import places


@dataclass(frozen=True)
class PlanTime:
    """Where the class is: the part it began with, the part that is shown, and seconds.

    `elapsed` counts from the beginning; `on_part` is all of the time that this part was shown.
    """

    first: str
    part: str
    elapsed: float
    on_part: float

    @property
    def minutes(self) -> float:
        """What the clock of the plan shows: the class may begin in the middle of the plan."""
        return self.elapsed / 60 + (places()[self.first].at if self.first in places() else 0)

    @property
    def late(self) -> int:
        """Complete minutes that the class is late; negative if it is ahead of the plan.

        A part may take its own planned time and that of the exercises after it. Within that time,
        a class is as late as when it came to the part. After that, it becomes later.
        """
        place = places()[self.part]
        planned = min(self.on_part / 60, place.until - place.at)
        return int(self.minutes - place.at - planned)


@dataclass
class _Times:
    began: float
    first: str
    parts: dict[str, float] = field(default_factory=dict)


class PlanClock:
    """`show` says which part the class sees; `restart` begins the class with that part."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen = clock()
        self._shown = ""
        self._times = _Times(self._seen, "")
        self._before: _Times | None = None

    def show(self, part: str) -> PlanTime:
        """From now on, the class sees this part."""
        now, times = self._clock(), self._times
        self._shown = self._shown or part
        times.parts[self._shown] = times.parts.get(self._shown, 0) + now - self._seen
        times.first = times.first or part
        self._seen, self._shown = now, part
        return PlanTime(times.first, part, now - times.began, times.parts.get(part, 0))

    def restart(self) -> None:
        """The class begins now, with the part that it sees."""
        self.show(self._shown)
        self._before, self._times = self._times, _Times(self._clock(), self._shown)

    def undo(self) -> None:
        """As if `restart` had not been called."""
        if self._before:
            self.show(self._shown)
            for part, seconds in self._times.parts.items():
                self._before.parts[part] = self._before.parts.get(part, 0) + seconds
            self._times, self._before = self._before, None
