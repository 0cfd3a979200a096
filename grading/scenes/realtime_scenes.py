"""Scenes of lesson 3, Realtime. Their server is grading/scripted_session.py."""

import json
import random
import sys
import time
import wave
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, ClassVar

from emulator.answers.answer import Answer, Call, Prompt
from emulator.realtime.audio_settings import VOICES
from emulator.wire import tokens
from grading.child import Ending, Program
from grading.failure import Excerpt, Failure, difference, missing, value
from grading.request_turns import text_of
from grading.scene import PlayedFile, sentence
from grading.scripted_session import RealtimeScene, ScriptedSession
from grading.trace import TracedEvent, TracedExchange

BYTES_A_MS = 48
"""Sound of 24,000 samples a second, two bytes each."""
APPEND, UPDATE, UPDATED = "input_audio_buffer.append", "session.update", "session.updated"
COMMIT, CREATE, DONE = "input_audio_buffer.commit", "response.create", "response.done"
PCM = {"type": "audio/pcm", "rate": 24_000}


# -------------------- What all of them need


def noise(draw: random.Random, ms: int) -> bytes:
    """Loud sound that comes only once."""
    return draw.randbytes(ms * BYTES_A_MS)


def write_wav(path: Path, pcm: bytes) -> str:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 24_000, 0, "NONE", ""))
        file.writeframes(pcm)
    return str(path)


def sent_by(session: TracedExchange) -> list[TracedEvent]:
    return [each for each in session.messages if each.sender == "client"]


def at_path(found: Any, path: str) -> Any:
    """A field within fields, as `audio.input.format` names it; None where it isn't there."""
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def one_after_other(before: str, wrong: TracedEvent) -> Excerpt:
    """Two messages in the order in which they passed, the caret under the second."""
    shown = f"{before}, then "
    return Excerpt("the order of the messages", shown + wrong.type, len(shown))


def no_session(scene: RealtimeScene) -> Failure | None:
    """What is wrong with how the WebSocket was opened."""
    if not scene.sessions:
        fact = "Your program never opened a WebSocket to the Realtime API."
        why = "Realtime isn't HTTP: use client.realtime.connect(model=MODEL)."
        return Failure(fact, why, is_absence=True)
    first = scene.sessions[0]
    if "realtime=v1" in first.headers.get("openai-beta", ""):
        fact = "Your program asked for the beta of the Realtime API."
        why = "The beta was shut down. Leave out the header OpenAI-Beta."
        return Failure(fact, why, value("the header openai-beta", first.headers["openai-beta"]))
    if not sent_by(first):
        fact = "Your program opened the WebSocket, but sent nothing."
        return Failure(fact, "The server waits for your first event.", is_absence=True)
    return None


def refused(session: TracedExchange) -> Failure | None:
    """The first error that the server sent, with what the program had sent before."""
    for number, event in enumerate(session.messages):
        if event.type == "error":
            before = [each for each in session.messages[:number] if each.sender == "client"]
            what = f"your {before[-1].type}" if before else "your connection"
            message = str(at_path(event.body, "error.message"))
            why = "The SDK raises no exception for it. The server's own words stand above."
            shown = Excerpt("error.message", message if len(message) < 70 else f"{message[:67]}...")
            return Failure(f"The server refused {what}.", why, shown)
    return None


BETA = {
    "modalities": "output_modalities",
    "voice": "audio.output.voice",
    "speed": "audio.output.speed",
    "turn_detection": "audio.input.turn_detection",
    "input_audio_format": "audio.input.format",
    "output_audio_format": "audio.output.format",
    "input_audio_transcription": "audio.input.transcription",
    "input_audio_noise_reduction": "audio.input.noise_reduction",
    "max_response_output_tokens": "max_output_tokens",
}
"""What fields of a session were called in the beta, and what they are called now."""


def not_of_today(session: Any) -> Failure | None:
    """A name of the beta, or a type that is missing, in the `session` of an update."""
    fields = session if isinstance(session, Mapping) else {}
    for name in fields:
        if name in BETA:
            fact = f"Your session.update has the field `{name}`. That is a name of the beta."
            why = f"""Its name is now `{BETA[name]}`. The server refuses an update with a name \
that it doesn't know, so none of its settings takes effect."""
            return Failure(fact, why, value(f"session.{name}", fields[name]))
    if fields.get("type") != "realtime":
        fact = "Your session.update doesn't say what type of session it is for."
        why = """There are two types, `realtime` and `transcription`. Without a type the server \
refuses the update."""
        return Failure(fact, why, missing("session", fields, '"type": "realtime" among them'))
    return None


def wrong_setting(session: Any, wanted: Mapping[str, Any]) -> Failure | None:
    """The first of the settings that differs from what the task says."""
    for path, right in wanted.items():
        got = at_path(session, path)
        if got == right:
            continue
        if found := _no_object(session, path, right):
            return found
        expected = value("", right).text
        if got is None:
            fact = f"Your session.update doesn't set `{path}`."
            why = "Defaults differ and change, so set whatever your program relies on."
        elif path.endswith("format") and isinstance(got, str):
            fact = f"`{path}` is a string, as in the beta. Now it is an object."
            why = "The server refuses the whole update, so none of its settings takes effect."
        else:
            fact = f"`{path}` isn't what the task asks for."
            why = "The server uses the value that you sent, whatever your program expects."
        name = f"session.{path}"
        are_texts = isinstance(got, str) and isinstance(right, str)
        shown = difference(name, got, right) if are_texts else value(name, got, expected)
        return Failure(fact, why, shown)
    return None


def _no_object(session: Any, path: str, right: Any) -> Failure | None:
    """A string or a number that stands where an object with the setting should be."""
    names = path.split(".")
    for place in range(1, len(names)):
        holder = ".".join(names[:place])
        if (found := at_path(session, holder)) is None or isinstance(found, Mapping):
            continue
        fact = f"`{holder}` has to be an object with the field `{names[place]}`."
        why = "The server refuses the whole update, so none of its settings takes effect."
        wanted = right
        for name in reversed(names[place:]):
            wanted = {name: wanted}
        return Failure(fact, why, value(f"session.{holder}", found, json.dumps(wanted)))
    return None


def merged(settings: Sequence[Any]) -> dict[str, Any]:
    """What several updates set together, the later ones over the earlier ones."""
    whole: dict[str, Any] = {}
    for fields in settings:
        for name, given in fields.items() if isinstance(fields, Mapping) else ():
            known = whole.get(name)
            are_objects = isinstance(given, Mapping) and isinstance(known, Mapping)
            whole[name] = merged([known, given]) if are_objects else given
    return whole


