"""What the sentence encoder makes of the handbook, kept in tests/fixtures/handbook_vectors.npz.

Many tests ask about the handbook. To read its sentences, the network takes a core two minutes, in
each process anew. So the tests look up what it made of them. The file says from which code and
weights it was made. If it was made from others, the network reads everything, and a test in
`tests/emulator/retrieval/test_encoder.py` fails. That test also checks a sample of the file. In the
long form of the properties, the network reads everything, too.

    python -m tests.support.known_vectors     record anew, after a change of encoder or handbook
"""

import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from emulator.retrieval import encoder
from emulator.retrieval.embedding import Floats
from emulator.retrieval.encoder import DIMENSIONS, Run

import numpy as np

TESTS = Path(__file__).resolve().parent.parent
FILE = TESTS / "fixtures" / "handbook_vectors.npz"
READING = ["lessons/test_lesson2_script.py", "emulator/retrieval/test_ranking.py"]
"""The tests that have most of the handbook read."""

_read_by_network = encoder._read


def digest() -> str:
    """The code and the weights of the encoder."""
    code = Path(encoder.__file__).read_text(encoding="utf-8").encode()
    return hashlib.sha256(code + encoder.WEIGHTS.read_bytes()).hexdigest()


@cache
def known() -> dict[Run, Floats]:
    """The kept sums by run; none if the encoder is another one meanwhile."""
    if not FILE.exists():
        return {}
    with np.load(FILE) as file:
        if str(file["digest"]) != digest():
            return {}
        ends = np.cumsum(file["lengths"])
        runs = (tuple(ids.tolist()) for ids in np.split(file["ids"], ends[:-1]))
        return dict(zip(runs, file["sums"].astype(np.float32), strict=True))


def look_up() -> None:
    """From now on, this process and its forks let the network read only what is not known."""
    if encoder._read is not _read_by_network:
        return  # it is being recorded

    def read(runs: list[Run]) -> Iterator[tuple[Run, Floats]]:
        yield from ((run, known()[run]) for run in runs if run in known())
        yield from _read_by_network([run for run in runs if run not in known()])

    encoder._read = read


def save(sums: dict[Run, Floats]) -> None:
    runs = sorted(sums)
    np.savez_compressed(
        FILE,
        digest=np.array(digest()),
        lengths=np.array([len(run) for run in runs], np.uint16),
        ids=np.array([id for run in runs for id in run], np.uint16),
        sums=np.array([sums[run] for run in runs], np.float16).reshape(-1, DIMENSIONS),
    )


def record() -> int:
    """Run the tests of `READING`, and keep what the network reads meanwhile."""
    import pytest

    found: dict[Run, Floats] = {}

    def read(runs: list[Run]) -> Iterator[tuple[Run, Floats]]:
        for run, sums in _read_by_network(runs):
            found[run] = sums
            yield run, sums

    encoder._read = read
    code = pytest.main(["-q", "-n0", *(str(TESTS / name) for name in READING)])
    save(found)
    print(f"{len(found)} runs, {FILE.stat().st_size / 1e6:.1f} MB")
    return int(code)


if __name__ == "__main__":
    from tests.support import known_vectors  # the module that the tests import

    sys.exit(known_vectors.record())
