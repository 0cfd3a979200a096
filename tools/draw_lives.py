"""Draws the still pictures of the docs: the life of a chunk, of a document, and of a turn.

python -m tools.draw_lives
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tools.draw_svg import LINE, WIDTH, Drawing, write

MARGIN = 20
RIGHT = WIDTH - MARGIN

# ------------------------------------------------------------------------------- a chunk

# Who acts, what happens, what the chunk looks like there, and its colour.
STAGES = [
    ("1  The model", "writes a token", ['" evening"'], "green"),
    (
        "2  The server",
        "puts it into an event (SSE)",
        [
            'data: {"id":"chatcmpl-...","choices":[{"index":0,',
            '       "delta":{"content":" evening"},"finish_reason":null}]}',
            "(a blank line ends the event)",
        ],
        "green",
    ),
    (
        "3  The connection",
        "carries bytes",
        [
            "64 61 74 61 3a 20 7b 22 69 64 22 3a 22 63 68 61 74 ...",
            "(one read may return half an event, or three)",
        ],
        "panel",
    ),
    (
        "4  The SDK",
        "turns them into an object",
        ["ChatCompletionChunk(choices=[Choice(", '    delta=ChoiceDelta(content=" evening"))])'],
        "blue",
    ),
    (
        "5  Your loop",
        "prints the text",
        ['print(choice.delta.content or "", end="", flush=True)'],
        "blue",
    ),
]

# The chunks of a stream in their order: what each has, what it means, its width and colour.
STREAM = [
    ("role", ["the first chunk", "has no text"], 120, "panel"),
    ("text", ["a piece of", "the answer"], 100, "green"),
    ("text", ["", ""], 70, "green"),
    ("text ...", ["", ""], 90, "green"),
    ("finish_reason", ['"stop" means', "complete"], 136, "blue"),
    ("usage", ["no choices; only", "if you ask for it"], 144, "amber"),
    ("[DONE]", ["the stream", "has ended"], 110, "panel"),
]


def draw_chunk() -> str:
    """From the token that a model writes to the word that your loop prints."""
    sentences = [
        "The model writes a token.",
        "The server puts it into an event and sends the bytes.",
        "The SDK finds the end of the event and parses it into a chunk.",
        "Your loop prints the text of the chunk.",
        "A whole stream is: a chunk with the role, chunks with text, a chunk with the",
        "finish_reason, a chunk with the usage if you asked for it, and [DONE].",
    ]
    drawing = Drawing("The life of a chunk", " ".join(sentences), 590)
    drawing.text(MARGIN, 38, "The life of a chunk", "title")
    y = 58
    for number, (who, what, sample, kind) in enumerate(STAGES):
        if number:
            drawing.arrow([(140, y - 20), (140, y)])
        drawing.box(MARGIN, y, 240, 58, kind)
        drawing.text(MARGIN + 14, y + 24, who, "strong")
        drawing.text(MARGIN + 14, y + 44, what)
        first = y + 34 - (len(sample) - 1) * LINE / 2
        drawing.lines(MARGIN + 264, first, sample, "mono")
        y += 78
    _draw_stream(drawing, y + 24)
    return drawing.svg()


def _draw_stream(drawing: Drawing, y: float) -> None:
    """All chunks of one stream, from left to right."""
    drawing.text(MARGIN, y, "The whole stream, in order", "title")
    gap = (RIGHT - MARGIN - sum(width for *_, width, _ in STREAM)) / (len(STREAM) - 1)
    x = float(MARGIN)
    for name, notes, width, kind in STREAM:
        if x > MARGIN:
            drawing.arrow([(x - gap + 1, y + 34), (x - 1, y + 34)])
        drawing.box(x, y + 16, width, 36, kind)
        drawing.text(x + width / 2, y + 39, name, "mono", "middle")
        drawing.lines(x + width / 2, y + 72, notes, "small quiet", "middle")
        x += width + gap


# ---------------------------------------------------------------------------- a document

# The steps: a name, what happens, and a colour.
INDEXING = [
    ("File", ["on your disk"], "panel"),
    ("Upload", ["files.create", "returns a file id"], "blue"),
    ("Attach", ["to a store, with", "attributes"], "blue"),
    ("Chunks", ["of 800 tokens", "by default"], "green"),
    ("Embeddings", ["one list of", "numbers each"], "green"),
    ("Vector store", ["keeps chunks,", "embeddings"], "panel"),
]
ASKING = [
    ("Question", ["with the tool", "file_search"], "blue"),
    ("Model", ["writes search", "queries"], "green"),
    ("Search", ["by meaning and", "by words"], "green"),
    ("Passages", ["the best ones,", "with scores"], "panel"),
    ("Model", ["reads passages", "and question"], "green"),
    ("Answer", ["text that cites", "the files"], "panel"),
]
LEGEND = [(560, "panel", "data"), (626, "blue", "your code"), (728, "green", "OpenAI's server")]
GAP = 24
STEP = (RIGHT - MARGIN - GAP * 5) / 6


def draw_document() -> str:
    """From a file on a disk to an answer that cites it."""
    sentences = [
        "Once for each file: you upload it and attach it to a vector store.",
        "The server cuts it into chunks, computes an embedding for each, and stores both.",
        "For each question: the model writes queries, and the vector store is searched.",
        "The best passages go to the model, and its answer cites the files.",
    ]
    drawing = Drawing("The life of a document", " ".join(sentences), 404)
    drawing.text(MARGIN, 38, "The life of a document", "title")
    for x, kind, meaning in LEGEND:
        drawing.box(x, 24, 16, 16, kind, 3)
        drawing.text(x + 22, 37, meaning, "small")
    drawing.text(MARGIN, 80, "Once for each file", "strong")
    status = "status: in_progress, then completed or failed"
    drawing.text(RIGHT, 80, status, "small quiet", "end")
    _draw_steps(drawing, 92, INDEXING)
    search = MARGIN + 2 * (STEP + GAP) + STEP / 2
    store = RIGHT - STEP / 2
    drawing.arrow([(store, 176), (store, 220), (search, 220), (search, 284)])
    drawing.text((search + store) / 2, 212, "the search reads the store", "small quiet", "middle")
    drawing.text(MARGIN, 272, "For each question", "strong")
    _draw_steps(drawing, 284, ASKING)
    note = "With vector_stores.search you search without a model, and get passages and scores."
    drawing.text(MARGIN, 390, note, "small quiet")
    return drawing.svg()


def _draw_steps(drawing: Drawing, y: float, steps: Sequence[tuple[str, list[str], str]]) -> None:
    for number, (name, notes, kind) in enumerate(steps):
        x = MARGIN + number * (STEP + GAP)
        if number:
            drawing.arrow([(x - GAP, y + 42), (x, y + 42)])
        drawing.box(x, y, STEP, 84, kind)
        drawing.text(x + STEP / 2, y + 26, name, "strong", "middle")
        drawing.lines(x + STEP / 2, y + 50, notes, "small", "middle")


# -------------------------------------------------------------------------------- a turn

LANES = {"caller": 100, "code": 370, "server": 780}  # their middles
NAMES = {"caller": "Caller", "code": "Your code", "server": "OpenAI's server"}
ROW, ROW_OF_NOTE = 36, 16  # a row is higher if there is a note below its arrow
TURN_HEIGHT = 860


@dataclass(frozen=True)
class LaneMessage:
    """An arrow from one lane to another; `note` is the smaller text below it."""

    sender: str
    receiver: str
    words: str
    note: str = ""
    kind: str = ""


@dataclass(frozen=True)
class LaneNote:
    """What happens within a lane."""

    lane: str
    words: str
    kind: str


TURN: list[LaneMessage | LaneNote] = [
    LaneMessage("caller", "code", "speaks"),
    LaneMessage(
        "code", "server", "input_audio_buffer.append", "again and again: 20 ms each", "blue"
    ),
    LaneMessage("server", "code", "input_audio_buffer.speech_started", "", "green"),
    LaneMessage("server", "code", "input_audio_buffer.speech_stopped", "after a silence", "green"),
    LaneMessage("server", "code", "input_audio_buffer.committed", "", "green"),
    LaneMessage("server", "code", "response.created", "", "green"),
    LaneMessage("server", "code", "response.output_audio.delta", "faster than real time", "green"),
    LaneMessage("code", "caller", "plays the sound", "in real time, so it falls behind"),
    LaneMessage("server", "code", "response.done", "often while the sound still plays", "green"),
]
INTERRUPTION: list[LaneMessage | LaneNote] = [
    LaneMessage("caller", "code", "speaks again"),
    LaneMessage("code", "server", "input_audio_buffer.append", "", "blue"),
    LaneMessage("server", "code", "input_audio_buffer.speech_started", "", "red"),
    LaneNote("code", "stop the speaker, count what was played", "red"),
    LaneMessage("server", "code", "response.done", "cancelled, if it was still running", "green"),
    LaneMessage(
        "code", "server", "conversation.item.truncate", "audio_end_ms: what was played", "red"
    ),
    LaneMessage("server", "code", "conversation.item.truncated", "", "green"),
]


def draw_turn() -> str:
    """A spoken turn, and what an interruption changes."""
    sentences = [
        "The caller speaks, and your code appends the sound to the server's input buffer.",
        "The server reports speech_started, speech_stopped and committed.",
        "It creates a response and sends its sound faster than real time; your code plays it.",
        "When the caller interrupts, the server reports speech_started again.",
        "Your code stops the speaker and truncates the item to what was played.",
    ]
    drawing = Drawing("The life of a turn", " ".join(sentences), TURN_HEIGHT)
    drawing.text(MARGIN, 38, "The life of a turn", "title")
    for lane, x in LANES.items():
        drawing.rule(x, 92, x, TURN_HEIGHT - 20)
        drawing.box(x - 80, 58, 160, 34)
        drawing.text(x, 80, NAMES[lane], "strong", "middle")
    y = _draw_messages(drawing, 128, TURN)
    drawing.box(MARGIN, y - 14, RIGHT - MARGIN, 30, "red")
    drawing.text(MARGIN + 14, y + 6, "The caller interrupts", "strong red")
    _draw_messages(drawing, y + 54, INTERRUPTION)
    return drawing.svg()


def _draw_messages(drawing: Drawing, y: float, messages: Sequence[LaneMessage | LaneNote]) -> float:
    """Draw each on a row of its own. Returns where the next row is."""
    for message in messages:
        if isinstance(message, LaneNote):
            drawing.box(LANES[message.lane] - 145, y - 17, 290, 28, message.kind)
            drawing.text(LANES[message.lane], y + 2, message.words, "small", "middle")
        else:
            start, end = LANES[message.sender], LANES[message.receiver]
            drawing.arrow([(start, y), (end, y)], message.kind)
            middle = (start + end) / 2
            is_event = "." in message.words
            drawing.text(middle, y - 6, message.words, "mono" if is_event else "", "middle")
            if message.note:
                drawing.text(middle, y + 15, message.note, "small quiet", "middle")
                y += ROW_OF_NOTE
        y += ROW
    return y


PICTURES: dict[str, Callable[[], str]] = {
    "life-of-a-chunk.svg": draw_chunk,
    "life-of-a-document.svg": draw_document,
    "life-of-a-turn.svg": draw_turn,
}


def main() -> None:
    for name, draw in PICTURES.items():
        write(name, draw())


if __name__ == "__main__":
    main()
