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
