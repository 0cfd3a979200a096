"""The sentences of lesson 2's scenes that no packed program hears, proved without a process.

Each test does in this process what a learner's program would do, against the scene's own server.
"""

import json
import math
import random
import re
from contextlib import contextmanager
from pathlib import Path

from grading.exercise import exercises
from grading.judge import run, serve
from grading.scenes.vector_store_scenes import (
    ByHand,
    CleanUp,
    Filters,
    Footnotes,
    Ingest,
    Measure,
    SyncTwice,
)
from grading.trace import TracedExchange
from tools.pack_exercises import placed

import pytest
from openai import InternalServerError, OpenAI

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


def test_one_to_three_passages_have_a_higher_product_than_the_best_one():
    found = set()
    for seed in range(30):
        scene = ByHand(random.Random(seed))
        asked = scene.vectors[scene.question]
        products = {
            text: sum(map(float.__mul__, asked, scene.vectors[text])) for text in scene.passages
        }
        ranked = sorted(products, key=lambda text: -products[text])
        found.add(ranked.index(scene.best))
        assert ranked[0] == scene.longest

    assert found == {1, 2, 3}


# ---------------------------------------------------------------------------- V1


def attached_batch(client, folder):
    """A store and a batch with all files of the inbox, and their names by id."""
    store = client.vector_stores.create().id
    paths = sorted((folder / "inbox").iterdir())
    names = {client.files.create(file=path, purpose="assistants").id: path.name for path in paths}
    batch = client.vector_stores.file_batches.create(store, file_ids=list(names))
    return store, batch, names


def waited(client, store, batch, most):
    """Ask until at most so many files of the batch are in progress."""
    while batch.file_counts.in_progress > most:
        batch = client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store)


def reasons(client, store, names):
    return {
        names[file.id]: file.last_error.message if file.last_error else file.status
        for file in client.vector_stores.files.list(store)
    }


def test_report_of_a_ready_file_is_wrong(tmp_path):
    with meeting(Ingest, tmp_path) as (scene, client, folder):
        scene.short_s = 0.0  # what the program waits for is not asked here
        store, batch, names = attached_batch(client, folder)
        waited(client, store, batch, len(scene.lates))
        sent = reasons(client, store, names)
        client.vector_stores.update(store, metadata=sent)
        ready = next(name for name in sent if name not in (scene.failing, *scene.lates))

        assert fact(scene) == f"The report names {ready}, but that file is ready."


def test_report_may_have_fields_beside_the_files(tmp_path):
    with meeting(Ingest, tmp_path) as (scene, client, folder):
        scene.short_s = 0.0
        store, batch, names = attached_batch(client, folder)
        waited(client, store, batch, len(scene.lates))
        sent = reasons(client, store, names)
        only = {name: why for name, why in sent.items() if why != "completed"}
        client.vector_stores.update(store, metadata={**only, "checked": "6"})
        client.vector_stores.search(store, query=scene.question)

        assert fact(scene) is None


def test_late_file_gets_ready_once_it_was_asked_for(tmp_path):
    with meeting(Ingest, tmp_path) as (scene, client, folder):
        scene.hold_s = 1.0
        store, batch, _ = attached_batch(client, folder)
        scene._last_moment(0.0, 2.0)
        unasked = scene.is_released
        client.vector_stores.files.list(store)
        scene._last_moment(0.0, 0.5)
        at_once = scene.is_released
        while scene._knew_at is None:
            scene._last_moment(0.0, 2.0)
            client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store)
        scene.is_stopped = True

        assert [unasked, at_once, scene.is_released] == [False, False, True]
        assert fact(scene) == "No file is in progress any more, but your program is still waiting."


def test_program_that_goes_on_before_the_late_file_is_too_early(tmp_path):
    with meeting(Ingest, tmp_path) as (scene, client, folder):
        scene.hold_s = 1.0
        store, _, names = attached_batch(client, folder)
        scene.is_stopped = True
        waiting = fact(scene)
        client.vector_stores.update(store, metadata=reasons(client, store, names))

        assert waiting == "Your program waited for 8 seconds without a request."
        assert fact(scene).endswith(" long before the deadline.")


def test_program_that_waits_for_the_late_file_passes(tmp_path):
    exercise = exercises()["V1"]
    for name, text in exercise.solutions.items():
        verdict = run(Ingest, placed(exercise, text, tmp_path / name), 4711, hold_s=0.5)

        assert verdict.failure is None
        assert verdict.scene.is_released


