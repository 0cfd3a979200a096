"""Sentences as vectors: texts with similar meanings get vectors with similar directions.

The network is all-MiniLM-L6-v2 (Apache-2.0). It reads whole sentences: what a word means depends on
the words around it. `tools/build_sentence_encoder.py` takes its weights out of a package, so that
NumPy is enough to run it. How it works:

    1  pieces     a text is cut into word pieces, as for the table (embedding.py)
    2  rows       each piece becomes 384 numbers, and those of its position are added
    3  layers     each of six layers mixes into a piece what is relevant to it in the other pieces
    4  mean       the mean over all pieces, scaled to length 1, is the vector of the text

The network takes at most 256 pieces, including the marks of the beginning and the end. A longer
text is read in runs, and its vector is the mean over the pieces of all runs.

The weights are integers from -127 to 127. In the layers, 64 neighbors share a scale; elsewhere, the
row of each word piece has one. The file is read when it is first needed. From then on the weights
take 55 MB: those of the layers are multiplied by their scales at once, the row of a word piece only
when a text has that piece.

What the network makes of the course's handbook is kept in a file (tools/read_handbook.py made it),
since lessons and callers ask about that all the time. To read it all takes a core two minutes.

NumPy multiplies matrices with BLAS. Here, BLAS is limited to one thread, and each core works on its
own batch. Two threads that share a small product wait for each other. On a busy machine, they took
nine times as long for a question as one thread did.

A question must not wait for a book. So all callers together use no more threads than there are
cores. A batch of them takes a tenth of a second, and before each of its layers it gives way to a
caller who has had less read (`Cores`). So a question overtakes a book at the next layer.
"""

import heapq
import itertools
import math
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from emulator.blas import one_blas_thread
from emulator.retrieval.embedding import Floats, table, token_ids, unit

import numpy as np
from numpy.typing import NDArray

WEIGHTS = Path(__file__).with_name("sentence_encoder.npz")
HANDBOOK = Path(__file__).with_name("handbook_vectors.npz")
DIMENSIONS = 384
LAYERS, HEADS = 6, 12
MOST_PIECES = 256
GROUP = 64
"""Neighbors in a row of a layer's matrix that share a scale."""
BATCH, CORES = 256, min(4, os.cpu_count() or 1)
"""The most word pieces of a batch, whose widest state takes 1.5 MB; and how many run at once."""
SMALL = 64
"""Fewer word pieces are not shared between cores: the products would be slower."""
MOST_REMEMBERED, ENTRY = 2**24, 300
"""Bytes of the sums that are kept, as chunks that overlap share their windows. The handbook's take
more than half. An entry takes so many bytes beside its numbers, as measured."""
LOOK_UP_S = 0.05
"""How often a thread that waits for a batch wakes up: only then can an exception stop its job."""
TINY = 1e-12

Run = tuple[int, ...]
"""The ids of at most 254 word pieces, without the marks of the beginning and the end."""


class Dense(NamedTuple):
    """Weights of shape (layers, outputs, inputs), and biases of shape (layers, outputs)."""

    weight: Floats
    bias: Floats


class Weights(NamedTuple):
    """The network. The parts have the same names in the file."""

    words: NDArray[np.int8]
    words_scale: Floats
    places: Floats
    """What is added by position: (256, 384)."""
    attend: Dense
    """Query, key and value of each piece, side by side: 384 numbers become 1,152."""
    mix: Dense
    widen: Dense
    """384 numbers become 1,536."""
    narrow: Dense
    norms: Floats
    """Gain and offset of each normalization, that of the rows first: (13, 2, 384)."""


@cache
def weights() -> Weights:
    """The weights, read once."""
    with np.load(WEIGHTS) as file:

        def dense(name: str) -> Dense:
            whole, scale = file[name], file[f"{name}_scale"]
            scaled = whole.reshape(*scale.shape, GROUP) * scale[..., None]
            return Dense(scaled.reshape(whole.shape), file[f"{name}_bias"])

        return Weights(
            words=file["words"],
            words_scale=file["words_scale"],
            places=file["places"],
            norms=file["norms"],
            **{name: dense(name) for name in ("attend", "mix", "widen", "narrow")},
        )


# ------------------------------------------------------------------------ texts


def encode(texts: Sequence[str]) -> Floats:
    """A vector of unit length for each text: shape (texts, 384).

    If a text has no word piece, only the marks of the beginning and the end are read. The last
    digit of a vector may depend on the other texts in the call.
    """
    runs = [runs_of(text) for text in texts]
    sums = _sums(dict.fromkeys(run for each in runs for run in each))
    totals = [np.sum([sums[run] for run in each], axis=0) for each in runs]
    return unit(np.array(totals, np.float32).reshape(-1, DIMENSIONS))


def runs_of(text: str) -> list[Run]:
    """A text as the network reads it."""
    ids, room = token_ids(text), MOST_PIECES - 2
    return [tuple(ids[start : start + room]) for start in range(0, max(1, len(ids)), room)]


