"""Pydantic's agents (pydantic-ai) in a call. They reconnect by themselves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic_ai import Agent, PartDeltaEvent, SpeechPartDelta
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.realtime import (
    RealtimeSession,
    RealtimeSessionErrorEvent,
    RealtimeSessionReconnectEvent,
)
from pydantic_ai.realtime.openai import OpenAIRealtimeModel
from realtime_call import INSTRUCTIONS, MODEL, PATIENCE_S, RATE, VoiceClient, run

SETTINGS = {"reconnect": {"base_delay": 0.1}, "turn_detection": True}


class PydanticClient(VoiceClient):
    def __init__(self, session: RealtimeSession) -> None:
        super().__init__()
        self._session = session
        self._reconnected = asyncio.Event()

    async def write(self, text: str) -> None:
        await self._session.send(text)

    async def speak(self, pcm: bytes) -> None:
        await self._session.send_audio(pcm)

    async def cancel(self) -> None:
        await self._session.interrupt(played_bytes=self._session.played_audio_bytes)

    async def reconnect(self) -> None:
        """It does so by itself, and fails to send anything before it has."""
        async with asyncio.timeout(PATIENCE_S):
            await self._reconnected.wait()

    async def play(self) -> None:
        """Take the sound as a loudspeaker does, for which the session truncates."""
        async for pcm in self._session.stream_audio():
            self.sound += len(pcm)
            await asyncio.sleep(len(pcm) / 2 / RATE)

    async def follow(self) -> None:
        async for event in self._session:
            match event:
                case PartDeltaEvent(delta=SpeechPartDelta(speaker="assistant") as delta):
                    self.said += delta.transcript_delta or ""
                case RealtimeSessionReconnectEvent():
                    self._reconnected.set()
                case RealtimeSessionErrorEvent():
                    self.problem = event.message


@asynccontextmanager
async def connect(base_url: str) -> AsyncIterator[PydanticClient]:
    agent = Agent(instructions=INSTRUCTIONS)

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city now."""
        return client.get_weather(city)

    provider = OpenAIProvider(base_url=base_url, api_key="offline")
    model = OpenAIRealtimeModel(MODEL, provider=provider, settings=SETTINGS)
    async with agent.realtime(model).session(handle_barge_in=True) as session:
        client = PydanticClient(session)
        tasks = [asyncio.create_task(client.play()), asyncio.create_task(client.follow())]
        try:
            yield client
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    run(connect)
