"""V4. Turn citations into footnotes.

Ask with the file search tool, and return the answer with marks and footnotes, like this:

    The dome is closed[1]. The garden is open[2], and dogs may come in[1].

    [1] rules.txt (0.93)
    [2] garden.txt (0.71)

Insert a mark such as [1] for each citation, at the `index` of its annotation. Number the files in
the order in which they are first cited. Each cited file has one footnote; other files have none.

After the text come a blank line and the footnotes, one on each line: number, file name and score.
The model may search more than once. The score is the highest one that any of its searches gave to
any passage of this file, with two decimals.
`main` sends the text that you return to the model again.

Write the body of `answer`. Check it with:   python3 course.py check V4
"""

import os
from pathlib import Path
from typing import Any

try:
    from openai import OpenAI
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check V4") from None

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
# A check brings its own files and its own question.
FILES = Path(os.environ.get("EXERCISE_FILES", Path(__file__).parent))
QUESTION = os.environ.get("EXERCISE_QUESTION", "May dogs come in, and when do evenings begin?")
# What you forget to delete expires by itself.
STORE_EXPIRY: Any = {"anchor": "last_active_at", "days": 1}
FILE_EXPIRY: Any = {"anchor": "created_at", "seconds": 3600}


def answer(client: OpenAI, store_id: str, question: str) -> str:
    """Ask with file search, and return the text with marks and footnotes."""
    raise NotImplementedError("write the body of answer")


def main() -> None:
    client = OpenAI()
    store = client.vector_stores.create(name="exercise V4", expires_after=STORE_EXPIRY)
    for path in sorted((FILES / "files").iterdir()):
        file = client.files.create(file=path, purpose="assistants", expires_after=FILE_EXPIRY)
        client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
    text = answer(client, store.id, QUESTION)
    print(text)
    instructions = "Say this in one sentence. Keep the footnotes."
    print(client.responses.create(model=MODEL, instructions=instructions, input=text).output_text)


if __name__ == "__main__":
    main()
