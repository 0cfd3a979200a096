"""What a conversation brings along: passages of a prompt, and what the user said."""

from emulator.answers.answer import Message, Prompt
from emulator.answers.corpus import read_corpus
from emulator.answers.given import (
    is_all_there_is,
    question_and_passages,
    recalled,
    statements,
)
from emulator.answers.reply import answer
from tests.support.computing_time import computes_at_once

import pytest

CORPUS = read_corpus()


def reply(*messages, **options):
    said = [Message(role, text) for role, text in messages]
    return answer(Prompt(said, **{"names_sources": False} | options), CORPUS).text


def test_statements_between_orders_are_facts():
    text = "You are a voice assistant. Be brief. The dome is shut tonight. If you know, say so."

    assert list(statements(text)) == ["The dome is shut tonight."]


def test_paragraph_without_an_order_at_its_start_is_a_passage():
    text = "Answer from these.\n\nWhen it rains, nobody comes. In June the house is shut."

    assert list(statements(text)) == ["When it rains, nobody comes.", "In June the house is shut."]


@pytest.mark.parametrize(
    "instructions", ["Ask the caller: how many people come?", "How many people come on Fridays?"]
)
def test_question_in_instructions_is_no_fact(instructions):
    assert list(statements(instructions)) == []
    assert instructions not in reply(
        ("system", instructions), ("user", "How many people come on Fridays?")
    )


RULES = "Answer only from these passages. If they don't hold the answer, say so."
TAXI = "Taxis must be called before 22:30, because the only firm in the valley goes to bed then."


def test_passages_are_quoted_before_the_corpus_and_alone_if_so_asked():
    prompt = ("system", f"{RULES}\n\n{TAXI}\n\nA bell hangs in the porch.")

    assert reply(prompt, ("user", "How late can I call a taxi?")).startswith(TAXI)
    assert "couldn't find" in reply(prompt, ("user", "When is the observatory closed?"))


def test_passages_of_a_message_are_told_from_its_question():
    passages = f"{TAXI} The shuttle has eight seats. Its driver is called Glow. " * 2
    for text in (
        f"Context:\n{passages}\n\nQuestion: How late can I call a taxi?",
        f"{passages}\n\nHow late can I call a taxi?",
        f"How late can I call a taxi?\n\n{passages}",
    ):
        assert question_and_passages(text)[0] == "How late can I call a taxi?"
        assert reply(("user", text)).startswith(TAXI)
    assert question_and_passages("Hello. Are you open?") == ("Hello. Are you open?", "")


@pytest.mark.parametrize(
    ("said", "question", "fact"),
    [
        ("My name is Ana.", "What is my name?", "Ana"),
        ("Hello, my name is Ana.", "Do you remember my name?", "Ana"),
        ("I live in Leeds. When are you open?", "Where do I live?", "Leeds"),
        ("My favourite colour is green.", "What's my favourite colour?", "green"),
        ("We are coming on Friday with six people.", "When are we coming?", "Friday"),
    ],
)
def test_what_the_user_said_is_remembered(said, question, fact):
    spoken = reply(("user", said), ("assistant", "I see."), ("user", question))

    assert spoken.startswith('You said: "')
    assert fact in spoken


def test_latest_statement_counts():
    assert recalled("What is my name?", ["My name is Ana.", "My name is Bo."]) == "My name is Bo."


@pytest.mark.parametrize(
    ("message", "fact"),
    [
        ("My name is Ada. What is my name?", "Ada"),
        ("Hello, we are six people! How many people are we? Thanks!", "six"),
        ("Our flight is AB123. It is late. What is our flight, please?", "AB123"),
    ],
)
def test_what_the_same_message_says_is_remembered(message, fact):
    spoken = reply(("user", message))

    assert spoken.startswith('You said: "')
    assert fact in spoken


@pytest.mark.parametrize("message", ["hello what is my booking for friday", "What is my name?"])
def test_question_is_no_answer_to_itself(message):
    assert "You said" not in reply(("user", message))


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("I have a dog.", "May I bring my dog?"),
        ("I'd like to book for Friday.", "When do I have to book?"),
        ("Is my name on the list?", "What is my name?"),
        ("My name is Ana.", "What is the name of the telescope?"),
    ],
)
def test_other_questions_are_not_answered_by_what_was_said(said, question):
    assert recalled(question, [said]) == ""


@pytest.mark.parametrize(
    ("instructions", "said"),
    [
        ("Say exactly: pineapple", "pineapple"),
        ("You are a parrot. Say exactly: pineapple. Do not add anything.", "pineapple."),
        ('Say "We are closed." and nothing else.', "We are closed."),
        ("Greet the caller.", "Hello, this is the emulator: what would you like to know?"),
        ("You are an assistant.", "Hello, this is the emulator: what would you like to know?"),
        ("Say goodbye to the caller.", "Goodbye!"),
    ],
)
def test_instructions_are_followed_where_nobody_has_spoken(instructions, said):
    assert reply(("system", instructions)) == said


def test_instructions_are_followed_after_the_last_answer_alone():
    before = [("user", "When is the observatory closed?")]
    order = ("system", "Say exactly: pineapple")

    assert reply(order, *before, ("assistant", "On Mondays.")) == "pineapple"
    assert "Mondays" in reply(order, *before)


def test_question_in_an_order_is_answered():
    assert "Mondays" in reply(("system", "Tell the caller when the observatory is closed."))


def test_conditional_order_is_not_followed():
    assert "pineapple" not in reply(("system", "If asked for a fruit, say exactly: pineapple"))


@pytest.mark.parametrize(
    ("text", "is_alone"),
    [
        ("Use the documents. Answer only in German.", False),
        ("Answer from the context alone", False),
        ("Rely only on the text.", True),
        ("Only today. Read these passages.", False),
        ("only\npassages", False),
        ("only " * 20_000, False),  # minutes, if each were tried with all that follow
    ],
)
def test_passages_stand_alone_only_if_one_clause_says_so(text, is_alone):
    with computes_at_once():
        assert is_all_there_is([text]) is is_alone


def test_many_question_words_take_no_time():
    question = "what zebra " * 10_000

    with computes_at_once():
        assert recalled(question, ["My zebra is striped."]) == ""
    assert recalled(f"{question} is my", ["My zebra is striped."]) == "My zebra is striped."
