"""What was heard of each item that the desk spoke, counted in samples.

A server speaks faster than sound can be played, so when a caller cuts in, most of the answer may
have come and little of it been heard. Over a WebSocket only the client knows how much: it says so
with `conversation.item.truncate`, and the server forgets the rest. Neither the time that passed
(sound may come late) nor the bytes that came (they may wait) tell it; a count of samples does.

So whoever plays, a device or a clock in its place, takes its samples out of the ledger, and what
was taken was heard. Of the item that sounds no more can be heard than was received, and nothing
sounds before its first samples came: the two truncations that a server refuses cannot happen.
"""

from collections import deque
from dataclasses import dataclass

RATE_HZ = 24_000
"""The rate of the Realtime API's `audio/pcm`; a sample is two bytes, little-endian, one channel."""


@dataclass(frozen=True)
class Cut:
    """Where an item was cut off: its samples that were heard, of those received.

    `unheard` are items that waited behind it: the server believes that they were said.
    """

    item_id: str
    content_index: int
    heard: int
    received: int
    unheard: tuple[str, ...] = ()

    @property
    def audio_end_ms(self) -> int:
        """What `conversation.item.truncate` is to say: whole milliseconds that were heard."""
        return in_ms(self.heard)

    @property
    def received_ms(self) -> int:
        return in_ms(self.received)

    @property
    def dropped_ms(self) -> int:
        """What had come, and nobody will hear."""
        return self.received_ms - self.audio_end_ms


@dataclass(frozen=True)
class Span:
    """A stretch in which one side ("caller" or "desk") spoke, in seconds of the call."""

    who: str
    start_s: float
    end_s: float
    text: str = ""


@dataclass(frozen=True)
class Mark:
    """A moment of the call that is worth a line; `unheard_s` is the speech dropped at it."""

    at_s: float
    text: str
    unheard_s: float = 0.0


@dataclass
class PlayedPart:
    """One content part of an item; `spare` is half a sample that waits for its other half."""

    item_id: str
    content_index: int
    response_id: str
    received: int = 0
    heard: int = 0
    spare: bytes = b""
    is_finished: bool = False


class Ledger:
    """Samples received, waiting and heard, by item; items sound in the order of their arrival."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, int], PlayedPart] = {}
        self._queue: deque[tuple[PlayedPart, memoryview]] = deque()
        self._latest: PlayedPart | None = None
        self._cut: set[str] = set()

    def receive(
        self, item_id: str, pcm: bytes, *, content_index: int = 0, response_id: str = ""
    ) -> bool:
        """Queue a delta; False if it is a late one, of an item or a response that was cut.

        An odd byte at its end waits for the next delta of the same part.
        """
        if item_id in self._cut or response_id in self._cut:
            return False
        part = self._parts.setdefault(
            (item_id, content_index), PlayedPart(item_id, content_index, response_id)
        )
        pcm = part.spare + pcm
        whole = len(pcm) // 2 * 2
        part.spare = pcm[whole:]
        if whole:
            part.received += whole // 2
            self._queue.append((part, memoryview(pcm)[:whole]))
            self._latest = part
        return True

    def finish(self, item_id: str) -> None:
        """All of an item has come (`response.output_audio.done`); once heard, it is over."""
        for part in self._parts.values():
            if part.item_id == item_id:
                part.is_finished = True

    def take(self, samples: int) -> list[tuple[str, bytes]]:
        """The next samples to play, each stretch with its item, and count them as heard.

        It may be fewer than asked: the silence that a device then plays is not heard speech.
        """
        taken = []
        while samples > 0 and self._queue:
            part, pcm = self._queue.popleft()
            sounds, waits = pcm[: 2 * samples], pcm[2 * samples :]
            if waits:
                self._queue.appendleft((part, waits))
            count = len(sounds) // 2
            part.heard += count
            samples -= count
            taken.append((part.item_id, bytes(sounds)))
        return taken

    @property
    def sounding(self) -> str | None:
        """The item that sounds; in a gap, when more of it is still to come, it sounds, too."""
        part = self._sounding()
        return part.item_id if part else None

    def heard_ms(self, item_id: str) -> int:
        return in_ms(sum(part.heard for part in self._parts_of(item_id)))

    def received_ms(self, item_id: str) -> int:
        return in_ms(sum(part.received for part in self._parts_of(item_id)))

    def cut(self) -> Cut | None:
        """Drop all that waits; None if nothing sounds, and so nothing is to be truncated.

        From now on late deltas of what was dropped, and of the same responses, are refused.
        """
        part = self._sounding()
        if part is None:
            return None
        stopped = [part, *(waiting for waiting, _ in self._queue)]
        for each in stopped:
            self._cut |= {each.item_id, each.response_id} - {""}
        others = [each.item_id for each in stopped if not each.heard]
        unheard = tuple(id for id in dict.fromkeys(others) if id != part.item_id)
        self._queue.clear()
        self._latest = None
        return Cut(part.item_id, part.content_index, part.heard, part.received, unheard)

    def _sounding(self) -> PlayedPart | None:
        if self._queue:
            return self._queue[0][0]
        is_over = self._latest is None or self._latest.is_finished
        return None if is_over else self._latest

    def _parts_of(self, item_id: str) -> list[PlayedPart]:
        return [part for part in self._parts.values() if part.item_id == item_id]


def ticks(moment: float) -> int:
    """A moment of a clock, in seconds, as samples; rounded, as a float is seldom exact."""
    return round(moment * RATE_HZ)


def in_ms(samples: int) -> int:
    """Whole milliseconds; rounded down, so that nothing is claimed that was not heard."""
    return samples * 1000 // RATE_HZ
