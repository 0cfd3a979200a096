"""LiveKit's agents (livekit-plugins-openai) in a call. They reconnect by themselves."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from livekit import rtc
from livekit.agents import Agent, AgentSession, FunctionTool, function_tool
from livekit.agents.types import APIConnectOptions
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities
from livekit.plugins.openai.realtime import RealtimeModel
from openai.types.realtime import AudioTranscription
from openai.types.realtime.realtime_audio_input_turn_detection import ServerVad
from realtime_call import INSTRUCTIONS, MODEL, RATE, VoiceClient, run


class RecordedMicrophone(AudioInput):
    """What is spoken comes piece by piece."""

    def __init__(self) -> None:
        super().__init__(label="recorded caller")
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def __anext__(self) -> rtc.AudioFrame:
        pcm = await self.pieces.get()
        return rtc.AudioFrame(pcm, RATE, 1, len(pcm) // 2)


class TimedLoudspeaker(AudioOutput):
    """Plays by the clock alone: says how far it would be, and falls silent at once."""

    def __init__(self, client: "LivekitClient") -> None:
        super().__init__(
            label="loudspeaker",
            capabilities=AudioOutputCapabilities(pause=False),
            sample_rate=RATE,
        )
        self._client = client
        self._begun = self._length = 0.0
        self._end: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._length:
            self._begun = time.monotonic()
            self.on_playback_started(created_at=time.time())
        self._length += frame.duration
        self._client.sound += len(frame.data) * 2

    def flush(self) -> None:
        super().flush()
        if self._length:
            left = self._begun + self._length - time.monotonic()
            self._end = asyncio.get_running_loop().call_later(max(0.0, left), self._finish)

    def clear_buffer(self) -> None:
        if self._length:
            self._finish(is_interrupted=True)

    def _finish(self, *, is_interrupted: bool = False) -> None:
        if self._end:
            self._end.cancel()
        played = min(time.monotonic() - self._begun, self._length)
        self._length, self._end = 0.0, None
        self.on_playback_finished(playback_position=played, interrupted=is_interrupted)


class LivekitClient(VoiceClient):
    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.model = RealtimeModel(
            model=MODEL,
            modalities=["audio"],
            base_url=base_url,
            api_key="offline",
            turn_detection=ServerVad(
                type="server_vad", create_response=True, interrupt_response=True
            ),
            input_audio_transcription=AudioTranscription(model="gpt-4o-mini-transcribe"),
            conn_options=APIConnectOptions(retry_interval=0.1),
        )
        self._agent = Agent(instructions=INSTRUCTIONS, tools=[self._weather_tool()])
        turns = {
            "turn_detection": "realtime_llm",
            "interruption": {"resume_false_interruption": False},
        }
        self.session = AgentSession(llm=self.model, vad=None, turn_handling=turns)
        self._microphone = RecordedMicrophone()
        self.session.input.audio = self._microphone
        self.session.output.audio = TimedLoudspeaker(self)
        self.session.on("conversation_item_added", self._note)
        self.session.on("error", self._complain)

    def _weather_tool(self) -> FunctionTool:
        @function_tool
        async def get_weather(city: str) -> str:
            """The weather in a city now."""
            return self.get_weather(city)

        return get_weather

    async def open(self) -> None:
        await self.session.start(self._agent, record=False)

    async def write(self, text: str) -> None:
        self.session.generate_reply(user_input=text)

    async def speak(self, pcm: bytes) -> None:
        self._microphone.pieces.put_nowait(pcm)

    async def cancel(self) -> None:
        await self.session.interrupt()

    async def reconnect(self) -> None:
        """It does so by itself."""

    def _note(self, event: object) -> None:
        if event.item.type == "message" and event.item.role == "assistant":
            self.said += event.item.text_content or ""

    def _complain(self, event: object) -> None:
        if not event.error.recoverable:
            self.problem = str(event.error)


@asynccontextmanager
async def connect(base_url: str) -> AsyncIterator[LivekitClient]:
    client = LivekitClient(base_url)
    await client.open()
    try:
        yield client
    finally:
        await client.session.aclose()
        await client.model.aclose()


if __name__ == "__main__":
    run(connect)
