"""A stream cut at every byte: no traceback, the text that came is kept, the exit code is right."""

from collections.abc import Iterator
from contextlib import redirect_stderr
from functools import cache
from io import StringIO

from console.explain import ErrorContext
from console.lesson import report_failures
from console.terminal import Terminal
from emulator.answers.answer import Answer, Message, Prompt
from emulator.encode.completions import Envelope, chunks
from tests.support import lessons
from tests.support.emulator_clients import MODEL, drained

import httpx2
import pytest
from openai import OpenAI, Stream
from openai.types.chat import ChatCompletionChunk

LESSON = lessons.load()
PIECES = ["It ", "is ", "é日😀."]
BODY = b"".join(
    drained(
        chunks(
            Envelope("chatcmpl-x", 1, MODEL),
            Prompt([Message("user", "x")]),
            [Answer(PIECES)],
            include_usage=False,
            include_obfuscation=False,
        )
    )
)


class CutStream(httpx2.SyncByteStream):
    """The first bytes of the body; then the connection is lost, or just ends."""

    def __init__(self, at: int, is_lost: bool) -> None:
        self._at, self._is_lost = at, is_lost

    def __iter__(self) -> Iterator[bytes]:
        yield BODY[: self._at]
        if self._is_lost and self._at < len(BODY):
            raise httpx2.ReadError("lost")


def whole_blocks(at):
    """What a reader can know of the first bytes: the complete blocks."""
    return BODY[:at].decode(errors="ignore").split("\n\n")[:-1]


REQUEST = httpx2.Request("POST", "http://host/v1/chat/completions")


@cache
def client() -> OpenAI:
    return OpenAI(api_key="test")


def watch(at, is_lost):
    """Read the cut stream as part 1 does; the exit code, what is shown, and standard error."""
    response = httpx2.Response(200, stream=CutStream(at, is_lost), request=REQUEST)
    stream = Stream(cast_to=ChatCompletionChunk, response=response, client=client())
    screen, errors, code = StringIO(), StringIO(), 0
    with redirect_stderr(errors):
        try:
            with report_failures(ErrorContext(MODEL, "host")):
                Terminal(screen).live(LESSON.read(stream))
        except SystemExit as ended:
            code = ended.code
    return code, screen.getvalue(), errors.getvalue()


@pytest.mark.parametrize("is_lost", [True, False], ids=["lost", "ends"])
def test_cut_at_every_byte(is_lost):
    assert len(BODY) <= 1500
    for at in range(len(BODY) + 1):
        code, out, err = watch(at, is_lost)

        blocks = whole_blocks(at)
        pieces = [piece for piece in PIECES if any(f'"{piece}"' in block for block in blocks)]
        is_whole = any('"finish_reason":"stop"' in block for block in blocks)
        is_done = is_whole if not is_lost else "data: [DONE]" in blocks
        assert out.strip() == "".join(pieces).strip(), at
        assert "Traceback" not in err
        assert code == (0 if is_done else 1), at
        assert err.startswith("error: ") != is_done


@pytest.mark.parametrize("kind", ["fin", "eof", "rst"])
@pytest.mark.parametrize("place", range(10))
def test_script_survives_cut(start, kind, place):
    words = "one two three four five six seven eight nine ten"
    question = f"Reply with exactly: {words}"
    emulator = start(faults=[f"{kind}@{place}"])

    result = lessons.run_here("stream", question, OPENAI_BASE_URL=emulator.base_url)

    shown = result.stdout.rpartition(f"> {question}\n")[2].strip()
    assert result.returncode == 1
    assert result.stderr.startswith("error: the ")
    assert len(result.stderr.splitlines()) == 3
    # The first block has the role only; a reset may drop what is still on its way.
    assert shown == " ".join(words.split()[: max(0, place - 1)]) or kind == "rst"
    assert words.startswith(shown)
