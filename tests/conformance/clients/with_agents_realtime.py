"""OpenAI's agents (openai-agents) over Realtime: answered aloud, a tool, and an interruption."""

import asyncio
import os

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from client_checks import FACT, QUESTION, REPORT, WEATHER, run

MODEL = "gpt-realtime-2.1-mini"
SETTINGS = {"model_name": MODEL, "output_modalities": ["audio"]}
WAYS = {"realtime": lambda: os.environ["OPENAI_BASE_URL"].replace("http", "ws") + "/realtime"}


async def session(url: str, *tools: object) -> RealtimeSession:
    agent = RealtimeAgent("guide", instructions="Answer in one sentence.", tools=list(tools))
    runner = RealtimeRunner(agent, config={"model_settings": SETTINGS})
    return await runner.run(model_config={"url": f"{url}?model={MODEL}", "api_key": "offline"})


async def answers(opened: RealtimeSession, wanted: int) -> str:
    """What was said aloud once so many answers have ended; fails with an error of the session."""
    said = ""
    async with asyncio.timeout(30):
        async for event in opened:
            assert event.type != "error", event.error
            if event.type == "raw_model_event" and event.data.type == "transcript_delta":
                said += event.data.delta
            wanted -= event.type == "agent_end"
            if not wanted:
                return said
    return said


async def aloud(url: str) -> None:
    async with await session(url) as opened:
        await opened.send_message(QUESTION)
        said = await answers(opened, 1)

    assert FACT in said, said


async def tool(url: str) -> None:
    asked = []

    @function_tool
    def get_weather(city: str) -> str:
        """The weather in a city now."""
        asked.append(city)
        return REPORT

    async with await session(url, get_weather) as opened:
        await opened.send_message(WEATHER)
        said = await answers(opened, 2)

    assert asked == ["Paris"], asked
    assert REPORT in said, said


async def interrupted(url: str) -> None:
    """What was heard is truncated, and the next question is answered."""
    async with await session(url) as opened:
        await opened.send_message(QUESTION)
        await answers(opened, 1)
        await opened.interrupt()
        await opened.send_message(QUESTION)
        said = await answers(opened, 1)

    assert FACT in said, said


if __name__ == "__main__":
    run(WAYS, aloud, tool, interrupted)
