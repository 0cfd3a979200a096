"""A response on the wire: its body at every stage, and its typed events.

The events, in the order of recorded traffic: `response.created` (`response.queued` in background),
`response.in_progress`, per item of the output its `response.output_item.added` to
`response.output_item.done`, then `response.completed` or `response.incomplete`. Each carries a
`sequence_number`, from 0, without a gap; nothing follows the last. A reasoning item is added and
done at once, a file search is in progress, searching and completed, a message has its part and its
deltas between (an annotation right after the text that it belongs to), a call of a tool the deltas
of its arguments.
"""

import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from emulator.answers.answer import Answer, Call, Citation, Prompt
from emulator.errors import ApiError
from emulator.wire import ids, sse


class Writer:
    """Encodes one answer: its bodies and its events share ids, time and settings.

    `body()` is the response as it stands after the events that have been taken so far.
    """

    def __init__(self, values: Mapping[str, Any], prompt: Prompt, answer: Answer) -> None:
        self._values, self._prompt, self._answer = values, prompt, answer
        self._family = ids.Family()
        self.id = self._family.id("resp")
        self.is_background = bool(values["background"])
        self._status = "queued" if self.is_background else "in_progress"
        self._error: dict[str, Any] | None = None
        self._output: list[dict[str, Any]] = []
        self._created_at = int(time.time())
        self._ended_at: int | None = None
        self._sequence = 0
        self._is_padded = values["stream_options"]["include_obfuscation"]

    @property
    def output(self) -> list[dict[str, Any]]:
        return self._output

    async def events(self) -> AsyncIterator[bytes]:
        """All events of the answer, as it is written."""
        yield self._told("response.created")
        if self.is_background:
            yield self._told("response.queued")
            self._status = "in_progress"
        yield self._told("response.in_progress")
        try:
            for block in [*self._reasoning(), *self._file_search()]:
                yield block
            async for block in self._message():
                yield block
        except ApiError as error:
            for block in self.failed(error):
                yield block
            return
        for call in self._answer.calls:
            for block in self._call(call):
                yield block
        self._end("incomplete" if self._answer.finish == "length" else "completed")
        yield sse.Last(self._told(f"response.{self._status}"))

    async def finished(self) -> dict[str, Any]:
        """Take all events, and give back the body at their end."""
        async for _ in self.events():
            pass
        return self.body()

    def cancel(self) -> None:
        self._end("cancelled")

    def failed(self, error: ApiError) -> Iterator[bytes]:
        """The error as an event of its own, then the response that failed by it."""
        yield self._event("error", error=error.fields())
        self._error = {"code": error.code or "server_error", "message": error.message}
        self._end("failed")
        yield sse.Last(self._told("response.failed"))

    def _reasoning(self) -> Iterator[bytes]:
        """It is told only that there was some, as OpenAI does where no summary was asked for."""
        if not self._answer.reasoning:
            return
        item = {"id": self._family.id("rs"), "type": "reasoning", "summary": []}
        at = {"output_index": len(self._output)}
        yield self._event("response.output_item.added", **at, item=item)
        self._output.append(item)
        done = self._event("response.output_item.done", **at, item=item)
        yield sse.thought(done, self._answer.reasoning)

    def _file_search(self) -> Iterator[bytes]:
        """Its results are told only to a caller who asked for them."""
        found = self._answer.found
        if found is None:
            return
        item: dict[str, Any] = {
            "id": self._family.id("fs"),
            "type": "file_search_call",
            "status": "in_progress",
            "queries": [],
            "results": None,
        }
        at_item = {"output_index": len(self._output)}
        yield self._event("response.output_item.added", **at_item, item=item)
        for stage in ("in_progress", "searching", "completed"):
            kind = f"response.file_search_call.{stage}"
            yield self._event(kind, item_id=item["id"], **at_item)
        is_wanted = "file_search_call.results" in self._values["include"]
        results = list(found.results) if is_wanted else None
        told = {"status": "completed", "queries": list(found.queries), "results": results}
        self._output.append(item | told)
        yield self._event("response.output_item.done", **at_item, item=self._output[-1])

    async def _message(self) -> AsyncIterator[bytes]:
        """A message begins with the first piece; an answer of calls alone has none."""
        item: dict[str, Any] = {
            "id": self._family.id("msg"),
            "type": "message",
            "status": "in_progress",
            "content": [],
            "role": "assistant",
        }
        at_item = {"output_index": len(self._output)}
        at_part = {"item_id": item["id"], **at_item, "content_index": 0}
        is_begun, told = False, 0
        async for piece in self._answer.write():
            if not is_begun:
                yield self._event("response.output_item.added", **at_item, item=item)
                yield self._event("response.content_part.added", **at_part, part=_part(""))
                is_begun = True
            for block in self._cited(at_part, told):
                yield block
            yield self._delta("response.output_text.delta", at_part, piece, logprobs=[])
            told += len(piece)
        for block in self._cited(at_part, told) if is_begun else ():
            yield block
        if not is_begun:
            if self._answer.calls or self._answer.finish == "length":
                return
            yield self._event("response.output_item.added", **at_item, item=item)
            yield self._event("response.content_part.added", **at_part, part=_part(""))
        text = self._answer.text
        yield self._event("response.output_text.done", **at_part, text=text, logprobs=[])
        part = _part(text, self._answer.citations)
        yield self._event("response.content_part.done", **at_part, part=part)
        self._output.append(item | {"status": self._item_status, "content": [part]})
        yield self._event("response.output_item.done", **at_item, item=self._output[-1])

    def _cited(self, at_part: Mapping[str, Any], told: int) -> Iterator[bytes]:
        """The annotations that stand behind the `told` characters, before any more text."""
        for place, citation in enumerate(self._answer.citations):
            if citation.index == told and told:
                kind = "response.output_text.annotation.added"
                at = {**at_part, "annotation_index": place}
                yield self._event(kind, **at, annotation=_annotation(citation))

    def _call(self, call: Call) -> Iterator[bytes]:
        item: dict[str, Any] = {
            "id": self._family.id("fc"),
            "type": "function_call",
            "status": "in_progress",
            "arguments": "",
            "call_id": call.id,
            "name": call.name,
        }
        at_item = {"output_index": len(self._output)}
        at = {"item_id": item["id"], **at_item}
        kind = "response.function_call_arguments"
        yield self._event("response.output_item.added", **at_item, item=item)
        for piece in call.pieces:
            yield self._delta(f"{kind}.delta", at, piece)
        yield self._event(f"{kind}.done", **at, arguments=call.arguments)
        self._output.append(item | {"status": self._item_status, "arguments": call.arguments})
        yield self._event("response.output_item.done", **at_item, item=self._output[-1])

    @property
    def _item_status(self) -> str:
        return "incomplete" if self._answer.finish == "length" else "completed"

    def _delta(self, kind: str, at: dict[str, Any], piece: str, **more: Any) -> bytes:
        """A piece; with its obfuscation it has a multiple of 16 characters."""
        hidden = {"obfuscation": sse.padding(len(piece))} if self._is_padded else {}
        block = self._event(kind, **at, delta=piece, **more, **hidden)
        return sse.piece(block, is_live=self._answer.is_live)

    def _told(self, kind: str) -> bytes:
        return self._event(kind, response=self.body())

    def _event(self, kind: str, **fields: Any) -> bytes:
        body = {"type": kind, **fields, "sequence_number": self._sequence}
        self._sequence += 1
        return sse.event(kind, sse.compact(body))

    def _end(self, status: str) -> None:
        self._status = status
        self._ended_at = int(time.time())

    def body(self) -> dict[str, Any]:
        values, status = self._values, self._status
        is_ended, is_cut = status in ("completed", "incomplete"), status == "incomplete"
        return {
            "id": self.id,
            "object": "response",
            "created_at": self._created_at,
            "status": status,
            "background": self.is_background,
            "completed_at": self._ended_at if status == "completed" else None,
            "conversation": values["conversation"],
            "error": self._error,
            "frequency_penalty": 0.0,
            "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
            "instructions": values["instructions"],
            "max_output_tokens": values["max_output_tokens"],
            "max_tool_calls": values["max_tool_calls"],
            "model": values["model"],
            "output": list(self._output),
            "parallel_tool_calls": values["parallel_tool_calls"],
            "presence_penalty": 0.0,
            "previous_response_id": values["previous_response_id"],
            "prompt_cache_key": values["prompt_cache_key"],
            "prompt_cache_retention": values["prompt_cache_retention"],
            "reasoning": {"effort": values["reasoning"]["effort"], "summary": None},
            "safety_identifier": values["safety_identifier"],
            "service_tier": "default" if is_ended else "auto",
            "store": values["store"],
            "temperature": values["temperature"],
            "text": values["text"],
            "tool_choice": values["tool_choice"],
            "tools": values["tools"],
            "top_logprobs": 0,
            "top_p": values["top_p"],
            "truncation": values["truncation"],
            "usage": usage(self._prompt, self._answer) if is_ended else None,
            "user": values["user"],
            "metadata": values["metadata"],
        }


def usage(prompt: Prompt, answer: Answer) -> dict[str, Any]:
    read = answer.found.tokens if answer.found else 0
    taken_in, written = prompt.prompt_tokens() + read, answer.tokens
    return {
        "input_tokens": taken_in,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": answer.reasoning},
        "total_tokens": taken_in + written,
    }


def _part(written: str, citations: Sequence[Citation] = ()) -> dict[str, Any]:
    annotations = [_annotation(each) for each in citations if each.index <= len(written)]
    return {"type": "output_text", "annotations": annotations, "logprobs": [], "text": written}


def _annotation(citation: Citation) -> dict[str, Any]:
    return {
        "type": "file_citation",
        "file_id": citation.file_id,
        "filename": citation.filename,
        "index": citation.index,
    }
