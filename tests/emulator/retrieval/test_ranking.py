"""Which chunk is first, how its score is to be read, and how often the right one is found."""

import itertools
from contextlib import closing

from benchmarks import retrieval
from emulator.retrieval.index import Ranking
from tests.support.search_index import TEXTS, filled

import pytest


@pytest.mark.parametrize(
    ("question", "file"),
    [
        ("When does the last bus leave?", "bus"),
        ("May I bring my puppy?", "dogs"),
        ("What does E15 mean?", "error"),
        ("47", "bus"),
    ],
)
def test_best_chunk_is_first(question, file):
    hits = filled().search(["vs"], [question])

    assert hits[0].file_id == file
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_unrelated_question_scores_low():
    index = filled()

    assert index.search(["vs"], ["When does the last bus leave the gate?"])[0].score > 0.5
    assert all(h.score < 0.3 for h in index.search(["vs"], ["Who painted the Mona Lisa?"]))


@pytest.mark.parametrize("question", ["Who are you?", "", "quadrillion zyzzyva"])
def test_question_without_evidence_finds_chunks_with_low_scores(question):
    hits = filled().search(["vs"], [question])

    assert len(hits) == len(TEXTS)
    assert all(hit.score < 0.3 for hit in hits)


def test_threshold_leaves_out_low_scores():
    index = filled()
    every = index.search(["vs"], ["When does the last bus leave?"])

    kept = index.search(["vs"], ["When does the last bus leave?"], ranking=Ranking(every[0].score))
    assert kept == every[:1]


@pytest.mark.parametrize("weights", [(1, 0), (0, 1), (0.5, 0.5), (3, 1)])
def test_weights_ask_for_rank_fusion(weights):
    hits = filled().search(["vs"], ["the last bus"], ranking=Ranking(0.0, *weights))

    assert hits[0].file_id == "bus"
    assert hits[0].score == pytest.approx(1)


def test_edition_of_the_year_is_first():
    rules = "# Visitor rules, edition {}\n\nBags larger than {} litres stay below."
    index = filled({str(year): rules.format(year, size) for year, size in ((2025, 30), (2026, 20))})

    asked = {"How large may a bag be?": "2026", "How large could a bag be in 2025?": "2025"}
    assert {q: index.search(["vs"], [q])[0].file_id for q in asked} == asked


@pytest.mark.parametrize(
    "question",
    ['"', "text:dogs", "dogs OR NOT", "dogs*", "NEAR(a b)", "(", "-", "^dogs", "{text} : x", "\0",
     "'; DROP TABLE search_chunks; --", "🦉", "天文", "", "the of and", "a" * 5000, "x " * 5000,
     "\ud800"],
)  # fmt: skip
def test_no_question_is_syntax(question):
    index = filled()

    for ranking in (Ranking(), Ranking(0.0, 1, 1)):
        assert all(0 <= hit.score <= 1 for hit in index.search(["vs"], [question], ranking=ranking))
    assert index.search(["vs"], ["dogs in the dome"])[0].file_id == "dogs"


@pytest.fixture(scope="module")
def places():
    """At which place each way to search finds the passages, for both sets of questions."""
    if not retrieval.QUESTIONS.exists():
        pytest.skip("the questions are missing")
    with closing(retrieval.in_memory()) as db:
        index = retrieval.handbook(db)
        return {
            is_held_out: {
                ranking: retrieval.ranks(asked, retrieval.searched(index, asked, ranking))
                for ranking in (
                    retrieval.REREAD,
                    retrieval.FUSION,
                    retrieval.WORDS,
                    retrieval.VECTORS,
                )
            }
            for is_held_out in (False, True)
            for asked in [retrieval.questions(is_held_out)]
        }


@pytest.mark.parametrize(
    ("is_held_out", "first", "fifth", "hard"),
    [(False, 0.59, 0.80, 0.43), (True, 0.57, 0.80, 0.40)],
)
def test_passage_is_found(places, is_held_out, first, fifth, hard):
    """Six in ten questions are hard: they share no word with their answers."""
    ranked = places[is_held_out][retrieval.REREAD]
    flags = [q["hard"] for q in retrieval.questions(is_held_out)]

    measured = retrieval.figures(ranked)
    assert measured[0] >= first and measured[1] >= fifth
    assert retrieval.figures(list(itertools.compress(ranked, flags)))[0] >= hard


@pytest.mark.parametrize("is_held_out", [False, True])
def test_second_reading_finds_more_than_the_first(places, is_held_out):
    again, once = (
        retrieval.figures(places[is_held_out][way]) for way in (retrieval.REREAD, retrieval.FUSION)
    )

    assert all(mine > theirs for mine, theirs in zip(again, once, strict=True))


@pytest.mark.parametrize("is_held_out", [False, True])
@pytest.mark.parametrize("alone", [retrieval.WORDS, retrieval.VECTORS], ids=["words", "vectors"])
@pytest.mark.parametrize("is_hard", [False, True])
def test_fusion_is_as_good_as_each_side(places, is_held_out, alone, is_hard):
    flags = [q["hard"] or not is_hard for q in retrieval.questions(is_held_out)]

    both, one = (
        retrieval.figures(list(itertools.compress(places[is_held_out][way], flags)))
        for way in (retrieval.FUSION, alone)
    )
    assert all(mine >= theirs for mine, theirs in zip(both, one, strict=True))
