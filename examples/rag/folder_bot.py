"""A conversation about the files in a folder. Each answer names the files that it came from.

You see which files can't be searched, then you ask. Follow-up questions work. When you leave with
Ctrl-C or Ctrl-D, the program deletes everything that it uploaded.

    python3 course.py run examples/rag/folder_bot.py data/handbook
"""

import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

from openai import OpenAI, OpenAIError

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
SEARCHABLE = {".md", ".txt", ".html", ".json", ".pdf", ".docx", ".pptx"}
# Control characters could take over your terminal, and half a character can't be printed.
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def show(text: object, end: str = "\n") -> None:
    print(UNSAFE.sub("\ufffd", f"{text}"), end=end, flush=True)


def upload(client: OpenAI, folder: Path, store: str, files: dict[str, str]) -> int:
    """Put the folder into the store, and note the files. Return how many can be searched."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            if path.suffix.lower() not in SEARCHABLE:
                raise ValueError(f"{path.suffix or 'this kind of file'} can't be searched")
            files[client.files.create(file=path, purpose="assistants").id] = path.name
        except (OSError, ValueError, OpenAIError) as error:
            show(f"left out: {path.name}: {error}")
    if not files:
        return 0
    batch = client.vector_stores.file_batches.create_and_poll(store, file_ids=list(files))
    for file in client.vector_stores.files.list(store, filter="failed"):
        show(f"left out: {files.get(file.id)}: {file.last_error and file.last_error.message}")
    return batch.file_counts.completed


def answer(client: OpenAI, question: str, store: str, previous: str | None) -> str:
    """Print an answer, its sources by number, and their names. Return its id."""
    sources = dict[str, int]()
    asked: Any = {"model": MODEL, "input": question}
    asked["tools"] = [{"type": "file_search", "vector_store_ids": [store]}]
    # "And on Fridays?" makes sense only after the previous answer.
    asked["previous_response_id"] = previous
    with client.responses.create(**asked, stream=True) as events:
        event: Any
        for event in events:
            kind = getattr(event, "type", None)
            if kind in ("response.output_text.delta", "response.refusal.delta"):
                show(event.delta or "", end="")
            elif kind == "response.refusal.done":
                show("\n(The model refused.)", end="")
            elif kind == "response.output_text.annotation.added":
                # A citation comes right after the words that it belongs to.
                name = dict(event.annotation or {}).get("filename", "?")
                show(f"[{sources.setdefault(name, len(sources) + 1)}]", end="")
            elif kind == "response.completed":
                show("".join(f"\n  [{number}] {name}" for name, number in sources.items()))
                return str(event.response.id)
            elif kind in ("response.failed", "response.incomplete", "error"):
                ended = getattr(event, "response", None) or event
                why = getattr(ended, "error", None) or getattr(ended, "incomplete_details", ended)
                raise ValueError(getattr(why, "message", None) or getattr(why, "reason", kind))
    raise ValueError("the connection broke")


def main(folder: Path) -> int:
    client, files, previous, exit_code = OpenAI(), dict[str, str](), None, 0
    store = client.vector_stores.create(expires_after={"anchor": "last_active_at", "days": 1}).id
    try:
        show(f"{upload(client, folder, store, files)} files can be searched.")
        while files:
            try:
                previous = answer(client, input("\nYou: "), store, previous)
            except (OpenAIError, ValueError) as error:
                show(f"\n[this answer is not complete: {error}]")
                exit_code = 1
    except (EOFError, KeyboardInterrupt):
        return exit_code
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Even Ctrl-C has to wait for this.
        show("\nDeleting the files and their vector store.")
        for id in (*files, store):
            try:
                (client.vector_stores if id == store else client.files).delete(id)
            except (OpenAIError, ValueError) as error:
                show(f"not deleted: {id}: {error}")
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "data/handbook")))
    except (OpenAIError, ValueError) as error:
        sys.exit(f"error: {error}")
