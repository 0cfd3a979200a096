"""How much was heard of each item that the assistant spoke, counted in samples.

A server sends sound faster than it can be played. So when the caller interrupts, most of the answer
may have arrived although little of it was heard. Over a WebSocket only the client knows how much.
It sends that with `conversation.item.truncate`, and the server removes the rest from its history.
Elapsed time is misleading, since sound may arrive late, and so are the bytes received, since they
may still be waiting. Count the samples that were actually played.

Three numbers describe an item: samples received, samples waiting, samples heard. They can only move
from left to right, and every sample is in the queue exactly once:

    receive     a delta joins the queue               received +
    take        the player takes from its front       waiting -, heard +
    cut         the queue is emptied                  waiting = 0, and late deltas are refused

Whatever plays, a device or a clock in its place, takes its samples out of this ledger, and what it
took counts as heard. So an item is never heard for longer than was received, and no item is cut
before its first sample came. These are the two truncations that a server refuses.

Which item is sounding? The first in the queue; or, if the queue is empty, the one that came last,
until `finish` says that all of it has come. In a gap between two deltas it still counts as
sounding, as a caller who interrupts there interrupts that answer.

A device takes samples in a thread of its own, so each of the methods holds a lock: a cut comes
before a block is taken, or after it, and never in its middle.
"""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

RATE_HZ = 24_000
"""The rate of the Realtime API's `audio/pcm`; a sample is two bytes, little-endian, one channel."""

FRAME = RATE_HZ // 50
"""Samples of a frame: 20 ms, 960 bytes."""


@dataclass(frozen=True)
class Cut:
    """Where an item was cut off: how many of the samples received were heard.

    `waiting` are the items that waited behind it, which the server believes were spoken; mostly
    nothing of them was heard. Where two answers arrive by turns, some of each may have been.
    """

    item_id: str
    content_index: int
    heard: int
    received: int
    waiting: tuple["Cut", ...] = ()

    @property
    def audio_end_ms(self) -> int:
        """The argument of `conversation.item.truncate`: whole milliseconds that were heard."""
        return in_ms(self.heard)

    @property
    def received_ms(self) -> int:
        return in_ms(self.received)

    @property
    def dropped_ms(self) -> int:
        """What was received and will never be heard."""
        return self.received_ms - self.audio_end_ms

    @property
    def by_item(self) -> dict[str, "Cut"]:
        """This cut, and those of the items that waited."""
        return {each.item_id: each for each in (self, *self.waiting)}


@dataclass
class PlayedPart:
    """A content part of an item; `spare` is half a sample that waits for its other half."""

    item_id: str
    content_index: int
    response_id: str
    received: int = 0
    heard: int = 0
    spare: bytes = b""
    is_finished: bool = False

    def cut(self) -> Cut:
        """Where it is cut off, if that happens now."""
        return Cut(self.item_id, self.content_index, self.heard, self.received)


class Ledger:
    """Samples received, waiting and heard, by item; items are played in the order of arrival."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, int], PlayedPart] = {}
        self._queue: deque[tuple[PlayedPart, memoryview]] = deque()
        self._latest: PlayedPart | None = None
        self._cut: set[str] = set()
        self._waiting = 0
        self._lock = threading.RLock()

    def receive(
        self, item_id: str, pcm: bytes, *, content_index: int = 0, response_id: str = ""
    ) -> bool:
        """Queue a delta; False if it is late: its item or its response was cut.

        A sample is two bytes. An odd byte at the end waits for the next delta of the same part.
        """
        with self._lock:
            if item_id in self._cut or response_id in self._cut:
                return False
            self._receive(item_id, content_index, response_id, pcm)
            return True

    def _receive(self, item_id: str, content_index: int, response_id: str, pcm: bytes) -> None:
        part = self._parts.setdefault(
            (item_id, content_index), PlayedPart(item_id, content_index, response_id)
        )
        pcm = part.spare + pcm
        whole = len(pcm) // 2 * 2
        part.spare = pcm[whole:]
        if whole:
            part.received += whole // 2
            self._waiting += whole // 2
            self._queue.append((part, memoryview(pcm)[:whole]))
            self._latest = part

    def finish(self, item_id: str) -> None:
        """All of an item has come (`response.output_audio.done`)."""
        with self._lock:
            for part in self._parts_of(item_id):
                part.is_finished = True

    def take(self, samples: int) -> list[tuple[str, bytes]]:
        """The next samples to play, each stretch with its item; they now count as heard.

        It may be fewer than asked for. A device plays silence then, which is no part of an item.
        """
        with self._lock:
            return list(self._take(samples))

    def _take(self, samples: int) -> Iterator[tuple[str, bytes]]:
        while samples > 0 and self._queue:
            part, pcm = self._queue.popleft()
            sounds, waits = pcm[: 2 * samples], pcm[2 * samples :]
            if waits:
                self._queue.appendleft((part, waits))
            count = len(sounds) // 2
            part.heard += count
            self._waiting -= count
            samples -= count
            yield part.item_id, bytes(sounds)

    @property
    def waiting(self) -> int:
        """Samples that wait to be taken."""
        return self._waiting

    @property
    def is_complete(self) -> bool:
        """Whether all of what came last has come, so that there is no more to wait for."""
        return self._latest is None or self._latest.is_finished

    @property
    def sounding(self) -> str | None:
        """The item that is sounding, also in a gap before more of it comes."""
        with self._lock:
            part = self._sounding()
        return part.item_id if part else None

    def is_over(self, item_id: str) -> bool:
        """Whether all of an item has come, and was heard."""
        parts = self._parts_of(item_id)
        return bool(parts) and all(
            each.is_finished and each.heard == each.received for each in parts
        )

    def heard_ms(self, item_id: str) -> int:
        return in_ms(sum(part.heard for part in self._parts_of(item_id)))

    def received_ms(self, item_id: str) -> int:
        return in_ms(sum(part.received for part in self._parts_of(item_id)))

    def cut(self) -> Cut | None:
        """Drop everything that waits; None if nothing is sounding: there is nothing to truncate.

        From now on, late deltas of the dropped items and of their responses are refused.
        """
        with self._lock:
            part = self._sounding()
            return self._cut_off(part) if part else None

    def _cut_off(self, part: PlayedPart) -> Cut:
        stopped = [part, *(waiting for waiting, _ in self._queue)]
        for each in stopped:
            self._cut |= {each.item_id, each.response_id} - {""}
        cuts = {each.item_id: each.cut() for each in reversed(stopped)}
        order = dict.fromkeys(each.item_id for each in stopped)
        self._queue.clear()
        self._latest, self._waiting = None, 0
        return replace(cuts[part.item_id], waiting=tuple(cuts[id] for id in [*order][1:]))

    def _sounding(self) -> PlayedPart | None:
        if self._queue:
            return self._queue[0][0]
        return None if self.is_complete else self._latest

    def _parts_of(self, item_id: str) -> list[PlayedPart]:
        with self._lock:
            return [part for part in self._parts.values() if part.item_id == item_id]


def ticks(moment: float) -> int:
    """A moment of a clock, in seconds, as a count of samples; rounded, as floats are inexact."""
    return round(moment * RATE_HZ)


def in_ms(samples: int) -> int:
    """Whole milliseconds, rounded down, as nothing unheard may count as heard."""
    return samples * 1000 // RATE_HZ
