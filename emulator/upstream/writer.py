"""Answers written by another server: any that speaks OpenAI's chat completions.

    EMULATOR_CHAT_BASE_URL=http://127.0.0.1:11434/v1 EMULATOR_CHAT_MODEL=llama3.2

hands the writing to Ollama; llama.cpp and vLLM are reached the same way. The contract:

- The prompt is sent as it is: conversation, tools, schema, limits, sampling. Only `developer`
  becomes `system`, which more servers know, and neighbours of that role become one message. What
  file search found comes first, in numbered passages, and the model's marks for them (`[1]`) become
  citations.
- Text is passed on as it comes. Calls, a refusal and `finish` are known at the end of the stream.
- Servers differ from OpenAI in what they send; upstream_body.py and upstream_chunks.py read it.
- A server that refuses, cannot be reached, breaks off or sends nonsense is an ApiError (502) that
  names it, before the first piece or in the midst of the stream (upstream_connection.py).
- A request says that an emulator sends it. One that has a server upstream refuses it, as two that
  name each other, or one that names itself, would ask for ever.
- If the caller hangs up, the stream upstream is closed, so that the model stops writing.
- At most MOST_WAITING answers are open at a time; the next request gets a 429.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import replace
from typing import Any

from emulator.answers.answer import Answer, Message, Prompt, SearchOutcome
from emulator.guard import SENT_BY
from emulator.limits import MOST_WAITING, Places
from emulator.upstream.citation_marks import MarkReader
from emulator.upstream.upstream_address import VARIABLE, UpstreamAddress
from emulator.upstream.upstream_body import BodyReader, UpstreamMalformed, objects
from emulator.upstream.upstream_chunks import ChunkReader
from emulator.upstream.upstream_connection import SILENCE_S, UpstreamConnection

import httpx2

READ_THESE = """Answer from the numbered passages below alone. Behind each statement put the \
number of its passage in square brackets, like [1]. If they have no answer, say so.
"""


class Upstream:
    """The server that writes, and the model that it is asked for."""

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str,
        silence_s: float = SILENCE_S,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """Raises UpstreamRefused where the environment does not let it be reached."""
        address = UpstreamAddress(base_url, model, api_key)
        self._server = UpstreamConnection(address, "chat", VARIABLE, SENT_BY, silence_s)
        self._model = model
        self._places = Places(most_waiting)

    @classmethod
    def at(cls, address: UpstreamAddress) -> "Upstream":
        return cls(address.base_url, address.model, address.api_key)

    async def answer(self, prompt: Prompt, found: SearchOutcome | None = None) -> Answer:
        """Begin an answer. Raises ApiError: 502 where the server refuses or is not there, 429 where
        too many are being written.

        It is given the passages that were `found`, and its marks for them become citations.
        """
        # The passages come first, so that the caller's own instructions are nearer to the question.
        if found is not None:
            prompt = replace(prompt, messages=[_passages(found), *prompt.messages])
        with ExitStack() as until_begun:
            until_begun.enter_context(self._places.taken())
            body = await self._server.post("/chat/completions", self._request(prompt))
            relayed = RelayedAnswer(self._server, body, prompt, found)
            await relayed.begin()
            relayed.at_end = until_begun.pop_all()
        return relayed

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        # What is not set is left out, as servers differ in whether they take null.
        request: dict[str, Any] = {
            "model": self._model,
            "messages": _messages(prompt.messages),
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
            if not prompt.parallel:
                request["parallel_tool_calls"] = False
        if prompt.schema is not None:
            shape = {"name": "answer", "schema": prompt.schema}
            request["response_format"] = {"type": "json_schema", "json_schema": shape}
        return request


class RelayedAnswer(Answer):
    """An answer that another server is still writing; `at_end` is closed when it ends."""

    is_live = True

    def __init__(
        self,
        server: UpstreamConnection,
        body: httpx2.Response,
        prompt: Prompt,
        found: SearchOutcome | None,
    ) -> None:
        super().__init__(found=found)
        self._server, self._body = server, body
        self._reader = BodyReader()
        self._blocks = server.blocks(body)
        self._objects = objects(self._blocks, self._reader)
        self._first: dict[str, Any] | None = None
        self._chunks = ChunkReader()
        self._marks = MarkReader(found.results if found else ())
        self._wants_json = prompt.schema is not None
        self._is_taken = False
        self.at_end = ExitStack()
        self.citations = self._marks.citations

    async def begin(self) -> None:
        """Wait for the first chunk; raises ApiError (502) if something else comes."""
        try:
            self._first = await self._next()
        except UpstreamMalformed as error:
            raise self._server.failure(str(error)) from None
        finally:
            if self._first is None:
                await self.close()

    async def write(self) -> AsyncIterator[str]:
        """Raises ApiError (502) where the server breaks off; read again, it repeats."""
        if self._is_taken:
            async for piece in super().write():
                yield piece
            return
        self._is_taken = True
        try:
            async with aclosing(self._pieces()) as pieces:
                async for piece in pieces:
                    self.pieces.append(piece)
                    yield piece
            self.calls, self.finish = self._chunks.end(is_done=self._reader.is_marked)
            self.refusal = self._chunks.refusal
            self._check_json()
        except UpstreamMalformed as error:
            raise self._server.failure(str(error)) from None
        finally:
            await self.close()

    async def close(self) -> None:
        """Let the server stop writing; to be called again does no harm."""
        self.at_end.close()
        for each in (self._objects, self._blocks, self._body):
            await each.aclose()

    async def _pieces(self) -> AsyncGenerator[str, None]:
        """The text of the chunks, without the marks of passages."""
        chunk = self._first
        while chunk is not None:
            for piece in self._marks.take(self._chunks.take(chunk)):
                yield piece
            chunk = await self._next()
        for piece in [*self._marks.take(self._chunks.rest()), *self._marks.rest()]:
            yield piece

    async def _next(self) -> dict[str, Any] | None:
        """The next object, None at the end; what only keeps a connection open is none."""
        return await self._server.in_time(anext(self._objects, None))

    def _check_json(self) -> None:
        """Raise UpstreamMalformed where JSON was asked for, and something else is the answer."""
        if not self._wants_json or self.finish != "stop" or self.refusal:
            return
        try:
            json.loads(self.text)
        except (ValueError, RecursionError):
            raise UpstreamMalformed("wrote text where a schema asked for JSON") from None


def _passages(found: SearchOutcome) -> Message:
    numbered = [
        f"[{number}] {result['filename']}\n{result['text']}"
        for number, result in enumerate(found.results, 1)
    ]
    return Message("system", "\n\n".join([READ_THESE, *numbered]))


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """As they are sent. Neighbours of the role `system` become one, as many a template of a model
    takes one alone: "System message must be at the beginning" (vllm#41114, llama.cpp#20733).
    """
    sent: list[dict[str, Any]] = []
    for message in map(_message, messages):
        if sent and message["role"] == sent[-1]["role"] == "system":
            sent[-1]["content"] += f"\n\n{message['content']}"
        else:
            sent.append(message)
    return sent


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
