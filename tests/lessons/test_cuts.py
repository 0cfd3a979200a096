"""A stream cut at every byte: no traceback, the text that came is kept, the exit code is right."""

from collections.abc import Iterator

from console.explain import ErrorContext
from console.lesson import report_failures
from console.terminal import Terminal
from emulator.answers.answer import Answer, Message, Prompt
from emulator.encode.completions import Envelope, chunks
from tests.support import lessons
from tests.support.emulator_clients import MODEL, drained

import httpx2
import pytest
from openai import OpenAI

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
    """The first bytes of the body; then the line is lost, or just ends."""

    def __init__(self, at: int, is_lost: bool) -> None:
        self._at, self._is_lost = at, is_lost

    def __iter__(self) -> Iterator[bytes]:
        yield BODY[: self._at]
        if self._is_lost and self._at < len(BODY):
            raise httpx2.ReadError("lost")


def whole_blocks(at):
    """What a reader can have got of the first bytes: the complete blocks."""
    return BODY[:at].decode(errors="ignore").split("\n\n")[:-1]


def watch(at, is_lost, capsys):
    """Run part 1 on the cut stream as the lesson does; its exit code, standard output and error."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, stream=CutStream(at, is_lost))

    http_client = httpx2.Client(transport=httpx2.MockTransport(answer))
    code = 0
    with OpenAI(api_key="test", http_client=http_client, max_retries=0) as client:
        try:
            with report_failures(ErrorContext(MODEL, "host")):
                Terminal().live(LESSON.stream(client, LESSON.Ask("x", MODEL, None)))
        except SystemExit as ended:
            code = ended.code
    return (code, *capsys.readouterr())


@pytest.mark.parametrize("is_lost", [True, False], ids=["lost", "ends"])
def test_cut_at_every_byte(is_lost, capsys):
    assert len(BODY) <= 1500
    for at in range(len(BODY) + 1):
        code, out, err = watch(at, is_lost, capsys)

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
    emulator = start(faults=[f"{kind}@{place}"])

    result = lessons.run_here(
        "stream", f"Reply with exactly: {words}", OPENAI_BASE_URL=emulator.base_url
    )

    shown = result.stdout.partition("at once.")[2].strip()
    assert result.returncode == 1
    assert result.stderr.startswith("error: the ")
    assert len(result.stderr.splitlines()) == 3
    # The first block tells the role; a reset may drop what is still on its way.
    assert shown == " ".join(words.split()[: max(0, place - 1)]) or kind == "rst"
    assert words.startswith(shown)
