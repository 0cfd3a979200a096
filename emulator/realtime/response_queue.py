"""The responses of a session: one in the default conversation at most, and others beside it."""

from collections.abc import Callable, Mapping
from typing import Any

from emulator.answers.answer import Answer
from emulator.errors import ApiError
from emulator.pace import Pace
from emulator.realtime.build_prompt import build_prompt, fixed_answer, input_tokens, picture_notice
from emulator.realtime.context import kept
from emulator.realtime.conversation import Conversation, ConversationItem
from emulator.realtime.conversation_items import ClientItem
from emulator.realtime.jobs import Generate, Job
from emulator.realtime.output import Emit
from emulator.realtime.response import Phase, Response
from emulator.realtime.session_settings import ResponseSettings

MOST_BESIDE = 8
CACHED_AT_A_TIME = 64

Limit = Callable[[int], Mapping[str, Any]]


class Responses:
    """The responses under way; `on_end` is called with the default response once it has ended.

    `hear` has the sound of an item recognized that is in no conversation. `limit` counts tokens,
    and gives what is left as in `rate_limits.updated`; `settings` gives the session's.
    """

    def __init__(
        self,
        conversation: Conversation,
        pace: Pace,
        limit: Limit,
        emit: Emit,
        start_job: Callable[[Job], None],
        settings: Callable[[], Mapping[str, Any]],
        on_end: Callable[[Response, float], None],
        hear: Callable[[ConversationItem, bytes], None],
    ) -> None:
        self.active: Response | None = None
        self._conversation = conversation
        self._pace, self._limit, self._emit, self._start_job = pace, limit, emit, start_job
        self._settings, self._on_end, self._hear = settings, on_end, hear
        self._all: dict[str, Response] = {}
        self._last_text = 0

    @property
    def dues(self) -> list[float]:
        """When the next delta of each is to go out."""
        return [response.due for response in self._all.values() if response.due is not None]

    def begin(self, wanted: ResponseSettings, now: float) -> None:
        """Raises ApiError where one is active, or where too many are under way."""
        is_default = wanted.conversation == "auto"
        if is_default and self.active is not None:
            message = f"""Conversation already has an active response in progress: \
{self.active.id}. Wait until the response is finished before creating a new one."""
            raise ApiError(400, message, code="conversation_already_has_active_response")
        # Those beside the conversation have no limit at OpenAI; here it bounds what a client costs.
        beside = len(self._all) - (self.active is not None)
        if not is_default and beside >= MOST_BESIDE:
            message = f"""This emulator writes at most {MOST_BESIDE} responses at once beside the \
conversation."""
            raise ApiError(429, message, code="rate_limit_exceeded")
        conversation = self._conversation if is_default else None
        context = self._context(wanted)
        response = Response(wanted, context, conversation, self._pace, self._emit, self._start_job)
        self._all[response.id] = response
        if is_default:
            self.active = response
        self._generate(response)
        self._after_change(response, now)

    def cancel(self, response_id: str | None, reason: str, now: float, late: int = 0) -> None:
        """End one early, by default the active one. Raises ApiError where there is none."""
        response = self._all.get(response_id) if response_id else self.active
        if response is None:
            message = "Cancellation failed: no active response found"
            raise ApiError(400, message, code="response_cancel_not_active")
        response.cancel(reason, late)
        self._after_change(response, now)

    def advance(self, now: float) -> None:
        """Send what has fallen due."""
        for response in list(self._all.values()):
            response.advance(now)
            self._after_change(response, now)

    def transcribed(self, now: float) -> None:
        """More words are known: generate what had to wait for them."""
        for response in list(self._all.values()):
            self._generate(response)
            self._after_change(response, now)

    def generated(self, response_id: str, answer: Answer | ApiError, now: float) -> None:
        # A response that was cancelled meanwhile is no longer among them.
        if response := self._all.get(response_id):
            if isinstance(answer, ApiError):
                response.fail(answer)
            else:
                response.answered(answer, now)
            self._after_change(response, now)

    def synthesized(self, response_id: str, pcm: bytes, now: float) -> None:
        if response := self._all.get(response_id):
            response.synthesized(pcm, now)
            self._after_change(response, now)

    def _context(self, wanted: ResponseSettings) -> list[ConversationItem]:
        """What a response reads: the conversation, or the input that it was given instead."""
        if wanted.input is None:
            return list(self._conversation)
        return [
            self._conversation.get(item.reference, "retrieve")
            if item.reference
            else self._given(item)
            for item in wanted.input
        ]

    def _given(self, item: ClientItem) -> ConversationItem:
        """An item that came with the request for a response."""
        entry = ConversationItem(item.payload, words=item.text, images=item.images)
        if item.audio:
            self._hear(entry, item.audio)
        return entry

    def _generate(self, response: Response) -> None:
        """Ask for the answer, once all spoken items are known in words."""
        is_waiting = any(entry.is_awaiting_words for entry in response.context)
        if response.phase is not Phase.AWAITING_WORDS or is_waiting:
            return
        response.phase = Phase.GENERATING
        instructions = response.settings.instructions
        try:
            response.context = kept(response.context, instructions, self._settings())
            prompt = build_prompt(response.context, response.settings)
        except ApiError as error:
            response.fail(error)
            return
        response.read = input_tokens(response.context, instructions)
        # Cached is what this prompt shares with the one before, in whole blocks: as a conversation
        # only grows at its end, that is the shorter of the two.
        shared = min(self._last_text, response.read["text_tokens"])
        response.cached = shared - shared % CACHED_AT_A_TIME
        self._last_text = response.read["text_tokens"]
        fixed, notice = fixed_answer(response.context), picture_notice(response.context)
        self._start_job(Generate(response.id, prompt, fixed, notice))

    def _after_change(self, response: Response, now: float) -> None:
        """Report once that it has ended, if it has."""
        if not response.is_ended or self._all.pop(response.id, None) is None:
            return
        spent = response.usage()["total_tokens"]
        self._emit("rate_limits.updated", rate_limits=[self._limit(spent)])
        if response is self.active:
            self.active = None
            self._on_end(response, now)
