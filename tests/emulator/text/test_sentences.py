"""Sentences: what belongs together stays together, and nothing of the text is lost."""

from emulator.text.sentences import LONGEST, clauses, sentences, spoken_pieces
from tests.support.computing_time import computes_at_once

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

STICKY = """12.50 euros|3.11|e.g. 20|approx. Five|No. 5|p. 12|Fig. 3|Jan. 3|J. R. R. Tolkien
    |Dr. Miller|www.a.b/c.html|setup.py|a.m. Monday|U.S. Army|Acme Inc. Stores|wait... then
    |"Go. Run." he said|`a. B`|“Go home! Now.” he said|vs. Rome|i.e. Mars|10:30|3.5 %|rows[1]
    |f(x. y)|1,000.5|St. Mary's"""
STICKY = [part.strip() for part in STICKY.split("|")]
SENTENCES = st.builds(
    "{} {} {}{} ".format,
    st.sampled_from(["Look at", "“Go,” says", "The dome costs", "In 2026"]),
    st.lists(st.sampled_from(STICKY), min_size=1, max_size=4).map(" and ".join),
    st.sampled_from(["today", "(you know)", "at *once*", "with a [hat]", "at 7"]),
    st.sampled_from([".", "!", "?!", "...", "…", '."', ".)", ".**", ".\n", "\n\n"]),
)


@given(st.lists(SENTENCES, max_size=6))
@settings(deadline=None)
def test_what_belongs_together_is_not_parted(pieces):
    assert sentences("".join(pieces)) == pieces


@given(st.text(st.sampled_from("aB1 .。」,!?\n\"“”`') e\u00a0…;*"), max_size=400) | st.text())
@settings(deadline=None)
def test_sentences_give_the_text_back(text):
    assert "".join(sentences(text)) == text
    assert all(sentences(text))


@given(st.text(st.sampled_from("aB1 .,!?\n\"')e\u00a0…;*"), max_size=400) | st.text(max_size=300))
@settings(deadline=None)
def test_spoken_pieces_give_the_text_back(text):
    pieces = spoken_pieces(text)

    assert "".join(pieces) == text
    assert all(0 < len(piece) <= LONGEST for piece in pieces)


@pytest.mark.parametrize(
    "pieces",
    [
        ["It costs €20.50. ", "Dr. Miller comes at 9 a.m. on Fridays, e.g. today. ", "Bye!"],
        ['"Really?" he asked. ', "Yes (we do). ", "On Mt. Etna, St. Mary's and in the U.S. it is."],
        ["Look up… ", "There! ", "**Bold.** ", "Done"],
        ["The answer is no. ", "Room No. 5 is shut. ", "J. K. Smith has the key."],
        ["1. Bring a coat. ", "2. Bring tea.\n", "- a dog\n\n", "- a cat"],
        ["It was built in 1912. ", "It is old."],
        ["On clear nights it opens. ", "(Quoted from hours.md.)"],
        ["It opens at 9 p.m. ", "Dogs may come. ", "By Acme Inc. ", "The dome is new."],
        ["今日は休みです。", "「はい。そうです。」と言った。", "明日は？ ", "Yes."],
        ["He wrote: “It is so. It was so.” ", "Then he left. ", '"Is it?" ', '"It is."'],
    ],
)
def test_sentence_ends_where_a_reader_stops(pieces):
    assert sentences("".join(pieces)) == spoken_pieces("".join(pieces)) == pieces


def test_long_sentence_is_cut_at_commas():
    text = "The telescope, the reading room and the garden are open, " * 6
    pieces = spoken_pieces(text)

    assert len(pieces) == 2
    assert all(piece.endswith(", ") for piece in pieces)


@pytest.mark.parametrize(
    "part", [".", ". a", '."', '"', "“", "`a", "\n ", ". ", "a. Dr. ", ".*", "。"]
)
def test_many_stops_and_quotation_marks_take_no_time(part):
    text = part * 50_000 + "x"  # minutes, if each of them were tried with all that follow

    assert "".join(spoken_pieces(text)) == text


def test_many_blanks_between_clauses_take_no_time():
    text = "a" + " " * 50_000 + "b"

    with computes_at_once():
        assert list(clauses(text)) == [(0, len(text))]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "the weather in Paris, and then the time in Rome.",
            ["the weather in Paris", "the time in Rome."],
        ),
        ("Book two. For 3.5 hours; also tea", ["Book two", "For 3.5 hours", "also tea"]),
        ("milk plus bread", ["milk", "bread"]),
        ("", []),
    ],
)
def test_clause_is_about_one_thing(text, parts):
    assert [text[start:end] for start, end in clauses(text)] == parts
