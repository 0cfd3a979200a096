"""What the annotations of the installed SDK say about its classes, methods and parameters.

A type is given as its alternatives: the members of a union, without None. `Any` among them means
that nothing is known, and so that nothing can be wrong. Annotations are evaluated one by one, as
many of them name what the SDK imports for type checkers only.
"""

import ast
import collections.abc
import importlib
import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, Literal, get_args, get_origin

Types = tuple[Any, ...]
UNKNOWN: Types = (Any,)

_ITERABLES = (list, tuple, set, frozenset, collections.abc.Iterable, collections.abc.AsyncIterable)


@dataclass(frozen=True)
class Method:
    """A function of the SDK, and what it's bound to: a class, or a class with its type arguments.

    `owner` is None for a function of a module. `with_raw_response` and its like have the parameters
    of the methods that they wrap, and other results.
    """

    function: Any
    owner: Any = None
    is_wrapped: bool = False

    @property
    def name(self) -> str:
        return str(self.function.__qualname__)

    @property
    def signatures(self) -> list[Any]:
        """Its overloads; the function itself if it has none."""
        return list(typing.get_overloads(inspect.unwrap(self.function))) or [self.function]


def is_ours(thing: Any) -> bool:
    """Whether something belongs to the SDK."""
    module = getattr(thing, "__module__", None) or getattr(thing, "__name__", "")
    return str(module).partition(".")[0] == "openai"


def is_class(thing: Any) -> bool:
    """Whether something is a class of the SDK."""
    return inspect.isclass(thing) and is_ours(thing)


# ------------------------------------------------------------------------------ annotations


@cache
def namespace(module: str) -> dict[str, Any]:
    """The names of a module of the SDK; `evaluate` adds those that it needs."""
    return dict(vars(importlib.import_module(module)))


@cache
def source(module: str) -> ast.Module:
    """The syntax tree of a module of the SDK."""
    return ast.parse(inspect.getsource(importlib.import_module(module)))


def for_type_checkers(module: str, name: str) -> Any:
    """What a module imports under this name for type checkers only; None if it doesn't."""
    package = str(importlib.import_module(module).__package__)
    for node in source(module).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for each in node.body:
                if any(name in (a.asname, a.name) for a in getattr(each, "names", ())):
                    return dict(imported(each, package))[name]
    return None


def imported(node: ast.stmt, package: str = "") -> Iterator[tuple[str, Any]]:
    """The names that an import statement binds: Any for those of other packages than the SDK.

    A name that its module in the SDK lacks is bound to None.
    """
    if isinstance(node, ast.Import):
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            yield alias.asname or name, _module(name)
    elif isinstance(node, ast.ImportFrom):
        home = _module("." * node.level + (node.module or ""), package)
        for alias in node.names:
            found = getattr(home, alias.name, None) if home is not Any else Any
            if found is None and hasattr(home, "__path__"):
                found = _module(f"{home.__name__}.{alias.name}")
            yield alias.asname or alias.name, found


def _module(name: str, package: str = "") -> Any:
    """A module of the SDK or of Python; None if it's not there, Any for one of other packages."""
    root = (package or name).partition(".")[0]
    if root != "openai" and root not in sys.stdlib_module_names:
        return Any
    try:
        return importlib.import_module(name, package or None)
    except ModuleNotFoundError as error:
        if not f".{error.name}.".endswith(f".{name.lstrip('.')}."):
            raise  # the module is there, and something that it imports isn't
        return None


def evaluate(annotation: Any, names: dict[str, Any], module: str = "") -> Any:
    """An annotation without strings in it; Any if a name in it can't be found.

    A name that a module of the SDK imports for type checkers only is looked up when it's needed:
    together they would import all of the SDK.
    """

    def holder() -> None: ...

    holder.__annotations__ = {"it": annotation}
    for _ in range(50):
        try:
            return typing.get_type_hints(holder, names, include_extras=True)["it"]
        except NameError as error:
            found = for_type_checkers(module, str(error.name)) if module else None
            if found is None:
                return Any
            names[str(error.name)] = found
        except (TypeError, AttributeError, SyntaxError):
            return Any
    return Any


