"""An answer that survives a lost connection.

The text appears in pieces. After 20 events the program drops its own connection, on purpose, and
connects again. The text goes on where it stopped: nothing is missing, and nothing comes twice.

    python3 course.py run examples/streaming/resume.py
"""

import os
import re
import sys
import time
from typing import Any

from openai import APIConnectionError, OpenAI, OpenAIError, Stream
from openai.types.responses import ResponseStreamEvent

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
QUESTION = " ".join(sys.argv[1:]) or "What happens on a public evening? Answer in six sentences."
# Control characters could take over your terminal, and half a character can't be printed.
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def connect(client: OpenAI, id: str, last: int) -> Stream[ResponseStreamEvent]:
    """Start the answer, or ask for the events that come after number `last`."""
    if id:
        return client.responses.retrieve(id, stream=True, starting_after=last)
    # In the background, the server keeps writing even while nobody is connected.
    return client.responses.create(model=MODEL, input=QUESTION, background=True, stream=True)


def reason(ended: Any) -> str:
    """Why an answer ended early, in the server's words."""
    why = getattr(ended, "error", None) or getattr(ended, "incomplete_details", None) or ended
    body = getattr(why, "body", None)
    text = body.get("message") if isinstance(body, dict) else getattr(why, "reason", None)
    return UNSAFE.sub("\ufffd", f"{text or getattr(why, 'message', None) or 'no reason given'}")


def main() -> str | None:
    """Print the answer; return what went wrong."""
    client, id, last = OpenAI(), "", -1
    for attempt in range(6):
        time.sleep(max(0, attempt - 1))
        try:
            with connect(client, id, last) as events:
                event: Any
                for event in events:
                    kind = getattr(event, "type", None)
                    number = getattr(event, "sequence_number", None)
                    number = last + 1 if number is None else number
                    if kind is None or number <= last:
                        continue  # It says nothing, or it came before the break.
                    last = number
                    if kind == "response.created":
                        id = event.response.id
                    elif kind in ("response.output_text.delta", "response.refusal.delta"):
                        print(UNSAFE.sub("\ufffd", event.delta or ""), end="", flush=True)
                    elif kind == "response.refusal.done":
                        print("\n(The model refused.)", end="")
                    elif kind in ("response.failed", "response.incomplete", "error"):
                        return f"{kind}: {reason(getattr(event, 'response', event))}"
                    elif kind == "response.completed":
                        return print()
                    if last == 20 and not attempt:
                        break  # Only to show what happens then.
        except (APIConnectionError, ValueError):
            pass
        except OpenAIError as error:
            return reason(error)
        if not id:
            return "the connection broke before the answer had an id; run this again"
        print(f"\n[connection lost after event {last}; connecting again]")
    return "the answer is not complete after six connections"


if __name__ == "__main__":
    sys.exit(main())
