"""Recordings for the tests: what a caller says, put anywhere, in any kind of WAV; and noises."""

import io
import struct
import wave

from emulator.voice.sound import RATE, Resampler
from tests.support.example_runs import CALLERS

import numpy as np

KINDS = {
    "u8": (1, 8),
    "s16": (1, 16),
    "s24": (1, 24),
    "s32": (1, 32),
    "f32": (3, 32),
    "f64": (3, 64),
}
"""Of WAV: the tag and the bits of a sample."""


def caller(name):
    """What a recorded caller says: numbers from -1 to 1 at 24 kHz."""
    with wave.open(str(CALLERS / f"{name}.wav")) as file:
        pcm = file.readframes(file.getnframes())
    return np.frombuffer(pcm, "<i2") / 32768


def at_rate(sound, rate):
    """A recording of 24 kHz at another rate."""
    resampler = Resampler(RATE, rate)
    pcm = pcm_of(sound)
    return np.frombuffer(resampler.feed(pcm) + resampler.flush(), "<i2") / 32768


def pcm_of(sound):
    """Numbers as 16-bit PCM."""
    return np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()


def padded(sound, before_s, after_s, rate=RATE):
    """A recording with silence around it."""
    silences = [np.zeros(round(seconds * rate)) for seconds in (before_s, after_s)]
    return np.concatenate([silences[0], sound, silences[1]])


def wav_file(sound, rate=RATE, kind="s16", channels=1, *, extensible=False, length=None):
    """A WAV file of these numbers, the same on each channel; `length` is what its header says."""
    tag, bits = KINDS[kind]
    width = bits // 8
    data = sample_bytes(np.repeat(np.asarray(sound, float), channels), kind)
    head = struct.pack("<HIIHH", channels, rate, rate * width * channels, width * channels, bits)
    form = struct.pack("<H", 0xFFFE if extensible else tag) + head
    if extensible:
        guid = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
        form += struct.pack("<HHI", 22, bits, 0) + guid
    said = len(data) if length is None else length
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", said)
    whole = min(4 + len(chunks) + said, 0xFFFFFFFF)
    return b"RIFF" + struct.pack("<I", whole) + b"WAVE" + chunks + data


def sample_bytes(sound, kind):
    clipped = np.clip(sound, -1, 1)
    match kind:
        case "u8":
            return np.rint(clipped * 127 + 128).astype(np.uint8).tobytes()
        case "s16":
            return pcm_of(sound)
        case "s24":
            whole = np.rint(clipped * (2**23 - 1)).astype("<i4")
            return whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
        case "s32":
            return np.rint(clipped * (2**31 - 1)).astype("<i4").tobytes()
        case _:
            return sound.astype("<f4" if kind == "f32" else "<f8").tobytes()


def encoded_file(sound, rate, format, codec=None):
    """A file by FFmpeg: `mp4`, `webm`, `mp3`, `ogg`, `flac`; its sound at 48 kHz."""
    import av

    target = io.BytesIO()
    codecs = {"mp4": "aac", "webm": "libopus", "ogg": "libopus", "mp3": "libmp3lame"}
    with av.open(target, "w", format=format) as file:
        stream = file.add_stream(codec or codecs.get(format, format), rate=48_000, layout="mono")
        resampler = av.AudioResampler(stream.format, "mono", 48_000)
        frame = av.AudioFrame.from_ndarray(
            np.frombuffer(pcm_of(sound), "<i2").reshape(1, -1), "s16", "mono"
        )
        frame.sample_rate = rate
        fifo = av.AudioFifo()
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            fifo.write(part)
        while piece := fifo.read(stream.codec_context.frame_size or 1024, partial=True):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return target.getvalue()


def noises(seconds=4, rate=16_000):
    """Sound in which nobody speaks, by name: numbers from -1 to 1."""
    time = np.arange(seconds * rate) / rate
    random = np.random.default_rng(11)
    fading = np.exp(-6 * (time % 0.5))
    note = 262 * 2 ** (((time // 0.5) * 7 % 12) / 12)
    return {
        "silence": np.zeros(len(time)),
        "hiss": random.normal(0, 0.1, len(time)),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * time) + 0.1 * np.sin(2 * np.pi * 150 * time),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * time),
        "chords": 0.3 * fading * sum(np.sin(2 * np.pi * f * time) for f in (261, 329, 392)),
        "melody": 0.3 * fading * np.sin(2 * np.pi * note * time),
        "drums": fading * random.normal(0, 0.3, len(time)),
        "clicks": 0.8 * (random.random(len(time)) < 0.0005),
        "sweep": 0.3 * np.sin(2 * np.pi * (100 * time + 300 * time**2)),
    }
