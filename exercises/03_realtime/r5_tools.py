"""R5. Answer two tool calls in one spoken turn.

`main` sends the caller's question as sound. To answer it, the model has to call your functions
twice, and it makes both calls in one response. `run`, below, runs one call.

Read the events of that response. For each call in it, send the result as an item of the type
`function_call_output`: its `output` is what `run` returned, its `call_id` is that of the call.
Wait for the `response.done` of that response. When all results are sent as well, send
`response.create` once. Then read the next response until its `response.done`: it has no calls, and
the model talks about your results.

Write the body of `answer`. Check it with:   python3 course.py check R5
"""

import json
import os
import wave
from base64 import b64encode
from pathlib import Path
from typing import Any

try:
    from openai import OpenAI
    from openai.resources.realtime.realtime import RealtimeConnection
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check R5") from None

MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
CALLERS = Path(__file__).resolve().parents[2] / "data" / "callers"
SOUND = os.environ.get("EXERCISE_SOUND", str(CALLERS / "book-two.wav"))
DEFAULT = {"euros_by_day": 5, "euros_in_the_evening": 9, "free": {"2026-12-05 19": 12}}
TABLE = json.loads(os.environ.get("EXERCISE_TABLE", json.dumps(DEFAULT)))


def tool(name: str, does: str, **types: str) -> dict[str, Any]:
    fields = {field: {"type": kind} for field, kind in types.items()}
    schema = {"type": "object", "properties": fields, "required": [*fields]}
    return {"type": "function", "name": name, "description": does, "parameters": schema}


TOOLS = [
    tool("free_seats", "How many seats are free.", date="string", hour="integer"),
    tool("price", "What a visit costs a group.", people="integer", is_evening="boolean"),
]


def run(name: str, arguments: str) -> str:
    """Run a function by its name. The arguments and the result are JSON."""
    given = json.loads(arguments)
    if name == "free_seats":
        return json.dumps({"free": TABLE["free"].get(f"{given['date']} {given['hour']}", 0)})
    euros = TABLE["euros_in_the_evening" if given["is_evening"] else "euros_by_day"]
    return json.dumps({"euros": given["people"] * euros})


def answer(connection: RealtimeConnection) -> None:
    """Read a response, send the results of its calls, and read the response about them."""
    raise NotImplementedError("write the body of answer")


def speak(connection: RealtimeConnection) -> None:
    with wave.open(SOUND, "rb") as file:
        sound = file.readframes(file.getnframes())
    connection.input_audio_buffer.append(audio=b64encode(sound).decode())
    connection.input_audio_buffer.commit()
    connection.response.create()


def main() -> None:
    session: Any = {
        "type": "realtime",
        "tools": TOOLS,
        "audio": {"input": {"turn_detection": None}},
    }
    with OpenAI().realtime.connect(model=MODEL) as connection:
        connection.session.update(session=session)
        speak(connection)
        answer(connection)


if __name__ == "__main__":
    main()
