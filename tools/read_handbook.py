"""Build `handbook_vectors.npz`: what the sentence encoder makes of the course's handbook.

    python -m tools.read_handbook     after a change of the handbook, or of how texts are read

To read all this by the network takes a core two minutes, and it is needed everywhere: in
the lessons, by the callers, in the tests. So the sums for all its windows and quotes are kept,
rounded to 16 bits. A test compares a sample of them with what the network makes, and another one
asks for every window and quote.
"""

from pathlib import Path

from console.handbook import known_questions, read_folder
from emulator.blas import one_blas_thread
from emulator.retrieval import encoder
from emulator.retrieval.encoder import DIMENSIONS
from emulator.retrieval.file_text import read_text
from emulator.retrieval.index import embed_chunks
from emulator.retrieval.quotes import quotes
from emulator.retrieval.windows import windows

import numpy as np

UPLOADED = "module7-"
"""What lesson 2 puts before a file's name, which is read with each of its windows and quotes."""


def handbook_texts() -> set[str]:
    """All that may have to be read: windows, quotes, the questions of lesson 2 and its passages."""
    folder = read_folder()
    texts = {question for question, _ in known_questions(1000)} | set(folder.passages())
    for name, path in folder.files.items():
        assert isinstance(path, Path)
        for source in (path.name, UPLOADED + name):
            for chunk in embed_chunks(read_text(name, path.read_bytes()), title=source):
                texts.update(each.placed for each in windows(chunk.text, chunk.context))
                texts.update(quote.placed for quote in quotes(chunk.text, source))
    return texts


def main() -> None:
    runs = sorted({run for text in handbook_texts() for run in encoder.runs_of(text)})
    with one_blas_thread():
        sums = [encoder.summed([run])[0] for run in runs]
    np.savez_compressed(
        encoder.HANDBOOK,
        lengths=np.array([len(run) for run in runs], np.uint16),
        ids=np.array([id for run in runs for id in run], np.uint16),
        sums=np.array(sums, np.float16).reshape(-1, DIMENSIONS),
    )
    print(f"{len(runs)} runs, {encoder.HANDBOOK.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
