"""The file search tool of Responses: items, events, results, citations, filters, refusals."""

import re
from dataclasses import replace
from itertools import groupby

from console.handbook import HANDBOOK
from emulator.answers.answer import Message, Prompt, SearchOutcome
from emulator.answers.cited import DECLINED, draw, everything_in
from emulator.answers.corpus import Corpus
from emulator.answers.reply import answer
from tests.support.computing_time import computes_at_once
from tests.support.emulator_clients import MODEL, connect

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

QUESTION = "When is the observatory closed?"
HOURS = "hours-and-prices.md"
SEARCH_RUN = [
    "response.output_item.added",
    "response.file_search_call.in_progress",
    "response.file_search_call.searching",
    "response.file_search_call.completed",
    "response.output_item.done",
]


@pytest.fixture(scope="module")
def store_id(emulator):
    """A store with two of the observatory's leaflets, of which one is of 2026."""
    with connect(emulator) as client:
        store = client.vector_stores.create(name="leaflets")
        for name, year in ((HOURS, 2026), ("about-the-observatory.md", 2025)):
            client.vector_stores.files.upload_and_poll(
                vector_store_id=store.id,
                file=(name, (HANDBOOK / name).read_bytes()),
                attributes={"edition": year},
            )
        return store.id


def ask(client, store_id, question=QUESTION, *, tool=None, **options):
    tools = [{"type": "file_search", "vector_store_ids": [store_id]} | (tool or {})]
    asked = {"model": MODEL, "input": question, "tools": tools, "reasoning": {"effort": "none"}}
    return client.responses.create(**asked | options)


def test_answer_cites_its_file(client, store_id):
    response = ask(client, store_id)

    search, message = response.output
    assert (search.type, search.status, search.results) == ("file_search_call", "completed", None)
    assert search.queries == [QUESTION]
    assert re.fullmatch(r"fs_[0-9a-f]{50}", search.id)
    assert "Mondays" in response.output_text
    assert HOURS in {note.filename for note in message.content[0].annotations}


def test_follow_up_is_searched_together_with_the_question_before(client, store_id):
    first = ask(client, store_id, "What is the Lantern?")
    then = ask(client, store_id, "Where does it stand?", previous_response_id=first.id)

    assert then.output[0].queries == ["Where does it stand lantern?"]
    assert then.output_text.startswith("The Lantern stands in the flat-roofed hut")


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("Thanks!", "You are welcome."),
        ("Good bye, and thank you very much.", "You are welcome. Goodbye!"),
        ("Hello!", "Hello, this is the emulator: what would you like to know?"),
        ("My name is Ada. What is my name?", 'You said: "My name is Ada."'),
    ],
)
def test_what_asks_no_file_is_not_searched_for(client, store_id, message, text):
    response = ask(client, store_id, message)

    assert response.output_text == text
    assert [item.type for item in response.output] == ["message"]


def test_sentence_that_opens_with_what_is_asked_comes_first(client, store_id):
    assert ask(client, store_id, "May I bring my dog?").output_text.startswith("Dogs may come")


def test_events_come_in_recorded_order(client, store_id):
    events = list(ask(client, store_id, stream=True))

    kinds = [kind for kind, _ in groupby(event.type for event in events)]
    assert kinds[2:7] == SEARCH_RUN
    assert [event.sequence_number for event in events] == list(range(len(events)))
    added, done = events[2].item, events[6].item
    assert (added.status, added.queries, added.results) == ("in_progress", [], None)
    assert (done.status, done.queries) == ("completed", [QUESTION])


def test_index_is_what_was_streamed_before(client, store_id):
    text, notes = "", []
    for event in ask(client, store_id, stream=True):
        if event.type == "response.output_text.delta":
            text += event.delta
        elif event.type == "response.output_text.annotation.added":
            notes.append(event.annotation)
            assert event.annotation.index == len(text)
        elif event.type == "response.completed":
            last = event.response

    told = last.output[1].content[0].annotations
    assert [note.to_dict() for note in notes] == [note.to_dict() for note in told]
    assert text[notes[0].index - 1 : notes[0].index + 1] == " ."


