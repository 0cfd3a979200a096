"""How a file is attached: chunking and attributes, at their limits and beyond."""

from tests.support.files_in_stores import (
    put,
    upload,
)

import openai
import pytest


def static(size, overlap):
    sizes = {"max_chunk_size_tokens": size, "chunk_overlap_tokens": overlap}
    return {"type": "static", "static": sizes}


CHUNKING = [
    (static(99, 0), "chunking_strategy.static.max_chunk_size_tokens"),
    (static(4097, 0), "chunking_strategy.static.max_chunk_size_tokens"),
    (static(100, 51), "chunking_strategy.static.chunk_overlap_tokens"),
    (static(100, -1), "chunking_strategy.static.chunk_overlap_tokens"),
    (static(100.5, 0), "chunking_strategy.static.max_chunk_size_tokens"),
    ({"type": "static"}, "chunking_strategy.static"),
    ({"type": "auto", "static": {}}, "chunking_strategy.static"),
    ({"type": "other"}, "chunking_strategy.type"),
    ({}, "chunking_strategy.type"),
]


ATTRIBUTES = [
    ({str(n): n for n in range(17)}, "attributes"),
    ({"k" * 65: 1}, "attributes." + "k" * 65),
    ({"k": "v" * 513}, "attributes.k"),
    ({"k": None}, "attributes.k"),
    ({"k": [1]}, "attributes.k"),
]


WRONG = [({"chunking_strategy": value}, param) for value, param in CHUNKING] + [
    ({"attributes": value}, param) for value, param in ATTRIBUTES
]


@pytest.mark.parametrize(("change", "param"), WRONG, ids=range(len(WRONG)))
def test_wrong_attachment_is_refused(client, store, change, param):
    file = upload(client)

    with pytest.raises(openai.BadRequestError) as caught:
        client.vector_stores.files.create(store.id, file_id=file.id, **change)

    assert caught.value.param == param
    with pytest.raises(openai.BadRequestError) as caught:
        files = [{"file_id": file.id, **change}]
        client.vector_stores.file_batches.create(store.id, files=files)
    assert caught.value.param == f"files[0].{param}"


@pytest.mark.parametrize("sizes", [(100, 0), (100, 50), (4096, 2048)])
def test_chunking_at_its_limits_is_taken(client, store, sizes):
    done = put(client, store, chunking_strategy=static(*sizes))

    assert (done.status, done.chunking_strategy.to_dict()) == ("completed", static(*sizes))


def test_attributes_at_their_limits_are_taken(client, store):
    attributes = {f"{n:064}": "v" * 512 for n in range(16)}

    assert put(client, store, attributes=attributes).attributes == attributes
