"""What the SDK makes of a server's words, and how an answer is told that is none."""

from console.server_words import LONGEST_READ, tidied, unlike_openai
from tests.support.computing_time import computes_at_once

import openai
import pytest


def test_exception_is_told_in_words():
    assert tidied("It failed: ResponseError(code='x_y', message='Oh')") == "It failed: Oh (x_y)"
    assert tidied("It failed (None)") == "It failed"


@pytest.mark.parametrize("text", ["x", "x(code=None, message='", "x(code='"])
def test_only_the_beginning_of_a_long_answer_is_read(text):
    """Looking for Python's notation takes a time that grows with the square of the length."""
    with computes_at_once(1):
        said = tidied(text * (40 * LONGEST_READ // len(text)))

    assert said.startswith(text[:20]) and len(said) < LONGEST_READ


def test_valid_answer_beside_an_error_is_not_to_blame():
    choice = {"index": 0, "delta": {"content": "Hm"}, "finish_reason": None}
    fields = {"id": "x", "created": 1, "model": "m", "object": "chat.completion.chunk"}
    chunk = openai.types.chat.ChatCompletionChunk(**fields, choices=[choice])

    def stumble(chunk):
        return chunk.choices[0].delta.content + 1

    def said_of(chunk):
        with pytest.raises((TypeError, AttributeError)) as caught:
            stumble(chunk)
        return unlike_openai(caught.value)

    assert said_of(chunk) is None
    wrong = openai.types.chat.ChatCompletionChunk.construct(**fields, choices=None)
    assert said_of(wrong) == "its answer has no usable field choices"
