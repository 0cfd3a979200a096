"""Scenes of lesson 2, vector stores. The emulator's own stores serve: indexing and search are real.

What the program reads lies in a folder that the scene writes, and the variable EXERCISE_FILES names
it. Without the variable, the programs read what lies beside them in exercises/02_vector_stores/.
"""

import base64
import hashlib
import json
import math
import random
import re
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

from emulator.answers.answer import Answer, Citation, Prompt, SearchOutcome
from emulator.app import App
from emulator.retrieval import filters
from emulator.storage import file_table
from emulator.storage.file_storage import FileStorage
from emulator.wire import sse
from grading.answer_changer import AnswerChanger
from grading.child import Ending, Program
from grading.failure import Excerpt, Failure, difference, missing, value
from grading.request_turns import objects, turns
from grading.scene import WORDS, AlteredStreams, Scene, pieces, sentence
from grading.trace import Trace, TracedExchange
from setup import WINDOWS

from starlette.types import ASGIApp, Message, Receive, Scope, Send

FILES = "EXERCISE_FILES"
Vector = list[float]
STORES, STORE = "/v1/vector_stores", "/v1/vector_stores/{id}"
ATTACHING = (f"{STORE}/files", f"{STORE}/file_batches")
SEARCH = f"{STORE}/search"


def capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def compared(field: str, got: str, expected: str) -> Excerpt:
    """Two texts that differ as a whole, each cut to a line."""
    return value(field, got, value(field, expected).text)


def never_asked(after: str) -> Failure:
    fact = f"Your program never asked the model, although {after}."
    return Failure(fact, "That request shows what your code has found.", is_absence=True)


def uploaded(trace: Trace, after: int = 0) -> dict[str, str]:
    """The names of the uploaded files by their ids, of requests behind number `after`."""
    found: dict[str, str] = {}
    for each in trace.to("/v1/files", "/v1/uploads/{id}/complete"):
        made = each.answer_json if each.status == 200 and each.number > after else None
        made = made.get("file", made) if isinstance(made, dict) else {}
        if "filename" in (made or {}):
            found[made["id"]] = made["filename"]
    return found


@dataclass(frozen=True)
class Attached:
    """A file that a request attached to a store, with its attributes as they were sent."""

    file_id: str
    attributes: Mapping[str, Any]
    by: TracedExchange


def attached(trace: Trace, after: int = 0) -> list[Attached]:
    """All files that were attached, in order: one by one, in a batch, or with a new store."""
    found = []
    for each in trace.to(*ATTACHING, STORES):
        body = each.json if each.number > after and each.status == 200 else None
        rows = objects(body.get("files")) if isinstance(body, Mapping) else []
        if isinstance(body, Mapping) and not rows:
            ids = body.get("file_ids") or [body.get("file_id")]
            rows = [{**body, "file_id": id} for id in ids if id]
        found += [
            Attached(str(row.get("file_id")), row.get("attributes") or {}, each) for row in rows
        ]
    return found


def told_statuses(
    trace: Trace, asked: TracedExchange, before: Mapping[str, str], late: Collection[str] = ()
) -> dict[str, str]:
    """The status of each file by its id, as the program knows it after a request.

    `before` is what it knew. An answer names files with their status, perhaps only those of one
    status, or how many of a store or a batch are in progress. In that case, it is those of `late`.
    """
    answer = asked.answer_json if asked.method == "GET" and asked.status == 200 else None
    if not isinstance(answer, dict) or not asked.path.startswith(STORES):
        return dict(before)
    listed = objects(answer["data"]) if "data" in answer else [answer]
    rows = {
        row["id"]: str(row["status"]) for row in listed if row.get("object") == "vector_store.file"
    }
    ready, waiting = set[str](), set[str]()
    if (only := asked.query.get("filter")) and not answer.get("has_more"):
        held = _held(trace, asked.number, asked.path.split("/")) - rows.keys()
        ready |= held if only == ["in_progress"] else set()
        waiting |= held if only == ["completed"] else set()
    for row in listed:
        if isinstance(counts := row.get("file_counts"), dict):
            held = _held(trace, asked.number, [row["id"]])
            waiting |= held & {*late} if counts["in_progress"] else set()
            ready |= held - waiting if counts["in_progress"] == len(held & waiting) else set()
    known = {id: before.get(id, "in_progress") for id in waiting | ready}
    for id in ready:
        known[id] = "completed" if known[id] == "in_progress" else known[id]
    return {**before, **known, **rows}


def _held(trace: Trace, before: int, places: Sequence[str]) -> set[str]:
    """The files that were attached to a store, or by a batch, whose id is in `places`."""
    return {
        each.file_id
        for each in attached(trace)
        if each.by.number < before
        and {(each.by.answer_json or {}).get(key) for key in ("id", "vector_store_id")} & {*places}
    }


def _has(body: Any, key: str) -> bool:
    return isinstance(body, dict) and key in body


def file_names(draw: random.Random, many: int) -> list[str]:
    return [f"{word}.txt" for word in draw.sample(WORDS, many)]


# ---------------------------------------------------------------------------- V0


class ByHand(Scene):
    """V0: the passage with the highest cosine has to be in the prompt, and no other.

    One to three others have longer vectors and so a higher product, a further one is the nearest
    by distance. The vectors come in an order in which a program that ignores `index` finds a wrong
    one.
    """

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.question = f"Where is the {draw.choice(WORDS)} of the {draw.choice(WORDS)}?"
        self.passages = list({sentence(draw, 12): None for _ in range(9)})
        self.best = draw.choice(self.passages[2:-2])
        self.longest, self.nearest = draw.sample(
            [each for each in self.passages if each != self.best], 2
        )
        asked = _unit(draw)
        self.vectors = {self.question: asked}
        for passage in self.passages:
            cosine, length = draw.uniform(-0.2, 0.4), draw.uniform(0.5, 3)
            shaped = {self.best: (0.9, 3.0), self.longest: (0.6, 6.0)}
            shaped[self.nearest] = (0.7, 0.8)
            self.vectors[passage] = _at(draw, asked, *shaped.get(passage, (cosine, length)))
        self._lengthen(draw.choice((0, 1, 2)), asked)
        self.read_in_order: dict[str, Vector] = {}
        """The vector of each text, as somebody reads it who ignores `index`."""

    def _lengthen(self, many: int, asked: Vector) -> None:
        """Give as many more passages a product that is higher than that of the best one."""
        shaped = (self.best, self.longest, self.nearest)
        others = [each for each in self.passages if each not in shaped]
        for passage, length in zip(self.draw.sample(others, many), (5.8, 5.6), strict=False):
            self.vectors[passage] = _at(self.draw, asked, 0.55, length)

    def prepare(self, folder: Path) -> dict[str, str]:
        (folder / "passages.txt").write_text("\n".join(self.passages) + "\n", "utf-8")
        return {FILES: str(folder), "EXERCISE_QUESTION": self.question}

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        return Answer(pieces(self.draw, sentence(self.draw)))

    def around(self, app: ASGIApp) -> ASGIApp:
        return AnswerChanger(app, self.trace, {"/v1/embeddings": self._embed})

    def _embed(self, asked: Any, answer: Any) -> Any:
        texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
        vectors = [self._vector(text) for text in texts]
        order = self._order(texts, vectors)
        self.read_in_order |= {texts[place]: vectors[at] for place, at in enumerate(order)}
        length = asked.get("dimensions") or len(answer["data"][0]["embedding"])
        if asked.get("encoding_format") == "base64":
            length = len(base64.b64decode(answer["data"][0]["embedding"])) // 4
        form = asked.get("encoding_format", "float")
        data = [
            {"object": "embedding", "index": at, "embedding": _written(vectors[at], length, form)}
            for at in order
        ]
        return answer | {"data": data}

    def _vector(self, text: str) -> Vector:
        known = [self.vectors[each] for each in self.vectors if each in text]
        return known[0] if known else _unit(self.draw)

    def _order(self, texts: Sequence[str], vectors: Sequence[Vector]) -> list[int]:
        """An order by which the best passage isn't found if `index` is ignored."""
        order = list(range(len(texts)))
        for _ in range(200 if len(texts) > 1 else 0):
            self.draw.shuffle(order)
            read = {texts[place]: vectors[at] for place, at in enumerate(order)}
            if not self._found_by(read) & {self.best, self.longest, self.nearest}:
                break
        return order

    def _found_by(self, read: dict[str, Vector]) -> set[str]:
        """The passages that score highest by these vectors; a text that isn't here has its own."""
        read = self.vectors | read
        asked = read[self.question]
        return {
            max(self.passages, key=lambda each: score(asked, read[each]))
            for score in (_cosine, _dot)
        }

    def verdict(self) -> Failure | None:
        embedded = [text for each in self.trace.to("/v1/embeddings") for text in _texts(each.json)]
        asked = self.trace.writing()
        lacking = [text for text in self.vectors if not any(text in sent for sent in embedded)]
        if lacking and (asked or embedded):
            return self._not_embedded(lacking, is_early=not asked)
        if not asked:
            return never_asked("it had embedded the passages and the question")
        prompt = "\n".join(turn.text for turn in turns(asked[0]))
        held = [passage for passage in self.passages if passage in prompt]
        if held != [self.best]:
            return self._wrong_passages(asked[0].name, held)
        if self.question not in prompt:
            fact = f"{capital(asked[0].name)} doesn't contain the question."
            return Failure(fact, "The model needs both: the passage, and what you want to know.")
        return None

    def _not_embedded(self, lacking: list[str], *, is_early: bool) -> Failure:
        what = "the question" if lacking[0] == self.question else "some passages"
        if len(lacking) == len(self.vectors):
            what = "anything"
        fact = f"Your program asked the model, but it never embedded {what}."
        if is_early:
            fact = f"Your program ended, but it never embedded {what}."
        why = "Only texts that have a vector can be compared: the question and every passage."
        return Failure(fact, why, value("a text without a vector", lacking[0]), is_absence=is_early)

    def _wrong_passages(self, name: str, held: list[str]) -> Failure:
        name = capital(name)
        if not held:
            fact = f"{name} contains none of the passages."
            why = "Without the passage the model answers from its training, or invents something."
            return Failure(fact, why, value("a passage to be sent", self.best))
        if len(held) > 1:
            fact = f"{name} contains {len(held)} passages. The task is to send the best one alone."
            why = (
                "You pay for each passage, and the model needs only the one that fits the question."
            )
            return Failure(
                fact, why, compared("one of them", next(filter(self.best.__ne__, held)), self.best)
            )
        why = WHY_COSINE
        if held[0] == self.longest:
            why = WHY_LENGTH
        elif held[0] in self._found_by(self.read_in_order):
            why = WHY_ORDER
        fact = f"{name} contains a passage, but not the one with the highest cosine."
        return Failure(fact, why, compared("the passage in it", held[0], self.best))


