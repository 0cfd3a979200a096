"""A response on the wire: its body at every stage, and its typed events.

The events, in the order of recorded traffic:

    response.created, .queued (in background only), .in_progress
    for each item of the output      response.output_item.added ... response.output_item.done
        reasoning                    the deltas of its summary, if one was asked for; one item
                                     before a search, one before the answer
        file search                  in progress, searching, completed
        message                      its part, the deltas of its text, each annotation right after
                                     the text that it belongs to
        function call                the deltas of its arguments
    response.completed or .incomplete; after an error `error` and response.failed

Each event carries a `sequence_number`, from 0 and without a gap, so that a stream that broke off
can be resumed behind the last one that was read.

Keys are in the order of July 2026: an event has its type first, then all others by the alphabet; a
body has `id`, `object`, `created_at`, `status`, then the others by the alphabet, and `metadata`
last. Later recordings sort their keys, so for `access_programs` (September 2026) the place follows
from that rule.
"""

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from emulator.answers.answer import Answer, Call, Citation, Prompt, SearchOutcome
from emulator.errors import ApiError
from emulator.models import MODELS
from emulator.wire import ids, sse
from emulator.wire.sealed import seal
from emulator.wire.tokens import split

# The fields of a body in their order; `body` sets some, the others are the request's.
FIELDS = """id object created_at status access_programs background billing completed_at
conversation error frequency_penalty incomplete_details input_transformations instructions
max_output_tokens max_tool_calls model moderation output parallel_tool_calls presence_penalty
previous_response_id prompt_cache_key prompt_cache_options prompt_cache_retention reasoning
safety_identifier service_tier store temperature text tool_choice tool_usage tools top_logprobs
top_p truncation usage user metadata""".split()
# Those that are not always there: `billing` stands in whole bodies that have ended, the others
# where a request used them. `input_transformations` is known from the types of openai 3.57 alone.
OPTIONAL = {"billing", "conversation", "input_transformations", "prompt_cache_options"}
# Of tools that run at OpenAI, none of which is served here; sent since June 2026.
NO_TOOL_USAGE = {
    "image_gen": {
        "input_tokens": 0,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"image_tokens": 0, "text_tokens": 0},
        "total_tokens": 0,
    },
    "web_search": {"num_requests": 0},
}
PAYER = {"payer": "developer"}

