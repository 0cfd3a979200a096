"""A recorded WebSocket as a part to be played: what the client sends, and what it may be told now.

Messages and the time go in, the next cue comes out: a message of the server, or how it ended. A cue
waits for all that the client had sent before it in the recording, then for as long as it took then.
What the client sends has to come in the recorded order and to be the same JSON value, or the same
text or bytes; where it may differ is told by `Rules`.

A stream, as of sound in pieces, is told apart from that: its bytes are compared by their place,
however they are cut, and it need not keep its place among the other messages. Stretches of one byte
again and again are left out on both sides: a client that is paced by its own clock is silent a
little longer in one run than in another.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass

from cassette import CassetteError
from cassette.format import Line, message
from cassette.match import brief, difference
from cassette.rules import Rules, parsed
from cassette.scrub import Scrubber

# A client hangs up a little sooner or later than it did: what came so close to it may be missed.
EARLY_S = 1.0

Messages = Generator[str | bytes, None, None]
Pieces = Generator[bytes, None, None]

SENDS = ""
LULL = 64
_LULLS = re.compile(rb"(.)\1{%d,}" % (LULL - 1), re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"')


@dataclass(frozen=True)
class Cue:
    """What comes next from the server: the line, what must have been sent, and how long after."""

    line: Line
    needs: Mapping[str, int]
    gap: float


Cues = Generator[Cue, None, None]


class Script:
    """One recorded WebSocket. Times are seconds of the caller's clock."""

    def __init__(
        self, lines: Callable[[], Iterator[Line]], rules: Rules, speed: float, now: float
    ) -> None:
        """`lines` gives the lines of the answer, as often as asked; `now` is when it opened."""
        self._lines, self._rules, self._speed = lines, rules, speed
        self._tracks = {kind: Track(now) for kind in (SENDS, *rules.streams)}
        self._streams = {kind: Stream(self._pieces(kind)) for kind in rules.streams}
        self._expected = self._messages()
        self._names: dict[str, str] = {}
        self._scrubber = Scrubber()
        self._sent = 0
        self._cues = self._read_cues()
        self._cue = next(self._cues)

    @property
    def next(self) -> Line:
        """The line of the next cue; the last one is the end."""
        return self._cue.line

    def late(self, now: float) -> float | None:
        """Seconds until the next cue, 0 or less where it is due; None where it waits for a send."""
        times = [self._tracks[kind].when(place) for kind, place in self._cue.needs.items()]
        known = [time for time in times if time is not None]
        if len(known) < len(times):
            return None
        return max(known) + self._cue.gap / self._speed - now if self._speed else 0.0

    def take(self) -> str | bytes:
        """The server's message that is due, with this client's own ids in it."""
        told = self._told(message(self._cue.line))
        self._cue = next(self._cues)
        return told

    def sent(self, data: str | bytes, now: float) -> None:
        """Take what the client sends. Raises CassetteError where that was not recorded so."""
        data = self._clean(data)
        if piece := self._rules.piece(data):
            kind, content = piece
            self._tracks[kind].advance(self._streams[kind].take(content, kind), now)
            return
        self._sent += 1
        recorded = next(self._expected, None)
        if recorded is None:
            raise CassetteError(f"message {self._sent} was not recorded: {brief(data)}")
        if differs := self._difference(self._told(recorded), data):
            raise CassetteError(f"message {self._sent} differs: {differs}")
        self._tracks[SENDS].advance(1, now)

    def hung_up(self) -> None:
        """The client has gone. Raises CassetteError where it had not in the recording."""
        if (unsent := next(self._expected, None)) is not None:
            raise CassetteError(f"message {self._sent + 1} was never sent: {brief(unsent)}")
        *frames, end = [self._cue.line, *(cue.line for cue in self._cues)]
        is_alike = end["how"] == "left" or end.get("by") == "client"
        until = end["after"] - EARLY_S if is_alike else float("inf")
        missed = [each for each in frames if each["after"] < until and not self._may_miss(each)]
        if missed:
            many = f"{len(missed)} of the server's messages were never played, the first"
            raise CassetteError(f"{many} {brief(message(missed[0]))}")

    def close(self) -> None:
        """Let go of the file."""
        self._expected.close()
        self._cues.close()
        for stream in self._streams.values():
            stream.recorded.close()

    def _clean(self, data: str | bytes) -> str | bytes:
        """A message without what looks like a key, as it was recorded."""
        if isinstance(data, bytes):
            return self._scrubber.clean(data)
        return self._scrubber.clean(data.encode()).decode()

    def _may_miss(self, line: Line) -> bool:
        return self._rules.is_background(message(line))

    def _difference(self, recorded: str | bytes, data: str | bytes) -> str:
        """How they differ, "" where they do not; ids that differ are remembered."""
        told, sent = parsed(recorded), parsed(data)
        try:
            if told is None or sent is None:
                return difference(recorded, data)
            self._learn(dict(self._rules.ids(told)), dict(self._rules.ids(sent)))
            return difference(self._rules.steady(told), self._rules.steady(sent))
        except RecursionError:
            return difference(recorded, data)

    def _learn(self, told: Mapping[str, str], sent: Mapping[str, str]) -> None:
        for place in told.keys() & sent.keys():
            if told[place] != sent[place]:
                self._names[json.dumps(told[place])] = json.dumps(sent[place])

    def _told(self, data: str | bytes) -> str | bytes:
        """A recorded message with this client's own ids in it."""
        if not self._names or isinstance(data, bytes):
            return data
        return _STRING.sub(lambda found: self._names.get(found[0], found[0]), data)

    def _messages(self) -> Messages:
        """What the client sent, apart from streams."""
        for data in self._sends():
            if not self._rules.piece(data):
                yield data

    def _pieces(self, kind: str) -> Pieces:
        """The pieces of a stream that the client sent."""
        for data in self._sends():
            found, piece = self._rules.piece(data) or (SENDS, b"")
            if found == kind:
                yield piece

    def _sends(self) -> Iterator[str | bytes]:
        return (message(line) for line in self._lines() if line.get("from") == "client")

    def _read_cues(self) -> Cues:
        """What the server said, and how it ended, each with what the client had sent before."""
        needs, since = dict.fromkeys(self._tracks, 0), 0.0
        squeezers = {kind: Squeezer() for kind in self._streams}
        for line in self._lines():
            if "response" in line:
                since = line["after"]
            elif line.get("from") != "client":
                yield Cue(line, dict(needs), line["after"] - since)
            else:
                kind, piece = self._rules.piece(message(line)) or (SENDS, b"")
                growth = len(squeezers[kind].squeeze(piece)) if kind else 1
                needs[kind] += growth
                since = line["after"] if growth else since


