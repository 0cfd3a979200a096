"""V6. Measure recall and MRR.

Each line of known.txt has the name of a file, and a question that this file answers, such as
`rules.txt | May dogs come in?`. Search the store for every question, look at the first K passages,
and compute two figures:

    recall   the share of questions for which these K have a passage from the right file
    MRR      the mean reciprocal rank: the mean, over all questions, of 1/place. The place is that
             of the first passage from the right file: 1, 2 and so on. If there is none among
             the first K, the question counts as 0.

Don't ask a model: it is the search that you measure. `main` writes both figures, with three
decimals, into the metadata of the store.

Write the body of `measure`. Check it with:   python3 course.py check V6
"""

import os
from pathlib import Path
from typing import Any

try:
    from openai import OpenAI
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check V6") from None

K = 5
# A check brings its own files and its own questions.
FILES = Path(os.environ.get("EXERCISE_FILES", Path(__file__).parent))
# What you forget to delete expires by itself.
STORE_EXPIRY: Any = {"anchor": "last_active_at", "days": 1}
FILE_EXPIRY: Any = {"anchor": "created_at", "seconds": 3600}


def measure(client: OpenAI, store_id: str, known: list[tuple[str, str]]) -> tuple[float, float]:
    """Return recall and MRR. `known` has pairs: the name of the right file, and the question."""
    raise NotImplementedError("write the body of measure")


def main() -> None:
    client = OpenAI()
    store = client.vector_stores.create(name="exercise V6", expires_after=STORE_EXPIRY)
    for path in sorted((FILES / "files").iterdir()):
        file = client.files.create(file=path, purpose="assistants", expires_after=FILE_EXPIRY)
        client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
    lines = (FILES / "known.txt").read_text("utf-8").splitlines()
    known = [(line.split(" | ")[0], line.split(" | ")[1]) for line in lines]
    recall, mrr = measure(client, store.id, known)
    figures = {f"recall_at_{K}": f"{recall:.3f}", f"mrr_at_{K}": f"{mrr:.3f}"}
    client.vector_stores.update(store.id, metadata=figures)
    print(figures)


if __name__ == "__main__":
    main()