def no_update(session: TracedExchange) -> Failure | None:
    """The program began with something else than its settings."""
    first = sent_by(session)[0]
    if first.type == UPDATE:
        return None
    fact = f"The first event that your program sent was {first.type}, not session.update."
    why = "Without your settings, the server uses its defaults from the first sound on."
    return Failure(fact, why, Excerpt("the first event", first.type, 0, UPDATE))


def too_early(session: TracedExchange, kind: str, awaited: str) -> Failure | None:
    """An event that was sent before the server had sent another."""
    for event in session.messages:
        if event.sender == "server" and event.type == awaited:
            return None
        if event.sender == "client" and event.type == kind:
            before = [e for e in sent_by(session) if e.at <= event.at and e.type != kind]
            return sent_before(event, awaited, before[-1].type if before else "")
    return None


def sent_before(event: TracedEvent, awaited: str, last: str) -> Failure:
    """An event of the program's came too early; `last` is what it had sent before."""
    fact = f"Your program sent {event.type} before {awaited} had come."
    return Failure(fact, TOO_EARLY[awaited], one_after_other(last, event))


TOO_EARLY = {
    UPDATED: """Only session.updated says that the server has accepted your settings. It may \
refuse them with an error event instead, and then it handles the sound with other settings.""",
}


# -------------------- R1


class ConfigureFirst(RealtimeScene):
    """R1: the settings, their confirmation, and only then the sound."""

    held = ((UPDATED, 1),)
    stays_for = (DONE, 1)
    NO_VOICE: ClassVar[str] = "robot"
    PATIENCE_S: ClassVar[float] = 5.0

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.instructions = sentence(draw)
        self.voice = draw.choice([voice for voice in VOICES if voice not in ("alloy", "marin")])
        self.question = noise(draw, draw.randrange(200, 400, 10))
        self.refused: Ending | None = None
        """How the program ended where the server refused its settings."""

    def prepare(self, folder: Path) -> dict[str, str]:
        return {
            "EXERCISE_INSTRUCTIONS": self.instructions,
            "EXERCISE_VOICE": self.voice,
            "EXERCISE_SOUND": write_wav(folder / "question.wav", self.question),
        }

    def drive(self, program: Program) -> Ending:
        """Once more with a voice that doesn't exist, in the first run of a check."""
        ending = super().drive(program)
        if ending.code == 0 and not self.hold_s:
            self.refused = self._refusal(program.again(EXERCISE_VOICE=self.NO_VOICE))
        return ending

    def _refusal(self, program: Program) -> Ending:
        """The end of a program whose settings are refused, at most PATIENCE_S after the error.

        A program that has not got that far has all the time of a run: computers may be busy.
        """
        known = len(self.sessions)

        def is_refused() -> bool:
            return any(session.received("error") for session in self.sessions[known:])

        has_met = program.runs_until(is_refused, self.limit_s)
        return program.wait(self.PATIENCE_S if has_met else 0.0)

    def answer(self, call: ScriptedSession, prompt: Prompt) -> Answer:
        return Answer(tokens.split(sentence(self.draw)))

    def sound(self, call: ScriptedSession, text: str) -> bytes | None:
        return noise(self.draw, 200)

    @property
    def wanted(self) -> dict[str, Any]:
        return {
            "instructions": self.instructions,
            "output_modalities": ["audio"],
            "audio.input.format": PCM,
            "audio.input.transcription.model": "gpt-transcribe",
            "audio.output.voice": self.voice,
        }

    def verdict(self) -> Failure | None:
        if found := no_session(self):
            return found
        session = self.sessions[0]
        if found := no_update(session):
            return found
        settings = sent_by(session)[0].body.get("session")
        if found := not_of_today(settings) or self._wrong_settings(session):
            return found
        if found := refused(session) or too_early(session, APPEND, UPDATED):
            return found
        return self._unheard(session)

    def _wrong_settings(self, session: TracedExchange) -> Failure | None:
        """What is wrong with the updates before the sound; one of them has to have it all."""
        sent = takewhile(lambda each: each.type != APPEND, sent_by(session))
        updates = [each.body.get("session") for each in sent if each.type == UPDATE]
        found = wrong_setting(updates[0], self.wanted)
        if found is None or len(updates) == 1:
            return found
        if wrong := wrong_setting(merged(updates), self.wanted):
            return wrong
        fact = f"Your program sent the settings in {len(updates)} session.updates. Send only one."
        why = """The server answers each of them separately. If it refuses one, only some of your \
settings are in effect."""
        return Failure(fact, why, value("session.updates before the sound", len(updates), "1"))

    def _unheard(self, session: TracedExchange) -> Failure | None:
        """The sound isn't that of the file, or the program didn't wait for the answer."""
        came = b"".join(each.sound for each in session.sent(APPEND))
        if not came:
            fact = "Your program configured the session, but sent no sound."
            return Failure(fact, "The caller has said nothing yet.", is_absence=True)
        if not came.startswith(self.question):
            fact = "The sound that your program sent isn't the sound of the file."
            why = "Send the samples alone, without the header of the WAV file, and all of them."
            shown = difference("the sound, in hex", came.hex(), self.question.hex())
            return Failure(fact, why, shown)
        if not session.received(DONE):
            fact = "Your program left before the answer was complete."
            why = "Only response.done says that an answer is over."
            return Failure(fact, why, is_absence=True)
        return self._went_on(self.refused, self.sessions[-1]) if self.refused else None

    def _went_on(self, ending: Ending, session: TracedExchange) -> Failure | None:
        """The settings were refused, and the program took no notice."""
        if not session.received("error"):
            return None
        sent = session.sent(APPEND)
        if sent:
            fact = "The server refused your settings, and your program sent the sound all the same."
            return Failure(fact, REFUSED_WHY, one_after_other("error", sent[0]))
        if ending.code is None:
            fact = "The server refused your settings, and your program waited on for 5 seconds."
            return Failure(fact, REFUSED_WHY, Excerpt("what came", "error, no session.updated"))
        if ending.code == 0:
            fact = "The server refused your settings, and your program ended as if all were well."
            return Failure(fact, REFUSED_WHY, Excerpt("its exit code", "0"))
        return None


REFUSED_WHY = """If the server refuses a setting, it sends an error event, and no session.updated.
The SDK raises nothing for it, so your code has to raise an exception. (The check asked for a voice
that doesn't exist.)"""


# -------------------- R2

LEAST_MS = 100


