"""What the check of the SDK finds: nothing in the SDK as it is, and all that a copy of it lacks."""

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import get_overloads

from common import COURSE
from console.freshness import sdk_folder
from tools.check_sdk import check
from tools.sdk_calls import old_fields, old_parameters
from tools.sdk_report import SdkReport, Use
from tools.sdk_uses import CheckedProgram

import pytest
from openai.resources.chat.completions import Completions
from openai.types import FileObject

SDK = sdk_folder()


def complaints(body, imports="from openai import AsyncOpenAI, OpenAI", is_strict=True):
    """What is wrong with the lines of a function with two clients, by line; 1 is the first one."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    text = f"{imports}\nasync def main(client: OpenAI, other: AsyncOpenAI, text: str):\n{lines}"
    report = SdkReport()
    CheckedProgram("x.py", text, SDK, report, is_strict=is_strict).check()
    return [(each.line - 2, each.what) for each in sorted(report.complaints)]


# Each reads, in its third line, a field that the SDK doesn't have.
GONE = """
for chunk in CHUNKS:
    for choice in (chunk and chunk.choices) or []:
        choice.gone

first = next(iter(CHUNKS))
last = first.choices[-1]
last.delta.gone

x = 1
with CHUNKS as chunks:
    print([c.choices[0].gone for c in chunks if c.choices])

def read():
    for c in chunks:
        c.gone
chunks = CHUNKS

x = 1
x = 2
client.audio.gone

x = 1
for hit in client.vector_stores.search("x", query=text):
    hit.gone

files = await other.vector_stores.files.list("x")
async for file in files:
    file.gone

with client.realtime.connect(model=text) as session:
    for event in session:
        event.gone

answer = client.responses.create(input=text)
item = answer.output[0] if text else None
item.gone

async with other.responses.stream(model=text) as stream:
    x = 1
    await stream.gone()

for event in client.responses.create(input=text, stream=True):
    if event.type == "response.output_text.delta" and len(text):
        event.response

for event in client.responses.create(input=text, stream=True):
    if event.type != "response.completed": continue
    event.delta

match (event := next(iter(client.responses.create(input=text, stream=True)))).type:
    case "response.completed" | "response.failed":
        event.gone
