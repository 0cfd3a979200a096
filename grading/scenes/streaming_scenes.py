"""Scenes of lesson 1, streaming."""

import random

from emulator.answers.answer import Answer, Prompt, SearchOutcome
from grading.failure import Failure, difference, value
from grading.request_turns import turns
from grading.scene import Scene, pieces, sentence


class JoinDeltas(Scene):
    """S1: the second request has to carry the first answer, byte for byte."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        # "None" is a word here, so leaving it out afterwards is wrong, too.
        words = [sentence(draw), "None of it is open;  see \u201cpage 3\u201d.", sentence(draw, 14)]
        draw.shuffle(words)
        self.first = " ".join(words)
        self.second = sentence(draw)

    def write(self, prompt: Prompt, found: SearchOutcome | None) -> Answer:
        is_first = len(self.trace.writing()) == 1
        return Answer(pieces(self.draw, self.first if is_first else self.second))

    def verdict(self) -> Failure | None:
        asked = self.trace.writing()
        if not asked:
            return nothing_asked()
        if not asked[0].is_stream:
            return not_streamed(asked[0].json)
        if len(asked) < 2:
            fact = "Your program asked once. The second question never came."
            why = (
                "A server remembers nothing. The second request shows whether you kept the answer."
            )
            return Failure(fact, why, is_absence=True)
        said = [turn for turn in turns(asked[1]) if turn.role == "assistant"]
        if not said:
            fact = f"{asked[1].name.capitalize()} doesn't carry the first answer."
            why = "Without its own answer in the conversation, the model can't refer to it."
            roles = [turn.role for turn in turns(asked[1])]
            return Failure(fact, why, value("roles of its turns", roles, '"assistant" among them'))
        if said[0].text != self.first:
            fact = "The assistant's turn in the second request differs from the answer."
            return Failure(fact, JOINED_WHY, difference(said[0].place, said[0].text, self.first))
        return None


JOINED_WHY = """In some chunks `delta.content` is None: in the first, which names the role, and in
the last, which gives the finish_reason. All other pieces belong together as they are: no space
between them, none removed."""


def nothing_asked() -> Failure:
    fact = "No request asked the model for an answer."
    return Failure(fact, "Use chat.completions.create or responses.create.", is_absence=True)


def not_streamed(body: object) -> Failure:
    fact = "The first request didn't ask for a stream."
    why = "With stream=True the server sends the answer while it is being written."
    shown = value("stream", body.get("stream") if isinstance(body, dict) else None, "true")
    return Failure(fact, why, shown)


SCENES = {"S1": JoinDeltas}