class TakeTurns(RealtimeScene):
    """R2: the whole object of detection twice, then each press committed and answered once."""

    held = ((UPDATED, 1), (UPDATED, 3), (DONE, 3))
    """The settings that the caller's sound and the first press have to wait for, and the answer to
    the first press, which the second press has to wait for."""
    stays_for = (DONE, 4)

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.vad = {
            "type": "server_vad",
            "threshold": draw.randrange(30, 80) / 100,
            "prefix_padding_ms": draw.randrange(150, 400, 10),
            "create_response": True,
            "interrupt_response": True,
        }
        self.silence_ms = [draw.randrange(200, 400, 10), draw.randrange(410, 700, 10)]
        self.turns = [noise(draw, draw.randrange(150, 300, 10)) for _ in self.silence_ms]
        lengths_ms = [draw.randrange(120, 300, 10) for _ in range(3)]
        lengths_ms[draw.randrange(2)] = draw.randrange(30, 90, 10)
        self.presses = [noise(draw, each) for each in lengths_ms]

    def prepare(self, folder: Path) -> dict[str, str]:
        turns = [write_wav(folder / f"turn{n}.wav", pcm) for n, pcm in enumerate(self.turns)]
        presses = [write_wav(folder / f"press{n}.wav", pcm) for n, pcm in enumerate(self.presses)]
        call = {key: self.vad[key] for key in ("threshold", "prefix_padding_ms")}
        call |= {"silence_ms": self.silence_ms, "turns": turns, "presses": presses}
        return {"EXERCISE_CALL": json.dumps(call)}

    def answer(self, call: ScriptedSession, prompt: Prompt) -> Answer:
        return Answer(tokens.split(sentence(self.draw)))

    def sound(self, call: ScriptedSession, text: str) -> bytes | None:
        return noise(self.draw, 200)

    def verdict(self) -> Failure | None:
        if found := no_session(self) or no_update(self.sessions[0]):
            return found
        walk = _Turns(self)
        for event in self.sessions[0].messages:
            if found := walk.take(event):
                return found
        return refused(self.sessions[0]) or walk.missing()


class _Turns:
    """Goes through what was sent; `updates` counts those that say something of turn detection."""

    def __init__(self, scene: TakeTurns) -> None:
        self.scene = scene
        self.updates = self.commits = self.creates = self.answers = 0
        self.waiting = 0
        """Updates that have no session.updated yet."""
        self.sound = b""
        self.due = [pcm for pcm in scene.presses if len(pcm) >= LEAST_MS * BYTES_A_MS]

    def take(self, event: TracedEvent) -> Failure | None:
        if event.sender == "server":
            self.answers += event.type == DONE
            self.waiting -= event.type == UPDATED
            return None
        match event.type:
            case "session.update":
                self.waiting += 1
                return self._update(event.body.get("session"))
            case "input_audio_buffer.append":
                self.sound += event.sound
                if self.waiting and any(event.sound):  # silence is no turn
                    return sent_before(event, UPDATED, UPDATE)
            case "input_audio_buffer.clear":
                self.sound = b""
            case "input_audio_buffer.commit":
                return self._commit()
            case "response.create":
                return self._create(event)
        return None

    def _update(self, session: Any) -> Failure | None:
        if found := not_of_today(session):
            return found
        audio_input = at_path(session, "audio.input")
        if not isinstance(audio_input, Mapping) or "turn_detection" not in audio_input:
            return None
        self.updates += 1
        self.sound = b""
        if self.updates > len(self.scene.silence_ms):
            return None if audio_input["turn_detection"] is None else self._still_on(audio_input)
        silence_ms = self.scene.silence_ms[self.updates - 1]
        whole = self.scene.vad | {"silence_duration_ms": silence_ms}
        place = "audio.input.turn_detection"
        found = wrong_setting(session, {f"{place}.{key}": right for key, right in whole.items()})
        given = audio_input["turn_detection"]
        if (
            found
            and isinstance(given, Mapping)
            and (left := [key for key in whole if key not in given])
        ):
            fact = f"Update {self.updates} of turn_detection leaves out `{left[0]}`."
            why = """The object that you send may replace all of the one before. Then each field \
that you leave out goes back to its default. So send all fields each time."""
            return Failure(fact, why, missing(f"session.{place}", given, f'"{left[0]}" among them'))
        return found

    def _still_on(self, audio_input: Mapping[str, Any]) -> Failure:
        fact = "Turn detection is still on when push to talk begins."
        why = "Only null turns it off. As long as it is on, the server ends the turns."
        shown = value("session.audio.input.turn_detection", audio_input["turn_detection"], "null")
        return Failure(fact, why, shown)

    @property
    def _is_detecting(self) -> bool:
        return self.updates <= len(self.scene.silence_ms)

    def _commit(self) -> Failure | None:
        if self._is_detecting:
            return self._under_detection(COMMIT)
        if self.commits > self.creates:
            fact = "Your program committed twice without asking for a response between."
            why = "With detection off, a commit starts no response. Send response.create."
            return Failure(fact, why)
        if self.commits == len(self.due):
            fact = (
                f"There were more commits than the {len(self.due)} presses that were long enough."
            )
            return Failure(
                fact, "Each commit becomes a message in the conversation, and is billed."
            )
        right, self.commits = self.due[self.commits], self.commits + 1
        if self.sound == right:
            self.sound = b""
            return None
        return self._wrong_sound(right)

    def _wrong_sound(self, right: bytes) -> Failure:
        short = next(pcm for pcm in self.scene.presses if len(pcm) < LEAST_MS * BYTES_A_MS)
        ms, right_ms = len(self.sound) // BYTES_A_MS, len(right) // BYTES_A_MS
        if short in self.sound:
            fact = f"Your program sent the press that lasted only {len(short) // BYTES_A_MS} ms."
            why = f"""Alone, a commit of less than {LEAST_MS} ms is refused. Without a commit the \
sound stays in the server's buffer, and becomes the beginning of the next turn."""
        else:
            fact = f"Commit {self.commits} doesn't hold the sound of the press that it is for."
            why = "A commit takes all sound that was appended since the last commit."
        wanted = "no commit" if self.sound == short else f"{right_ms} ms"
        shown = Excerpt("sound before the commit", f"{ms} ms", 0, wanted)
        return Failure(fact, why, shown)

    def _create(self, event: TracedEvent) -> Failure | None:
        if self._is_detecting:
            return self._under_detection(CREATE)
        if self.creates == self.commits:
            fact = "Your program asked for a response before it had committed the sound."
            why = (
                "Sound in the buffer is no message yet. The model answers without having heard it."
            )
            if self.creates:
                fact = "Your program asked for a response twice for one commit."
                why = "There can be only one response at a time, and each one is billed."
            return Failure(fact, why)
        if self.answers < len(self.scene.silence_ms) + self.creates:
            fact = "Your program asked for a response before the previous one was done."
            why = """Only response.done says that an answer is over, and it may come late. Before \
that the server refuses another: conversation_already_has_active_response."""
            return Failure(fact, why, one_after_other(CREATE, event))
        self.creates += 1
        return None

    def _under_detection(self, kind: str) -> Failure:
        fact = f"Your program sent {kind} while turn detection was on."
        why = """With detection the server commits the turn by itself, and asks for the response. \
Yours come on top of that: an empty commit is refused, and so is a second response."""
        state = f"server_vad is on, and {kind}"
        if self.updates == len(self.scene.silence_ms) and self.answers >= self.updates:
            why = """Send a session.update with turn_detection null first. As long as detection is \
on, the server decides when a turn is over, and not your commit."""
        return Failure(fact, why, Excerpt("in effect, and sent", state, state.rindex(kind)))

    def missing(self) -> Failure | None:
        """What never came, after all that came was right."""
        rest = len(self.scene.silence_ms) + len(self.due) - self.answers
        if self._is_detecting:
            fact = "Your program never turned detection off."
            why = "Push to talk begins with a session.update with turn_detection null."
        elif self.creates < len(self.due):
            fact = f"{len(self.due)} presses were long enough, but {self.creates} were answered."
            why = "Each one needs its sound, one commit and one response.create."
        elif rest > 0:
            fact = "Your program left before the last response was done."
            why = "Only response.done says that an answer is over."
        else:
            return None
        return Failure(fact, why, is_absence=True)


