"""Two tools about cities, a question that calls both, and the calls that it has to make."""

import json

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = {"name": "get_weather", "description": "The weather in a city.", "parameters": CITY}
TIME = {"name": "get_time", "description": "The local time in a city.", "parameters": CITY}
CHAT_TOOLS = [{"type": "function", "function": each} for each in (WEATHER, TIME)]
FLAT_TOOLS = [{"type": "function", **each} for each in (WEATHER, TIME)]
BOTH = "What is the weather in Paris and what time is it in Tokyo?"
EXPECTED = [("get_weather", {"city": "Paris"}), ("get_time", {"city": "Tokyo"})]


def arguments(completion):
    """The calls of a chat completion: names with their arguments."""
    calls = completion.choices[0].message.tool_calls or []
    return [(call.function.name, json.loads(call.function.arguments)) for call in calls]
