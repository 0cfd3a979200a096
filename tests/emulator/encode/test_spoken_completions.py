"""Spoken chat completions encoded: any answer, its words and its sound, in the recorded order."""

import json
import re
from base64 import b64decode

from emulator.answers.answer import Answer, Call, HeardSound, Message, Prompt
from emulator.encode.completions import Envelope
from emulator.encode.spoken_completions import (
    BLOCK,
    LEAD,
    WITHOUT_CHOICES,
    SpokenAnswer,
    spoken_chunks,
    spoken_completion,
    spoken_usage,
)
from emulator.wire import sse, tokens
from tests.support.emulator_clients import drained

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

ENVELOPE = Envelope("chatcmpl-x", 1, "gpt-audio-1.5")
ASKED = Prompt([Message("user", "Hello there")])
SENTENCES = st.lists(
    st.tuples(st.text("ab .é", min_size=1, max_size=60), st.integers(0, 3 * BLOCK // 2)), max_size=4
)
CALLS = [Call("f", '{"a": 1}', "call_1"), Call("g", "{}", "call_2")]


async def read(sentences):
    for words, samples in sentences:
        yield words, b"\1\2" * samples


def spoken(sentences, calls=(), finish="stop", id="audio_1"):
    said = "".join(words for words, _ in sentences)
    answer = Answer(tokens.split(said), finish, calls)
    return SpokenAnswer(answer, id, 4600, read(sentences))


def streamed(*answers, include_usage=False, include_obfuscation=False):
    """The bodies of a stream; each that has choices fits the type of the SDK."""
    options = {"include_usage": include_usage, "include_obfuscation": include_obfuscation}
    blocks = drained(spoken_chunks(ENVELOPE, ASKED, answers, **options))
    assert blocks[-1] == sse.DONE
    bodies = [json.loads(block.decode().removeprefix("data: ")) for block in blocks[:-1]]
    for body in bodies:
        if "choices" in body:
            ChatCompletionChunk.model_validate(body, strict=True)
    return bodies


def word_of(body):
    """A letter for the kind of a chunk, as the grammar of a stream is written."""
    if not body.get("choices"):
        return "U" if "choices" in body else "N"
    choice = body["choices"][0]
    delta = choice["delta"]
    if "audio" in delta:
        return {"transcript": "T", "data": "D", "expires_at": "E"}[list(delta["audio"])[-1]]
    if choice["finish_reason"]:
        return "F"
    return "C" if "tool_calls" in delta else "R"


@given(SENTENCES, st.booleans(), st.booleans())
def test_words_and_sound_come_back_whole(sentences, include_usage, include_obfuscation):
    options = {"include_usage": include_usage, "include_obfuscation": include_obfuscation}
    bodies = streamed(spoken(sentences), **options)

    deltas = [choice["delta"] for body in bodies for choice in body.get("choices", [])]
    audio = [delta["audio"] for delta in deltas if "audio" in delta]
    pieces = [b64decode(each["data"]) for each in audio if "data" in each]
    said = "".join(each.get("transcript", "") for each in audio)
    assert said == "".join(words for words, _ in sentences)
    assert b"".join(pieces) == b"\1\2" * sum(samples for _, samples in sentences)
    assert all(len(piece) == BLOCK for piece in pieces[:-1])
    assert [each["id"] for each in audio if "id" in each] == ["audio_1"] * (
        bool(said) + bool(pieces)
    )
    grammar = rf"R(T|N{{{WITHOUT_CHOICES}}}D)*F?U?E?"
    word = "".join(map(word_of, bodies))
    assert re.fullmatch(grammar, word)
    assert ("U" in word) == include_usage
    assert ("E" in word) == bool(said) != ("F" in word)
    assert all(("obfuscation" in body) == include_obfuscation for body in bodies)


def test_words_are_ahead_of_the_sound():
    sentences = [("one two three four five six seven eight nine ten", 4 * BLOCK // 2)]

    word = "".join(map(word_of, streamed(spoken(sentences)))).replace("N", "")

    heard = word[: word.index("D")].count("T")
    assert LEAD <= heard < 8
    assert word.index("D") < word.rindex("T")


def test_words_are_paced_and_sound_is_not():
    options = {"include_usage": False, "include_obfuscation": False}
    answer = spoken([("one two", BLOCK // 2)])

    for block in drained(spoken_chunks(ENVELOPE, ASKED, [answer], **options)):
        assert isinstance(block, sse.TextBlock) == (b'"transcript"' in block)


def test_calls_come_with_a_finish_reason_and_without_sound():
    bodies = streamed(spoken([], CALLS, "tool_calls"), include_usage=True)

    assert re.fullmatch("RC+FU", "".join(map(word_of, bodies)))
    calls = [each for body in bodies[1:-2] for each in body["choices"][0]["delta"]["tool_calls"]]
    assert [each["function"]["name"] for each in calls if "id" in each] == ["f", "g"]
    assert bodies[-2]["choices"][0]["finish_reason"] == "tool_calls"


def test_calls_may_follow_sound():
    bodies = streamed(spoken([("Wait.", BLOCK // 2)], CALLS, "tool_calls"))

    assert re.fullmatch("RT+N*DC+FE", "".join(map(word_of, bodies)))


def test_several_answers_follow_each_other():
    bodies = streamed(spoken([("One.", 10)]), spoken([("Two.", 10)], id="audio_2"))

    indexes = [choice["index"] for body in bodies for choice in body.get("choices", [])]
    assert indexes[-2:] == [0, 1]
    assert indexes[:-2] == sorted(indexes[:-2])
    assert re.fullmatch("(RT+N*D)(RT+N*D)EE", "".join(map(word_of, bodies)))


def test_whole_answer_has_sound_in_place_of_content():
    talking, calling = spoken([("One.", 10)]), spoken([], CALLS, "tool_calls")
    talking.data, talking.ms = b"RIFF", 101.0

    body = spoken_completion(ENVELOPE, ASKED, [talking, calling])

    ChatCompletion.model_validate(body, strict=True)
    one, two = (choice["message"] for choice in body["choices"])
    audio = {"id": "audio_1", "data": "UklGRg==", "expires_at": 4600, "transcript": "One."}
    assert (one["content"], one["audio"]) == (None, audio)
    assert "audio" not in two
    assert body["usage"]["completion_tokens_details"]["audio_tokens"] == 3


@pytest.mark.parametrize(("ms", "tokens_of_sound"), [(0.0, 0), (1.0, 1), (50.0, 1), (1_000.0, 20)])
def test_sound_is_billed_by_its_length(ms, tokens_of_sound):
    answer = spoken([("One two.", 10)])
    answer.ms = ms
    heard = Prompt([Message("user", "Hello there")], heard=HeardSound(2_000.0, 2))

    plain, billed = (spoken_usage(prompt, [answer]) for prompt in (ASKED, heard))

    assert billed["completion_tokens"] == 3 + tokens_of_sound
    assert billed["completion_tokens_details"]["audio_tokens"] == tokens_of_sound
    assert billed["prompt_tokens_details"]["audio_tokens"] == 20
    assert billed["prompt_tokens"] == plain["prompt_tokens"] + 20 - 2
    assert billed["total_tokens"] == billed["prompt_tokens"] + billed["completion_tokens"]