def alternatives(annotation: Any) -> Types:
    """The members of an annotation, if it's a union; Any for a type variable that is free."""
    if annotation is None or annotation is type(None):
        return ()
    if isinstance(annotation, typing.TypeVar | str):
        return UNKNOWN
    if hasattr(annotation, "__value__"):  # a type alias
        return alternatives(annotation.__value__)
    origin = get_origin(annotation)
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return alternatives(get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        found = [each for arg in get_args(annotation) for each in alternatives(arg)]
        return tuple(each for each in found if getattr(each, "__name__", "") != "Omit")
    return (annotation,)


def split(atom: Any) -> tuple[Any, Types]:
    """A class and its type arguments; pydantic makes a class of its own for each set of these."""
    made = getattr(atom, "__pydantic_generic_metadata__", None) or {}
    if made.get("origin"):
        return made["origin"], made["args"]
    return get_origin(atom) or atom, get_args(atom)


def parameters(cls: Any) -> Types:
    """The type variables of a class, or those that are free in an annotation."""
    made = getattr(cls, "__pydantic_generic_metadata__", None)
    return tuple(made["parameters"] if made else getattr(cls, "__parameters__", ()))


@cache
def bindings(atom: Any) -> dict[Any, Any]:
    """What the type variables of a class and of its bases stand for."""
    origin, args = split(atom)
    own = dict(zip(parameters(origin), args, strict=False))
    every = dict(own)
    for base in getattr(origin, "__orig_bases__", ()):
        if split(base)[1] and split(base)[0] is not typing.Generic:
            every |= bindings(bound(base, own))
    return every


def bound(annotation: Any, values: dict[Any, Any]) -> Any:
    """An annotation with the values of its type variables in their place."""
    if isinstance(annotation, typing.TypeVar):
        return values.get(annotation, annotation)
    free = parameters(annotation)
    if not free or not split(annotation)[1]:
        return annotation
    return annotation[tuple(values.get(each, Any) for each in free)]


# ------------------------------------------------------------------------------ members


@cache
def fields(cls: Any) -> dict[str, Any]:
    """The annotated fields of a class and its bases: models, parameters, resources."""
    found: dict[str, Any] = {}
    for base in reversed(getattr(cls, "__mro__", (cls,))):
        if is_ours(base):
            own = inspect.get_annotations(base)
            home = base.__module__
            found |= {name: evaluate(each, namespace(home), home) for name, each in own.items()}
    return found


@cache
def attribute(atom: Any, name: str) -> Types | None:
    """What an attribute of a value of this type is; None if the SDK has no such attribute."""
    if isinstance(atom, types.ModuleType):
        return _of_module(atom, name) if is_ours(atom) else UNKNOWN
    cls = split(atom)[0]
    if not is_class(cls):
        return UNKNOWN
    if name in fields(cls):
        return alternatives(bound(fields(cls)[name], bindings(atom)))
    found = inspect.getattr_static(cls, name, None)
    if isinstance(found, property | cached_property):
        function = found.fget if isinstance(found, property) else found.func
        return returned(Method(function, atom))
    if inspect.isfunction(found):
        return (Method(found, atom),)
    if found is None and not hasattr(cls, name):
        return _assigned(cls, name)
    return UNKNOWN


@cache
def _assigned(cls: Any, name: str) -> Types | None:
    """What `__init__` puts under this name: often the wrapped method of a resource."""
    init = inspect.getattr_static(cls, "__init__", None)
    if not inspect.isfunction(init):
        return None
    found = re.search(rf"self\.{name} = (?:[\w.]+\(\s*(\w+)\.{name}\b)?", inspect.getsource(init))
    if found and found[1]:
        for each in alternatives(annotations(init).get(found[1], Any)):
            for method in (each is not Any and attribute(each, name)) or ():
                if isinstance(method, Method):
                    return (replace(method, is_wrapped=True),)
    return UNKNOWN if found else None


def _of_module(module: types.ModuleType, name: str) -> Types | None:
    found = getattr(module, name, None)
    if found is None:
        found = _module(f"{module.__name__}.{name}")
    return None if found is None else value(found)


def value(found: Any) -> Types:
    """The type of what a module has under a name: a module, a class as a function, a function."""
    if isinstance(found, types.ModuleType):
        return (found,)
    if inspect.isclass(found) or inspect.isfunction(found):
        return (Method(found),) if is_ours(found) else UNKNOWN
    return UNKNOWN


@cache
def annotations(signature: Any) -> dict[str, Any]:
    """The evaluated annotations of a function, by parameter; `return` is its result."""
    found = inspect.unwrap(signature)
    home = found.__module__
    own = found.__annotations__
    return {name: evaluate(each, namespace(home), home) for name, each in own.items()}


def returned(method: Method, signature: Any = None) -> Types:
    """What a call gives, or waiting for it. A class gives a value of itself."""
    function = signature or method.function
    if method.is_wrapped:
        return UNKNOWN
    if inspect.isclass(function):
        return (function,)
    hints = annotations(function)
    found = hints.get("return", Any)
    first = next(iter(hints.items()), ("", None))[1]
    if found is typing.Self or (isinstance(found, typing.TypeVar) and found is first):
        return (method.owner,)
    if getattr(found, "__name__", "") == "Self":
        return (method.owner,)
    return alternatives(bound(found, bindings(method.owner) if method.owner else {}))


def through(atom: Any, *names: str) -> Types:
    """What calling the first of these special methods gives."""
    for name in names:
        found = attribute(atom, name)
        if found and isinstance(found[0], Method):
            return returned(found[0])
    return UNKNOWN


def elements(atom: Any) -> Types:
    """What a loop over a value of this type gets."""
    origin = split(atom)[0]
    if is_class(origin):
        # Every model of pydantic has an `__iter__`, also the pages that are read with `async for`.
        found = through(atom, "__aiter__", "__iter__")
        return tuple(each for one in found for each in (elements(one) if one is not Any else [Any]))
    args = get_args(atom)
    if args and inspect.isclass(origin) and issubclass(origin, _ITERABLES):
        return alternatives(args[0])
    return UNKNOWN


def awaited(atom: Any) -> Types:
    """What waiting for a value gives; an async function was taken for its result already."""
    origin = split(atom)[0]
    if is_class(origin) and hasattr(origin, "__await__"):
        return tuple(
            each for one in through(atom, "__await__") for each in alternatives(get_args(one)[-1])
        )
    return (atom,)


def literals(atom: Any) -> set[Any] | None:
    """The values of a Literal; None for any other type."""
    return set(get_args(atom)) if get_origin(atom) is Literal else None


def keys(atom: Any) -> dict[str, Any] | None:
    """The keys of a dict that stands for this type; None if it may have any."""
    return (is_class(atom) and fields(atom)) or None