@pytest.mark.parametrize(
    ("status", "failing", "late"),
    [
        ("completed", "in_progress", "in_progress"),
        ("in_progress", "completed", "in_progress"),
        ("failed", "failed", None),
    ],
)
def test_list_of_one_status_tells_of_other_files(status, failing, late, tmp_path):
    with meeting(Ingest, tmp_path) as (scene, client, folder):
        store, batch, _ = attached_batch(client, folder)
        waited(client, store, batch, len(scene.lates))
        scene.trace.exchanges[:] = [e for e in scene.trace.exchanges if e.method != "GET"]
        client.vector_stores.files.list(store, filter=status)
        told = scene._told()

        assert (told.get(scene.failing), told.get(scene.late)) == (failing, late)


# ---------------------------------------------------------------------------- V2


def labels(scene):
    return lambda path: {"name": path.name, "sha256": scene.digests[path.name]}


def replace(scene, client, store, *, is_whole=True):
    """Upload and attach the file that has changed, and with `is_whole` the one that is gone."""
    scene.change()
    digests = {scene.changed: scene.changed_digest, scene.deleted: scene.digests[scene.deleted]}
    for name in list(digests)[: 2 if is_whole else 1]:
        made = client.files.create(file=scene.folder / name, purpose="assistants").id
        attributes = {"name": name, "sha256": digests[name]}
        client.vector_stores.files.create(store, file_id=made, attributes=attributes)


def test_file_that_the_store_lost_has_to_be_uploaded_again(tmp_path):
    with meeting(SyncTwice, tmp_path) as (scene, client, folder):
        store, ids = stored(client, folder, labels(scene))
        replace(scene, client, store, is_whole=False)
        client.files.delete(ids[scene.changed])

        name = scene.deleted
        assert fact(scene) == f"The second run didn't upload {name}, which the store no longer has."


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
        other = next(name for name in scene.names if name not in (scene.changed, scene.deleted))
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


@pytest.mark.parametrize(("key", "place"), [("edition", 0), ("public", 1)])
def test_value_of_another_question_is_named(key, place, tmp_path):
    with meeting(Filters, tmp_path) as (scene, client, folder):
        store, _ = stored(client, folder, lambda path: scene.files[path.name].attributes)
        question, kind = next(iter(scene.questions.items()))
        other = {"edition": kind.edition + 100, "public": not kind.is_public}[key]
        only = filter_of(kind)
        only["filters"][place]["value"] = other
        client.vector_stores.search(store, query=question, filters=only)

        told = f'The filter of the search for "{question}" compares {key} with {json.dumps(other)}.'
        assert fact(scene) == told


def test_request_with_passages_alone_is_named(tmp_path):
    with meeting(Filters, tmp_path) as (scene, client, folder):
        store, _ = stored(client, folder, lambda path: scene.files[path.name].attributes)
        found = searched_with_filter(scene, client, store)
        ask(client, next(text for text in found.values() if text))

        assert "has the passages, but not the question." in scene.verdict().why


def test_search_without_a_filter_is_named(tmp_path):
    with meeting(Filters, tmp_path) as (scene, client, folder):
        store, _ = stored(client, folder, lambda path: scene.files[path.name].attributes)
        question = next(iter(scene.questions))
        client.vector_stores.search(store, query=question)

        assert fact(scene) == f'The search for "{question}" has no filter.'


def filter_of(kind):
    both = [{"type": "eq", "key": key, "value": kind.attributes[key]} for key in kind.attributes]
    return {"type": "and", "filters": both}


def searched_with_filter(scene, client, store):
    """What was found for each question, by the filter that the task wants."""
    found = {}
    for question, kind in scene.questions.items():
        both = [
            {"type": "eq", "key": key, "value": kind.attributes[key]} for key in kind.attributes
        ]
        only = {"type": "and", "filters": both}
        hits = client.vector_stores.search(store, query=question, filters=only).data
        found[question] = "\n".join(hit.content[0].text for hit in hits)
    return found


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def test_all_passages_that_were_found_have_to_be_sent(tmp_path):
    with meeting(Filters, tmp_path) as (scene, client, folder):
        store, _ = stored(client, folder, lambda path: scene.files[path.name].attributes)
        found = searched_with_filter(scene, client, store)
        several = max(found, key=lambda question: len(found[question]))
        whole = {question: text for question, text in found.items() if text}
        first = found[several].partition("\nEdition:")[0]
        for question, text in (whole | {several: first}).items():
            ask(client, f"{text}\n{question}")
        some = fact(scene)
        ask(client, f"{found[several]}\n{several}")

        assert list(scene.files.values()).count(scene.questions[several]) == 3
        assert some.endswith("without a passage that the search had found.")
        assert fact(scene) is None


