"""Rules over lesions: ``A and not B``, ``A xor B``; what makes the class of a sample, and which lesion decides it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

Facts = Mapping[str, bool]
_TOKEN = re.compile(r"\s*(\(|\)|[a-z0-9][a-z0-9-]*)", re.IGNORECASE)
_WORDS = ("and", "or", "xor", "not")


class RuleError(ValueError):
    """A rule that cannot be read; the message says where."""


@dataclass(frozen=True)
class Rule:
    """A rule over the presence of groups of lesions.

    Attributes
    ----------
    text
        As it was written.
    names
        Groups it speaks of, in the order of their first mention.
    """

    text: str
    names: tuple[str, ...]
    _value: Callable[[Facts], bool]

    def __call__(self, present: Facts) -> bool:
        """Value of the rule for what is present."""
        return self._value(present)

    def effect(self, name: str, present: Facts) -> int:
        """What the presence of one group does to the class, all else as it is: 1, 0 or -1."""
        return int(self({**present, name: True})) - int(self({**present, name: False}))

    def cases(self, value: bool) -> list[dict[str, bool]]:
        """Every combination of presence for which the rule has a value, in a fixed order."""
        every = itertools.product((False, True), repeat=len(self.names))
        found = [dict(zip(self.names, states, strict=True)) for states in every]
        return [case for case in found if self(case) == value]


@lru_cache
def parse(text: str) -> Rule:
    """Read a rule of names, ``not``, ``and``, ``xor``, ``or`` (binding in this order) and parentheses.

    Raises
    ------
    RuleError
        Saying what was found where something else must stand, or that the rule never changes its value.
    """
    tokens, position = [], 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise RuleError(f"rule {text!r}: {text[position:].strip()[0]!r} is neither a name nor a parenthesis")
        tokens.append(match.group(1))
        position = match.end()
    reader = _Reader(text, tokens)
    value = reader.either(("or", "xor", "and"))
    if reader.left:
        raise RuleError(f"rule {text!r}: {reader.left[0]!r} stands where and, or, xor or the end must stand")
    names = tuple(dict.fromkeys(token for token in tokens if token.lower() not in (*_WORDS, "(", ")")))
    rule = Rule(text, names, value)
    if not rule.cases(True) or not rule.cases(False):
        raise RuleError(f"rule {text!r}: has the same value whatever is present")
    return rule


class _Reader:
    """Recursive descent over the tokens of a rule."""

    def __init__(self, text: str, tokens: list[str]) -> None:
        self.text, self.left = text, tokens.copy()

    def either(self, operators: tuple[str, ...]) -> Callable[[Facts], bool]:
        if not operators:
            return self._unit()
        word, tighter = operators[0], operators[1:]
        value = self.either(tighter)
        while self.left and self.left[0].lower() == word:
            self.left.pop(0)
            value = _joined(word, value, self.either(tighter))
        return value

    def _unit(self) -> Callable[[Facts], bool]:
        if not self.left:
            raise RuleError(f"rule {self.text!r}: ends where a name must stand")
        token = self.left.pop(0)
        if token.lower() == "not":
            inner = self._unit()
            return lambda present: not inner(present)
        if token == "(":
            value = self.either(("or", "xor", "and"))
            if not self.left or self.left.pop(0) != ")":
                raise RuleError(f"rule {self.text!r}: a parenthesis is not closed")
            return value
        if token == ")" or token.lower() in _WORDS:
            raise RuleError(f"rule {self.text!r}: {token!r} stands where a name must stand")
        return lambda present: present[token]


def _joined(word: str, a: Callable[[Facts], bool], b: Callable[[Facts], bool]) -> Callable[[Facts], bool]:
    if word == "and":
        return lambda present: a(present) and b(present)
    if word == "or":
        return lambda present: a(present) or b(present)
    return lambda present: a(present) != b(present)
