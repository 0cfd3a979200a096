"""Scenes of the exercises on sound.

A machine may lack the engines that recognize and speak. So the scenes answer in the emulator's
place: requests are checked by the emulator's own code, and bodies are encoded by it, but words and
sounds are drawn from the seed.
"""

import asyncio
import json
import random
import wave
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, ClassVar

from cassette.asgi import read_body
from emulator import params
from emulator.answers.answer import Answer, Prompt, SearchOutcome
from emulator.api import speech, transcription_params
from emulator.api.model_list import find_model
from emulator.api.multipart import MultipartForm
from emulator.encode import transcription_bodies as bodies
from emulator.encode.transcription_bodies import SpokenTurn, Transcript
from emulator.errors import ApiError
from emulator.models import DIARIZING, MODELS, SUBTITLING
from emulator.voice.recordings import Utterance
from grading.child import Ending, Program
from grading.failure import Excerpt, Failure, difference, missing, value
from grading.request_turns import turns, written
from grading.scene import AlteredStreams, PlayedFile, Scene, pieces, sentence, until
from grading.scenes.realtime_scenes import BETA, at_path
from grading.scripted_session import RealtimeScene, ScriptedSession
from grading.trace import TracedExchange

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TRANSCRIPTIONS, SPEECH = "/v1/audio/transcriptions", "/v1/audio/speech"
MOST_S = 7200.0
RATE = 24_000
CAPTIONING = "gpt-live-transcribe"
TEXTS = {"text": bodies.text_body, "srt": bodies.srt_body, "vtt": bodies.vtt_body}


# -------------------- What all of them need


@dataclass(frozen=True)
class Form:
    """A recording that was sent, with the fields beside it."""

    exchange: TracedExchange
    filename: str
    lists: Mapping[str, list[str]]
    data: bytes = field(repr=False)

    def get(self, name: str) -> str | None:
        every = self.lists.get(name)
        return every[-1] if every else None

    @property
    def format(self) -> str:
        return self.get("response_format") or "json"


class RecordingScene(Scene):
    """A scene of recordings that are transcribed: a subclass says which words are in them."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.forms: list[Form] = []

    def around(self, app: ASGIApp) -> ASGIApp:
        return _Recordings(super().around(app), self)

    def refused(self, form: Form) -> ApiError | None:
        """Why this request is refused, though its fields are right."""
        return None

    def turns_in(self, filename: str) -> Sequence[tuple[str, str]]:
        """Speaker and text of each segment of a recording."""
        raise NotImplementedError


class _Recordings:
    """Answers transcriptions as the emulator does; other requests go to the emulator."""

    def __init__(self, app: ASGIApp, scene: RecordingScene) -> None:
        self._app, self._scene = app, scene

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != TRANSCRIPTIONS:
            await self._app(scope, receive, send)
            return
        kind = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
        try:
            reply = self._answer(kind, await read_body(receive))
        except ApiError as error:
            reply = Response(error.body(), error.status, error.headers, "application/json")
        await reply(scope, receive, send)

    def _answer(self, kind: str, body: bytes) -> Response:
        """Raises ApiError (400, 404) as the emulator does."""
        read = MultipartForm(kind, "file", longest_field=len(body))
        read.feed(body)
        read.check_whole()
        form = Form(
            self._scene.trace.exchanges[-1], read.filename or "", read.lists, bytes(read.pending)
        )
        self._scene.forms.append(form)
        values, _ = transcription_params.parsed(form.lists)
        able = transcription_params.transcriber(values)
        transcription_params.check_filename(form.filename, able)
        seconds = _seconds(form.data)
        transcription_params.check_length(seconds, values, MOST_S)
        if error := self._scene.refused(form):
            raise error
        heard = Transcript(seconds, able.is_billed_by_time, prompt=values["prompt"] or "")
        heard.turns = [*_spoken(self._scene.turns_in(form.filename), seconds)]
        heard.utterances = [turn.utterance for turn in heard.turns]
        return _reply(heard, values, streams=values["stream"] and able.streams)


def _samples(data: bytes) -> bytes:
    with wave.open(BytesIO(data)) as file:
        return bytes(file.readframes(file.getnframes()))


def _seconds(data: bytes) -> float:
    with wave.open(BytesIO(data)) as file:
        return float(file.getnframes() / file.getframerate())


def _spoken(said: Sequence[tuple[str, str]], seconds: float) -> Iterator[SpokenTurn]:
    share = seconds / len(said)
    for place, (speaker, text) in enumerate(said):
        start = round(place * share, 2)
        yield SpokenTurn(speaker, Utterance(start, round(start + share, 2), text, 0.0, 0.9))


def _reply(heard: Transcript, values: Mapping[str, Any], *, streams: bool) -> Response:
    wanted = values["response_format"]
    if streams:
        return StreamingResponse(_events(heard, wanted), media_type="text/event-stream")
    if wanted in TEXTS:
        return Response(TEXTS[wanted](heard), media_type="text/plain")
    if wanted == "verbose_json":
        granularities = values["timestamp_granularities"] or ("segment",)
        return JSONResponse(bodies.verbose_body(heard, granularities))
    encode = bodies.diarized_body if wanted == "diarized_json" else bodies.json_body
    return JSONResponse(encode(heard))


async def _events(heard: Transcript, wanted: str) -> AsyncIterator[bytes]:
    for place, turn in enumerate(heard.turns):
        if wanted == "diarized_json":
            yield bodies.stream_block(bodies.diarized_segment(place, turn))
            continue
        for block in bodies.deltas(turn.utterance, is_first=place == 0, has_logprobs=False):
            yield block
    yield bodies.done(heard)
    yield bodies.DONE


def write_recording(path: Path, seconds: float, draw: random.Random) -> None:
    """A recording of noise (8 kHz, mono, 16 bits)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(draw.randbytes(1_600) * int(seconds * 10))


