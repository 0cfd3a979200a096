"""The value between thinking and encoding: a text within its limits."""

from emulator.answers.answer import Answer, Call, Prompt, shape
from emulator.wire import tokens

from hypothesis import given
from hypothesis import strategies as st


@given(st.text(), st.integers(1, 20), st.lists(st.text(min_size=1), max_size=4))
def test_shape_keeps_within_limits(text, most, stops):
    shaped = shape(text, Prompt([], max_tokens=most, stop=stops))

    assert text.startswith(shaped.text)
    assert len(shaped.pieces) <= most
    assert not any(stop in shaped.text for stop in stops)
    assert (shaped.finish == "length") == (
        len(tokens.split(text[: min([text.find(s) for s in stops if s in text] or [len(text)])]))
        > most
    )


def test_tokens_are_all_that_was_written():
    call = Call("get_weather", '{"city":"Paris"}')
    written = Answer(["It", " rains"], calls=[call], reasoning=5)

    assert written.tokens == 5 + 2 + tokens.count("get_weather") + tokens.count(call.arguments)
