"""What a program uses of the SDK: methods, parameters, fields, events.

A program is read, not run. Each expression has the type that the SDK's annotations give it
(tools/sdk_types.py), as a type checker would find it; unlike one, this takes what it can't follow
for right, and says of each use whether the SDK calls it deprecated.
"""

import ast
import inspect
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import GenericAlias
from typing import Any

from tools.sdk_calls import (
    chosen,
    classes,
    constants_of,
    fields_have,
    is_deprecated,
    merged,
    merged_keys,
    old_fields,
    old_parameters,
    pairs,
    shown,
)
from tools.sdk_report import Complaint, SdkReport, Use, event, is_event, near, words
from tools.sdk_types import (
    UNKNOWN,
    Method,
    Types,
    alternatives,
    annotations,
    attribute,
    awaited,
    bindings,
    bound,
    elements,
    evaluate,
    fields,
    imported,
    is_class,
    is_ours,
    keys,
    literals,
    returned,
    split,
    through,
    value,
)

# These hand on what they are given, as far as their elements go.
_KEEPING = {"iter", "aiter", "list", "tuple", "sorted", "reversed", "islice", "set"}
SESSIONS = ("realtime", "transcription")
"""The types of a session, which are short words."""


class CheckedProgram(ast.NodeVisitor):
    """One file: its statements in order, with the types of its variables in each function.

    It's gone through twice, as a function may use a variable that is assigned behind it. A program
    that a type checker accepts is checked strictly: of a value that may be one of several types,
    each must have the attribute.
    """

    def __init__(
        self, file: str, text: str, sdk: Path, report: SdkReport, *, is_strict: bool = True
    ) -> None:
        self.file, self.sdk, self.report, self.is_strict = file, sdk, report, is_strict
        self.tree = ast.parse(text)
        self.names: dict[str, Any] = {"__builtins__": __builtins__}
        self.functions: dict[str, ast.expr | None] = {}
        self.dicts: dict[str, ast.Dict] = {}
        self.kept: dict[ast.AST, dict[str, Types]] = defaultdict(dict)
        self.scopes: list[dict[str, Types]] = [self.kept[self.tree]]
        self.narrow: list[dict[str, Types]] = []
        self.is_first = True

    def check(self) -> None:
        self._docs = {id(node.value) for node in ast.walk(self.tree) if isinstance(node, ast.Expr)}
        for self.is_first in (True, False):
            self.bound: set[tuple[int, str]] = set()
            self._block(self.tree.body)

    # What is told. ---------------------------------------------------------------

    def use(self, node: ast.AST, kind: str, name: str) -> None:
        if not self.is_first:
            self.report.uses[Use(kind, name)].add((self.file, line_of(node)))

    def complain(self, node: ast.AST, what: str) -> None:
        if not self.is_first:
            self.report.complaints.add(Complaint(self.file, line_of(node), what))

    # Statements. -----------------------------------------------------------------

    def _block(self, body: list[ast.stmt]) -> None:
        """The statements in order. What an early exit rules out holds for those behind it."""
        layers = len(self.narrow)
        for node in body:
            self.visit(node)
            if isinstance(node, ast.If) and isinstance(
                node.body[-1], ast.Continue | ast.Return | ast.Raise | ast.Break
            ):
                self.narrow.append(self._narrowed(node.test, negated=True))
        del self.narrow[layers:]

    def generic_visit(self, node: ast.AST) -> None:
        for _, part in ast.iter_fields(node):
            if isinstance(part, ast.expr):
                self.infer(part)
            elif isinstance(part, list) and part and isinstance(part[0], ast.stmt):
                self._block(part)
            elif isinstance(part, list):
                for each in part:
                    if isinstance(each, ast.expr):
                        self.infer(each)
                    elif isinstance(each, ast.AST):
                        self.visit(each)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for name, found in imported(node):
            of_sdk = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("openai")
            if of_sdk:
                assert isinstance(node, ast.ImportFrom)
                self.use(node, "import", f"{node.module}.{name}")
                if found is None:
                    self.complain(node, f"{node.module} has no {name}")
            self.names[name] = Any if found is None else found
            self.scopes[-1][name] = value(found)

    visit_ImportFrom = visit_Import

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.functions[node.name] = node.returns
        scope = self.kept[node]
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        for each in arguments:
            scope[each.arg] = self._annotation(each.annotation)
        self.scopes.append(scope)
        outside, self.narrow = self.narrow, []
        self._block(node.body)
        self.scopes.pop()
        self.narrow = outside

    visit_AsyncFunctionDef = visit_FunctionDef

    def _annotation(self, node: ast.expr | None) -> Types:
        if node is None:
            return UNKNOWN
        return alternatives(evaluate(ast.unparse(node), self.names))

    def visit_Assign(self, node: ast.Assign) -> None:
        found = self.infer(node.value)
        for target in node.targets:
            self._bind(target, found, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        expected = self._annotation(node.annotation)
        if node.value:
            self._display(node.value, expected)
            found = self.infer(node.value)
            self._bind(node.target, expected or found, node.value)
        else:
            self._bind(node.target, expected)

    def _bind(self, target: ast.expr, found: Types, value: ast.expr | None = None) -> None:
        """Note the type of a variable: whatever it may be, as the order isn't followed."""
        if isinstance(target, ast.Name):
            scope = self.scopes[-1]
            # What the first run couldn't know yet doesn't count in the second.
            before = scope.get(target.id, ()) if (id(scope), target.id) in self.bound else ()
            self.bound.add((id(scope), target.id))
            scope[target.id] = merged([before, found])
            if isinstance(value, ast.Dict):
                self.dicts[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            for number, each in enumerate(target.elts):
                alone = values[number] if len(values) == len(target.elts) else None
                known = self.infer(alone) if alone else self._item(found, number)
                self._bind(each, known, alone)
        else:
            self.infer(target)

    @staticmethod
    def _item(found: Types, number: int) -> Types:
        tuples = [split(each)[1] for each in found if split(each)[0] is tuple]
        if not tuples or len(tuples) < len(found):
            return UNKNOWN
        return tuple(
            x for t in tuples for x in (alternatives(t[number]) if number < len(t) else UNKNOWN)
        )

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self._bind(node.target, self._elements(node.iter))
        self._block(node.body)
        self._block(node.orelse)

    visit_AsyncFor = visit_For

    def _elements(self, node: ast.expr) -> Types:
        return merged(elements(each) for each in self.infer(node))

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            found = self.infer(item.context_expr)
            if item.optional_vars:
                inside = merged(
                    UNKNOWN if each is Any else through(each, "__enter__", "__aenter__")
                    for each in found
                )
                self._bind(item.optional_vars, inside)
        self._block(node.body)

    visit_AsyncWith = visit_With

    def visit_If(self, node: ast.If) -> None:
        self.infer(node.test)
        with self._knowing(self._narrowed(node.test)):
            self._block(node.body)
        with self._knowing(self._narrowed(node.test, negated=True)):
            self._block(node.orelse)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type:
            found = self.infer(node.type)
            classes = [each.function for each in found if isinstance(each, Method)]
            if node.name:
                self.scopes[-1][node.name] = (
                    tuple(classes) if classes and not isinstance(node.type, ast.Tuple) else UNKNOWN
                )
        self._block(node.body)

    def visit_Match(self, node: ast.Match) -> None:
        self.infer(node.subject)
        for case in node.cases:
            found = [
                each.value for each in ast.walk(case.pattern) if isinstance(each, ast.MatchValue)
            ]
            constants = [each for each in found if isinstance(each, ast.Constant)]
            for each in constants:
                self._compared(node.subject, each)
            with self._knowing(self._with_value(node.subject, {each.value for each in constants})):
                if case.guard:
                    self.infer(case.guard)
                self._block(case.body)

    # What a test makes known. ----------------------------------------------------

    @contextmanager
    def _knowing(self, known: dict[str, Types]) -> Iterator[None]:
        self.narrow.append(known)
        yield
        self.narrow.pop()

    def _narrowed(self, test: ast.expr, *, negated: bool = False) -> dict[str, Types]:
        """The types of variables, by their text, if a test holds, or doesn't."""
        match test:
            case ast.UnaryOp(ast.Not(), inner):
                return self._narrowed(inner, negated=not negated)
            case ast.BoolOp(ast.And() | ast.Or() as joined, parts):
                if isinstance(joined, ast.Or) is not negated:  # one of them holds
                    ways = [self._narrowed(each, negated=negated) for each in parts]
                    shared = set.intersection(*(set(each) for each in ways))
                    return {text: merged(each[text] for each in ways) for text in shared}
                found: dict[str, Types] = {}
                for each in parts:
                    with self._knowing(found):
                        found = found | self._narrowed(each, negated=negated)
                return found
            case ast.Compare(left, [operator], [right]):
                is_same = isinstance(operator, ast.Eq | ast.In)
                if is_same or isinstance(operator, ast.NotEq | ast.NotIn):
                    return self._with_value(left, constants_of(right), negated=is_same is negated)
            case ast.Call(ast.Name("isinstance"), [value, cls]):
                classes = [e.function for e in self.infer(cls) if isinstance(e, Method)]
                if classes and not negated:
                    return {ast.unparse(value): tuple(classes)}
        return {}

    def _with_value(
        self, node: ast.expr, found: set[Any], negated: bool = False
    ) -> dict[str, Types]:
        """The alternatives of `x` for which `x.type` can be one of these; or can be another one."""
        if not isinstance(node, ast.Attribute) or not found:
            return {}
        kept = []
        for atom in self.infer(node.value):
            field = attribute(atom, node.attr) if atom is not Any else None
            values = [literals(each) for each in field or ()]
            known = set().union(*[each for each in values if each])
            fits = bool(known - found) if negated else bool(known & found)
            if fits or not values or None in values:
                kept.append(atom)
        return {ast.unparse(node.value): tuple(kept)} if kept else {}

    # Expressions. ----------------------------------------------------------------

    def infer(self, node: ast.expr) -> Types:
        """What an expression may be; on the way, its uses of the SDK are noted."""
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        found: Types = method(node) if method else UNKNOWN
        if not method:
            self.generic_visit(node)
        if self.narrow and isinstance(node, ast.Name | ast.Attribute):
            text = ast.unparse(node)
            return next((each[text] for each in reversed(self.narrow) if text in each), found)
        return found

    def _name(self, node: ast.Name) -> Types:
        for scope in reversed(self.scopes):
            if node.id in scope:
                return scope[node.id]
        return UNKNOWN

    def _constant(self, node: ast.Constant) -> Types:
        if isinstance(node.value, str) and is_event(node.value) and id(node) not in self._docs:
            event(self.report, self.file, node.lineno, node.value, self.sdk)
        return () if node.value is None else UNKNOWN

    def _attribute(self, node: ast.Attribute) -> Types:
        owners = self.infer(node.value)
        found = [attribute(each, node.attr) if each is not Any else UNKNOWN for each in owners]
        for atom, each in zip(owners, found, strict=True):
            if each is not None and atom is not Any and is_ours(split(atom)[0]):
                self._note_member(node, atom, each)
        lacking = [atom for atom, each in zip(owners, found, strict=True) if each is None]
        is_wrong = bool(lacking) if self.is_strict else len(lacking) == len(owners) > 0
        if is_wrong and Any not in owners:
            cls = split(lacking[0])[0]
            names = [each for each in dir(cls) if not each.startswith("_")] + list(fields(cls))
            self.complain(node, f"{shown(cls)} has no {node.attr!r}{near(node.attr, names)}")
        return merged(each for each in found if each is not None)

    def _note_member(self, node: ast.Attribute, atom: Any, found: Types) -> None:
        is_method = bool(found) and isinstance(found[0], Method)
        cls = split(atom)[0]
        self.use(node, "method" if is_method else "field", f"{shown(atom)}.{node.attr}")
        is_old = is_method and is_deprecated(found[0].function)
        if is_old or (is_class(cls) and node.attr in old_fields(cls)):
            self.complain(node, f"{shown(atom)}.{node.attr} is deprecated")

    def _call(self, node: ast.Call) -> Types:
        found = self.infer(node.func)
        for each in (*node.args, *(keyword.value for keyword in node.keywords)):
            self.infer(each.value if isinstance(each, ast.Starred) else each)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in _KEEPING and node.args:
            return self.infer(node.args[0])
        if name in ("next", "anext") and node.args:
            return self._elements(node.args[0])
        if name in ("enumerate", "zip"):
            return UNKNOWN
        if name in self.functions:
            return self._annotation(self.functions[name])
        return merged(
            self._method_call(node, each) if isinstance(each, Method) else UNKNOWN for each in found
        )

    def _method_call(self, node: ast.Call, method: Method) -> Types:
        """The result of a call, by the overloads that take its arguments."""
        if inspect.isclass(method.function):
            self._class_call(node, method.function)
            return (method.function,)
        given = dict(self._keywords(node))
        accepted: dict[str, list[Any]] = defaultdict(list)
        for signature in method.signatures:
            for name, hint in annotations(signature).items():
                accepted[name].append(bound(hint, bindings(method.owner) if method.owner else {}))
        takes_any = any(
            each.kind is each.VAR_KEYWORD
            for signature in method.signatures
            for each in inspect.signature(inspect.unwrap(signature)).parameters.values()
        )
        self._parameters(node, method, given, set(accepted) - {"return"}, takes_any)
        for name, argument in given.items():
            for hints in [accepted.get(name, [])]:
                self._display(argument, merged(map(alternatives, hints)))
        return merged(returned(method, each) for each in chosen(method, given))

    def _parameters(
        self,
        node: ast.Call,
        method: Method,
        given: Mapping[str, ast.expr],
        known: set[str],
        takes_any: bool,
    ) -> None:
        for name, argument in given.items():
            place = argument if argument.lineno >= node.lineno else node
            full = f"{method.name}({name})"
            self.use(place, "parameter", full)
            if name not in known and not takes_any:
                self.complain(place, f"{method.name} takes no {name!r}{near(name, known)}")
            elif any(
                name in old_parameters(each) for each in (method.function, *method.signatures)
            ):
                self.complain(place, f"{full} is deprecated")
        is_old = is_deprecated(method.function)
        if not is_old and all(map(is_deprecated, chosen(method, given))):
            self.complain(node, f"{method.name} is deprecated with these arguments")

    def _class_call(self, node: ast.Call, cls: Any) -> None:
        self.use(node, "class", shown(cls))
        if is_deprecated(cls):
            self.complain(node, f"{shown(cls)} is deprecated")
        known = keys(cls) if "__init__" not in vars(cls) else None
        if known is None:
            try:
                found = inspect.signature(cls).parameters
            except ValueError:  # a class written in C, as exceptions are
                return
            if any(each.kind is each.VAR_KEYWORD for each in found.values()):
                return
            known = dict(found)
        for name, argument in self._keywords(node):
            self.use(argument, "parameter", f"{shown(cls)}({name})")
            if name not in known:
                self.complain(argument, f"{shown(cls)} takes no {name!r}{near(name, known)}")

    def _keywords(self, node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
        """The arguments by name, those from a dict behind `**` among them."""
        for keyword in node.keywords:
            if keyword.arg:
                yield keyword.arg, keyword.value
            elif isinstance(keyword.value, ast.Name) and keyword.value.id in self.dicts:
                yield from pairs(self.dicts[keyword.value.id])

    # Dicts that stand for parameters. --------------------------------------------

    def _display(self, node: ast.expr, expected: Types) -> None:
        """Check the keys of a dict, or of those in a list, against the types that it may have."""
        if isinstance(node, ast.Name) and node.id in self.dicts:
            node = self.dicts[node.id]
        if isinstance(node, ast.List | ast.Tuple):
            inside = merged(elements(each) for each in expected if each is not Any)
            for each in node.elts:
                self._display(each, inside)
        if not isinstance(node, ast.Dict):
            return
        known = [each for each in expected if keys(each) is not None]
        if known and all(
            keys(each) is not None or literals(each) or each in (str, int, float, bool)
            for each in expected
        ):
            self._keys(node, known)

    def _keys(self, node: ast.Dict, expected: list[Any]) -> None:
        """The keys that the types with the dict's `type` or `role` have."""
        given = dict(pairs(node))
        for name in ("type", "role"):
            constant = constants_of(given[name]) if name in given else set()
            same = [each for each in expected if fields_have(each, name, constant)]
            expected = same or expected
        known = merged_keys(expected)
        for name, argument in given.items():
            label = shown(expected[0])
            self.use(argument, "parameter", f"{label}[{name}]")
            if name not in known:
                self.complain(argument, f"{label} takes no {name!r}{near(name, known)}")
            else:
                self._display(argument, merged(map(alternatives, known[name])))

    def _dict(self, node: ast.Dict) -> Types:
        for each in (*node.keys, *node.values):
            if each:
                self.infer(each)
        self._untyped(node)
        return UNKNOWN

    def _untyped(self, node: ast.Dict) -> None:
        """A dict that says by its `type` what it stands for, wherever it goes."""
        given = dict(pairs(node))
        for word in constants_of(given["type"]) if "type" in given else ():
            if (
                isinstance(word, str)
                and word in words(self.sdk)
                and (is_event(word) or word in SESSIONS)
            ):
                types = [each for module in words(self.sdk)[word] for each in classes(module, word)]
                if types:
                    self._keys(node, types)

    # The rest. -------------------------------------------------------------------

    def _await(self, node: ast.Await) -> Types:
        return merged(UNKNOWN if each is Any else awaited(each) for each in self.infer(node.value))

    def _subscript(self, node: ast.Subscript) -> Types:
        found = self.infer(node.value)
        self.infer(node.slice)
        if isinstance(node.slice, ast.Slice):
            return found
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        typed = [keys(each) for each in found if each is not Any]
        if isinstance(key, str) and typed and len(typed) == len(found) and all(typed):
            known = merged_keys(list(found))
            if key in known:
                return merged(map(alternatives, known[key]))
            self.complain(node, f"{shown(found[0])} has no {key!r}{near(key, known)}")
        return merged(elements(each) for each in found) if isinstance(key, int | None) else UNKNOWN

    def _namedexpr(self, node: ast.NamedExpr) -> Types:
        found = self.infer(node.value)
        self._bind(node.target, found, node.value)
        return found

    def _boolop(self, node: ast.BoolOp) -> Types:
        found: list[Types] = []
        layers = len(self.narrow)
        for each in node.values:
            if isinstance(node.op, ast.And):  # a model is true, so what follows counts
                found = [tuple(e for e in one if not is_ours(split(e)[0])) for one in found]
            found.append(self.infer(each))
            self.narrow.append(self._narrowed(each, negated=isinstance(node.op, ast.Or)))
        del self.narrow[layers:]
        return merged(found)

    def _ifexp(self, node: ast.IfExp) -> Types:
        self.infer(node.test)
        with self._knowing(self._narrowed(node.test)):
            body = self.infer(node.body)
        with self._knowing(self._narrowed(node.test, negated=True)):
            return merged([body, self.infer(node.orelse)])

    def _compare(self, node: ast.Compare) -> Types:
        self.infer(node.left)
        for each in node.comparators:
            self.infer(each)
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            for part in ast.walk(node.comparators[0]):
                if isinstance(part, ast.Constant):
                    self._compared(node.left, part)
        return UNKNOWN

    def _compared(self, left: ast.expr, constant: ast.Constant) -> None:
        """A text that a field is compared with has to be one that the field can have."""
        if not isinstance(left, ast.Attribute) or not isinstance(constant.value, str):
            return
        found = [literals(each) for each in self.infer(left)]
        known = set().union(*[each for each in found if each])
        if found and None not in found and constant.value not in known:
            hint = near(constant.value, map(str, known))
            self.complain(constant, f"{ast.unparse(left)} is never {constant.value!r}{hint}")

    def _comprehension(self, node: Any) -> Types:
        layers = len(self.narrow)
        self.scopes.append(self.kept[node])
        for each in node.generators:
            self._bind(each.target, self._elements(each.iter))
            for test in each.ifs:
                self.infer(test)
                self.narrow.append(self._narrowed(test))
        if isinstance(node, ast.DictComp):
            self.infer(node.key)
        found = self.infer(node.value if isinstance(node, ast.DictComp) else node.elt)
        del self.narrow[layers:]
        self.scopes.pop()
        if isinstance(node, ast.DictComp) or not found or Any in found:
            return UNKNOWN
        # Each alternative as a list of its own; `list[...]` is made, not written, as a type.
        return tuple(GenericAlias(list, (each,)) for each in found)

    _generatorexp = _listcomp = _setcomp = _dictcomp = _comprehension

    def _list(self, node: ast.List | ast.Tuple) -> Types:
        """An empty one adds nothing to what a variable may be."""
        found = [self.infer(each) for each in node.elts]
        return UNKNOWN if found else ()

    _tuple = _list

    def _lambda(self, node: ast.Lambda) -> Types:
        scope = self.kept[node]
        for each in node.args.args:
            scope[each.arg] = UNKNOWN
        self.scopes.append(scope)
        self.infer(node.body)
        self.scopes.pop()
        return UNKNOWN


def line_of(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 0))
