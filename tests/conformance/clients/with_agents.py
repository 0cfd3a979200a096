"""OpenAI's agents (openai-agents), over Responses and over Chat Completions."""

from agents import (
    Agent,
    Model,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
)
from client_checks import CHAT_MODEL, FACT, MODEL, QUESTION, REPORT, WEATHER, run
from openai import AsyncOpenAI
from openai.types.responses import ResponseTextDeltaEvent
from pydantic import BaseModel

WAYS = {
    "responses": lambda: OpenAIResponsesModel(MODEL, AsyncOpenAI()),
    "chat": lambda: OpenAIChatCompletionsModel(CHAT_MODEL, AsyncOpenAI()),
}


class Price(BaseModel):
    """What a ticket costs."""

    ticket: str
    euros: int


async def stream(model: Model) -> None:
    result = Runner.run_streamed(Agent("guide", model=model), QUESTION)
    data = [event.data async for event in result.stream_events() if hasattr(event, "data")]
    pieces = [each.delta for each in data if isinstance(each, ResponseTextDeltaEvent)]

    assert len(pieces) > 1, pieces
    assert "".join(pieces) == result.final_output, pieces
    assert FACT in result.final_output, result.final_output


async def tool(model: Model) -> None:
    asked = []

    @function_tool
    def get_weather(city: str) -> str:
        """The weather in a city now."""
        asked.append(city)
        return REPORT

    result = await Runner.run(Agent("forecaster", model=model, tools=[get_weather]), WEATHER)

    assert asked == ["Paris"], asked
    assert REPORT in result.final_output, repr(result.final_output)


async def structure(model: Model) -> None:
    result = await Runner.run(Agent("clerk", model=model, output_type=Price), QUESTION)

    assert isinstance(result.final_output, Price), result.final_output


if __name__ == "__main__":
    run(WAYS, stream, tool, structure)