WHY_COSINE = """For the cosine, multiply the two vectors number by number, add up the results, and
divide by the lengths of both. The highest one belongs to the passage with the most similar
meaning."""
WHY_LENGTH = """Without a division by the lengths, that passage comes first, because its vector is
long. Here the vectors have different lengths. Divide by the lengths of both vectors, or scale each
vector to the length 1 first."""
WHY_ORDER = """The items of `data` can come in any order. The `index` of an item says which of your
texts it belongs to. If you go by the order of the list, you get the vectors of other texts."""


def _texts(body: Any) -> list[str]:
    found = body.get("input") if isinstance(body, dict) else None
    return [found] if isinstance(found, str) else [str(each) for each in found or ()]


def _unit(draw: random.Random, numbers: int = 24) -> Vector:
    found = [draw.gauss(0, 1) for _ in range(numbers)]
    return [each / math.hypot(*found) for each in found]


def _at(draw: random.Random, other: Vector, cosine: float, length: float) -> Vector:
    """A vector of this length that has this cosine with a vector of length 1."""
    side = _unit(draw, len(other))
    along = _dot(side, other)
    side = [a - along * b for a, b in zip(side, other, strict=True)]
    across = math.sqrt(1 - cosine**2) / math.hypot(*side)
    return [length * (cosine * b + across * a) for a, b in zip(side, other, strict=True)]


def _dot(one: Vector, other: Vector) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _cosine(one: Vector, other: Vector) -> float:
    return _dot(one, other) / (math.hypot(*one) * math.hypot(*other))


def _written(vector: Vector, length: int, form: str) -> str | Vector:
    """Filled with zeros, which changes no cosine; as the request wants it."""
    whole = [*vector, *[0.0] * (length - len(vector))][:length]
    if form != "base64":
        return whole
    return base64.b64encode(struct.pack(f"<{length}f", *whole)).decode()


# ---------------------------------------------------------------------------- V1


class StoreScene(Scene):
    """A scene with a search, the first of which has to load what the emulator searches with."""

    limit_s: ClassVar[float] = 30.0
    storage: FileStorage
    """The server's own files and stores, in which a scene can change something by itself."""

    def around(self, app: ASGIApp) -> ASGIApp:
        assert isinstance(app, App)
        self.storage = app.service.file_storage
        return app


class Ingest(StoreScene):
    """V1: one of six files fails, others get ready too late. All of them have to be reported.

    In the first run of a check, four files never get ready, and the deadline is short. So a program
    with a deadline for each file waits four times as long, which is more than the scene allows.

    In the later runs the deadline is long, and one file gets ready once the program has seen that
    it isn't yet, and later than the program had waited in the run before (`judge.check`). So a
    program that waits for some time of its own goes on too early, and one that waits for the
    deadline in any case never comes to an end.

    What counts is what the program was told: so a slow machine changes no verdict.
    """

    patience_s: ClassVar[float] = 4.0
    """How long after its deadline a program may still wait."""
    pause_s: ClassVar[float] = 8.0
    """How long a program may wait between two requests for a status."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.names = file_names(draw, 6)
        # A program that waits for them one after the other meets the late one first.
        self.late, self.failing = sorted(draw.sample(self.names, 2))
        others = [name for name in self.names if name not in (self.late, self.failing)]
        self.stuck = [self.late, *draw.sample(others, 3)]
        """The files that never get ready, in the first run of a check."""
        self.question = f"Where is the {draw.choice(WORDS)}?"
        self.short_s, self.long_s = draw.choice((1.9, 2.0, 2.1)), draw.choice((31.0, 34.0, 37.0))
        self.is_released = self.is_stopped = False
        """Whether the late file may get ready, and whether the program waited on for too long."""
        self._seen, self._asked_at = 0, 0.0
        self._knew_at: float | None = None

    @property
    def gets_ready(self) -> bool:
        return self.hold_s > 0

    @property
    def deadline_s(self) -> float:
        return self.long_s if self.gets_ready else self.short_s

    @property
    def lates(self) -> list[str]:
        """The files that aren't ready at first."""
        return [self.late] if self.gets_ready else self.stuck

    def prepare(self, folder: Path) -> dict[str, str]:
        (folder / "inbox").mkdir()
        for name in self.names:
            text = sentence(self.draw).encode()
            if name == self.failing:  # no UTF-8; where and with what is part of the reason
                text += bytes([self.draw.randrange(128, 192)]) + sentence(self.draw).encode()
            (folder / "inbox" / name).write_bytes(text)
        return {
            FILES: str(folder),
            "EXERCISE_DEADLINE": f"{self.deadline_s:g}",
            "EXERCISE_QUESTION": self.question,
        }

    def fault(self, request: TracedExchange) -> str:
        is_store = request.path.startswith(STORES) and not request.path.endswith("/search")
        faults = ",".join(f"stuck={name}" for name in self.lates)
        return faults if request.method == "POST" and is_store else ""

    def drive(self, program: Program) -> Ending:
        """Stop it where it waits forever: the rest of the limit would show nothing more."""
        began: float | None = None
        end = time.monotonic() + self.limit_s
        while program.is_running and not self._reports() and (now := time.monotonic()) < end:
            if began is None and attached(self.trace):
                began = now
            if began is not None and now > self._last_moment(began, now):
                self.is_stopped = True
                break
            time.sleep(0.02)
        return program.wait(self.limit_s if self._reports() else 0.1)

    def _last_moment(self, began: float, now: float) -> float:
        """How long the program may go on waiting, by what it has asked for and was told."""
        if not self.gets_ready:
            return began + self.deadline_s + self.patience_s + 1
        if not self.is_released and now - began >= self.hold_s:
            self._release()
        if len(self.trace.exchanges) > self._seen:
            self._seen, self._asked_at = len(self.trace.exchanges), now
        if self._knew_at is None and self._is_told_ready():
            self._knew_at = now
        last = self._asked_at + self.pause_s
        return last if self._knew_at is None else min(last, self._knew_at + self.patience_s + 1)

    def _release(self) -> None:
        """Have the late file indexed, if the program could see that it isn't ready."""
        asked = self.trace.exchanges[attached(self.trace)[0].by.number :]
        if not any(_is_about_files(each) and each.ended for each in asked):
            return
        self.is_released = True
        for each in self.storage.attached.unfinished():
            if each.file_name == self.late:
                self.storage.queue_indexing([replace(each, faults=())])

    def _is_told_ready(self, before: int | None = None) -> bool:
        """Whether the program knew that no file is in progress any more."""
        told = self._told(before)
        return told.get(self.late) == "completed" and "in_progress" not in told.values()

    def waited_s(self) -> float:
        """From the first file attached to the report; in the first run of a check alone."""
        files, reports = attached(self.trace), self._reports()
        if self.gets_ready or not files or not reports:
            return 0.0
        return max(0.0, reports[0].began - files[0].by.began)

    def _reports(self) -> list[TracedExchange]:
        """The requests that send the reasons on."""
        sent = self.trace.to(STORE)
        return [each for each in sent if isinstance(each.json, dict) and "metadata" in each.json]

    def verdict(self) -> Failure | None:
        names = uploaded(self.trace)
        held = {names.get(each.file_id) for each in attached(self.trace)}
        reports, searches = self._reports(), self.trace.to(SEARCH)
        lacking = [name for name in self.names if name not in held]
        behind = [*reports[:1], *searches[:1]]
        if held and not behind and (waiting := self._still_waiting(lacking)):
            return waiting
        if lacking:
            return self._not_attached(lacking[0], is_early=not behind)
        began = attached(self.trace)[0].by.began
        if not behind:
            fact = "Your program attached the files, but it never sent the report."
            why = "The report shows whether you know what became of each file."
            return Failure(fact, why, is_absence=True)
        first = min(behind, key=lambda each: each.number)
        is_early = first.began - began < self.deadline_s / 2
        if not self._has_asked(first.number) or (
            is_early and not self._is_told_ready(first.number)
        ):
            return self._too_early(first)
        if not reports:
            fact = f"Your program searched ({first.call}), but it never sent the report."
            return Failure(fact, WHY_REPORT)
        if wrong := self._wrong_report(reports[0]):
            return wrong
        if not searches:
            fact = "Your program never searched the store."
            return Failure(fact, "The files that are ready should be used.", is_absence=True)
        return None

    def _not_attached(self, name: str, *, is_early: bool) -> Failure:
        fact = f"The file {name} was never attached to the vector store."
        why = "An uploaded file can be found only if a store has it. The task names all six."
        return Failure(fact, why, is_absence=is_early)

    def _still_waiting(self, lacking: Sequence[str]) -> Failure | None:
        """Whether the program waited on for too long; `lacking` are files it hasn't attached."""
        began = attached(self.trace)[0].by.began
        asked = [each for each in self.trace.exchanges if _is_about_files(each)]
        if self.gets_ready:
            return self._waited_too_long() if self.is_stopped and not lacking else None
        if not asked or asked[-1].began - began <= self.deadline_s + self.patience_s / 2:
            return None
        told = self._told()
        name = next((name for name in self.stuck if told.get(name) == "in_progress"), self.late)
        fact = "The deadline passed long ago, but your program is still waiting."
        why = f"""Some files never become ready. After DEADLINE seconds ({self.deadline_s:g} in this
        check), report what isn't ready, and go on with the rest."""
        shown = value(f"{name}: status", "in_progress")
        if self._began_again(asked, began + self.deadline_s):
            why = f"""Your program waits for one file after the other, and gives each of them the
            full time. DEADLINE ({self.deadline_s:g} seconds in this check) is for all files
            together: compute the end time once, before you wait for the first file."""
        elif lacking:
            fact = f"Your program waits for {name}, and the files after it were never attached."
            why = f"""That file never becomes ready. Attach all files first. Then wait for all of
            them together, for at most DEADLINE seconds ({self.deadline_s:g} in this check)."""
        return Failure(fact, why, shown)

    def _began_again(self, asked: Sequence[TracedExchange], end: float) -> bool:
        """Whether a file was asked for the first time after the deadline, and then again."""
        began = dict[str, float]()
        for each in asked:
            if began.setdefault(each.path, each.began) > end and each.began > began[each.path]:
                return True
        return False

    def _waited_too_long(self) -> Failure:
        why = f"""DEADLINE is the longest time to wait ({self.deadline_s:g} seconds in this run).
        Ask again and again, and go on as soon as no file is in_progress."""
        fact = f"Your program waited for {self.pause_s:g} seconds without a request."
        if self._knew_at is not None:
            fact = "No file is in progress any more, but your program is still waiting."
        status = self._told().get(self.late, "never asked for")
        return Failure(fact, why, value(f"{self.late}: status", status))

    def _too_early(self, request: TracedExchange) -> Failure:
        told = self._told(request.number)
        if self._has_asked(request.number):
            fact = f"Your program went on ({request.call}) long before the deadline."
            shown = value(f"{self.late}: status", told.get(self.late, "never asked for"))
        else:
            fact = f"Your program went on ({request.call}) without asking for any status."
            shown = value("requests for a status", 0, "at least one")
        why = f"""Attaching only starts the work: files are indexed in the background, and a search
        before that is done misses some. Ask for the status until no file is in_progress, for at
        most DEADLINE seconds ({self.deadline_s:g} in this check)."""
        return Failure(fact, why, shown)

    def _has_asked(self, before: int) -> bool:
        """Whether it asked for the state of the store, of a batch or of a file."""
        return any(_is_about_files(each) for each in self.trace.exchanges[: before - 1])

    def _told(self, before: int | None = None) -> dict[str, str]:
        """The last status of each file that the program was told, by name."""
        names, told = uploaded(self.trace), dict[str, str]()
        late = [id for id, name in names.items() if name in self.lates]
        for each in self.trace.exchanges[: None if before is None else before - 1]:
            told = told_statuses(self.trace, each, told, late)
        return {names.get(id, ""): status for id, status in told.items()}

    def _wrong_report(self, report: TracedExchange) -> Failure | None:
        sent, told = report.json["metadata"] or {}, self._told(report.number)
        ids, reason = uploaded(self.trace), self._reason()
        if id := next(filter(ids.get, sent), ""):
            fact = "The report has the ids of files where their names should be."
            shown = Excerpt("a key of metadata", f"{id[:5]}...", 0, ids[id])
            return Failure(fact, "People know a file by its name: `names[id]`.", shown)
        for name in self.names:
            if name in sent and name not in told:
                fact = f"The report names {name}, but your program never asked for its status."
                return Failure(fact, WHY_NEVER_ASKED, value(f"metadata.{name}", sent[name]))
        late = [] if self._is_told_ready(report.number) else self.lates
        for name, wanted in {self.failing: reason, **dict.fromkeys(late, "in_progress")}.items():
            got = sent.get(name)
            if got == wanted or (got == told.get(name) == "in_progress"):
                continue
            what = "failed" if name == self.failing else "is not ready at the deadline"
            if got is None:
                fact = f"The report leaves out {name}, which {what}."
                shown = missing(f"metadata.{name}", sent, json.dumps(wanted))
                return Failure(fact, WHY_REPORT, shown)
            fact = f"The report gives a wrong reason for {name}, which {what}."
            return Failure(fact, WHY_REASON, difference(f"metadata.{name}", str(got), wanted))
        return self._wrong_rows(sent, told)

    def _wrong_rows(self, sent: Mapping[str, Any], told: Mapping[str, str]) -> Failure | None:
        """A file in the report that is ready, or one that is left out and wasn't."""
        for name in sent:
            is_ready = name in self.names and told.get(name) != "in_progress"
            if is_ready and name != self.failing:
                fact = f"The report names {name}, but that file is ready."
                shown = value(f"metadata.{name}", sent[name], "no such key")
                return Failure(fact, WHY_READY, shown)
        for name, status in told.items():
            if status == "in_progress" and name not in sent and name in self.names:
                fact = f"The report leaves out {name}. When you last asked, it was not ready."
                return Failure(fact, WHY_REPORT, missing("metadata", sent, name))
        return None

    def _reason(self) -> str:
        """What the server says of the file that fails, read from any answer that has it."""
        for each in self.trace.exchanges:
            answer = each.answer_json if each.method == "GET" else None
            rows = objects(answer.get("data")) or [answer] if isinstance(answer, dict) else []
            for row in rows:
                if error := row.get("last_error"):
                    return str(error["message"])
        return "the message of its last_error"


