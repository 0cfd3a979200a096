"""The second reading: which windows are read, what they count, and what is behind them."""

from emulator.retrieval import second_reading
from emulator.retrieval.index import embed_chunks
from emulator.retrieval.second_reading import (
    BEHIND,
    READ_AGAIN,
    Window,
    scored,
)
from tests.support.search_index import TEXTS, filled

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

QUESTION = "May I bring my puppy?"
DOGS = "Dogs may come into the garden, but not into the dome."
BUS = "The last bus of line 47 leaves the gate at 23:10."


def window(row, text, cosine=0.0, words=0.0, edition=0.0):
    return Window((0, row), text, cosine, words, edition)


def order(scores):
    return [row for (_, row), _ in sorted(scores.items(), key=lambda item: -item[1])]


def test_encoder_overrules_the_table():
    windows = [window(0, BUS, cosine=0.6), window(1, DOGS, cosine=0.4)]

    assert order(scored(QUESTION, windows, 0)) == [0, 1]
    assert order(scored(QUESTION, windows, 2)) == [1, 0]


def test_chunk_counts_as_its_best_window_of_those_read():
    windows = [window(0, BUS, 0.9), window(0, DOGS, 0.7), window(1, "Stars.", 0.8)]

    both, first = scored(QUESTION, windows, 3), scored(QUESTION, windows, 1)
    assert both[0, 0] == scored(QUESTION, [window(0, DOGS)], 1)[0, 0]
    assert first[0, 0] == scored(QUESTION, [window(0, BUS)], 1)[0, 0]


def test_text_of_two_chunks_is_read_once(monkeypatch):
    read = []
    encode = second_reading.encode
    monkeypatch.setattr(second_reading, "encode", lambda texts: read.append(texts) or encode(texts))
    windows = [window(0, BUS, 0.9), window(1, BUS, 0.8), window(2, DOGS, 0.7)]

    scores = scored(QUESTION, windows, 2)
    assert read == [[QUESTION, BUS, DOGS]]
    assert scores[0, 0] == scores[0, 1] < scores[0, 2]


def test_shared_words_and_edition_add_to_the_cosine():
    windows = [window(0, BUS), window(1, BUS, words=1), window(2, BUS, words=1, edition=0.1)]

    assert order(scored(QUESTION, windows, 1)) == [2, 1, 0]


SCORES = st.floats(-1, 1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([*TEXTS.values(), BUS]), SCORES)))
def test_unread_chunks_are_behind_in_their_order(drawn):
    windows = [window(row, f"{row}: {text}", cosine) for row, text, cosine in drawn]
    once, again = scored(QUESTION, windows, 0), scored(QUESTION, windows, 2)
    best = sorted(windows, key=lambda each: (-each.first, each.place))
    read = list(dict.fromkeys(each.text for each in best))[:2]
    seen = {each.place for each in windows if each.text in read}
    behind = [place for place in sorted(again, key=again.get, reverse=True) if place not in seen]

    assert once.keys() == again.keys()
    assert all(0 <= score <= 1 for score in again.values())
    assert all(again[here] >= again[there] for here in seen for there in behind)
    assert [once[place] for place in behind] == sorted(
        (once[each] for each in behind), reverse=True
    )


def test_windows_far_behind_are_not_read():
    near, far = window(1, DOGS, 0.9 - BEHIND + 0.01), window(1, DOGS, 0.9 - BEHIND - 0.01)

    assert order(scored(QUESTION, [window(0, BUS, 0.9), near], 2)) == [1, 0]
    assert order(scored(QUESTION, [window(0, BUS, 0.9), far], 2)) == [0, 1]


def test_nothing_is_read_where_nothing_is_found():
    assert scored(QUESTION, [], 24) == {}


@pytest.mark.parametrize(("queries", "each"), [(1, 24), (4, 24), (5, 20), (48, 2), (100, 1)])
def test_many_queries_share_the_time(monkeypatch, queries, each):
    counts = []
    monkeypatch.setattr(
        "emulator.retrieval.ranking.scored",
        lambda query, windows, count: counts.append(count) or {},
    )

    filled().search(["vs"], ["the last bus"] * queries)
    assert (READ_AGAIN, counts) == (24, [each] * queries)


def test_several_stores_are_read_together():
    index = filled()
    index.add("other", "dogs", embed_chunks("Puppies wait at the gate."))

    hits = index.search(["vs", "other"], [QUESTION], limit=2)
    assert {hit.file_id for hit in hits} == {"dogs"}


def test_ranker_none_leaves_the_order_to_table_and_words(client):
    store = client.vector_stores.create()
    for name, text in TEXTS.items():
        file = client.files.create(file=(f"{name}.md", text.encode()), purpose="assistants")
        client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)

    auto, none = (
        client.vector_stores.search(store.id, query=QUESTION, ranking_options={"ranker": ranker})
        for ranker in ("auto", "none")
    )
    assert auto.data[0].filename == none.data[0].filename == "dogs.md"
    assert [hit.score for hit in auto.data] != [hit.score for hit in none.data]


def test_score_says_whether_anything_answers():
    index = filled()
    asked = ["When does the last bus leave?", "Who painted the Mona Lisa?", "How tall is Everest?"]

    best = [index.search(["vs"], [each])[0].score for each in asked]

    assert best[0] > 0.5 > 0.3 > max(best[1:])
