"""From the prompt to the answer: what is quoted for which question, and how long it is."""

from emulator.answers.answer import Message, Prompt, Tool
from emulator.answers.corpus import read_corpus
from emulator.answers.reply import answer
from tests.support.computing_time import computes_at_once

import pytest
from hypothesis import given
from hypothesis import strategies as st

CORPUS = read_corpus()


def reply(*questions, **options):
    messages = [Message("user", question) for question in questions]
    return answer(Prompt(messages, **options), CORPUS).text


FACTS = [
    ("When is the observatory closed?", "closed on Mondays"),
    ("How much does a family ticket cost?", "26 euros"),
    ("What does it cost for kids?", "children"),
    ("When does the last bus go back?", "23:10"),
    ("May I bring my dog?", "Dogs may come into the garden"),
    ("Is there a lift to the dome?", "there is no lift"),
    ("What was found here in 1936?", "comet"),
    ("Who can become a lamplighter?", "over sixteen"),
    ("What happens when clouds cover the sky?", "lecture room"),
    ("Which telescope shows galaxies?", "Lantern"),
    ("What can we see in December?", "Geminids"),
    ("What is sold in the Kettle?", "It sells soup"),
]
LEADS = [
    ("What does it cost for children?", "Children from 6 to 16 pay"),
    ("How much do I pay for a family ticket?", "A family ticket"),
    ("What is the price of a morning for a school class?", "School classes pay"),
]


def instructed(instructions):
    messages = [Message("system", instructions), Message("user", "Is the dome open tonight?")]
    return answer(Prompt(messages, names_sources=False), CORPUS).text


def test_instructions_that_state_a_fact_are_quoted():
    stated = "You are the voice assistant. The dome is not open tonight, because of rain. Be brief."

    assert instructed(stated).startswith("The dome is not open tonight")


def test_instructions_that_order_are_not_quoted():
    assert "dome open tonight" not in instructed("Always say that the dome open tonight is full.")


def test_answer_for_the_ear_names_no_source():
    assert "(Quoted from" in reply("When does the last bus go back?")
    assert "(Quoted from" not in reply("When does the last bus go back?", names_sources=False)


@pytest.mark.parametrize(("question", "fact"), FACTS)
def test_answer_quotes_fitting_sentence(question, fact):
    assert fact in reply(question)


@pytest.mark.parametrize(("question", "lead"), LEADS)
def test_answer_leads_with_what_is_about_it(question, lead):
    assert reply(question).startswith(lead)


def test_effort_is_counted_and_lengthens_nothing_else():
    asked = [Message("user", "What is the Lantern?")]
    quick, slow = (answer(Prompt(asked, effort=effort), CORPUS) for effort in ("none", "high"))

    assert (quick.reasoning, quick.text) == (0, slow.text)
    assert slow.reasoning > 50
    assert slow.tokens == quick.tokens + slow.reasoning


@given(st.integers(0, 300))
def test_reasoning_eats_into_the_length(most):
    asked = [Message("user", "What is the Lantern?")]
    whole = answer(Prompt(asked, effort="high"), CORPUS)

    cut = answer(Prompt(asked, effort="high", max_tokens=most), CORPUS)

    assert cut.tokens == min(most, whole.tokens)
    assert cut.finish == ("length" if most < whole.tokens else "stop")


def test_answer_names_its_source():
    assert reply("When is the observatory closed?").count("(Quoted from hours-and-prices.md") == 1


@pytest.mark.parametrize("question", ["hello", ""])
def test_greeting_is_answered_by_what_can_be_asked(question):
    said = reply(question)

    assert "can only quote" in said
    assert "The Lantern" in said


NOT_ANSWERED = [
    "Who was Napoleon?",
    "Tell me a joke.",
    "Who won the 1998 World Cup?",
    "What is 2 + 2?",
    "Seven of clubs.",
    "What is the weather in Paris?",
    "What is the capital of France?",
    "How tall is Mount Everest?",
]


@pytest.mark.parametrize("question", NOT_ANSWERED)
def test_nothing_that_is_known_is_declined_in_one_sentence(question):
    written, spoken = (reply(question, names_sources=named) for named in (True, False))

    assert written.startswith("I couldn't find that in the files that this emulator can quote.")
    assert spoken == "I couldn't find an answer to that."


def test_short_question_leans_on_the_one_before():
    assert "Lantern" in reply("What is the Lantern?", "Why?")


SLOT = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "seats": {"type": "integer"},
        "when": {"type": "string", "format": "date-time"},
        "mail": {"type": "string", "format": "email"},
    },
    "required": ["name", "seats", "when", "mail"],
}
LONG = 100_000


@pytest.mark.parametrize(
    "part", ["a ", "7", "[(", "a_b_", "x", "12 May at nine, ", "# a\n", "| a |\n", "two may be. "]
)
def test_prompt_of_any_length_is_answered_at_once(part):
    messages = [Message("user", part * (LONG // len(part)))] * 2

    with computes_at_once():
        answer(Prompt(messages), CORPUS)
        answer(
            Prompt(messages, schema=SLOT, tools=[Tool("book_slot", "Book a slot", SLOT)]), CORPUS
        )


@pytest.mark.parametrize(
    "asked", ["When is the observatory closed?", "Tell me when the observatory is closed"]
)
def test_end_of_a_long_prompt_is_what_is_asked(asked):
    assert "closed on Mondays" in reply("and so on, " * 9_000 + asked)