def _is_about_files(request: TracedExchange) -> bool:
    return request.method == "GET" and request.path.startswith(STORES)


WHY_REPORT = """A file that fails raises no exception, and a batch can be completed although some
of its files failed. Look at the status of every file."""
WHY_REASON = """The reason for a failed file is the field `message` of its `last_error`. A file that
isn't ready when the deadline has passed is reported as in_progress."""
WHY_READY = "Report only files that failed, or that aren't ready when the deadline has passed."
WHY_NEVER_ASKED = """If you wait for one file after the other, a slow one uses up the time of all
that come after it. Lesson 2 may do so, as it gives up at the deadline. Here the report needs the
status of each file, so ask for all of them in each round: one request lists the whole store."""


# ---------------------------------------------------------------------------- V2


class SyncTwice(StoreScene):
    """V2: the program runs twice. The second time, one file of more than a page's has changed.

    Its new text is as long as the old one, so that neither name nor size gives it away. Another
    file has been deleted from the store, which shows only if the store is asked.
    """

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.names = sorted(file_names(draw, 23))
        self.changed, self.deleted = draw.sample(self.names, 2)
        self.digests: dict[str, str] = {}
        self.changed_digest = ""
        self.first_run: int | None = None
        """How many requests the first run made; None until it has ended well."""

    def prepare(self, folder: Path) -> dict[str, str]:
        self.folder = folder / "files"
        self.folder.mkdir()
        for name in self.names:
            text = sentence(self.draw).encode()
            (self.folder / name).write_bytes(text)
            self.digests[name] = hashlib.sha256(text).hexdigest()
        return {FILES: str(folder)}

    def drive(self, program: Program) -> Ending:
        ending = program.wait(self.limit_s)
        if ending.code != 0 or ending.is_flood:
            return ending
        self.change()
        return program.again().wait(self.limit_s)

    def change(self) -> None:
        """Change a file and delete another one on the server, between the two runs."""
        for id, name in uploaded(self.trace).items():
            if name == self.deleted:
                self.storage.delete_file(id)
        path = self.folder / self.changed
        text = path.read_bytes()
        path.write_bytes(text[:-4] + str(1099 - int(text[-4:-1])).zfill(4)[-3:].encode() + b".")
        self.changed_digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.first_run = len(self.trace.exchanges)

    def verdict(self) -> Failure | None:
        if wrong := self._first_wrong():
            return wrong
        if self.first_run is None:
            return None  # it did not end well, which is told
        return self._second_wrong(self.first_run)

    def _first_wrong(self) -> Failure | None:
        sent = list(uploaded(self._until(self.first_run)).values())
        if twice := next((name for name in sent if sent.count(name) > 1), None):
            return Failure(f"The first run uploaded {twice} twice.", WHY_TWICE)
        if lacking := next((name for name in self.names if name not in sent), None):
            fact = f"The first run never uploaded {lacking}."
            return Failure(fact, "At first the store is empty: every file is new.", is_absence=True)
        return self._wrong_attributes(self._until(self.first_run), self.digests)

    def _second_wrong(self, first_run: int) -> Failure | None:
        second = uploaded(self.trace, first_run)
        sent = list(second.values())
        wanted = (self.changed, self.deleted)
        if again := [name for name in sent if name not in wanted]:
            why = WHY_TWICE if len(again) > len(self.names) / 2 else WHY_PAGES
            fact = f"The second run uploaded {again[0]} again, although it has not changed."
            shown = value("files uploaded again without need", len(again), "0")
            return Failure(fact, why, shown)
        if self.changed not in sent:
            fact = f"The second run didn't upload {self.changed}, although its text has changed."
            why = """Name and size are as before, so only the content shows the change. Compare the
            digest with the one in the attributes."""
            return Failure(fact, why, is_absence=True)
        if self.deleted not in sent:
            fact = f"The second run didn't upload {self.deleted}, which the store no longer has."
            why = """It was deleted on the server between the two runs. Only the store has a list of
            what it has: ask for that in each run, and don't keep a list of your own."""
            return Failure(fact, why, is_absence=True)
        if twice := next((name for name in wanted if sent.count(name) > 1), None):
            return Failure(f"The second run uploaded {twice} twice.", WHY_TWICE)
        digests = self.digests | {self.changed: self.changed_digest}
        if wrong := self._wrong_attributes(self.trace, digests, first_run):
            return wrong
        new_id = next(id for id, name in second.items() if name == self.changed)
        return self._wrong_deletes(first_run, new_id)

    def _until(self, count: int | None) -> Trace:
        return Trace(self.trace.exchanges[:count])

    def _wrong_attributes(
        self, trace: Trace, digests: Mapping[str, str], after: int = 0
    ) -> Failure | None:
        """The first file of `trace` that isn't attached as it should be."""
        names = uploaded(trace, after)
        sent = {each.file_id: each.attributes for each in attached(trace, after)}
        for each in trace.to(f"{STORE}/files/{{id}}"):
            if isinstance(each.json, dict):
                sent[each.path.rpartition("/")[2]] = each.json.get("attributes") or {}
        for id, name in names.items():
            if id not in sent:
                fact = f"The file {name} was uploaded, but never attached to the store."
                why = "Only the files of the store are searched, and only they have attributes."
                return Failure(fact, why, is_absence=True)
            for key, wanted in (("name", name), ("sha256", digests[name])):
                if sent[id].get(key) != wanted:
                    return _wrong_attribute(key, sent[id], wanted, name)
        return None

    def _wrong_deletes(self, first_run: int, new_id: str) -> Failure | None:
        old = {name: id for id, name in uploaded(self._until(first_run)).items()}
        gone = {each.path.rpartition("/")[2]: each for each in self._deletes(first_run)}
        for name, id in old.items():
            if id in gone and name != self.changed:
                fact = f"The second run deleted {name}, although it has not changed."
                return Failure(fact, "Delete only the old version of a file that has changed.")
        took_away = gone.get(old[self.changed])
        if took_away is None:
            fact = f"The old version of {self.changed} is still in the store."
            why = "A search finds both versions now, and an answer may quote the old one."
            return Failure(fact, why, is_absence=True)
        attaching = next(each.by for each in attached(self.trace) if each.file_id == new_id)
        if took_away.number < attaching.number:
            fact = f"The old version of {self.changed} was deleted before the new one was attached."
            why = "If the program stops in between, the store has neither of them. Attach first."
            return Failure(fact, why, Excerpt("the first of the two", took_away.call))
        if not any(each.path == f"/v1/files/{old[self.changed]}" for each in gone.values()):
            fact = f"The old version of {self.changed} is out of the store, but still uploaded."
            why = """Files that nobody needs count toward your storage limit. client.files.delete
            removes a file everywhere, from the stores, too."""
            return Failure(fact, why, Excerpt("what was sent", took_away.call), is_absence=True)
        return None

    def _deletes(self, first_run: int) -> list[TracedExchange]:
        """Of files, the removal of which from everywhere comes last."""
        every = [
            *self.trace.to(f"{STORE}/files/{{id}}", method="DELETE"),
            *self.trace.to("/v1/files/{id}", method="DELETE"),
        ]
        return [each for each in every if each.number > first_run and each.status == 200]