""".replace("CHUNKS", "client.chat.completions.create(model=text, messages=[], stream=True)")


@pytest.mark.parametrize("body", GONE.strip().split("\n\n"))
def test_field_that_is_gone_is_followed_to_its_line(body):
    found = complaints(body)

    assert [line for line, _ in found] == [3]
    assert found[0][1].split(" has no ")[1:]


EVENTS = "for event in client.responses.create(input=text, stream=True):\n    "


@pytest.mark.parametrize(
    ("body", "is_right"),
    [
        ("event.sequence_number", True),
        ("event.delta", False),
        (
            "if event.type in ('response.refusal.delta', 'response.refusal.done'): event.type",
            True,
        ),
        ("if event.type == 'response.refusal.delta' or event.type == 'error': event.delta", False),
        ("if not event.type != 'response.refusal.delta': event.delta", True),
        ("x = event.delta if event.type == 'response.refusal.delta' else event.type", True),
        ("x = event.type == 'response.refusal.delta' and event.delta", True),
        ("x = event.type != 'response.refusal.delta' or event.delta", True),
        ("x = event.type != 'response.refusal.delta' and event.delta", False),
    ],
)
def test_what_one_kind_of_event_lacks_is_told_where_that_kind_may_come(body, is_right):
    assert (complaints(EVENTS + body) == []) is is_right
    assert complaints(EVENTS + body, is_strict=False) == []


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("client.embeddings.create(model=text, input=text, gone=1)", "Embeddings.create takes no"),
        ("client.embeddings.create(model=text, input=text, dimension=1)", "it has 'dimensions'"),
        (
            "MORE = {'gone': 1}\nclient.files.create(file=b'', purpose='x', **MORE)",
            "takes no 'gone'",
        ),
        ("OpenAI(gone=1)", "OpenAI takes no 'gone'"),
        (
            "client.chat.completions.create(model='x', messages=[{'role': 'user', 'text': '?'}])",
            "ChatCompletionUserMessageParam takes no 'text'",
        ),
        (
            "a = {'input': {'gone': None}}\nsend({'type': 'realtime', 'audio': a})",
            "RealtimeAudioConfigInputParam takes no 'gone'",
        ),
        ("send({'type': 'response.create', 'gone': 1})", "takes no 'gone'"),
        ("send({'type': 'response.creates'})", "no event has the type 'response.creates'"),
        ("names = {'session.created', 'session.gone'}", "no event has the type 'session.gone'"),
        (
            "event = client.responses.create(input=text)\nevent.status == 'done'",
            "event.status is never 'done'",
        ),
        ("from openai.types import Gone", "openai.types has no Gone"),
        ("from openai.types.gone import Gone", "openai.types.gone has no Gone"),
    ],
)
def test_parameter_event_or_import_that_is_gone_is_told(body, what):
    found = complaints(body)

    assert len(found) == 1
    assert what in found[0][1]


@pytest.mark.parametrize(
    "body",
    [
        "client.chat.completions.create(model=text, messages=[], max_tokens=3)",
        "client.files.retrieve(text).status",
        "client.beta.assistants.create(model=text)",
    ],
)
def test_what_the_sdk_deprecates_is_told(body):
    assert [what.partition(" is ")[2] for _, what in complaints(body)] == ["deprecated"]


@pytest.mark.parametrize(
    "body",
    [
        "thing = foreign()\nthing.gone\nthing.create(gone=1)",
        "from numpy import gone\ngone.x",
        "for event in foreign(): event.type == 'whatever'",
        "error = getattr(client.files.retrieve(text), 'gone', None)",
        "print('response.html', 'session_created', {'type': 'x', 'gone': 1})",
        "raw = client.files.with_raw_response.create(file=b'', purpose='x')\nraw.gone",
    ],
)
def test_what_cannot_be_followed_is_taken_for_right(body):
    assert complaints(body) == []


def test_docstrings_say_what_is_deprecated():
    overload = get_overloads(inspect.unwrap(Completions.create))[0]

    assert "max_tokens" in old_parameters(overload)
    assert not {"model", "messages", "stream"} & old_parameters(overload)
    assert old_fields(FileObject) == {"status", "status_details"}


# In a copy of the SDK: a file, what stands in it, and what stands there instead.
CHANGES = [
    ("types/responses/response_text_delta_event.py", "response.output_text.delta", "response.text"),
    ("types/realtime/response_audio_delta_event.py", ".output_audio.", ".sound."),
    ("resources/chat/completions/completions.py", "stream_options:", "stream_settings:"),
    ("types/shared/chat_model.py", '    "gpt-6-luna",\n', ""),
    ("types/file_object.py", "filename:", "name:"),
]
FOUND = [
    "01_streaming.py:98: event.type is never 'response.output_text.delta'",
    "03_realtime_api.py:118: no event has the type 'response.output_audio.delta'",
    "examples/realtime/browser_voice/page.html:134: no event has the type 'response.output_audio",
    "01_streaming.py:141: Completions.create takes no 'stream_options'; it has 'stream_settings'",
    "common/settings.py:23: openai/types/shared/chat_model.py doesn't name the model 'gpt-6-luna'",
    "02_vector_store_rag.py:265: FileObject has no 'filename'",
]


def changed_copy(folder: Path) -> Path:
    """A folder with a copy of the SDK that has these changes; its other files are links.

    What Python has compiled of them is linked, too, and must not be written.
    """
    for path in [*SDK.rglob("*.py"), *SDK.rglob("__pycache__")]:
        copy = folder / "openai" / path.relative_to(SDK)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.symlink_to(path)
    for name, old, new in CHANGES:
        file = folder / "openai" / name
        text = file.read_text("utf-8")
        assert old in text
        file.unlink()
        file.write_text(text.replace(old, new), "utf-8")
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_changed_sdk_is_told_with_file_and_line(tmp_path):
    folder = str(changed_copy(tmp_path))
    for name in sorted({each.partition(":")[0] for each in FOUND}):
        (tmp_path / "course" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "course" / name).symlink_to(COURSE / name)
    environment = {**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, "-m", "tools.check_sdk", "--course", str(tmp_path / "course")],
        cwd=COURSE,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert (run.returncode, run.stderr) == (1, "")
    told = run.stdout.splitlines()
    assert [each for each in FOUND if not any(line.startswith(each) for line in told)] == []


def test_course_uses_nothing_that_the_installed_sdk_lacks():
    report = check()

    assert sorted(map(str, report.complaints)) == []
    assert {
        Use("method", "Completions.create"),
        Use("parameter", "Completions.create(stream_options)"),
        Use("parameter", "RealtimeAudioConfigInputParam[turn_detection]"),
        Use("field", "Choice.finish_reason"),
        Use("event", "conversation.item.truncate"),
        Use("event", "response.output_audio_transcript.delta"),
        Use("model", "gpt-6-luna"),
    } <= report.uses.keys()
