"""The handbook and the questions about it: sizes, formats, editions, answers that stand there."""

import json
import re
from functools import cache
from html.parser import HTMLParser
from itertools import groupby

from tests.support import lessons

import pytest

DATA = lessons.COURSE / "data"
HANDBOOK = DATA / "handbook"
FILES = sorted(path for path in HANDBOOK.rglob("*") if path.is_file())
LEAFLETS = ["about-the-observatory.md", "evening-programme.md", "hours-and-prices.md"]
LINES = (DATA / "questions.jsonl").read_text(encoding="utf-8").splitlines()
QUESTIONS = [json.loads(line) for line in LINES]
ANSWERED = [question for question in QUESTIONS if question["file"]]
UNANSWERED = [question for question in QUESTIONS if not question["file"]]
HARD = [question for question in ANSWERED if question["hard"]]
MANUAL = "house/dome-manual.pdf"

STOP_WORDS = frozenset(
    """a about after again all also am an and another any anybody anyone anything are as at be
    because been before being but by can cannot could d did do does doing don down during each else
    ever every few for from get gets give go goes had has have having he her here hers him his how i
    if in into is it its just let like ll long m made make makes many may me might mine more most
    much must my need no nor not now of off on once only or other our ours out over own per please
    re s she should so some somebody someone something still such t take than that the their them
    then there these they thing things this those through to too under until up us ve very want was
    we were what when where whether which while who whoever whom whose why will with without would
    you your yours""".split()
)

# What the editions disagree on: the file, the words of 2025, and the words of 2026.
DIFFERENCES = [
    ("visitor-rules.md", "Children under 10 come", "Children under 8 come"),
    ("visitor-rules.md", "from the age of 16", "from the age of 14"),
    ("visitor-rules.md", "a deposit of 10 euros", "a deposit of 5 euros"),
    ("visitor-rules.md", "Dogs may not come onto the grounds", "Dogs may come into the garden"),
    ("visitor-rules.md", "Photography is not allowed in the dome", "Photographs are welcome"),
    ("visitor-rules.md", "Parking costs 3 euros", "There is no charge for parking"),
    ("visitor-rules.md", "Drones may fly by day", "Drones are forbidden"),
    ("visitor-rules.md", "kept for six weeks", "kept for three months"),
    ("visitor-rules.md", "behind the oil store", "the iron bucket outside the gate"),
    ("prices-and-booking.html", "closed on Mondays and Tuesdays", "closed on Mondays."),
    ("prices-and-booking.html", "on Thursdays and Saturdays", "Wednesdays, Fridays and Saturdays"),
    ("prices-and-booking.html", "13:00 to 17:00", "14:00 to 17:30"),
    ("prices-and-booking.html", "grown-ups 3 euros 9 euros", "grown-ups 4 euros 11 euros"),
    ("prices-and-booking.html", "at most thirty-six visitors", "at most forty-five visitors"),
    ("prices-and-booking.html", "until 18:00 on the day before", "until noon of the same day"),
    ("prices-and-booking.html", "above 50 kilometres", "above 60 kilometres"),
    ("prices-and-booking.html", "within six months", "within a year"),
]

# What holds today, in the words that the leaflets and the edition of 2026 have in common.
TODAY = [
    ("about-the-observatory.md", "Children under 8 come with a grown-up who stays beside them"),
    ("about-the-observatory.md", "against a deposit of 5 euros"),
    ("about-the-observatory.md", "There is no charge for parking"),
    ("about-the-observatory.md", "Dogs may come into the garden and the Kettle"),
    ("about-the-observatory.md", "no flash and no screen brighter than the sky"),
    ("about-the-observatory.md", "is kept for three months in the blue chest"),
    ("hours-and-prices.md", "14:00 to 17:30"),
    ("hours-and-prices.md", "Wednesdays, Fridays and Saturdays"),
    ("hours-and-prices.md", "until noon of the same day"),
    ("hours-and-prices.md", "at most forty-five visitors"),
    ("hours-and-prices.md", "above 60 kilometres an hour"),
    ("hours-and-prices.md", "may come again free of charge within a year"),
]