def refusal(form: Form, advice: str) -> Failure | None:
    """The server's own words, where it refused a recording with 400."""
    if form.exchange.status != 400:
        return None
    fact = f"The server refused `{form.get('model')}` with `{form.format}` for {form.filename}."
    shown = value("response_format", form.get("response_format"))
    if form.get("model") == DIARIZING and "chunking_strategy" not in " ".join(form.lists):
        fact = f"The request for {form.filename} has no chunking_strategy."
        shown = value("fields", [*form.lists], '"chunking_strategy" among them')
        advice = CHUNKING_WHY
    return Failure(fact, f"{advice} {_words_of(form.exchange.answer_json)}".strip(), shown)


def without_speakers(form: Form, but: str) -> Failure | None:
    """A format that leaves out the speakers, which the model has found."""
    if form.format == "diarized_json":
        return None
    fact = f"The format `{form.format}` has no speakers, even from this model."
    shown = value("response_format", form.get("response_format"), '"diarized_json"')
    return Failure(fact, f"The model finds the speakers, but {but}.", shown)


def _words_of(body: Mapping[str, Any]) -> str:
    """What the server says in an error."""
    message = str(body["error"]["message"])
    return f'The server says: "{message.rstrip(".")}."'


CHUNKING_WHY = """A recording of more than 30 seconds is cut into parts. For this model, the request
has to say how: "auto" cuts at pauses."""


# -------------------- A1


class ChooseAudio(RecordingScene, RealtimeScene):
    """A1: four jobs, and for each of them the endpoint, the model and the format."""

    WORDS: ClassVar[str] = "book-two.wav"
    SPEAKERS: ClassVar[str] = "meeting.wav"
    SUBTITLES: ClassVar[str] = "ask-closed.wav"

    def prepare(self, folder: Path) -> dict[str, str]:
        for name, seconds in ((self.WORDS, 8), (self.SUBTITLES, 5)):
            write_recording(folder / "callers" / name, seconds, self.draw)
        write_recording(folder / self.SPEAKERS, 40, self.draw)
        return {"EXERCISE_FILES": str(folder)}

    def turns_in(self, filename: str) -> Sequence[tuple[str, str]]:
        return [(speaker, sentence(self.draw)) for speaker in "ABA"]

    def answer(self, call: ScriptedSession, prompt: Prompt) -> Answer:
        return Answer([sentence(self.draw)])

    def verdict(self) -> Failure | None:
        if strange := [each for each in self.trace.exchanges if not _is_audio(each)]:
            fact = f"{strange[0].title} is none of the four jobs."
            why = "Recordings go to audio.transcriptions, live captions to a Realtime session."
            return Failure(fact, why)
        checks = (
            (self.WORDS, self._words),
            (self.SPEAKERS, self._speakers),
            (self.SUBTITLES, self._subtitles),
        )
        for name, check in checks:
            sent = [form for form in self.forms if form.filename == name]
            if not sent:
                fact = f"The recording {name} was never sent to audio.transcriptions."
                return Failure(
                    fact,
                    "Each of the three recordings belongs to one of the jobs.",
                    is_absence=True,
                )
            # A program that tries them all has chosen nothing: each answered one has to be right.
            for form in [each for each in sent if each.exchange.status == 200] or sent[-1:]:
                if found := check(form):
                    return found
        return self._captions()

    def _words(self, form: Form) -> Failure | None:
        model = MODELS.get(form.get("model") or "")
        if form.exchange.status == 200 and model is not None and model.ends:
            fact = f"The request for {form.filename} asks `{model.id}`, which ends on {model.ends}."
            why = "The task asks for a model that has no end date, such as gpt-transcribe."
            return Failure(fact, why, value("model", model.id, '"gpt-transcribe"'))
        return refusal(form, "For the words alone, `json` or `text` is enough.")

    def _speakers(self, form: Form) -> Failure | None:
        if found := refusal(form, "Only one model and one format name the speakers."):
            return found
        if form.get("model") != DIARIZING:
            fact = f"`{form.get('model')}` doesn't tell speakers apart."
            why = "That takes a model that was made for it."
            return Failure(fact, why, value("model", form.get("model"), f'"{DIARIZING}"'))
        return without_speakers(form, "this format leaves them out")

    def _subtitles(self, form: Form) -> Failure | None:
        if found := refusal(form, f"Only {SUBTITLING} writes subtitles."):
            return found
        if form.format != "srt":
            fact = f"The answer for {form.filename} isn't an SRT file."
            why = "Subtitles need a time for each of them, in the format that players read."
            shown = value("response_format", form.get("response_format"), '"srt"')
            return Failure(fact, why, shown)
        return None

    def _captions(self) -> Failure | None:
        if not self.sessions:
            fact = "No Realtime session was opened for the live captions."
            return Failure(fact, "`main` opens it. Did your program end before?", is_absence=True)
        session = self.sessions[-1]
        for error in session.received("error"):
            asked = [each.body.get("session") for each in session.sent("session.update")]
            given = _dict(asked[-1] if asked else None)
            shown, why = value("session", given), _words_of(error.body)
            if wrong := next(filter(PLACES.get, given), None):
                fact = f"A transcription session has no field `{wrong}`."
                why = f"Use `{PLACES[wrong]}` instead. {why}"
                return Failure(fact, why, value(f"session.{wrong}", given[wrong]))
            return Failure("The server refused your session.", why, shown)
        if not (updated := session.received("session.updated")):
            fact = "The Realtime session was never configured."
            return Failure(fact, "session.update names the model.", is_absence=True)
        return captioning(session, updated[-1].body["session"])


