"""The grammar of each stream, stated once: chat, Responses, transcription, Realtime.

A stream is read as a sentence: each chunk or event is a letter, and a regular expression says which
sentences there are. A stream that broke off is the beginning of a sentence; it is one if some
ending makes it whole. Beside the order, each function checks what else recordings never break:
numbers, ids, and that what was said in pieces is what was said at the end.

Each function raises AssertionError for what does not fit.
"""

import json
import re
from collections import defaultdict
from itertools import pairwise

SAME_IN_CHAT = ("id", "created", "model", "service_tier", "system_fingerprint")


def data_of(body):
    """The data of a stream's blocks: JSON read, `[DONE]` as it is; comments are left out."""
    blocks = body.replace("\r\n", "\n").split("\n\n")
    lines = [line[5:].strip() for block in blocks for line in block.split("\n") if "data:" in line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines if line]


# ---------------------------------------------------------------------------------------- chat

CHAT = re.compile("Rc*r*(?:Ha*)*F")
CHAT_ENDINGS = ("", "F", "RF")
CALLS_AT_ONCE = re.compile("R(?:Ha*)+F")


def check_chat(data, *, is_whole=True):
    """Chunks of text, or of calls; `[DONE]` is the last of a whole stream, and there is one."""
    *chunks, end = data or [""]
    if is_whole:
        assert end == "[DONE]"
    elif "error" not in end and data:
        chunks.append(end)
    assert all("error" not in chunk and chunk != "[DONE]" for chunk in chunks)
    assert len({tuple(chunk[name] for name in SAME_IN_CHAT) for chunk in chunks}) <= 1
    _check_usage(chunks)
    sentences = defaultdict(str)
    for chunk in chunks:
        for choice in chunk["choices"]:
            sentences[choice["index"]] += _chat_letters(choice)
    for sentence in sentences.values():
        endings = ("",) if is_whole else CHAT_ENDINGS
        assert any(CHAT.fullmatch(sentence + ending) for ending in endings), sentence
    assert list(sentences) == list(range(len(sentences)))


def _check_usage(chunks):
    """On all chunks or on none, null but on the last, which has no choices."""
    having = [chunk for chunk in chunks if "usage" in chunk]
    assert len(having) in (0, len(chunks))
    counted = [place for place, chunk in enumerate(having) if chunk["usage"] is not None]
    assert counted in ([], [len(chunks) - 1])
    for place in counted:
        assert chunks[place]["choices"] == []
    assert [chunk["choices"] for chunk in chunks].count([]) == len(counted)


def _chat_letters(choice):
    delta = choice["delta"]
    letters = "R" if "role" in delta else ""
    for call in delta.get("tool_calls") or ():
        letters += "H" if "id" in call else "a"
    if letters == "" and choice["finish_reason"] is None:
        letters = "r" if delta.get("refusal") else "c"
    assert (choice["finish_reason"] is None) == bool(delta)
    return letters + ("F" if choice["finish_reason"] else "")


# ----------------------------------------------------------------------------------- Responses

LETTERS = {
    "created": "C",
    "queued": "Q",
    "in_progress": "I",
    "output_item.done": "D",
    "content_part.added": "p",
    "content_part.done": "q",
    "output_text.delta": "t",
    "output_text.annotation.added": "n",
    "output_text.done": "e",
    "refusal.delta": "r",
    "refusal.done": "s",
    "function_call_arguments.delta": "f",
    "function_call_arguments.done": "g",
    "reasoning_summary_part.added": "u",
    "reasoning_summary_text.delta": "v",
    "reasoning_summary_text.done": "w",
    "reasoning_summary_part.done": "x",
    "file_search_call.in_progress": "1",
    "file_search_call.searching": "2",
    "file_search_call.completed": "3",
    "completed": "Z",
    "incomplete": "Z",
    "failed": "X",
}
ITEM_LETTERS = {"reasoning": "R", "file_search_call": "S", "message": "M", "function_call": "G"}
REASONING, SEARCH, CALL = "R(?:uv+wx)*D", "S123D", "Gf*gD"
MESSAGE = "M(?:pn*(?:tn*)*eq)?(?:pr+sq)?D"
RESPONSE = re.compile(f"CQ?I(?:{REASONING}|{SEARCH}|{MESSAGE}|{CALL})*Z")
# What may be left of an item when a stream breaks off.
_RESTS = [
    *["D", "vwxD", "wxD", "xD"],
    *["123D", "23D", "3D"],
    *["peqD", "eqD", "qD", "rsqD", "sqD"],
    *["gD"],
]
ENDINGS = ["CIZ", "IZ", "Z", *(f"{rest}Z" for rest in _RESTS)]


