"""One turn of the Realtime API in text, without an SDK: a WebSocket and JSON, nothing else.

You see the type of each event that is sent (->) or received (<-), and then the answer.

    python3 course.py run examples/realtime/text_turn.py "When are you closed?"
"""

import json
import os
import re
import sys
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
BASE_URL = os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
QUESTION = " ".join(sys.argv[1:]) or "When does the last bus leave?"
# Control characters could take over your terminal, and half a character can't be printed.
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def show(text: str) -> None:
    print(UNSAFE.sub("\ufffd", text), flush=True)


def main() -> str | None:
    """Hold the turn; return what went wrong."""
    url = f"{BASE_URL.rstrip('/').replace('http', 'ws', 1)}/realtime?model={MODEL}"
    headers = {"Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', '')}"}
    content = [{"type": "input_text", "text": QUESTION}]
    item = {"type": "message", "role": "user", "content": content}
    session = {"type": "realtime", "output_modalities": ["text"]}
    text, before = "", ""
    with connect(url, additional_headers=headers) as socket:

        def send(kind: str, **fields: Any) -> None:
            show(f"-> {kind}")
            socket.send(json.dumps({"type": kind, **fields}))

        send("session.update", session=session)
        send("conversation.item.create", item=item)
        send("response.create")
        while True:
            # A server may send nothing more, so don't wait forever.
            event = json.loads(socket.recv(timeout=60))
            kind = event.get("type", "")
            if kind != before:
                show(f"<- {kind}")
            before = kind
            if kind == "response.output_text.delta":
                text += event["delta"]
            elif kind == "error":
                return f"error: {event['error']['message']}"
            elif kind == "response.done":
                show(f"\n{text}")
                status = event["response"]["status"]
                return None if status == "completed" else f"error: the answer is {status}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AttributeError, KeyError, OSError, TypeError, ValueError, WebSocketException) as error:
        sys.exit(f"error: {error}")
