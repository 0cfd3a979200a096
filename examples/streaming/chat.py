"""A conversation in the terminal. You see each answer while the model writes it.

Ctrl-C stops an answer, not the program. Ctrl-C or Ctrl-D at the prompt leaves.

    python3 course.py run examples/streaming/chat.py
"""

import os
import sys

from openai import OpenAI, OpenAIError
from openai.types.chat import ChatCompletionMessageParam as Message

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")


def answer(client: OpenAI, messages: list[Message]) -> tuple[str, str]:
    """Print an answer as it comes; return its text, and how it ended."""
    text, end, refused = "", "cut off", False
    try:
        with client.chat.completions.create(model=MODEL, messages=messages, stream=True) as chunks:
            for chunk in chunks:
                # A chunk may have no choices. A choice may have no delta, and a delta no text.
                for choice in (chunk and chunk.choices) or []:
                    end = choice.finish_reason or end
                    refusal = (choice.delta and choice.delta.refusal) or ""
                    piece = (choice.delta and choice.delta.content) or refusal
                    print(piece, end="", flush=True)
                    text, refused = text + piece, refused or bool(refusal)
    except KeyboardInterrupt:
        # Leaving the `with` closed the connection. The server notices that, and stops writing.
        end = "stopped"
    except (OpenAIError, ValueError) as error:
        end = str(error)
    return text, "refused" if refused and end == "stop" else end


def main() -> int:
    client, messages, exit_code = OpenAI(), list[Message](), 0
    while True:
        try:
            question = input("\nYou: ")
        except EOFError:
            return exit_code
        messages.append({"role": "user", "content": question})
        text, end = answer(client, messages)
        print("" if end == "stop" else f"\n[this answer is not complete: {end}]")
        exit_code = exit_code if end in ("stop", "stopped") else 1
        # The API remembers nothing: each request carries the whole conversation.
        messages.append({"role": "assistant", "content": text or "(no answer)"})


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OpenAIError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
