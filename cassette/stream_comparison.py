"""Compares a stream that a client sends in pieces, such as audio, with the recorded one.

Two runs of one client send the same audio, but cut into other pieces, and with more or less silence
in it: a client that is paced by its own clock sends silence until the server has answered, and that
takes a little longer in one run than in the next. So what is compared is the stream as one row of
bytes, and without silence. Silence here is any byte that comes `SHORTEST_SILENCE` times and more in
a row; it is left out on both sides alike, so streams that differ in nothing else are equal.
"""

import re
from collections.abc import Generator

from cassette import CassetteError

SHORTEST_SILENCE = 64
_SILENCE = re.compile(rb"(.)\1{%d,}" % (SHORTEST_SILENCE - 1), re.DOTALL)

Pieces = Generator[bytes, None, None]


class StreamComparison:
    """One stream as it is sent, beside the recorded one."""

    def __init__(self, recorded: Pieces) -> None:
        self.recorded = recorded
        self._expected = b""  # recorded, and not sent yet
        self._place = 0
        self._recorded_filter, self._sent_filter = SilenceFilter(), SilenceFilter()

    def compare(self, piece: bytes, kind: str) -> int:
        """By how many bytes the stream grew, without silence. Raises CassetteError on a difference.

        More than was recorded is allowed: a client that is told to stop has sent a few pieces more
        by then, and how many depends on the run.
        """
        sent = self._sent_filter.filter(piece)
        while len(self._expected) < len(sent):
            more = next(self.recorded, None)
            if more is None:
                break
            self._expected += self._recorded_filter.filter(more)
        both = min(len(self._expected), len(sent))
        if self._expected[:both] != sent[:both]:
            at = next(i for i in range(both) if self._expected[i] != sent[i])
            place = f"{self._place + at:,}"
            raise CassetteError(f"{kind} differs from byte {place} on, silence left out")
        self._expected = self._expected[both:]
        self._place += len(sent)
        return len(sent)


class SilenceFilter:
    """Leaves out silence, wherever the pieces of a stream begin and end.

    Whether the equal bytes at the end of a piece are silence is known once another byte follows.
    Until then they are held back. However many there are, `SHORTEST_SILENCE` of them are enough to
    hold: from there on it is silence.
    """

    def __init__(self) -> None:
        self._held = b""

    def filter(self, piece: bytes) -> bytes:
        """What is known not to be silence; the equal bytes at its end wait for the next piece."""
        joined = self._held + piece
        end = len(joined.rstrip(joined[-1:]))
        self._held = joined[end:][:SHORTEST_SILENCE]
        return _SILENCE.sub(b"", joined[:end])
