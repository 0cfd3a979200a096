"""The sentences of lesson 2's scenes that no packed program hears, proved without a process.

Each test does in this process what a learner's program would do, against the scene's own server.
"""

import math
import random
from contextlib import contextmanager
from pathlib import Path

from grading.judge import serve
from grading.scenes.vector_store_scenes import (
    ByHand,
    CleanUp,
    Filters,
    Footnotes,
    Ingest,
    Measure,
    SyncTwice,
)

import pytest
from openai import OpenAI

MODEL = "gpt-6-luna"
NO_FORM = "The footnotes don't have the form that the task gives."
EXPIRY = {"anchor": "last_active_at", "days": 1}


@contextmanager
def meeting(kind, tmp_path):
    """A scene, a client of its server, and the folder that it wrote."""
    scene = kind(random.Random(4711))
    with serve(scene) as server:
        folder = Path(scene.prepare(tmp_path)["EXERCISE_FILES"])
        yield scene, OpenAI(base_url=server.base_url, api_key="offline", max_retries=0), folder


def fact(scene):
    failure = scene.verdict()
    return failure and failure.fact


def stored(client, folder, attributes=lambda path: {}):
    """A store with all files of the folder; its id, and the ids by name."""
    store = client.vector_stores.create(expires_after=EXPIRY).id
    ids = {}
    for path in sorted((folder / "files").iterdir()):
        ids[path.name] = client.files.create(file=path, purpose="assistants").id
        client.vector_stores.files.create(
            vector_store_id=store, file_id=ids[path.name], attributes=attributes(path)
        )
    return store, ids


# ---------------------------------------------------------------------------- V0


def cosine(one, other):
    return sum(map(float.__mul__, one, other)) / math.hypot(*other) / math.hypot(*one)


def ask(client, text):
    client.responses.create(model=MODEL, input=text)


@pytest.mark.parametrize("extra", [{}, {"encoding_format": "float"}, {"dimensions": 256}])
def test_cosine_finds_the_best_passage_in_every_format(extra, tmp_path):
    with meeting(ByHand, tmp_path) as (scene, client, _):
        texts = [scene.question, *scene.passages]
        model = "text-embedding-3-small"
        found = client.embeddings.create(model=model, input=texts, **extra).data

        vectors = {texts[each.index]: each.embedding for each in found}
        asked = vectors.pop(scene.question)
        best = max(vectors, key=lambda text: cosine(asked, vectors[text]))
        assert best == scene.best
        assert [each.index for each in found] != sorted(each.index for each in found)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{question}", "Request 2 (POST /v1/responses) contains none of the passages."),
        ("{best}", "Request 2 (POST /v1/responses) doesn't contain the question."),
        ("{best} {question}", None),
    ],
)
def test_prompt_needs_passage_and_question(text, wanted, tmp_path):
    with meeting(ByHand, tmp_path) as (scene, client, _):
        texts = [scene.question, *scene.passages]
        client.embeddings.create(model="text-embedding-3-small", input=texts)
        ask(client, text.format(question=scene.question, best=scene.best))

        assert fact(scene) == wanted


# ---------------------------------------------------------------------------- V1


def test_report_of_a_ready_file_is_wrong(tmp_path):
    with meeting(Ingest, tmp_path) as (scene, client, folder):
        scene.deadline_s = 0.0  # what the program waits for is not asked here
        store = client.vector_stores.create().id
        paths = sorted((folder / "inbox").iterdir())
        ids = {path.name: client.files.create(file=path, purpose="assistants").id for path in paths}
        batches = client.vector_stores.file_batches
        batch = batches.create(store, file_ids=list(ids.values()))
        while batch.file_counts.in_progress > 1:
            batch = batches.retrieve(batch.id, vector_store_id=store)
        files = list(client.vector_stores.files.list(store))
        names = {id: name for name, id in ids.items()}
        reasons = {
            names[file.id]: file.last_error.message if file.last_error else file.status
            for file in files
        }
        client.vector_stores.update(store, metadata=reasons)
        ready = next(name for name in reasons if name not in (scene.failing, scene.stuck))

        assert fact(scene) == f"The report names {ready}, but that file is ready."


# ---------------------------------------------------------------------------- V2


def labels(scene):
    return lambda path: {"name": path.name, "sha256": scene.digests[path.name]}


def replace(scene, client, store):
    """Upload and attach the file that has changed; its new id."""
    scene.change()
    made = client.files.create(file=scene.folder / scene.changed, purpose="assistants").id
    attributes = {"name": scene.changed, "sha256": scene.changed_digest}
    client.vector_stores.files.create(vector_store_id=store, file_id=made, attributes=attributes)
    return made


