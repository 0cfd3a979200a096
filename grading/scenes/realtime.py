"""Scenes of lesson 3, Realtime. Their server is grading/scripted_session.py."""

import json
import random
import wave
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.answers.answer import Answer, Prompt
from emulator.realtime.audio_settings import VOICES
from emulator.wire import tokens
from grading.failure import Excerpt, Failure, difference, missing, value
from grading.scene import sentence
from grading.scripted_session import RealtimeScene, ScriptedSession
from grading.trace import Event, Exchange

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


def sound_of(event: Event) -> bytes:
    """The sound in a message of either side."""
    try:
        return b64decode(str(event.body.get("audio", event.body.get("delta"))))
    except ValueError:
        return b""


def sent_by(session: Exchange) -> list[Event]:
    return [each for each in session.messages if each.sender == "client"]


def at_path(found: Any, path: str) -> Any:
    """A field within fields, as `audio.input.format` names it; None where it isn't there."""
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def one_after_other(before: str, wrong: Event) -> Excerpt:
    """Two messages in the order in which they passed, the caret under the second."""
    shown = f"{before}, then "
    return Excerpt("what passed", shown + wrong.type, len(shown))


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
        fact = "Your program opened the WebSocket, but sent nothing by it."
        return Failure(fact, "The server waits for your first event.", is_absence=True)
    return None


def refused(session: Exchange) -> Failure | None:
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
            why = f"""Today it is `{BETA[name]}`. The server refuses an update with a name that it \
doesn't know, so no setting of it takes effect."""
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
        expected = value("", right).text
        if got is None:
            fact = f"Your session.update doesn't set `{path}`."
            why = "Defaults differ and change, so set whatever your program relies on."
        elif path.endswith("format") and isinstance(got, str):
            fact = f"`{path}` is a string, as in the beta. Today it is an object."
            why = "The server refuses the whole update, so no setting of it takes effect."
        else:
            fact = f"`{path}` isn't what the task asks for."
            why = "The server does what stands there, whatever your program expects."
        name = f"session.{path}"
        are_texts = isinstance(got, str) and isinstance(right, str)
        shown = difference(name, got, right) if are_texts else value(name, got, expected)
        return Failure(fact, why, shown)
    return None


def no_update(session: Exchange) -> Failure | None:
    """The program began with something else than its settings."""
    first = sent_by(session)[0]
    if first.type == UPDATE:
        return None
    fact = f"The first event that your program sent was {first.type}, not session.update."
    why = "Without your settings the server works with its own, from the first sound on."
    return Failure(fact, why, Excerpt("the first event", first.type, 0, UPDATE))


def too_early(session: Exchange, kind: str, awaited: str) -> Failure | None:
    """An event that was sent before the server had sent another."""
    for event in session.messages:
        if event.sender == "server" and event.type == awaited:
            return None
        if event.sender == "client" and event.type == kind:
            before = [e for e in sent_by(session) if e.at <= event.at and e.type != kind]
            fact = f"Your program sent {kind} before {awaited} had come."
            why = TOO_EARLY[awaited]
            return Failure(fact, why, one_after_other(before[-1].type if before else "", event))
    return None


TOO_EARLY = {
    UPDATED: """Only session.updated says that the server took your settings. It may refuse them \
with an error event instead, and then the sound is treated by other settings.""",
}


# -------------------- R1


class ConfigureFirst(RealtimeScene):
    """R1: the settings, their confirmation, and only then the sound."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.instructions = sentence(draw)
        self.voice = draw.choice([voice for voice in VOICES if voice not in ("alloy", "marin")])
        self.question = noise(draw, draw.randrange(200, 400, 10))
        self.wait_s = draw.uniform(0.4, 0.6)

    def prepare(self, folder: Path) -> dict[str, str]:
        return {
            "EXERCISE_INSTRUCTIONS": self.instructions,
            "EXERCISE_VOICE": self.voice,
            "EXERCISE_SOUND": write_wav(folder / "question.wav", self.question),
        }

    def answer(self, call: ScriptedSession, prompt: Prompt) -> Answer:
        return Answer(tokens.split(sentence(self.draw)))

    def sound(self, call: ScriptedSession, text: str) -> bytes | None:
        return noise(self.draw, 200)

    def delay_s(self, call: ScriptedSession, event: dict[str, Any]) -> float:
        return self.wait_s if event["type"] == UPDATED else 0.0

    @property
    def wanted(self) -> dict[str, Any]:
        return {
            "instructions": self.instructions,
            "output_modalities": ["audio"],
            "audio.input.format": PCM,
            "audio.input.transcription.model": "gpt-4o-mini-transcribe",
            "audio.output.voice": self.voice,
        }

    def verdict(self) -> Failure | None:
        if found := no_session(self):
            return found
        session = self.sessions[0]
        if found := no_update(session):
            return found
        settings = sent_by(session)[0].body.get("session")
        if found := not_of_today(settings) or wrong_setting(settings, self.wanted):
            return found
        if found := too_early(session, APPEND, UPDATED):
            return found
        return refused(session) or self._unheard(session)

    def _unheard(self, session: Exchange) -> Failure | None:
        """The sound isn't that of the file, or the program didn't wait for the answer."""
        came = b"".join(map(sound_of, session.sent(APPEND)))
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
        return None


# -------------------- R2

LEAST_MS = 100


class TakeTurns(RealtimeScene):
    """R2: the whole object of detection twice, then each press committed and answered once."""

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
        self.sound = b""
        self.due = [pcm for pcm in scene.presses if len(pcm) >= LEAST_MS * BYTES_A_MS]

    def take(self, event: Event) -> Failure | None:
        if event.sender == "server":
            self.answers += event.type == DONE
            return None
        match event.type:
            case "session.update":
                return self._update(event.body.get("session"))
            case "input_audio_buffer.append":
                self.sound += sound_of(event)
            case "input_audio_buffer.clear":
                self.sound = b""
            case "input_audio_buffer.commit":
                return self._commit()
            case "response.create":
                return self._create()
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
            why = """The object that you send may replace the one before as a whole. Then what it \
doesn't name goes back to its default. So send all of it each time."""
            return Failure(fact, why, missing(f"session.{place}", given, f'"{left[0]}" among them'))
        return found

    def _still_on(self, audio_input: Mapping[str, Any]) -> Failure:
        fact = "Turn detection is still on when the pushing to talk begins."
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
            return Failure(fact, "Nobody answers a commit by itself once detection is off.")
        if self.commits == len(self.due):
            fact = f"Your program committed more often than the {len(self.due)} presses that count."
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
            why = "A commit takes all sound that was appended since the one before."
        shown = Excerpt("sound before the commit", f"{ms} ms", 0, f"{right_ms} ms")
        return Failure(fact, why, shown)

    def _create(self) -> Failure | None:
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
        self.creates += 1
        return None

    def _under_detection(self, kind: str) -> Failure:
        fact = f"Your program sent {kind} while turn detection was on."
        why = """With detection the server commits the turn by itself, and asks for the response. \
Yours come on top of that: an empty commit is refused, a second response too."""
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


SCENES = {"R1": ConfigureFirst, "R2": TakeTurns}
