"""How well a quote answers a question, and whether any does."""

from emulator.retrieval.quotes import Quote
from emulator.retrieval.relevance import is_answered, weigh

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def best(question, *texts, scores=None):
    """The text that weighs most."""
    quotes = [Quote(text, "x.md") for text in texts]
    weighed = weigh(question, quotes, scores or [0.5] * len(texts))
    return texts[weighed.order[0]]


def has_answer(question, *texts):
    quotes = [Quote(text, "x.md") for text in texts]
    return is_answered(question, quotes, weigh(question, quotes, [0.5] * len(texts)))


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("When is the dome opened?", "The dome is opened at 19:30.", "The dome is opened by hand."),
        ("How much is the soup?", "The soup is 5 euros.", "The soup is hot, and it is vegan."),
        ("How long is the tour?", "The tour lasts forty minutes.", "The tour goes uphill."),
        ("How many seats are there?", "There are seventy seats.", "There are seats in the hall."),
        ("Which option sets the port?", "The port is set by --port.", "The port is set by you."),
    ],
)
def test_kind_of_thing_that_is_asked_for_decides_among_the_like(question, right, wrong):
    assert best(question, wrong, right) == right


def test_code_is_worth_more_than_other_words():
    assert best("What does E15 mean?", "E16 means rain.", "E15 means frost.") == "E15 means frost."


def test_newest_edition_counts_unless_a_year_is_named():
    quotes = [Quote("A ticket costs 9 euros.", "2025.md"), Quote("A ticket costs 11.", "2026.md")]

    assert weigh("What does a ticket cost?", quotes, [0.5, 0.5]).order[0] == 1
    assert weigh("What did a ticket cost in 2025?", quotes, [0.5, 0.5]).order[0] == 0


def test_word_in_a_heading_counts():
    quotes = [Quote("It opens at nine.", "x.md", ("Shop",)), Quote("It opens at ten.", "x.md")]

    assert weigh("When does the shop open?", quotes, [0.5, 0.5]).order[0] == 0


DOME = [
    "The dome is opened at 19:30.",
    "Write to the desk, or phone it.",
    "Tickets are at the gate.",
]


@pytest.mark.parametrize(
    "question",
    [
        "How is the weather at the desk in Paris?",  # no passage knows the name
        "What is the phone number of the desk?",  # no number is there
        "How much do I pay for a ticket at the gate?",
        "What is the e-mail address of the desk?",
        "What is 19 + 30?",
        "What is 12 percent of 60?",
        "What is the square root of 4?",
        "Who painted the Mona Lisa?",
        "???",
    ],
)
def test_question_that_nothing_answers(question):
    assert not has_answer(question, *DOME)


HOUSE = [
    "The hall has seventy seats.",
    "The telephone of the desk is 0999 555 01.",
    "The firm that cleans the windows comes on Mondays.",
    "Error E15 means frost, and error E17 means rain.",
    "The shop sells maps and postcards until six o'clock.",
    "Dogs may lie in the garden, but not in the dome.",
    "A guide shows the stars after dark.",
    "The stairs to the dome have thirty-nine steps.",
    "The library is opened on request.",
]


@pytest.mark.parametrize(
    ("question", "is_known"),
    [
        ("How many seats does the hall have?", True),
        ("Can I bring my dog into the dome?", True),
        ("What does E15 mean?", True),
        ("When does the shop close?", True),
        ("Is there a swimming pool?", False),
        ("What is the telephone number of the firm that cleans the windows?", False),
        ("Do you teach karate?", False),
    ],
)
def test_what_none_of_many_quotes_mentions_is_declined(question, is_known):
    assert has_answer(question, *HOUSE) is is_known


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99_999), st.sampled_from(["E{}", "E-{}", "e{}"]))
def test_code_is_answered_only_if_a_quote_has_it(number, written):
    has_code = number in (15, 17)

    assert has_answer(f"What does error {written.format(number)} mean?", *HOUSE) is has_code


def test_question_that_something_answers():
    assert has_answer("When is the dome opened?", *DOME)
    assert has_answer("What do I have to do to get in touch with the desk?", *DOME)
    assert not has_answer("When is the dome opened?")


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=30), st.lists(st.text(max_size=30), max_size=4))
def test_any_text_is_weighed(question, texts):
    quotes = [Quote(text) for text in texts]
    weighed = weigh(question, quotes, [0.5] * len(texts))

    assert len(weighed.order) == len(set(weighed.order)) == len(weighed.weights)
    assert weighed.weights == sorted(weighed.weights, reverse=True)
    assert is_answered(question, quotes, weighed) in (True, False)
