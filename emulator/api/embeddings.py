"""`POST /v1/embeddings`: texts as vectors, of the length that the named model would give."""

import base64
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from emulator import params
from emulator.api.model_list import find_model
from emulator.errors import ApiError
from emulator.guard import EMBEDDED_BY, check_no_loop
from emulator.models import Model
from emulator.params import Param, bad, integer, one_of, text
from emulator.serving import (
    Reply,
    count_request,
    parsed,
    read_json,
    send_json,
    service,
    while_connected,
)
from emulator.wire import tokens

from starlette.requests import Request
from starlette.routing import Route

if TYPE_CHECKING:
    from emulator.retrieval.embedding import Floats

MOST_INPUTS = 2048
MOST_TOKENS_AN_INPUT, MOST_TOKENS = 8192, 300_000
MOST_NUMBERS = 2**19
"""In a body: token ids, which are refused with a reason, come by the hundred thousand."""


def inputs(name: str, value: Any) -> dict[str, str]:
    """The texts, each by the name that an error calls it: `input` alone, or `input[0]` and on."""
    if isinstance(value, str):
        named = {name: value}
    elif not isinstance(value, list):
        raise params.wrong_type(name, "one of a string or array of strings", value)
    elif not value:
        raise _invalid(name, "input cannot be an empty array.")
    elif all(isinstance(each, int | list) for each in value):
        message = f"""Unsupported value: '{name}' as token ids, which this emulator cannot read \
without OpenAI's table of tokens. Send the text itself (in LangChain's OpenAIEmbeddings by \
check_embedding_ctx_length=False)."""
        raise bad(message, name, "unsupported_value")
    elif len(value) > MOST_INPUTS:
        raise _invalid(name, f"array length must be {MOST_INPUTS} or less.")
    else:
        named = {f"{name}[{place}]": each for place, each in enumerate(value)}
    for each, input in named.items():
        if not text(each, input):
            raise _invalid(each, "input cannot be an empty string.")
    return named


PARAMS: Mapping[str, Param] = {
    "model": Param(text, required=True),
    "input": Param(inputs, required=True),
    "encoding_format": Param(one_of("float", "base64"), "float"),
    "dimensions": Param(integer(1)),
    "user": Param(text, inert=True),
}


async def create(request: Request) -> Reply:
    body = await read_json(request, allows_surrogates=True, most=MOST_NUMBERS)
    values, inert = await parsed(request, body, PARAMS)
    model = embedding_model(values["model"])
    length = dimensions(model, values["dimensions"])
    # In a thread of its own: a whole book takes minutes, and no other request should wait for it.
    run = service(request).embedding.run
    used = await run(partial(count, values["input"]))
    texts = list(values["input"].values())
    count_request(request, model.id, used)
    upstream = service(request).embeddings_upstream
    if upstream is not None:
        check_no_loop(request.scope, EMBEDDED_BY)
        vectors = await while_connected(request, upstream(texts))
    else:
        vectors = await while_connected(request, run(partial(encoded, texts)))

    def reply() -> Reply:
        data = items(vectors, length, values["encoding_format"])
        usage = {"prompt_tokens": used, "total_tokens": used}
        body = {"object": "list", "data": data, "model": model.id, "usage": usage}
        return send_json(request, body, inert)

    return await run(reply)


def embedding_model(name: str) -> Model:
    """The model; raises ApiError for one that does not exist (404) or does not embed (403)."""
    found = find_model(name)
    if found is None:
        message = f"The model `{name}` does not exist or you do not have access to it."
        raise ApiError(404, message, code="model_not_found")
    if found.dimensions is None:
        raise ApiError(403, "You are not allowed to generate embeddings from this model")
    return found


def dimensions(model: Model, wanted: int | None) -> int:
    """The length of the vectors; raises ApiError (400) where the model does not give that one."""
    full = model.dimensions or 0
    if wanted is None:
        return full
    if model.has_fixed_dimensions:
        raise ApiError(400, "This model does not support specifying dimensions.")
    if wanted > full:
        message = (
            f"Invalid value for 'dimensions' = {wanted}. Must be less than or equal to {full}."
        )
        raise ApiError(400, message)
    return wanted


def count(texts: Mapping[str, str]) -> int:
    """Tokens in all; raises ApiError (400) where one text, or all together, are too long."""
    total = 0
    for name, said in texts.items():
        length = tokens.count(said)
        if length > MOST_TOKENS_AN_INPUT:
            what = "input" if name.endswith("]") else "context"
            raise _invalid(name, f"maximum {what} length is {MOST_TOKENS_AN_INPUT} tokens.")
        total += length
    if total > MOST_TOKENS:
        message = f"Requested {total} tokens, max {MOST_TOKENS} tokens per request"
        kind = "max_tokens_per_request"
        raise ApiError(400, message, type=kind, code=kind)
    return total


def encoded(texts: Sequence[str]) -> "Floats":
    # Imported here, as NumPy takes 0.1 s that not every start of the emulator has to wait for.
    from emulator.retrieval.encoder import encode

    return encode(texts)


def items(vectors: "Floats", length: int, format: str) -> list[dict[str, Any]]:
    """The vectors as the answer has them, each cut or filled up to `length` numbers."""
    from emulator.retrieval.embedding import resized

    def written(vector: "Floats") -> str | list[float]:
        """As base64: the bytes of the numbers, four each, the lowest first."""
        if format == "base64":
            return base64.b64encode(vector.astype("<f4").tobytes()).decode()
        numbers: list[float] = vector.tolist()
        return numbers

    return [
        {"object": "embedding", "index": index, "embedding": written(vector)}
        for index, vector in enumerate(resized(vectors, length))
    ]


def _invalid(name: str, why: str) -> ApiError:
    """As recorded: an item of an array is named in `param`, the whole `input` is not."""
    is_item = name.endswith("]")
    return ApiError(
        400,
        f"Invalid '{name}': {why}",
        param=name if is_item else None,
        code="invalid_value" if is_item else None,
    )


routes = [Route("/v1/embeddings", create, methods=["POST"])]
