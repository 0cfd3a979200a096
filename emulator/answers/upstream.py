"""Answers written by another server: any that speaks OpenAI's chat completions.

    EMULATOR_CHAT_BASE_URL=http://127.0.0.1:11434/v1 EMULATOR_CHAT_MODEL=llama3.2

hands the writing to Ollama; llama.cpp and vLLM are reached the same way. The contract:

- The prompt is sent as it is: conversation, tools, schema, limits, sampling. Only `developer`
  becomes `system`, which more servers know. What file search found comes first, in numbered
  passages, and the model's marks for them (`[1]`) become citations.
- Text is passed on as it comes. Calls and `finish` are known at the end of the stream.
- A server that refuses, cannot be reached, breaks off or sends nonsense is an ApiError (502) that
  names it, before the first piece or in the midst of the stream. Nothing is tried twice here, and
  `x-should-retry` keeps the caller's SDK from doing so.
- If the caller hangs up, the stream upstream is closed, so that the model stops writing.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any

from emulator.answers.answer import Answer, Call, Citation, Message, Prompt, SearchOutcome
from emulator.errors import ApiError

import httpx2
from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AsyncOpenAI,
    AsyncStream,
    DefaultAsyncHttpx2Client,
)
from openai.types.chat import ChatCompletionChunk

_MARK = re.compile(r"(\[\d{1,2}\])")
_BEGUN = re.compile(r"\[\d{0,2}$")
READ_THESE = """Answer from the numbered passages below alone. Behind each statement put the \
number of its passage in square brackets, like [1]. Where they do not tell, say so.
"""
FINISHES = ("stop", "length", "tool_calls")


class Upstream:
    """The server that writes, and the model that it is asked for."""

    def __init__(self, base_url: str, model: str, api_key: str) -> None:
        # Each answer has a connection of its own: none is left open when the emulator stops.
        http = DefaultAsyncHttpx2Client(limits=httpx2.Limits(max_keepalive_connections=0))
        self._client = AsyncOpenAI(
            base_url=base_url, api_key=api_key, max_retries=0, http_client=http
        )
        self._base_url = base_url
        self._model = model

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Upstream":
        """By EMULATOR_CHAT_BASE_URL, `_MODEL` and `_API_KEY`."""
        return cls(
            environ["EMULATOR_CHAT_BASE_URL"],
            environ.get("EMULATOR_CHAT_MODEL") or "default",
            environ.get("EMULATOR_CHAT_API_KEY") or "none",
        )

    async def answer(self, prompt: Prompt, found: SearchOutcome | None = None) -> Answer:
        """Begin an answer; raises ApiError (502) where the server refuses or is not there.

        It is given the passages that were `found`, and its marks for them become citations.
        """
        # The passages come first, so that the caller's own instructions are nearer to the question.
        if found is not None:
            prompt = replace(prompt, messages=[_passages(found), *prompt.messages])
        try:
            stream = await self._client.chat.completions.create(**self._request(prompt))
        except APIError as error:
            raise self._failure(_why(error)) from None
        relayed = RelayedAnswer(stream, self._failure)
        relayed.found = found
        return relayed

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        # What is not set is left out, as servers differ in whether they take null.
        request: dict[str, Any] = {
            "model": self._model,
            "messages": [_message(message) for message in prompt.messages],
            "stream": True,
            **prompt.sampling,
        }
        if prompt.max_tokens is not None:
            request["max_tokens"] = prompt.max_tokens
        if prompt.stop:
            request["stop"] = list(prompt.stop)
        if prompt.tools:
            request["tools"] = [_function(**vars(tool)) for tool in prompt.tools]
            request["tool_choice"] = "required" if prompt.must_call else "auto"
        if prompt.schema is not None:
            shape = {"name": "answer", "schema": prompt.schema}
            request["response_format"] = {"type": "json_schema", "json_schema": shape}
        return request

    def _failure(self, why: str) -> ApiError:
        message = f"The chat server of EMULATOR_CHAT_BASE_URL, {self._base_url}, {why}."
        headers = {"x-should-retry": "false"}
        return ApiError(502, message, type="server_error", code="upstream_error", headers=headers)


class RelayedAnswer(Answer):
    """An answer that another server is still writing."""

    is_live = True

    def __init__(
        self, stream: AsyncStream[ChatCompletionChunk], failure: Callable[[str], ApiError]
    ) -> None:
        super().__init__()
        self.citations: list[Citation] = []
        self._stream: AsyncStream[ChatCompletionChunk] | None = stream
        self._failure = failure
        self._called: dict[int, dict[str, str]] = {}

    async def write(self) -> AsyncIterator[str]:
        """Raises ApiError (502) where the server breaks off; read again, it repeats."""
        if self._stream is None:
            async for piece in super().write():
                yield piece
            return
        stream, self._stream = self._stream, None
        finish = None
        held = ""  # the end of the text so far, as it may become a mark
        try:
            async with stream:
                async for chunk in stream:
                    for choice in chunk.choices[:1]:
                        finish = choice.finish_reason or finish
                        self._take_calls(choice.delta.tool_calls or [])
                        text, held = self._take_marks(held + (choice.delta.content or ""))
                        if text:
                            self.pieces.append(text)
                            yield text
        except APIError as error:
            raise self._failure(_why(error)) from None
        except ValueError:
            raise self._failure("sent a malformed stream") from None
        if held:
            self.pieces.append(held)
            yield held
        self._end(finish)

    def _take_marks(self, text: str) -> tuple[str, str]:
        """Turn `[1]` into a citation of the first passage; what may become a mark is held back."""
        if self.found is None or not self.found.results:
            return text, ""
        cited = dict(enumerate(self.found.results, 1))
        before, kept = len(self.text), ""
        # By the group in the pattern every other part is a mark; one of no passage stays text.
        for part in _MARK.split(text):
            found = cited.get(int(part[1:-1])) if _MARK.fullmatch(part) else None
            if found is None:
                kept += part
            else:
                place = before + len(kept)
                self.citations.append(Citation(place, found["file_id"], found["filename"]))
        begun = _BEGUN.search(kept)
        return (kept[: begun.start()], begun[0]) if begun else (kept, "")

    def _take_calls(self, deltas: Any) -> None:
        for delta in deltas:
            call = self._called.setdefault(delta.index, {"name": "", "arguments": ""})
            if delta.function is not None:
                call["name"] += delta.function.name or ""
                call["arguments"] += delta.function.arguments or ""

    def _end(self, finish: str | None) -> None:
        if finish is None:
            raise self._failure("ended its stream without a finish_reason")
        self.calls = [Call(call["name"], call["arguments"]) for call in self._called.values()]
        self.finish = "tool_calls" if self.calls else finish if finish in FINISHES else "stop"


def _passages(found: SearchOutcome) -> Message:
    numbered = [
        f"[{number}] {result['filename']}\n{result['text']}"
        for number, result in enumerate(found.results, 1)
    ]
    return Message("system", "\n\n".join([READ_THESE, *numbered]))


def _why(error: APIError) -> str:
    """What went wrong, without a header or a key of the server's."""
    if isinstance(error, APIStatusError):
        return f"answered {error.status_code}: {error.message}"
    if isinstance(error, APIConnectionError):
        return "could not be reached, or broke off"
    return f"reported an error: {error.message}"


def _message(message: Message) -> dict[str, Any]:
    role = "system" if message.role == "developer" else message.role
    sent: dict[str, Any] = {"role": role, "content": message.text}
    if message.calls:
        sent["tool_calls"] = [
            {"id": call.id} | _function(name=call.name, arguments=call.arguments)
            for call in message.calls
        ]
    if message.call_id is not None:
        sent["tool_call_id"] = message.call_id
    return sent


def _function(**function: object) -> dict[str, Any]:
    return {"type": "function", "function": function}
