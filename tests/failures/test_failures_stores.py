"""The V rows of the failures that the field has seen: each produced, each handled."""

import hashlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks import kills
from emulator.storage.file_table import BLOCK, SEARCHABLE
from emulator.storage.vector_store_table import DAY_S
from tests.support.emulator_clients import MODEL, connect
from tests.support.files_in_stores import (
    LANTERN,
    PARKING,
    QUESTION,
    SettableClock,
    counts,
    found,
    put,
    upload,
)

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def fault(name):
    return {"extra_headers": {"x-emulator-fault": name}}


@pytest.fixture
def store(client):
    return client.vector_stores.create(name="handbook")


def test_v1_stuck_file_needs_a_deadline(client, store):
    file = upload(client, "lantern.md", LANTERN)
    files = client.vector_stores.files

    with pytest.raises(TimeoutError):
        files.create_and_poll(
            file.id, vector_store_id=store.id, max_wait_seconds=0.03, **fault("stuck")
        )

    assert files.retrieve(file.id, vector_store_id=store.id).status == "in_progress"
    assert client.vector_stores.retrieve(store.id).status == "in_progress"
    files.delete(file.id, vector_store_id=store.id)
    assert client.vector_stores.retrieve(store.id).status == "completed"


def test_v1_stuck_batch_needs_a_deadline_of_ones_own(client, store):
    file = upload(client, "lantern.md", LANTERN)
    batches = client.vector_stores.file_batches
    batch = batches.create(store.id, file_ids=[file.id], **fault("stuck"))

    deadline = time.monotonic() + 0.03
    while time.monotonic() < deadline:
        batch = batches.retrieve(batch.id, vector_store_id=store.id)

    assert batch.file_counts.in_progress == 1
    assert batches.cancel(batch.id, vector_store_id=store.id).status == "cancelled"


@pytest.mark.parametrize("code", ["invalid_file", "unsupported_file", "server_error"])
def test_v2_failed_file_is_returned_not_raised(client, store, code):
    file = upload(client, "lantern.md", LANTERN)

    failed = client.vector_stores.files.create_and_poll(
        file.id, vector_store_id=store.id, **fault(f"fail={code}")
    )

    assert (failed.status, failed.last_error.code) == ("failed", code)
    assert found(client, store) == []
    again = client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
    assert (again.status, again.last_error) == ("completed", None)


def test_v2_fault_given_at_the_start_counts_attachments(start):
    with connect(start(faults=["failx1=server_error"])) as client:
        store = client.vector_stores.create(name="x", metadata={"first": "request"})
        # Making a store attaches files, too, so it has used the fault up.
        assert put(client, store).status == "completed"
    with connect(start(faults=["fail=server_error"], pace=0)) as client:
        assert put(client, client.vector_stores.create()).status == "failed"


SEE = "https://platform.openai.com/docs/assistants/tools/file-search/supported-files"
# How a request attaches files. Each is refused in the same words.
WAYS = {
    "one file": lambda client, store, ids: client.vector_stores.files.create(
        store.id, file_id=ids[-1], **fault("400unsupported")
    ),
    "a batch of ids": lambda client, store, ids: client.vector_stores.file_batches.create(
        store.id, file_ids=ids, **fault("400unsupported")
    ),
    "a batch of files": lambda client, store, ids: client.vector_stores.file_batches.create(
        store.id, files=[{"file_id": id} for id in ids], **fault("400unsupported")
    ),
    "a new store": lambda client, store, ids: client.vector_stores.create(
        file_ids=ids, **fault("400unsupported")
    ),
}


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize(
    ("name", "kind"), [("photo.png", ".png"), ("README", "none"), ("SCAN.PDF", ".PDF")]
)
def test_v2_unsupported_type_is_refused_at_once_on_demand(client, store, how, name, kind):
    ids = [upload(client, each, LANTERN).id for each in ("lantern.md", name)]
    stores = list(client.vector_stores.list())

    with pytest.raises(openai.BadRequestError) as caught:
        WAYS[how](client, store, ids)

    assert caught.value.body == {
        "message": f"Files with extensions [{kind}] are not supported for retrieval. See {SEE}",
        "type": "invalid_request_error",
        "param": "file_ids",
        "code": "unsupported_file",
    }
    assert list(client.vector_stores.files.list(store.id)) == []
    assert list(client.vector_stores.list()) == stores


