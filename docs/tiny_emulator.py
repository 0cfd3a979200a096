"""The smallest server that streams a chat completion to the official client.

    python docs/tiny_emulator.py

prints a base URL. Leave it running and try it from another terminal, with the unmodified SDK:

    from openai import OpenAI
    client = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="anything")
    messages = [{"role": "user", "content": "Hello, who are you?"}]
    for chunk in client.chat.completions.create(model="tiny", messages=messages, stream=True):
        print(chunk.choices[0].delta.content or "", end="", flush=True)

It has no model: it answers with your own words. Everything around the words is the real format.
`emulator/` is the whole thing; `emulator/README.md` says what it adds.
"""

import json
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def envelope(kind: str, choice: dict[str, object], model: str) -> dict[str, object]:
    """What a whole answer and each chunk of a streamed one have in common."""
    choice = {"index": 0, "finish_reason": None, "logprobs": None} | choice
    head = {"id": "chatcmpl-tiny", "object": kind, "created": int(time.time()), "model": model}
    return head | {"choices": [choice]}


class TinyEmulator(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        # A real server would ask its model here. A piece is about as long as a token.
        first, *others = f"You said: {asked['messages'][-1]['content']}".split(" ")
        pieces = [first, *(f" {word}" for word in others)]
        with suppress(ConnectionError):  # the client may leave in the middle
            if asked.get("stream"):
                self.send_stream(pieces, asked["model"])
            else:
                self.send_whole("".join(pieces), asked["model"])

    def send_whole(self, text: str, model: str) -> None:
        message = {"role": "assistant", "content": text, "refusal": None}
        body = envelope("chat.completion", {"message": message, "finish_reason": "stop"}, model)
        self.begin("application/json")
        self.wfile.write(json.dumps(body).encode())

    def send_stream(self, pieces: list[str], model: str) -> None:
        """Server-sent events: each is `data: `, one line of JSON, and an empty line."""
        # First the role, then the text piece by piece, then why it ended, then a fixed last line.
        deltas = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)]
        choices: list[dict[str, object]] = [{"delta": delta} for delta in deltas]
        choices.append({"delta": {}, "finish_reason": "stop"})
        self.begin("text/event-stream")
        for choice in choices:
            chunk = json.dumps(envelope("chat.completion.chunk", choice, model))
            # Each event is written at once. A server that collects them first does not stream.
            self.wfile.write(f"data: {chunk}\n\n".encode())
            self.wait()
        self.wfile.write(b"data: [DONE]\n\n")

    def wait(self) -> None:
        """Simulate the time that a model takes for each token."""
        time.sleep(0.05)

    def begin(self, content_type: str) -> None:
        """Status and headers; without a length, the body ends where the connection does."""
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.end_headers()


if __name__ == "__main__":
    print("http://127.0.0.1:8000/v1", flush=True)
    with suppress(KeyboardInterrupt):
        ThreadingHTTPServer(("127.0.0.1", 8000), TinyEmulator).serve_forever()
