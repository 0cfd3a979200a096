"""Small talk: told apart from questions, answered in kind, and no part of what is asked."""

import json

from emulator.answers.answer import Message, Prompt
from emulator.answers.question import understand
from emulator.answers.reply import answer
from emulator.server import read_corpus
from emulator.text.small_talk import find_small_talk, rewrite, without_request
from tests.support import lessons

import pytest
from hypothesis import given
from hypothesis import strategies as st

CORPUS = read_corpus()
QUESTIONS = [
    json.loads(line)["question"]
    for line in (lessons.COURSE / "data" / "questions.jsonl").read_text("utf-8").splitlines()
]
HELLO = "Hello, this is the emulator: what would you like to know?"


def heard(*lines):
    """What is said to the last line, for the ear."""
    return answer(
        Prompt([Message("user", line) for line in lines], names_sources=False), CORPUS
    ).text


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("Thank you, that will do.", "You are welcome."),
        ("Thank you very much. Goodbye!", "You are welcome. Goodbye!"),
        ("No, thank you.", "You are welcome."),
        ("Thanks for all your help", "You are welcome."),
        ("bye bye then", "Goodbye!"),
        ("See you on Saturday.", "Goodbye!"),
        ("Have a nice evening!", "Goodbye!"),
        ("Stop, please.", "All right."),
        ("that is enough", "All right."),
        ("That\N{RIGHT SINGLE QUOTATION MARK}s all I wanted to know.", "All right."),
        ("Okay, one moment.", "All right."),
        ("Hello", HELLO),
        ("Good evening", HELLO),
        ("Hi there, can you hear me?", HELLO),
        ("Good morning, this is Anna Weber speaking.", HELLO),
        ("Yes, please.", "What would you like to know?"),
        ("Excuse me", "What would you like to know?"),
    ],
)
def test_small_talk_gets_small_talk_and_not_the_former_answer(line, reply):
    assert heard(line) == reply
    assert heard("What can be seen in December?", line) == reply


@pytest.mark.parametrize(
    ("line", "question"),
    [
        ("Good evening. May I bring my dog?", "May I bring my dog?"),
        ("good evening may I bring my dog", "may I bring my dog"),
        ("Sorry, one moment. How much do children pay?", "How much do children pay?"),
        ("Hello, this is Anna. When are you closed?", "When are you closed?"),
        ("When are you closed, please? Thank you.", "When are you closed"),
        ("When are you closed thank you very much", "When are you closed"),
        ("Thank you and when does the bus stop?", "when does the bus stop?"),
        ("Stop it. I want the prices.", "I want the prices."),
    ],
)
def test_question_stands_without_small_talk(line, question):
    assert find_small_talk(line).rest == question
    assert find_small_talk(line).kinds == []


@pytest.mark.parametrize(
    "line",
    [
        "What is a good evening for children?",
        "Where does the bus stop?",
        "Is that enough?",
        "Good places to sit?",
        "Are you there on Mondays?",
        "How are you open in winter?",
        "Say hello to the guide.",
        "",
    ],
)
def test_words_of_a_question_are_no_small_talk(line):
    assert find_small_talk(line).rest == line
    assert find_small_talk(line).kinds == []


OPENINGS = ["Hello, ", "Good evening. ", "Hi there! ", "Sorry, one moment. ", "Thanks. ", "Okay, "]
ENDINGS = [" Thank you!", " Thanks a lot, goodbye.", " Good night.", " Hello?", " That's all."]


@given(st.sampled_from(QUESTIONS), st.sampled_from(OPENINGS), st.sampled_from(ENDINGS))
def test_small_talk_does_not_disturb_the_ranking(question, opening, ending):
    wrapped = understand(Prompt([Message("user", opening + question + ending)]), CORPUS)

    assert find_small_talk(question).rest == question
    assert wrapped.ranked == CORPUS.rank(question)


@given(st.text(alphabet="helo godby,.!? ") | st.text())
def test_what_is_left_has_no_more_to_lose(line):
    talk = find_small_talk(line)

    assert all(letter in line for letter in talk.rest)
    assert not talk.kinds or talk.rest == ""


@pytest.mark.parametrize(
    "line", [" " * 40_000, "very good " * 4000 + "x", "thank you for the " * 2000, ". " * 20_000]
)
def test_long_line_is_read_in_one_go(line):
    talk = find_small_talk(line)

    assert talk.kinds == []
    assert len(talk.rest) <= len(line)


def test_small_talk_between_is_no_question_to_lean_on():
    price = "Children from 6 to 16"

    assert price in heard("What do children pay?", "Thank you.", "And why?")
    assert price in heard("What do children pay?", "Pardon?")


def test_greeting_begins_anew():
    assert find_small_talk("Hello, what can you tell me?").greets
    assert not find_small_talk("What can you tell me?").greets
    assert "You can ask about" in heard("What do children pay?", "Hello, what can you tell me?")


def test_few_topics_are_named_for_the_ear():
    assert heard("What can you tell me?").count(";") == 2
    assert heard("Who was Napoleon?") == "I couldn't find an answer to that."


def test_written_greeting_is_told_what_can_be_asked():
    said = answer(Prompt([Message("user", "Good evening!")]), CORPUS).text

    assert "can only quote" in said
    assert answer(Prompt([Message("user", "Thanks!")]), CORPUS).text == "You are welcome."


@pytest.mark.parametrize(
    ("line", "asked", "query"),
    [
        ("Could you please tell me when it opens?", "when it opens?", "it opens"),
        (
            "Hello, I'd like to know what a ticket costs, please.",
            "what a ticket costs",
            "ticket costs",
        ),
        ("Search the handbook for dogs.", "dogs.", "dogs"),
        ("Look up the price of tea", "the price of tea", "price of tea"),
        ("Please", "Please", "Please"),
        ("Tell me", "Tell me", "Tell me"),
    ],
)
def test_request_around_a_question_goes(line, asked, query):
    assert without_request(line) == asked
    assert rewrite(line) == query


@given(st.sampled_from(QUESTIONS) | st.text())
def test_there_is_always_something_to_search(line):
    assert bool(rewrite(line)) == bool(without_request(line)) == bool(line)
