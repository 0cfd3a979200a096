"""Pydantic's agents (pydantic-ai), over Responses and over Chat Completions."""

from client_checks import CHAT_MODEL, FACT, MODEL, QUESTION, REPORT, WEATHER, run
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel

WAYS = {
    "responses": lambda: OpenAIResponsesModel(MODEL),
    "chat": lambda: OpenAIChatModel(CHAT_MODEL),
}


class Price(BaseModel):
    """What a ticket costs."""

    ticket: str
    euros: int


async def stream(model: Model) -> None:
    async with Agent(model).run_stream(QUESTION) as result:
        pieces = [text async for text in result.stream_text(delta=True, debounce_by=None)]

    assert len(pieces) > 1, pieces
    assert FACT in "".join(pieces), pieces


async def tool(model: Model) -> None:
    agent = Agent(model)
    asked = []

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city now."""
        asked.append(city)
        return REPORT

    answer = (await agent.run(WEATHER)).output

    assert asked == ["Paris"], asked
    assert REPORT in answer, repr(answer)


async def structure(model: Model) -> None:
    """By a schema that the answer must keep to."""
    result = await Agent(model, output_type=NativeOutput(Price)).run(QUESTION)

    assert isinstance(result.output, Price), result.output


async def structure_by_tool(model: Model) -> None:
    """By a tool that must be called, which this client does unless told otherwise."""
    result = await Agent(model, output_type=Price).run(QUESTION)

    assert isinstance(result.output, Price), result.output


if __name__ == "__main__":
    run(WAYS, stream, tool, structure, structure_by_tool)
