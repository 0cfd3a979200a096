"""Pipecat (pipecat-ai) in a call. After a drop the script lets it reconnect."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from loguru import logger
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    LLMRunFrame,
    OutputAudioRawFrame,
    StartFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.turns.user_turn_strategies import ExternalUserTurnStrategies
from pipecat.workers.runner import WorkerRunner
from realtime_call import INSTRUCTIONS, MODEL, RATE, VoiceClient, run


class PacedLoudspeaker(BaseOutputTransport):
    """An output as the transports of pipecat are; a frame takes as long as it plays."""

    def __init__(self, client: "PipecatClient") -> None:
        super().__init__(TransportParams(audio_out_enabled=True, audio_out_sample_rate=RATE))
        self._client = client

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        self._client.sound += len(frame.audio)
        await asyncio.sleep(len(frame.audio) / 2 / RATE)
        return True


class TranscriptReader(FrameProcessor):
    """Stands behind the model, and notes what it says."""

    def __init__(self, client: "PipecatClient") -> None:
        super().__init__()
        self._client = client

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSTextFrame):
            self._client.said += frame.text
        await self.push_frame(frame, direction)


class PipecatClient(VoiceClient):
    def __init__(self, base_url: str) -> None:
        super().__init__()
        properties = events.SessionProperties(
            audio=events.AudioConfiguration(
                input=events.AudioInput(
                    transcription=events.InputAudioTranscription(model="gpt-4o-mini-transcribe"),
                    turn_detection=events.TurnDetection(),
                )
            )
        )
        self._model = OpenAIRealtimeLLMService(
            api_key="offline",
            base_url=f"{base_url.replace('http', 'ws')}/realtime",
            settings=OpenAIRealtimeLLMService.Settings(
                model=MODEL, system_instruction=INSTRUCTIONS, session_properties=properties
            ),
        )
        self._context = LLMContext(tools=[self._weather_tool()])
        # The turns are the server's; without this a model of pipecat's own is loaded for them.
        turns = LLMUserAggregatorParams(user_turn_strategies=ExternalUserTurnStrategies())
        pair = LLMContextAggregatorPair(self._context, user_params=turns)
        reader, loudspeaker = TranscriptReader(self), PacedLoudspeaker(self)
        stages = [pair.user(), self._model, reader, loudspeaker, pair.assistant()]
        self.worker = PipelineWorker(
            Pipeline(stages),
            params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
            idle_timeout_secs=None,
        )
        self.worker.add_event_handler("on_pipeline_error", self._complain)

    def _weather_tool(self) -> object:
        async def get_weather(params: FunctionCallParams, city: str) -> None:
            """The weather in a city now.

            Args:
                city: The name of the city.
            """
            await params.result_callback(self.get_weather(city))

        return get_weather

    async def write(self, text: str) -> None:
        is_first = not self._context.get_messages()
        self._context.add_message({"role": "user", "content": text})
        if is_first:
            await self.worker.queue_frame(LLMRunFrame())
        else:
            await self._add_item("user", text)
            await self._model.send_client_event(events.ResponseCreateEvent())

    async def speak(self, pcm: bytes) -> None:
        await self.worker.queue_frame(InputAudioRawFrame(pcm, RATE, 1))

    async def cancel(self) -> None:
        await self._model.send_client_event(events.ResponseCancelEvent())

    async def reconnect(self) -> None:
        await self._model.reset_conversation()
        for message in self._context.get_messages():
            if message["role"] != "tool" and message.get("content"):
                await self._add_item(message["role"], message["content"])

    async def _add_item(self, role: str, text: str) -> None:
        kind = "output_text" if role == "assistant" else "input_text"
        part = events.ItemContent(type=kind, text=text)
        item = events.ConversationItem(type="message", role=role, content=[part])
        await self._model.send_client_event(events.ConversationItemCreateEvent(item=item))

    async def _complain(self, worker: PipelineWorker, frame: ErrorFrame) -> None:
        self.problem = frame.error


@asynccontextmanager
async def connect(base_url: str) -> AsyncIterator[PipecatClient]:
    client = PipecatClient(base_url)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(client.worker)
    running = asyncio.create_task(runner.run())
    try:
        yield client
    finally:
        await client.worker.cancel()
        await running


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    run(connect)