PLACES = {old: new for old, new in BETA.items() if new.startswith("audio.input.")}
PLACES["model"] = "audio.input.transcription.model"
"""Fields that are put beside `type` by mistake, and where a transcription session has them."""


def _is_audio(exchange: TracedExchange) -> bool:
    return exchange.method == "GET" or exchange.path == TRANSCRIPTIONS


def captioning(call: TracedExchange, session: Mapping[str, Any]) -> Failure | None:
    """Whether a session, as the server confirmed it, writes captions while somebody speaks."""
    settings = _dict(at_path(session, "audio.input"))
    model = _dict(settings.get("transcription")).get("model")
    if model != CAPTIONING:
        fact = f"`{model}` gives no words while somebody speaks."
        if model is None:
            fact = "No model was set that writes down what is said."
        why = "It waits for the end of a turn. Captions have to appear word by word."
        shown = value("audio.input.transcription.model", model, f'"{CAPTIONING}"')
        return Failure(fact, why, shown)
    if turns_by := settings.get("turn_detection"):
        fact = "The session detects turns. This model needs that switched off."
        why = f"With {CAPTIONING}, your program commits the sound itself, so the field is null."
        return Failure(fact, why, value("audio.input.turn_detection", turns_by, "null"))
    given = [
        _dict(at_path(each.body, "session.audio.input")) for each in call.sent("session.update")
    ]
    if not any("turn_detection" in each for each in given):
        fact = "Your session.update doesn't set `turn_detection`."
        why = f"""{CAPTIONING} needs null there, as your program commits the sound itself. This \
server turns detection off even if you leave the field out. OpenAI says that you have to send \
null."""
        return Failure(
            fact, why, missing("session.audio.input", given[-1], '"turn_detection": null')
        )
    return None