def test_results_come_only_when_asked_for(client, store_id):
    response = ask(client, store_id, include=["file_search_call.results"])

    results = response.output[0].results
    assert {result.filename for result in results} == {HOURS, "about-the-observatory.md"}
    assert [r.score for r in results] == sorted((r.score for r in results), reverse=True)
    assert all(0 <= result.score <= 1 for result in results)
    by_name = {result.filename: result for result in results}
    assert by_name[HOURS].attributes == {"edition": 2026}
    assert "closed on Mondays" in " ".join(result.text for result in results)
    assert results[0].model_extra == {"vector_store_id": store_id}


def test_passages_are_read_and_so_counted(client, store_id):
    alone = client.responses.create(model=MODEL, input=QUESTION)

    assert ask(client, store_id).usage.input_tokens > alone.usage.input_tokens + 100


def test_settings_are_echoed_with_defaults(client, store_id):
    told = ask(client, store_id).to_dict()["tools"][0]

    assert told["max_num_results"] == 20
    assert told["filters"] is None
    assert (told["ranking_options"]["ranker"], told["ranking_options"]["score_threshold"]) == (
        "auto",
        0.0,
    )


def test_filter_keeps_to_an_edition(client, store_id):
    tool = {"filters": {"type": "eq", "key": "edition", "value": 2025}, "max_num_results": 3}

    response = ask(client, store_id, tool=tool, include=["file_search_call.results"])

    assert {r.filename for r in response.output[0].results} == {"about-the-observatory.md"}


def test_nothing_near_is_declined(client, store_id):
    response = ask(client, store_id, "Who won the chess championship of 1972?")

    assert response.output_text == "I couldn't find that in your documents."
    assert response.output[1].content[0].annotations == []


def test_two_questions_get_two_citations(client, store_id):
    response = ask(client, store_id, "When is it closed, and how old is the Lantern telescope?")

    notes = response.output[1].content[0].annotations
    assert {note.filename for note in notes} == {HOURS, "about-the-observatory.md"}


def test_search_can_be_forbidden_and_forced(client, store_id):
    quiet = ask(client, store_id, tool_choice="none")
    forced = ask(client, store_id, "Hello!", tool_choice={"type": "file_search"})

    assert [item.type for item in quiet.output] == ["message"]
    assert forced.output[0].type == "file_search_call"


def test_next_response_may_follow_a_search(client, store_id):
    first = ask(client, store_id)
    then = ask(client, store_id, "How much is a family ticket?", previous_response_id=first.id)
    sent_back = [item.to_dict() for item in first.output]
    by_hand = ask(client, store_id, [*sent_back, {"role": "user", "content": QUESTION}])

    assert "26 euros" in then.output_text
    assert "Mondays" in by_hand.output_text


WRONG = [
    ({"vector_store_ids": []}, "tools[0].vector_store_ids", "empty_array"),
    ({"max_num_results": 51}, "tools[0].max_num_results", "integer_above_max_value"),
    ({"max_num_results": 0}, "tools[0].max_num_results", "integer_below_min_value"),
    (
        {"ranking_options": {"score_threshold": 2}},
        "tools[0].ranking_options.score_threshold",
        "decimal_above_max_value",
    ),
]


@pytest.mark.parametrize(("change", "param", "code"), WRONG, ids=range(len(WRONG)))
def test_wrong_settings_are_refused(client, store_id, change, param, code):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, store_id, tool=change)

    assert (caught.value.param, caught.value.code) == (param, code)


def test_wrong_filter_is_refused(client, store_id):
    with pytest.raises(openai.BadRequestError):
        ask(client, store_id, tool={"filters": {"type": "like", "key": "a", "value": "b"}})


