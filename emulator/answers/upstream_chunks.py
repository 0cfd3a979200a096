"""What the chunks of another server's stream add up to: text, calls, a refusal, a reason to end.

Servers differ from OpenAI in many small ways, and each field may be missing, null or of another
type. What cannot be used counts as not sent; calls that are not usable at the end are an error.

- A call may come whole, without an index, or with its name in every chunk.
- Several calls may share an index, and differ by their ids or because the one before is complete.
- A finish_reason `stop` behind calls means the same as `tool_calls`.
- Half a character (a surrogate) waits for its other half, or is replaced.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from emulator.answers.answer import Call
from emulator.answers.upstream_body import UpstreamMalformed

FINISHES = ("stop", "length", "content_filter")
_HALF = re.compile("[\ud800-\udbff]$")


@dataclass
class PartialCall:
    """A call as far as it has come."""

    index: object
    id: str
    name: str = ""
    arguments: str = ""

    @property
    def is_complete(self) -> bool:
        try:
            return isinstance(json.loads(self.arguments), dict)
        except (ValueError, RecursionError):
            return False


class ChunkReader:
    """Takes chunks, or a whole completion, and gives back the text in them."""

    def __init__(self) -> None:
        self.finish: str | None = None
        self.refusal = ""
        self._calls: list[PartialCall] = []
        self._half = ""

    def take(self, chunk: dict[str, Any]) -> str:
        """The text of a chunk; the rest of it is kept."""
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return ""
        finish = choice.get("finish_reason")
        self.finish = (finish if isinstance(finish, str) else "") or self.finish
        delta = choice.get("delta") or choice.get("message")
        if not isinstance(delta, dict):
            return ""
        self.refusal += mended(text_in(delta.get("refusal")))
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else []:
            if isinstance(call, dict):
                self._take_call(call)
        return self._whole(text_in(delta.get("content")))

    def rest(self) -> str:
        """The text that waited for its other half, which does not come any more."""
        return mended(self._half)

    def _whole(self, text: str) -> str:
        text = self._half + text
        half = _HALF.search(text)
        self._half = half[0] if half else ""
        return mended(text.removesuffix(self._half))

    def _take_call(self, delta: dict[str, Any]) -> None:
        function = delta.get("function")
        function = function if isinstance(function, dict) else {}
        name, arguments = text_in(function.get("name")), function.get("arguments")
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments)
        arguments = arguments if isinstance(arguments, str) else ""
        call = self._call_of(delta.get("index"), text_in(delta.get("id")), name, arguments)
        # A name that comes again is the same, or a longer beginning of it.
        call.name = name if name.startswith(call.name) else call.name + name
        call.arguments += arguments

    def _call_of(self, index: object, id: str, name: str, arguments: str) -> PartialCall:
        """The call that a delta belongs to; a new one if it begins one."""
        if index is None:
            same = [call for call in self._calls if call.id == id] if id else self._calls
            same = same or self._calls[-1:]
        else:
            same = [call for call in self._calls if call.index == index]
        for call in same:
            if id and call.id == id:
                return call
        last = same[-1] if same else None
        if last is not None and not (name and self._is_another(last, id, name, arguments)):
            last.id = last.id or id
            return last
        self._calls.append(PartialCall(index, id))
        return self._calls[-1]

    @staticmethod
    def _is_another(last: PartialCall, id: str, name: str, arguments: str) -> bool:
        """Whether a delta with a name begins a call behind the last one, and is no part of it."""
        if id and last.id:
            return id != last.id
        return last.is_complete and (bool(arguments) or name != last.name)

    def end(self) -> tuple[list[Call], str]:
        """The calls, and why the answer ended; raises UpstreamMalformed if it did not."""
        if self.finish is None:
            raise UpstreamMalformed("ended its stream without a finish_reason")
        finish = self.finish if self.finish in FINISHES else "stop"
        if self._calls and finish == "stop":
            finish = "tool_calls"
        for call in self._calls:
            call.arguments = call.arguments.strip() and call.arguments or "{}"
            is_cut = finish in ("length", "content_filter")
            if not call.name or not (call.is_complete or is_cut):
                raise UpstreamMalformed(f"sent a call that is not complete: {call.name}")
        return [Call(mended(call.name), mended(call.arguments)) for call in self._calls], finish


def text_in(value: object) -> str:
    """The text of a content: a string, or a list of parts, as some servers send it."""
    if isinstance(value, list):
        return "".join(text_in(part.get("text")) for part in value if isinstance(part, dict))
    return value if isinstance(value, str) else ""


def mended(text: str) -> str:
    """Text that can be encoded: half a character becomes a replacement character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