def test_v2_unsupported_type_otherwise_fails_alone(client, store):
    kinds = "csv h htm ipynb markdown odt png rst rtf svg toml xlsx xml yaml".split()
    names = ["lantern.md", "README", *(f"lantern.{kind}" for kind in kinds)]
    ids = [upload(client, name, LANTERN).id for name in names]

    batch = client.vector_stores.file_batches.create_and_poll(store.id, file_ids=ids)

    assert batch.file_counts.to_dict() == counts(completed=1, failed=len(kinds) + 1)
    failed = client.vector_stores.files.list(store.id, filter="failed")
    assert {file.last_error.code for file in failed} == {"unsupported_file"}
    assert found(client, store) == ["lantern.md"]


def test_v2_supported_types_pass_the_fault(client, store):
    ids = [upload(client, f"lantern{kind}", LANTERN).id for kind in SEARCHABLE]

    batch = client.vector_stores.file_batches.create(
        store.id, file_ids=ids, **fault("400unsupported")
    )

    assert batch.file_counts.total == len(SEARCHABLE) == 21


@pytest.mark.parametrize(("start", "kind"), [(b"%PDF-1.7\n", "PDF"), (b"PK\3\4", "ZIP")])
def test_v3_text_taken_for_another_type_says_for_which(client, store, start, kind):
    failed = put(client, store, start + LANTERN, "lantern.txt")

    assert (failed.status, failed.last_error.code) == ("failed", "unsupported_file")
    assert f"It is a {kind} file" in failed.last_error.message
    assert put(client, store, b"On " + start[:2] + LANTERN, "lantern.txt").status == "completed"


def test_v3_text_under_a_wrong_name_is_taken_for_that(client, store):
    failed = put(client, store, LANTERN, "lantern.pdf")

    assert (failed.status, failed.last_error.code) == ("failed", "invalid_file")
    assert "PDF" in failed.last_error.message


def test_v4_empty_file_is_refused_at_the_door(client):
    with pytest.raises(openai.BadRequestError) as caught:
        upload(client, "empty.md", b"")

    assert caught.value.param == "file"


@pytest.mark.parametrize("data", [b"\n", b" \t\r\n ", b"\xef\xbb\xbf"])
def test_v4_blank_file_fails(client, store, data):
    failed = put(client, store, data, "blank.md")

    assert (failed.status, failed.last_error.code) == ("failed", "invalid_file")


def test_v5_batch_with_failures_is_completed(client, store):
    ids = [upload(client, f"{n}.md", LANTERN).id for n in range(5)]
    batches = client.vector_stores.file_batches

    batch = batches.create_and_poll(store.id, file_ids=ids, **fault("batch-fail=2/5"))

    assert (batch.status, batch.file_counts.to_dict()) == (
        "completed",
        counts(completed=3, failed=2),
    )
    failed = batches.list_files(batch.id, vector_store_id=store.id, filter="failed")
    assert {file.id for file in failed} == set(ids[:2])
    assert {file.last_error.code for file in failed} == {"invalid_file"}


def test_v6_too_many_ids_are_told_and_chunked(client, store):
    id = upload(client).id
    for most, call in (
        (500, lambda ids: client.vector_stores.create(file_ids=ids)),
        (2000, lambda ids: client.vector_stores.file_batches.create(store.id, file_ids=ids)),
    ):
        with pytest.raises(openai.BadRequestError, match="array too long") as caught:
            call([id] * (most + 1))
        assert caught.value.param == "file_ids"
        assert call([id] * most).file_counts.total == 1