def _dict(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


# -------------------- A2


class WhoSpoke(RecordingScene):
    """A2: turns of speakers in order; and the words alone where the model is gone.

    In the later runs of a check the model isn't gone. The server fails for a while instead, after
    which a program may end, or ask again, but not take the model for gone.
    """

    FAILURES: ClassVar[int] = 4
    """So often the server fails: more often than the SDK asks by itself."""
    NAMES: ClassVar[tuple[str, str]] = ("meeting.wav", "book-four.wav")
    meanings: ClassVar[Mapping[str, str]] = {
        "NotFoundError": f"""`{DIARIZING}` is gone: most models end some day. Catch the exception, \
and use another model."""
    }

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.said = {name: self._conversation() for name in self.NAMES}
        self.samples: dict[str, bytes] = {}
        self.gone: set[str] = set()
        """The recordings for which the model was gone."""
        self.failed: set[str] = set()
        """The recordings for which the server failed."""

    def _conversation(self) -> list[tuple[str, str]]:
        """Speakers that come back, and each of them with several segments in a row."""
        order = self.draw.choice(("AABBAAB", "ABBACCAA", "AABCCBAA", "ABBBACA"))
        return [(speaker, sentence(self.draw, self.draw.randint(3, 7))) for speaker in order]

    def prepare(self, folder: Path) -> dict[str, str]:
        for path, seconds in (self.NAMES[0], 40), (f"callers/{self.NAMES[1]}", 33):
            write_recording(folder / path, seconds, self.draw)
            self.samples[Path(path).name] = _samples((folder / path).read_bytes())
        return {"EXERCISE_FILES": str(folder)}

    def turns_in(self, filename: str) -> Sequence[tuple[str, str]]:
        return self.said.get(filename) or [("A", sentence(self.draw))]

    def refused(self, form: Form) -> ApiError | None:
        """The model ends once the first recording has been transcribed."""
        if form.get("model") != DIARIZING or form.filename == self.forms[0].filename:
            return None
        if self.hold_s:
            return self._failing(form)
        self.gone.add(form.filename)
        message = f"The model `{DIARIZING}` does not exist or you do not have access to it."
        return ApiError(404, message, code="model_not_found")

    def _failing(self, form: Form) -> ApiError | None:
        self.failed.add(form.filename)
        if len(_to_diarize(self.forms, form.filename)) > self.FAILURES:
            return None
        self.may_fail = True
        message = "The server had an error while processing your request. Sorry about that!"
        return ApiError(500, message, type="server_error", headers={"retry-after-ms": "1"})

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        return Answer([sentence(self.draw)])

    def verdict(self) -> Failure | None:
        asked = self.trace.writing()
        for place, name in enumerate(dict.fromkeys(form.filename for form in self.forms)):
            sent = [form for form in self.forms if form.filename == name]
            if found := self._first(sent[0]) or self._refusal_misread(name, sent):
                return found
            if any(sent_on(each) == self.expected(name) for each in asked):
                continue
            if self.may_fail and (len(asked) <= place or self._is_unanswered(name)):
                continue
            if len(asked) <= place:
                fact = f"The text of {name} was never sent on."
                why = "`main` asks for minutes of it."
                return Failure(fact, why, is_absence=True)
            return self._wrong_text(asked[place], name)
        if len({form.filename for form in self.forms}) < 2:
            fact = "The second recording was never sent to audio.transcriptions."
            return Failure(fact, "Both recordings have to be transcribed.", is_absence=True)
        return None

    def _is_unanswered(self, name: str) -> bool:
        """Whether the server failed each time that it was asked for a recording's speakers."""
        return all(form.exchange.status == 500 for form in _to_diarize(self.forms, name))

    def _first(self, form: Form) -> Failure | None:
        if form.get("model") != DIARIZING:
            fact = f"The first request for {form.filename} asks `{form.get('model')}`."
            why = "It doesn't tell speakers apart. Use it only if the other model is gone."
            return Failure(fact, why, value("model", form.get("model"), f'"{DIARIZING}"'))
        samples = self.samples.get(form.filename)
        if samples is not None and samples != _samples(form.data):
            fact = f"The sound that was sent as {form.filename} isn't that of the file."
            return Failure(fact, "Open the recording that you are given, and send all of it.")
        return without_speakers(form, "only this format names them") or refusal(form, "")

    def expected(self, name: str) -> str:
        """What has to be sent on of a recording."""
        said = self.said[name]
        return " ".join(text for _, text in said) if name in self.gone else "\n".join(_lines(said))

    def _refusal_misread(self, name: str, sent: list[Form]) -> Failure | None:
        """What is wrong with what was asked after a 404 or a 500."""
        if name in self.gone:
            return self._fallback(sent)
        others = [form.get("model") for form in sent if form.get("model") != DIARIZING]
        if name not in self.failed or not others:
            return None
        fact = f"The server failed with status 500, and your program asked `{others[0]}` instead."
        return Failure(fact, FAILED_WHY, value("model", others[0], f'"{DIARIZING}"'))

    def _fallback(self, sent: list[Form]) -> Failure | None:
        """After the 404 the words have to come from another model."""
        if len(sent) < 2:
            fact = f"`{DIARIZING}` was gone for {sent[0].filename}, and no other model was asked."
            why = "Models end. The words without the speakers are better than nothing."
            return Failure(fact, why, is_absence=True)
        if sent[1].get("model") == DIARIZING:
            fact = "Your program asked again for a model that is gone."
            why = "A 404 doesn't pass with time. Ask another model, such as gpt-transcribe."
            return Failure(fact, why, value("model", DIARIZING, '"gpt-transcribe"'))
        return refusal(sent[1], "For the words alone, `json` or `text` is enough.")

    def _wrong_text(self, request: TracedExchange, name: str) -> Failure:
        asked = [turn for turn in turns(request) if turn.role == "user"]
        fact = f"The text of {name} that was sent on isn't what the task asks for."
        why = "Without speakers, the text goes on as it came." if name in self.gone else TURNS_WHY
        place = f"{asked[-1].place}, the text" if asked else ""
        return Failure(fact, why, difference(place, sent_on(request), self.expected(name)))


def _to_diarize(forms: Sequence[Form], name: str) -> list[Form]:
    """The requests for the speakers of a recording."""
    return [form for form in forms if form.filename == name and form.get("model") == DIARIZING]


def sent_on(request: TracedExchange) -> str:
    """The last text of the user's, without the task that may stand in front of it."""
    asked = [turn.text for turn in turns(request) if turn.role == "user"] or [""]
    return (asked[-1].partition("\n\n")[2] or asked[-1]).strip()


def _lines(said: Sequence[tuple[str, str]]) -> Iterator[str]:
    """One line for each turn: segments of the same speaker in a row belong together."""
    before = ""
    line = ""
    for speaker, text in said:
        if speaker == before:
            line = f"{line} {text}"
        else:
            if line:
                yield line
            line, before = f"{speaker}: {text}", speaker
    yield line


FAILED_WHY = """Only a 404 says that the model is gone. A 500 passes: ask the same model again
later, or let the exception end your program. Otherwise nobody notices that the speakers are
missing."""
TURNS_WHY = """One line for each turn, in the order of the recording: the speaker, a colon, a
space, and the texts of its segments, with one space between them, and no others around them."""


# -------------------- A3


@dataclass
class SpokenSentence:
    """A text that is to be spoken, and its sound; `before` is how much had been played by then."""

    exchange: TracedExchange
    samples: bytes
    before: int
    is_early: bool | None = None
    """Whether some of its sound was played before the last of it was sent."""

    @property
    def text(self) -> str:
        return str(self.exchange.json.get("input"))


class SpeakAtOnce(Scene):
    """A3: each sentence is spoken while the answer is being written, its sound played as it comes.

    The rest of the answer waits for the first request for sound, and the rest of a sound waits for
    its first samples to be played. So a program that waits for the whole shows it without a clock:
    it does nothing until the scene gives up.
    """

    PATIENCE_S: ClassVar[float] = 4.0

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        price = f"It costs {draw.randrange(2, 9)}.{draw.randrange(10, 99)} euros"
        first = f"{price}, {sentence(draw, 5).lower()}"
        one, other = draw.sample(".?!", 2)
        pairs = [*self._pair(one, other), *self._pair(other, one)]
        marks = [mark for mark in "?!" if mark not in (one, other)]
        middle = [f"{sentence(draw, 6)[:-1]}{mark}" for mark in marks]
        self.sentences = [first, *pairs, *middle, sentence(draw, 7)]
        self.seconds = (2, 4)
        """The places of short sentences, which end in the same piece as the one before. In one of
        the two pairs, who looks for one mark after the other finds the second end first."""
        self.readings: list[SpokenSentence] = []
        self.late: int | None = None
        """The first sentence that was not asked for before the rest of the answer came."""

    def _pair(self, one: str, other: str) -> list[str]:
        short = self.draw.choice(("Yes", "No", "Oh", "Well", "Good"))
        return [f"{sentence(self.draw, 6)[:-1]}{one}", f"{short}{other}"]

    def prepare(self, folder: Path) -> dict[str, str]:
        path = folder / "speech.pcm"
        self.ledger = PlayedFile(path)
        return {"EXERCISE_SPEAKER": str(path)}

    def drive(self, program: Program) -> Ending:
        """The folder is gone when the verdict is given, so what was played is read before."""
        ending = super().drive(program)
        self.heard = self.ledger.read()
        return ending

    def played(self) -> int:
        """Bytes that the loudspeaker has taken so far."""
        return self.ledger.grow()

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        return Answer(self._pieces())

    def _pieces(self) -> list[str]:
        """Pieces of up to five letters each, but one longer piece for each pair of sentences.

        It begins with the mark of the first sentence, and ends with the space after the second.
        """
        text = " ".join(self.sentences)
        cuts = [*accumulate(map(len, pieces(self.draw, text, 5)))]
        ends = [*accumulate(len(each) + 1 for each in self.sentences)]
        for second in self.seconds:
            start, end = ends[second - 1] - 2, ends[second]
            cuts = [cut for cut in cuts if not start < cut < end]
        return [text[start:end] for start, end in pairwise([0, *cuts])]

    def around(self, app: ASGIApp) -> ASGIApp:
        held = AlteredStreams(app, self.trace, self.hold)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] != SPEECH:
                await held(scope, receive, send)
                return
            exchange = self.trace.exchanges[-1]
            reply = await self._spoken(exchange)
            await reply(scope, receive, send)

        return serve

    async def hold(self, exchange: TracedExchange, event: bytes) -> AsyncIterator[bytes]:
        """Send each sentence and the piece after it; wait until this sentence has been asked for.

        A program may take one sentence out of a piece, and look at the rest with the next piece.
        """
        length = len("".join(written(exchange)[:-1]))
        ends = accumulate(len(each) + 1 for each in self.sentences[:-1])
        due = sum(length > end for end in ends)
        # A program that waits for a whole sound asks for the next sentence later. That is told as
        # what it is.
        patience = self.PATIENCE_S * (2 if self.readings else 1)
        while self.late is None and len(self.readings) < due and not self._is_unproved:
            if not await until(lambda: len(self.readings) >= due or self._is_unproved, patience):
                self.late = len(self.readings)
        yield event

    async def _spoken(self, exchange: TracedExchange) -> Response:
        try:
            values, _ = params.parse(exchange.json or {}, speech.PARAMS)
            model = find_model(values["model"])
            if model is None or model.role != "speech":
                message = f"The model `{values['model']}` does not exist."
                raise ApiError(404, message, code="model_not_found")
            speech.choice(*speech.VOICES)("voice", values["voice"])
        except ApiError as error:
            return Response(error.body(), error.status, error.headers, "application/json")
        reading = SpokenSentence(exchange, self.draw.randbytes(SOUND_BYTES), self.played())
        self.readings.append(reading)
        head = wav_head(self.draw) if values["response_format"] == "wav" else b""
        return StreamingResponse(self._sound(reading, head), media_type="audio/wav")

    @property
    def _is_unproved(self) -> bool:
        """Whether nothing of a sound was played until we gave up waiting for that."""
        return any(each.is_early is False for each in self.readings)

    async def _sound(self, reading: SpokenSentence, head: bytes) -> AsyncIterator[bytes]:
        half = len(reading.samples) // 2
        yield head + reading.samples[:half]
        patience = 0.0 if self._is_unproved else self.PATIENCE_S  # one proof is enough
        reading.is_early = await until(lambda: self.played() > reading.before, patience)
        yield reading.samples[half:]

    def verdict(self) -> Failure | None:
        asked = self.trace.writing()
        if not asked or not asked[0].wants_stream:
            fact = "The request for the answer didn't ask for a stream."
            return Failure(fact, "With stream=True the answer comes while it is being written.")
        if not self.readings:
            return self._refused() or Failure(
                "No text was sent to audio.speech.", "Send each sentence.", is_absence=True
            )
        self._put_in_order()
        return self._refused() or self._texts() or self.ledger.changed() or self._sounds()

    def _put_in_order(self) -> None:
        """Requests for two sentences may overtake each other if a program asks for both at once."""
        places = {each: place for place, each in enumerate(self.sentences)}
        if all(reading.text in places for reading in self.readings):
            self.readings.sort(key=lambda reading: places[reading.text])

    def _refused(self) -> Failure | None:
        for each in self.trace.to(SPEECH):
            if each.status >= 400:
                shown = value("model", each.json.get("model") if each.json else None)
                fact = f"The server refused {each.name} with status {each.status}."
                return Failure(fact, _words_of(each.answer_json), shown)
            if each.json and each.json.get("stream_format") == "sse":
                why = "Here the server sends the sound itself, not events. Leave stream_format out."
                return Failure("Events can't be played.", why, value("stream_format", "sse"))
        return None

    def _texts(self) -> Failure | None:
        pairs = zip(self.readings, self.sentences, strict=False)
        for number, (reading, expected) in enumerate(pairs):
            if number == self.late and reading.text == expected:
                fact = f"Sentence {number + 1} was spoken only after the whole answer had come."
                shown = value(f"input of {reading.exchange.name}", reading.text)
                return Failure(fact, EARLY_WHY, shown)
            if reading.text != expected:
                fact = f"{reading.exchange.title} isn't for one complete sentence."
                return Failure(fact, SENTENCE_WHY, difference("input", reading.text, expected))
        if len(self.readings) > len(self.sentences):
            extra = self.readings[len(self.sentences)]
            fact = f"{extra.exchange.title} is one too many."
            return Failure(fact, SENTENCE_WHY, value("input", extra.text))
        if len(self.readings) < len(self.sentences):
            fact = f"Sentence {len(self.readings) + 1} was never spoken."
            why = "No space follows the last sentence: it ends where the answer ends."
            shown = value("input", None, json.dumps(self.sentences[len(self.readings)]))
            return Failure(fact, why, shown, is_absence=True)
        return None

    def _sounds(self) -> Failure | None:
        for reading in self.readings:
            for name, right in ("model", "gpt-4o-mini-tts"), ("voice", "marin"):
                if (got := reading.exchange.json.get(name)) != right:
                    fact = (
                        f"{reading.exchange.title} doesn't ask for the {name} that the task names."
                    )
                    why = "Another one would sound unlike the rest of what is read aloud."
                    return Failure(fact, why, value(name, got, f'"{right}"'))
            wanted = reading.exchange.json.get("response_format")
            if wanted not in ("wav", "pcm"):
                asked = wanted or "mp3"
                fact = f"{reading.exchange.title} asks for `{asked}`, but `play` takes samples."
                why = "The loudspeaker takes samples. Without response_format the sound is an MP3."
                return Failure(fact, why, value("response_format", wanted, '"pcm"'))
            if not reading.is_early:
                fact = f"Nothing of the sound of {reading.exchange.name} was played before its end."
                return Failure(fact, BYTES_WHY)
        whole = b"".join(reading.samples for reading in self.readings)
        if self.heard == whole:
            return None
        if self.heard.startswith(b"RIFF"):
            fact = "The header of the WAV file was played as if it were sound."
            shown = Excerpt("the first bytes that were played", str(self.heard[:8])[1:], 0)
            return Failure(fact, HEAD_WHY, shown)
        counts = f"{len(self.heard):,} bytes were played, {len(whole):,} were sent"
        is_head = 0 < len(self.heard) - len(whole) < 200 * len(self.readings)
        fact = "What was played is not the sound that was sent, each piece once and in order."
        return Failure(f"{fact} ({counts})", HEAD_WHY if is_head else ONCE_WHY)