# -------------------- R3 and R4: what was heard

TRUNCATE, CANCEL = "conversation.item.truncate", "response.cancel"
SPEECH = "input_audio_buffer.speech_started"
FRAME_BYTES = 960
TOLERANCE_MS = 20
LATE_FRAMES = 3
"""Frames that a program may still play after it has sent a truncation: 60 ms."""


@dataclass(frozen=True)
class Stretch:
    """Some sound of an item that was played while a frame was recorded; `at` is its place in it."""

    frame: int
    item_id: str
    at: int
    length: int


class Playback:
    """What exercises/03_realtime/telephone.py played, by item: read from the file that it keeps.

    The telephone's clock counts frames of 20 ms, and each of them was sent. So what was played
    before a message of the program's is known from how much sound came before that message.
    """

    def __init__(self, ledger: str, items: Mapping[str, bytes]) -> None:
        self.items = items
        self.stretches = [
            stretch for frame, sound in _notes(ledger) for stretch in self._found(frame, sound)
        ]

    def _found(self, frame: int, sound: bytes) -> Iterator[Stretch]:
        while sound:
            item_id, at, length = max(
                ((id, *_match(pcm, sound)) for id, pcm in self.items.items()),
                key=lambda found: found[2],
                default=("", 0, 0),
            )
            if not length:
                item_id, at, length = "", 0, len(sound)
            yield Stretch(frame, item_id, at, length)
            sound = sound[length:]

    def ms(self, item_id: str, frames: int = sys.maxsize) -> int:
        """How much of an item was played, up to a frame."""
        played = [s for s in self.stretches if s.item_id == item_id and s.frame <= frames]
        return round(sum(stretch.length for stretch in played) / BYTES_A_MS)

    def received_ms(self, item_id: str) -> int:
        return len(self.items.get(item_id, b"")) // BYTES_A_MS


def _notes(ledger: str) -> Iterator[tuple[int, bytes]]:
    """Frame and sound of each note; lines that the telephone didn't write are left out."""
    for line in ledger.splitlines():
        with suppress(KeyError, TypeError, ValueError):
            note = json.loads(line)
            yield int(note["frame"]), b64decode(note["played"])


def _match(pcm: bytes, sound: bytes) -> tuple[int, int]:
    """Where the beginning of `sound` stands in an item, and how many bytes of it are the same."""
    at = pcm.find(sound[:16])
    if at < 0:
        return 0, 0
    same = (a == b for a, b in zip(pcm[at:], sound, strict=False))
    return at, sum(1 for _ in takewhile(bool, same))


