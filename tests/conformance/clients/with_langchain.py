"""LangChain (langchain-openai), over Responses and over Chat Completions."""

from client_checks import CHAT_MODEL, FACT, MODEL, QUESTION, REPORT, WEATHER, run
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool as as_tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

WAYS = {
    "responses": lambda: ChatOpenAI(model=MODEL, use_responses_api=True),
    "chat": lambda: ChatOpenAI(model=CHAT_MODEL, use_responses_api=False),
}


class Price(BaseModel):
    """What a ticket costs."""

    ticket: str
    euros: int


def stream(model: ChatOpenAI) -> None:
    pieces = [text for chunk in model.stream(QUESTION) if (text := chunk.text)]

    assert len(pieces) > 1, pieces
    assert FACT in "".join(pieces), pieces


def tool(model: ChatOpenAI) -> None:
    @as_tool
    def get_weather(city: str) -> str:
        """The weather in a city now."""
        return REPORT

    able = model.bind_tools([get_weather])
    said = [HumanMessage(WEATHER)]
    said.append(able.invoke(said))
    calls = said[-1].tool_calls
    assert [call["args"] for call in calls] == [{"city": "Paris"}], calls
    said += [get_weather.invoke(call) for call in calls]

    answer = able.invoke(said).text
    assert REPORT in answer, repr(answer)


def structure(model: ChatOpenAI) -> None:
    price = model.with_structured_output(Price).invoke(QUESTION)

    assert isinstance(price, Price), price


if __name__ == "__main__":
    run(WAYS, stream, tool, structure)
