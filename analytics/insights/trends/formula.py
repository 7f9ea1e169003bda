"""Formulas over series: A is the first series, B the second. Only + - * /, numbers and brackets are allowed."""

import ast
import operator
from collections.abc import Callable, Mapping
from math import isfinite
from string import ascii_uppercase

Value = float | None
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_ALLOWED = (ast.BinOp, ast.UnaryOp, ast.expr_context, *_BINARY, *_UNARY)
# Deeply nested input would exhaust the stack of the parser.
LONGEST = 200


class FormulaError(ValueError):
    """An invalid formula. The message says what to write."""


def parse(text: str, series: int) -> ast.expr:
    """The checked tree of a formula over this many series. Raises FormulaError."""
    letters = set(ascii_uppercase[:series])
    if len(text) > LONGEST:
        raise FormulaError(f"a formula has at most {LONGEST} characters")
    try:
        # Only parsed, never executed: _check allows a few node types, and _value computes them itself.
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise FormulaError(f"{text!r} is not a formula; write for example A/B") from error
    for node in ast.walk(tree):
        _check(node, letters)
    return tree


def evaluate(tree: ast.expr, values: Mapping[str, Value]) -> Value:
    """The formula's value; None if an operand is None or the result is not finite."""
    try:
        found = _value(tree, values)
    except (_NothingError, ZeroDivisionError, OverflowError):
        return None
    # 1e308 * 10 is inf without any error, and JSON has no inf.
    return found if isfinite(found) else None


class _NothingError(Exception):
    """An operand is None."""


def _check(node: ast.AST, letters: set[str]) -> None:
    if isinstance(node, ast.Name):
        if node.id not in letters:
            raise FormulaError(f"there is no series {node.id}; there are: {', '.join(sorted(letters))}")
    elif isinstance(node, ast.Constant):
        # `True` is an int in Python, and `1j` a number.
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise FormulaError(f"{node.value!r} is not a number")
    elif not isinstance(node, _ALLOWED):
        raise FormulaError("only letters of series, numbers, + - * / and brackets are allowed")


def _value(node: ast.expr, values: Mapping[str, Value]) -> float:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_value(left, values), _value(right, values))
        case ast.UnaryOp(op=sign, operand=operand):
            return _UNARY[type(sign)](_value(operand, values))
        case ast.Name(id=letter):
            return _known(values[letter])
        case ast.Constant(value=int() | float() as constant):
            return float(constant)
    raise FormulaError("only letters of series, numbers, + - * / and brackets are allowed")


def _known(value: Value) -> float:
    if value is None:
        raise _NothingError
    return value
