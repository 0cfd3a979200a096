"""The index: what was added is found, what was removed or rolled back is not, in any process."""

from contextlib import closing

from emulator.retrieval.embedding import DIMENSIONS
from emulator.retrieval.index import Index, embed_chunks
from tests.support.search_index import TEXTS, connect, files, filled

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture
def path(tmp_path):
    return tmp_path / "index.sqlite3"


def test_hit_tells_where_it_is_from():
    text = "The dome is closed. " * 300 + "Zebras are fed at noon."
    index = filled({"zoo": text})

    hit = index.search(["vs"], ["When are zebras fed?"])[0]
    assert (hit.store_id, hit.file_id) == ("vs", "zoo")
    assert hit.text == index.texts("vs", "zoo")[hit.place]
    assert "Zebras" in hit.text


def test_only_allowed_files_are_found():
    index = filled()

    assert files(index.search(["vs"], ["last bus"], files={("vs", "dogs")})) == ["dogs"]
    assert index.search(["vs"], ["last bus"], files=set()) == []


def test_several_queries_and_stores_are_merged():
    index = filled()
    index.add("other", "sun", embed_chunks("Never look at the Sun without a filter."))

    hits = index.search(["vs", "other", "none"], ["the last bus", "looking at the Sun"], limit=2)
    assert sorted((hit.store_id, hit.file_id) for hit in hits) == [("other", "sun"), ("vs", "bus")]


def test_stores_do_not_touch_each_other():
    alone, beside = filled(), filled()
    beside.add("other", "bus", embed_chunks("bus " * 2000))

    question = (["vs"], ["When does the last bus leave?"])
    assert beside.search(*question) == alone.search(*question)


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), st.text(max_size=40))
def test_any_text_is_kept_and_asked(text, question):
    index = filled({"any": text})

    assert "".join(index.texts("vs", "any")).strip() == text.strip()
    assert len(index.search(["vs"], [question])) <= 1


def test_empty_file_has_no_chunks():
    index = filled({"empty": " \n"})

    assert (index.texts("vs", "empty"), index.search(["vs"], ["x"])) == ([], [])


def test_added_file_replaces_itself():
    index = filled()
    index.add("vs", "dogs", embed_chunks("Cats sleep in the library."))

    assert index.texts("vs", "dogs") == ["Cats sleep in the library."]
    assert "Dogs" not in {hit.text for hit in index.search(["vs"], ["dogs"])}


def test_usage_is_text_and_vectors():
    index = filled({"bus": "Zug 47 fährt."})

    assert index.usage_bytes("vs", "bus") == len("Zug 47 fährt.".encode()) + 4 * DIMENSIONS
    assert index.usage_bytes("vs") == index.usage_bytes("vs", "bus")
    assert index.usage_bytes("none") == 0


def test_removed_is_not_found(path):
    with closing(connect(path)) as db:
        index = Index(db)
        index.add("vs", "dogs", embed_chunks(TEXTS["dogs"]))
        index.add("vs", "bus", embed_chunks(TEXTS["bus"]))
        index.remove("vs", "bus")
        assert files(index.search(["vs"], ["the last bus"])) == ["dogs"]

        index.remove("vs")
        assert index.search(["vs"], ["dogs"]) == []
        assert db.execute("SELECT count(*) FROM search_chunks").fetchone() == (0,)
        db.execute("INSERT INTO search_words (search_words) VALUES ('integrity-check')")


def test_two_connections_see_each_other(path):
    with closing(connect(path)) as mine, closing(connect(path)) as theirs:
        here, there = Index(mine), Index(theirs)
        here.add("vs", "dogs", embed_chunks(TEXTS["dogs"]))
        assert files(there.search(["vs"], ["last bus"])) == ["dogs"]

        there.add("vs", "bus", embed_chunks(TEXTS["bus"]))
        there.remove("vs", "dogs")
        assert files(here.search(["vs"], ["last bus"])) == ["bus"]


def test_rolled_back_is_not_seen():
    index = filled()
    question = (["vs"], ["What do zebras eat?"])
    before = index.search(*question)

    for text in ("Zebras eat grass.", "Zebras eat hay."):
        index._db.execute("BEGIN")
        index.add("vs", "zoo", embed_chunks(text))
        assert index.search(*question)[0].text == text
        index._db.execute("ROLLBACK")
        assert index.search(*question) == before


def test_vectors_of_another_engine_are_made_anew():
    index = filled()
    expected = index.search(["vs"], ["last bus"])
    index._db.execute("UPDATE search_chunks SET engine = 'other', vectors = x'00000000'")
    index.add("other", "x", embed_chunks("x"))

    again = Index(index._db)
    assert again.search(["vs"], ["last bus"]) == expected


STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "roll back", "reopen"]), st.integers(0, 3)),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_index_is_what_was_committed(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("index") / "index.sqlite3"
    db, expected = connect(path), {}
    index = Index(db)
    for number, (step, which) in enumerate(steps):
        text = f"Zebra number {number} eats grass."
        if step == "reopen":
            db.close()
            db = connect(path)
            index = Index(db)
            continue
        db.execute("BEGIN")
        if step == "remove":
            index.remove("vs", f"file {which}")
        else:
            index.add("vs", f"file {which}", embed_chunks(text))
        index.search(["vs"], ["zebra"])
        db.execute("ROLLBACK" if step == "roll back" else "COMMIT")
        if step == "add":
            expected[f"file {which}"] = text
        elif step == "remove":
            expected.pop(f"file {which}", None)

    hits = index.search(["vs"], ["What does a zebra eat?"])
    assert {hit.file_id: hit.text for hit in hits} == expected
    db.execute("INSERT INTO search_words (search_words) VALUES ('integrity-check')")
    db.close()


def test_same_question_has_the_same_answer():
    first, second = (filled().search(["vs"], ["Where is the dome?"]) for _ in range(2))

    assert first == second
    assert np.isfinite([hit.score for hit in first]).all()
