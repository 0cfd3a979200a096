"""The instructions that are obeyed to the letter: exact replies, and brevity."""

from emulator.answers.instructions import (
    exact_reply,
    reply_to_orders,
    sentences_wanted,
    text_to_read,
)
from tests.support.computing_time import computes_at_once

import pytest


@pytest.mark.parametrize(
    ("prompt", "reply"),
    [
        ("Reply with exactly: pong", "pong"),
        ("Please respond with exactly the following text: a b", "a b"),
        ("Say only the word 'hello'", "hello"),
        ('Answer with nothing but "yes, sir". Thank you!', "yes, sir"),
        ("Repeat back to me exactly: line\nbreak ", "line\nbreak"),
        ("When exactly does it open?", None),
        ("Reply with exactly", None),
    ],
)
def test_exact_reply_is_obeyed(prompt, reply):
    assert exact_reply(prompt) == reply


def test_sentences_wanted_reads_numbers():
    assert sentences_wanted(["in two sentences", "hm"]) == 2
    assert sentences_wanted(["in two sentences", "in one sentence"]) == 1
    assert sentences_wanted(["in 12 short sentences"]) == 12
    assert sentences_wanted(["in a few sentences"]) is None


TEXT = "The dome opens at 19:30. Bring a coat!"


@pytest.mark.parametrize(
    "instruction",
    [
        "Read the following text aloud, word for word.",
        "Read the user's message out loud exactly as it is written. Add nothing.",
        "You are a narrator. You must only read the text aloud.",
        "Repeat the input verbatim.",
        "Please read it word for word:",
        "Your only task is to speak the user's text word-for-word, in a calm voice.",
        "Say exactly the text that the user sends; nothing before it and nothing after it.",
    ],
)
def test_text_is_read_where_instructions_ask_for_it(instruction):
    assert text_to_read(["Be kind.", instruction], ["Hm?", TEXT]) == TEXT


@pytest.mark.parametrize(
    "instruction",
    [
        "You are an observatory's voice assistant. Answer in two short sentences.",
        "When you give a time, say it exactly.",
        "Never read the text aloud.",
        "Don't repeat the message word for word.",
        "If the caller asks for it, read the text aloud.",
        "Read the handbook before you answer.",
        "Answer exactly what the text says.",
        "Read phone numbers aloud digit by digit.",
        "Say what it costs.",
    ],
)
def test_other_instructions_ask_for_an_answer(instruction):
    assert text_to_read([instruction], [TEXT]) is None


def test_text_may_stand_in_the_instructions():
    asked = "Be calm. Read this aloud, word for word: The dome opens at 19:30. Bring a coat!"

    assert text_to_read([asked], []) == TEXT
    assert text_to_read([asked], ["Hm?"]) == TEXT
    assert text_to_read(["Read the text aloud."], []) is None
    assert text_to_read(['Read this text aloud: "Ahoy." Thank you.'], []) == "Ahoy."


@pytest.mark.parametrize("part", ["say “", "please ", "reply exactly ", "say "])
def test_many_beginnings_of_orders_take_no_time(part):
    text = part * 10_000  # minutes, if each of them were tried with all that follow

    with computes_at_once():
        reply_to_orders(text)
        assert text_to_read([text], ["a"]) is None