def _wrong_attribute(key: str, sent: Mapping[str, Any], wanted: str, name: str) -> Failure:
    where, why = f"attributes.{key}", "The next run recognizes a file by its attributes."
    if key not in sent:
        fact = f"The file {name} was attached without the attribute {key}."
        return Failure(fact, why, missing(where, sent, json.dumps(wanted)))
    fact = f"The file {name} was attached with a wrong attribute {key}."
    return Failure(fact, why, difference(where, str(sent[key]), wanted))


WHY_TWICE = """You pay for each copy in the store, and answers cite the same text twice. First ask
the store which files it has, and compare their attributes with the files in the folder."""
WHY_PAGES = """Your program knew most of the files, but not all: a list comes in pages of 20. The
field `data` has the first page alone. `for file in client.vector_stores.files.list(...)` reads all
pages."""


# ---------------------------------------------------------------------------- V3


@dataclass(frozen=True)
class Labelled:
    """What a question asks for, or a file is: an edition, and whether it is public."""

    edition: int
    is_public: bool

    @property
    def attributes(self) -> dict[str, str | float | bool]:
        return {"edition": self.edition, "public": self.is_public}


class Filters(StoreScene):
    """V3: attributes and filters have JSON's types; where nothing is found, no model is asked."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        years = draw.sample(range(1990, 2030), 4)
        self.kinds = [Labelled(year, is_public) for year in years for is_public in (True, False)]
        """All that a question could ask for; there are no files of the last edition."""
        kinds = self.kinds[:6]
        asked = draw.sample(kinds, 3)
        several = [*kinds, asked[0], asked[0]]
        """Three files are found for one of the questions."""
        self.files = dict(zip(file_names(draw, len(several)), several, strict=True))
        asked.append(Labelled(years[3], draw.random() < 0.5))
        draw.shuffle(asked)
        self.questions = {f"{sentence(draw, 7)[:-1]}?": kind for kind in asked}
        self.texts: dict[str, str] = {}

    def prepare(self, folder: Path) -> dict[str, str]:
        (folder / "files").mkdir()
        for name, kind in self.files.items():
            text = f"Edition: {kind.edition}\nPublic: {_yes(kind.is_public)}\n\n"
            self.texts[name] = sentence(self.draw)
            (folder / "files" / name).write_text(f"{text}{self.texts[name]}\n", "utf-8")
        rows = [
            f"{kind.edition} | {_yes(kind.is_public)} | {question}"
            for question, kind in self.questions.items()
        ]
        (folder / "questions.txt").write_text("\n".join(rows) + "\n", "utf-8")
        return {FILES: str(folder)}

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        return Answer(pieces(self.draw, sentence(self.draw)))

    def verdict(self) -> Failure | None:
        if wrong := self._wrong_attributes():
            return wrong
        for question, kind in self.questions.items():
            searches = self._searches(question)
            if not searches:
                return self._never_searched(question)
            wrong = self._wrong_filter(searches[0], question, kind)
            if wrong := wrong or self._too_few(searches[0], question, kind):
                return wrong
            if wrong := self._wrong_request(searches[0], question):
                return wrong
        for each in self.trace.writing():
            if wrong := self._wrong_tool(each) or self._wrong_passages(each):
                return wrong
        return None

    def _searches(self, question: str) -> list[TracedExchange]:
        every = self.trace.to(SEARCH)
        return [each for each in every if each.status == 200 and question in _query(each)]

    def _asked(self, question: str) -> list[TracedExchange]:
        return [each for each in self.trace.writing() if self._question_of(each) == question]

    def _question_of(self, request: TracedExchange) -> str | None:
        """The question that a request asks. Others may stand before it, in the conversation."""
        said = turns(request)
        last = next((turn.text for turn in reversed(said) if turn.role == "user"), "")
        for text in (last, "\n".join(turn.text for turn in said)):
            places = {each: _words(text).rfind(_words(each)) for each in self.questions}
            found = max(places, key=lambda each: places[each])
            if places[found] >= 0:
                return found
        return None

    def _wrong_attributes(self) -> Failure | None:
        names = uploaded(self.trace)
        given = {names.get(each.file_id, ""): each.attributes for each in attached(self.trace)}
        for name, kind in self.files.items():
            if name not in given:
                fact = f"The file {name} was never attached to the store."
                return Failure(fact, "Each file of the folder is searched.", is_absence=True)
            for key, wanted in kind.attributes.items():
                if not filters.same(given[name].get(key, ""), wanted):
                    return self._wrong_attribute(name, key, given[name], wanted)
        return None

    def _wrong_attribute(
        self, name: str, key: str, sent: Mapping[str, Any], wanted: str | float | bool
    ) -> Failure:
        where, written = f"attributes.{key}", json.dumps(wanted)
        if key not in sent:
            fact = f"The file {name} was attached without the attribute {key}."
            return Failure(fact, "Then a filter never finds it.", missing(where, sent, written))
        fact = f"The attribute {key} of {name} is wrong."
        why = "It differs from what the first lines of the file say."
        if isinstance(sent[key], str):
            fact = f"The attribute {key} of {name} is a string, not {_kind(wanted)}."
            why = WHY_TYPES
        elif key == "public" and sent[key] is True:
            why = """The file says no. `bool` of any string that isn't empty is True, even of "no".
            Compare the string with "yes"."""
        return Failure(fact, why, value(where, sent[key], written))

    def _never_searched(self, question: str) -> Failure:
        if self._asked(question):
            fact = f'The model was asked "{question}" without a search first.'
            why = """Search first, with client.vector_stores.search and the filter. Then you know
            whether there is anything to ask. The file_search tool would ask the model at once."""
            return Failure(fact, why)
        fact = f'Your program never searched for the question "{question}"'
        return Failure(fact, "Each line of questions.txt has to be searched.", is_absence=True)

    def _wrong_filter(
        self, search: TracedExchange, question: str, kind: Labelled
    ) -> Failure | None:
        sent, name = search.json.get("filters"), f'the search for "{question}"'
        if sent is None:
            fact = f"{capital(name)} has no filter."
            return Failure(fact, WHY_FILTER, missing("filters", search.json, "an object"))
        leaves = {leaf["key"]: leaf["value"] for leaf in _comparisons(sent)}
        for key, right in kind.attributes.items():
            if key not in leaves:
                fact = f"The filter of {name} doesn't compare {key}."
                return Failure(fact, WHY_FILTER, missing(f"filters, {key}", leaves, key))
            several = leaves[key] if isinstance(leaves[key], list) else [leaves[key]]
            if any(isinstance(each, str) for each in several):
                fact = f"The filter of {name} compares {key} with a string."
                shown = value(f"value of {key}", leaves[key], json.dumps(right))
                return Failure(fact, WHY_TYPES, shown)
        return self._wrong_selection(sent, name, kind)

    def _wrong_selection(self, sent: Any, name: str, kind: Labelled) -> Failure | None:
        """A filter with both attributes, which selects others than the question asks for."""
        keep = filters.parse("filters", sent)
        if [each for each in self.kinds if keep(each.attributes)] == [kind]:
            return None
        if wrong := _wrong_value(sent, kind):
            key, got = wrong
            fact = f"The filter of {name} compares {key} with {json.dumps(got)}."
            why = WHY_TRUE if isinstance(got, bool) else WHY_VALUE
            right = json.dumps(kind.attributes[key])
            return Failure(fact, why, value(f"value of {key}", got, right))
        fact = f"The filter of {name} selects the wrong files."
        only = f"edition {kind.edition}, public: {_yes(kind.is_public)}"
        return Failure(fact, WHY_FILTER, value("filters", sent, f"only {only}"))

    def _too_few(self, search: TracedExchange, question: str, kind: Labelled) -> Failure | None:
        """A search with the right filter that limits its results to some of the files."""
        found = {hit["filename"] for hit in search.answer_json["data"]}
        wanted = [name for name, of in self.files.items() if of == kind]
        limits = [key for key in ("max_num_results", "ranking_options") if key in search.json]
        if found.issuperset(wanted) or not limits:
            return None
        fact = f'The search for "{question}" returned {len(found)} of the {len(wanted)} files.'
        why = """They all match the filter, and the answer may be in any of them. Leave the limit
        out: then a search returns the ten best passages."""
        return Failure(fact, why, value(limits[0], search.json[limits[0]], "no such field"))

    def _wrong_request(self, search: TracedExchange, question: str) -> Failure | None:
        asked, found = self._asked(question), _passages(search)
        if asked and not found:
            fact = f'The model was asked "{question}" although the search had found nothing.'
            return Failure(fact, WHY_NOTHING, value(f"data of {search.call}", []))
        if not found and (other := self._asked_behind(search, question)):
            fact = f'{other.title} came after the search for "{question}" had found nothing.'
            return Failure(fact, WHY_NOTHING, value(f"data of {search.call}", []))
        if not asked and found:
            fact = f'The model was never asked "{question}"'
            why = "The search found a passage for it. That is what the model should read."
            for each in self.trace.writing():
                has_passages = all(_words(text) in _plain(each) for text in found)
                if has_passages and self._question_of(each) is None:
                    why = f"{each.title} has the passages, but not the question. Send both."
            return Failure(fact, why, is_absence=True)
        if not asked:
            return None
        lacking = [[text for text in found if _words(text) not in _plain(each)] for each in asked]
        if all(lacking):
            fact = f'The model was asked "{question}" without a passage that the search had found.'
            why = "The model can only use what is in the request: the question and the passages."
            return Failure(fact, why, value("a passage found", " ".join(lacking[0][0].split())))
        return next(filter(None, map(self._wrong_passages, asked)), None)

    def _asked_behind(self, search: TracedExchange, question: str) -> TracedExchange | None:
        """A request without any of the questions, before another of them was searched for."""
        behind = [each for each in self.trace.to(SEARCH) if each.number > search.number]
        others = [each.number for each in behind if question not in _query(each)]
        end = min(others, default=len(self.trace.exchanges) + 1)
        for each in self.trace.writing():
            if search.number < each.number < end and self._question_of(each) is None:
                return each
        return None

    def _wrong_passages(self, request: TracedExchange) -> Failure | None:
        """Text that the search for its question hasn't found, or before it, no search at all."""
        question = self._question_of(request)
        before, now = _parted(request)
        found = {each: self._found(each) for each in self.questions}
        everywhere = _words(" ".join(found.values()))
        here = everywhere if question is None else _words(found[question])
        for name, text in self.texts.items():
            words = _words(text)
            is_known = words in everywhere or words not in before
            if not is_known or (words in now and words not in here):
                fact = f'The model was asked "{question}" with text that the search had not found.'
                if question is None:
                    fact = f"{request.title} has text of a file that no search had found."
                why = (
                    "Then the filter is useless: the model reads what the filter should leave out."
                )
                return Failure(fact, why, value(name, text))
        return None

    def _found(self, question: str) -> str:
        """The text that the search for a question has found."""
        return " ".join(text for each in self._searches(question)[:1] for text in _passages(each))

    def _wrong_tool(self, request: TracedExchange) -> Failure | None:
        """The file_search tool with another filter than the search has."""
        asked = self.questions.get(self._question_of(request) or "")
        for tool in objects(request.json.get("tools")) if request.status == 200 else ():
            if tool.get("type") != "file_search":
                continue
            keep = filters.parse("filters", tool["filters"]) if tool.get("filters") else None
            if keep and [each for each in self.kinds if keep(each.attributes)] == [asked]:
                continue
            fact = f"{request.title} offers the file_search tool without the filter of the search."
            why = """The tool searches once more, and the model reads what your filter should leave
            out. The passages that your own search found are enough."""
            return Failure(fact, why, missing("tools[].filters", tool, "as in the search"))
        return None


