"""A conversation about the files in a folder. You see which file each sentence comes from.

python3 course.py run examples/rag/folder_bot.py data/handbook
"""

import os
import signal
import sys
from pathlib import Path

from openai import OpenAI, OpenAIError

# What file search reads. OpenAI refuses all files of a request if one of them has another type.
TYPES = "c cpp cs css doc docx go html java js json md pdf php pptx py rb sh tex ts txt".split()


def answer(client: OpenAI, question: str, store: str, previous: str | None) -> str:
    events = client.responses.create(
        model=os.environ.get("OPENAI_MODEL", "gpt-6-luna"),
        input=question,
        tools=[{"type": "file_search", "vector_store_ids": [store]}],
        previous_response_id=previous,  # A follow-up question means nothing without it.
        stream=True,
    )
    for event in (event for event in events if event):
        if event.type in ("response.output_text.delta", "response.refusal.delta"):
            print(event.delta or "", end="", flush=True)
        elif event.type == "response.output_text.annotation.added":
            print(f"[{getattr(event.annotation, 'filename', '?')}]", end="", flush=True)
        elif event.type == "response.completed":
            return event.response.id
        elif event.type in ("response.failed", "response.incomplete"):
            why = event.response.error or event.response.incomplete_details
            raise ValueError(f"{event.type}: {why and why.to_json(indent=None)}")
    raise ValueError("the answer is not complete")


def main(folder: str) -> None:
    client, files, previous = OpenAI(), dict[str, str](), None
    store = client.vector_stores.create(expires_after={"anchor": "last_active_at", "days": 1}).id
    try:
        for path in filter(Path.is_file, Path(folder).rglob("*")):
            kind = path.suffix[1:].lower()  # OpenAI doesn't know .PDF
            if kind not in TYPES:
                print(f"left out: {path.name}: file search doesn't read this type")
                continue
            made = client.files.create(file=(f"{path.stem}.{kind}", path), purpose="assistants")
            files[made.id] = path.name
        if not files:
            raise ValueError(f"{folder} has no file that file search reads")
        client.vector_stores.file_batches.create_and_poll(store, file_ids=list(files))
        for file in client.vector_stores.files.list(store, filter="failed"):
            print(f"left out: {files[file.id]}: {file.last_error and file.last_error.message}")
        while question := input("\n\nYou (an empty line leaves): "):
            previous = answer(client, question, store, previous)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Even Ctrl-C has to wait for this.
        print("\nDeleting the files and their vector store.", flush=True)
        for id in files:
            client.files.delete(id)
        client.vector_stores.delete(store)


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "data/handbook")
    except (OpenAIError, OSError, ValueError) as error:
        sys.exit(f"\nerror: {error}")
    except (EOFError, KeyboardInterrupt):
        sys.exit(130)
