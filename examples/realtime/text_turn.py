"""One text turn with the Realtime API, without an SDK: only a WebSocket and JSON.

You see the type of each event that is sent (->) or received (<-), and then the answer.

    python3 course.py run examples/realtime/text_turn.py "When are you closed?"
"""

import json
import os
import sys
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
BASE_URL = os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
QUESTION = " ".join(sys.argv[1:]) or "When does the last bus leave?"


def main() -> str | None:
    """Hold the turn; return what went wrong."""
    url = f"{BASE_URL.rstrip('/').replace('http', 'ws', 1)}/realtime?model={MODEL}"
    headers = {"Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', '')}"}
    content = [{"type": "input_text", "text": QUESTION}]
    text = before = ""
    with connect(url, additional_headers=headers) as socket:

        def send(kind: str, **fields: Any) -> None:
            print(f"-> {kind}")
            socket.send(json.dumps({"type": kind, **fields}))

        send("session.update", session={"type": "realtime", "output_modalities": ["text"]})
        item = {"type": "message", "role": "user", "content": content}
        send("conversation.item.create", item=item)
        send("response.create")
        while True:
            # A server may send nothing more, so don't wait forever.
            event = json.loads(socket.recv(timeout=60))
            if event["type"] != before:
                print(f"<- {event['type']}", flush=True)
            before = event["type"]
            if event["type"] == "response.output_text.delta":
                text += event["delta"]
            elif event["type"] == "error":
                return f"error: {event['error']['message']}"
            elif event["type"] == "response.done":
                print(f"\n{text}")
                status = event["response"]["status"]
                return None if status == "completed" else f"error: the answer is {status}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyError, OSError, TypeError, ValueError, WebSocketException) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
