"""The question as it is understood: what it is without its trimmings, and that it is read once."""

from emulator.answers import question as question_module
from emulator.answers import tools
from emulator.answers.answer import Message, Prompt, Tool
from emulator.answers.corpus import Corpus, read_corpus
from emulator.answers.question import leans, understand
from emulator.answers.reply import answer
from tests.support.computing_time import computes_at_once

import pytest

CORPUS = read_corpus()
SHAPE = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool("get_weather", "The weather in a city.", CITY)


def asked(*texts, **options):
    return Prompt([Message("user", text) for text in texts], **options)


class CountingCorpus(Corpus):
    """The corpus, with the questions that it has ranked."""

    def __init__(self):
        super().__init__([("house.md", "The observatory is closed on Mondays. The dome is old.")])
        self.questions = []

    def rank(self, question):
        self.questions.append(question)
        return super().rank(question)


def test_trimmings_are_taken_off():
    prompt = asked("Hello! In two sentences, may I bring my dog? Thank you.", sentences=5)
    question = understand(prompt, CORPUS)

    assert question.bare.split() == "In , may I bring my dog?".split()
    assert (question.sentences, question.small_talk, question.exact_reply) == (2, [], None)
    assert question.text == prompt.questions[0]


def test_brevity_is_read_from_instructions_then_from_the_setting():
    instructed = Prompt([Message("system", "Use one sentence."), Message("user", "Why?")])

    assert understand(instructed, CORPUS).sentences == 1
    assert understand(asked("Why?", sentences=5), CORPUS).sentences == 5


def test_brevity_is_no_word_of_the_question():
    plain, brief = (
        understand(asked(text), CORPUS)
        for text in ("What is the Lantern?", "In two sentences, what is the Lantern?")
    )

    assert plain.ranked == brief.ranked
    assert plain.best_sentence(plain.text) == brief.best_sentence(brief.text) != ""


def test_question_before_counts_unless_it_is_small_talk():
    price = "What do children pay?"

    assert understand(asked(price, "Thanks!", "And why?"), CORPUS).before == price
    assert understand(asked("In two sentences, why now?", "And when?"), CORPUS).before
    assert understand(asked(price, "Hello, and why?"), CORPUS).before == ""
    assert understand(asked(price, "And why?", "And when?"), CORPUS).before == f"{price} And why?"
    assert understand(asked(), CORPUS).text == ""


def found(*questions):
    return [quote.text for quote in understand(asked(*questions), CORPUS).answering()]


def test_question_that_says_enough_alone_does_not_lean():
    assert found("What is the Lantern?", "May I bring my dog?") == found("May I bring my dog?")
    assert found("What is the Lantern?", "Why?") == found("What is the Lantern?")
    assert found("Why?") == []


def test_file_search_is_given_the_words_that_a_question_leans_on():
    leaning = understand(asked("What is the Lantern?", "Where does it stand?"), CORPUS)
    alone = understand(asked("What is the Lantern?", "May I bring my dog?"), CORPUS)

    assert leaning.searched == "Where does it stand lantern?"
    assert alone.searched == "May I bring my dog?"


@pytest.mark.parametrize(
    "leaning", ["Where does it stand?", "And where does it stand?", "But since when is it here?"]
)
def test_question_that_refers_to_the_one_before_is_read_with_it(leaning):
    """Alone each of these finds something else, and that would be the wrong answer."""
    together = found("What is the Lantern?", leaning)

    assert "Lantern" in " ".join(together)
    assert found(leaning)[:1] != together[:1]


@pytest.mark.parametrize(
    ("first", "then", "fact"),
    [
        ("When does the last bus leave?", "Sorry, what time was that?", "23:10"),
        ("How much is an evening ticket for a child?", "And for a grown-up?", "11 euros"),
        ("Who discovered the comet?", "When was that?", "3 March 1936"),
        ("How long does the path from the village take on foot?", "Is it lit?", "not lit"),
    ],
)
def test_follow_up_is_understood_from_the_question_before(first, then, fact):
    assert fact in " ".join(found(first, then))


@pytest.mark.parametrize(
    "question",
    [
        "Is there a lift to the dome?",
        "Are there any seats in the lecture room?",
        "May I bring that old telescope which my aunt gave me?",
        "My granddad lost his dentures in the reading room. Were they handed in?",
    ],
)
def test_question_with_its_own_subject_does_not_lean(question):
    assert not leans(question)


def test_what_the_instructions_state_comes_before_the_corpus():
    passages = "Answer from these passages.\n\nVisitors may bring a dog into the swamp."
    prompt = Prompt([Message("system", passages), Message("user", "May I bring my dog?")])

    text = "".join(answer(prompt, CORPUS).pieces)

    assert text.startswith("Visitors may bring a dog into the swamp.")
    assert "garden" not in text


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"effort": "high"},
        {"effort": "high", "tools": [WEATHER]},
        {"effort": "high", "tools": [WEATHER], "must_call": True},
        {"effort": "high", "tools": [WEATHER], "schema": SHAPE},
    ],
)
def test_nobody_ranks_the_words_of_a_greeting(options):
    corpus = CountingCorpus()
    text = "Hello! When is the observatory closed? Thank you."

    answer(asked(text, **options), corpus)

    assert corpus.questions.count("When is the observatory closed?") <= 2
    # A schema asks for its properties besides; nobody ranks the words of the greeting.
    assert not any("Hello" in question or "Thank" in question for question in corpus.questions)


@pytest.mark.parametrize("text", ["Thanks!", "Reply with exactly: pong"])
def test_what_needs_no_sentence_ranks_nothing(text):
    corpus = CountingCorpus()

    answer(asked(text, effort="high"), corpus)

    assert [question for question in corpus.questions if question] == []


def test_small_talk_is_looked_for_once_in_each_message(monkeypatch):
    read, find = [], question_module.find_small_talk
    monkeypatch.setattr(
        question_module, "find_small_talk", lambda line: read.append(line) or find(line)
    )

    answer(asked("What do children pay?", "Thanks!", "And why?", effort="high"), CORPUS)

    assert read == ["And why?", "Thanks!", "What do children pay?"]


@pytest.mark.parametrize(
    "text",
    [
        "What is the weather in Paris?",
        "What is the weather in Paris, and in Rome?",
        "Compare the weather in Paris, London and Rome.",
    ],
)
def test_schema_of_a_tool_is_filled_once_for_the_same_words(monkeypatch, text):
    filled, weighed, fill, fit = [], [], tools.fill, tools.fit
    monkeypatch.setattr(
        tools,
        "fill",
        lambda schema, sources: filled.append(sources.prompt) or fill(schema, sources),
    )
    monkeypatch.setattr(tools, "fit", lambda tool, words: weighed.append(words) or fit(tool, words))

    assert answer(asked(text, tools=[WEATHER]), CORPUS).calls

    assert len(filled) == len(set(filled))
    assert len(weighed) == len(set(weighed))


def test_many_prepositions_take_no_time():
    earlier = "When does the dome open for members? " * 500
    question = understand(asked(earlier, "and for " * 10_000), CORPUS)

    with computes_at_once():
        assert "members" not in question.words_before
