"""Sound on the wire and sound for the engines: rates, G.711, lengths.

The Realtime API has three formats: `audio/pcm` (16 bits, little endian, mono, 24 kHz), and of
G.711 `audio/pcmu` and `audio/pcma` (8 kHz). Voice activity and recognition take 16 kHz. The laws
are those of ITU-T G.711; like its reference code (G.191) the encoders use the ones' complement.

A resampler weighs the samples before and after the place that it makes one for, so that nothing is
shifted in time: sample n of the output stands at n / to_hz seconds, as it did in the input. In a
stream it is handed out a little later (1 ms on the way to or from 16 kHz, 2 ms for 8 kHz). All sums
are of whole numbers, so a clip gives the same bytes whatever the pieces that it comes in.
"""

from functools import cache, lru_cache
from math import ceil, gcd

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

RATE = 24_000
"""Hz of `audio/pcm`, the only rate that the API takes for it."""
RATES = {"audio/pcm": RATE, "audio/pcmu": 8_000, "audio/pcma": 8_000}

CROSSINGS = 16
"""Zeros of the sinc to either side of its middle."""
ROLLOFF, BETA = 0.89, 6.5
"""Where the filter cuts, as a share of half the lower rate, and the shape of its Kaiser window.

It is 70 dB down soon after that half, so that next to nothing is folded back.
"""
SCALE_BITS = 16
BLOCK = 1 << 16
"""Samples that are worked on at once, which bounds the memory that a long clip takes."""

Samples = NDArray[np.int16]
Integers = NDArray[np.int64]


def rate(format: str) -> int:
    """Hz of a format of the API; raises ValueError for any other."""
    if format not in RATES:
        raise ValueError(f"expected one of {', '.join(RATES)}, not {format!r}")
    return RATES[format]


def bytes_per_ms(format: str = "audio/pcm") -> int:
    """48 for `audio/pcm`, 8 for G.711."""
    return rate(format) // 1000 * (2 if format == "audio/pcm" else 1)


def samples(pcm: bytes) -> Samples:
    """16-bit little-endian samples as numbers; raises ValueError for an odd number of bytes."""
    if len(pcm) % 2:
        raise ValueError(f"expected samples of 2 bytes, not {len(pcm)} bytes")
    return np.frombuffer(pcm, "<i2").astype(np.int16, copy=False)