CUT_BY = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponseWriter:
    """Encodes one answer: its bodies and its events share ids, time and settings.

    `values` are the request's checked parameters. `body()` is the response as it stands after the
    events that have been taken so far.
    """

    def __init__(self, values: Mapping[str, Any], prompt: Prompt, answer: Answer) -> None:
        self._values, self._prompt, self._answer = values, prompt, answer
        self._generation = MODELS[values["model"]].generation
        self._ids = ids.ResponseIds()
        self.id = self._ids.new("resp")
        self.output: list[dict[str, Any]] = []
        self._status = "queued" if values["background"] else "in_progress"
        self._error: dict[str, Any] | None = None
        self._created_at = int(time.time())
        self._ended_at: int | None = None
        self._sequence_number = 0
        self._shows_results = "file_search_call.results" in values["include"]
        self._is_padded = values["stream_options"]["include_obfuscation"]

    async def events(self) -> AsyncIterator[bytes]:
        """All events of the answer, as it is written."""
        yield self._snapshot("response.created")
        if self._status == "queued":
            yield self._snapshot("response.queued")
            self._status = "in_progress"
        yield self._snapshot("response.in_progress")
        try:
            for block in self._preparation():
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
        self._end(self._outcome)
        yield sse.FinalBlock(self._snapshot(f"response.{self._outcome}"))

    async def finished(self) -> dict[str, Any]:
        """Take all events, and give back the body at their end."""
        async for _ in self.events():
            pass
        return self.body()

    def cancel(self) -> None:
        self._end("cancelled")

    def failed(self, error: ApiError) -> Iterator[bytes]:
        """The error as an event of its own, then the response that failed."""
        yield self._event("error", error=error.streamed())
        self._error = {"code": error.code or "server_error", "message": error.message}
        self._end("failed")
        yield sse.FinalBlock(self._snapshot("response.failed"))

    def _preparation(self) -> Iterator[bytes]:
        """What comes before the answer: reasoning, or a search between two parts of it."""
        total, found = self._answer.reasoning, self._answer.found
        before = total // 2 if found is not None else 0
        if before:
            yield from self._reasoning(before, _plan(found.queries if found else ()))
        yield from self._file_search()
        if total:
            yield from self._reasoning(total - before, _account(total - before, found))

    def _reasoning(self, tokens: int, summary: str) -> Iterator[bytes]:
        """An item of reasoning; its summary is streamed if the request asked for one."""
        wants_summary = self._values["reasoning"]["summary"] is not None
        parts = [{"type": "summary_text", "text": summary}] if wants_summary else []
        item: dict[str, Any] = {"id": self._ids.new("rs"), "type": "reasoning", "content": []}
        item |= {"encrypted_content": seal({"id": item["id"], "summary": summary}), "summary": []}
        at = {"item_id": item["id"], "output_index": len(self.output), "summary_index": 0}
        yield self._added(item)
        for part in parts:
            yield from self._summary(at, part, tokens)
        ended = self._done(item | {"summary": parts})
        yield ended if parts else sse.ReasoningBlock(ended, tokens)

    def _summary(self, at: dict[str, Any], part: dict[str, str], tokens: int) -> Iterator[bytes]:
        kind = "response.reasoning_summary"
        begun = self._event(f"{kind}_part.added", **at, part=part | {"text": ""})
        yield sse.ReasoningBlock(begun, tokens)
        for piece in split(part["text"]):
            yield self._delta(f"{kind}_text.delta", at, piece)
        yield self._event(f"{kind}_text.done", **at, text=part["text"])
        yield self._event(f"{kind}_part.done", **at, part=part)

    def _file_search(self) -> Iterator[bytes]:
        """The results stand in it only if the request asked for them."""
        found = self._answer.found
        if found is None:
            return
        id = self._ids.new("fs")
        item: dict[str, Any] = {"id": id, "type": "file_search_call", "status": "in_progress"}
        at = {"item_id": id, "output_index": len(self.output)}
        yield self._added(item | {"queries": [], "results": None})
        for stage in ("in_progress", "searching", "completed"):
            yield self._event(f"response.file_search_call.{stage}", **at)
        results = list(found.results) if self._shows_results else None
        ended = {"status": "completed", "queries": list(found.queries), "results": results}
        yield self._done(item | ended)

    async def _message(self) -> AsyncIterator[bytes]:
        """It begins with the first piece. An answer of calls, or cut before any text, has none."""
        answer, written = self._answer, 0
        pieces = answer.write()
        piece = await anext(pieces, None)
        if piece is None and not answer.refusal and (answer.calls or answer.is_cut):
            return
        item: dict[str, Any] = {"id": self._ids.new("msg"), "type": "message"}
        phase = {"phase": self._phase} if self._generation.has_phases else {}
        item |= {"status": "in_progress", "content": [], **phase, "role": "assistant"}
        at = {"item_id": item["id"], "output_index": len(self.output), "content_index": 0}
        yield self._added(item)
        content = []
        if piece is not None or not answer.refusal:
            yield self._event("response.content_part.added", **at, part=_part(""))
            for block in self._annotations(at, written):
                yield block
            while piece is not None:
                yield self._delta("response.output_text.delta", at, piece, logprobs=[])
                written += len(piece)
                piece = await anext(pieces, None)
                for block in self._annotations(at, written):
                    yield block
            yield self._event("response.output_text.done", **at, text=answer.text, logprobs=[])
            content = [_part(answer.text, answer.citations)]
            yield self._event("response.content_part.done", **at, part=content[0])
        if answer.refusal:
            refusal = {"type": "refusal", "refusal": answer.refusal}
            for block in self._refusal(at | {"content_index": len(content)}, refusal):
                yield block
            content.append(refusal)
        yield self._done(item | {"status": self._outcome, "content": content})

    def _refusal(self, at: dict[str, Any], part: dict[str, str]) -> Iterator[bytes]:
        yield self._event("response.content_part.added", **at, part=part | {"refusal": ""})
        yield self._delta("response.refusal.delta", at, part["refusal"])
        yield self._event("response.refusal.done", **at, refusal=part["refusal"])
        yield self._event("response.content_part.done", **at, part=part)

    def _annotations(self, at: Mapping[str, Any], written: int) -> Iterator[bytes]:
        """Those that stand right behind the first `written` characters."""
        for place, citation in enumerate(self._answer.citations):
            if citation.index == written:
                where = {**at, "annotation_index": place}
                kind = "response.output_text.annotation.added"
                yield self._event(kind, **where, annotation=_annotation(citation))

    def _call(self, call: Call) -> Iterator[bytes]:
        id, kind = self._ids.new("fc"), "response.function_call_arguments"
        item: dict[str, Any] = {"id": id, "type": "function_call", "status": "in_progress"}
        item |= {"arguments": "", "call_id": call.id, "name": call.name}
        at = {"item_id": id, "output_index": len(self.output)}
        yield self._added(item)
        for piece in call.pieces:
            yield self._delta(f"{kind}.delta", at, piece)
        yield self._event(f"{kind}.done", **at, arguments=call.arguments)
        yield self._done(item | {"status": self._outcome, "arguments": call.arguments})

    @property
    def _phase(self) -> str:
        """What stands before calls is no answer yet."""
        return "commentary" if self._answer.calls else "final_answer"

    @property
    def _outcome(self) -> str:
        return "incomplete" if self._answer.is_cut else "completed"

    def _added(self, item: dict[str, Any]) -> bytes:
        at = len(self.output)
        return self._event("response.output_item.added", output_index=at, item=item)

    def _done(self, item: dict[str, Any]) -> bytes:
        self.output.append(item)
        at = len(self.output) - 1
        return self._event("response.output_item.done", output_index=at, item=item)

    def _delta(self, kind: str, at: dict[str, Any], piece: str, **more: Any) -> bytes:
        """A piece; together with its obfuscation it has a multiple of 16 characters."""
        hidden = {"obfuscation": sse.padding(len(piece))} if self._is_padded else {}
        block = self._event(kind, **at, delta=piece, **more, **hidden)
        return sse.text_block(block, is_live=self._answer.is_live)

    def _snapshot(self, kind: str) -> bytes:
        """An event with the response as it stands; only a whole body says who pays."""
        body = self.body()
        body.pop("billing", None)
        return self._event(kind, response=body)

    def _event(self, kind: str, **fields: Any) -> bytes:
        fields["sequence_number"] = self._sequence_number
        self._sequence_number += 1
        body: dict[str, Any] = {"type": kind}
        for name in _in_order(tuple(fields)):
            body[name] = fields[name]
        return sse.event(kind, sse.compact(body))

    def _end(self, status: str) -> None:
        self._status = status
        self._ended_at = max(self._created_at, int(time.time()))  # the clock may be set back

    def body(self) -> dict[str, Any]:
        status = self._status
        is_ended, is_cut = status in ("completed", "incomplete"), status == "incomplete"
        own = {
            "id": self.id,
            "object": "response",
            "created_at": self._created_at,
            "status": status,
            "access_programs": None,
            "completed_at": self._ended_at if status == "completed" else None,
            "error": self._error,
            "frequency_penalty": 0.0,
            "incomplete_details": {"reason": CUT_BY[self._answer.finish]} if is_cut else None,
            "moderation": None,
            "output": list(self.output),
            "presence_penalty": 0.0,
            "service_tier": "default" if is_ended else "auto",
            "tool_usage": NO_TOOL_USAGE,
            "top_logprobs": 0,
            "usage": usage(self._prompt, self._answer) if is_ended else None,
        }
        own |= {"billing": PAYER} if is_ended else {}
        told = {name: own[name] if name in own else self._values.get(name) for name in FIELDS}
        return {name: each for name, each in told.items() if each or name not in OPTIONAL}


