"""A conversation in the terminal: each answer appears while the model writes it.

Ctrl-C stops an answer, not the program. Ctrl-D leaves (on Windows: Ctrl-Z, then Enter).

    python3 course.py run examples/streaming/chat.py
"""

import os
import re
import sys

from openai import OpenAI, OpenAIError
from openai.types.chat import ChatCompletionMessageParam as Message

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
# Control characters could take over your terminal, and half a character can't be printed.
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def answer(client: OpenAI, messages: list[Message]) -> tuple[str, str]:
    """Print an answer as it arrives. Return its text, and how it ended."""
    text, end = "", "cut off"
    try:
        with client.chat.completions.create(model=MODEL, messages=messages, stream=True) as chunks:
            for chunk in chunks:
                # Some chunks have no choices, and some choices have no delta: they carry no text.
                for choice in getattr(chunk, "choices", None) or []:
                    end = choice.finish_reason or end
                    piece = choice.delta and (choice.delta.content or choice.delta.refusal) or ""
                    if not text and choice.delta and choice.delta.refusal:
                        piece = f"(refused) {piece}"
                    text += (piece := UNSAFE.sub("\ufffd", piece))
                    print(piece, end="", flush=True)
    except KeyboardInterrupt:
        # Leaving the `with` closed the connection. The server notices that, and stops writing.
        end = "stopped"
    except (OpenAIError, ValueError) as error:
        body = getattr(error, "body", None)
        end = (isinstance(body, dict) and body.get("message")) or str(error)
    return text, UNSAFE.sub("\ufffd", end)


def main() -> int:
    client, messages, exit_code = OpenAI(), list[Message](), 0
    while True:
        try:
            messages.append({"role": "user", "content": input("\nYou: ")})
            text, end = answer(client, messages)
            print("" if end == "stop" else f"\n[this answer is not complete: {end}]")
            exit_code = exit_code if end in ("stop", "stopped") else 1
            # The API remembers nothing: each request carries the whole conversation.
            messages.append({"role": "assistant", "content": text or "(no answer)"})
        except KeyboardInterrupt:
            print("\n(Press Ctrl-D to leave.)")
        except EOFError:
            return exit_code


if __name__ == "__main__":
    sys.exit(main())