def wav_head(draw: random.Random) -> bytes:
    """The header of a WAV file whose length nobody knows yet, with a note in front of the data."""
    note = b"INFOISFT" + b"\x0e\0\0\0" + b"Lavf61.7.100\0\0" + bytes(2 * draw.randrange(4))
    sizes = (1, 1, RATE, RATE * 2, 2, 16)
    layout = b"".join(
        size.to_bytes(width, "little")
        for size, width in zip(sizes, (2, 2, 4, 4, 2, 2), strict=True)
    )
    unknown = b"\xff" * 4
    chunks = b"fmt " + b"\x10\0\0\0" + layout + b"LIST" + len(note).to_bytes(4, "little") + note
    return b"RIFF" + unknown + b"WAVE" + chunks + b"data" + unknown


SOUND_BYTES = 150_000
"""So many that also a client which reads 64 KB at a time has something before the half."""
EARLY_WHY = """A listener waits for the first sound. So the first sentence is spoken while the
others are still being written."""
SENTENCE_WHY = """A sentence ends with a mark that is followed by a space. The mark and the space
may come in two pieces of the stream. One piece may also have the ends of two sentences, with
different marks. The point in "2.50" ends no sentence. Leave out the spaces between two
sentences."""
BYTES_WHY = """`audio.speech.create` and `.read()` wait for the whole sound. Use
`audio.speech.with_streaming_response.create`, and play each piece of `iter_bytes()`."""
ONCE_WHY = """Samples that are added, dropped or changed can be heard: a click, or a missing word.
Play each piece as it came, and wait for one sentence before you play the next."""
HEAD_WHY = """A streamed WAV file begins with a header of some 44 bytes or more, whose length fields
are 0xFFFFFFFF. The samples begin 8 bytes after the word `data`. With response_format "pcm" there is
no header."""


