"""V1. Ingest six files, one of which fails.

`main` uploads the files of the folder inbox. Attach all of them to the vector store, and wait until
each one has the status completed or failed. Wait for at most DEADLINE seconds in total, not for
each file. One file fails. Others are slow: in some runs of the check they aren't ready in time.

Return a report, which is a dict: its keys are the names of the files that aren't completed, its
values are the reasons. If a file failed, the reason is the `message` of its last_error. If a file
isn't ready at the deadline, the reason is "in_progress". `main` writes your report into the
metadata of the store, and then it searches the store.

Write the body of `ingest`. Check it with:   python3 course.py check V1
"""

import os
from pathlib import Path
from typing import Any

try:
    from openai import OpenAI
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check V1") from None

# A check brings its own files, its own question and its own deadlines.
FILES = Path(os.environ.get("EXERCISE_FILES", Path(__file__).parent))
DEADLINE = float(os.environ.get("EXERCISE_DEADLINE", "10"))
QUESTION = os.environ.get("EXERCISE_QUESTION", "When does the last bus leave?")
# What you forget to delete expires by itself.
STORE_EXPIRY: Any = {"anchor": "last_active_at", "days": 1}
FILE_EXPIRY: Any = {"anchor": "created_at", "seconds": 3600}


def ingest(client: OpenAI, store_id: str, names: dict[str, str]) -> dict[str, str]:
    """Attach the files, wait, and return the report. `names` maps file ids to names."""
    raise NotImplementedError("write the body of ingest")


def main() -> None:
    client = OpenAI()
    names = {}
    for path in sorted((FILES / "inbox").iterdir()):
        file = client.files.create(file=path, purpose="assistants", expires_after=FILE_EXPIRY)
        names[file.id] = path.name
    store = client.vector_stores.create(name="inbox", expires_after=STORE_EXPIRY)
    reasons = ingest(client, store.id, names)
    client.vector_stores.update(store.id, metadata=reasons)
    print("Not ready:", reasons)
    for hit in client.vector_stores.search(store.id, query=QUESTION):
        print(f"{hit.score:.2f}  {hit.filename}")


if __name__ == "__main__":
    main()
