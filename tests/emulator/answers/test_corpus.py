"""What can be quoted: the sentences of Markdown, and how a question ranks them."""

from emulator.answers.answer import Message, Prompt
from emulator.answers.corpus import Corpus, read_corpus, sentences
from emulator.answers.reply import answer

CORPUS = read_corpus()


def test_every_sentence_is_found_by_its_own_words():
    for sentence in CORPUS.sentences:
        best = CORPUS.rank(sentence.text)[0][0]
        ties = [place for score, place in CORPUS.rank(sentence.text) if score >= best - 1e-9]
        assert sentence in [CORPUS.sentences[place] for place in ties]


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


HOUSE = """# House

The tower has a lamp. Nobody climbs it. Ropes hang there.

## Garden

Bees live here. Apples grow here.
"""


def small(text=HOUSE):
    return Corpus(list(sentences(text, "house.md")))


def test_word_counts_by_where_it_stands():
    assert small().rank("lamp") == [(1.0, 0), (0.35, 1)]
    assert small().rank("garden") == [(0.7, 3), (0.7, 4)]
    assert small().rank("the zebra") == small().rank("") == []


def test_word_that_nobody_uses_counts_little():
    [(score, place), *_] = small().rank("lamp zebra")

    assert place == 0 and 0.8 < score < 0.9


def test_text_goes_on_in_its_section_then_beyond():
    assert list(dict.fromkeys(small().onward(1))) == [2, 0, 3, 4]
    assert list(small().onward(4)) == [3]


def test_statements_of_instructions_are_quoted_and_read_once():
    corpus = small()
    shut = corpus.with_statements(["Be brief. The tower is shut today."])

    assert shut.sentences[0].text == "The tower is shut today."
    assert len(shut.sentences) == len(corpus.sentences) + 1
    assert corpus.with_statements(["Be brief. The tower is shut today."]) is shut
    assert (
        corpus.with_statements(["The lamp is dark today."]).sentences[0].text
        == "The lamp is dark today."
    )
    assert corpus.with_statements(["Be brief."]) is corpus


def test_sentence_may_begin_with_a_number():
    assert [s.text for s in small("It opens at nine. 20 people may come.").sentences] == [
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
