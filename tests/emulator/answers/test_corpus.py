"""What can be quoted without file search: which sentences, and which of them answer a question."""

from emulator.answers.answer import Message, Prompt
from emulator.answers.corpus import Corpus, read_corpus
from emulator.answers.reply import answer

CORPUS = read_corpus()


def test_every_sentence_is_found_by_its_own_words():
    for sentence in CORPUS.sentences:
        ranked = CORPUS.rank(sentence.text)
        ties = [place for score, place in ranked if score >= ranked[0][0] - 1e-9]
        assert sentence in [CORPUS.sentences[place] for place in ties]


def test_sentences_leave_out_code_and_tables():
    prose = "# A\n\nOne is here. Two is (too).\n"
    text = prose + "\n```\nNot this one\n```\n\n| not | this |\n|---|---|\n| one | here |\n\n"

    found = [(s.text, s.headings) for s in small(text + "## B\n- It is `three`.").sentences]

    assert found == [
        ("One is here.", ("A",)),
        ("Two is (too).", ("A",)),
        ("It is three.", ("A", "B")),
    ]


def test_empty_corpus_still_answers():
    assert "couldn't find" in answer(Prompt([Message("user", "dome")]), Corpus([])).text


def test_question_is_searched_once(monkeypatch):
    corpus, searched = small("# House\n\nThe tower has a lamp. Nobody climbs it."), []
    index = corpus._index
    search = index.search
    monkeypatch.setattr(index, "search", lambda *a, **b: searched.append(a) or search(*a, **b))

    found = [corpus.answering("And who goes up?", 3) for _ in range(3)]
    assert found[0] == found[1] == found[2]
    assert len(searched) == 1
    corpus.answering("And who comes down?", 3)
    assert len(searched) == 2


HOUSE = """# House

The tower has a lamp. Nobody climbs it. Ropes hang there.

## Garden

Bees live here. Apples grow here.
"""


def small(text=HOUSE):
    return Corpus([("house.md", text)])


def texts(quotes):
    return [quote.text for quote in quotes]


def test_word_counts_by_where_it_stands():
    assert small().rank("lamp") == [(1.0, 0), (0.35, 1)]
    assert small().rank("garden") == [(0.7, 3), (0.7, 4)]
    assert small().rank("the zebra") == small().rank("") == []


def test_word_that_nobody_uses_counts_little():
    [(score, place), *_] = small().rank("lamp zebra")

    assert place == 0 and 0.8 < score < 0.9


def test_text_goes_on_in_its_section_then_beyond():
    assert texts(small().answering("tower lamp", 9)) == texts(small().sentences)
    assert texts(small().answering("Bees live", 3)) == ["Bees live here.", "Apples grow here."]


def test_sentence_may_begin_with_a_number():
    assert texts(small("It opens at nine. 20 people may come.").sentences) == [
        "It opens at nine.",
        "20 people may come.",
    ]


def test_third_of_an_answer_comes_from_elsewhere():
    owls = "# One\n\nOwls hunt here. It is one. It is two. It is three.\n"
    corpus = small(owls + "# Two\n\nOwls sleep there.\n# Three\n\nOwls sing there.\n")
    ask = Prompt([Message("user", "owls")], sentences=4, names_sources=False)

    said = answer(ask, corpus).text
    other = answer(ask, corpus, variant=1).text

    assert said == "Owls hunt here. It is one. It is two. Owls sing there."
    assert other.startswith("Owls sing there.")


def test_other_words_than_the_text_has_find_the_answer():
    """Only the sentence encoder knows that a puppy is a dog."""
    assert texts(CORPUS.answering("Is my puppy allowed inside the dome?", 1)) == [
        "Dogs may come into the garden and the Kettle, but not into the dome."
    ]


def test_common_word_alone_settles_nothing():
    """ "Time" stands in a sentence that says "at the time of writing"."""
    assert not any("gloves" in text for text in texts(CORPUS.answering("What time is it?", 3)))


def test_question_for_one_thing_gets_no_neighbours():
    text = "# Visit\n\nDogs may come into the garden. Photographs are welcome. The path is steep."
    dogs = Corpus([("visit.md", text)])

    asked = [quote.text for quote in dogs.answering("May I bring dogs into the garden?", 3)]
    told = [quote.text for quote in dogs.answering("What about dogs in the garden?", 3)]
    assert asked == ["Dogs may come into the garden."]
    assert len(told) == 3


def test_quote_that_leans_brings_what_it_leans_on():
    text = "# Sky\n\nThe Lantern is a mirror telescope. It shows galaxies and star clusters."
    sky = Corpus([("sky.md", text)])

    found = [
        quote.text for quote in sky.answering("Which telescope shows galaxies and clusters?", 3)
    ]
    assert found == ["The Lantern is a mirror telescope.", "It shows galaxies and star clusters."]