class Track:
    """How far the client has come, and when: in messages, or in bytes of a stream."""

    def __init__(self, now: float) -> None:
        self._reached = deque([(0, now)])

    def advance(self, growth: int, now: float) -> None:
        self._reached.append((self._reached[-1][0] + growth, now))

    def when(self, place: int) -> float | None:
        """When it came to a place; None: not yet. Places are asked for in their order."""
        while len(self._reached) > 1 and self._reached[0][0] < place:
            self._reached.popleft()
        found, when = self._reached[0]
        return when if found >= place else None


class Stream:
    """A stream that the client sends in pieces, beside the recorded one."""

    def __init__(self, recorded: Pieces) -> None:
        self.recorded = recorded
        self._rest = b""
        self._place = 0
        self._ours, self._theirs = Squeezer(), Squeezer()

    def take(self, piece: bytes, kind: str) -> int:
        """How many bytes it goes on, lulls left out. Raises CassetteError where it differs.

        More than was recorded is let pass: a client that is told to stop is some pieces ahead.
        """
        sent = self._theirs.squeeze(piece)
        while len(self._rest) < len(sent) and (more := next(self.recorded, None)) is not None:
            self._rest += self._ours.squeeze(more)
        both = min(len(self._rest), len(sent))
        if self._rest[:both] != sent[:both]:
            at = next(i for i in range(both) if self._rest[i] != sent[i])
            raise CassetteError(f"{kind} differs from byte {self._place + at:,} on, lulls left out")
        self._rest = self._rest[both:]
        self._place += len(sent)
        return len(sent)


class Squeezer:
    """Leaves out lulls: stretches of one byte, `LULL` times and more. Pieces may end anywhere."""

    def __init__(self) -> None:
        self._held = b""

    def squeeze(self, piece: bytes) -> bytes:
        """What is known to be none of a lull; how the piece ends is held until it goes on."""
        joined = self._held + piece
        end = len(joined.rstrip(joined[-1:]))
        self._held = joined[end:][:LULL]
        return _LULLS.sub(b"", joined[:end])
