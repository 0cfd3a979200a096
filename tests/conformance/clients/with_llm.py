"""`llm`, the command line's client, as a library: over Responses and over Chat Completions.

Its folder holds a file that names the models which are not of its own list.
"""

import json
import os
from functools import partial
from pathlib import Path

import llm
from client_checks import CHAT_MODEL, FACT, MODEL, QUESTION, REPORT, WEATHER, run
from pydantic import BaseModel


class Price(BaseModel):
    """What a ticket costs."""

    ticket: str
    euros: int


def models() -> list[dict[str, object]]:
    """What the file says, which is YAML, and hence may be JSON."""
    shared = {
        "api_base": os.environ["OPENAI_BASE_URL"],
        "supports_tools": True,
        "supports_schema": True,
    }
    names = {"responses": MODEL, "chat": CHAT_MODEL}
    return [
        {"model_id": way, "model_name": names[way], "responses": way == "responses"} | shared
        for way in WAYS
    ]


def stream(model: llm.Model) -> None:
    pieces = [piece for piece in model.prompt(QUESTION) if piece]

    assert len(pieces) > 1, pieces
    assert FACT in "".join(pieces), pieces


def tool(model: llm.Model) -> None:
    asked = []

    def get_weather(city: str) -> str:
        """The weather in a city now."""
        asked.append(city)
        return REPORT

    answer = model.conversation().chain(WEATHER, tools=[get_weather], chain_limit=3).text()

    assert asked == ["Paris"], asked
    assert REPORT in answer, repr(answer)


def structure(model: llm.Model) -> None:
    Price.model_validate_json(model.prompt(QUESTION, schema=Price).text())


WAYS = {way: partial(llm.get_model, way) for way in ("responses", "chat")}

if __name__ == "__main__":
    folder = Path(os.environ["LLM_USER_PATH"])
    (folder / "extra-openai-models.yaml").write_text(json.dumps(models()), encoding="utf-8")
    run(WAYS, stream, tool, structure)