def test_v7_file_attached_twice_is_found_once(client, store):
    file = put(client, store, attributes={"edition": 1})

    again = client.vector_stores.files.create_and_poll(
        file.id, vector_store_id=store.id, attributes={"edition": 2}
    )

    assert again.attributes == {"edition": 2}
    assert found(client, store) == ["lantern.md"]
    assert client.vector_stores.retrieve(store.id).file_counts.to_dict() == counts(completed=1)


def test_v7_same_bytes_twice_are_found_by_their_hash(client, store):
    digest = hashlib.sha256(LANTERN).hexdigest()
    put(client, store, attributes={"sha256": digest})
    put(client, store, name="copy.md")

    assert sorted(found(client, store)) == ["copy.md", "lantern.md"]
    wanted = {"type": "eq", "key": "sha256", "value": digest}
    assert found(client, store, filters=wanted) == ["lantern.md"]


@pytest.mark.parametrize("how", ["attach", "detach", "delete"])
def test_v8_deleted_file_lingers_when_told(start, how):
    clock = SettableClock()
    lag = fault("lag-delete=500ms")
    with connect(start(now=clock, faults_from_header=True)) as client:
        store = client.vector_stores.create(name="lag")
        file = upload(client, "lantern.md", LANTERN)
        files = client.vector_stores.files
        files.create_and_poll(file.id, vector_store_id=store.id, **(lag if how == "attach" else {}))
        if how == "delete":
            client.files.delete(file.id, **lag)
        else:
            files.delete(file.id, vector_store_id=store.id, **(lag if how == "detach" else {}))

        assert list(files.list(store.id)) == []
        assert found(client, store) == ["lantern.md"]
        clock.now += 0.499
        assert found(client, store) == ["lantern.md"]
        clock.now += 0.002
        assert found(client, store) == []


def test_v8_without_the_fault_deleted_is_deleted(client, store):
    file = put(client, store)

    client.vector_stores.files.delete(file.id, vector_store_id=store.id)

    assert found(client, store) == []


def test_v9_deleted_store_leaves_its_files(client, store):
    file = put(client, store)

    client.vector_stores.delete(store.id)

    assert file.id in {each.id for each in client.files.list()}
    client.files.delete(file.id)
    assert file.id not in {each.id for each in client.files.list()}


def test_v10_orphans_are_found_by_their_tag(start, tmp_path):
    tag = {"made_by": "lesson"}
    with connect(start(data=tmp_path)) as killed:
        killed.vector_stores.create(name="orphan", metadata=tag)
        killed.vector_stores.create(name="somebody's")

    with connect(start(data=tmp_path)) as client:
        for each in client.vector_stores.list():
            if each.metadata == tag:
                client.vector_stores.delete(each.id)
        assert [each.name for each in client.vector_stores.list()] == ["somebody's"]


def test_v11_expired_store_is_to_be_rebuilt(start):
    clock = SettableClock()
    with connect(start(now=clock)) as client:
        expiry = {"anchor": "last_active_at", "days": 1}
        store = client.vector_stores.create(name="short", expires_after=expiry)
        clock.now += DAY_S

        assert client.vector_stores.retrieve(store.id).status == "expired"
        with pytest.raises(openai.BadRequestError, match="has expired"):
            found(client, store)


@pytest.mark.parametrize("kind", ["eq", "ne", "in", "nin"])
def test_v12_filter_compares_strictly(client, store, kind):
    put(client, store, attributes={"year": 2024})

    def hits(key, value):
        value = [value] if kind in ("in", "nin") else value
        return found(client, store, filters={"type": kind, "key": key, "value": value})

    is_negative = kind in ("ne", "nin")
    assert hits("year", 2024) == ([] if is_negative else ["lantern.md"])
    assert hits("year", "2024") == (["lantern.md"] if is_negative else [])
    assert hits("years", 2024) == []


