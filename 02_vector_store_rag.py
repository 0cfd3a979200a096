"""Lesson 2. RAG: get answers from your own files, with their sources. Run it: python3 course.py 2

Each part is a small program: copy its functions into a file of your own, and they run. `OpenAI()`
reads OPENAI_BASE_URL and OPENAI_API_KEY. The course sets both, to your values or the emulator's.
"""

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from math import hypot
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # `python -P` leaves this folder out

from console.handbook import OpenedStore, known_questions
from console.lesson import Option, delete_at_end, open_lesson

from openai import BaseModel, NotFoundError, OpenAI
from openai.types import VectorStoreSearchResponse
from openai.types.responses import FileSearchToolParam, ResponseStreamEvent
from openai.types.shared_params import ComparisonFilter
from openai.types.vector_stores import VectorStoreFile
from openai.types.vector_stores.file_batch_create_params import File


# ------------------------------------ 1  embed: Turn texts into vectors
def embed(texts: Sequence[str], model: str) -> list[list[float]]:
    """Return a vector for each text. Texts with similar meanings get similar vectors."""
    with OpenAI() as client:
        created = client.embeddings.create(model=model, input=list(texts))
    return [each.embedding for each in sorted(created.data, key=lambda each: each.index or 0)]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """1 if two vectors have the same direction, about 0 if they have nothing in common."""
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / (hypot(*one) * hypot(*other) or 1)


# ------------------------------------ 2  by_hand: Do RAG by hand
def by_hand(
    client: OpenAI, question: str, passages: Sequence[str], model: str, embedding_model: str
) -> None:
    asked, *vectors = embed([question, *passages], embedding_model)
    scores = [cosine(asked, vector) for vector in vectors]
    ranked = sorted(zip(scores, passages, strict=False), reverse=True)
    best = [passage for _, passage in ranked[:3]]
    rules = "Answer only from these passages. If they don't hold the answer, say so."
    prompt = "\n\n".join([rules, *best])
    events = client.responses.create(
        model=model, instructions=prompt, input=question, store=False, stream=True
    )
    write(events)


def without_files(client: OpenAI, question: str, model: str) -> None:
    write(client.responses.create(model=model, input=question, store=False, stream=True))


def write(events: Iterable[ResponseStreamEvent]) -> None:
    for event in read_events(events):
        if event.type in ("response.output_text.delta", "response.refusal.delta"):
            print(event.delta or "", end="", flush=True)
    print()


def read_events(events: Iterable[ResponseStreamEvent]) -> Iterator[ResponseStreamEvent]:
    """Yield the events of a response. Raises EOFError if it isn't complete at its end."""
    for event in events:
        if not hasattr(event, "type"):  # a server may send `data: null` to keep the connection
            continue
        yield event
        if event.type == "response.completed":
            return
        # The SDK raises no exception for these three, so your code has to look.
        if event.type in ("response.incomplete", "response.failed"):
            why = event.response and (event.response.error or event.response.incomplete_details)
            raise EOFError(f"{event.type}: {json.dumps(why, default=BaseModel.to_dict)}")
        if event.type == "error":
            raise EOFError(f"error: {event.message}")
    raise EOFError("the stream ended without response.completed")


# ------------------------------------ 3  store: Put your files into a vector store
def store(
    client: OpenAI, files: Iterable[tuple[str, Path | bytes]], made: list[str]
) -> tuple[str, dict[str, str]]:
    """Return the id of the store, and the name of each file by its id.

    Each new id goes into `made` at once, so that you can delete everything even after an error.
    """
    vector_store = client.vector_stores.create(
        name="Fernhill Observatory",
        expires_after={"anchor": "last_active_at", "days": 1},
        metadata={"made-by": "module-7"},
    )
    made.append(vector_store.id)
    names, batch = dict[str, str](), list[File]()
    for name, content in files:
        file = client.files.create(file=(f"module7-{name}", content), purpose="assistants")
        made.append(file.id)
        names[file.id] = name
        year = re.search(r"20\d\d", name)
        attributes: dict[str, str | float | bool] = {"edition": int(year[0])} if year else {}
        batch.append({"file_id": file.id, "attributes": attributes})
    client.vector_stores.file_batches.create(vector_store.id, files=batch)
    return vector_store.id, names


