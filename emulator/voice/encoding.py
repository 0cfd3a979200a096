"""Sound as files: PCM into WAV, MP3, Opus, FLAC and AAC, piece by piece.

    encoder = Encoder("mp3")
    sent = encoder.feed(pcm) + encoder.feed(more) + encoder.flush()

MP3, Opus and FLAC are written by libsndfile (`pip install soundfile`), AAC by FFmpeg
(`pip install av`). WAV and PCM need no package.

An encoder writes to a file, and some formats go back at the end to write the length into their
header. A stream can't go back, because its header was sent already. So a streamed WAV has the sizes
0xFFFFFFFF, as OpenAI's has, and a FLAC has 0 samples, which means "unknown". Python's `wave` reads
such a WAV as 2,147,483,647 frames.
"""

import importlib
import struct
from typing import Any, Protocol

from emulator.voice.sound import RATE, samples

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
"""As the speech endpoint names them; all are mono, and of 24 kHz but for Opus, which has 48."""
MEDIA_TYPES = {format: f"audio/{format}" for format in FORMATS} | {"mp3": "audio/mpeg"}
UNKNOWN = 0xFFFFFFFF
# The kinds that libsndfile writes, by its own names. An MP3 has 128,000 bits a second (that is what
# level 0.2 stands for), and Opus some 66,000, as OpenAI's have. The rate of an MP3 is constant, so
# that it needs no header that tells its length.
_LIBSNDFILE: dict[str, dict[str, Any]] = {
    "mp3": {
        "format": "MP3",
        "subtype": "MPEG_LAYER_III",
        "bitrate_mode": "CONSTANT",
        "compression_level": 0.2,
    },
    "opus": {"format": "OGG", "subtype": "OPUS", "compression_level": 0.75},
    "flac": {"format": "FLAC", "subtype": "PCM_16"},
}


class MissingEncoder(Exception):
    """The package that writes this format isn't installed; `package` is its name."""

    def __init__(self, format: str, package: str) -> None:
        super().__init__(f"Sound in the format '{format}' needs the package '{package}'.")
        self.package = package


class Encoder:
    """Encodes to one of FORMATS: takes 24 kHz 16-bit mono PCM, returns what can be sent so far."""

    def __init__(self, format: str) -> None:
        """Raises MissingEncoder where no package writes this format."""
        self._outlet = Outlet()
        self._writer = _writer(format, self._outlet)

    def feed(self, pcm: bytes) -> bytes:
        """Take a piece; b"" while the encoder waits for more. Raises ValueError for odd bytes."""
        self._writer.write(pcm)
        return self._outlet.take()

    def flush(self) -> bytes:
        """The end of the sound; nothing can be fed after it."""
        self._writer.close()
        return self._outlet.take()


def encoded(pcm: bytes, format: str) -> bytes:
    """A complete sound as a file; its header has the length, except in a WAV."""
    outlet = Outlet()
    writer = _writer(format, outlet)
    writer.write(pcm)
    writer.close()
    return outlet.take()


class Outlet:
    """A file for encoders. Once its bytes were taken, they can't be changed.

    An encoder can write to it and seek in it. Changes to bytes that were taken are ignored.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._taken = self._at = 0

    def take(self) -> bytes:
        """What was written since the last call."""
        taken = bytes(self._held)
        self._held.clear()
        self._taken += len(taken)
        return taken

    def write(self, data: Any) -> int:
        piece = bytes(data)
        start, end = self._at - self._taken, self._at - self._taken + len(piece)
        if piece and end > 0:
            self._held.extend(bytes(max(0, start - len(self._held))))
            self._held[max(0, start) : end] = piece[max(0, -start) :]
        self._at += len(piece)
        return len(piece)

    def read(self, size: int = -1) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._taken + len(self._held))[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        pass


class Writer(Protocol):
    """Writes PCM to an outlet in some format."""

    def write(self, pcm: bytes) -> None: ...

    def close(self) -> None: ...


def _writer(format: str, outlet: Outlet) -> Writer:
    if format in ("wav", "pcm"):
        return _Plain(outlet, wav_header() if format == "wav" else b"")
    package = "av" if format == "aac" else "soundfile"
    try:
        return (_Ffmpeg if format == "aac" else _Libsndfile)(outlet, format)
    except (ImportError, OSError) as error:
        raise MissingEncoder(format, package) from error


def wav_header() -> bytes:
    """The header of a streamed WAV: 24 kHz, mono, 16 bits, of unknown length."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", UNKNOWN, b"WAVE") + form + b"data\xff\xff\xff\xff"


class _Plain:
    """The samples as they are."""

    def __init__(self, outlet: Outlet, header: bytes) -> None:
        self._outlet = outlet
        outlet.write(header)

    def write(self, pcm: bytes) -> None:
        self._outlet.write(samples(pcm).astype("<i2").tobytes())

    def close(self) -> None:
        pass


class _Libsndfile:
    """MP3, FLAC, and Opus in Ogg; raises ImportError, or OSError without the C library."""

    def __init__(self, outlet: Outlet, format: str) -> None:
        package: Any = importlib.import_module("soundfile")
        self._file: Any = package.SoundFile(outlet, "w", RATE, 1, **_LIBSNDFILE[format])

    def write(self, pcm: bytes) -> None:
        self._file.write(samples(pcm))

    def close(self) -> None:
        self._file.close()


class _Ffmpeg:
    """AAC, in frames with a header each (ADTS), so that it can be streamed."""

    def __init__(self, outlet: Outlet, format: str) -> None:
        self._package: Any = importlib.import_module("av")
        self._container: Any = self._package.open(outlet, "w", format="adts")
        self._stream: Any = self._container.add_stream(format, rate=RATE, layout="mono")

    def write(self, pcm: bytes) -> None:
        if not pcm:
            return
        row = samples(pcm).reshape(1, -1)
        frame = self._package.AudioFrame.from_ndarray(row, format="s16", layout="mono")
        frame.sample_rate = RATE
        self._mux(frame)

    def close(self) -> None:
        self._mux(None)
        self._container.close()

    def _mux(self, frame: Any) -> None:
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
