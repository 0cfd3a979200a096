"""Sound files read back, by libraries that did not write them where there are two."""

import io

from emulator.voice.sound import RATE, resampled, samples

import numpy as np
import pytest


def decoded_pcm(data, format="wav"):
    """The sound of a file as 24 kHz 16-bit mono PCM; `pcm` stands for samples without a header."""
    if format == "pcm":
        return data
    if format == "wav":
        return data[44:]
    av = pytest.importorskip("av", reason="it reads the files")
    with av.open(io.BytesIO(data)) as file:
        mono = av.AudioResampler(format="s16", layout="mono")
        frames = [part for frame in file.decode(audio=0) for part in mono.resample(frame)]
        frames += mono.resample(None)
    pcm = b"".join(frame.to_ndarray().tobytes() for frame in frames)
    return resampled(pcm, frames[0].sample_rate, RATE)


def level_db(pcm):
    """Loudness in dB of full scale (rms)."""
    return 20 * np.log10(np.sqrt(np.square(samples(pcm).astype(float) / 32768).mean()))