def wait(
    client: OpenAI, store_id: str, file_ids: Iterable[str], seconds: float = 300
) -> Iterator[VectorStoreFile]:
    """Yield each file when it is indexed or has failed. Raises TimeoutError after the deadline."""
    end = time.monotonic() + seconds
    for file_id in file_ids:
        # Without max_wait_seconds, `poll` waits forever. It raises nothing for a failed file.
        left = max(0, end - time.monotonic())
        yield client.vector_stores.files.poll(
            file_id, vector_store_id=store_id, max_wait_seconds=left
        )


# ------------------------------------ 4  search: Search the store yourself
def search(
    client: OpenAI, store_id: str, question: str, threshold: float = 0
) -> list[VectorStoreSearchResponse]:
    """Return passages, the best first. Each has a score from 0 to 1."""
    found = client.vector_stores.search(
        store_id,
        query=question,
        max_num_results=5,
        ranking_options={"score_threshold": threshold},
    )
    return list(found)


def rank(
    client: OpenAI, store_id: str, question: str, model: str, meaning: float, words: float
) -> list[tuple[str, float, str]]:
    """Return file, score and text of what file search finds, by meaning, by words, or by both."""
    response = client.responses.create(
        model=model,
        input=question,
        tools=[
            {
                "type": "file_search",
                "vector_store_ids": [store_id],
                "max_num_results": 3,
                "ranking_options": {
                    "hybrid_search": {"embedding_weight": meaning, "text_weight": words}
                },
            }
        ],
        tool_choice={"type": "file_search"},
        include=["file_search_call.results"],  # without it, `results` is null
        store=False,
    )
    calls = [item for item in response.output or [] if item.type == "file_search_call"]
    hits = [hit for call in calls for hit in call.results or []]
    return [(hit.filename or "", hit.score or 0, hit.text or "") for hit in hits]


# ------------------------------------ 5  answer: Get an answer with citations
def answer(
    client: OpenAI,
    store_id: str,
    question: str,
    model: str,
    previous: str | None = None,
    filters: ComparisonFilter | None = None,
) -> str | None:
    """Print the answer and its sources. Return its id, which the next question needs."""
    tool: FileSearchToolParam = {"type": "file_search", "vector_store_ids": [store_id]}
    events = client.responses.create(
        model=model,
        input=question,
        tools=[tool | {"filters": filters} if filters else tool],
        previous_response_id=previous,
        stream=True,
    )
    sources = dict[str, str]()  # the id of a file -> its name
    for event in read_events(events):
        if event.type in ("response.output_text.delta", "response.refusal.delta"):
            print(event.delta or "", end="", flush=True)
        elif event.type == "response.output_text.annotation.added":
            note = event.annotation  # it arrives right after the text that it belongs to
            if note and note.type == "file_citation" and note.file_id:
                sources.setdefault(note.file_id, note.filename or note.file_id)
                print(f"[{list(sources).index(note.file_id) + 1}]", end="", flush=True)
        elif event.type == "response.completed" and event.response:
            previous = event.response.id
    print()
    for number, name in enumerate(sources.values(), 1):
        print(f"[{number}] {name}")
    return previous


# ------------------------------------ 6  filter: Search one edition only
def filter(client: OpenAI, store_id: str, question: str, model: str, edition: int) -> None:
    # The number 2026 may not match the text "2026", so use one type for each attribute.
    only: ComparisonFilter = {"type": "eq", "key": "edition", "value": edition}
    answer(client, store_id, question, model, filters=only)


# ------------------------------------ 7  measure: Measure before you tune
def measure(
    client: OpenAI, store_id: str, known: Sequence[tuple[str, str]], threshold: float = 0
) -> tuple[float, float, float]:
    """Return how often the right passage is first and among five, and how many passages come."""
    first = found = count = 0
    for question, passage in known:
        hits = search(client, store_id, question, threshold)
        texts = [" ".join(part.text for part in hit.content or []) for hit in hits]
        right = [passage in " ".join(text.split()) for text in texts]
        first += right[:1] == [True]
        found += any(right)
        count += len(hits)
    return first / len(known), found / len(known), count / len(known)


