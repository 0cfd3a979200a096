"""Voices as vectors: samples of one voice get similar vectors, whatever is said.

The network is the speaker encoder that Resemble AI trained and published as Resemblyzer 0.1.4
(Apache-2.0), by the method of GE2E (Wan and others, "Generalized End-to-End Loss for Speaker
Verification", 2018). `tools/build_speaker_encoder.py` takes its weights out of that package, so
that NumPy alone can run it.

The weights are read when they are first needed; until then they take no memory.
"""

from functools import cache
from pathlib import Path

from emulator.blas import one_blas_thread

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("speakers.npz")
RATE = 16_000
"""Hz of the samples, which are numbers from -1 to 1."""
HOP = 160
"""Samples from one frame of the spectrum to the next: 10 ms."""
WINDOW = 400
"""Samples that a frame looks at: 25 ms."""
BANDS = 40
SIZE = 256
"""Numbers of a vector, and of the state of a layer."""
LAYERS = 3
LEVEL = 0.025
"""Mean power of a band to which windows are brought: that of speech at -26 dB of full scale."""
BATCH = 128
"""Windows that are worked on at once: 10 MB for each layer's sums."""
BLOCK = 4096
"""Frames of the spectrum that are worked on at once: 14 MB."""
FAINTEST = 1e-10


def spectrum(samples: Floats) -> Floats:
    """The power in 40 mel bands, every 10 ms: shape (1 + samples // 160, 40).

    Frame n looks at 25 ms around sample 160 * n; before and after the clip there is silence. It is
    what librosa 0.10's `melspectrogram(sr=16000, n_fft=400, hop_length=160, n_mels=40)` gives.
    """
    padded = np.pad(samples.astype(np.float32, copy=False), WINDOW // 2)
    frames = sliding_window_view(padded, WINDOW)[::HOP]
    blocks = (frames[first : first + BLOCK] for first in range(0, len(frames), BLOCK))
    return np.concatenate([_bands(block) for block in blocks])


def _bands(frames: Floats) -> Floats:
    """The bands of frames of 400 samples, which the Hann window fades in and out."""
    faded = frames * np.hanning(WINDOW + 1)[:WINDOW].astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(faded, axis=1)))
    return np.asarray(power @ mel_filters().T, np.float32)


@cache
def mel_filters() -> Floats:
    """How much each of 201 frequencies counts for each of 40 bands: Slaney's triangles, area 1.

    The mel scale follows the ear. Below 1,000 Hz its steps are even; above, each is a fixed ratio.
    """
    hertz = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    edges = _hertz(np.linspace(0, _mel(RATE / 2), BANDS + 2))
    widths = np.diff(edges)
    away = edges[:, None] - hertz[None]
    rising, falling = -away[:-2] / widths[:-1, None], away[2:] / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles * (2 / (edges[2:] - edges[:-2]))[:, None], np.float32)


_LINEAR, _BEND = 200 / 3, 15.0
"""Hz of a mel below 1,000 Hz, and the mel that stands for 1,000 Hz."""
_RATIO = np.log(6.4) / 27


def _mel(hertz: float) -> float:
    return float(_BEND + np.log(hertz / (_LINEAR * _BEND)) / _RATIO)  # of 1,000 Hz and more


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _LINEAR * _BEND * np.exp(_RATIO * (mels - _BEND))
    return np.where(mels < _BEND, _LINEAR * mels, above)


def embed(windows: Floats) -> Floats:
    """A vector of length 1 for each window: (windows, frames, 40) become (windows, 256).

    A window of silence becomes a vector, too, but a meaningless one. With one thread of BLAS it is
    several times faster than with more, as each product is small.
    """
    if not len(windows):
        return np.zeros((0, SIZE), np.float32)
    with one_blas_thread():
        parts = [_embedded(windows[n : n + BATCH]) for n in range(0, len(windows), BATCH)]
    return np.concatenate(parts)


def levelled(windows: Floats) -> Floats:
    """Each window at the same loudness, so that it does not matter how near somebody sat."""
    power = windows.mean(axis=(1, 2), keepdims=True)
    return np.asarray(windows * (LEVEL / np.maximum(power, FAINTEST)), np.float32)


def _embedded(windows: Floats) -> Floats:
    """The state in which the last layer is after the last frame decides."""
    weights = _weights()
    inputs = np.ascontiguousarray(windows.swapaxes(0, 1))
    for layer in range(LAYERS):
        inputs = _lstm(inputs, *(weights[f"{part}{layer}"] for part in ("input", "state", "bias")))
    raw = np.maximum(inputs[-1] @ weights["out"] + weights["out_bias"], 0)
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    return np.asarray(raw / np.maximum(lengths, FAINTEST), np.float32)


def _lstm(inputs: Floats, by_input: Floats, by_state: Floats, bias: Floats) -> Floats:
    """One layer of long short-term memory: (frames, windows, any) become (frames, windows, 256).

    At each frame four gates are computed from the frame and the last state: what of the memory is
    kept, what is written to it, what that is, and how much of it is shown.
    """
    frames, count, _ = inputs.shape
    state, memory = (np.zeros((count, SIZE), np.float32) for _ in range(2))
    outputs = np.empty((frames, count, SIZE), np.float32)
    for frame in range(frames):
        gates = inputs[frame] @ by_input
        gates += state @ by_state
        gates += bias
        write, keep, show = (_sigmoid(gates[:, n * SIZE : (n + 1) * SIZE]) for n in (0, 1, 3))
        memory *= keep
        memory += write * np.tanh(gates[:, 2 * SIZE : 3 * SIZE])
        state = np.multiply(show, np.tanh(memory), out=outputs[frame])
    return outputs


def _sigmoid(x: Floats) -> Floats:
    half = np.float32(0.5)
    return np.asarray(half + half * np.tanh(half * x), np.float32)


@cache
def _weights() -> dict[str, Floats]:
    """The weights, read once, 6 MB."""
    with np.load(WEIGHTS) as file:
        return {name: file[name].astype(np.float32) for name in file.files}