def test_v13_threshold_cuts_by_score(client, store):
    put(client, store)
    put(client, store, PARKING, "parking.md")
    hits = client.vector_stores.search(store.id, query=QUESTION).data
    assert 1 >= hits[0].score > hits[1].score >= 0

    def left(threshold):
        return found(client, store, QUESTION, ranking_options={"score_threshold": threshold})

    assert left(0) == [hit.filename for hit in hits]
    assert left(hits[0].score - 0.0001) == ["lantern.md"]
    assert left(1) == []


def test_v14_poll_of_batch_gives_the_batch(client, store):
    file = upload(client, "lantern.md", LANTERN)

    batch = client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[file.id])

    assert batch.id.startswith("vsfb_")
    assert batch.id == client.vector_stores.file_batches.poll(batch.id, vector_store_id=store.id).id


@pytest.mark.parametrize("at", ["attach", "content"])
def test_v15_content_may_be_missing(client, store, at):
    struck = fault("404content")
    file = upload(client, "lantern.md", LANTERN)
    files = client.vector_stores.files
    files.create_and_poll(file.id, vector_store_id=store.id, **(struck if at == "attach" else {}))

    with pytest.raises(openai.NotFoundError):
        files.content(file.id, vector_store_id=store.id, **(struck if at == "content" else {}))

    assert found(client, store) == ["lantern.md"]


def test_v16_upload_is_written_block_by_block(start, tmp_path):
    emulator = start(data=tmp_path)
    with connect(emulator) as client, ThreadPoolExecutor(5) as pool:
        made = list(
            pool.map(lambda n: upload(client, f"{n}.jsonl", b"x" * 6 * BLOCK, "batch"), range(5))
        )
        assert {file.bytes for file in made} == {6 * BLOCK}

    rows = emulator.service.file_storage.db.rows("SELECT max(length(data)), count(*) FROM blocks")
    # A megabyte, and no more, is what one upload may hold in memory.
    assert tuple(rows[0]) == (2**20, 30)


def searched(client, store, **more):
    tool = {"type": "file_search", "vector_store_ids": [store.id]}
    return client.responses.create(model=MODEL, input=QUESTION, tools=[tool], **more)


def test_v17_results_are_null_unless_asked_for(client, store):
    put(client, store)

    (plain,) = [o for o in searched(client, store).output if o.type == "file_search_call"]
    include = ["file_search_call.results"]
    asked = searched(client, store, include=include)
    (told,) = [o for o in asked.output if o.type == "file_search_call"]

    assert (plain.results, plain.status) == (None, "completed")
    assert [result.filename for result in told.results] == ["lantern.md"]


def test_v18_citation_points_but_does_not_quote(client, store):
    file = put(client, store)

    answer = searched(client, store, include=["file_search_call.results"])
    (annotation, *_) = answer.output[-1].content[0].annotations

    assert annotation.to_dict().keys() == {"type", "file_id", "filename", "index"}
    assert (annotation.file_id, annotation.filename) == (file.id, "lantern.md")
    assert annotation.index <= len(answer.output_text)
    (call,) = [o for o in answer.output if o.type == "file_search_call"]
    assert "dusk" in call.results[0].text


@pytest.mark.parametrize(
    "name", ["fail", "fail=tired", "batch-fail=2", "batch-fail=1/0", "lag-delete=1s", "lag-delete"]
)
def test_fault_without_its_argument_is_refused(client, store, name):
    with pytest.raises(openai.BadRequestError, match="needs"):
        client.vector_stores.retrieve(store.id, **fault(name))


# ----------------------------------------------------------------- anything, in any order

NAMES = st.one_of(
    st.sampled_from(["..", ".", "a/../b.md", "\0.md", "😀.md", "n" * 300, "a.md", "C:\\a.md"]),
    st.text(max_size=30),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("upload"), NAMES, st.sampled_from([1, 80, 5000, 60_000])),
        st.tuples(
            st.sampled_from(["attach", "attach", "detach", "delete", "search"]),
            st.integers(0, 9),
            st.just(0),
        ),
    ),
    max_size=14,
)


