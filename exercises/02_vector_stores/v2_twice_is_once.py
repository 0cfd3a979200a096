"""V2. Upload only what is new.

This program is run again and again, and each run finds the vector store of the run before. Bring
the store up to date with the folder:

    new file          upload it, and attach it with the attributes `name` and `sha256`
    unchanged file    leave it alone; nothing is uploaded
    changed file      upload and attach the new version, then delete the old one with files.delete

A file is unchanged if the store has one with the same `name` and the same `sha256`. You needn't
handle files that are gone from the folder. Each round of a check runs your program twice. Between
the two runs, the check changes one file in the folder, and deletes another file on the server.
Your second run has to upload that deleted file again.

Write the body of `sync`. Check it with:   python3 course.py check V2
"""

import hashlib
import os
from pathlib import Path
from typing import Any

try:
    from openai import OpenAI
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check V2") from None

# A check brings its own files. It has more of them than the folder beside this program.
FILES = Path(os.environ.get("EXERCISE_FILES", Path(__file__).parent))
NAME = "exercise V2"


def digest(path: Path) -> str:
    """The value of the attribute `sha256`."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sync(client: OpenAI, store_id: str, paths: list[Path]) -> None:
    """Bring the store up to date with these files. The attribute `name` is path.name."""
    raise NotImplementedError("write the body of sync")


def main() -> None:
    client = OpenAI()
    store = next((each for each in client.vector_stores.list() if each.name == NAME), None)
    if store is None:
        expiry: Any = {"anchor": "last_active_at", "days": 1}
        store = client.vector_stores.create(name=NAME, expires_after=expiry)
    sync(client, store.id, sorted((FILES / "files").iterdir()))


if __name__ == "__main__":
    main()
