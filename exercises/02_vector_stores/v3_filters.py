"""V3. Filter by attributes of the right type.

Each file of the folder begins with two lines: its edition, and whether it is public.

    Edition: 2026
    Public: no

`main` attaches each file with both as attributes. `attributes` returns them: `edition` as a number,
and `public` as a boolean.

Each line of questions.txt has an edition, yes or no for public, and a question. Search only the
files whose attributes match. `main` calls `ask` for each line, and `ask` has three steps:

    1. search the store, with a filter that compares both attributes;
    2. if nothing is found, print a message that says so, and don't ask the model;
    3. otherwise ask the model: send the question, and the text of every passage that was found.

Write `attributes` and `ask`. Check them with:   python3 course.py check V3
"""

import os
from pathlib import Path
from typing import Any

try:
    from openai import OpenAI
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check V3") from None

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
# A check brings its own files and its own questions.
FILES = Path(os.environ.get("EXERCISE_FILES", Path(__file__).parent))
# What you forget to delete expires by itself.
STORE_EXPIRY: Any = {"anchor": "last_active_at", "days": 1}
FILE_EXPIRY: Any = {"anchor": "created_at", "seconds": 3600}


def attributes(edition: str, public: str) -> dict[str, str | float | bool]:
    """Return the attributes of a file. Its first lines say, for example, "2026" and "no"."""
    raise NotImplementedError("write the body of attributes")


def ask(client: OpenAI, store_id: str, edition: str, public: str, question: str) -> None:
    """Search the files of this edition that are public ("yes") or not ("no"), then ask."""
    raise NotImplementedError("write the body of ask")


def main() -> None:
    client = OpenAI()
    store = client.vector_stores.create(name="exercise V3", expires_after=STORE_EXPIRY)
    for path in sorted((FILES / "files").iterdir()):
        edition, public = [line.split(": ")[1] for line in path.read_text("utf-8").splitlines()[:2]]
        file = client.files.create(file=path, purpose="assistants", expires_after=FILE_EXPIRY)
        client.vector_stores.files.create_and_poll(
            file.id, vector_store_id=store.id, attributes=attributes(edition, public)
        )
    for line in (FILES / "questions.txt").read_text("utf-8").splitlines():
        edition, public, question = line.split(" | ")
        print(f"> {question} ({edition}, public: {public})")
        ask(client, store.id, edition, public, question)


if __name__ == "__main__":
    main()