def test_unknown_store_is_refused(client):
    with pytest.raises(openai.NotFoundError, match="vs_none"):
        ask(client, "vs_none")
    with pytest.raises(openai.NotFoundError, match="vs_none"):
        ask(client, "vs_none", stream=True)


# ------------------------------------------------------- what is quoted, and in which order


def drawn(question, *passages, sentences=1):
    """The answer from passages of these (filename, score, text), and the files that it cites."""
    results = [
        {"file_id": f"file-{place}", "filename": name, "score": score, "text": text}
        for place, (name, score, text) in enumerate(passages)
    ]
    pieces, citations = draw(question, SearchOutcome([question], results), sentences)
    return "".join(pieces), [(each.filename, each.index) for each in citations]


def test_code_is_worth_more_than_many_shared_words():
    text = """The display shows letters. They mean that something is wrong, as the display says.

E15: check the shutter."""

    said, _ = drawn("What does the display mean by E15?", ("manual.md", 0.9, text))

    assert said == "E15: check the shutter ."


@pytest.mark.parametrize(
    ("question", "price"),
    [("What does a ticket cost?", "11"), ("What did a ticket cost in 2025?", "9")],
)
def test_edition_is_that_of_the_question_or_the_newest(question, price):
    old = ("prices-2025.md", 0.9, "A ticket costs 9 euros.")
    new = ("prices-2026.md", 0.5, "A ticket costs 11 euros.")

    said, cited = drawn(question, old, new)

    assert said == f"A ticket costs {price} euros ."
    assert len(cited) == 1


def test_score_of_the_passage_decides_among_the_like():
    low, high = ("low.md", 0.2, "Tickets cost 9 euros."), ("high.md", 0.9, "Tickets cost 8 euros.")

    assert drawn("What do tickets cost?", low, high)[1] == [("high.md", 21)]


def test_row_is_read_with_the_titles_of_its_columns():
    table = """| who | day | evening |
|---|---|---|
| Adult | 4 euros | 11 euros |
| Child | 2 euros | |
"""

    assert drawn("What does an adult pay in the evening?", ("prices.md", 0.5, table))[0] == (
        "Adult: day 4 euros, evening 11 euros"
    )
    assert drawn("What does a child pay by day?", ("prices.md", 0.5, table))[0] == (
        "Child: day 2 euros"
    )
    assert (
        drawn("who, day or evening?", ("prices.md", 0.5, table), sentences=9)[0].count("who") == 0
    )


def test_paragraph_that_was_broken_for_its_width_is_joined():
    text = "The dome is opened when the sky is\nclear and *calm*.\n- Dogs stay\n  in the garden."

    assert drawn("When is the dome opened?", ("x.md", 0.5, text))[0] == (
        "The dome is opened when the sky is clear and calm ."
    )
    assert drawn("Where do dogs stay?", ("x.md", 0.5, text))[0] == "Dogs stay in the garden ."


def test_sentence_of_two_overlapping_passages_is_quoted_once():
    one = ("x.md", 0.5, "The dome is opened at nine.")
    both = ("x.md", 0.4, "The dome is opened at nine. Bring a coat.")

    assert drawn("When is the dome opened?", one, both, sentences=3)[0].count("nine") == 1


def test_best_quotes_are_the_answer_and_not_their_neighbours():
    one = ("one.md", 0.5, "The dome is opened at nine. It is cold. Wear a hat. Wear gloves.")
    two = ("two.md", 0.4, "The dome is opened by hand.")

    said, cited = drawn("When is the dome opened?", one, two, sentences=3)

    assert said == "The dome is opened at nine . The dome is opened by hand ."
    assert cited == [("one.md", 27), ("two.md", 56)]


def test_sentence_of_two_files_is_quoted_once_and_both_are_cited():
    one, two = (
        ("a.md", 0.5, "# A\n\nThe dome is opened at nine."),
        ("b.md", 0.4, "The dome is opened at nine."),
    )

    said, cited = drawn("When is the dome opened?", one, two, sentences=3)

    assert said == "The dome is opened at nine ."
    assert [name for name, _ in cited] == ["a.md", "b.md"]


