"""V0. Find the passage by hand, then ask.

Each line of the file passages.txt is a passage. Embed the passages and the question. Then find the
passage whose vector has the highest cosine similarity to the vector of the question. `main` sends
the question to the model, together with this one passage and no other.

Write the body of `best_passage`. Check it with:   python3 course.py check V0
"""

import os
from pathlib import Path

try:
    from openai import OpenAI
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check V0") from None

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
EMBEDDING_MODEL = os.environ.get("OPENAI_EMBEDDING_MODEL", "text-embedding-3-small")
# A check brings its own passages and its own question.
FILES = Path(os.environ.get("EXERCISE_FILES", Path(__file__).parent))
QUESTION = os.environ.get("EXERCISE_QUESTION", "How late can I call a taxi?")


def best_passage(client: OpenAI, question: str, passages: list[str]) -> str:
    """Embed all texts, and return the passage that is most similar to the question."""
    raise NotImplementedError("write the body of best_passage")


def main() -> None:
    client = OpenAI()
    passages = (FILES / "passages.txt").read_text("utf-8").splitlines()
    passage = best_passage(client, QUESTION, passages)
    instructions = f"Answer only from this passage:\n\n{passage}"
    response = client.responses.create(model=MODEL, instructions=instructions, input=QUESTION)
    print(response.output_text)


if __name__ == "__main__":
    main()