ONCE_MORE = "with text that the search had not found."


@pytest.mark.parametrize(
    ("again", "wanted"),
    [
        (lambda empty, question, text, other: "Thank you.", None),
        (lambda empty, question, text, other: "{all}", "of a file that no search had found."),
        (lambda empty, question, text, other: [user(empty), assistant("No."), user(text)], None),
        (lambda empty, question, text, other: [user(other), assistant("Yes."), user(text)], None),
        (lambda empty, question, text, other: [user(other), user(text)], ONCE_MORE),
        (lambda empty, question, text, other: f"{other} {question}", ONCE_MORE),
        (lambda empty, question, text, other: empty.rstrip("?"), "the search had found nothing."),
    ],
)
def test_each_request_is_judged_by_its_own_question(again, wanted, tmp_path):
    with meeting(Filters, tmp_path) as (scene, client, folder):
        store, _ = stored(client, folder, lambda path: scene.files[path.name].attributes)
        found = searched_with_filter(scene, client, store)
        empty = next(question for question in found if not found[question])
        texts = {question: f"{text}\n{question}" for question, text in found.items() if text}
        for text in texts.values():
            ask(client, text)
        other, question = list(texts)[:2]
        before = fact(scene)
        asked = again(empty, question, texts[question], texts[other])
        ask(client, " ".join(scene.texts.values()) if asked == "{all}" else asked)

        told = fact(scene)
        assert before is None
        assert told == wanted or told.endswith(wanted)


def test_file_search_tool_needs_the_filter_too(tmp_path):
    with meeting(Filters, tmp_path) as (scene, client, folder):
        store, _ = stored(client, folder, lambda path: scene.files[path.name].attributes)
        found = searched_with_filter(scene, client, store)
        for question, text in found.items():
            tool = {"type": "file_search", "vector_store_ids": [store]}
            filtered = tool | {"filters": filter_of(scene.questions[question])}
            if text:
                client.responses.create(model=MODEL, input=f"{text} {question}", tools=[filtered])
        right = fact(scene)
        question = next(each for each in found if found[each])
        client.responses.create(model=MODEL, input=found[question] + question, tools=[tool])

        assert right is None
        assert fact(scene).endswith("offers the file_search tool without the filter of the search.")


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


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (lambda scene: [user(scene.question), assistant(scene.text), user(scene.wanted)], None),
        (lambda scene: [user(scene.wanted), user("Say this in one sentence.")], None),
        (
            lambda scene: [user(scene.text), user(scene.wanted)],
            "The second request has more than one text.",
        ),
    ],
)
def test_conversation_may_have_other_turns_than_the_answer(said, wanted, tmp_path):
    with meeting(Footnotes, tmp_path) as (scene, client, folder):
        store, _ = stored(client, folder)
        cite(client, store, scene.question)
        ask(client, said(scene))

        assert fact(scene) == wanted


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stream_has_the_two_searches_of_the_whole_answer(seed, tmp_path):
    scene = Footnotes(random.Random(seed))
    with serve(scene) as server:
        folder = Path(scene.prepare(tmp_path)["EXERCISE_FILES"])
        client = OpenAI(base_url=server.base_url, api_key="offline", max_retries=0)
        store, _ = stored(client, folder)
        question = {
            "model": MODEL,
            "input": scene.question,
            "tools": [{"type": "file_search", "vector_store_ids": [store]}],
            "include": ["file_search_call.results"],
        }
        whole = client.responses.create(**question)
        with client.responses.stream(**question) as events:
            seen = [*events]
            streamed = events.get_final_response()

    kinds = ["reasoning", "file_search_call", "file_search_call", "reasoning", "message"]
    assert [item.type for item in whole.output] == [*kinds, "reasoning"]
    assert [item.type for item in streamed.output] == [*kinds, "reasoning"]
    assert [item.output_index for item in seen if item.type == "response.output_item.done"] == [
        *range(6)
    ]
    first, second = whole.output[1].results, whole.output[2].results
    best = {name: scene._score(name) for name in scene.cited}
    found = [{hit.filename: hit.score for hit in each} for each in (first, second)]
    for each in found:
        assert any(each[name] != best[name] for name in best)
        assert any(each[name] == best[name] for name in best)