class PhoneCall(RealtimeScene):
    """A call by the exercises' telephone: the caller asks, and then interrupts answers.

    `cuts_ms` says after how much of each answer the caller interrupts it.
    """

    limit_s = 45.0
    is_timed = True

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.cuts_ms: list[int] = []
        self.answers = 0
        self._last_word, self._heard = Path(), Path()
        self._ledger, self._played = PlayedFile(Path()), ""

    def prepare(self, folder: Path) -> dict[str, str]:
        ledger, self._last_word = folder / "ledger.jsonl", folder / "last_word"
        self._ledger = PlayedFile(ledger)
        self._heard = folder / "heard"
        clips = [
            write_wav(folder / f"caller{n}.wav", noise(self.draw, 120))
            for n in range(1 + len(self.cuts_ms))
        ]
        recordings = dict(zip(clips, [0, *self.cuts_ms], strict=True))
        call = {"recordings": recordings, "quiet_ms": 300, "patience_ms": 4_000}
        call |= {"last_word": str(self._last_word), "heard": str(self._heard)}
        return {"EXERCISE_CALL": json.dumps(call), "EXERCISE_LEDGER": str(ledger)}

    # The telephone keeps step with us: a busy machine is slow, but it isn't late. We write a byte
    # for each frame that we took, and a file when the last answer was sent.
    def taken(self, call: ScriptedSession, message: dict[str, Any]) -> None:
        if message.get("type") in (APPEND, TRUNCATE):
            self._ledger.grow()
        if message.get("type") == APPEND:
            count = len(str(message.get("audio"))) * 3 // 4 // FRAME_BYTES
            with self._heard.open("ab") as file:
                file.write(bytes(count))

    def closes(self, call: ScriptedSession, event: dict[str, Any]) -> int | None:
        if event["type"] == DONE and self.answers > len(self.cuts_ms):
            self._last_word.touch()
        return None

    def drive(self, program: Program) -> Ending:
        ending = super().drive(program)
        self._played = self._ledger.read().decode(errors="replace")
        return ending

    @property
    def items(self) -> dict[str, bytes]:
        """The sound of each answer's item, in order."""
        found: dict[str, bytes] = {}
        for event in self.sessions[0].received("response.output_audio.delta"):
            item_id = str(event.body.get("item_id"))
            found[item_id] = found.get(item_id, b"") + event.sound
        return found

    @property
    def playback(self) -> Playback:
        return Playback(self._played, self.items)

    def frames_before(self, event: TracedEvent) -> int:
        """How many frames the program had sent before a message."""
        session = self.sessions[0]
        before = session.messages[: session.messages.index(event)]
        sounds = [each for each in before if each.sender == "client" and each.type == APPEND]
        return sum(len(each.sound) for each in sounds) // FRAME_BYTES

    def between(self, number: int) -> list[TracedEvent]:
        """What passed from the caller's utterance `number` (from 0) to the next one."""
        messages = self.sessions[0].messages
        starts = [
            n for n, each in enumerate(messages) if each.type == SPEECH and each.sender == "server"
        ]
        if number >= len(starts):
            return []
        end = starts[number + 1] if number + 1 < len(starts) else len(messages)
        return messages[starts[number] : end]

    def begun(self) -> Failure | None:
        """What is wrong before the first interruption."""
        if found := no_session(self):
            return found
        playback = self.playback
        early = [
            each for each in self.between(0) if each.type == TRUNCATE and each.sender == "client"
        ]
        if early:
            fact = "Your program sent a truncation when nothing had been played yet."
            why = """The caller's first question interrupts nothing: speech_started comes for each \
utterance. Truncate only if an item has begun to play."""
            return Failure(fact, why, value("item_id", early[0].body.get("item_id")))
        if not playback.stretches:
            fact = "Your program never played any sound of the answer."
            why = "Decode the base64 of each response.output_audio.delta, and give it to play."
            return Failure(fact, why, is_absence=True)
        if found := self._ledger.changed():
            return found
        if any(len(sound) > FRAME_BYTES for _, sound in _notes(self._played)):
            fact = "The file of the loudspeaker has more sound in one frame than 20 ms."
            return Failure(fact, "Only telephone.play and telephone.stop may write it.")
        if any(not stretch.item_id for stretch in playback.stretches):
            fact = "Your program played sound that the server never sent."
            why = "Give each delta to play as it comes, decoded from base64 and nothing else."
            return Failure(fact, why)
        return None

    def truncation(self, number: int) -> Failure | None:
        """What is wrong with the truncation of answer `number` (from 0)."""
        if number >= len(self.items):
            fact = f"The call ended before answer {number + 1} came."
            why = "The server answers once the caller is silent, and no response is active."
            return Failure(fact, why, is_absence=True)
        during, item_id = self.between(number + 1), [*self.items][number]
        sent = [each for each in during if each.sender == "client" and each.type == TRUNCATE]
        if not sent:
            return self._no_truncation(during, item_id)
        if found := self._wrong_item(sent[0], item_id):
            return found
        if len(sent) > 1:
            fact = "Your program truncated more than once for one interruption."
            why = "One item was being played. Report it once, when the caller begins to speak."
            return Failure(
                fact, why, value("the second audio_end_ms", sent[1].body.get("audio_end_ms"))
            )
        return self._wrong_ms(sent[0], item_id)

    def _no_truncation(self, during: list[TracedEvent], item_id: str) -> Failure:
        if not during:
            fact = "The call ended before the caller could interrupt."
            why = "The caller interrupts while an answer is played. Play all sound as it comes."
            return Failure(fact, why, is_absence=True)
        fact = "The caller interrupted, but your program sent no conversation.item.truncate."
        why = """Over a WebSocket only your program knows how much was heard. Until you say so, \
the model believes that the caller heard all of its answer."""
        shown = Excerpt(
            "the item that was being played", f"{self.playback.ms(item_id)} ms of it were heard"
        )
        return Failure(fact, why, shown, is_absence=True)

    def _wrong_item(self, sent: TracedEvent, item_id: str) -> Failure | None:
        got = sent.body.get("item_id")
        if got == item_id:
            index = sent.body.get("content_index")
            if index == 0:
                return None
            why = "A spoken answer has one part, and parts are counted from 0."
            return Failure("content_index isn't 0.", why, value("content_index", index, "0"))
        why = "Each delta of the answer's sound carries the item_id of the answer."
        users = {each.body.get("item_id") for each in self.messages if each.type == SPEECH}
        if got in users:
            fact = "Your truncation names the caller's item, not that of the answer."
            why = f"The item_id in speech_started is that of what the caller is saying. {why}"
        elif str(got).startswith("resp_"):
            fact = (
                "Your truncation names the response. It has to name the item that was being played."
            )
        elif got in self.items:
            fact = "Your truncation names another answer than the one that was being played."
        else:
            fact = "Your truncation names an item that the server never sent."
        return Failure(fact, why, value("item_id", got, f'"{item_id}"'))

    def _wrong_ms(self, sent: TracedEvent, item_id: str) -> Failure | None:
        """The number isn't what was heard, or more was heard afterwards."""
        playback, got = self.playback, sent.body.get("audio_end_ms")
        frames = self.frames_before(sent)
        at_once, heard = playback.ms(item_id, frames + LATE_FRAMES), playback.ms(item_id)
        went_on = heard > at_once
        allowed = TOLERANCE_MS * (1 + 2 * went_on)
        if not isinstance(got, int) or isinstance(got, bool):
            why = "audio_end_ms is a whole number of milliseconds. The server refuses any other."
            return Failure("audio_end_ms isn't a whole number.", why, value("audio_end_ms", got))
        if abs(got - at_once) > allowed + 1:
            return self._miscounted(got, at_once, item_id)
        return self._went_on(item_id, at_once, heard) if went_on else None

    def _miscounted(self, got: int, heard: int, item_id: str) -> Failure:
        playback = self.playback
        received = playback.received_ms(item_id)
        until = [*self.items][: [*self.items].index(item_id) + 1]
        whole = sum(map(playback.ms, until))
        shown = value("audio_end_ms", got, f"{heard}, give or take {TOLERANCE_MS}")

        def is_about(ms: float) -> bool:
            return abs(got - ms) <= 2 * TOLERANCE_MS

        if is_about(24 * heard) or is_about(48 * heard):
            fact = "audio_end_ms isn't in milliseconds."
            why = "A millisecond is 24 samples, or 48 bytes."
        elif is_about(whole) and whole > heard:
            fact = f"audio_end_ms counts all sound of the call; of this item {heard} ms were heard."
            why = "telephone.played goes on from answer to answer. Count from this item's start."
        elif got > received:
            fact = f"audio_end_ms is more than the {received} ms of this item that had come."
            why = "The server refuses that. And it can't be right: nobody hears what hasn't come."
        elif is_about(received):
            fact = f"audio_end_ms is all that had come, but only {heard} ms of it were heard."
            why = """Sound arrives faster than it plays. Most of it was still in the \
loudspeaker's queue, which your program has emptied."""
        else:
            fact = f"audio_end_ms says {got} ms, but {heard} ms of this item were heard."
            why = """Don't measure the elapsed time: sound comes late, and then nothing is played \
for a while. Count the samples of this item that were played."""
        return Failure(fact, why, shown)

    def _went_on(self, item_id: str, at_once: int, heard: int) -> Failure:
        fact = f"After the truncation, {heard - at_once} ms more of the same answer were played."
        why = "The caller wants to speak. Empty the loudspeaker's queue with telephone.stop()."
        if self.is_late(item_id):
            why = """These deltas were on their way when the caller interrupted. Remember which \
item was interrupted, and drop its late deltas."""
        shown = Excerpt("played of the item", f"{at_once} ms, and {heard - at_once} ms too late")
        return Failure(fact, why, shown)

    def is_late(self, item_id: str) -> bool:
        """Whether sound was played that came after the truncation."""
        return False

    def notes(self, ending: Ending) -> Sequence[str]:
        said = [each.body.get("audio_end_ms") for each in self.sessions[0].sent(TRUNCATE)]
        heard = [self.playback.ms(item_id) for item_id in self.items]
        return [
            f"Answer {number}: {ms} ms were heard, and you said {told} ms."
            for number, (ms, told) in enumerate(zip(heard, said, strict=False), 1)
        ]

    def unplayed(self, number: int) -> Failure | None:
        """The last answer, which nobody interrupts, has to be heard as a whole."""
        items = [*self.items]
        playback = self.playback
        heard = playback.ms(items[number]) if number < len(items) else 0
        if number < len(items) and heard >= playback.received_ms(items[number]):
            return None
        fact = "The last answer was not played to its end, although nobody interrupted it."
        why = "Drop only the deltas of an item that was interrupted. Play all others."
        return Failure(fact, why, Excerpt("played of it", f"{heard} ms"), is_absence=True)