# -------------------- A4


class LiveCaptions(RealtimeScene):
    """A4: three sentences, whose transcripts come by turns, and the first of them last."""

    NAMES: ClassVar[tuple[str, ...]] = ("greeting.wav", "ask-dogs.wav", "farewell.wav")

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.said = [sentence(draw, 6) for _ in self.NAMES]
        self.sounds = [draw.randbytes(RATE) for _ in self.NAMES]
        self.commits = 0
        self.has_waited = False

    def prepare(self, folder: Path) -> dict[str, str]:
        for name, samples in zip(self.NAMES, self.sounds, strict=True):
            with wave.open(str(folder / name), "wb") as file:
                file.setparams((1, 2, RATE, 0, "NONE", ""))
                file.writeframes(samples)
        return {"EXERCISE_FILES": str(folder)}

    def received(self, call: ScriptedSession, message: dict[str, Any]) -> None:
        self.commits += message.get("type") == COMMIT

    def words(self, call: ScriptedSession) -> str:
        return self.said[min(self.commits, len(self.said)) - 1]

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        return Answer([sentence(self.draw)])

    def answer(self, call: ScriptedSession, prompt: Prompt) -> Answer:
        return Answer([sentence(self.draw)])

    def around(self, app: ASGIApp) -> ASGIApp:
        scripted = super().around(app)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "websocket":
                await scripted(scope, receive, send)
                return
            late = _LateTranscripts(self.draw, len(self.NAMES), receive, send)
            await scripted(scope, late.receive, late.send)
            self.has_waited |= late.has_waited

        return serve

    def verdict(self) -> Failure | None:
        if not self.sessions:
            fact = "No Realtime session was opened."
            return Failure(fact, "Live captions come over a WebSocket.", is_absence=True)
        session = self.sessions[-1]
        if created := session.sent("response.create"):
            fact = "Your program sent response.create in a transcription session."
            why = "Such a session transcribes, and never answers."
            return Failure(fact, why, value("type", created[0].type))
        for error in session.received("error"):
            return Failure("The server refused a message.", _words_of(error.body))
        if not (updated := session.received("session.updated")):
            fact = "The session was never configured."
            return Failure(fact, "session.update names the model.", is_absence=True)
        if found := captioning(session, updated[-1].body["session"]):
            return found
        if (count := len(session.sent(COMMIT))) != len(self.said):
            fact = self._commits(count)
            why = "Without turn detection, your commit ends a sentence, and its words are complete."
            return Failure(fact, why, is_absence=count < len(self.said))
        if found := self._wrong_sound(session):
            return found
        if self.has_waited:
            fact = "Your program waited for the words of a sentence before it sent the next one."
            shown = Excerpt("the order of the messages", WAITED, WAITED.rindex(COMMIT))
            return Failure(fact, WAITED_WHY, shown)
        return self._lines(session)

    def _commits(self, count: int) -> str:
        """How many commits there were in the session that is judged, which is the last one."""
        were = "was 1 commit" if count == 1 else f"were {count} commits"
        several = len(self.sessions)
        where = f" in the last of {several} sessions" if several > 1 else ""
        return f"There {were} for {len(self.said)} sentences{where}."

    def _wrong_sound(self, session: TracedExchange) -> Failure | None:
        """Whether each commit has the sound of its sentence; silence around it does no harm."""
        came, number = b"", 0
        for event in session.messages:
            if event.sender == "client" and event.type == "input_audio_buffer.append":
                came += event.sound
            elif event.sender == "client" and event.type == COMMIT:
                if self.sounds[number] not in came:
                    fact = f"Commit {number + 1} doesn't have all the sound of its sentence."
                    counts = f"{len(came):,} bytes came, the sentence has {RATE:,}"
                    return Failure(fact, WHOLE_WHY, Excerpt("sound before the commit", counts))
                came, number = b"", number + 1
        return None

    def _lines(self, session: TracedExchange) -> Failure | None:
        asked = self.trace.writing()
        if not asked:
            fact = "The captions were never sent on."
            return Failure(fact, "`main` asks for a summary of them.", is_absence=True)
        text, expected = sent_on(asked[0]), "\n".join(self.said)
        if expected == text:
            return None
        ended = session.received(f"{TRANSCRIPT}.completed")
        arrived = "\n".join(str(each.body.get("transcript")) for each in ended)
        shown = difference("the captions", text, expected)
        if arrived in text:
            fact = "The captions are in the order in which they were completed."
            return Failure(fact, ORDER_WHY, shown)
        return Failure("The captions are not what was said.", DELTAS_WHY, shown)


