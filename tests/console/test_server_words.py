"""What a server said: the reason out of any body, made fit for one line of a terminal."""

from console.server_words import first_words, printable, reason_in, tidied, unlike_openai

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st


@given(st.text())
def test_printable_text_steers_no_terminal(text):
    shown = printable(text)

    assert shown.isprintable()
    assert printable(shown) == shown


def test_printable_text_keeps_what_can_be_read():
    assert printable(" a\tb\r\nc é日 ") == "a b c é日"
    assert printable("\x1b[31m\u202ered\ud800") == "\ufffd[31m\ufffdred\ufffd"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"message": "m", "detail": "d"}, "m"),
        ({"error": {"message": "m"}}, "m"),
        ({"error": "e", "code": 7}, "e"),
        ([{"error": {"message": "m"}}], "m"),
        ({"detail": [{"loc": ["body"], "msg": "a"}, {"msg": "b"}]}, "a; b"),
        ({"message": '{"detail": "inner"}'}, "inner"),
        ({"message": "{cut"}, "{cut"),
        ({"message": None, "code": 4}, ""),
        (b'{"error": "e"}', "e"),
        ("plain", "plain"),
        (" <html>page</html>", ""),
        (None, ""),
        ("x" * 999, "x" * 200 + "..."),
    ],
)
def test_reason_is_found(body, reason):
    assert reason_in(body) == reason


def test_page_is_read_without_markup_and_programs():
    page = "<head><style>p {}</style></head><body><script>alert(1)</script><h1>Log</h1> in</body>"

    assert first_words(page) == "Log in"


def test_exception_is_told_in_words():
    assert tidied("It failed: ResponseError(code='x_y', message='Oh')") == "It failed: Oh (x_y)"
    assert tidied("It failed (None)") == "It failed"


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
