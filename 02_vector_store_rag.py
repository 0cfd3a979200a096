"""Lesson 2. RAG: answers out of your own files, each with its source.

1  numbers   turn texts into numbers, and see which of them lie near each other
2  unaided   ask without the files: the model cannot know
3  store     put the files into a vector store, and look at the state of each
4  search    search it yourself: passages, scores, and three ways to rank them
5  answer    let the model search, and see what it cites
6  editions  filter on attributes: one question, two editions
7  sizes     chunk sizes and thresholds, measured
8  cleanup   delete what was made, come what may
-  ask       a question loop; --store ID comes back to a store that was kept
-  clean     delete what earlier runs have left

python 02_vector_store_rag.py                         all of it; no key needed
python 02_vector_store_rag.py ask --folder ~/notes    questions about your own files
"""

import hashlib
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, field, replace
from itertools import chain
from pathlib import Path

# Python's option -P leaves the folder of the script out.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from console.handbook import check_folder, documents, known_questions
from console.lesson import Lesson, Option, delay_interrupts, delete_at_end, open_lesson

from openai import NotFoundError, OpenAI
from openai.types import VectorStoreSearchResponse
from openai.types.responses import FileSearchToolParam
from openai.types.shared import ReasoningEffort
from openai.types.vector_stores import VectorStoreFile, VectorStoreFileBatch

TEXTS = [
    "The dome opens at dusk.",
    "When it gets dark we slide the roof back.",
    "Dogs may come into the garden.",
    "Can I bring my puppy?",
    "A ticket costs twelve euros.",
    "What do I have to pay?",
]
QUESTION = "What does the code E15 at the dome mean, and what do I do?"
OF_TWO = "From what age may young people come to a public evening without a grown-up?"
TAG = {"made-by": "module-7"}
PREFIX = "module7-"
DEADLINE_S = 300


@dataclass(frozen=True)
class Ask:
    """A question and the model it is for; `effort` is how long that may think before it writes."""

    question: str
    model: str
    effort: ReasoningEffort


# ------------------------------------------------------------------- 1  numbers


def numbers(client: OpenAI, model: str, texts: Sequence[str]) -> list[list[float]]:
    """Turn each text into a list of numbers, its embedding.

    Texts of like meaning get like numbers, whatever words they use. How alike two are is the sum
    of their products, number by number: 1 for the same, about 0 for strangers.
    """
    made = client.embeddings.create(model=model, input=list(texts))
    return [each.embedding for each in sorted(made.data, key=lambda each: each.index)]


