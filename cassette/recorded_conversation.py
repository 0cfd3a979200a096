"""A recorded WebSocket: what the client must send, and what the server sends next, and when.

This is the protocol of a replay, without sockets and clocks: messages and the time go in, the
server's messages come out.

Order. The client's messages must come in the recorded order, each the same JSON value, text or
bytes; `MessageRules` say what may differ. A stream that is sent in pieces, such as audio, is
compared apart from them (stream_comparison.py), and need not keep its place among them. The reason
is that clients send audio in one thread and everything else in another. So it is with the messages
that change no answer (`MessageRules.unordered`): they are compared among themselves.

Time. What the server sends next is a `ServerStep`. It must not come before its cause, and its cause
is unknown; but it is among what the client had sent before it in the recording. So a step waits
until the client has come that far again, in messages and in bytes of each stream, and then for as
long as the server had taken since then. All clients get the recorded reaction times that way,
whether they are faster or slower than the recorded one.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass

from cassette import CassetteError
from cassette.api_profile import ApiProfile
from cassette.format import CassetteLine, message_of
from cassette.match import brief, difference
from cassette.message_rules import parse_json
from cassette.scrub import Scrubber
from cassette.stream_comparison import Pieces, SilenceFilter, StreamComparison

# A client leaves a little sooner or later than in the recording: what the server had sent this
# short a time before may be missed.
LEAVE_TOLERANCE_S = 1.0

Messages = Generator[str | bytes, None, None]

# What is compared apart from the rest: all that is no stream, in two lanes, and each stream, which
# goes by its kind.
LANES = MESSAGES, UNORDERED = "", "unordered"
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"')


@dataclass(frozen=True)
class ServerStep:
    """What the server does next: its line; how far the client must be; how long to wait then."""

    line: CassetteLine
    needs: Mapping[str, int]
    delay: float


Steps = Generator[ServerStep, None, None]


class RecordedConversation:
    """One recorded WebSocket, as it is replayed. Times are seconds of the caller's clock."""

    def __init__(
        self,
        lines: Callable[[], Iterator[CassetteLine]],
        profile: ApiProfile,
        speed: float,
        now: float,
    ) -> None:
        """`lines` gives the lines of the answer, as often as asked; `now` is when it opened.

        The lines are read again by whatever needs them (the server's steps, the client's messages,
        each stream), each at its own pace. Nothing of a long conversation is held in memory.
        """
        self._lines, self._rules, self._speed = lines, profile.messages, speed
        streams = self._rules.streams
        self._progress = {kind: ClientProgress(now) for kind in (*LANES, *streams)}
        self._streams = {kind: StreamComparison(self._read_pieces(kind)) for kind in streams}
        self._expected = {lane: self._read_messages(lane) for lane in LANES}
        self._ids: dict[str, str] = {}
        self._scrubber = Scrubber(profile.secrets)
        self._count = 0
        self._steps = self._read_steps()
        self._step = next(self._steps)

    @property
    def next_line(self) -> CassetteLine:
        """The line of the server's next step; the last one is the end."""
        return self._step.line

    def seconds_until_next(self, now: float) -> float | None:
        """Until the next step, 0 or less where it is due; None where the client must send first."""
        needs = self._step.needs.items()
        times = [self._progress[kind].time_reached(place) for kind, place in needs]
        known = [time for time in times if time is not None]
        if len(known) < len(times):
            return None
        return max(known) + self._step.delay / self._speed - now if self._speed else 0.0

    def pop_message(self) -> str | bytes:
        """The server's message that is due, with this client's own ids in it."""
        message = self._with_own_ids(message_of(self._step.line))
        self._step = next(self._steps)
        return message

    def receive(self, data: str | bytes, now: float) -> None:
        """Take a message of the client. Raises CassetteError where it is not the recorded one."""
        data = self._clean(data)
        if piece := self._rules.stream_piece(data):
            kind, content = piece
            self._progress[kind].advance(self._streams[kind].compare(content, kind), now)
            return
        lane = self._lane(data)
        self._count += 1
        recorded = next(self._expected[lane], None)
        if recorded is None:
            raise CassetteError(f"message {self._count} was not recorded: {brief(data)}")
        if differs := self._difference(self._with_own_ids(recorded), data):
            raise CassetteError(f"message {self._count} differs: {differs}")
        self._progress[lane].advance(1, now)

    def client_left(self) -> None:
        """Raises CassetteError where the client left earlier than in the recording.

        It must have sent all its messages. What the server had still to send may be missed if it is
        `background`, or if the recorded client ended it too and had left within the tolerance.
        """
        for expected in self._expected.values():
            if (unsent := next(expected, None)) is not None:
                raise CassetteError(f"message {self._count + 1} was never sent: {brief(unsent)}")
        *frames, end = [self._step.line, *(step.line for step in self._steps)]
        is_alike = end["how"] == "left" or end.get("by") == "client"
        until = end["after"] - LEAVE_TOLERANCE_S if is_alike else float("inf")
        missed = [each for each in frames if each["after"] < until and not self._may_miss(each)]
        if missed:
            many = f"{len(missed)} of the server's messages were never played, the first"
            raise CassetteError(f"{many} {brief(message_of(missed[0]))}")

    def close(self) -> None:
        """Close the file."""
        for expected in self._expected.values():
            expected.close()
        self._steps.close()
        for stream in self._streams.values():
            stream.recorded.close()

    def _clean(self, data: str | bytes) -> str | bytes:
        """A message without what looks like a key, as it was recorded."""
        if isinstance(data, bytes):
            return self._scrubber.clean(data)
        return self._scrubber.clean_text(data)

    def _may_miss(self, line: CassetteLine) -> bool:
        return self._rules.is_background(message_of(line))

    def _difference(self, recorded: str | bytes, data: str | bytes) -> str:
        """How they differ, "" where they do not; ids that differ are remembered.

        Two JSON messages are compared as values, anything else as text or bytes. JSON that is
        nested too deep to walk through is compared as text as well.
        """
        expected, sent = parse_json(recorded), parse_json(data)
        try:
            if expected is None or sent is None:
                return difference(recorded, data)
            rules = self._rules
            self._learn_ids(dict(rules.client_ids(expected)), dict(rules.client_ids(sent)))
            return difference(rules.comparable(expected), rules.comparable(sent))
        except RecursionError:
            return difference(recorded, data)

    def _learn_ids(self, recorded: Mapping[str, str], sent: Mapping[str, str]) -> None:
        for place in recorded.keys() & sent.keys():
            if recorded[place] != sent[place]:
                self._ids[json.dumps(recorded[place])] = json.dumps(sent[place])

    def _with_own_ids(self, data: str | bytes) -> str | bytes:
        """A recorded message with this client's own ids in it.

        Ids are replaced in the text, where a whole JSON string is one: the rest of the message, its
        layout too, stays as the server sent it.
        """
        if not self._ids or isinstance(data, bytes):
            return data
        return _STRING.sub(lambda found: self._ids.get(found[0], found[0]), data)

    def _lane(self, data: str | bytes) -> str:
        return UNORDERED if self._rules.is_unordered(data) else MESSAGES

    def _read_messages(self, lane: str) -> Messages:
        """What the client sent in a lane, apart from streams."""
        for data in self._read_sent():
            if not self._rules.stream_piece(data) and self._lane(data) == lane:
                yield data

    def _read_pieces(self, kind: str) -> Pieces:
        """The pieces of a stream that the client sent."""
        for data in self._read_sent():
            found, piece = self._rules.stream_piece(data) or (MESSAGES, b"")
            if found == kind:
                yield piece

    def _read_sent(self) -> Iterator[str | bytes]:
        return (message_of(line) for line in self._lines() if line.get("from") == "client")

    def _read_steps(self) -> Steps:
        """The server's steps, each with what the client had sent before it.

        The delay counts from the client's latest message that matters: the silence between words
        does not, as there may be more or less of it in the replay.
        """
        needs, since = dict.fromkeys(self._progress, 0), 0.0
        filters = {kind: SilenceFilter() for kind in self._streams}
        for line in self._lines():
            if "response" in line:
                since = line["after"]
            elif line.get("from") != "client":
                yield ServerStep(line, dict(needs), line["after"] - since)
            else:
                data = message_of(line)
                kind, piece = self._rules.stream_piece(data) or (self._lane(data), b"")
                growth = len(filters[kind].filter(piece)) if kind in filters else 1
                needs[kind] += growth
                since = line["after"] if growth else since


class ClientProgress:
    """How far the client has come, and when: in messages, or in bytes of a stream.

    A step may need a place that the client passed long ago, while it was still waiting for an
    earlier one; so each place is kept with its time. As the steps ask for places in their order,
    whatever lies before the one that is asked for can be dropped.
    """

    def __init__(self, now: float) -> None:
        self._reached = deque([(0, now)])

    def advance(self, growth: int, now: float) -> None:
        self._reached.append((self._reached[-1][0] + growth, now))

    def time_reached(self, place: int) -> float | None:
        """When the client first came to a place, or beyond it; None: not yet."""
        while len(self._reached) > 1 and self._reached[0][0] < place:
            self._reached.popleft()
        found, when = self._reached[0]
        return when if found >= place else None