def _passages(search: TracedExchange) -> list[str]:
    return [part["text"] for hit in search.answer_json["data"] for part in hit.get("content") or ()]


def _parted(request: TracedExchange) -> tuple[str, str]:
    """What was said before the last answer in a request, and what belongs to its own question."""
    said = turns(request)
    asked = max((n for n, turn in enumerate(said) if turn.role == "user"), default=0)
    answers = [n for n, turn in enumerate(said[:asked]) if turn.role == "assistant"]
    start = answers[-1] if answers else 0
    parts: tuple[list[str], list[str]] = [], []
    for number, turn in enumerate(said):
        parts[number >= start or turn.role in ("system", "developer")].append(turn.text)
    return _words("\n".join(parts[0])), _words("\n".join(parts[1]))


def _query(search: TracedExchange) -> str:
    """The query of a search; several are joined."""
    asked = search.json.get("query") if isinstance(search.json, dict) else ""
    return "\n".join(map(str, asked)) if isinstance(asked, list) else str(asked)


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _kind(wanted: str | float | bool) -> str:
    return "a boolean" if isinstance(wanted, bool) else "a number"


def _words(text: str) -> str:
    """The letters and digits of a text, however it was indented, quoted, or escaped as JSON."""
    unescaped = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    return re.sub(r"[\W_]+", "", unescaped.replace("\\n", " "))


def _plain(request: TracedExchange) -> str:
    return _words(_said(request))


def _said(request: TracedExchange) -> str:
    return "\n".join(turn.text for turn in turns(request))


def _wrong_value(sent: Any, kind: Labelled) -> tuple[str, Any] | None:
    """An attribute that a filter wants to be equal to something else than the question's."""
    for leaf in _comparisons(sent):
        key, got = leaf["key"], leaf["value"]
        if leaf.get("type") == "eq" and got != kind.attributes.get(key, got):
            return key, got
    return None


