"""Embeddings made by another server: any that speaks OpenAI's `POST /v1/embeddings`.

    EMULATOR_EMBEDDINGS_BASE_URL=http://127.0.0.1:11434/v1
    EMULATOR_EMBEDDINGS_MODEL=nomic-embed-text

hands them to Ollama. The contract:

- Texts are sent in batches of 32, which is as many as every server takes.
- A server may send numbers or base64, and the vectors in any order that their `index` says. Each
  vector is brought to length 1; all of one answer need as many numbers.
- A server that refuses, cannot be reached, or sends something else is an ApiError (502) that names
  it (upstream_connection.py). At most MOST_WAITING requests wait for it; the next one gets a 429.
- A request says that an emulator sends it. One that hands its embeddings on refuses it, as two that
  name each other would ask for ever.

Vector stores don't use it: their scores are calibrated for the emulator's own encoder, and what a
store has indexed has to be comparable with every question, whichever server runs then.
"""

import asyncio
import base64
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from emulator.guard import EMBEDDED_BY
from emulator.limits import MOST_WAITING, Places
from emulator.retrieval.embedding import Floats, unit
from emulator.upstream.upstream_address import UpstreamAddress
from emulator.upstream.upstream_body import UpstreamMalformed, parsed, sound
from emulator.upstream.upstream_connection import SILENCE_S, UpstreamConnection
from emulator.wire.reasons import first_words

import numpy as np
from numpy.typing import NDArray

NAME = "EMULATOR_EMBEDDINGS_BASE_URL"
BATCH = 32
MOST_BYTES = 64 * 2**20
"""Of one answer: 32 vectors of 65,536 numbers, as text."""


class UpstreamEmbeddings:
    """The server that makes the embeddings, and the model that it is asked for."""

    def __init__(
        self,
        address: UpstreamAddress,
        silence_s: float = SILENCE_S,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """Raises UpstreamRefused where the environment does not let it be reached."""
        self._model = address.model
        self._server = UpstreamConnection(address, "embeddings", NAME, EMBEDDED_BY, silence_s)
        self._places = Places(most_waiting)

    async def embed(self, texts: Sequence[str]) -> Floats:
        """A unit vector for each text. Raises ApiError: 502 where the server fails, 429 where too
        many requests wait for it.
        """
        try:
            with self._places.taken():
                batches = [
                    await self._batch(texts[start : start + BATCH])
                    for start in range(0, len(texts), BATCH)
                ]
            return await asyncio.to_thread(joined, batches)
        except UpstreamMalformed as error:
            raise self._server.failure(str(error)) from None

    async def _batch(self, texts: Sequence[str]) -> Floats:
        asked = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        answer = await self._server.post("/embeddings", asked)
        body = bytearray()
        async with aclosing(answer), aclosing(self._server.blocks(answer)) as blocks:
            async for block in blocks:
                body += block
                if len(body) > MOST_BYTES:
                    raise UpstreamMalformed(f"sent more than {MOST_BYTES:,} bytes at once")
        return await asyncio.to_thread(vectors_in, bytes(body), len(texts))


def joined(batches: Sequence[Floats]) -> Floats:
    """The vectors of all batches; raises UpstreamMalformed where their lengths differ."""
    if len({batch.shape[1] for batch in batches}) > 1:
        raise UpstreamMalformed("sent vectors of different lengths")
    return np.concatenate(batches)


def vectors_in(body: bytes, count: int) -> Floats:
    """The unit vectors in an answer, in the order of the texts: shape (count, any).

    Raises UpstreamMalformed for whatever is no list of `count` vectors of one length.
    """
    found = body_in(body)
    items = found.get("data")
    if not isinstance(items, list) or len(items) != count:
        given = len(items) if isinstance(items, list) else "no"
        raise UpstreamMalformed(f"sent {given} embeddings for {count} texts")
    if not all(isinstance(item, dict) for item in items):
        raise UpstreamMalformed("sent an embedding that is no object")
    vectors = [numbers_in(item.get("embedding")) for item in in_order(items)]
    if len({len(vector) for vector in vectors}) > 1:
        raise UpstreamMalformed("sent vectors of different lengths")
    return unit(np.stack(vectors))


def body_in(body: bytes) -> dict[str, Any]:
    """The object in an answer; raises UpstreamMalformed for anything else, and for an error."""
    text = body.decode("utf-8", "replace")
    if not text.strip():
        raise UpstreamMalformed("sent nothing")
    found = parsed(text.removeprefix("\ufeff"))
    if not isinstance(found, dict):
        raise UpstreamMalformed(f"sent no object: {first_words(text)}")
    return sound(found)


def in_order(items: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """The items by their `index`; as they came where none has one.

    Raises UpstreamMalformed where two are the same, or one is missing.
    """
    indices = [item.get("index") for item in items]
    if all(index is None for index in indices):
        return items
    by_index = {index: item for index, item in zip(indices, items, strict=True) if is_whole(index)}
    if set(by_index) != set(range(len(items))):
        raise UpstreamMalformed("sent embeddings whose indices don't count from 0 to the last")
    return [by_index[index] for index in range(len(items))]


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def numbers_in(value: object) -> NDArray[np.float64]:
    """The numbers of a vector, from a list or from base64 of float32, lowest byte first.

    A list of one list counts as that one (llama-cpp-python#1588); with several, one for each token,
    the model does not pool them, and they are refused. The largest number becomes 1, so that no sum
    of squares is too large or too small to be told.
    """
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        (value,) = value
    try:
        numbers = _decoded(value) if isinstance(value, str) else _listed(value)
    except (TypeError, ValueError, OverflowError):
        raise UpstreamMalformed("sent an embedding that is no list of numbers") from None
    if not len(numbers) or not np.isfinite(numbers).all():
        raise UpstreamMalformed("sent an embedding without numbers, or with infinite ones")
    return numbers / (np.abs(numbers).max() or 1)


def _decoded(value: str) -> NDArray[np.float64]:
    return np.frombuffer(base64.b64decode(value, validate=True), "<f4").astype(np.float64)


def _listed(value: object) -> NDArray[np.float64]:
    if not isinstance(value, list) or not all(
        isinstance(each, float) or is_whole(each) for each in value
    ):
        raise TypeError(value)
    return np.array(value, np.float64)
