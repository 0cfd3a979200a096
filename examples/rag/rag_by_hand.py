"""Retrieval-augmented generation without a vector store, in four steps.

You see how similar each passage is to the question, and an answer from the best two passages.

    python3 course.py run examples/rag/rag_by_hand.py "Can I pay by card?"
"""

import math
import os
import sys

from openai import OpenAI, OpenAIError

PASSAGES = [
    "Dogs may come into the garden and the café, but not into the dome.",
    "Cards and cash are both taken, but the café takes cash only.",
    "A booking can be changed or cancelled without charge until noon of the same day.",
    "The dome is up thirty-nine stairs, and there is no lift.",
]
QUESTION = " ".join(sys.argv[1:]) or "Is my dog allowed in the dome?"


def similarity(a: list[float], b: list[float]) -> float:
    """The cosine of the angle between two vectors: 1 means the same direction."""
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / (math.hypot(*a) * math.hypot(*b))


def main() -> None:
    client = OpenAI()
    # 1. Embed: similar meanings get similar vectors. A real program would store those of passages.
    model = os.environ.get("OPENAI_EMBEDDING_MODEL", "text-embedding-3-small")
    embedded = client.embeddings.create(model=model, input=[*PASSAGES, QUESTION]).data
    *vectors, question = [each.embedding for each in embedded]
    # 2. Rank the passages by their similarity to the question.
    scores = [similarity(vector, question) for vector in vectors]
    ranked = sorted(zip(scores, PASSAGES, strict=True), reverse=True)
    for score, passage in ranked:
        print(f"{score:5.2f}  {passage}")
    # 3. Put the best two into the prompt.
    found = "\n".join(passage for _, passage in ranked[:2])
    instructions = f"Answer in one sentence, from these passages alone:\n\n{found}"
    # 4. Ask.
    chat = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
    response = client.responses.create(model=chat, instructions=instructions, input=QUESTION)
    print(f"\n{response.output_text}")


if __name__ == "__main__":
    try:
        main()
    except (OpenAIError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
