"""Read the FHIRPath of FHIR invariants and keep those that speak of presence, codes and order only.

An invariant becomes a small tree that the server turns into native checks:

    ["has", path]  ["not", a]  ["and", a, b]  ["or", a, b]  ["xor", a, b]
    ["in", path, [literal, …]]  ["out", path, [literal, …]]   the second is false when the path is empty
    ["count", [path, …], operator, number]  ["order", low, high]  ["sign", path]

FHIRPath is three-valued. An empty result counts as "does not hold", as in the reference validator, which is why
``!=`` has an operator of its own. What this grammar cannot say raises :class:`Unsupported` and is reported.
"""

from __future__ import annotations

import re
from typing import Any

Tree = list[Any]

_TOKEN = re.compile(r"\s*(?:(<=|>=|!=|[()=<>|+&,.])|('(?:[^'\\]|\\.)*')|(%?[A-Za-z_]\w*)|(\d+))")
_UCUM = "http://unitsofmeasure.org"


class Unsupported(Exception):
    """The expression says more than the grammar of this module."""


class Reader:
    """Recursive descent over one expression; ``root`` is the type name that paths may start with."""

    def __init__(self, expression: str, root: str) -> None:
        self.tokens: list[str] = []
        self.at = 0
        self.root = root
        position = 0
        text = expression.strip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise Unsupported
            self.tokens.append(match.group().strip())
            position = match.end()

    def peek(self) -> str:
        """The token ahead, or an empty string at the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        """The token ahead, which must be ``expected`` when that is given."""
        token = self.peek()
        if not token or (expected is not None and token != expected):
            raise Unsupported
        self.at += 1
        return token

    def whole(self) -> Tree:
        """The whole expression."""
        tree = self.implies()
        if self.peek():
            raise Unsupported
        return tree

    def implies(self) -> Tree:
        """``a implies b``, the weakest operator of FHIRPath."""
        left = self.either()
        while self.peek() == "implies":
            self.take()
            left = ["or", ["not", left], self.either()]
        return left

    def either(self) -> Tree:
        """``a or b`` and ``a xor b``, which bind alike."""
        left = self.both()
        while self.peek() in {"or", "xor"}:
            left = [self.take(), left, self.both()]
        return left

    def both(self) -> Tree:
        """``a and b``."""
        left = self.equal()
        while self.peek() == "and":
            self.take()
            left = ["and", left, self.equal()]
        return left

    def equal(self) -> Tree:
        """``a = b`` and ``a != b`` between two truth values."""
        left = self.term()
        while self.peek() in {"=", "!="}:
            if left[0] not in {"has", "not", "and", "or", "xor"}:
                raise Unsupported
            operator = self.take()
            differs: Tree = ["xor", left, self.term()]
            left = differs if operator == "!=" else ["not", differs]
        return left

    def term(self) -> Tree:
        """One bracket, count or path."""
        if self.peek() == "(":
            start = self.at
            try:
                return self.counting()
            except Unsupported:
                self.at = start
            self.take("(")
            tree = self.implies()
            self.take(")")
            return self.negated(tree)
        return self.counting() if "count" in self.tokens[self.at : self.at + 8] else self.path()

    def counting(self) -> Tree:
        """``(a.count() + b.count()) > 0`` with or without the brackets."""
        start = self.at
        bracket = self.peek() == "(" and bool(self.take())
        names: list[str] = []
        while True:
            name = self.names()
            if not name.endswith(".count"):
                self.at = start
                if bracket:
                    raise Unsupported
                return self.path()
            self.take("(")
            self.take(")")
            names.append(name.removesuffix(".count"))
            if self.peek() != "+":
                break
            self.take()
        if bracket and self.peek() == ")":
            self.take()
            bracket = False
        operator = self.take()
        if operator not in {">", "<", "=", "<="}:
            raise Unsupported
        tree: Tree = ["count", names, operator, int(self.take())]
        if bracket:
            self.take(")")
        return tree

    def names(self) -> str:
        """A dotted path; a call at its end keeps its name."""
        parts = [self.take()]
        while self.peek() == ".":
            self.take()
            parts.append(self.take())
        if not all(re.fullmatch(r"[A-Za-z_]\w*", part) for part in parts):
            raise Unsupported
        return ".".join(parts[1:] if parts[0] == self.root and len(parts) > 1 else parts)

    def path(self) -> Tree:
        """A path that is called, compared or tested against a list."""
        name = self.names()
        if self.peek() == "(":
            self.take("(")
            self.take(")")
            stem, _, call = name.rpartition(".")
            known: dict[str, Tree] = {"exists": ["has", stem], "empty": ["not", ["has", stem]], "hasValue": ["has", stem]}
            if not stem or call not in known:
                raise Unsupported
            return self.negated(known[call])
        return self.compared(name)

    def compared(self, name: str) -> Tree:
        """``name`` against a literal, a list of literals or another path."""
        operator = self.take()
        if operator in {"=", "!="}:
            return ["in" if operator == "=" else "out", name, [self.literal()]]
        if operator == "in":
            self.take("(")
            values = [self.literal()]
            while self.peek() == "|":
                self.take()
                values.append(self.literal())
            self.take(")")
            return ["in", name, values]
        if operator == ">=" and self.peek() == "0":
            self.take()
            return ["sign", name]
        if operator in {"<=", ">="}:
            other = self.names()
            return ["order", name, other] if operator == "<=" else ["order", other, name]
        raise Unsupported

    def literal(self) -> str | int | bool:
        """A quoted text, a number, true, false or %ucum."""
        token = self.take()
        if token.startswith("'"):
            return token[1:-1]
        if token in {"true", "false"}:
            return token == "true"
        if token == "%ucum":
            return _UCUM
        if token.isdigit():
            return int(token)
        raise Unsupported

    def negated(self, tree: Tree) -> Tree:
        """``.not()`` after a term turns it round."""
        while self.tokens[self.at : self.at + 4] == [".", "not", "(", ")"]:
            self.at += 4
            tree = ["not", tree]
        return tree


def compile_invariant(expression: str, root: str) -> Tree:
    """The tree of one invariant; raises :class:`Unsupported` when the grammar cannot say it."""
    return Reader(expression, root).whole()