def similarity(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of two embeddings; they have length 1, so the product is all there is to it."""
    return sum(a * b for a, b in zip(one, other, strict=True))


# ------------------------------------------------------------------- 2  unaided


def unaided(client: OpenAI, ask: Ask) -> str:
    """Ask the model alone.

    It has never seen these files: it declines, or it invents something that sounds right.
    """
    response = client.responses.create(
        model=ask.model,
        input=ask.question,
        reasoning={"effort": ask.effort},
        store=False,
    )
    return response.output_text


# --------------------------------------------------------------------- 3  store


@dataclass(frozen=True)
class Document:
    """A file of the learner's: its name, its bytes, and what can be filtered on."""

    name: str
    data: bytes

    @property
    def attributes(self) -> dict[str, str | float | bool]:
        year = re.search(r"20\d\d", self.name)
        digest = hashlib.sha256(self.data).hexdigest()
        return {"sha256": digest} | ({"edition": int(year[0])} if year else {})


def store(client: OpenAI, made: dict[str, str]) -> str:
    """Make a vector store: the place where files are cut up, turned into numbers and searched.

    It costs as long as it is there, so it is told to expire by itself a day after its last use,
    and it carries a tag by which it can be found again. What is made is noted at once.
    """
    vector_store = client.vector_stores.create(
        name="Fernhill Observatory",
        expires_after={"anchor": "last_active_at", "days": 1},
        metadata=TAG,
    )
    made[vector_store.id] = "vector store"
    return vector_store.id


def upload(client: OpenAI, document: Document, made: dict[str, str]) -> str:
    """Upload one file, under a name by which `clean` knows it again."""
    name = PREFIX + document.name.replace("/", "-")
    file = client.files.create(file=(name, document.data), purpose="assistants")
    made[file.id] = "file"
    return file.id


def missing(client: OpenAI, store_id: str, wanted: Iterable[Document]) -> list[Document]:
    """Those that the store does not have yet, told by the hash of their bytes.

    Nothing hinders anybody from attaching the same text twice; every answer then cites it twice.
    """
    there = [f for f in client.vector_stores.files.list(store_id) if f.status != "failed"]
    known = {(file.attributes or {}).get("sha256") for file in there}
    fresh = {document.attributes["sha256"]: document for document in wanted}
    return [document for digest, document in fresh.items() if digest not in known]


def attach(client: OpenAI, store_id: str, uploaded: dict[str, Document]) -> VectorStoreFileBatch:
    """Attach uploaded files to the store, each with its attributes."""
    return client.vector_stores.file_batches.create(
        store_id,
        files=[
            {"file_id": file_id, "attributes": document.attributes}
            for file_id, document in uploaded.items()
        ],
    )


def wait(
    client: OpenAI, batch: VectorStoreFileBatch, clock: Callable[[], float] = time.monotonic
) -> Iterator[VectorStoreFileBatch]:
    """Yield the batch at each look, until no file is in progress.

    The SDK's own `poll` would wait for ever, so there is a deadline here.
    """
    end = clock() + DEADLINE_S
    yield batch
    while batch.file_counts.in_progress:
        if clock() > end:
            raise TimeoutError(f"{batch.file_counts.in_progress} files are not indexed yet")
        raw = client.vector_stores.file_batches.with_raw_response.retrieve(
            batch.id, vector_store_id=batch.vector_store_id
        )
        time.sleep(int(raw.headers.get("openai-poll-after-ms", "1000")) / 1000)
        batch = raw.parse()
        yield batch


def states(client: OpenAI, batch: VectorStoreFileBatch) -> list[VectorStoreFile]:
    """How each file fared: a batch says `completed` even where files in it have failed."""
    return list(
        client.vector_stores.file_batches.list_files(
            batch.id, vector_store_id=batch.vector_store_id
        )
    )


# -------------------------------------------------------------------- 4  search


def search(
    client: OpenAI, store_id: str, question: str, threshold: float = 0.0
) -> list[VectorStoreSearchResponse]:
    """Search without any model: passages, best first, each with a score from 0 to 1.

    This is what to look at when an answer is wrong: was the passage found at all?
    """
    found = client.vector_stores.search(
        store_id,
        query=question,
        max_num_results=5,
        ranking_options={"score_threshold": threshold},
    )
    return list(found)


WAYS = {"keyword": (0.0, 1.0), "semantic": (1.0, 0.0), "both": (0.5, 0.5)}


def rank(client: OpenAI, ask: Ask, store_id: str, way: str) -> list[tuple[str, float, str]]:
    """The passages that the file search tool hands to a model, ranked in one of the `WAYS`.

    They stay hidden unless `include` asks for them.
    """
    by_meaning, by_words = WAYS[way]
    response = client.responses.create(
        model=ask.model,
        input=ask.question,
        reasoning={"effort": ask.effort},
        tools=[
            {
                "type": "file_search",
                "vector_store_ids": [store_id],
                "max_num_results": 3,
                "ranking_options": {
                    "hybrid_search": {"embedding_weight": by_meaning, "text_weight": by_words}
                },
            }
        ],
        tool_choice={"type": "file_search"},
        include=["file_search_call.results"],
        store=False,
    )
    calls = [item for item in response.output if item.type == "file_search_call"]
    hits = [hit for call in calls for hit in call.results or []]
    return [(hit.filename or "", hit.score or 0.0, hit.text or "") for hit in hits]


# -------------------------------------------------------------------- 5  answer


def whole(store_id: str) -> FileSearchToolParam:
    """The file search tool, over all files of the store."""
    return {"type": "file_search", "vector_store_ids": [store_id]}


def answer(
    client: OpenAI, ask: Ask, tool: FileSearchToolParam, sources: dict[str, str]
) -> Iterator[str]:
    """Yield the answer piece by piece, with a number wherever it cites.

    Fills `sources`, the name of each file that was cited by its id.


    The model searches by itself. What it cites comes as an annotation, an event of its own, right
    after the text that it belongs to.
    """
    with client.responses.create(
        model=ask.model,
        input=ask.question,
        reasoning={"effort": ask.effort},
        tools=[tool],
        store=False,
        stream=True,
    ) as events:
        for event in events:
            if event.type == "response.output_text.delta":
                yield event.delta
            elif event.type == "response.output_text.annotation.added":
                if event.annotation and event.annotation.type == "file_citation":
                    cited = event.annotation.file_id
                    sources.setdefault(cited, event.annotation.filename)
                    yield f"[{list(sources).index(cited) + 1}]"
            elif event.type == "response.completed":
                return
            elif event.type == "error":
                raise EOFError(f"the stream carried an error: {event.message}")
            elif event.type in ("response.failed", "response.incomplete"):
                why = event.response.error or event.response.incomplete_details
                raise EOFError(f"the response is {event.response.status}: {why}")
    raise EOFError("the stream ended without response.completed")


# ------------------------------------------------------------------ 6  editions


def editions(store_id: str, edition: int) -> FileSearchToolParam:
    """The file search tool, kept to the files of one edition.

    Attributes were given when the files were attached. Filters are strict in types: the number
    2026 is not the text "2026", and a file without the attribute never fits.
    """
    return {
        "type": "file_search",
        "vector_store_ids": [store_id],
        "filters": {"type": "eq", "key": "edition", "value": edition},
    }


# --------------------------------------------------------------------- 7  sizes


@dataclass(frozen=True)
class Quality:
    """How often the right passage came first, among five, its mean 1/rank; passages a question."""

    first: float
    in_five: float
    reciprocal_rank: float
    passages: float


def sizes(
    client: OpenAI, uploaded: Sequence[str], tokens: int, made: dict[str, str]
) -> VectorStoreFileBatch:
    """Cut the same files into chunks of another size, in a store of their own.

    Small chunks cost a model less to read, but may part a question's words from its answer; large
    ones keep them together. What is best depends on the files, so it is measured.
    """
    return client.vector_stores.file_batches.create(
        store(client, made),
        file_ids=list(uploaded),
        chunking_strategy={
            "type": "static",
            "static": {"max_chunk_size_tokens": tokens, "chunk_overlap_tokens": tokens // 2},
        },
    )


def measure(
    client: OpenAI, store_id: str, known: Sequence[tuple[str, str]], threshold: float = 0.0
) -> Quality:
    """Ask questions whose passages are known, and see at which place those come."""
    ranks, passages = [], 0
    for question, passage in known:
        hits = search(client, store_id, question, threshold)
        passages += len(hits)
        texts = [" ".join(part.text for part in hit.content) for hit in hits]
        places = [place for place, text in enumerate(texts, 1) if passage in " ".join(text.split())]
        ranks.append(places[0] if places else 0)
    found = [rank for rank in ranks if rank]
    return Quality(
        first=found.count(1) / len(ranks),
        in_five=len(found) / len(ranks),
        reciprocal_rank=sum(1 / rank for rank in found) / len(ranks),
        passages=passages / len(ranks),
    )


# ------------------------------------------------------------------- 8  cleanup


def cleanup(client: OpenAI, made: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Delete what was made, the newest first; yield each kind and id.

    Deleting a store leaves its files, and deleting a file takes it out of every store: both have
    to go. What is gone already is no failure.
    """
    delete = {"vector store": client.vector_stores.delete, "file": client.files.delete}
    for id, kind in reversed(list(made.items())):
        with suppress(NotFoundError):
            delete[kind](id)
        del made[id]
        yield kind, id


def ask(asked: Ask, questions: Iterable[str]) -> Iterator[Ask]:
    """Ask one question after the other of the same store.

    Ask what the files do not tell, too: then the right answer is that they do not.
    """
    for question in questions:
        yield replace(asked, question=question)


def clean(client: OpenAI, made: dict[str, str]) -> None:
    """Find what earlier runs have left: stores by their tag, files by their name.

    A run that was killed could not clean up after itself, and files cost as long as they are there.
    """
    for vector_store in client.vector_stores.list():
        if (vector_store.metadata or {}).items() >= TAG.items():
            made[vector_store.id] = "vector store"
    for file in client.files.list(purpose="assistants"):
        if file.filename.startswith(PREFIX):
            made[file.id] = "file"


# -------------------------------------------------------------------------- main

OPTIONS: list[Option] = [
    ("--folder", "folder", "your own files instead of the handbook"),
    ("--picture", "file", "numbers: draw the plane as an SVG file, too"),
    ("--store", "id", "ask: a store that was kept"),
    ("--keep", "switch", "leave store and files, and tell how to come back to them"),
]
UNREADABLE = Document("scanned-page.txt", bytes(range(256)))
SIZES, THRESHOLDS, MOST_QUESTIONS = (100, 400, 800), (0.3, 0.6), 30


def main() -> None:
    with (
        open_lesson(__file__, (60_000, 2_000), OPTIONS) as lesson,
        delete_at_end(lesson, cleanup) as made,
    ):
        asked = Ask(lesson.question or QUESTION, lesson.settings.model, lesson.settings.effort)
        shelf = Shelf(made, lesson.options.store or "")
        check_folder(lesson.options.folder)
        if lesson.part(numbers):
            show_numbers(lesson)
        if lesson.part(unaided):
            lesson.terminal.question(asked.question)
            lesson.terminal.live([unaided(lesson.client, asked)])
        if lesson.part(store):
            show_store(lesson, shelf)
        if lesson.part(search):
            show_search(lesson, show_opened(lesson, shelf), asked)
        if lesson.part(answer):
            show_answer(lesson, shelf, asked, whole(show_opened(lesson, shelf)))
        if lesson.part(editions):
            show_editions(lesson, shelf, replace(asked, question=lesson.question or OF_TWO))
        if lesson.part(sizes):
            show_sizes(lesson, shelf)
        if lesson.part(ask):
            show_asked(lesson, shelf, asked)
        if lesson.part(clean):
            clean(lesson.client, made)
            lesson.terminal.note(f"{len(made)} things were left.")
        if lesson.part(cleanup):
            show_opened(lesson, shelf)


@dataclass
class Shelf:
    """The store of this run, and what was put into it; empty until it is first needed."""

    made: dict[str, str]
    store_id: str
    uploaded: dict[str, Document] = field(default_factory=dict)


def show_opened(lesson: Lesson, shelf: Shelf) -> str:
    """The id of the store, which is filled if it is not there yet."""
    if lesson.options.store:
        lesson.client.vector_stores.retrieve(shelf.store_id)
    if not shelf.store_id:
        show_filling(lesson, shelf, [Document(*each) for each in documents(lesson.options.folder)])
    return shelf.store_id


def show_numbers(lesson: Lesson) -> None:
    vectors = numbers(lesson.client, lesson.settings.embedding_model, TEXTS)
    letters = "ABCDEF"
    rows = [
        (f"{letter}  {text}", *(f"{similarity(vector, other):4.1f}" for other in vectors))
        for letter, text, vector in zip(letters, TEXTS, vectors, strict=True)
    ]
    lesson.terminal.table([f"{len(vectors[0]):,} numbers each", *letters], rows, folded=0)
    lesson.terminal.plane(vectors, letters, TEXTS, lesson.options.picture)


def show_store(lesson: Lesson, shelf: Shelf) -> None:
    """Fill the store with the files, and with one that cannot be read."""
    wanted = [Document(*each) for each in documents(lesson.options.folder)]
    failed = show_filling(lesson, shelf, [*wanted, UNREADABLE])
    rows = [(shelf.uploaded[file.id].name, file.last_error) for file in failed]
    lesson.terminal.table(
        ["failed", "why"],
        [(name, f"{error.code}: {error.message}" if error else "") for name, error in rows],
    )
    again = missing(lesson.client, shelf.store_id, [*wanted, UNREADABLE])
    lesson.terminal.note(
        f"""Once more the same folder: of {len(wanted) + 1} files {len(again)} would be uploaded,
        what has failed among them."""
    )


def show_filling(lesson: Lesson, shelf: Shelf, wanted: Sequence[Document]) -> list[VectorStoreFile]:
    """Upload and attach; give back those files that the store could not read."""
    client, terminal = lesson.client, lesson.terminal
    with delay_interrupts():
        shelf.store_id = store(client, shelf.made)
    fresh = [each for each in missing(client, shelf.store_id, wanted) if each.data]
    for document in terminal.progress(fresh, "uploading"):
        with delay_interrupts():
            shelf.uploaded[upload(client, document, shelf.made)] = document
    batch = attach(client, shelf.store_id, shelf.uploaded)
    *_, done = terminal.progress(wait(client, batch), "indexing")
    counts, size = done.file_counts, sum(len(each.data) for each in fresh)
    terminal.note(
        f"""{counts.total} files of {size:,} bytes. The batch is {done.status}; {counts.completed}
        files are, {counts.failed} failed."""
    )
    return [file for file in states(client, done) if file.status != "completed"]


def show_search(lesson: Lesson, store_id: str, asked: Ask) -> None:
    hits = search(lesson.client, store_id, asked.question)
    lesson.terminal.question(asked.question)
    found = [(hit.filename, hit.score, hit.content[0].text) for hit in hits]
    lesson.terminal.passages("found by search", found, asked.question, PREFIX)
    for way in WAYS:
        ranked = rank(lesson.client, asked, store_id, way)
        lesson.terminal.passages(way, ranked, asked.question, PREFIX)


def show_answer(lesson: Lesson, shelf: Shelf, asked: Ask, tool: FileSearchToolParam) -> None:
    sources: dict[str, str] = {}
    lesson.terminal.question(asked.question)
    lesson.terminal.live(answer(lesson.client, asked, tool, sources))
    for number, (file_id, name) in enumerate(sources.items(), 1):
        own = shelf.uploaded.get(file_id)
        lesson.terminal.note(f"[{number}] {own.name if own else name.removeprefix(PREFIX)}")


def show_editions(lesson: Lesson, shelf: Shelf, asked: Ask) -> None:
    store_id = show_opened(lesson, shelf)
    for year in (2025, 2026):
        lesson.terminal.note(f"edition {year}")
        show_answer(lesson, shelf, asked, editions(store_id, year))


def show_asked(lesson: Lesson, shelf: Shelf, asked: Ask) -> None:
    """Answer the question of the command line, if there is one, then those that are typed."""
    tool = whole(show_opened(lesson, shelf))
    typed = lesson.terminal.lines("Your question (an empty line ends): ")
    for each in ask(asked, chain([lesson.question] if lesson.question else [], typed)):
        show_answer(lesson, shelf, each, tool)


def show_sizes(lesson: Lesson, shelf: Shelf) -> None:
    if lesson.options.folder or lesson.options.store:
        lesson.terminal.note("Only for the handbook: of your own files no right answers are known.")
        return
    store_id, known = show_opened(lesson, shelf), known_questions(MOST_QUESTIONS)
    rows = []
    for tokens in SIZES:
        with delay_interrupts():
            batch = sizes(lesson.client, list(shelf.uploaded), tokens, shelf.made)
        *_, done = lesson.terminal.progress(wait(lesson.client, batch), f"{tokens} tokens a chunk")
        quality = measure(lesson.client, done.vector_store_id, known)
        rows.append((f"{tokens} tokens a chunk", *(f"{value:.2f}" for value in astuple(quality))))
    for threshold in THRESHOLDS:
        quality = measure(lesson.client, store_id, known, threshold)
        rows.append(
            (f"800 tokens, score over {threshold}", *(f"{value:.2f}" for value in astuple(quality)))
        )
    titles = [f"{len(known)} questions", "first", "in five", "mean 1/rank", "passages"]
    lesson.terminal.table(titles, rows)


if __name__ == "__main__":
    main()