def check_responses(events, *, is_whole=True):
    """Events from `response.created` on, to the end or to an error: `error`, `response.failed`."""
    sentence = "".join(map(_response_letter, events))
    failed = re.search("E?X?$", sentence)[0]
    before = sentence.removesuffix(failed)
    endings = ("",) if is_whole and not failed else ENDINGS
    assert any(RESPONSE.fullmatch(before + ending) for ending in endings), sentence
    numbers = [event["sequence_number"] for event in events]
    assert all(then == now + 1 for now, then in pairwise(numbers)), numbers
    assert len({event["response"]["id"] for event in events if "response" in event}) <= 1
    items = _check_items(events)
    last = events[-1] if events else {}
    if last.get("type") in ("response.completed", "response.incomplete"):
        assert last["response"]["output"] == items


def _response_letter(event):
    if event["type"] == "error":
        return "E"
    kind = event["type"].removeprefix("response.")
    return ITEM_LETTERS[event["item"]["type"]] if kind == "output_item.added" else LETTERS[kind]


def _check_items(events):
    """Each event belongs to the item that is open; its pieces are the whole. The finished items."""
    done, open_item, said = [], None, ""
    for event in events:
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            open_item, said = event["item"]["id"], ""
        if "output_index" in event:
            assert event["output_index"] == len(done)
            assert event.get("item_id", event.get("item", {}).get("id")) == open_item
        if kind.endswith("_part.added"):
            said = ""
        if kind.endswith(".delta"):
            said += event["delta"]
            padding = event.get("obfuscation")
            assert padding is None or len(event["delta"] + padding) % 16 == 0
        if kind == "output_text.annotation.added":
            assert event["annotation"]["index"] == len(said)
        if (whole := _whole(event)) is not None:
            assert said == whole
        if kind == "output_item.done":
            done.append(event["item"])
    return done


def _whole(event):
    """What an event says in full of what its deltas said; None for another."""
    return next((event[name] for name in ("text", "arguments", "refusal") if name in event), None)


# ------------------------------------------------------------------------------- transcription


def check_transcription(events):
    """Deltas of text, segments if speakers are told apart, one end that has it all, `[DONE]`."""
    *events, end = events
    assert end == "[DONE]"
    kinds = [event["type"].removeprefix("transcript.text.") for event in events]
    assert set(kinds[:-1]) <= {"delta", "segment"} and kinds[-1] == "done"
    deltas = [event["delta"] for event in events if event["type"].endswith("delta")]
    assert "".join(deltas).strip() == events[-1]["text"].strip()


# ------------------------------------------------------------------------------------ Realtime

REALTIME_LETTERS = {
    "response.output_item.added": "A",
    "conversation.item.added": "a",
    "response.content_part.added": "p",
    "response.output_text.delta": "t",
    "response.output_text.done": "e",
    "response.output_audio.delta": "s",
    "response.output_audio.done": "o",
    "response.output_audio_transcript.delta": "w",
    "response.output_audio_transcript.done": "x",
    "response.content_part.done": "q",
    "response.function_call_arguments.delta": "f",
    "response.function_call_arguments.done": "g",
    "conversation.item.done": "d",
    "response.output_item.done": "D",
}
SPOKEN = "p[sw]*oxq"
ITEM = re.compile(f"Aa(?:pt*eq|{SPOKEN})?(?:f*g)?dD")
ITEM_ENDINGS = ("dD", "D", "eqdD", "qdD", "oxqdD", "xqdD", "gdD", "adD", "")


def check_realtime(events):
    """The events of each response in order, whatever else comes between them.

    The items of a response may overlap: a call is written while the sentence before it is heard.
    A response that was cancelled may end within an item, as does one that is still being written.
    """
    named = [event["event_id"] for event in events if "event_id" in event]
    assert len(set(named)) == len(named)
    assert events[0]["type"] == "session.created"
    for response_id in dict.fromkeys(map(_response_id, events)):
        if response_id is not None:
            _check_realtime_response([e for e in events if _response_id(e) == response_id], events)


def _response_id(event):
    return event.get("response_id") or event.get("response", {}).get("id")


def _item_id(event):
    return event.get("item_id") or event.get("item", {}).get("id")


def _check_realtime_response(own, events):
    """What is of one response, and what conversation and session tell in between."""
    kinds = [event["type"] for event in own]
    assert kinds.index("response.created") == 0 and kinds.count("response.created") == 1
    is_done = kinds[-1] == "response.done"
    is_whole = is_done and own[-1]["response"]["status"] == "completed"
    added = [event for event in own if event["type"] == "response.output_item.added"]
    assert [event["output_index"] for event in added] == list(range(len(added)))
    items = [event["item"]["id"] for event in added]
    for item in items:
        told = [event["type"] for event in events if _item_id(event) == item]
        sentence = "".join(REALTIME_LETTERS.get(kind, "") for kind in told)
        endings = ("",) if is_whole else ITEM_ENDINGS
        assert any(ITEM.fullmatch(sentence + ending) for ending in endings), sentence
    if is_done:
        assert [item["id"] for item in own[-1]["response"]["output"]] == items