def chunks_of(client: OpenAI, tokens: int, file_ids: Sequence[str], made: list[str]) -> str:
    """Put the same files into another store, in chunks of this size; then `wait` as in part 3."""
    vector_store = client.vector_stores.create(
        name=f"{tokens} tokens a chunk", expires_after={"anchor": "last_active_at", "days": 1}
    )
    made.append(vector_store.id)
    client.vector_stores.file_batches.create(
        vector_store.id,
        file_ids=list(file_ids),
        chunking_strategy={
            "type": "static",
            "static": {"max_chunk_size_tokens": tokens, "chunk_overlap_tokens": tokens // 2},
        },
    )
    return vector_store.id


# ------------------------------------ 8  cleanup: Delete what you made
def cleanup(client: OpenAI, made: list[str]) -> None:
    """Delete stores and files. A file stays when you delete its store, so delete both."""
    for id in reversed(made.copy()):
        kind = client.vector_stores if id.startswith("vs_") else client.files
        with suppress(NotFoundError):  # it's gone already
            kind.delete(id)
        made.remove(id)


# ------------------------------------ +  ask: Ask about your own files
def ask(client: OpenAI, store_id: str, questions: Iterable[str], model: str) -> None:
    previous = None
    for question in questions:
        previous = answer(client, store_id, question, model, previous)


# ------------------------------------ +  clean: Delete what earlier runs have left
def clean(client: OpenAI, made: list[str]) -> None:
    """Find what `store` has made: a store by its metadata, a file by the start of its name."""
    for vector_store in client.vector_stores.list():
        if (vector_store.metadata or {}).get("made-by") == "module-7":
            made.append(vector_store.id)
    for file in client.files.list(purpose="assistants"):
        if (file.filename or "").startswith("module7-"):
            made.append(file.id)


# ------------------------------------ main
OPTIONS: list[Option] = [
    ("--folder", "folder", "your own files instead of the handbook"),
    ("--picture", "file", "embed: draw the picture as an SVG file, too"),
    ("--store", "id", "a store that you kept, instead of a new one"),
    ("--keep", "switch", "keep the store and the files, and say how to use them again"),
]


def main() -> None:
    with (
        open_lesson(__file__, (60_000, 2_000), OPTIONS) as lesson,
        delete_at_end(lesson, cleanup) as made,
        OpenAI(timeout=60) as client,
    ):
        terminal, settings, model = lesson.terminal, lesson.settings, lesson.settings.model
        opened = OpenedStore(lesson, client, made, store, wait)
        if lesson.part(embed):
            vectors = embed(lesson.texts, settings.embedding_model)
            terminal.similarities(lesson.texts, vectors, cosine)
            terminal.plane(vectors, lesson.texts, lesson.options.picture)
        if lesson.part(by_hand):
            by_hand(client, lesson.question, opened.passages, model, settings.embedding_model)
            terminal.note("The same question without the passages:")
            without_files(client, lesson.question, model)
        if lesson.part(store):
            opened.fill_with_unreadable()
        if lesson.part(search):
            terminal.hits("search", search(client, opened.id, lesson.question), lesson.question)
            for how, *weights in (("by words", 0, 1), ("by meaning", 1, 0), ("by both", 0.5, 0.5)):
                found = rank(client, opened.id, lesson.question, model, *weights)
                terminal.passages(f"file search, {how}", found, lesson.question)
        if lesson.part(answer):
            ask(client, opened.id, terminal.asked(lesson.own_questions), model)
        if lesson.part(filter) and opened.has_editions(2025, 2026):
            store_id = opened.id
            for edition in (2025, 2026):
                terminal.note(f"The edition of {edition}:")
                filter(client, store_id, lesson.question, model, edition)
        if lesson.part(measure) and opened.has_known_answers():
            known, results = known_questions(30), dict[str, tuple[float, float, float]]()
            for threshold in (0, 0.3, 0.6):
                name = f"800 tokens a chunk, score over {threshold}"
                results[name] = measure(client, opened.id, known, threshold)
            for tokens in (400, 100):
                other = opened.again(chunks_of, tokens)
                results[f"{tokens} tokens a chunk, score over 0"] = measure(client, other, known)
            terminal.measured(results)
        if lesson.part(cleanup):
            opened.fill()
        if lesson.part(ask):
            ask(client, opened.id, terminal.typed(lesson.options.question), model)
        if lesson.part(clean):
            clean(client, made)
            terminal.note(f"{len(made)} stores and files were left from earlier runs.")


if __name__ == "__main__":
    main()
