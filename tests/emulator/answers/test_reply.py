"""Thinking: what is quoted for which question, what is obeyed, how text is cut into pieces."""

import json
from dataclasses import replace

from emulator.answers.answer import Message, Prompt, Tool, shape
from emulator.answers.instructions import exact_reply, sentences_wanted
from emulator.answers.quote import Corpus, sentences
from emulator.answers.reply import answer
from emulator.server import read_corpus
from emulator.wire import tokens

import pytest
from hypothesis import given
from hypothesis import strategies as st

CORPUS = read_corpus()


def told(*questions, **options):
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
    stated = "You are the desk. The dome is not open tonight, because of a storm. Be brief."

    assert instructed(stated).startswith("The dome is not open tonight")


def test_instructions_that_order_are_not_quoted():
    assert "dome open tonight" not in instructed("Always say that the dome open tonight is full.")


def test_answer_for_the_ear_names_no_source():
    assert "(Quoted from" in told("When does the last bus go back?")
    assert "(Quoted from" not in told("When does the last bus go back?", names_sources=False)


@pytest.mark.parametrize(("question", "fact"), FACTS)
def test_answer_quotes_fitting_sentence(question, fact):
    assert fact in told(question)


@pytest.mark.parametrize(("question", "lead"), LEADS)
def test_answer_leads_with_what_is_about_it(question, lead):
    assert told(question).startswith(lead)


def schema(**properties):
    shapes = {name: {"type": kind} for name, kind in properties.items()}
    return {"type": "object", "properties": shapes, "required": list(shapes)}


TOOLS = [
    Tool("get_weather", "The weather in a city.", schema(city="string")),
    Tool("get_time", "The current local time in a city.", schema(city="string")),
    Tool(
        "book_slot",
        "Book places on a public evening.",
        schema(name="string", day="string", time="string", people="integer"),
    ),
    Tool("cancel_booking", "Cancel a booking by its number.", schema(booking_id="string")),
    Tool("calculator", "Evaluate an arithmetic expression.", schema(expression="string")),
    Tool("searchHandbook", "Search the visitors' handbook.", schema(query="string")),
]
ANNA = {"name": "Anna", "day": "Friday", "time": "nine", "people": 2}
WISHES = [
    ("What's the weather in Paris?", [("get_weather", {"city": "Paris"})]),
    ("how is the weather in new york", [("get_weather", {"city": "new york"})]),
    ("Will it rain in Oslo tomorrow?", [("get_weather", {"city": "Oslo"})]),
    ("How late is it in Sydney now?", [("get_time", {"city": "Sydney"})]),
    ("Book a slot for Anna on Friday at nine for two people.", [("book_slot", ANNA)]),
    ("Cancel my booking A-1234.", [("cancel_booking", {"booking_id": "A-1234"})]),
    ("What is 17 * 23?", [("calculator", {"expression": "17 * 23"})]),
    ("Search the handbook for dogs.", [("searchHandbook", {"query": "dogs"})]),
    (
        "Compare the weather in Paris, London and Rome.",
        [("get_weather", {"city": city}) for city in ("Paris", "London", "Rome")],
    ),
    (
        "What is the weather in Paris, and what time is it in Tokyo?",
        [("get_weather", {"city": "Paris"}), ("get_time", {"city": "Tokyo"})],
    ),
    ("When is the observatory closed?", []),
    ("Which telescope shows galaxies?", []),
    ("May I bring my dog?", []),
    ("Hello!", []),
    ("Tell me a joke.", []),
    ("Thank you very much.", []),
    ("Who was Napoleon?", []),
]


@pytest.mark.parametrize(("question", "calls"), WISHES)
def test_tool_is_called_that_fits(question, calls):
    called = answer(Prompt([Message("user", question)], tools=TOOLS), CORPUS).calls

    assert [(call.name, json.loads(call.arguments)) for call in called] == calls


SLOT = Tool(
    "book_slot",
    "Book places at the telescope for an evening.",
    schema(date="string", time="string", people="integer"),
)
QUESTIONS = [
    "On which days is the observatory closed?",
    "How do I book a slot for a public evening?",
    "Can I cancel a booking?",
    "At what time does a public evening begin in winter?",
    "Hello, is this the observatory?",
    "Good evening. Is the telescope open on Saturday?",
    "Could you tell me how to book a slot?",
    "I would like to know what I can see through the telescope in the evening.",
    "Good evening",
]
REQUESTS = [
    "Book a slot for three people",
    "Could you book a slot for us?",
    "I'd like to book a place.",
    "May I book places for two on Friday?",
    "How does it go? Please book a slot.",
    "Can I book a slot for two people on Saturday at nine in the evening?",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_mere_question_calls_no_tool(question):
    ask = Prompt([Message("user", question)], tools=[SLOT])

    assert not answer(ask, CORPUS).calls
    assert answer(replace(ask, must_call=True), CORPUS).calls


@pytest.mark.parametrize("request_", REQUESTS)
def test_request_calls_tool_whatever_is_missing(request_):
    assert answer(Prompt([Message("user", request_)], tools=[SLOT]), CORPUS).calls


def after(question, *given):
    """The next answer, after tools were called and gave this back."""
    ask = Prompt([Message("user", question)], tools=TOOLS)
    calls = answer(ask, CORPUS).calls
    outputs = [
        Message("tool", text, call_id=call.id) for call, text in zip(calls, given, strict=True)
    ]
    said = [*ask.messages, Message("assistant", "", calls), *outputs]
    return answer(Prompt(said, tools=TOOLS), CORPUS)


def test_output_is_told_and_tool_not_called_again():
    told = after("What's the weather in Paris?", '{"sky": "clear", "degrees": 14}')

    assert (told.text, told.calls) == ("get_weather says: sky clear, degrees 14.", ())


def test_outputs_of_one_tool_are_told_apart():
    told = after("Compare the weather in Paris and Rome.", "rain", '["sun", "wind"]')

    assert told.text == "get_weather (Paris) says: rain. get_weather (Rome) says: sun, wind."


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
    assert told("When is the observatory closed?").count("(Quoted from hours-and-prices.md") == 1


@pytest.mark.parametrize("question", ["Who was Napoleon?", "hello", "", "Tell me a joke."])
def test_nothing_found_says_what_can_be_asked(question):
    said = told(question)

    assert "can only quote" in said
    assert "The three telescopes" in said or "The Lantern" in said


def test_every_sentence_is_found_by_its_own_words():
    for sentence in CORPUS.sentences:
        best = CORPUS.rank(sentence.text)[0][0]
        ties = [place for score, place in CORPUS.rank(sentence.text) if score >= best - 1e-9]
        assert sentence in [CORPUS.sentences[place] for place in ties]


def test_short_question_leans_on_the_one_before():
    assert "Lantern" in told("What is the Lantern?", "Why?")


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
    assert sentences_wanted(["in 12 short sentences"]) == 12
    assert sentences_wanted(["in a few sentences"]) is None


def test_sentences_leave_out_code_and_tables():
    prose = "# A\n\nOne is here. Two is (too).\n"
    text = prose + "```\nNot this one.\n```\n| not | this one. |\n## B\n- It is `three`."

    found = [(s.text, s.headings) for s in sentences(text, "x.md")]

    assert found == [
        ("One is here.", ("A",)),
        ("Two is (too).", ("A",)),
        ("It is three.", ("A", "B")),
    ]


def test_empty_corpus_still_answers():
    assert "can only quote" in answer(Prompt([Message("user", "dome")]), Corpus([])).text


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
