"""What the SDK says about a call and its arguments: which overload is meant, what is deprecated."""

import ast
import importlib
import inspect
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from tools.sdk_types import (
    Method,
    Types,
    alternatives,
    annotations,
    is_ours,
    keys,
    literals,
    source,
    split,
)

_DEPRECATED = re.compile(r"(?i)\b(is|are|now) deprecated\b|^\W*deprecated\b(?! values)")


def is_deprecated(thing: Any) -> bool:
    return hasattr(inspect.unwrap(thing) if callable(thing) else thing, "__deprecated__")


@cache
def old_fields(cls: Any) -> set[str]:
    """The fields of a class whose docstring says that they are deprecated, and of its bases."""
    if not is_ours(cls) or "eprecated" not in inspect.getsource(sys.modules[cls.__module__]):
        return set()
    inherited = [old_fields(base) for base in getattr(cls, "__bases__", ())]
    found = [node for node in source(cls.__module__).body if isinstance(node, ast.ClassDef)]
    body = next((node.body for node in found if node.name == cls.__name__), [])
    return set().union(*inherited) | {
        node.target.id
        for node, doc in zip(body, body[1:], strict=False)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        if isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant)
        if _DEPRECATED.search(" ".join(str(doc.value.value).split()))
    }


@cache
def old_parameters(function: Any) -> set[str]:
    """The parameters of a method that its docstring calls deprecated."""
    args = inspect.cleandoc(function.__doc__ or "").partition("Args:")[2]
    paragraphs = re.findall(r"^  (\w+): (.+(?:\n(?:    .*| *$))*)", args, re.MULTILINE)
    return {name for name, text in paragraphs if _DEPRECATED.search(" ".join(text.split()))}


def merged(found: Iterable[Types]) -> Types:
    """The alternatives of all of them, each once."""
    return tuple(dict.fromkeys(each for one in found for each in one))


def shown(atom: Any) -> str:
    cls = split(atom)[0]
    return str(getattr(cls, "__qualname__", getattr(cls, "__name__", cls)))


def pairs(node: ast.Dict) -> Iterator[tuple[str, ast.expr]]:
    """The constant keys of a dict, with their values."""
    for key, argument in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value, argument


def constants_of(node: ast.expr) -> set[Any]:
    """The constant, or those in a tuple, a list or a set; empty if not all are constants."""
    parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    found = {each.value for each in parts if isinstance(each, ast.Constant)}
    return found if all(isinstance(each, ast.Constant) for each in parts) else set()


def fields_have(atom: Any, name: str, constant: set[Any]) -> bool:
    """Whether a type's field may be one of these values."""
    hints = keys(atom) or {}
    return any(
        literals(each) is not None and bool((literals(each) or set()) & constant)
        for each in alternatives(hints.get(name))
    )


def merged_keys(found: list[Any]) -> dict[str, list[Any]]:
    """The keys of all of these types, with the annotations that they have."""
    every: dict[str, list[Any]] = defaultdict(list)
    for atom in found:
        for name, hint in (keys(atom) or {}).items():
            every[name].append(hint)
    return every


@cache
def classes(module: str, word: str) -> list[Any]:
    """The classes of a module of types whose field `type` is this word."""
    found = vars(importlib.import_module(module)).values()
    return [
        each
        for each in found
        if inspect.isclass(each) and each.__module__ == module and fields_have(each, "type", {word})
    ]


def chosen(method: Method, given: Mapping[str, ast.expr]) -> list[Any]:
    """The overloads that a call may mean: the first that takes its arguments.

    All that may be meant, if it depends on an argument whose value isn't in the program; and all
    there are, if none takes the arguments.
    """
    hints = [annotations(each) for each in method.signatures]
    known = {name: each for name, each in given.items() if any(name in one for one in hints)}
    fitting = [each for each in method.signatures if fits(each, known)]
    open_ones = [name for name, each in known.items() if not isinstance(each, ast.Constant)]
    if fitting and not any(differs(name, fitting) for name in open_ones):
        return fitting[:1]
    return fitting or method.signatures


def fits(signature: Any, given: Mapping[str, ast.expr]) -> bool:
    """Whether an overload takes these keywords, by their names and constants, and lacks none."""
    hints = annotations(signature)
    needed = [
        each.name
        for each in inspect.signature(inspect.unwrap(signature)).parameters.values()
        if each.kind is each.KEYWORD_ONLY and each.default is each.empty
    ]
    if not set(needed) <= given.keys() <= hints.keys():
        return False
    return all(
        argument.value in values_of(hints[name]) or argument.value is None
        for name, argument in given.items()
        if isinstance(argument, ast.Constant) and values_of(hints[name])
    )


def differs(name: str, signatures: list[Any]) -> bool:
    """Whether overloads differ in the values that a parameter may have."""
    return len({frozenset(values_of(annotations(each)[name])) for each in signatures}) > 1


def values_of(hint: Any) -> set[Any]:
    """The values of a hint that is nothing but literals, or None; else none."""
    values = [literals(each) for each in alternatives(hint)]
    return set() if None in values else set().union(*[each for each in values if each])
