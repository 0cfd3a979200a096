"""An answer that survives a lost connection. You see text, a break after 20 events, and the rest.

The program drops its own connection on purpose. Still, no text is missing, and none comes twice.

    python3 course.py run examples/streaming/resume.py
"""

import os
import sys

from openai import APIConnectionError, OpenAI, OpenAIError

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
QUESTION = " ".join(sys.argv[1:]) or "What happens on a public evening? Answer in six sentences."


def main() -> str | None:
    """Print the answer; return what went wrong."""
    client, id, last = OpenAI(), "", -1
    for attempt in range(6):
        try:
            if id:  # Get the events that come after the last one.
                events = client.responses.retrieve(id, stream=True, starting_after=last)
            else:  # In background the server keeps writing, even while nobody is connected.
                events = client.responses.create(
                    model=MODEL, input=QUESTION, background=True, stream=True
                )
            with events:
                for event in (event for event in events if event):
                    number = last + 1 if event.sequence_number is None else event.sequence_number
                    if number <= last:
                        continue  # You saw it before the connection dropped.
                    last = number
                    if event.type == "response.created":
                        id = event.response.id
                    elif event.type in ("response.output_text.delta", "response.refusal.delta"):
                        print(event.delta or "", end="", flush=True)
                    elif event.type == "response.completed":
                        return print()
                    elif event.type in ("response.failed", "response.incomplete"):
                        why = event.response.error or event.response.incomplete_details
                        return f"{event.type}: {why and why.to_json(indent=None)}"
                    elif event.type == "error":
                        return f"error: {event.message}"
                    if number == 20 and attempt == 0:
                        break  # Only to show what happens then.
        except (APIConnectionError, ValueError):
            if not id:
                raise
        print(f"\n[connection lost after event {last}; connecting again]")
    return "error: six connections were not enough"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OpenAIError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
