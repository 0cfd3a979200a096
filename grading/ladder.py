"""What a program did, as a ladder: requests to the right, answers to the left, each with its time.

Pieces of text and sound that follow each other become one line, as in `--wire`.
"""

import json
from collections.abc import Iterator
from itertools import groupby

from common.wire_tap import event_line
from grading.child import Ending
from grading.trace import Trace, TracedEvent, TracedExchange

PCM_BYTES_PER_MS = 48
MOST_LINES = 200


def ladder(trace: Trace, ending: Ending) -> list[str]:
    """The lines of it; the last one is the program's end."""
    rows = [row for exchange in trace.exchanges for row in _exchange(exchange)]
    rows.sort(key=lambda row: row[0])
    lines = [f"{at:7.3f} s  {arrow}  {text}" for at, arrow, text in rows]
    if len(lines) > MOST_LINES:
        left_out = len(lines) - MOST_LINES
        lines = [*lines[:MOST_LINES], f"           ... {left_out} more lines"]
    end = "was stopped" if ending.code is None else f"ended with {ending.code}"
    return [*lines, f"{'':11}    the program {end} after {ending.seconds:.1f} s"]


Row = tuple[float, str, str]


def _exchange(exchange: TracedExchange) -> Iterator[Row]:
    number = f"#{exchange.number}"
    yield exchange.began, "-->", f"{number} {exchange.method} {exchange.path}{_asked(exchange)}"
    if exchange.fault:
        yield exchange.began, "   ", f"{number} made to fail on purpose: {exchange.fault}"
    if exchange.messages:
        yield from _messages(exchange, number)
    elif exchange.blocks:
        yield exchange.blocks[0][0], "<--", f"{number} {exchange.status} begins"
    if exchange.left is not None:
        yield exchange.left, "-->", f"{number} the program closed the connection"
    elif exchange.ended is not None:
        yield exchange.ended, "<--", f"{number} {_answered(exchange)}"


def _asked(exchange: TracedExchange) -> str:
    body = exchange.json
    if not isinstance(body, dict):
        return f"  {len(exchange.body):,} bytes" if exchange.body else ""
    text = json.dumps(body, ensure_ascii=False)
    return f"  {text}"


def _answered(exchange: TracedExchange) -> str:
    if exchange.messages:
        return f"closed {exchange.close_code or ''}".rstrip()
    events = list(exchange.events())
    if events:
        return f"ends after {len(events)} events"
    return f"{exchange.status}  {exchange.answer[:300].decode('utf-8', 'replace')}"


def _messages(exchange: TracedExchange, number: str) -> Iterator[Row]:
    for (sender, kind), run in groupby(exchange.messages, lambda each: (each.sender, each.type)):
        events = list(run)
        arrow = "-->" if sender == "client" else "<--"
        yield events[0].at, arrow, f"{number} {_run(kind, events)}"


def _run(kind: str, events: list[TracedEvent]) -> str:
    if len(events) > 1:
        return f"{kind} x {len(events)}"
    return event_line(events[0].body, PCM_BYTES_PER_MS)
