"""What is left of the storage when its process is killed in the middle of a write.

    python -m benchmarks.kills [--step BYTES]

A child uploads files, attaches them, detaches and deletes some, and prints what was acknowledged.
The system kills it at the write that would take a file past N bytes (RLIMIT_FSIZE: as hard as
`kill -9`, and half of that write may be on disk). Then the storage is opened again, and what was
acknowledged has to be there; what was deleted must not be found. N goes in steps over all places
at which the child writes: to SQLite's log, and, where that is short, to the file itself. Linux and
macOS alone have such a limit.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emulator.storage import file_table
from emulator.storage.attachment_table import Attachment
from emulator.storage.file_storage import FileStorage

PLACES = ("dome", "library", "harbour", "orchard", "lighthouse", "bakery")
# SQLite's own length of its log, and one so short that it is always on its way into the file.
LOGS = (1000, 8)
HERE = Path(__file__).resolve().parents[1]


def text(place: str) -> bytes:
    return f"The {place} opens at nine.\n\n".encode() + b"It is closed on Mondays. " * 2000


# ---------------------------------------------------------------- the child


def work(folder: Path, log_pages: int) -> Iterator[str]:
    """Change the storage; each line is printed once the change is acknowledged."""
    storage = FileStorage(folder)
    storage.open()
    storage.db.change(f"PRAGMA wal_autocheckpoint = {log_pages}")
    store = storage.create_store("kills", None, {}, None).id
    yield f"store {store}"
    for number, place in enumerate(PLACES):
        id = file_table.new_id()
        storage.files.begin(id)
        storage.files.append(id, 0, text(place))
        storage.files.finish(id, f"{place}.txt", "assistants")
        yield f"uploaded {place} {id}"
        storage.attach(store, [Attachment(id)])
        yield f"attached {place} {id}"
        while (attached := storage.attached.find(store, id)) and attached.status == "in_progress":
            time.sleep(0.001)
        yield f"indexed {place} {id}"
        if number % 3 == 1:
            yield f"deleting {place} {id}"
            storage.delete_file(id)
            yield f"deleted {place} {id}"
        if number % 3 == 2:
            yield f"deleting {place} {id}"
            storage.detach(store, id)
            yield f"detached {place} {id}"


def child(folder: Path, limit: int, log_pages: int) -> None:
    if limit:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    for line in work(folder, log_pages):
        print(line, flush=True)


# --------------------------------------------------------------- the parent


def run(folder: Path, limit: int, log_pages: int) -> list[str]:
    """What the child acknowledged before it was killed, or before it came to its end."""
    options = ["--child", str(folder), str(limit), str(log_pages)]
    argv = [sys.executable, "-m", "benchmarks.kills", *options]
    ended = subprocess.run(argv, cwd=HERE, stdout=subprocess.PIPE, text=True, check=False)
    assert ended.returncode in (0, -signal.SIGXFSZ), f"the child ended with {ended.returncode}"
    return ended.stdout.splitlines()


def faults(folder: Path, acknowledged: list[str]) -> list[str]:
    """Open the storage again, and name everything that is not as was acknowledged."""
    storage = FileStorage(folder)
    storage.open()
    try:
        return list(_faults(storage, acknowledged))
    finally:
        storage.close()


def _faults(storage: FileStorage, acknowledged: list[str]) -> Iterator[str]:
    (row,) = storage.db.rows("PRAGMA integrity_check")
    if row[0] != "ok":
        yield f"integrity_check: {row[0]}"
    said = [line.split() for line in acknowledged]
    store = next((words[1] for words in said if words[0] == "store"), "")
    if store and storage.stores.find(store) is None:
        yield "lost: the store"
    last = {words[1]: words for words in said if words[0] != "store"}
    for place, (how, _, id) in last.items():
        yield from _faults_of_file(storage, store, how, place, id)
    if storage.db.rows("SELECT 1 FROM sqlite_master WHERE name = 'search_chunks'"):
        query = """SELECT DISTINCT file FROM search_chunks
        WHERE file NOT IN (SELECT file FROM entries)"""
        for row in storage.db.rows(query):
            yield f"ghost: passages of {row['file']}"


def _faults_of_file(
    storage: FileStorage, store: str, how: str, place: str, id: str
) -> Iterator[str]:
    file = storage.files.find(id)
    is_whole = file is not None and b"".join(storage.files.blocks(id)) == text(place)
    if how in ("uploaded", "attached", "indexed", "detached") and not is_whole:
        yield f"lost: the file {place}"
    if how == "deleted" and file is not None:
        yield f"back: the file {place}"
    if how in ("attached", "indexed") and not _indexed(storage, store, id):
        yield f"lost: {place} in the store"
    found = _is_found(storage, store, place, id)
    if how in ("deleted", "detached") and found:
        yield f"ghost: {place} is found"
    if how in ("attached", "indexed") and not found:
        yield f"lost: {place} is not found"


def _indexed(storage: FileStorage, store: str, id: str) -> bool:
    while (attached := storage.attached.find(store, id)) and attached.status == "in_progress":
        time.sleep(0.001)
    return attached is not None and attached.status == "completed"


def _is_found(storage: FileStorage, store: str, place: str, id: str) -> bool:
    from emulator.retrieval.index import Ranking

    hits = storage.search([store], [f"When does the {place} open?"], None, 50, Ranking())
    return id in {hit.file_id for hit, _ in hits}


def kill_at(limit: int, log_pages: int) -> tuple[int, list[str]]:
    """How much was acknowledged before this kill, and what was wrong afterwards."""
    with tempfile.TemporaryDirectory() as name:
        acknowledged = run(Path(name), limit, log_pages)
        return len(acknowledged), faults(Path(name), acknowledged)


def most_bytes(log_pages: int) -> int:
    """How long a file becomes when nobody kills the child."""
    with tempfile.TemporaryDirectory() as name:
        run(Path(name), 0, log_pages)
        return max(path.stat().st_size for path in Path(name).iterdir())


def main() -> int:
    parser = argparse.ArgumentParser("python -m benchmarks.kills")
    parser.add_argument("--step", type=int, default=20_011, help="bytes from one kill to the next")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        folder, limit, log_pages = args.child
        child(Path(folder), int(limit), int(log_pages))
        return 0
    start = time.perf_counter()
    places = [(n, pages) for pages in LOGS for n in range(1, most_bytes(pages), args.step)]
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda place: kill_at(*place), places))
    wrong = Counter(fault for _, found in ends for fault in found)
    reached = len({acknowledged for acknowledged, _ in ends})
    taken = time.perf_counter() - start
    print(f"{len(places)} kills at {reached} stages, {len(wrong)} kinds of fault, {taken:.0f} s")
    for fault, number in wrong.items():
        print(f"{number:5} {fault}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