class _LateTranscripts:
    """Holds transcripts back until all `count` sentences have theirs, then sends them by turns.

    A program that waits for each transcript sends nothing meanwhile; it gets them after a while.
    If it then goes on at once, and does so twice after waits of different length, it has waited for
    them. A speaker who makes a pause has not.
    """

    PATIENCE_S = (2.0, 3.0)
    AT_ONCE_S = 0.4

    def __init__(self, draw: random.Random, count: int, receive: Receive, send: Send) -> None:
        self._draw, self._count = draw, count
        self._receive, self._send = receive, send
        self._held: dict[str, list[Message]] = {}
        self._waits = 0

    @property
    def has_waited(self) -> bool:
        return self._waits == len(self.PATIENCE_S)

    async def receive(self) -> Message:
        coming = asyncio.ensure_future(self._receive())
        patience_s = self.PATIENCE_S[min(self._waits, 1)]
        try:
            while not (await asyncio.wait({coming}, timeout=patience_s))[0]:
                had_words = bool(self._held)
                await self._release()
                if had_words and (await asyncio.wait({coming}, timeout=self.AT_ONCE_S))[0]:
                    self._waits += coming.result()["type"] == "websocket.receive"
            return coming.result()
        finally:
            coming.cancel()

    async def send(self, message: Message) -> None:
        event = json.loads(message.get("text") or "{}")
        if not str(event.get("type")).startswith(TRANSCRIPT):
            await self._send(message)
            return
        self._held.setdefault(event["item_id"], []).append(message)
        if sum(map(_is_complete, self._held.values())) == self._count:
            await self._release()

    async def _release(self) -> None:
        """By turns; the sentence that was spoken first is complete last."""
        held, self._held = [*self._held.values()], {}
        last = held[0].pop() if held else None
        while any(held):
            for lane in self._draw.sample(held, len(held)):
                for message in lane[:1]:
                    await self._send(message)
                del lane[:1]
        if last is not None:
            await self._send(last)


def _is_complete(messages: list[Message]) -> bool:
    return bool(json.loads(messages[-1]["text"])["type"] == f"{TRANSCRIPT}.completed")


TRANSCRIPT, COMMIT = "conversation.item.input_audio_transcription", "input_audio_buffer.commit"
WAITED = f"{COMMIT}, its words, {COMMIT}"
WAITED_WHY = """A microphone doesn't stop while you wait. Send all sound as it comes, and take the
words whenever they come."""
WHOLE_WHY = "A commit takes what was appended since the last one: send all pieces, then commit."
ORDER_WHY = """The server transcribes several sentences at once, so a short one may be complete
first. Every event has an `item_id`. The events `input_audio_buffer.committed` come in the right
order."""
DELTAS_WHY = """Deltas of several sentences are interleaved, and the `completed` event of a sentence
has its final text. Keep the texts by `item_id`."""


SCENES = {"A1": ChooseAudio, "A2": WhoSpoke, "A3": SpeakAtOnce, "A4": LiveCaptions}
