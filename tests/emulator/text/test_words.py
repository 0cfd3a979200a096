"""Words: which of them mean the same, and which carry no meaning."""

from emulator.text.words import senses, subject, terms, words_of

import pytest


@pytest.mark.parametrize(
    "words",
    [
        "booked booking books book",
        "running runs ran",
        "child children kids child's",
        "city cities",
        "written write wrote",
        "adult adults grown",
    ],
)
def test_forms_of_a_word_are_one(words):
    assert len(terms(words)) == 1


def test_words_that_only_ask_carry_no_meaning():
    assert terms("What is it that you can tell me about the dome?") == terms("dome")


def test_price_is_asked_for_in_many_words():
    assert senses("price") == senses("charges") == senses("pay") == senses("cost")
    assert terms("price") != terms("cost")


def test_subject_is_what_a_sentence_opens_with():
    assert subject("The family ticket is for the evening.") == terms("family ticket")


@pytest.mark.parametrize("name", ["isOpenNow", "is_open_now", "Is-Open-Now", "is open now"])
def test_name_falls_into_words(name):
    assert words_of(name) == ("is", "open", "now")