class SumCache:
    """The sums of runs, up to so many bytes; those that were not wanted for longest go first."""

    def __init__(self, most_bytes: int = MOST_REMEMBERED) -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self._sums: OrderedDict[Run, Floats] = OrderedDict()
        self._lock = threading.Lock()

    def runs(self) -> list[Run]:
        return list(self._sums)

    def find(self, wanted: Iterable[Run]) -> dict[Run, Floats]:
        """The sums of those runs that are kept."""
        with self._lock:
            found = {run: self._sums[run] for run in wanted if run in self._sums}
            for run in found:
                self._sums.move_to_end(run)
        return found

    def add(self, sums: Mapping[Run, Floats]) -> None:
        with self._lock:
            for run, each in sums.items():
                if run not in self._sums:
                    self.bytes += _bytes_of(run)
                # Copied, as it may be a row of a batch, which would be kept whole.
                self._sums[run] = each.copy()
                self._sums.move_to_end(run)
            while self.bytes > self.most_bytes:
                run, _ = self._sums.popitem(last=False)
                self.bytes -= _bytes_of(run)

    def clear(self) -> None:
        with self._lock:
            self._sums.clear()
            self.bytes = 0


def _bytes_of(run: Run) -> int:
    """What a run and its sum take; the numbers in a run are those of the table."""
    return 8 * len(run) + 4 * DIMENSIONS + ENTRY


_remembered = SumCache()
_lock = threading.Lock()


@cache
def remember_handbook() -> None:
    """Fill the cache with what is known of the handbook, once."""
    with np.load(HANDBOOK) as file:
        ids = np.split(file["ids"], np.cumsum(file["lengths"])[:-1])
        sums = file["sums"].astype(np.float32)
    shared = list(table().ids.values())  # each number is an object, which need not be there twice
    runs = (tuple(shared[id] for id in each.tolist()) for each in ids)
    _remembered.add(dict(zip(runs, sums, strict=True)))


def load() -> None:
    """Read all files that the first text needs, ahead of it: a third of a second."""
    table()
    weights()
    remember_handbook()


def forget() -> None:
    """Empty the cache, for measurements."""
    remember_handbook()  # so that nothing fills it again
    _remembered.clear()


def _sums(wanted: dict[Run, None]) -> dict[Run, Floats]:
    """The sum of the network's output over the pieces of each run."""
    remember_handbook()
    found = _remembered.find(wanted)
    read = dict(_read([run for run in wanted if run not in found]))
    _remembered.add(read)
    return found | read


def _read(runs: list[Run]) -> Iterator[tuple[Run, Floats]]:
    batches = list(_batches(runs))
    if not batches:
        return
    with _lock:
        weights()  # otherwise each worker would read the file, and keep its own copy meanwhile
    reader = Reader()
    with one_blas_thread():
        workers = ThreadPoolExecutor(CORES, "encoder")
        try:
            reading = [workers.submit(summed, batch, reader) for batch in batches]
            for batch, read in zip(batches, reading, strict=True):
                while not wait([read], LOOK_UP_S).done:
                    pass
                yield from zip(batch, read.result(), strict=True)
        finally:
            reader.has_left = True
            workers.shutdown(cancel_futures=True)


def _batches(runs: list[Run]) -> Iterator[list[Run]]:
    """Runs of similar lengths together, because each is padded to the longest of its batch.

    All cores get as much: three batches on two cores would take as long as four.
    """
    pieces = sum(len(run) + 2 for run in runs)
    rounds = math.ceil(pieces / (CORES * BATCH))
    most = max(SMALL, pieces / (CORES * max(1, rounds)))
    batch: list[Run] = []
    done, end = 0.0, most
    for run in sorted(runs, key=len, reverse=True):
        # A run belongs to the share that holds its middle.
        if batch and done + (len(run) + 2) / 2 > end:
            yield batch
            batch, end = [], end + most
        batch.append(run)
        done += len(run) + 2
    if batch:
        yield batch


# ------------------------------------------------------------------------ cores


@dataclass(eq=False)
class Reader:
    """A call of `encode`: how many word pieces it has asked for, and whether it has ended."""

    pieces: int = 0
    has_left: bool = False


class ReaderLeft(Exception):
    """Nobody waits any more for the batch that is being read."""