# An answer that needs two files: its fact, the other file, and what that one adds.
TWO_FILES = [
    ("13 euros", "visit/camping-field.md", "printed in the price list under the codes C1 and C2"),
    ("1.80 euros", "visit/shuttle-timetable.json", "The fare is listed under code S1"),
    ("18 euros", "visit/photography-nights.md", "is printed in the price list under P2"),
    ("7.90 euros", "visit/camping-field.md", "its price stands on the menu"),
    ("2.20 euros", "sky/sky-month-by-month.txt", "nobody may look up without eclipse glasses"),
    ("drawer C", MANUAL, "lies where the inventory says"),
    ("channel 7", MANUAL, "the lamplighters' guide gives for the call sign Prism"),
    ("5.2 kilograms", "visit/photography-nights.md", "the counterweight with the red band"),
    ("art school of Dunmere", "visit/accessibility.md", "The tactile Moon is 50 centimetres wide"),
]


class VisibleText(HTMLParser):
    """What a page says, without its tags, styles and scripts."""

    def __init__(self):
        super().__init__()
        self.said, self._tag = [], ""

    def handle_starttag(self, tag, attrs):
        self._tag = tag

    def handle_endtag(self, tag):
        self._tag = ""

    def handle_data(self, data):
        if self._tag not in ("style", "script"):
            self.said.append(data)


def leaves(value):
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [leaf for one in inner for leaf in leaves(one)]
    return [str(value)]


def words_of_page(path):
    page = VisibleText()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    return " ".join(page.said)


def words_of_pdf(path):
    pypdfium2 = pytest.importorskip("pypdfium2")
    with pypdfium2.PdfDocument(path) as pages:
        return "\n".join(page.get_textpage().get_text_range() for page in pages)


@cache
def words_of(name):
    path = HANDBOOK / name
    if path.suffix == ".pdf":
        text = words_of_pdf(path)
    elif path.suffix == ".html":
        text = words_of_page(path)
    elif path.suffix == ".json":
        text = " ".join(leaves(json.loads(path.read_text(encoding="utf-8"))))
    else:
        text = path.read_text(encoding="utf-8")
    return " ".join(text.split())


def singular(word):
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch")):
        if word.endswith(ending):
            return word.removesuffix(ending) + instead
    return word.removesuffix("s") if len(word) > 2 and not word.endswith("ss") else word


def content_words(text):
    found = re.findall(r"[^\W_]+", text.lower())
    return {singular(word) for word in found if word not in STOP_WORDS}


def is_a_third(held, of):
    return abs(len(held) - len(of) / 3) <= 1.5


def test_the_handbook_has_twelve_to_twenty_documents_in_five_formats():
    assert 12 <= len(FILES) <= 20
    assert {path.suffix for path in FILES} == {".md", ".txt", ".html", ".json", ".pdf"}
    assert [path.name for path in FILES if path.parent == HANDBOOK] == LEAFLETS


def test_the_handbook_holds_100_to_200_kilobytes_of_text():
    texts = [path for path in FILES if path.suffix != ".pdf"] + [DATA / "dome-manual.txt"]
    assert 100_000 <= sum(path.stat().st_size for path in texts) <= 200_000


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix == ".html"], ids=lambda p: p.name)
def test_a_page_is_whole(path):
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert all(f"<{tag}>" in page for tag in ("head", "nav", "table", "main", "footer"))


def test_the_pdf_says_what_its_source_says():
    said = re.sub(r" Fernhill Observatory, document D-7, page \d", "", words_of(MANUAL))
    source = (DATA / "dome-manual.txt").read_text(encoding="utf-8")
    assert said == " ".join(re.sub("^# ", "", source, flags=re.MULTILINE).split())


@pytest.mark.parametrize("year", ["2025", "2026"])
def test_an_edition_says_which_year_it_is_for(year):
    for path in (HANDBOOK / f"edition-{year}").iterdir():
        assert f"for the year {year}" in words_of(path.relative_to(HANDBOOK))


