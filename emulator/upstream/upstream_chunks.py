"""What the chunks of another server's stream add up to: text, calls, a refusal, a reason to end.

Servers differ from OpenAI in many small ways, and each field may be missing, null or of another
type. What cannot be used counts as not sent; calls that are not usable at the end are an error.

- A call may come whole, without an index, or with its name in every chunk.
- Several calls may share an index, and differ by their ids or because the one before is complete.
- Arguments may be an object, JSON within JSON, or the same object twice.
- A finish_reason `stop` behind calls means the same as `tool_calls`.
- Half a character (a surrogate) waits for its other half, or is replaced.
- A `message` behind deltas repeats them.

A cut answer must never be taken for a complete one. So an answer needs a finish_reason that is
known to mean an end (FINISHES); `abort`, `error` and the like are errors. Where text comes behind a
finish_reason, that one meant nothing, and only `[DONE]` says that all has come.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from emulator.answers.answer import Call
from emulator.upstream.upstream_body import UpstreamMalformed, reported
from emulator.wire.reasons import reason_in, shortened

# What other servers call the reasons of OpenAI's, which stand first in each line.
_NAMES = {
    "stop": """eos eos_token end end_turn stop_sequence stop_token complete completed finish
        finished""",
    "length": """max_tokens max_token max_length max_output_tokens max_new_tokens model_length
        model_context_window_exceeded context_length_exceeded""",
    "content_filter": """content_filtered safety recitation blocklist prohibited_content spii
        sensitive refusal""",
    "tool_calls": "tool_call tool_use tool function_call function_calls",
}
FINISHES = {word: reason for reason, others in _NAMES.items() for word in (reason, *others.split())}
_NOT_YET = ("", "null", "none")
_GRAVITY = ("stop", "tool_calls", "length", "content_filter")

MOST_CALLS = 128
MOST_LETTERS = 4 * 2**20
"""Of an answer, its arguments included: a model that repeats itself has no end."""
_MARKS = re.compile(r"[\\\"{}\[\]]")
_HALF = re.compile("[\ud800-\udbff]$")
_REASONING = ("reasoning_content", "reasoning", "thinking")


def _no_constant(name: str) -> None:
    raise ValueError(name)  # Python reads NaN, which JSON has not


_ARGUMENTS = json.JSONDecoder(parse_constant=_no_constant)


class PartialCall:
    """A call as far as it has come.

    Its arguments are read once, an object at a time: a scan of brackets and quotes says when one
    may have ended, however many pieces it comes in.
    """

    def __init__(self, index: object, id: str) -> None:
        self.index, self.id, self.name = index, id, ""
        self.written: list[str] = []
        self._pending: list[str] = []
        self._object: tuple[str, dict[str, Any]] | None = None
        self._is_broken = self._is_quoted = False
        self._depth = self._skipped = 0

    def append(self, arguments: str) -> None:
        self.written.append(arguments)
        if not self._is_broken:
            self._pending.append(arguments)
            self._scan(arguments)
            is_closed = self._depth == 0 and not self._is_quoted
            if is_closed and arguments.rstrip().endswith(("}", "]", '"')):
                self._read()

    @property
    def is_complete(self) -> bool:
        is_open = any(map(str.strip, self._pending))
        return self._object is not None and not is_open and not self._is_broken

    def is_followed_by(self, arguments: str) -> bool:
        """Whether these arguments, which are complete, too, belong to a call behind this one."""
        if not (self.is_complete and self._object and self._object[1]):
            return False
        other = PartialCall(self.index, "")
        other.append(arguments)
        return other._object is not None and other._object[1] != self._object[1]

    def arguments(self) -> str | None:
        """The JSON of one object; None if it is not complete."""
        self._read()
        if self._is_broken:
            return None
        return self._object[0] if self._object else "{}"

    def _scan(self, arguments: str) -> None:
        """Count the brackets that are open; what follows a backslash means nothing."""
        behind = self._skipped
        for mark in _MARKS.finditer(arguments):
            if mark.start() < behind:
                continue
            if mark[0] == "\\":
                behind = mark.end() + 1
            elif mark[0] == '"':
                self._is_quoted = not self._is_quoted
            elif not self._is_quoted:
                self._depth += 1 if mark[0] in "{[" else -1
        self._skipped = max(0, behind - len(arguments))

    def _read(self) -> None:
        """Take what is pending. The same object twice counts once; an empty one gives way."""
        text = "".join(self._pending)
        self._pending.clear()
        try:
            for found in _objects_in(text):
                if self._object is None or not self._object[1]:
                    self._object = found
                elif found[1] and found[1] != self._object[1]:
                    self._is_broken = True
        except (ValueError, RecursionError):
            self._is_broken = True


def _objects_in(written: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of arguments, with its text; raises ValueError for anything else.

    An object may be a string of JSON, and no object is null, an empty string or an empty list.
    """
    written = written.strip()
    at = 0
    while at < len(written):
        value, end = _ARGUMENTS.raw_decode(written, at)
        text, at = written[at:end], _behind_blanks(written, end)
        if isinstance(value, str) and value.strip():
            yield from _objects_in(value)
        elif isinstance(value, dict):
            yield text, value
        elif value or isinstance(value, int | float):
            raise ValueError(text)


