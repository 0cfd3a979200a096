"""Lists in pages: `limit`, `after` and `order`, and the body that they come in.

A program may delete what it lists: `for file in client.files.list(): client.files.delete(file.id)`.
When the SDK asks for the page after the last item, that item is gone. So the ids of a list are kept
for the cursor of its next page, and give the cursor its old place. Whether OpenAI's cursors last as
long is not documented.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from emulator import params
from emulator.params import bad, one_of
from emulator.serving import service

from starlette.requests import Request

PAGE = ("limit", "after", "before", "order")
MOST_CURSORS = 16


def page(
    request: Request,
    items: Sequence[dict[str, Any]],
    *,
    order: str,
    also: Sequence[str] = (),
    keep: Callable[[dict[str, Any]], bool] = lambda item: True,
    most: int | None = None,
) -> dict[str, Any]:
    """The page of `items` (oldest first) that the query asks for; `order` is the default order.

    A page has 20 items, or up to 100 if asked; where `most` is given, up to that many either way.
    A cursor is the id of the item beside the page. Items that are not to `keep` are left out, but
    a cursor may still name one, so that going on from a page works while items change; a cursor
    that names no item at all gives an empty page. `has_more` compares with what is left after the
    cursor: a page that is exactly full and the last one has no more.

    Raises ApiError (400) for a query parameter that is neither of a page nor in `also`.
    """
    query = request.query_params
    # `metadata[key]=value` is a parameter of the name before the bracket.
    for name in query:
        if name not in (*PAGE, *also) and name.partition("[")[0] not in also:
            raise bad(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    limit = _limit(query.get("limit", str(most or 20)), most or 100)
    known = [item["id"] for item in items]
    items = _with_gone_cursor(request, items, known)
    if one_of("asc", "desc")("order", query.get("order", order)) == "desc":
        items = items[::-1]
    ids = [item["id"] for item in items]
    # The end is cut first: what is before it keeps its place.
    if "before" in query:
        items = items[: ids.index(query["before"])] if query["before"] in ids else []
    if "after" in query:
        items = items[ids.index(query["after"]) + 1 :] if query["after"] in ids else []
    items = [item for item in items if keep(item)]
    body = listed(items[:limit], has_more=len(items) > limit)
    if body["has_more"] and body["last_id"]:
        _remember(request, body["last_id"], known)
    return body


def _with_gone_cursor(
    request: Request, items: Sequence[dict[str, Any]], known: Sequence[str]
) -> Sequence[dict[str, Any]]:
    """The items, and at its old place the item that the cursor names if it was deleted since.

    What was older then comes before it, and all else after it: new items are the last of a list.
    """
    cursor = request.query_params.get("after", "")
    listed_then = service(request).cursors.get((request.scope["path"], cursor))
    if listed_then is None or cursor in known:
        return items
    older = set(listed_then[: listed_then.index(cursor)])
    place = next((at for at, id in enumerate(known) if id not in older), len(known))
    return [*items[:place], {"id": cursor}, *items[place:]]


def _remember(request: Request, cursor: str, known: list[str]) -> None:
    cursors = service(request).cursors
    cursors.pop((request.scope["path"], cursor), None)  # the latest ones are the last
    cursors[request.scope["path"], cursor] = known
    while len(cursors) > MOST_CURSORS:
        cursors.popitem(last=False)


def listed(items: Sequence[Mapping[str, Any]], *, has_more: bool = False) -> dict[str, Any]:
    return {
        "object": "list",
        "data": list(items),
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": has_more,
    }


def _limit(text: str, most: int) -> int:
    if not text.isdecimal():
        raise params.wrong_type("limit", "an integer", text)
    # Python refuses to read more than 4,300 digits; these are too many in any case.
    return int(params.integer(0, most)("limit", int(text[:20])))
