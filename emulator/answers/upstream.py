"""Answers written by another server: any that speaks OpenAI's chat completions.

    EMULATOR_CHAT_BASE_URL=http://127.0.0.1:11434/v1 EMULATOR_CHAT_MODEL=llama3.2

hands the writing to Ollama; llama.cpp and vLLM are reached the same way. The contract:

- The prompt is sent as it is: conversation, tools, schema, limits, sampling. Only `developer`
  becomes `system`, which more servers know. What file search found comes first, in numbered
  passages, and the model's marks for them (`[1]`) become citations.
- Text is passed on as it comes. Calls, a refusal and `finish` are known at the end of the stream.
- Servers differ from OpenAI in what they send; upstream_body.py and upstream_chunks.py read it.
- A server that refuses, cannot be reached, breaks off or sends nonsense is an ApiError (502) that
  names it, before the first piece or in the midst of the stream. Nothing is tried twice here, and
  `x-should-retry` keeps the caller's SDK from doing so.
- A request says that an emulator sends it. One that has a server upstream refuses it, as two that
  name each other, or one that names itself, would ask for ever.
- If the caller hangs up, the stream upstream is closed, so that the model stops writing.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from emulator.answers.answer import Answer, Message, Prompt, SearchOutcome
from emulator.answers.citation_marks import MarkReader
from emulator.answers.upstream_address import (
    VARIABLE,
    UpstreamAddress,
    UpstreamRefused,
)
from emulator.answers.upstream_body import UpstreamMalformed, objects
from emulator.answers.upstream_chunks import ChunkReader
from emulator.errors import ApiError
from emulator.guard import SENT_BY
from emulator.wire.reasons import first_words, reason_in

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

_BROKEN = (httpx2.HTTPError, httpx2.StreamError, UpstreamMalformed)
READ_THESE = """Answer from the numbered passages below alone. Behind each statement put the \
number of its passage in square brackets, like [1]. If they have no answer, say so.
"""


class Upstream:
    """The server that writes, and the model that it is asked for."""

    def __init__(self, base_url: str, model: str, api_key: str) -> None:
        """Raises UpstreamRefused where the environment does not let it be reached."""
        self._client = open_client(UpstreamAddress(base_url, model, api_key), VARIABLE, SENT_BY)
        self._base_url = base_url
        self._model = model

    @classmethod
    def at(cls, address: UpstreamAddress) -> "Upstream":
        return cls(address.base_url, address.model, address.api_key)

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
            raise self._failure(why(error)) from None
        except Exception as error:  # what the SDK could not read, such as an unknown encoding
            raise self._failure(f"sent what cannot be read ({type(error).__name__})") from None
        relayed = RelayedAnswer(stream, self._failure, found)
        await relayed.begin()
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

    def _failure(self, reason: str) -> ApiError:
        return failure("chat", VARIABLE, self._base_url, reason)


def open_client(address: UpstreamAddress, variable: str, header: str) -> AsyncOpenAI:
    """A client of the server that `variable` names; `header` marks what an emulator sends.

    Raises UpstreamRefused where the environment does not let it be reached.
    """
    try:
        # Each answer has a connection of its own: none is left open when the emulator stops.
        http = DefaultAsyncHttpx2Client(
            limits=httpx2.Limits(max_keepalive_connections=0),
            trust_env=not address.is_on_loopback,  # no proxy stands before this machine
        )
        return AsyncOpenAI(
            base_url=address.base_url,
            api_key=address.api_key,
            max_retries=0,
            http_client=http,
            default_headers={header: "1"},
        )
    except (ImportError, ValueError, httpx2.InvalidURL) as error:  # a proxy that is unusable
        raise UpstreamRefused(f"{variable} cannot be reached: {error}") from None


def failure(task: str, variable: str, base_url: str, reason: str) -> ApiError:
    """An error (502) that names the server of a task, and says what it did."""
    host = urlsplit(base_url).netloc.rpartition("@")[2]
    message = f"The {task} server of {variable}, {host}, {reason}."
    headers = {"x-should-retry": "false"}
    return ApiError(502, message, type="server_error", code="upstream_error", headers=headers)


class RelayedAnswer(Answer):
    """An answer that another server is still writing."""

    is_live = True

    def __init__(
        self,
        stream: AsyncStream[ChatCompletionChunk],
        failure: Callable[[str], ApiError],
        found: SearchOutcome | None,
    ) -> None:
        super().__init__(found=found)
        self._stream: AsyncStream[ChatCompletionChunk] | None = stream
        self._objects = objects(stream.response.aiter_bytes())
        self._first: dict[str, Any] | None = None
        self._failure = failure
        self._chunks = ChunkReader()
        self._marks = MarkReader(found.results if found else ())
        self.citations = self._marks.citations

    async def begin(self) -> None:
        """Wait for the first chunk; raises ApiError (502) if something else comes."""
        try:
            self._first = await anext(self._objects, {})
        except _BROKEN as error:
            raise self._told(error) from None
        finally:
            if self._first is None and self._stream is not None:
                await self._stream.close()

    async def write(self) -> AsyncIterator[str]:
        """Raises ApiError (502) where the server breaks off; read again, it repeats."""
        if self._stream is None:
            async for piece in super().write():
                yield piece
            return
        stream, self._stream = self._stream, None
        try:
            async with stream, aclosing(self._pieces()) as pieces:
                async for piece in pieces:
                    self.pieces.append(piece)
                    yield piece
            self.calls, self.finish = self._chunks.end()
        except _BROKEN as error:
            raise self._told(error) from None
        self.refusal = self._chunks.refusal

    async def _pieces(self) -> AsyncGenerator[str, None]:
        """The text of the chunks, without the marks of passages."""
        for piece in self._marks.take(self._chunks.take(self._first or {})):
            yield piece
        async with aclosing(self._objects):
            async for chunk in self._objects:
                for piece in self._marks.take(self._chunks.take(chunk)):
                    yield piece
        for piece in [*self._marks.take(self._chunks.rest()), *self._marks.rest()]:
            yield piece

    def _told(self, error: Exception) -> ApiError:
        """The error as the caller gets it."""
        return self._failure(str(error) if isinstance(error, UpstreamMalformed) else "broke off")


def _passages(found: SearchOutcome) -> Message:
    numbered = [
        f"[{number}] {result['filename']}\n{result['text']}"
        for number, result in enumerate(found.results, 1)
    ]
    return Message("system", "\n\n".join([READ_THESE, *numbered]))


def why(error: APIError) -> str:
    """What went wrong, without a header or a key of the server's."""
    if isinstance(error, APIStatusError):
        reason = reason_in(error.body) or first_words(error.response.text) or "no reason"
        return f"answered {error.status_code}: {reason}"
    if isinstance(error, APIConnectionError):
        return "could not be reached, or broke off"
    return f"reported an error: {reason_in(error.body) or error.message}"


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