# -------------------- R3


class InterruptedAnswer(PhoneCall):
    """R3: an answer with a gap in it is interrupted; what was heard of it has to be reported."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.first = noise(draw, draw.randrange(240, 340, 20))
        self.rest = noise(draw, draw.randrange(900, 1400, 100))
        self.gap_ms = draw.randrange(240, 320, 20)
        self.last = noise(draw, 200)
        self.is_complete = draw.random() < 0.5
        """Whether the response is over when it is interrupted, though much of it still waits."""
        self.cuts_ms = [len(self.first) // BYTES_A_MS + draw.randrange(60, 240, 10)]
        self._due, self._due_at = sys.maxsize, 0.0

    def answer(self, call: ScriptedSession, prompt: Prompt) -> Answer:
        self.answers += 1
        count = 1 if self.answers > 1 else 2 + (not self.is_complete)
        return Answer(tokens.split(" ".join(sentence(self.draw) for _ in range(count))))

    def sound(self, call: ScriptedSession, text: str) -> bytes | None:
        if self.answers > 1:
            return self.last
        if self._due < sys.maxsize:
            return None  # the rest, which comes late, or what never comes
        wait = len(self.first) + self.gap_ms * BYTES_A_MS
        self._due = call.appended + wait
        self._due_at = time.monotonic() + wait / BYTES_A_MS / 1000
        return self.first

    def taken(self, call: ScriptedSession, message: dict[str, Any]) -> None:
        super().taken(call, message)
        # By the program's clock and by ours: on a busy machine, either may stand still for a while.
        is_due = call.appended >= self._due > 0 and time.monotonic() >= self._due_at
        if self.answers == 1 and is_due:
            self._due = 0
            call.speak(self.rest)

    def verdict(self) -> Failure | None:
        if found := self.begun() or self.truncation(0):
            return found
        if self.sessions[0].sent(CANCEL):
            fact = "Your program sent response.cancel, although the server cancels by itself."
            why = """With interrupt_response true the server has cancelled its response before you \
know of it. Yours has nothing to cancel, and is refused."""
            return Failure(fact, why, Excerpt("sent", CANCEL, 0))
        return refused(self.sessions[0]) or self.unplayed(1)


# -------------------- R4


class TwoInterruptions(PhoneCall):
    """R4: one response is active when it is interrupted, and more of it comes; one is over."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.are_active = [True, False]
        draw.shuffle(self.are_active)
        self.sounds = [noise(draw, draw.randrange(700, 900, 100)) for _ in self.are_active]
        self.late = noise(draw, draw.randrange(200, 420, 20))
        self.cuts_ms = [draw.randrange(120, 300, 10) for _ in self.are_active]
        self._is_first = True

    @property
    def _is_active(self) -> bool:
        """Whether the answer of this moment goes on until it is cancelled."""
        return 0 < self.answers <= 2 and self.are_active[self.answers - 1]

    def answer(self, call: ScriptedSession, prompt: Prompt) -> Answer:
        self.answers += 1
        count = 3 if self._is_active else 1
        self._is_first = True
        return Answer(tokens.split(" ".join(sentence(self.draw) for _ in range(count))))

    def sound(self, call: ScriptedSession, text: str) -> bytes | None:
        if self.answers > 2:
            return noise(self.draw, 200)
        is_first, self._is_first = self._is_first, False
        return self.sounds[self.answers - 1] if is_first else None

    def received(self, call: ScriptedSession, message: dict[str, Any]) -> None:
        if message.get("type") == CANCEL and self._is_active:
            call.speak(self.late)

    def is_late(self, item_id: str) -> bool:
        sent = self.items[item_id]
        late = [each for each in self.playback.stretches if each.item_id == item_id]
        return self.late in sent and any(each.at >= sent.index(self.late) for each in late)

    def verdict(self) -> Failure | None:
        if found := self.begun():
            return found
        for number, is_active in enumerate(self.are_active):
            if found := self.truncation(number) or self._cancelled(number, is_active):
                return found
        return refused(self.sessions[0]) or self.unplayed(2)

    def _cancelled(self, number: int, is_active: bool) -> Failure | None:
        during = self.between(number + 1)
        sent = [each for each in during if each.sender == "client" and each.type == CANCEL]
        if is_active and not sent:
            fact = f"Interruption {number + 1} came during a response, and you didn't cancel it."
            why = """With interrupt_response false the server goes on. Until response.done, there \
can't be another response, so the caller gets no answer."""
            return Failure(
                fact, why, Excerpt("what had come", "response.created, no response.done")
            )
        if sent and not is_active:
            fact = f"At interruption {number + 1} your program cancelled a response that was over."
            why = """Sound may play long after response.done. Then there is nothing to cancel, and \
the server refuses: response_cancel_not_active."""
            return Failure(fact, why, one_after_other(DONE, sent[0]))
        if len(sent) > 1:
            fact = "Your program cancelled the same response twice."
            return Failure(fact, "The second one finds nothing to cancel, and is refused.")
        return None


# -------------------- R5

ITEM = "conversation.item.create"
DAYS = [f"2026-12-{day:02}" for day in range(1, 29)]