def resampled(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    """A whole clip at another rate: ceil(samples * to_hz / from_hz) samples, none of them late."""
    resampler = Resampler(from_hz, to_hz)
    return resampler.feed(pcm) + resampler.flush()


class Resampler:
    """A clip at another rate, piece by piece: 16-bit mono PCM in and out.

    `reach` is how many samples of the input it has to see beyond a place before it makes a sample
    for it. Whatever the pieces, feeding them and flushing gives what `resampled` gives at once.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        if min(from_hz, to_hz) < 1:
            raise ValueError(f"expected rates of 1 Hz or more, not {from_hz} and {to_hz}")
        common = gcd(from_hz, to_hz)
        self._up, self._down = to_hz // common, from_hz // common
        self.reach = 0 if from_hz == to_hz else ceil(CROSSINGS * max(1.0, from_hz / to_hz))
        self._begin()

    def _begin(self) -> None:
        """Before a clip there is silence."""
        self._held: Integers = np.zeros(max(0, self.reach - 1), np.int64)
        self._first = -len(self._held)  # where in the clip the first held sample stands
        self._made = 0

    def feed(self, pcm: bytes) -> bytes:
        """Take a piece, give what can be made by now, which may be nothing.

        Raises ValueError for an odd number of bytes.
        """
        taken = samples(pcm)
        if not self.reach:
            return bytes(pcm)
        blocks = [taken[start : start + BLOCK] for start in range(0, len(taken), BLOCK)]
        return b"".join(self._made_with(block.astype(np.int64)) for block in blocks)

    def flush(self) -> bytes:
        """The rest of the clip, after which there is silence; what is fed then is another clip."""
        rest = self._made_with(np.zeros(self.reach, np.int64)) if self.reach else b""
        self._begin()
        return rest

    def _made_with(self, more: Integers) -> bytes:
        """What more samples make possible."""
        held = np.concatenate([self._held, more])
        beyond = self._first + len(held) - self.reach
        made = self._next(held, -(-beyond * self._up // self._down) - self._made)
        self._made += len(made)
        needed = self._made * self._down // self._up - self.reach + 1
        self._held, self._first = held[needed - self._first :].copy(), needed
        whole = (made + (1 << SCALE_BITS - 1)) >> SCALE_BITS
        clipped: NDArray[np.int64] = np.clip(whole, -32768, 32767)
        return clipped.astype("<i2").tobytes()

    def _next(self, held: Integers, count: int) -> Integers:
        """So many samples more, in units of 2 ** -SCALE_BITS.

        Every `up`-th of them stands equally far behind a sample of the input: one row of weights.
        """
        made = np.zeros(max(0, count), np.int64)
        if count <= 0:
            return made
        # All samples of one row are one product of a matrix and a vector.
        weights = _weights(self._up, self._down)
        windows = sliding_window_view(held, 2 * self.reach)
        for n in range(min(self._up, count)):
            place, row = divmod((self._made + n) * self._down, self._up)
            same = made[n :: self._up]
            first = place - self.reach + 1 - self._first
            same[:] = windows[first :: self._down][: len(same)] @ weights[row]
        return made


@lru_cache(16)  # a file may have any rate, and a table takes up to some megabytes
def _weights(up: int, down: int) -> Integers:
    """The filter, in units of 2 ** -SCALE_BITS: shape (up, 2 * reach).

    Row r weighs the samples around a place r / up behind one of them, from reach - 1 before to
    reach after it. Each row adds up to one, so that a constant stays what it is.
    """
    # The ideal filter is an endless sinc; a Kaiser window (`i0`) fades it out. To a lower rate both
    # are stretched by `share`, so that what the lower rate cannot hold is filtered out.
    share = min(1.0, up / down)
    reach = ceil(CROSSINGS / share)
    places = np.arange(1 - reach, reach + 1) - np.arange(up)[:, None] / up
    inside = np.clip(1 - (places / reach) ** 2, 0, None)
    shape = np.sinc(places * share * ROLLOFF) * np.i0(BETA * np.sqrt(inside))
    exact = shape / shape.sum(axis=1, keepdims=True) * (1 << SCALE_BITS)
    whole: Integers = np.rint(exact).astype(np.int64)
    whole[:, reach - 1] += (1 << SCALE_BITS) - whole.sum(axis=1)
    return whole


def encoded(pcm: bytes, format: str) -> bytes:
    """A whole clip of 24 kHz PCM in a format of the API; for G.711 ceil(samples / 3) bytes."""
    pcm = resampled(pcm, RATE, rate(format))
    if format == "audio/pcm":
        return pcm
    codes: NDArray[np.uint8] = law_codes(format)[samples(pcm).view(np.uint16)]
    return codes.tobytes()


def decoded(data: bytes, format: str) -> bytes:
    """A whole clip in a format of the API as 24 kHz PCM; of G.711 three samples for each byte."""
    decoder = Decoder(format)
    return decoder.feed(data) + decoder.flush()


class Decoder:
    """A format of the API into 24 kHz PCM, piece by piece; G.711 comes 2 ms later.

    Raises ValueError for an unknown format or, of `audio/pcm`, an odd number of bytes.
    """

    def __init__(self, format: str) -> None:
        self._resampler = Resampler(rate(format), RATE)
        self._values = None if format == "audio/pcm" else law_values(format)

    def feed(self, data: bytes) -> bytes:
        if self._values is not None:
            data = self._values[np.frombuffer(data, np.uint8)].astype("<i2").tobytes()
        return self._resampler.feed(data)

    def flush(self) -> bytes:
        """The end of a clip; what is fed then is another."""
        return self._resampler.flush()


@cache
def law_values(format: str) -> Samples:
    """What each of the 256 codes of `audio/pcmu` or `audio/pcma` stands for."""
    codes = np.arange(256)
    if format == "audio/pcmu":
        codes ^= 0xFF
        value = (((codes & 0x0F) << 3) + 0x84 << (codes >> 4 & 7)) - 0x84
        return np.where(codes & 0x80, -value, value).astype(np.int16)
    codes ^= 0x55
    segment = codes >> 4 & 7
    value = ((codes & 0x0F) << 4) + np.where(segment, 0x108, 8)
    value <<= np.maximum(segment - 1, 0)
    return np.where(codes & 0x80, value, -value).astype(np.int16)


@cache
def law_codes(format: str) -> NDArray[np.uint8]:
    """The code of each sample, by its 16 bits read as a number without a sign."""
    # Both laws keep a sign, a segment (the place of the highest bit, found by frexp) and four bits
    # behind that. The mu-law adds 33 first, so that the lowest segment has a highest bit, too.
    value = np.arange(1 << 16, dtype=np.uint16).view(np.int16).astype(np.int64)
    magnitude = np.where(value < 0, ~value, value)
    sign = np.where(value < 0, 0, 0x80)
    if format == "audio/pcmu":
        biased = np.minimum((magnitude >> 2) + 33, 0x1FFF)
        segment = np.frexp(biased)[1].astype(np.int64) - 6
        code = (segment << 4 | (biased >> segment + 1 & 0x0F)) ^ 0x7F | sign
    else:
        steps = magnitude >> 4
        segment = np.maximum(np.frexp(steps)[1].astype(np.int64) - 4, 0)
        code = (segment << 4 | (steps >> np.maximum(segment - 1, 0) & 0x0F) | sign) ^ 0x55
    codes: NDArray[np.uint8] = code.astype(np.uint8)
    return codes
