"""Decodes audio files of any common format to samples, a piece at a time.

    format                       decoder
    WAV                          here, with NumPy alone
    FLAC, MP3, Ogg (Opus, Vorbis)  soundfile
    MP4, M4A, WebM, MPEG         av

Nothing here trusts the file. Its first bytes say what kind it is, never its name. A decoder may
read only that one format, so that no file can make it open another one. A few bytes of FLAC may
stand for hours of silence. So sound is decoded in pieces of about a second, which aren't all kept.

A file that is cut off is refused. Most formats say in their header how long they are. Ogg and WebM
needn't, because they are written while somebody speaks. But their parts say how long they are, and
Ogg marks its last one.
"""

import importlib
import io
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from emulator.voice.quiet_libraries import without_noise
from emulator.voice.sound import Resampler, law_values

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
"""The sample rate that `speech_pcm` returns, in Hz."""
LOWEST_HZ, HIGHEST_HZ = 4_000, 192_000
RATE_STEP = 25
"""Rates are rounded to this many Hz, because the resampler needs a table for each rate."""
MOST_CHANNELS = 32
BLOCK = 1 << 15
"""Frames that are decoded at a time."""
BLOCKS_A_STEP = 16
MOST_CHUNKS = 1000
"""Parts of a WAV file before its sound; real ones have a handful."""
LONGEST_FRAME_S = 60
"""Of MP4, WebM and MPEG: frames of a few seconds are rare."""
TOLERANCE_S = 0.2
"""Seconds that may be missing at the end: not every header counts the padding of the encoder."""

CUT_OFF = "it ends before its samples do"

Floats = NDArray[np.float32]


class UnreadableAudio(ValueError):
    """No sound can be read from a file: it is damaged, cut off, or not a sound file."""


class MissingDecoder(Exception):
    """The format is known, but `package`, which decodes it, isn't installed."""

    def __init__(self, formats: str, package: str) -> None:
        super().__init__(f"Reading {formats} files needs the package '{package}'.")
        self.package = package


class Block(NamedTuple):
    """Some of a recording, mixed down to one channel: numbers from -1 to 1, and the rate in Hz."""

    samples: Floats
    rate: int


def kind_of(data: bytes) -> str:
    """The format by its first bytes: wav, flac, ogg, mp3, mp4, webm, mpeg, or "" for others."""
    head = data[:12]
    if head[:4] in (b"RIFF", b"RIFX") and head[8:12] == b"WAVE":
        return "wav"
    if head[4:8] == b"ftyp":
        return "mp4"
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    # An MPEG frame begins with eleven set bits; then come the version and the layer, of which AAC
    # has none.
    is_frame = len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    return "mp3" if is_frame and head[1] & 0x06 and head[2] & 0xF0 != 0xF0 else ""


_MAGIC = {
    b"fLaC": "flac",
    b"OggS": "ogg",
    b"ID3": "mp3",
    b"\x1aE\xdf\xa3": "webm",
    b"\0\0\1\xba": "mpeg",
}


def seconds_of(data: bytes, most_s: float) -> float:
    """The length of a recording in seconds. All of it is decoded, which finds what is unreadable.

    Stops after `most_s`, and returns what it has counted so far. Raises UnreadableAudio and
    MissingDecoder.
    """
    *_, seconds = measured(data, most_s)
    return seconds


def measured(data: bytes, most_s: float) -> Iterator[float]:
    """The same in steps that are short even for a file of many channels: seconds so far."""
    frames: Counter[int] = Counter()
    seconds = 0.0
    for number, block in enumerate(blocks(data), 1):
        frames[block.rate] += len(block.samples)
        seconds = sum(count / rate for rate, count in frames.items())
        if seconds > most_s:
            break
        if number % BLOCKS_A_STEP == 0:
            yield seconds
    yield seconds


def speech_pcm(data: bytes, rate_hz: int = RATE) -> Iterator[bytes]:
    """A recording as 16-bit mono PCM of 16 kHz (or `rate_hz`), in pieces of up to a few seconds.

    Raises UnreadableAudio and MissingDecoder.
    """
    resampler, rate = Resampler(rate_hz, rate_hz), rate_hz
    for block in blocks(data):
        if block.rate != rate:
            yield resampler.flush()
            resampler, rate = Resampler(_standard(block.rate), rate_hz), block.rate
        whole = np.rint(np.clip(block.samples, -1, 1) * 32767)
        yield resampler.feed(whole.astype("<i2").tobytes())
    yield resampler.flush()


def blocks(data: bytes) -> Iterator[Block]:
    """A recording, decoded a piece at a time; raises UnreadableAudio and MissingDecoder."""
    kind = kind_of(data)
    if (kind == "ogg" and is_cut_ogg(data)) or (kind == "webm" and is_cut_webm(data)):
        raise UnreadableAudio(CUT_OFF)
    if kind == "wav":
        yield from _checked(_wav_blocks(data))
    elif kind in ("flac", "mp3", "ogg"):
        yield from _checked(_soundfile_blocks(data))
    elif kind:
        yield from _checked(_av_blocks(data, _DEMUXERS[kind]))
    else:
        raise UnreadableAudio("its first bytes are those of no audio format")


