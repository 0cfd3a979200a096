"""OpenAI's agents (openai-agents) in a call. After a drop the script opens another session."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from agents.realtime.model_inputs import RealtimeModelSendInterrupt, RealtimeModelSendRawMessage
from realtime_call import INSTRUCTIONS, MODEL, VoiceClient, run
from websockets.exceptions import ConnectionClosed

SETTINGS = {
    "model_name": MODEL,
    "output_modalities": ["audio"],
    "audio": {
        "input": {
            "turn_detection": {"type": "server_vad", "interrupt_response": True},
            "transcription": {"model": "gpt-4o-mini-transcribe"},
        }
    },
}


class AgentsClient(VoiceClient):
    def __init__(self, base_url: str) -> None:
        super().__init__()
        url = f"{base_url.replace('http', 'ws')}/realtime?model={MODEL}"
        self._model = {"url": url, "api_key": "offline"}
        tools = [function_tool(self.get_weather)]
        agent = RealtimeAgent("guide", instructions=INSTRUCTIONS, tools=tools)
        self._runner = RealtimeRunner(agent, config={"model_settings": SETTINGS})
        self._history: list[Any] = []

    async def open(self) -> None:
        self._session = await (await self._runner.run(model_config=self._model)).enter()
        self._events = asyncio.create_task(self._follow(self._session))

    async def close(self) -> None:
        await self._session.close()
        await self._events

    async def write(self, text: str) -> None:
        await self._session.send_message(text)

    async def speak(self, pcm: bytes) -> None:
        await self._session.send_audio(pcm)

    async def cancel(self) -> None:
        # `interrupt` leaves it to the server, which stops an answer when somebody speaks.
        await self._session.model.send_event(RealtimeModelSendInterrupt(force_response_cancel=True))

    async def reconnect(self) -> None:
        await self.close()
        await self.open()
        for item in self._history:
            if item.type == "message" and (content := list(contents(item))):
                message = {"type": "message", "role": item.role, "content": content}
                create = {"type": "conversation.item.create", "other_data": {"item": message}}
                await self._session.model.send_event(RealtimeModelSendRawMessage(message=create))

    async def _follow(self, session: RealtimeSession) -> None:
        try:
            async for event in session:
                self._note(event)
        except ConnectionClosed:
            pass  # the session ends with that, and `reconnect` opens another

    def _note(self, event: Any) -> None:
        match event.type:
            case "raw_model_event" if event.data.type == "transcript_delta":
                self.said += event.data.delta
            case "audio":
                self.sound += len(event.audio.data)
            case "history_updated":
                self._history = event.history
            case "error":
                self.problem = str(event.error)


def contents(item: Any) -> Any:
    """The parts of a message as the API takes them, with the words that are known."""
    kind = "output_text" if item.role == "assistant" else "input_text"
    for part in item.content:
        if words := getattr(part, "text", None) or getattr(part, "transcript", None):
            yield {"type": kind, "text": words}


@asynccontextmanager
async def connect(base_url: str) -> AsyncIterator[AgentsClient]:
    client = AgentsClient(base_url)
    await client.open()
    try:
        yield client
    finally:
        await client.close()


if __name__ == "__main__":
    run(connect)