def _behind_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


class ChunkReader:
    """Takes chunks, or a whole completion, and gives back the text in them."""

    def __init__(self) -> None:
        self._finish: str | None = None
        self._has_more = self._has_first = self._has_deltas = self._has_reasoning = False
        self._refusals: list[str] = []
        self._calls: list[PartialCall] = []
        self._half, self._said = "", ""
        self._length = self._shown = 0

    @property
    def refusal(self) -> str:
        return mended("".join(self._refusals))

    def take(self, chunk: dict[str, Any]) -> str:
        """The text of a chunk; the rest of it is kept. Raises UpstreamMalformed."""
        choice = self._choice(chunk.get("choices"))
        if choice is None:
            self._said = self._said or ("" if chunk.get("choices") else reason_in(chunk))
            return ""
        if choice.get("error"):
            raise reported(choice["error"])
        delta = self._delta(choice)
        text, calls = text_in(delta.get("content")), _calls_in(delta)
        self._take_finish(choice.get("finish_reason"), is_more=bool(text or calls))
        self._has_reasoning = self._has_reasoning or any(delta.get(name) for name in _REASONING)
        self._refusals.append(refused := text_in(delta.get("refusal")))
        self._count(text + refused)
        self._shown += len(text)
        for call in calls:
            self._take_call(call)
        return self._whole(text)

    def rest(self) -> str:
        """The text that waited for its other half, which does not come any more."""
        return mended(self._half)

    def _choice(self, choices: object) -> dict[str, Any] | None:
        """The first choice; only one was asked for."""
        listed = choices if isinstance(choices, list) else []
        found = [each for each in listed if isinstance(each, dict)]
        first = [each for each in found if each.get("index") in (0, None)]
        self._has_first = self._has_first or bool(first)
        return next(iter(first or ([] if self._has_first else found)), None)

    def _delta(self, choice: dict[str, Any]) -> dict[str, Any]:
        delta, message = choice.get("delta"), choice.get("message")
        if isinstance(delta, dict) and delta:
            self._has_deltas = self._has_deltas or bool(text_in(delta.get("content")))
            return delta
        if isinstance(message, dict):
            return {} if self._has_deltas or self._calls else message
        return {"content": choice.get("text")}  # as the old API of completions has it

    def _take_finish(self, given: object, *, is_more: bool) -> None:
        """Note a reason to end; of several the gravest counts."""
        given = given.get("type") if isinstance(given, dict) else given
        word = re.sub(r"[\s-]+", "_", given.strip().lower()) if isinstance(given, str) else ""
        self._has_more = self._has_more or (is_more and self._finish is not None)
        if word in _NOT_YET:
            return
        if word not in FINISHES:
            said = self._said and f": {self._said}"
            raise UpstreamMalformed(f"broke off with finish_reason '{shortened(word)}'{said}")
        self._has_more = False
        self._finish = max(FINISHES[word], self._finish or "stop", key=_GRAVITY.index)

    def _count(self, text: str) -> None:
        self._length += len(text)
        if self._length > MOST_LETTERS:
            raise UpstreamMalformed(f"wrote more than {MOST_LETTERS:,} letters in one answer")

    def _whole(self, text: str) -> str:
        text = self._half + text
        half = _HALF.search(text)
        self._half = half[0] if half else ""
        return mended(text.removesuffix(self._half))

    def _take_call(self, delta: dict[str, Any]) -> None:
        function = delta.get("function")
        function = function if isinstance(function, dict) else delta
        name, arguments = text_in(function.get("name")), function.get("arguments")
        arguments = json.dumps(arguments) if isinstance(arguments, dict) else text_in(arguments)
        id = next((text for each in (delta, function) if (text := _id(each.get("id")))), "")
        self._count(arguments + name)
        call = self._call_of(delta.get("index"), id, name, arguments)
        # A name that comes again is the same, or a longer beginning of it.
        call.name = name if name.startswith(call.name) else call.name + name
        call.append(arguments)

    def _call_of(self, index: object, id: str, name: str, arguments: str) -> PartialCall:
        """The call that a delta belongs to; a new one if it begins one."""
        if index is None:
            same = [call for call in self._calls if call.id == id] if id else self._calls
            same = same or self._calls[-1:]
        else:
            same = [call for call in self._calls if call.index == index]
        known = next((call for call in same if id and call.id == id), None)
        if known is not None and not (name and known.is_followed_by(arguments)):
            return known
        last = same[-1] if same else None
        is_another = known or (name and last and self._is_another(last, id, name, arguments))
        if last is not None and not is_another:
            last.id = last.id or id
            return last
        if len(self._calls) == MOST_CALLS:
            raise UpstreamMalformed(f"sent more than {MOST_CALLS} calls in one answer")
        self._calls.append(PartialCall(index, id))
        return self._calls[-1]

    @staticmethod
    def _is_another(last: PartialCall, id: str, name: str, arguments: str) -> bool:
        """Whether a delta with a name begins a call behind the last one, and is no part of it."""
        if id and last.id:
            return id != last.id
        return last.is_complete and (bool(arguments) or name != last.name)

    def end(self, *, is_done: bool = True) -> tuple[list[Call], str]:
        """The calls, and why the answer ended; raises UpstreamMalformed if it did not.

        `is_done` says whether the server marked the end with `[DONE]`, or sent one whole body.
        """
        said = self._said and f": {self._said}"
        if self._finish is None or (self._has_more and not is_done):
            raise UpstreamMalformed(f"ended its stream without a finish_reason{said}")
        finish = self._finish
        if self._calls and finish == "stop":
            finish = "tool_calls"
        calls = [self._ended(call, finish) for call in self._calls]
        if not (calls or self._shown or self.refusal):
            self._check_empty(finish)
        return calls, "stop" if finish == "tool_calls" and not calls else finish

    def _check_empty(self, finish: str) -> None:
        """Raise UpstreamMalformed where an answer of nothing must have lost something."""
        if finish == "tool_calls":
            raise UpstreamMalformed("said that it calls a tool, and sent no call")
        if finish == "stop" and self._has_reasoning:
            raise UpstreamMalformed("sent its reasoning alone, and no answer behind it")

    @staticmethod
    def _ended(call: PartialCall, finish: str) -> Call:
        arguments = call.arguments()
        if arguments is None and finish in ("length", "content_filter"):
            arguments = "".join(call.written)
        if not call.name or arguments is None:
            raise UpstreamMalformed(f"sent a call that is not complete: {shortened(call.name)}")
        return Call(mended(call.name), mended(arguments))


def _id(value: object) -> str:
    return str(value) if isinstance(value, int | str) and value is not False else ""


def _calls_in(delta: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls, or parts of some; an old server sends one as `function_call`."""
    calls = delta.get("tool_calls")
    calls = [calls] if isinstance(calls, dict) else calls
    found = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    old = delta.get("function_call")
    return found or ([{"index": 0, "function": old}] if isinstance(old, dict) else [])


def text_in(value: object) -> str:
    """The text of a content: a string, or parts, as some servers send it; no reasoning.

    An object that is no part is JSON that was asked for, and came unpacked.
    """
    if isinstance(value, list):
        return "".join(map(text_in, value))
    if isinstance(value, dict) and not value.keys() & {"type", "text"}:
        return json.dumps(value) if value else ""
    if isinstance(value, dict):
        is_answer = value.get("type") not in ("thinking", "reasoning", *_REASONING)
        return text_in(value.get("text")) if is_answer else ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value)
    return value if isinstance(value, str) else ""


def mended(text: str) -> str:
    """Text that can be encoded: half a character becomes a replacement character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