class Cores:
    """Lets so many threads compute at a time, that of the reader with the fewest pieces first.

    With the same number, a batch that has begun goes first. So few batches are half done at a time,
    each of which takes memory.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[tuple[Place, threading.Lock]] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    @contextmanager
    def hold(self, reader: Reader, pieces: int) -> Iterator[Callable[[], None]]:
        """Wait for a core for a batch of so many pieces, and give it back at the end.

        Call the function that it gives now and then: it lets a reader with fewer pieces go first.
        It raises ReaderLeft where the reader has ended.
        """
        with self._lock:
            reader.pieces += pieces
            place = reader.pieces, next(self._numbers)

        def look_up() -> None:
            self._give_way(place)
            if reader.has_left:
                raise ReaderLeft

        self._wait(place)
        try:
            yield look_up
        finally:
            with self._lock:
                self._give_back()

    def _wait(self, place: "Place") -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            gate = self._queue(place)
        gate.acquire()

    def _give_way(self, place: "Place") -> None:
        with self._lock:
            if not self._waiting or place < self._waiting[0][0]:
                return
            gate = self._queue(place)
            self._give_back()
        gate.acquire()

    def _queue(self, place: "Place") -> threading.Lock:
        """A lock that `_give_back` opens: to acquire it is to wait."""
        gate = threading.Lock()
        gate.acquire()
        heapq.heappush(self._waiting, (place, gate))
        return gate

    def _give_back(self) -> None:
        if self._waiting:
            heapq.heappop(self._waiting)[1].release()
        else:
            self._free += 1


Place = tuple[int, int]
"""In the queue for a core: the pieces of a batch and of those before it, and its number."""
_cores = Cores(CORES)


# ---------------------------------------------------------------------- network


def summed(runs: Sequence[Run], reader: Reader | None = None) -> Floats:
    """The network's output, added up over the pieces of each run: (runs, 384)."""
    first, last = (table().ids[mark] for mark in ("[CLS]", "[SEP]"))
    ids = np.zeros((len(runs), max(map(len, runs)) + 2), np.intp)
    for row, run in enumerate(runs):
        ids[row, : len(run) + 2] = (first, *run, last)
    is_piece = np.arange(ids.shape[1]) < np.array([[len(run) + 2] for run in runs])
    known = weights()
    with _cores.hold(reader or Reader(), ids.size) as look_up:
        look_up()
        state = known.words[ids] * known.words_scale[ids][..., None]
        state += known.places[: ids.shape[1]]
        state = _normed(state, known.norms[0])
        for layer in range(LAYERS):
            look_up()
            state = _layer(known, layer, state, is_piece)
    total: Floats = np.einsum("rpd,rp->rd", state, is_piece.astype(np.float32))
    return total


def _layer(known: Weights, layer: int, state: Floats, is_piece: NDArray[np.bool_]) -> Floats:
    """Attention to all pieces, then a step within each piece; each result is added to its input."""
    attended = _attention(_dense(known.attend, layer, state), is_piece)
    state = _normed(state + _dense(known.mix, layer, attended), known.norms[2 * layer + 1])
    wide = _gelu(_dense(known.widen, layer, state))
    return _normed(state + _dense(known.narrow, layer, wide), known.norms[2 * layer + 2])


def _attention(inputs: Floats, is_piece: NDArray[np.bool_]) -> Floats:
    """Twelve weighted means of all pieces' values; the weights say how well query and key fit.

    (runs, places, 1152) become (runs, places, 384). Padding has the weight 0.
    """
    runs, places, _ = inputs.shape
    split = inputs.reshape(runs, places, 3, HEADS, DIMENSIONS // HEADS)
    query, key, value = split.transpose(2, 0, 3, 1, 4)
    shares = query @ key.swapaxes(2, 3)
    shares *= np.float32((DIMENSIONS // HEADS) ** -0.5)
    shares += np.where(is_piece, 0, -np.inf).astype(np.float32)[:, None, None]
    shares -= shares.max(axis=-1, keepdims=True)
    np.exp(shares, out=shares)
    shares /= shares.sum(axis=-1, keepdims=True)
    taken: Floats = shares @ value
    return taken.transpose(0, 2, 1, 3).reshape(runs, places, DIMENSIONS)


def _dense(part: Dense, layer: int, inputs: Floats) -> Floats:
    """One product for all pieces of all runs, which is faster than a product for each run."""
    flat: Floats = inputs.reshape(-1, inputs.shape[-1]) @ part.weight[layer].T
    flat += part.bias[layer]
    return flat.reshape(*inputs.shape[:-1], -1)


def _normed(state: Floats, norm: Floats) -> Floats:
    """Mean 0 and variance 1 over the numbers of each piece, then the learned gain and offset."""
    state -= state.mean(axis=-1, keepdims=True)
    spread = np.einsum("rpd,rpd->rp", state, state)[..., None] / DIMENSIONS
    state /= np.sqrt(spread + TINY)
    state *= norm[0]
    state += norm[1]
    return state


def _gelu(x: Floats) -> Floats:
    """x times the normal distribution's share below x, by the usual formula with tanh."""
    inner: Floats = x * x
    inner *= 0.044715
    inner += 1
    inner *= x
    inner *= np.float32(np.sqrt(2 / np.pi))
    np.tanh(inner, out=inner)
    inner += 1
    inner *= x
    inner *= 0.5
    return inner