class TwoCalls(RealtimeScene):
    """R5: one response with two calls; a result for each, and then one request for the answer."""

    held = ((DONE, 1),)
    stays_for = (DONE, 2)

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.table = {
            "euros_by_day": draw.randrange(3, 9),
            "euros_in_the_evening": draw.randrange(9, 20),
        }
        days = draw.sample(DAYS, 4)
        free = {f"{day} {draw.randrange(17, 23)}": draw.randrange(1, 60) for day in days}
        self.free = free
        asked = [place.split() for place in list(free)[:2]]
        seats = [("free_seats", {"date": day, "hour": int(hour)}) for day, hour in asked]
        people = draw.randrange(2, 30)
        price = ("price", {"people": people, "is_evening": draw.random() < 0.5})
        wanted = seats if draw.random() < 0.3 else [seats[0], price]
        draw.shuffle(wanted)
        self.wanted = [(name, json.dumps(arguments)) for name, arguments in wanted]
        self.answers = 0

    def prepare(self, folder: Path) -> dict[str, str]:
        return {
            "EXERCISE_SOUND": write_wav(folder / "question.wav", noise(self.draw, 300)),
            "EXERCISE_TABLE": json.dumps({**self.table, "free": self.free}),
        }

    def result(self, name: str, arguments: str) -> dict[str, int]:
        """What the tools of the exercise give back."""
        given = json.loads(arguments)
        if name == "free_seats":
            return {"free": self.free[f"{given['date']} {given['hour']}"]}
        kind = "euros_in_the_evening" if given["is_evening"] else "euros_by_day"
        return {"euros": given["people"] * self.table[kind]}

    def answer(self, call: ScriptedSession, prompt: Prompt) -> Answer:
        self.answers += 1
        if self.answers > 1:
            return Answer(tokens.split(sentence(self.draw)))
        calls = [Call(name, arguments) for name, arguments in self.wanted]
        return Answer([], "tool_calls", calls)

    def sound(self, call: ScriptedSession, text: str) -> bytes | None:
        return noise(self.draw, 200)

    def verdict(self) -> Failure | None:
        if found := no_session(self):
            return found
        walk = _Results(self)
        for event in self.sessions[0].messages:
            if found := walk.take(event):
                return found
        return refused(self.sessions[0]) or walk.missing()


class _Results:
    """Goes through what passed: the calls that came, the results and requests that were sent."""

    def __init__(self, scene: TwoCalls) -> None:
        self.scene = scene
        self.calls: dict[str, Any] = {}
        self.answered: set[str] = set()
        self.creates = self.dones = 0
        self.last = ""

    def take(self, event: TracedEvent) -> Failure | None:
        if event.sender == "server":
            self.dones += event.type == DONE
            item = event.body.get("item")
            if (
                event.type == "response.output_item.done"
                and at_path(item, "type") == "function_call"
            ):
                self.calls[event.body["item"]["call_id"]] = item
            return None
        before, self.last = self.last, event.type
        if event.type == ITEM:
            return self._item(event.body.get("item"))
        if event.type == CREATE:
            self.creates += 1
            return self._create(event, before)
        return None

    def _item(self, item: Any) -> Failure | None:
        kind, call_id = at_path(item, "type"), at_path(item, "call_id")
        if at_path(item, "role") == "system":
            return None  # how to speak about the results
        why = "The call_id is in the call: call_... It says which call the result belongs to."
        if kind != "function_call_output":
            fact = "Your program sent a result in an item that isn't a function_call_output."
            return Failure(fact, why, value("item.type", kind, '"function_call_output"'))
        if call_id in [call["id"] for call in self.calls.values()]:
            fact = "Your result names the id of the call's item, not its call_id."
            why = f"{why} The id of the item is item_..., and the server knows no such call."
            return Failure(fact, why, Excerpt("item.call_id", "item_...", 0, "call_..."))
        if call_id not in self.calls:
            fact = "Your result names a call that the model never made."
            return Failure(fact, why, value("item.call_id", call_id))
        if call_id in self.answered:
            fact = "Your program sent two results for the same call."
            return Failure(fact, "Each call has one result. Remember which calls you have run.")
        self.answered.add(call_id)
        return self._output(self.calls[call_id], at_path(item, "output"))

    def _output(self, call: Mapping[str, Any], output: Any) -> Failure | None:
        right = self.scene.result(call["name"], call["arguments"])
        if _json_of(output) == right:
            return None
        name = f"output of {call['name']}({call['arguments']})"
        others = [self.scene.result(*each) for each in self.scene.wanted]
        fact = "The result isn't that of this call."
        why = "Run each call with its own name and its own arguments, once they are complete."
        if _json_of(output) in others:
            fact = "The result of one call was sent for the other."
        return Failure(fact, why, value(name, output, value("", json.dumps(right)).text))

    def _create(self, event: TracedEvent, before: str) -> Failure | None:
        if self.creates == 1:
            return None
        left = len(self.scene.wanted) - len(self.answered)
        if self.creates > 2:
            fact = "Your program asked for the next response twice."
            if self.dones > 1:
                fact = "Your program asked for a third response, after the one about the results."
                shown = value("function calls in the second response", 0, "1 or more")
                return Failure(fact, NO_CALLS_WHY, shown)
            why = """One response speaks about both results. The second request is refused while \
the first is answered: conversation_already_has_active_response."""
            return Failure(fact, why, one_after_other(before, event))
        if left:
            fact = f"Your program asked for the next response with {left} of 2 results missing."
            why = """Send both results, and then ask once. The model speaks about what it knows, \
and a second request is refused while the first one is answered."""
            if not self.answered:
                why = NO_CALL_FOUND_WHY
            return Failure(fact, why, Excerpt("results sent before it", str(2 - left), 0, "2"))
        if not self.dones:
            fact = "Your program asked for the next response before response.done had come."
            why = """There can be only one response at a time. The server refuses this one: \
conversation_already_has_active_response."""
            return Failure(fact, why, one_after_other(before, event))
        return None

    def missing(self) -> Failure | None:
        left = len(self.scene.wanted) - len(self.answered)
        if left:
            fact = "One of the 2 calls never got a result."
            why = "A response may have several calls. Send a result for each one."
            if not self.answered:
                fact, why = "Neither of the 2 calls got a result.", NO_CALL_FOUND_WHY
        elif self.creates < 2:
            fact = "Both results were sent, but the next response was never asked for."
            why = "A result starts no response. Send one response.create after both."
        elif self.dones < 2:
            fact = "Your program left before the second response was done."
            why = "It speaks about the results. Read events until its response.done."
        else:
            return None
        return Failure(fact, why, is_absence=True)


NO_CALLS_WHY = """You ask for a response after you have sent results, so that the model can speak \
about them. The second response has no calls, so there are no new results. A third one is billed, \
but has nothing new to say. If you ask in a loop, end the loop when a response has no calls."""
NO_CALL_FOUND_WHY = """Each call comes as an item of the type function_call in an event \
response.output_item.done. At the end, response.done has all of them. Does your program look for \
an event of another name? The command "trace" lists the events that came."""