def test_answer_has_marks_at_other_places_than_before_full_stops():
    for seed in range(20):
        scene = Footnotes(random.Random(seed))
        marked = scene.wanted.partition("\n\n")[0]

        assert len(re.findall(r"\[\d\]", marked)) == len(scene.cited)
        assert len(re.findall(r"\[\d\]\.", marked)) == len(scene.cited) - 1
        assert len(re.findall(r"[a-z]\[\d\] [a-z]", marked)) == 1
        assert len(re.findall(r"\d\.", marked)) == 3  # two ends without a mark, and a price
        assert re.search(r" for \d\.\d\d ", marked)


# ---------------------------------------------------------------------------- V5


def test_work_has_to_be_done_before_it_is_cleaned_up(tmp_path):
    with meeting(CleanUp, tmp_path) as (scene, client, folder):
        store, ids = stored(client, folder)
        before = fact(scene)
        client.vector_stores.search(store, query=scene.question)
        searched = fact(scene)
        client.vector_stores.file_batches.create_and_poll(store, file_ids=list(ids.values()))
        client.vector_stores.search(store, query=scene.question)
        waited = fact(scene)
        client.vector_stores.delete(store)
        for id in ids.values():
            client.files.delete(id)

        name = scene.names[0]
        assert before == "Your program never searched the store for the question."
        assert searched == f"Your program searched before it knew that {name} was indexed."
        assert waited == "Your program left the vector store and 4 files behind."
        assert fact(scene) is None


@pytest.mark.parametrize("kind", ["vector_stores", "files"])
def test_what_others_have_stored_must_not_be_deleted(kind, tmp_path):
    with meeting(CleanUp, tmp_path) as (scene, client, folder):
        store, ids = stored(client, folder)
        client.vector_stores.file_batches.create_and_poll(store, file_ids=list(ids.values()))
        client.vector_stores.search(store, query=scene.question)
        for each in getattr(client, kind).list():
            getattr(client, kind).delete(each.id)

        what = {"files": "the file accounts.txt", "vector_stores": "the store accounts"}[kind]
        assert fact(scene) == f"Your program deleted {what}, which it had not made."


def test_store_has_to_expire_after_the_days_that_the_task_names(tmp_path):
    with meeting(CleanUp, tmp_path) as (scene, client, _):
        store = client.vector_stores.create(expires_after=EXPIRY | {"days": 365}).id
        long = fact(scene)
        client.vector_stores.update(store, expires_after=EXPIRY)

        assert long == "The vector store doesn't expire a day after it was last used."
        assert fact(scene).startswith(f"The file {scene.names[0]} was never uploaded")


@pytest.mark.parametrize("step", ["attachment", "search", "upload"])
def test_file_is_deleted_though_its_attachment_failed(step, tmp_path):
    with meeting(CleanUp, tmp_path) as (scene, client, folder):
        scene.steps = ["", step, "", ""]
        store, ids = stored(client, folder)
        client.vector_stores.file_batches.create_and_poll(store, file_ids=list(ids.values()))
        client.vector_stores.search(store, query=scene.question)
        client.vector_stores.delete(store)
        for id in ids.values():
            client.files.delete(id)
        scene.starts.append(len(scene.trace.exchanges))
        with pytest.raises(InternalServerError):
            client.vector_stores.search(stored(client, folder)[0], query=scene.question)
        struck = [each.path for each in scene._run(1).exchanges if each.fault]

        ends = {"attachment": "/files", "search": "/search", "upload": "/v1/files"}
        assert [path.endswith(ends[step]) for path in struck] == [True]
        assert fact(scene).startswith("When a request failed with status 500, your program left")


# ---------------------------------------------------------------------------- V6


@pytest.mark.parametrize(
    ("method", "run", "why"),
    [
        ("DELETE", 3, "after Ctrl-C, but it didn't know the ids"),
        ("DELETE", 1, "after the error, but it didn't know the ids"),
        ("GET", 3, "raises KeyboardInterrupt"),
    ],
)
def test_program_that_deleted_something_after_an_error_lacks_ids(method, run, why):
    scene = CleanUp(random.Random(4711))
    scene.starts = [0] * (run + 1)
    scene.trace.exchanges.append(TracedExchange(1, method, "/v1/files/file-1", {}, {}, b"", 0.0))

    assert why in scene._why_left(run)


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


def test_files_counted_instead_of_passages_give_another_figure():
    for seed in range(100):
        figures = Measure(random.Random(seed)).figures(5)

        assert f"{float(figures['files']):.3f}" != f"{float(figures['mrr']):.3f}"
