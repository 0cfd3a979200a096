"""What the recorder and the player need to know about an API; openai.py has it for OpenAI's."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cassette.message_rules import MessageRules
from cassette.scrub import SecretRules


@dataclass(frozen=True)
class ErrorAnswer:
    """The headers and the body of an error that the recorder or the player itself reports."""

    headers: Mapping[str, str]
    body: bytes


def plain_error(status: int, code: str, message: str) -> ErrorAnswer:
    """An error in no API's shape."""
    body = json.dumps({"error": message, "code": code}).encode()
    return ErrorAnswer({"content-type": "application/json"}, body)


@dataclass(frozen=True)
class ApiProfile:
    """Knowledge about one API; the defaults know none.

    `base_path` ends the base URL that a client is given. `server_name` names the server by the
    headers of its answer, "" where only its address is known. `optional_requests` are those that a
    run may leave out, as `METHOD path`. `longest_message` is for WebSockets, in bytes.
    """

    base_path: str = ""
    secrets: SecretRules = SecretRules()
    messages: MessageRules = MessageRules()
    optional_requests: tuple[str, ...] = ()
    longest_message: int = 2**20
    server_name: Callable[[Mapping[str, str]], str] = lambda headers: ""
    error_answer: Callable[[int, str, str], ErrorAnswer] = plain_error
