"""Rules over lesions: what they say, and which lesion decides."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xaigt.synthesis.rules import RuleError, parse

NAMES = ("a", "b", "c")
RULES = [
    ("a and not b", lambda a, b, c: a and not b),
    ("a xor b", lambda a, b, c: a != b),
    ("a or b and c", lambda a, b, c: a or (b and c)),
    ("a xor b or c", lambda a, b, c: (a != b) or c),
    ("(a or b) and not (a and b)", lambda a, b, c: a != b),
    ("not a", lambda a, b, c: not a),
    ("not not a AND b", lambda a, b, c: a and b),
]


@pytest.mark.parametrize(("text", "meaning"), RULES)
def test_a_rule_means_what_python_means(text, meaning):
    rule = parse(text)
    for states in itertools.product((False, True), repeat=3):
        assert rule(dict(zip(NAMES, states, strict=True))) == bool(meaning(*states))


@pytest.mark.parametrize(
    ("text", "present", "effects"),
    [
        ("a and not b", {"a": True, "b": False}, {"a": 1, "b": -1}),
        ("a and not b", {"a": True, "b": True}, {"a": 0, "b": -1}),
        ("a and not b", {"a": False, "b": False}, {"a": 1, "b": 0}),
        ("a xor b", {"a": True, "b": True}, {"a": -1, "b": -1}),
        ("a xor b", {"a": True, "b": False}, {"a": 1, "b": -1}),
    ],
)
def test_effects_by_hand(text, present, effects):
    assert {name: parse(text).effect(name, present) for name in effects} == effects


@given(st.sampled_from([text for text, _ in RULES]), st.booleans())
def test_cases_are_exactly_those_with_the_value(text, value):
    rule = parse(text)
    assert all(rule(case) == value for case in rule.cases(value))
    assert len(rule.cases(True)) + len(rule.cases(False)) == 2 ** len(rule.names)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a and", "ends where a name must stand"),
        ("a b", "'b' stands where"),
        ("(a or b", "not closed"),
        ("and a", "'and' stands where a name must stand"),
        ("a & b", "'&' is neither"),
        ("a or not a", "the same value whatever is present"),
        ("", "ends where a name must stand"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place(text, message):
    with pytest.raises(RuleError, match=message):
        parse(text)