class ExpectedStore:
    """What ought to be: the files that there are, and which of them are in the store."""

    def __init__(self, client):
        self.client = client
        self.store = client.vector_stores.create(name="model")
        self.files = []
        self.attached = set()

    def do(self, step, what, size):
        if step == "upload":
            data = (b"The Lantern is lit at dusk. " * (size // 28 + 1))[:size]
            # A form cannot carry every sign as it is, so the name may come back written otherwise.
            what = what.encode(errors="replace").decode()
            self.files.append(upload(self.client, what + "a.txt", data).id)
        elif self.files:
            getattr(self, step)(self.files[what % len(self.files)])

    def attach(self, id):
        files = self.client.vector_stores.files
        done = files.create_and_poll(id, vector_store_id=self.store.id)
        assert done.status == "completed", done.last_error
        self.attached.add(id)

    def detach(self, id):
        delete = self.client.vector_stores.files.delete
        if id in self.attached:
            delete(id, vector_store_id=self.store.id)
            self.attached.discard(id)
        else:
            with pytest.raises(openai.NotFoundError):
                delete(id, vector_store_id=self.store.id)

    def delete(self, id):
        self.client.files.delete(id)
        self.files.remove(id)
        self.attached.discard(id)

    def search(self, id):
        hits = self.client.vector_stores.search(self.store.id, query=QUESTION, max_num_results=50)
        assert {hit.file_id for hit in hits} <= self.attached
        assert bool(hits.data) == bool(self.attached)

    def check(self):
        listed = self.client.vector_stores.files.list(self.store.id, limit=100)
        assert {file.id for file in listed} == self.attached
        counted = self.client.vector_stores.retrieve(self.store.id).file_counts
        assert counted.to_dict() == counts(completed=len(self.attached))
        assert set(self.files) <= {file.id for file in self.client.files.list()}
        self.search(None)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_any_order_of_steps_stays_consistent(client, steps):
    model = ExpectedStore(client)
    for step in steps:
        model.do(*step)
    model.check()


def test_steps_side_by_side_lock_nothing(start, tmp_path):
    with connect(start(data=tmp_path)) as one, connect(start(data=tmp_path)) as other:
        store = one.vector_stores.create(name="busy")

        def live(number):
            client = (one, other)[number % 2]
            file = put(client, store, LANTERN, f"{number}.md")
            hits = found(client, store, max_num_results=50)
            client.files.delete(file.id)
            return file.status, f"{number}.md" in hits, file.id

        with ThreadPoolExecutor(6) as pool:
            lives = list(pool.map(live, range(18)))

        assert {life[:2] for life in lives} == {("completed", True)}
        assert found(one, store) == found(other, store) == []
        assert list(one.files.list()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's length")
def test_p17_killed_at_any_write_nothing_acknowledged_is_lost(tmp_path):
    """A few of the places; `python -m benchmarks.kills` goes through all of them."""
    places = [(1000, 700_001 * n + 90_001) for n in range(4)]
    places += [(8, 250_001 * n + 90_001) for n in range(2)]

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda place: kills.kill_at(place[1], place[0]), places))

    assert [faults for _, faults in ends] == [[]] * len(places)
    assert len({told for told, _ in ends}) >= 4


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_p17_killed_emulator_has_kept_what_it_acknowledged(start, tmp_path):
    argv = [sys.executable, "-m", "emulator", "--data", str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        client = openai.OpenAI(base_url=url, api_key="x")
        store = client.vector_stores.create(name="kept")
        file = upload(client, "lantern.md", LANTERN)
        client.vector_stores.files.create(store.id, file_id=file.id)
        process.kill()

    with connect(start(data=tmp_path)) as client:
        done = client.vector_stores.files.poll(file.id, vector_store_id=store.id)
        assert (done.status, found(client, store)) == ("completed", ["lantern.md"])
