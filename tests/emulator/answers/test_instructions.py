"""The instructions that are obeyed to the letter: exact replies, and brevity."""

from emulator.answers.instructions import exact_reply, sentences_wanted

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
