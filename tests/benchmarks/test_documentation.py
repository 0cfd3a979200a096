"""The questions to public documentation are complete, and an answer is judged by what it says."""

from collections import Counter

from benchmarks import answers, documentation, file_search
from emulator.answers.cited import DECLINED
from emulator.server import Emulator

import pytest
from hypothesis import given
from hypothesis import strategies as st

BUS = {"question": "When does the last bus leave?", "file": "bus.md", "fact": "23:10", "id": "b"}
MOON = {"question": "Who won the World Cup in 1998?", "file": None, "fact": None, "id": "m"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "bus.md").write_text("# Bus\n\nThe last bus leaves\nat 23:10.\n", encoding="utf-8")
    (tmp_path / "cafe").mkdir()
    (tmp_path / "cafe" / "tea.md").write_text("The café sells tea.\n", encoding="utf-8")
    (tmp_path / "logo.svg").write_text("<svg/>", encoding="utf-8")
    return tmp_path


def test_folders_have_twenty_and_ten_questions():
    lines = file_search.read_lines(documentation.QUESTIONS)
    folders = [line for line in lines if "repository" in line]
    questions = [line for line in lines if "question" in line]
    counts = Counter((each["name"], file_search.is_answerable(each)) for each in questions)

    assert [each["name"] for each in folders if not each["fitted"]] == ["anki"]
    assert counts == {(e["name"], a): n for e in folders for a, n in ((True, 20), (False, 10))}
    assert len({each["id"] for each in questions}) == len(questions)
    assert all(len(each["commit"]) == 40 and each["licence"] for each in folders)


def test_facts_of_follow_ups_stand_in_handbook():
    handbook = dict(answers.documents())
    dialogues = file_search.read_lines(answers.FOLLOW_UPS)

    documentation.check(handbook, dialogues)
    assert all(each["first"] for each in dialogues)


def test_every_question_is_asked_and_searched(folder):
    documents = dict(documentation.markdown(folder))
    with Emulator() as emulator, file_search.connect(emulator) as client:
        store_id = file_search.fill(client, "folder", documents.items())
        asked = file_search.ask(client, store_id, BUS)
        searched = documentation.search(client, store_id, BUS)
        second = file_search.ask(client, store_id, BUS, previous=asked.response_id)

    assert set(documents) == {"bus.md", "cafe/tea.md"}
    assert (asked.is_right, second.is_right) == (True, True)
    assert asked.cited <= set(documents)
    assert (searched.is_first, searched.is_found) == (True, True)
    assert 0 < searched.score <= 1


def test_file_that_cannot_be_read_is_an_error():
    with Emulator() as emulator, file_search.connect(emulator) as client:
        with pytest.raises(ValueError, match="1 of 1 files"):
            file_search.fill(client, "folder", [("broken.pdf", b"%PDF-1.7 broken")])


@pytest.mark.parametrize(
    ("question", "text", "cited", "is_right"),
    [
        (BUS, "It leaves\nat 23:10 .", {"bus.md"}, True),
        (BUS, "It leaves at _23:10_.", {"bus.md"}, True),
        (BUS, "It leaves at 23:10.", {"tea.md"}, False),
        (BUS, "It leaves at 23:100.", {"bus.md"}, False),
        (BUS, DECLINED, set(), False),
        (MOON, DECLINED, set(), True),
        (MOON, f"{DECLINED} The last bus leaves at 23:10.", {"bus.md"}, False),
    ],
)
def test_answer_is_right_by_fact_and_file(question, text, cited, is_right, capsys):
    asked = file_search.AskedQuestion(question, text, frozenset(cited), "resp_1", 0.1)
    file_search.show_wrong(asked)

    assert asked.is_right is is_right
    assert bool(capsys.readouterr().out) is not is_right


@given(st.integers(0, 999), st.integers(0, 999))
def test_fact_is_found_as_whole_words(told, fact):
    assert file_search.has_words(f"It costs {told} euros.", f"{fact}\neuros") is (told == fact)


def test_folder_of_another_commit_is_refused(folder):
    with pytest.raises(ValueError, match=r"bus\.md doesn't have the fact of question b"):
        documentation.check({"bus.md": b"The last bus leaves at 22:50."}, [BUS])


def test_table_has_both_kinds_of_questions():
    asked = [
        file_search.AskedQuestion(each, DECLINED, frozenset(), "resp_1", seconds)
        for each, seconds in ((BUS, 0.1), (MOON, 0.3))
    ]
    searched = [documentation.SearchedQuestion(each, ["bus.md"], 0.5) for each in (BUS, MOON)]
    columns = documentation.table("folder", asked, searched).columns

    cells = [list(column.cells) for column in columns]
    assert dict(zip(cells[0], cells[2], strict=True))["declined"] == "1/1 (100%)"
    assert dict(zip(cells[0], cells[1], strict=True))["file first"] == "1/1 (100%)"