@pytest.mark.parametrize(("name", "then", "now"), DIFFERENCES)
def test_the_editions_contradict_each_other(name, then, now):
    old, new = words_of(f"edition-2025/{name}"), words_of(f"edition-2026/{name}")
    assert then in old and then not in new
    assert now in new and now not in old


@pytest.mark.parametrize(("leaflet", "words"), TODAY)
def test_the_edition_of_today_agrees_with_the_leaflets(leaflet, words):
    names = ("visitor-rules.md", "prices-and-booking.html")
    assert words in words_of(leaflet)
    assert any(words in words_of(f"edition-2026/{name}") for name in names)
    assert not any(words in words_of(f"edition-2025/{name}") for name in names)


def test_questions_are_numbered_and_none_is_asked_twice():
    for letter in "qn":
        numbers = [question["id"] for question in QUESTIONS if question["id"].startswith(letter)]
        assert numbers == [f"{letter}{number:03}" for number in range(1, len(numbers) + 1)]
    assert len({question["question"] for question in QUESTIONS}) == len(QUESTIONS)


def test_there_are_enough_questions_and_every_document_is_asked_about():
    assert len(ANSWERED) >= 72
    assert len(UNANSWERED) == 16
    names = {path.relative_to(HANDBOOK).as_posix() for path in FILES}
    assert {question["file"] for question in ANSWERED} == names
    assert {name for question in ANSWERED for name in question["also"]} <= names


@pytest.mark.parametrize("question", ANSWERED, ids=lambda question: question["id"])
def test_the_passage_stands_in_its_file_and_the_fact_in_the_passage(question):
    assert 10 <= len(question["passage"]) <= 200
    assert question["fact"] in question["passage"]
    assert question["passage"] in words_of(question["file"])
    assert question["file"] not in question["also"]


@pytest.mark.parametrize("question", HARD, ids=lambda question: question["id"])
def test_a_hard_question_shares_no_content_word_with_its_passage(question):
    assert not content_words(question["question"]) & content_words(question["passage"])


def test_at_least_half_are_hard_and_the_others_share_a_word():
    assert 2 * len(HARD) >= len(ANSWERED)
    ordinary = [question for question in ANSWERED if not question["hard"]]
    assert all(content_words(q["question"]) & content_words(q["passage"]) for q in ordinary)


def test_a_question_about_an_edition_says_the_year_or_means_now():
    for question in ANSWERED:
        if question["file"].startswith("edition-2025"):
            assert question["edition"] == "2025" and "2025" in question["question"]
        else:
            assert question["edition"] in (None, "2026") and "2025" not in question["question"]


def test_a_third_is_held_out_of_each_kind_and_each_document():
    for hard in (True, False):
        kind = [question for question in ANSWERED if question["hard"] == hard]
        assert is_a_third([question for question in kind if question["held_out"]], kind)
    for _, group in groupby(sorted(ANSWERED, key=lambda q: q["file"]), lambda q: q["file"]):
        asked = list(group)
        assert is_a_third([question for question in asked if question["held_out"]], asked)
    assert sum(question["held_out"] for question in UNANSWERED) == 6


@pytest.mark.parametrize(("fact", "other", "words"), TWO_FILES)
def test_some_answers_need_two_files(fact, other, words):
    [question] = [q for q in ANSWERED if q["fact"] == fact and other in q["also"]]
    assert words in words_of(other) and words not in words_of(question["file"])


def test_the_unanswerable_questions_have_nothing_to_quote():
    assert all(question["passage"] is question["fact"] is None for question in UNANSWERED)
    names = [path.relative_to(HANDBOOK) for path in FILES if path.suffix != ".pdf"]
    told = " ".join([*map(words_of, names), (DATA / "dome-manual.txt").read_text("utf-8")]).lower()
    strange = ("e-mail", "pensioner", "japan", "playground", "toddler", "internship", "ashes")
    assert not [word for word in strange if re.search(rf"\b{word}", told)]