def test_sentence_that_was_cut_off_is_quoted_whole():
    one = ("x.md", 0.5, "It is cold. The dome is opened when the sky")
    two = ("x.md", 0.4, "The dome is opened when the sky is clear. It is cold.")

    assert drawn("When is the dome opened?", one, two)[0] == (
        "The dome is opened when the sky is clear ."
    )


def test_announcement_brings_along_what_it_announces():
    text = "# Dome\n\nThe code that opens the dome is:\n\n- 4471\n- It is cold inside."

    asked = "Which code opens the dome?"
    code = "The code that opens the dome is:\n4471"
    assert drawn(asked, ("x.md", 0.5, text), sentences=1)[0] == code
    assert drawn(asked, ("x.md", 0.5, text), sentences=2)[0] == f"{code}\nIt is cold inside ."


def test_what_is_announced_brings_its_lead_along():
    text = "# Dome\n\nTo restart the motor, run:\n\n```\nsudo dome --restart\n```\n\nIt is cold."

    assert drawn("How is the dome restarted with sudo?", ("x.md", 0.5, text), sentences=1)[0] == (
        "To restart the motor, run:\nsudo dome --restart"
    )


@pytest.mark.parametrize("question", ["", "???", "Is it the?", "Who won the chess championship?"])
def test_nothing_that_is_asked_is_declined(question):
    assert drawn(question, ("x.md", 0.9, "The dome is opened at nine.")) == (DECLINED, [])
    assert drawn(question) == (DECLINED, [])


def test_length_cuts_citations_too(client, store_id):
    whole = ask(client, store_id, "When is it closed, and how old is the Lantern telescope?")
    cut = ask(
        client,
        store_id,
        "When is it closed, and how old is the Lantern telescope?",
        max_output_tokens=16,
    )

    assert whole.output_text.startswith(cut.output_text)
    notes = cut.output[1].content[0].annotations
    assert len(notes) < len(whole.output[1].content[0].annotations)
    assert all(note.index <= len(cut.output_text) for note in notes)


def test_citation_beyond_the_length_is_left_out():
    result = {"file_id": "f", "filename": "x.md", "score": 0.9, "text": "The dome opens at nine."}
    ask = Prompt([Message("user", "When does the dome open?")])

    def search(queries):
        return SearchOutcome(queries, [result])

    whole = answer(ask, Corpus([]), search=search)
    cut = answer(replace(ask, max_tokens=3), Corpus([]), search=search)

    assert [each.index for each in whole.citations] == [len(whole.text) - 1]
    assert (cut.text, cut.citations, cut.finish) == ("The dome opens", [], "length")


def test_rare_word_counts_more_than_a_common_one():
    text = "The telescope is white. The telescope is old. The telescope is big. A lamp is there."

    assert drawn("telescope lamp", ("x.md", 0.5, text))[0] == "A lamp is there ."


@pytest.mark.parametrize(
    "question",
    [
        "when" + " " * 50_000 + "is the dome open",
        "When is the dome open? " * 5_000,
        "Dome " * 20_000,
        "9" * 5_000,
    ],
)
def test_long_question_is_answered_in_no_time(question):
    text = "The dome is open on Friday. The shop is shut."

    with computes_at_once():
        assert drawn(question, ("hours.md", 0.9, text))[0]


@given(st.integers(1, 5), st.integers(1, 5))
def test_row_of_a_table_that_a_passage_begins_within_is_there_once(first, second):
    rows = [f"| guide {n} | {n} euros |\n" for n in range(6)]
    table = ["| who | by day |\n", "|---|---|\n", *rows]
    passages = ["".join(table[start:]) for start in (0, first, first + second)]

    found = everything_in([{"filename": "prices.md", "text": text} for text in passages])
    assert [quote.text for quote in found] == [f"guide {n}: by day {n} euros" for n in range(6)]