_DEMUXERS = {"mp4": "mp4", "webm": "matroska", "mpeg": "mpeg"}


def _checked(found: Iterator[Block]) -> Iterator[Block]:
    """The blocks that can be resampled: with sensible rates, and finite numbers."""
    for block in found:
        if not LOWEST_HZ <= block.rate <= HIGHEST_HZ:
            raise UnreadableAudio(f"a rate of {block.rate} Hz is none of a recording")
        yield Block(np.nan_to_num(block.samples, posinf=1.0, neginf=-1.0), block.rate)


def _standard(rate: int) -> int:
    return max(LOWEST_HZ, round(rate / RATE_STEP) * RATE_STEP)


# A WAV file is a RIFF: chunks of four letters, a length, and that many bytes. `fmt ` describes the
# samples, `data` holds them. A program that writes to a pipe doesn't know the length yet, and uses
# the highest number (0xFFFFFFFF, or 0x7FFFFFFF less the header): then all that follows is sound.
ENDLESS = 0x7FFF_0000
PCM, FLOAT, ALAW, MULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE


class _WavFormat(NamedTuple):
    """What `fmt ` says; `width` is the bytes of one sample in the file."""

    tag: int
    channels: int
    rate: int
    width: int


def _wav_blocks(data: bytes) -> Iterator[Block]:
    form, start, end = _wav_parts(data)
    step = BLOCK * form.width * form.channels
    whole = form.width * form.channels
    end -= (end - start) % whole
    for at in range(start, end, step):
        values = _wav_values(data[at : min(at + step, end)], form)
        yield Block(_mixed(values.reshape(-1, form.channels)), form.rate)


def _wav_parts(data: bytes) -> tuple[_WavFormat, int, int]:
    """The format, and where the samples begin and end."""
    form, at = None, 12
    for _ in range(MOST_CHUNKS):
        if at + 8 > len(data):
            break
        name, length = struct.unpack_from("<4sI", data, at)
        at += 8
        if name == b"data":
            if form is None:
                break
            if length >= ENDLESS:
                length = len(data) - at
            if at + length > len(data):
                raise UnreadableAudio(CUT_OFF)
            return form, at, at + length
        if name == b"fmt ":
            form = _wav_format(data[at : at + length])
        at += length + length % 2
    raise UnreadableAudio("it is a WAV file without sound in it")


