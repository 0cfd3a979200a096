"""The responses of a session: one of the default conversation at most, and others beside it."""

from collections.abc import Callable, Mapping
from typing import Any

from emulator.answers.answer import Answer
from emulator.errors import ApiError
from emulator.pace import Pace
from emulator.realtime import build_prompt
from emulator.realtime.context import kept
from emulator.realtime.conversation import Conversation, ConversationItem
from emulator.realtime.jobs import Job, Think
from emulator.realtime.output import Tell
from emulator.realtime.response import Response
from emulator.realtime.session_settings import ResponseSettings
from emulator.wire import ids

MOST_BESIDE = 8
CACHED_AT_A_TIME = 64

Limit = Callable[[int], Mapping[str, Any]]


class Responses:
    """What is being answered; `on_end` is called with the default response once it has ended.

    `limit` counts tokens, and tells what is left, as `rate_limits.updated` does; `told` gives the
    session's settings.
    """

    def __init__(
        self,
        conversation: Conversation,
        pace: Pace,
        limit: Limit,
        tell: Tell,
        told: Callable[[], Mapping[str, Any]],
        on_end: Callable[[Response, float], None],
    ) -> None:
        self.active: Response | None = None
        self._conversation, self._conversation_id = conversation, ids.realtime("conv")
        self._pace, self._limit, self._tell, self._on_end = pace, limit, tell, on_end
        self._told = told
        self._all: dict[str, Response] = {}
        self._last_text = 0
        self._jobs: list[Job] = []

    @property
    def dues(self) -> list[float]:
        """When the next delta of each is to go out."""
        return [response.due for response in self._all.values() if response.due is not None]

    def take_jobs(self) -> list[Job]:
        taken, self._jobs = self._jobs, []
        return taken

    def begin(self, wanted: ResponseSettings, now: float) -> None:
        """Raises ApiError where one is active, or where too many are under way."""
        is_default = wanted.conversation == "auto"
        if is_default and self.active is not None:
            message = f"""Conversation already has an active response in progress: \
{self.active.id}. Wait until the response is finished before creating a new one."""
            raise ApiError(400, message, code="conversation_already_has_active_response")
        if len(self._all) > MOST_BESIDE:
            message = f"This emulator writes at most {MOST_BESIDE} responses at once."
            raise ApiError(429, message, code="rate_limit_exceeded")
        context = self._context(wanted)
        conversation = self._conversation if is_default else None
        named = self._conversation_id if is_default else None
        response = Response(wanted, context, conversation, named, self._pace, self._tell)
        self._all[response.id] = response
        if is_default:
            self.active = response
        self._think(response)
        self._look_after(response, now)

    def cancel(self, response_id: str | None, reason: str, now: float, late: int = 0) -> None:
        """End one early, by default the active one. Raises ApiError where there is none."""
        response = self._all.get(response_id) if response_id else self.active
        if response is None:
            message = "Cancellation failed: no active response found"
            raise ApiError(400, message, code="response_cancel_not_active")
        response.cancel(reason, late)
        self._look_after(response, now)

    def advance(self, now: float) -> None:
        """Send what has fallen due."""
        for response in list(self._all.values()):
            response.advance(now)
            self._look_after(response, now)

    def heard(self, now: float) -> None:
        """More words are known: think about what had to wait for them."""
        for response in list(self._all.values()):
            self._think(response)
            self._look_after(response, now)

    def thought(self, response_id: str, answer: Answer | ApiError, now: float) -> None:
        response = self._all.get(response_id)
        if response is None:
            return
        if isinstance(answer, ApiError):
            response.fail(answer)
        else:
            response.answered(answer, now)
        self._look_after(response, now)

    def said(self, response_id: str, pcm: bytes, now: float) -> None:
        response = self._all.get(response_id)
        if response is not None:
            response.said(pcm, now)
            self._look_after(response, now)

    def _context(self, wanted: ResponseSettings) -> list[ConversationItem]:
        """What a response reads: the conversation, or the input that it was given instead."""
        if wanted.input is None:
            return list(self._conversation)
        return [
            self._conversation.get(item.reference, "retrieve")
            if item.reference
            else ConversationItem(item.told, words=item.text, images=item.images)
            for item in wanted.input
        ]

    def _think(self, response: Response) -> None:
        """Ask for the answer, once all that was said is known in words."""
        if response.is_thinking or any(entry.is_unheard for entry in response.context):
            return
        response.is_thinking = True
        instructions = response.settings.instructions
        try:
            response.context = kept(response.context, instructions, self._told())
            prompt = build_prompt.prompt(response.context, response.settings)
        except ApiError as error:
            response.fail(error)
            return
        response.read = build_prompt.input_tokens(response.context, instructions)
        shared = min(self._last_text, response.read["text_tokens"])
        response.cached = shared - shared % CACHED_AT_A_TIME
        self._last_text = response.read["text_tokens"]
        plain = build_prompt.plain_words(response.context)
        before = build_prompt.about_pictures(response.context)
        self._jobs.append(Think(response.id, prompt, plain, before))

    def _look_after(self, response: Response, now: float) -> None:
        """Take its jobs; when it has ended, say so to whoever waits for that."""
        self._jobs += response.take_jobs()
        if not response.is_ended or self._all.pop(response.id, None) is None:
            return
        self._tell("rate_limits.updated", rate_limits=[self._limit(response.total_tokens)])
        if response is self.active:
            self.active = None
            self._on_end(response, now)