def _comparisons(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The comparisons in a filter, however deep."""
    if "key" in found:
        yield found
    for each in found.get("filters") or ():
        yield from _comparisons(each)


WHY_TYPES = """In JSON, the string "2024" and the number 2024 are different values, and so are "yes"
and true. A filter that compares one with the other finds nothing. Use the same type everywhere:
numbers for editions, so that you can compare by size, and true or false for yes or no."""
WHY_FILTER = """The filter has to compare both attributes, edition and public, so that only the
files that the question asks for are searched."""
WHY_VALUE = "The question is about others. Take both values from what it asks for."
WHY_NOTHING = """Without any passage, a model answers from its training, or invents something. And
you pay for it. Say yourself that no file matches."""
WHY_TRUE = """The question is about others. For Python, every text but an empty one is true:
bool("no") is True, as well as bool("yes")."""


# ---------------------------------------------------------------------------- V4


class Footnotes(StoreScene):
    """V4: the answer comes back with marks and footnotes, in the next request.

    Files are cited more than once, one is found but not cited. The model searches twice, and
    there is reasoning around the searches and after the message, so that none of them has a fixed
    place in the output. Of the files that are cited, each search has the best passage of some.
    """

    meanings: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("AttributeError", "IndexError"),
        """an item of `output` isn't of the type that your code expects. Reasoning, a search and
        the message can come at any place in the list: find each by its `type`.""",
    )

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.names = sorted(file_names(draw, 5))
        self.question = f"Where is the {draw.choice(WORDS)}?"
        cited = draw.sample(self.names, 3)
        order = [*cited, cited[0], draw.choice(cited[1:])]
        draw.shuffle(order)
        self.cited = order
        """The file of each citation."""
        self.sentences = [sentence(draw)[:-1] for _ in range(len(order) + 1)]
        self.pieces = self._cut(order)
        """The text in pieces, each with the file that is cited behind it, or ""."""
        places = draw.sample(range(20, 99), 2 * len(self.names))
        self.scores = sorted(
            (
                (self._near(place, name), name)
                for place, name in zip(places, [*self.names, *self.names], strict=True)
            ),
            reverse=True,
        )
        self.searched_twice = _SearchedTwice(draw, self._found_second())

    def _near(self, place: int, name: str) -> float:
        """A score that rounds to `place` hundredths: from below for the first file that is cited,
        from above for the second one. So no program can cut the score, or always round it up.
        """
        first, second, *_ = dict.fromkeys(self.cited)
        is_less = name == first or (name != second and place % 2 == 1)
        return round(place / 100 - 0.0023 if is_less else place / 100 + 0.0012, 4)

    def _found_second(self) -> set[float]:
        """The scores in the second search: of each cited file one, for some of them the higher."""
        cited = list(dict.fromkeys(self.cited))
        highest = self.draw.sample(cited, self.draw.randint(1, len(cited) - 1))
        second = set[float]()
        for name in self.names:
            scores = [score for score, of in self.scores if of == name]
            is_higher = name in highest if name in cited else self.draw.random() < 0.5
            second.add(max(scores) if is_higher else min(scores))
        return second

    def _cut(self, cited: Sequence[str]) -> list[tuple[str, str]]:
        """One sentence has no citation, one has it in the middle, and one has a full stop there."""
        bare, inside, priced = self.draw.sample(range(1, len(self.sentences)), 3)
        price = f"{self.draw.randrange(2, 9)}.{self.draw.choice((25, 50, 75))}"
        words = self.sentences[priced].split()
        self.sentences[priced] = " ".join([*words[:3], "for", price, *words[3:]])
        pieces, waiting, names = list[tuple[str, str]](), "", iter(cited)
        for number, each in enumerate(self.sentences):
            if number == bare:
                waiting += f"{each}. "
                continue
            words = each.split()
            before = self.draw.randrange(2, 6) if number == inside else len(words)
            pieces.append((waiting + " ".join(words[:before]), next(names)))
            waiting = " ".join(["", *words[before:]]) + ". "
        return [*pieces, (waiting.rstrip(), "")]

    @property
    def text(self) -> str:
        return "".join(piece for piece, _ in self.pieces)

    @property
    def wanted(self) -> str:
        """The text that the second request has to carry."""
        numbers = {name: n for n, name in enumerate(dict.fromkeys(self.cited), 1)}
        marks = {name: f"[{n}]" for name, n in numbers.items()} | {"": ""}
        marked = "".join(piece + marks[name] for piece, name in self.pieces)
        notes = [f"[{n}] {name} ({self._score(name):.2f})" for name, n in numbers.items()]
        return "\n".join([marked, "", *notes])

    def _score(self, name: str) -> float:
        return max(score for score, of in self.scores if of == name)

    def prepare(self, folder: Path) -> dict[str, str]:
        (folder / "files").mkdir()
        for name in self.names:
            (folder / "files" / name).write_text(sentence(self.draw) + "\n", "utf-8")
        return {FILES: str(folder), "EXERCISE_QUESTION": self.question}

    def around(self, app: ASGIApp) -> ASGIApp:
        whole = AnswerChanger(
            super().around(app), self.trace, {"/responses": self.searched_twice.body}
        )
        return AlteredStreams(whole, self.trace, self.searched_twice.events)

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        if found is None:
            return Answer(pieces(self.draw, sentence(self.draw)))
        ids = {name: id for id, name in uploaded(self.trace).items()}
        parts: list[str] = []
        citations = []
        for piece, name in self.pieces:
            parts += pieces(self.draw, piece)
            if name:
                citations.append(Citation(len("".join(parts)), ids.get(name, ""), name))
        store = found.results[0]["vector_store_id"] if found.results else ""
        results: list[dict[str, Any]] = [
            {
                "file_id": ids.get(name, ""),
                "filename": name,
                "score": score,
                "attributes": {},
                "text": sentence(self.draw),
                "vector_store_id": store,
            }
            for score, name in self.scores
        ]
        outcome = SearchOutcome(found.queries, results)
        return Answer(parts, reasoning=9, found=outcome, citations=citations)

    def verdict(self) -> Failure | None:
        asked = self.trace.writing()
        if not asked:
            return never_asked("the files were in the store")
        body = asked[0].json if isinstance(asked[0].json, dict) else {}
        if "file_search" not in json.dumps(body.get("tools")):
            fact = "The first request doesn't offer the file search tool."
            why = "Without it the model sees none of your files, so it can't cite them."
            return Failure(fact, why, missing("tools", body, '"file_search" in it'))
        if "file_search_call.results" not in (body.get("include") or ()):
            fact = "The first request doesn't ask for the results of the search."
            why = """The scores are in the results. Unless `include` asks for them, the field
            `results` of the file_search_call is null."""
            return Failure(fact, why, missing("include", body, '["file_search_call.results"]'))
        if len(asked) < 2:
            fact = "Your program asked once. The request with the footnotes never came."
            why = "It shows whether you read the citations. Your `answer` has to return a text."
            return Failure(fact, why, is_absence=True)
        said = [turn.text.rstrip() for turn in turns(asked[1]) if turn.role == "user"]
        answers = [text for text in said if self._is_of_answer(text)]
        if answers == [self.wanted]:
            return None
        if self.wanted in answers:
            fact = "The second request has more than one text."
            return Failure(fact, "`main` sends what `answer` returns.", value("texts", answers))
        return self._wrong_text((answers or said or [""])[-1])

    def _is_of_answer(self, text: str) -> bool:
        """Whether a turn carries the answer or a part of it; a conversation has others, too."""
        words = _words(_unmarked(text))
        return any(_words(each) in words for each in self.sentences)

    def _wrong_text(self, got: str) -> Failure:
        wanted, where = self.wanted, "input of the second request"
        shown = difference(where, got, wanted)
        text, _, notes = got.partition("\n\n")
        bare = _unmarked(text)
        if bare.split() != self.text.split() or bare == text:
            same = " ".join(bare.split()) == self.text
            fact = "The text has no marks." if same else "The text isn't the model's answer."
            why = """Insert a mark for each citation, and leave the rest as it is. Each
            annotation of the type file_citation has an `index`: that many characters come before
            it."""
            return Failure(fact, why, shown)
        if re.findall(r"\[\d+\]", text) != re.findall(r"\[\d+\]", wanted.partition("\n\n")[0]):
            fact = "The marks have wrong numbers."
            return Failure(fact, WHY_NUMBERS, shown)
        if text != wanted.partition("\n\n")[0]:
            fact = "The marks are in the wrong places."
            why = """Each `index` counts in the text without marks. A mark that you insert moves
            all that comes after it, so begin with the last citation."""
            return Failure(fact, why, shown)
        return self._wrong_notes(notes, shown)

    def _wrong_notes(self, notes: str, shown: Excerpt) -> Failure:
        names = re.findall(r"^\[\d+\] (\S+)", notes, re.MULTILINE)
        if twice := next((name for name in names if names.count(name) > 1), None):
            fact = f"The file {twice} has more than one footnote."
            return Failure(fact, WHY_NUMBERS, shown)
        if extra := next((name for name in names if name not in self.cited), None):
            fact = f"There is a footnote for {extra}, which the answer doesn't cite."
            why = "The search found more than the model used. Only annotations are citations."
            return Failure(fact, why, shown)
        scored = re.findall(r"^\[\d+\] \S+ \(\d\.\d\d\)$", notes.rstrip(), re.MULTILINE)
        is_formed = scored == notes.rstrip().splitlines()
        if is_formed and names == list(dict.fromkeys(self.cited)):
            fact = "A footnote has a wrong score."
            why = """Several passages of a file can be found, and the model can search more than
            once, as here. The highest score of all searches counts, with two decimals."""
            return Failure(fact, why, shown)
        why = """A blank line follows the text, and then only a line for each file that is cited:
        number, file name and score, as in the example."""
        return Failure("The footnotes don't have the form that the task gives.", why, shown)


def _unmarked(text: str) -> str:
    return re.sub(r"\[\d+\]", "", text)


class _SearchedTwice:
    """Makes two searches of the one in an answer, and puts more reasoning after the message.

    `second` are the scores of the results that the second search has found.
    """

    def __init__(self, draw: random.Random, second: Collection[float]) -> None:
        self._second = second
        self._search_id, self._reasoning_id = (
            f"{kind}_{draw.randbytes(24).hex()}" for kind in ("fs", "rs")
        )
        self._sent: Counter[int] = Counter()
        """How many events of a stream were sent, by the number of the request."""
        self._added: Counter[int] = Counter()
        """How many items of ours there are in a stream so far."""

    def body(self, asked: Any, answer: Any) -> Any:
        """The whole answer to a request."""
        return answer | {"output": self._output(answer["output"])}

    def _output(self, output: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        if not any(item["type"] == "file_search_call" for item in output):
            return [*output]
        return [each for item in output for each in self._passed(item)]

    def _passed(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """What stands in the place of an item."""
        if item["type"] == "message":
            empty: dict[str, Any] = {"type": "reasoning", "content": [], "summary": []}
            return [item, {"id": self._reasoning_id, **empty}]
        if item["type"] != "file_search_call":
            return [item]
        found: tuple[list[Any], list[Any]] = [], []
        for result in item["results"] or ():
            found[result["score"] in self._second].append(result)
        first, second = found if item["results"] is not None else (None, None)
        return [item | {"results": first}, item | {"id": self._search_id, "results": second}]

    async def events(self, exchange: TracedExchange, event: bytes) -> AsyncIterator[bytes]:
        """What stands in the place of an event of a stream."""
        body = json.loads(event.partition(b"data: ")[2]) if b"[DONE]" not in event else {}
        if "sequence_number" not in body or not self._searches(exchange):
            yield event
            return
        for each in self._changed(exchange.number, body):
            each["sequence_number"] = self._sent[exchange.number]
            self._sent[exchange.number] += 1
            yield sse.event(each["type"], sse.compact(each))

    def _searches(self, exchange: TracedExchange) -> bool:
        return exchange.method == "POST" and "file_search" in json.dumps(exchange.json.get("tools"))

    def _changed(self, number: int, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if "output_index" in body:
            body["output_index"] += self._added[number]
        if "response" in body:
            body["response"]["output"] = self._output(body["response"]["output"])
        if body["type"] != "response.output_item.done":
            yield body
            return
        body["item"], *more = self._passed(body["item"])
        yield body
        for item in more:
            self._added[number] += 1
            yield from _item_events(item, body["output_index"] + 1)


def _item_events(item: dict[str, Any], index: int) -> Iterator[dict[str, Any]]:
    """The events of an item that has no text."""
    begun, at = item, {"output_index": index}
    if item["type"] == "file_search_call":
        begun = item | {"status": "in_progress", "queries": [], "results": None}
    yield {"type": "response.output_item.added", **at, "item": begun}
    for stage in ("in_progress", "searching", "completed") if begun is not item else ():
        yield {"type": f"response.file_search_call.{stage}", **at, "item_id": item["id"]}
    yield {"type": "response.output_item.done", **at, "item": item}


WHY_NUMBERS = """A file gets its number when it is first cited, and keeps it: 1, 2, 1, 3 and so on.
So each file has one footnote, however often it is cited."""


# ---------------------------------------------------------------------------- V5


class CleanUp(StoreScene):
    """V5: four runs. One succeeds, two meet a 500, one is stopped by Ctrl-C. None leaves a thing.

    A store and a file that somebody else has made are there before, and have to stay.
    In the first run, one file isn't ready until the program was told so, and has asked again. So a
    program that doesn't wait for it is refused, however fast the server is.
    Files are uploaded, attached, and searched. It is drawn at which of these steps Ctrl-C is
    pressed, and in which order a 500 strikes at the others.
    Windows can't send Ctrl-C to one program alone, so there the last run is left out.
    """

    third_upload: ClassVar[int] = 3
    days: ClassVar[int] = 1

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.names = sorted(file_names(draw, 4))
        self.question = f"Where is the {draw.choice(WORDS)}?"
        self.steps = ["", *draw.sample(("upload", "attachment", "search"), 3)]
        """The step at which each run is disturbed."""
        self.starts = [0]
        """How many requests had come before each run."""
        self.foreign: dict[str, str] = {}
        """What is there before, by its id, as a sentence names it."""
        self.late = draw.choice(self.names)
        """The file that isn't ready at first, in the first run."""
        self.is_released = False

    def prepare(self, folder: Path) -> dict[str, str]:
        (folder / "files").mkdir()
        for name in self.names:
            (folder / "files" / name).write_text(sentence(self.draw) + "\n", "utf-8")
        self._plant()
        return {FILES: str(folder), "EXERCISE_QUESTION": self.question}

    def _plant(self) -> None:
        """Put into the account what other programs need."""
        self.storage.open()
        id, files = file_table.new_id(), self.storage.files
        files.begin(id)
        files.append(id, 0, sentence(self.draw).encode())
        files.finish(id, "accounts.txt", "assistants")
        made = self.storage.create_store("accounts", None, {}, None)
        self.foreign = {id: "the file accounts.txt", made.id: "the store accounts"}

    def around(self, app: ASGIApp) -> ASGIApp:
        retried = _RetryAtOnce(super().around(app))

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            asks_again = self._asks_again()
            await retried(scope, receive, send)
            if asks_again:
                self._release()

        return serve

    def _asks_again(self) -> bool:
        """Whether the last request asks for a status, after an answer with the late file's.

        A program may have asked in a way that shows us nothing, but not more often than once for
        each file without seeing that one.
        """
        if self.is_released or len(self.starts) > 1:
            return False
        *before, last = self.trace.exchanges
        if not _is_about_files(last):
            return False
        late = [id for id, name in uploaded(self.trace).items() if name == self.late]
        attaching = [each.by.number for each in attached(self.trace) if each.file_id in late]
        told, count = dict[str, str](), 0
        for each in before if attaching else ():
            told = told_statuses(self.trace, each, told, late)
            count += each.number > attaching[0] and _is_about_files(each)
        return "in_progress" in map(told.get, late) or count > len(self.names)

    def _release(self) -> None:
        """Have the late file indexed."""
        self.is_released = True
        for each in self.storage.attached.unfinished():
            if each.file_name == self.late:
                self.storage.queue_indexing([replace(each, faults=())])

    def fault(self, request: TracedExchange) -> str:
        run = len(self.starts) - 1
        is_store = request.path.startswith(STORES) and not request.path.endswith("/search")
        if not run and is_store and request.method == "POST":
            return f"stuck={self.late}"
        return FAULTS[run] if self._is_struck(request, run) else ""

    def _is_struck(self, request: TracedExchange, run: int) -> bool:
        if request.method != "POST":
            return False
        if self.steps[run] == "upload":
            uploads = self._run(run).to("/v1/files")
            return request.path == "/v1/files" and len(uploads) >= self.third_upload
        if self.steps[run] == "attachment":
            return request in self._run(run).to(*ATTACHING) or _has(request.json, "file_ids")
        return request.path.endswith("/search")

    def _run(self, run: int) -> Trace:
        return Trace(self.trace.exchanges[slice(*[*self.starts, None][run : run + 2])])

    def drive(self, program: Program) -> Ending:
        ending = program.wait(self.limit_s)
        if ending.code != 0 or ending.is_flood or self._first_wrong():
            return ending
        self.may_fail = True
        for run in (1, 2):
            self.starts.append(len(self.trace.exchanges))
            ending = program.again().wait(self.limit_s)
            if ending.code is None or self._left(run) or self._too_much(run):
                return ending
        if WINDOWS:
            return ending
        self.starts.append(len(self.trace.exchanges))
        return self._interrupted(program.again())

    def _interrupted(self, program: Program) -> Ending:
        def is_struck() -> bool:
            return any(each.fault for each in self._run(CTRL_C).exchanges)

        if program.runs_until(is_struck, self.limit_s):
            program.interrupt()
        return program.wait(self.limit_s)

    def _first_wrong(self) -> bool:
        return bool(self._unfinished() or self._too_much(0) or self._left(0))

    def verdict(self) -> Failure | None:
        if wrong := self._unfinished():
            return wrong
        for run in range(len(self.starts)):
            if wrong := self._too_much(run):
                return wrong
            if run and not any(each.fault for each in self._run(run).exchanges):
                fact = f"{RUNS[run]} your program never came to the {self.steps[run]}."
                return Failure(fact, "Each run starts again, with a store of its own.")
            if left := self._left(run):
                fact = capital(
                    f"{RUNS[run]} your program left {' and '.join(left)} behind.".strip()
                )
                shown = value("made, but never deleted", self._names_left(run))
                return Failure(fact, self._why_left(run), shown, is_absence=True)
        return None

    def _unfinished(self) -> Failure | None:
        """What the first run didn't do of the task, apart from cleaning up."""
        run = self._run(0)
        names = uploaded(run)
        for each in run.to(STORES):
            if wrong := self._no_expiry(each, run):
                return wrong
        held = {names.get(each.file_id) for each in attached(run)}
        if lacking := [name for name in self.names if name not in held]:
            fact = f"The file {lacking[0]} was never uploaded and attached to the store."
            return Failure(fact, "All files of the folder are to be searched.", is_absence=True)
        searches = [each for each in run.to(SEARCH) if self.question in _query(each)]
        if not searches:
            fact = "Your program never searched the store for the question."
            return Failure(fact, "It should do its work before it cleans up.", is_absence=True)
        return self._not_indexed(run, searches[-1])

    def _not_indexed(self, run: Trace, search: TracedExchange) -> Failure | None:
        """A file of which the program didn't know, as it searched, that it was indexed."""
        names, told = uploaded(run), dict[str, str]()
        late = [id for id, name in names.items() if name == self.late]
        for each in run.exchanges:
            if each.number < search.number:
                told = told_statuses(run, each, told, late)
        for file in attached(run):
            status, name = told.get(file.file_id, "never asked for"), names.get(file.file_id)
            if status in ("in_progress", "never asked for"):
                fact = f"Your program searched before it knew that {name} was indexed."
                why = """Files are indexed in the background, and a search before that is done
                misses some. Ask for the status until no file is in_progress; create_and_poll does
                so."""
                shown = value(f"{name}: status", status, "completed")
                return Failure(fact, why, shown)
        return None

    def _why_left(self, run: int) -> str:
        """A program that deleted something went on after the error: it didn't know other ids."""
        has_deleted = self._run(run).to(STORE, "/v1/files/{id}", method="DELETE")
        if not run or not has_deleted:
            return LEFT_WHY[run]
        return f"Your program did delete something after {DISTURBED[run]}, {UNKNOWN_WHY}"

    def _too_much(self, run: int) -> Failure | None:
        """Something that the program deleted although it hadn't made it."""
        for each in self._run(run).to(STORE, "/v1/files/{id}", method="DELETE"):
            id = each.path.rpartition("/")[2]
            if id in self.foreign and each.status == 200:
                fact = f"Your program deleted {self.foreign[id]}, which it had not made."
                why = """Other programs use the same account, and need what they have stored. Keep
                the ids of what you make, and delete those alone."""
                return Failure(fact, why, Excerpt("what was sent", each.call))
        return None

    def _no_expiry(self, made: TracedExchange, run: Trace) -> Failure | None:
        bodies = [made.json, *(each.json for each in run.to(STORE))]
        sent = [body["expires_after"] for body in bodies if _has(body, "expires_after")]
        if sent and sent[-1] and sent[-1].get("days") == self.days:
            return None
        if sent and sent[-1]:
            fact = "The vector store doesn't expire a day after it was last used."
            why = "The task names the time. OpenAI bills a store until it expires."
            wanted = json.dumps({"anchor": "last_active_at", "days": self.days})
            return Failure(fact, why, value("expires_after", sent[-1], wanted))
        fact = "The vector store was created without expires_after."
        why = """A program that is killed can't delete anything. With an expiry date, OpenAI
        deletes the store when nobody has used it for so long."""
        body = made.json if isinstance(made.json, dict) else {}
        wanted = '{"anchor": "last_active_at", "days": 1}'
        return Failure(fact, why, missing("expires_after", body, wanted))

    def _remaining(self, run: int) -> tuple[list[str], list[str]]:
        """The ids of the stores and of the files that a run made and didn't delete."""
        trace = self._run(run)
        gone = {
            each.path.rpartition("/")[2]
            for each in trace.to(STORE, "/v1/files/{id}", method="DELETE")
            if each.status == 200
        }
        stores = [each.answer_json["id"] for each in trace.to(STORES) if each.status == 200]
        files = list(uploaded(trace))
        return [id for id in stores if id not in gone], [id for id in files if id not in gone]

    def _left(self, run: int) -> list[str]:
        stores, files = self._remaining(run)
        several = f"{len(files)} files" if len(files) > 1 else "a file"
        return [*["the vector store"] * bool(stores), *[several] * bool(files)]

    def _names_left(self, run: int) -> list[str]:
        stores, files = self._remaining(run)
        names = uploaded(self._run(run))
        return [*["the store"] * bool(stores), *(names[id] for id in files)]


class _RetryAtOnce:
    """Lets clients repeat at once what failed with 500: waiting would show nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message.get("status") == 500:
                headers = [*message["headers"], (b"retry-after-ms", b"1")]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_on)


FAULTS = ("", "500", "500", "stall-head")
CTRL_C = 3
"""The run in which Ctrl-C is pressed."""
FAILED_500 = "When a request failed with status 500,"
RUNS = ("", FAILED_500, FAILED_500, "When Ctrl-C was pressed,")
WHY_FINALLY = """The SDK raises an exception, and nothing after that line runs, unless it is in a
`finally`. Keep each id as soon as you have it: an upload can fail after others have succeeded."""
LEFT_WHY = (
    """OpenAI bills a vector store until it is deleted or expires. Deleting a store leaves its
    files, so both have to be deleted.""",
    WHY_FINALLY,
    WHY_FINALLY,
    """Ctrl-C raises KeyboardInterrupt, which `except Exception` doesn't catch. A `finally` runs
    after it, too.""",
)
DISTURBED = ("", "the error", "the error", "Ctrl-C")
UNKNOWN_WHY = """but it didn't know the ids of what is left. Keep each id as soon as you have it:
the store lists only what was attached, and an interrupted list comprehension gives nothing."""


# ---------------------------------------------------------------------------- V6


class Measure(StoreScene):
    """V6: recall and MRR among the first five, from searches whose results are drawn.

    The right file may come again behind its first passage, or only behind the first five. All
    figures that a usual mistake gives differ from the right ones in the third decimal.
    """

    k: ClassVar[int] = 5
    most: ClassVar[int] = 10

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.names = sorted(file_names(draw, 6))
        self.right = {
            f"{sentence(draw, 7)[:-1]}?": draw.choice(self.names) for _ in range(draw.randint(7, 9))
        }
        self.found: dict[str, list[str]] = {}
        while not self._is_telling():
            self.found = {question: self._ranking(name) for question, name in self.right.items()}

    def _ranking(self, right: str) -> list[str]:
        """The files of ten passages, best first."""
        others = [name for name in self.names if name != right]
        found = [self.draw.choice(others) for _ in range(self.most)]
        for place in self.draw.sample(range(self.most), self.draw.choice((0, 1, 2, 2, 3))):
            found[place] = right
        return found

    def figures(self, k: int) -> dict[str, Fraction]:
        """Recall and MRR among the first k, and what the MRR is by three usual mistakes."""
        ranks = [self._ranks(question, k) for question in self.right]
        files = [self._place_among_files(question, k) for question in self.right]
        first = [Fraction(1, each[0]) for each in ranks if each]
        every = sum(Fraction(1, rank) for each in ranks for rank in each)
        return {
            "recall": Fraction(len(first), len(ranks)),
            "mrr": sum(first, Fraction(0)) / len(ranks),
            "every": Fraction(every) / len(ranks),
            "found": sum(first, Fraction(0)) / max(1, len(first)),
            "files": sum((Fraction(1, place) for place in files if place), Fraction(0))
            / len(ranks),
        }

    def _ranks(self, question: str, k: int) -> list[int]:
        found = self.found[question][:k]
        return [rank for rank, name in enumerate(found, 1) if name == self.right[question]]

    def _place_among_files(self, question: str, k: int) -> int:
        """The place of the right file if each file counts once; 0 if it isn't there."""
        names = list(dict.fromkeys(self.found[question][:k]))
        right = self.right[question]
        return names.index(right) + 1 if right in names else 0

    def _is_telling(self) -> bool:
        if not self.found:
            return False
        some, all_ten = self.figures(self.k), self.figures(self.most)
        right = {some["recall"], some["mrr"]}
        mistaken = (some["every"], some["found"], some["files"], all_ten["recall"], all_ten["mrr"])
        others = {_three(each) for each in mistaken}
        # Nothing near the middle between two figures, where floats round either way.
        is_clear = all(Fraction(1, 20) < abs(each * 1000 % 1 - Fraction(1, 2)) for each in right)
        written = {_three(each) for each in right}
        return is_clear and not written & others and len(written) == 2 and len(others) >= 4

    def prepare(self, folder: Path) -> dict[str, str]:
        (folder / "files").mkdir()
        for name in self.names:
            (folder / "files" / name).write_text(sentence(self.draw) + "\n", "utf-8")
        rows = [f"{name} | {question}" for question, name in self.right.items()]
        (folder / "known.txt").write_text("\n".join(rows) + "\n", "utf-8")
        return {FILES: str(folder)}

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        return Answer(pieces(self.draw, sentence(self.draw)), found=found)

    def around(self, app: ASGIApp) -> ASGIApp:
        return AnswerChanger(super().around(app), self.trace, {"/search": self._rank})

    def _rank(self, asked: Any, answer: Any) -> Any:
        query = str(asked["query"])
        question = next((each for each in self.right if each in query), None)
        if question is None:
            return answer
        ids = {name: id for id, name in uploaded(self.trace).items()}
        data = [
            {
                "file_id": ids.get(name, ""),
                "filename": name,
                "score": round(0.95 - place / 20, 4),
                "attributes": {},
                "content": [{"type": "text", "text": f"Passage {place + 1}."}],
            }
            for place, name in enumerate(self.found[question])
        ]
        return answer | {"data": data[: asked.get("max_num_results", self.most)]}

    def verdict(self) -> Failure | None:
        searched = "\n".join(_query(each) for each in self.trace.to(SEARCH))
        if asked := self.trace.writing():
            fact = f"Your program asked the model ({asked[0].call})."
            why = """An answer cites only some of what was found, and not in order. And it costs
            more than a search. Recall and MRR measure the search, so search."""
            return Failure(fact, why)
        reports = [
            each
            for each in self.trace.to(STORE)
            if isinstance(each.json, dict) and each.json.get("metadata")
        ]
        if lacking := [question for question in self.right if question not in searched]:
            fact = f'Your program never searched for "{lacking[0]}"'
            why = "Every question of known.txt counts, so every one has to be searched."
            return Failure(fact, why, is_absence=not reports)
        if not reports:
            fact = "The figures never came: no request wrote them into the metadata of the store."
            return Failure(fact, "`measure` has to return recall and MRR.", is_absence=True)
        return self._wrong_figures(reports[-1].json["metadata"])

    def _wrong_figures(self, sent: Mapping[str, Any]) -> Failure | None:
        some, all_ten = self.figures(self.k), self.figures(self.most)
        recall, mrr = f"recall_at_{self.k}", f"mrr_at_{self.k}"
        for key, right in ((recall, some["recall"]), (mrr, some["mrr"])):
            got = sent.get(key)
            if got == _three(right):
                continue
            if got is None:
                fact = f"The figure {key} is missing."
                return Failure(fact, WHY_FIGURES, missing(f"metadata.{key}", sent, _three(right)))
            why = {
                _three(all_ten["recall"]): WHY_TEN,
                _three(all_ten["mrr"]): WHY_TEN,
                _three(some["every"]): WHY_FIRST,
                _three(some["found"]): WHY_ALL,
                _three(some["files"]): WHY_PASSAGES,
            }.get(str(got), WHY_FIGURES)
            fact = f"The figure {key} is wrong."
            return Failure(fact, why, value(f"metadata.{key}", got, f'"{_three(right)}"'))
        return None


def _three(figure: Fraction) -> str:
    return f"{float(figure):.3f}"


WHY_FIGURES = """Recall is the share of questions for which the right file is among the first five
passages. For the MRR, each question gives one divided by the place of its first right passage (1,
2, 3 and so on), or 0 if there is none; the MRR is the mean over all questions."""
WHY_TEN = """That counts the first ten passages, as many as a search returns by default. Only the
first five count: set max_num_results."""
WHY_FIRST = """That counts every passage of the right file. Only the first one of each question
counts."""
WHY_PASSAGES = """That counts the places of files, but MRR counts those of passages. Each passage
takes a place, even the second one from the same file."""
WHY_ALL = """That is the mean over the questions whose file was found. The others count, too: with
0."""


SCENES: dict[str, type[Scene]] = {
    "V0": ByHand,
    "V1": Ingest,
    "V2": SyncTwice,
    "V3": Filters,
    "V4": Footnotes,
    "V5": CleanUp,
    "V6": Measure,
}