def _wav_format(chunk: bytes) -> _WavFormat:
    if len(chunk) < 16:
        raise UnreadableAudio("its header is too short")
    tag, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == EXTENSIBLE and len(chunk) >= 26:
        (tag,) = struct.unpack_from("<H", chunk, 24)
    width = -(-bits // 8)
    widths = {PCM: (1, 2, 3, 4), FLOAT: (4, 8), ALAW: (1,), MULAW: (1,)}
    if not 1 <= channels <= MOST_CHANNELS or width not in widths.get(tag, ()):
        raise UnreadableAudio(f"a WAV file of format {tag} with {bits} bits is not supported")
    if align != width * channels:
        raise UnreadableAudio("its header contradicts itself")
    return _WavFormat(tag, channels, rate, width)


def _wav_values(raw: bytes, form: _WavFormat) -> Floats:
    """Samples as numbers from -1 to 1."""
    if form.tag == FLOAT:
        with np.errstate(over="ignore"):  # what is too large becomes infinite
            return np.frombuffer(raw, f"<f{form.width}").astype(np.float32)
    whole: NDArray[Any]
    if form.tag in (ALAW, MULAW):
        law = law_values("audio/pcma" if form.tag == ALAW else "audio/pcmu")
        whole, scale = law[np.frombuffer(raw, np.uint8)], 2**15
    elif form.width == 1:  # bytes without a sign, 128 is silence
        whole, scale = np.frombuffer(raw, np.uint8).astype(np.int16) - 128, 2**7
    elif form.width == 3:  # three bytes above one that is zero are a whole number of four
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        whole, scale = wide.view("<i4")[:, 0], 2**31
    else:
        whole, scale = np.frombuffer(raw, f"<i{form.width}"), 2 ** (8 * form.width - 1)
    return np.multiply(whole, 1 / scale, dtype=np.float32)


def _soundfile_blocks(data: bytes) -> Iterator[Block]:
    package = _package("soundfile", "MP3, FLAC and Ogg")
    try:
        with without_noise():
            file = package.SoundFile(io.BytesIO(data))
        with file:
            read, announced = 0, file.frames
            while len(found := _next_block(file)):
                read += len(found)
                yield Block(_mixed(found), file.samplerate)
            # A file from a pipe announces nothing, which libsndfile tells as the highest number.
            if read + TOLERANCE_S * file.samplerate < announced < 2**62:
                raise UnreadableAudio(CUT_OFF)
    except (package.LibsndfileError, RuntimeError, TypeError) as error:
        raise UnreadableAudio(str(error)) from error


def _next_block(file: Any) -> NDArray[np.float32]:
    with without_noise():
        found: NDArray[np.float32] = file.read(BLOCK, dtype="float32", always_2d=True)
    return found


# An Ogg file is a row of pages: "OggS", a version, flags, two numbers of 8 and 4 bytes between
# which is the stream's own number, a checksum, and the lengths of what follows (RFC 3533, section
# 6). Each stream marks its last page by the flag 4. A file that was cut off hasn't got that page,
# or not all of it.
PAGE, FIRST_PAGE, LAST_PAGE = b"OggS", 2, 4


def is_cut_ogg(data: bytes) -> bool:
    """Whether an Ogg file lacks its end."""
    streams, ended = set(), set()
    at = data.find(PAGE)
    while at >= 0:
        body = at + 27 + data[at + 26] if at + 27 <= len(data) else len(data) + 1
        end = body + sum(data[at + 27 : body])
        if end > len(data):
            return True
        stream = data[at + 14 : at + 18]
        streams.add(stream)
        if data[at + 5] & FIRST_PAGE:
            ended.discard(stream)  # another stream, with the number of one before it
        if data[at + 5] & LAST_PAGE:
            ended.add(stream)
        at = data.find(PAGE, end)
    return streams != ended


# A WebM file is a tree: each element is an id, a length, and that many bytes (RFC 8794, sections 4
# to 6). A program that writes while somebody speaks doesn't know the lengths of the whole
# ("segment") and of the longer parts in it ("clusters") yet, and sets all bits of these numbers.
# Then what is inside follows as if it stood alone.
SEGMENT, CLUSTER = 0x18538067, 0x1F43B675


def is_cut_webm(data: bytes) -> bool:
    """Whether a WebM file ends in the middle of an element."""
    at = 0
    while at < len(data):
        id, at = _ebml_number(data, at, has_marker=True)
        length, at = _ebml_number(data, at)
        if at > len(data):
            return True
        if id == 0:
            return False  # it is damaged, which the decoder finds
        if length >= 0:
            at += length
        elif id not in (SEGMENT, CLUSTER):
            return False
    return at > len(data)


def _ebml_number(data: bytes, at: int, *, has_marker: bool = False) -> tuple[int, int]:
    """A number and the place behind it; -1 for one whose bits are all set, "unknown".

    Its first set bit says how many bytes it has; an id includes that bit. 0 for one of more than
    eight bytes, which there isn't.
    """
    first = data[at] if at < len(data) else 0x80
    size = 9 - first.bit_length()
    if size > 8:
        return 0, at + 1
    whole = int.from_bytes(data[at : at + size].ljust(size, b"\0"))
    value = whole & ((1 << 7 * size) - 1)
    if value == (1 << 7 * size) - 1 and not has_marker:
        value = -1
    return whole if has_marker else value, at + size


def _av_blocks(data: bytes, demuxer: str) -> Iterator[Block]:
    package = _package("av", "MP4, M4A and WebM")
    read_s = announced_s = 0.0
    try:
        with package.open(io.BytesIO(data), format=demuxer) as file:
            stream = next(iter(file.streams.audio), None)
            if stream is None:
                raise UnreadableAudio("it has no sound")
            announced_s = float((stream.duration or 0) * (stream.time_base or 0))
            mono = package.AudioResampler(format="flt", layout="mono", rate=RATE)
            frames = map(_checked_frame, file.decode(stream))
            parts = (part for frame in frames for part in mono.resample(frame))
            for found in _gathered(part.to_ndarray()[0] for part in parts):
                read_s += len(found) / RATE
                yield Block(found, RATE)
    except (package.FFmpegError, ValueError, EOFError) as error:
        raise UnreadableAudio(str(error)) from error
    if read_s + TOLERANCE_S < announced_s:
        raise UnreadableAudio(CUT_OFF)


def _checked_frame(frame: Any) -> Any:
    """A frame that may be resampled: at 1 Hz each byte of a file would become 64 kB."""
    rate, length = frame.sample_rate, frame.samples
    if not LOWEST_HZ <= rate <= HIGHEST_HZ or length > LONGEST_FRAME_S * rate:
        raise UnreadableAudio(f"a frame of {length} samples at {rate} Hz is none of a recording")
    return frame


def _gathered(parts: Iterator[Floats]) -> Iterator[Floats]:
    """The same sound in longer pieces: a frame of AAC lasts some 20 ms."""
    held: list[Floats] = []
    for part in parts:
        held.append(part)
        if len(held) * len(part) >= BLOCK:
            yield np.concatenate(held)
            held.clear()
    if held:
        yield np.concatenate(held)


def _package(name: str, formats: str) -> Any:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise MissingDecoder(formats, name) from error


def _mixed(channels: NDArray[np.float32]) -> Floats:
    """The mean of the channels, shape (frames, channels) to (frames,)."""
    mean: Floats = channels.mean(axis=1, dtype=np.float32)
    return mean