def _json_of(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


# -------------------- R6


class GoOn(RealtimeScene):
    """R6: the server closes twice, once behind an answer and once within one."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.instructions = sentence(draw)
        self.questions = [f"{sentence(draw, 6)[:-1]}?" for _ in range(3)]
        self.cut, self.closed = draw.randrange(2), draw.randrange(2)
        self.complete: list[str] = []
        """The answers of which all was sent."""
        self.cuts: list[str] = []
        """What was sent of those that were cut."""
        self._text, self._pieces = "", 0

    def prepare(self, folder: Path) -> dict[str, str]:
        return {
            "EXERCISE_INSTRUCTIONS": self.instructions,
            "EXERCISE_QUESTIONS": json.dumps(self.questions),
        }

    def answer(self, call: ScriptedSession, prompt: Prompt) -> Answer:
        return Answer(tokens.split(sentence(self.draw, 12)))

    def closes(self, call: ScriptedSession, event: dict[str, Any]) -> int | None:
        number = len(self.complete)
        if event["type"] == "response.created":
            self._text, self._pieces = "", 0
        elif event["type"] == "response.output_text.delta":
            self._text, self._pieces = self._text + event["delta"], self._pieces + 1
            if number == self.cut and self._pieces == 5 and not self.cuts:
                self.cuts.append(self._text)
                return 1001
        elif event["type"] == DONE:
            self.complete.append(self._text)
            if number == self.closed:
                return 1001
        return None

    def verdict(self) -> Failure | None:
        if found := no_session(self):
            return found
        complete = 0
        for number, session in enumerate(self.sessions, 1):
            walk = _Connection(self, number, complete)
            for event in session.messages:
                if found := walk.take(event):
                    return found
            complete = walk.complete
            if found := refused(session):
                return found
        return self._missing()

    def _missing(self) -> Failure | None:
        left = len(self.questions) - len(self.complete)
        if not left:
            return None
        fact = f"{left} of the {len(self.questions)} questions never got a complete answer."
        why = "Only response.done says that an answer is complete."
        if self.sessions[-1].close_code == 1001:
            fact = "The server closed the connection with 1001, and your program didn't reconnect."
            why = """1001 means that the server is going away. Reading just ends, without an \
exception, so check whether all answers are complete. If not, connect again."""
        return Failure(fact, why, is_absence=True)


class _Connection:
    """Goes through one connection: what has to be sent next follows from what has passed."""

    def __init__(self, scene: GoOn, number: int, complete: int) -> None:
        self.scene, self.number, self.complete = scene, number, complete
        self.is_configured = self.is_asked = False
        self.sent = 0
        self.history = [*self._history(complete), ("user", self._question(complete))]
        self.due = list(self.history)

    def _history(self, count: int) -> Iterator[tuple[str, str]]:
        for question, answer in zip(
            self.scene.questions, self.scene.complete[:count], strict=False
        ):
            yield "user", question
            yield "assistant", answer

    def _question(self, number: int) -> str:
        return self.scene.questions[number] if number < len(self.scene.questions) else ""

    def take(self, event: TracedEvent) -> Failure | None:
        if event.sender == "server":
            if event.type == DONE:
                self.complete += 1
                self.is_asked = False
                self.due = [("user", self._question(self.complete))]
            return None
        if not self.is_configured:
            return self._update(event)
        if event.type == ITEM:
            return self._item(event.body)
        if event.type == CREATE:
            return self._create(event)
        return None

    def _update(self, event: TracedEvent) -> Failure | None:
        self.is_configured = True
        if event.type != UPDATE:
            fact = f"On connection {self.number} your program first sent {event.type}."
            why = """A new connection is a new session, with the default settings. So your \
session.update comes first. (With on_reconnecting, the SDK first sends what waited in its queue.)"""
            return Failure(fact, why, Excerpt("the first event", event.type, 0, UPDATE))
        wanted = {"instructions": self.scene.instructions, "output_modalities": ["text"]}
        session = event.body.get("session")
        return not_of_today(session) or wrong_setting(session, wanted)

    def _item(self, body: Mapping[str, Any]) -> Failure | None:
        item = body.get("item")
        role, text = str(at_path(item, "role")), text_of(at_path(item, "content"))
        previous = body.get("previous_item_id")
        if previous and previous != "root" and self._is_old(previous):
            fact = (
                f"On connection {self.number}, previous_item_id belongs to an earlier connection."
            )
            why = "All ids belong to one session. Leave it out: items are put at the end, in order."
            return Failure(fact, why, value("previous_item_id", "item_..."))
        if role == "system":
            return None  # more instructions
        if self.due and (role, text) == self.due[0]:
            self.due.pop(0)
            self.sent += 1
            return None
        return self._wrong_item(role, text)

    def _is_old(self, item_id: Any) -> bool:
        known = [
            at_path(event.body, "item.id")
            for event in self.scene.sessions[self.number - 1].messages
        ]
        return item_id not in known

    def _wrong_item(self, role: str, text: str) -> Failure:
        place = f"item {self.sent + 1} on connection {self.number}"
        shown = value(f"{place}, {role}", text)
        if self.due:
            right_role, right = self.due[0]
            shown = difference(f"{place}, {role}", text, right)
            if role != right_role:
                shown = value(f"{place}: the role", role, f'"{right_role}"')
        if role == "assistant" and text in ("", *self.scene.cuts):
            fact = "The history has an answer that was cut off."
            why = "Add an answer to the history at its response.done, and not before."
        elif not self.due:
            fact = f"The session already had all it needed, and your program sent {place}."
            why = "The server keeps the conversation as long as the connection lasts."
        elif self.due[0] == ("user", "") or (role, text) in self.history[: self.sent]:
            fact = "Your program sent again what this connection had already got."
            why = "The server keeps the conversation as long as the connection lasts."
        elif (role, text) in self.due:
            fact = f"The history has a gap, or a wrong order: {place} should be another."
            why = "The model reads the items in the order in which they came."
        else:
            fact = f"{place.capitalize()} isn't what belongs there."
            why = "Send each question with its complete answer, then the next question."
        return Failure(fact, why, shown)

    def _create(self, event: TracedEvent) -> Failure | None:
        if self.is_asked:
            fact = "Your program asked for a response twice for one question."
            return Failure(
                fact, "There can be only one response at a time. Wait for response.done."
            )
        if not self.due:
            self.is_asked = True
            return None
        role, text = self.due[0]
        fact = f"On connection {self.number} the response was asked for too soon."
        why = """A new session has no history. First come all items, in order, then \
response.create. Don't ask again for an answer that was complete."""
        if not text:
            fact = "Your program asked for a response when every question had its answer."
            why = "Nobody wants an answer twice, and each one is billed."
        elif self.sent >= len(self.history):
            fact = "Your program asked for a response before it had sent the question."
            why = "The model answers what is in the conversation."
        return Failure(fact, why, value("missing before it", f"{role}: {text}"))


SCENES = {
    "R1": ConfigureFirst,
    "R2": TakeTurns,
    "R3": InterruptedAnswer,
    "R4": TwoInterruptions,
    "R5": TwoCalls,
    "R6": GoOn,
}