async def without_padding(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Events that were made with `obfuscation`, without it."""
    async for block in blocks:
        event = json.loads(block.partition(b"data: ")[2])
        is_padded = event.pop("obfuscation", None) is not None
        yield sse.event(event["type"], sse.compact(event)) if is_padded else block


@cache
def _in_order(names: tuple[str, ...]) -> list[str]:
    """The names by the alphabet; kept, as the events of one kind all have the same."""
    return sorted(names)


def usage(prompt: Prompt, answer: Answer) -> dict[str, Any]:
    searched = answer.found.tokens if answer.found else 0
    read, written = prompt.prompt_tokens() + searched, answer.tokens
    return {
        "input_tokens": read,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": answer.reasoning},
        "total_tokens": read + written,
    }


def _plan(queries: Sequence[str]) -> str:
    """What will be searched, for a summary of the reasoning."""
    asked = ", ".join(f'"{query}"' for query in queries)
    return f"**Searching the files**\n\nI will search the attached files for {asked}."


def _account(tokens: int, found: SearchOutcome | None) -> str:
    """What was read, for a summary of the reasoning."""
    if found is None:
        read = f"I compared the question with what I can quote, and read {tokens} tokens of it."
        return f"**Reading the sources**\n\n{read}"
    names = list(dict.fromkeys(result["filename"] for result in found.results))
    files = f"in {', '.join(names)}" if names else "in the files"
    passages = len(found.results)
    read = f"I read {passages} passage{'' if passages == 1 else 's'} {files}."
    return f"**Reading the passages**\n\n{read}"


def _part(text: str, citations: Sequence[Citation] = ()) -> dict[str, Any]:
    annotations = [_annotation(each) for each in citations if each.index <= len(text)]
    return {"type": "output_text", "annotations": annotations, "logprobs": [], "text": text}


def _annotation(citation: Citation) -> dict[str, Any]:
    return {
        "type": "file_citation",
        "file_id": citation.file_id,
        "filename": citation.filename,
        "index": citation.index,
    }
