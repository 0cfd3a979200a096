"""Tools: which a question calls for, with which arguments, and how their outputs are reported."""

import json
from dataclasses import replace

from emulator.answers.answer import Call, Message, Prompt, Tool
from emulator.answers.corpus import read_corpus
from emulator.answers.reply import answer
from emulator.text.spoken_json import spoken_json

import pytest

CORPUS = read_corpus()


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
CALLED = [
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


@pytest.mark.parametrize(("question", "calls"), CALLED)
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


def after_calls(question, *given):
    """The next answer, after tools were called and gave this back."""
    ask = Prompt([Message("user", question)], tools=TOOLS)
    calls = answer(ask, CORPUS).calls
    outputs = [
        Message("tool", text, call_id=call.id) for call, text in zip(calls, given, strict=True)
    ]
    said = [*ask.messages, Message("assistant", "", calls), *outputs]
    return answer(Prompt(said, tools=TOOLS), CORPUS)


def test_output_is_told_and_tool_not_called_again():
    told = after_calls("What's the weather in Paris?", '{"sky": "clear", "degrees": 14}')

    assert (told.text, told.calls) == ("get_weather says: sky clear, degrees 14.", ())


def test_outputs_of_one_tool_are_told_apart():
    told = after_calls("Compare the weather in Paris and Rome.", "rain", '["sun", "wind"]')

    assert told.text == "get_weather (Paris) says: rain. get_weather (Rome) says: sun, wind."


def reported(*calls, names_sources=False):
    """The report of calls, each a name, its arguments and what it gave back."""
    made = [Call(name, json.dumps(given), f"call_{n}") for n, (name, given, _) in enumerate(calls)]
    outputs = [Message("tool", text, call_id=f"call_{n}") for n, (*_, text) in enumerate(calls)]
    messages = [Message("user", "Please do."), Message("assistant", "", made), *outputs]
    return answer(Prompt(messages, names_sources=names_sources), CORPUS).text


def test_result_for_the_ear_names_no_tool():
    booked = {"booked": True, "number": 4711, "date": "2026-11-28", "time": "19:30", "people": 2}
    spoken = reported(("book_slot", {"date": "2026-11-28"}, json.dumps(booked)))
    written = reported(("book_slot", {}, '{"ok": true}'), names_sources=True)

    assert spoken == spoken_json(booked)
    assert written == "book_slot says: ok true."


def test_results_of_one_tool_are_kept_apart_by_what_was_given():
    calls = [
        ("get_weather", {"city": city}, sky) for city, sky in (("Oslo", "rain"), ("Rome", '"sun"'))
    ]

    assert reported(*calls) == "Oslo: rain. Rome: sun."


def test_depth_is_no_danger():
    deep = "[" * 900 + "]" * 900

    assert reported(("f", {}, deep))


def test_calls_of_an_earlier_turn_do_not_count():
    question = "What's the weather in Paris?"
    ask = Prompt([Message("user", question)], tools=TOOLS)
    [call] = answer(ask, CORPUS).calls
    earlier = [*ask.messages, Message("assistant", "", [call])]
    earlier.append(Message("tool", "rain", call_id=call.id))
    again = [*earlier, Message("user", question)]

    assert answer(replace(ask, messages=earlier), CORPUS).text == "get_weather says: rain."
    assert [each.name for each in answer(replace(ask, messages=again), CORPUS).calls] == [
        "get_weather"
    ]


def test_tool_that_must_be_called_is_another_than_the_last():
    ask = Prompt([Message("user", "What's the weather in Paris?")], tools=TOOLS, must_call=True)
    [call] = answer(ask, CORPUS).calls
    said = [*ask.messages, Message("assistant", "", [call]), Message("tool", "x", call_id=call.id)]

    [following] = answer(replace(ask, messages=said), CORPUS).calls

    assert (call.name, following.name) == ("get_weather", "get_time")


def test_only_request_is_filled_from_the_whole_line():
    text = "Hello, my name is Anna. Book a slot on Friday at nine for two people, please."
    [call] = answer(Prompt([Message("user", text)], tools=TOOLS), CORPUS).calls

    assert json.loads(call.arguments) == ANNA


def test_same_call_is_made_once():
    text = "What is the weather in Paris, and what is the weather in Paris?"

    assert len(answer(Prompt([Message("user", text)], tools=TOOLS), CORPUS).calls) == 1


def test_word_shared_with_a_question_that_the_corpus_answers_calls_no_tool():
    seats = Tool("free_seats", "How many seats are left.", schema())
    known, unknown = "Can blankets be borrowed at the desk, free?", "How many seats are free?"

    assert not answer(Prompt([Message("user", known)], tools=[seats]), CORPUS).calls
    assert answer(Prompt([Message("user", unknown)], tools=[seats]), CORPUS).calls


def test_rest_of_a_question_makes_it_no_request():
    ask = Prompt([Message("user", "How do I book a slot, with my family?")], tools=[SLOT])

    assert not answer(ask, CORPUS).calls


def test_calls_are_cut_at_the_length():
    text = "What is the weather in Paris, and what time is it in Tokyo?"
    ask = Prompt([Message("user", text)], tools=TOOLS, effort="low")
    whole = answer(ask, CORPUS)

    for most in range(1, whole.tokens + 2):
        cut = answer(replace(ask, max_tokens=most), CORPUS)
        assert cut.tokens <= most
        assert cut.finish == ("length" if most < whole.tokens else "tool_calls")
        assert [call.name for call in cut.calls] == [c.name for c in whole.calls][: len(cut.calls)]


def test_outputs_are_reported_without_another_search():
    ask = Prompt([Message("user", "What's the weather in Paris?")], tools=TOOLS)
    [call] = answer(ask, CORPUS).calls
    said = [*ask.messages, Message("assistant", "", [call]), Message("tool", "x", call_id=call.id)]

    def search(queries):
        raise AssertionError(queries)

    assert answer(replace(ask, messages=said), CORPUS, search=search).text.endswith("says: x.")
