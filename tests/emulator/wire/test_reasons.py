"""What a server said: the reason out of any body, made fit for one line of a terminal."""

from emulator.wire.reasons import first_words, on_one_line, reason_in

import pytest
from hypothesis import given
from hypothesis import strategies as st


@given(st.text())
def test_text_on_one_line_steers_no_terminal(text):
    shown = on_one_line(text)

    assert shown.isprintable()
    assert on_one_line(shown) == shown


def test_text_on_one_line_keeps_what_can_be_read():
    assert on_one_line(" a\tb\r\nc é日 ") == "a b c é日"
    assert on_one_line("\x1b[31m\u202ered\ud800") == "\ufffd[31m\ufffdred\ufffd"


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


def test_reason_is_not_sought_for_ever():
    nested = "too deep"
    for _ in range(100_000):
        nested = {"error": nested}

    assert reason_in(nested) == ""