def test_old_version_has_to_be_deleted_everywhere(tmp_path):
    with meeting(SyncTwice, tmp_path) as (scene, client, folder):
        store, ids = stored(client, folder, labels(scene))
        replace(scene, client, store)
        client.vector_stores.files.delete(ids[scene.changed], vector_store_id=store)
        detached = fact(scene)
        client.files.delete(ids[scene.changed])

        name = scene.changed
        assert detached == f"The old version of {name} is out of the store, but still uploaded."
        assert fact(scene) is None


def test_unchanged_file_must_not_be_deleted(tmp_path):
    with meeting(SyncTwice, tmp_path) as (scene, client, folder):
        store, ids = stored(client, folder, labels(scene))
        replace(scene, client, store)
        other = next(name for name in scene.names if name != scene.changed)
        client.files.delete(ids[other])

        assert fact(scene) == f"The second run deleted {other}, although it has not changed."


def test_attribute_has_to_be_there_and_right(tmp_path):
    with meeting(SyncTwice, tmp_path) as (scene, client, folder):
        stored(client, folder, lambda path: {"name": path.name})

        name = scene.names[0]
        assert fact(scene) == f"The file {name} was attached without the attribute sha256."


# ---------------------------------------------------------------------------- V3


def test_filter_has_to_select_what_is_asked_for(tmp_path):
    with meeting(Filters, tmp_path) as (scene, client, folder):
        store, _ = stored(client, folder, lambda path: scene.files[path.name].attributes)
        question, kind = next(iter(scene.questions.items()))
        every = [
            {"type": "gte", "key": "edition", "value": kind.edition - 100},
            {"type": "eq", "key": "public", "value": kind.is_public},
        ]
        only = {"type": "and", "filters": every}
        client.vector_stores.search(store, query=question, filters=only)

        assert fact(scene) == f'The filter of the search for "{question}" selects the wrong files.'


def test_search_without_a_filter_is_named(tmp_path):
    with meeting(Filters, tmp_path) as (scene, client, folder):
        store, _ = stored(client, folder, lambda path: scene.files[path.name].attributes)
        question = next(iter(scene.questions))
        client.vector_stores.search(store, query=question)

        assert fact(scene) == f'The search for "{question}" has no filter.'


# ---------------------------------------------------------------------------- V4


def cite(client, store, question):
    """The answer as it is, with its citations unread."""
    return client.responses.create(
        model=MODEL,
        input=question,
        tools=[{"type": "file_search", "vector_store_ids": [store]}],
        include=["file_search_call.results"],
    ).output_text


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda text: text, None),
        (lambda text: text + "\n", None),
        (lambda text: "Hello.", "The text isn't the model's answer."),
        (lambda text: text.replace("[1]", "[3]", 1), "The marks have wrong numbers."),
        (lambda text: text.replace("\n\n", "\n\nSources:\n"), NO_FORM),
        (lambda text: text.replace("(0.", "(0.1"), NO_FORM),
        (lambda text: text.replace("(0.", "(1."), "A footnote has a wrong score."),
    ],
)
def test_footnotes_are_compared_with_the_citations(change, wanted, tmp_path):
    with meeting(Footnotes, tmp_path) as (scene, client, folder):
        store, _ = stored(client, folder)
        assert cite(client, store, scene.question) == scene.text
        ask(client, change(scene.wanted))

        assert fact(scene) == wanted


# ---------------------------------------------------------------------------- V5


def test_work_has_to_be_done_before_it_is_cleaned_up(tmp_path):
    with meeting(CleanUp, tmp_path) as (scene, client, folder):
        store, ids = stored(client, folder)
        before = fact(scene)
        client.vector_stores.search(store, query=scene.question)
        searched = fact(scene)
        client.vector_stores.delete(store)
        for id in ids.values():
            client.files.delete(id)

        assert before == "Your program never searched the store for the question."
        assert searched == "Your program left the vector store and 4 files behind."
        assert fact(scene) is None


# ---------------------------------------------------------------------------- V6


def test_missing_figure_is_named(tmp_path):
    with meeting(Measure, tmp_path) as (scene, client, folder):
        store, _ = stored(client, folder)
        for question in scene.right:
            found = client.vector_stores.search(store, query=question, max_num_results=5).data
            assert [hit.filename for hit in found] == scene.found[question][:5]
        never = fact(scene)
        recall = float(scene.figures(5)["recall"])
        client.vector_stores.update(store, metadata={"recall_at_5": f"{recall:.3f}"})

        assert never is not None
        assert never.startswith("The figures never came: ")
        assert fact(scene) == "The figure mrr_at_5 is missing."
