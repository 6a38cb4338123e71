"""Rules for a whole module, method or function: an equivalent program that is traced in its place.

Some computations cannot be recognised operation by operation: a loop that is a linear recurrence, experts that find
their tokens by value. A module rule names the code and gives the same function in a form whose gates are known. All
that is around it is traced as it is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import filter as matching
from functools import wraps
from typing import Any, TypeAlias

import torch
from torch import Tensor

from monitorbench.depth.costs import Call, Convention, Gates, counts_function, gate_rule
from monitorbench.errors import UsageError

Program: TypeAlias = Callable[..., Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class _ModuleRule:
    """Where a rule belongs, and the program that stands in: `module` may hold wildcards, `path` is a qualified name."""

    module: str
    path: str
    program: Program
    implemented: bool


_RULES: dict[str, _ModuleRule] = {}


def module_rule(*names: str, implemented: bool = False) -> Callable[[Program], Program]:
    """Register a program that is traced in place of a module's forward pass, a method or a function.

    The program takes the same arguments (for a method the object first) and returns the same structure. It computes
    the same function, of operations that have rules; where only the gates are known it returns `whole`.

    Args:
        names: `package.module:Class` for its forward pass, `package.module:Class.method`, or `package.module:function`.
            The module may hold wildcards: `transformers.models.*:mamba_selective_scan`. Nothing is imported for it: a
            name counts once its module is loaded. A later rule of the same name replaces an earlier one.
        implemented: also where a convention counts the program as it is written.

    Raises:
        UsageError: a name does not have one colon.
    """
    for name in names:
        if name.count(":") != 1:
            raise UsageError(
                f"{name!r} does not say where the module ends and the name in it begins",
                fix='write "package.module:Class" or "package.module:Class.method"',
            )

    def register(program: Program) -> Program:
        for name in names:
            module, path = name.split(":")
            _RULES.pop(name, None)  # the last one registered is the last one applied
            _RULES[name] = _ModuleRule(module=module, path=path, program=program, implemented=implemented)
        return program

    return register


@contextmanager
def module_rule_within(*names: str, program: Program, implemented: bool = False) -> Iterator[None]:
    """While entered, a program counts for the names, as if registered by `module_rule`."""
    before = dict(_RULES)
    module_rule(*names, implemented=implemented)(program)
    try:
        yield
    finally:
        _RULES.clear()
        _RULES.update(before)


@contextmanager
def module_rules_applied(convention: Convention) -> Iterator[None]:
    """While entered, the programs of the rules run instead of the code that they name; then everything is put back."""
    rules = [rule for rule in _RULES.values() if rule.implemented or counts_function(convention)]
    with ExitStack() as stack:
        for owner, name, program in [place for rule in rules for place in _places(rule)]:
            stack.callback(setattr, owner, name, vars(owner)[name])
            setattr(owner, name, program)
        yield


def _places(rule: _ModuleRule) -> Iterator[tuple[Any, str, Program]]:
    """Every loaded place that a rule names: the object that holds it, the name in it, the program."""
    literal = re.split(r"[*?\[]", rule.module, maxsplit=1)[0]
    for module in matching([name for name in list(sys.modules) if name.startswith(literal)], rule.module):
        owner: Any = sys.modules[module]
        *outer, name = rule.path.split(".")
        for part in outer:
            owner = _own(owner, part)
        found = _own(owner, name)
        if isinstance(found, type):
            owner, name, found = found, "forward", _own(found, "forward")
        if callable(found):
            yield owner, name, wraps(found)(_standing_in(rule.program))


def _own(owner: Any, name: str) -> Any:
    """What an object holds itself; asking a package that loads lazily in the usual way would import it."""
    return getattr(owner, "__dict__", {}).get(name)


def _standing_in(program: Program) -> Program:
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        return program(*args, **kwargs)

    return stand_in


for _schema, _shape in (
    ("after(Tensor value, int gates) -> Tensor", lambda value, _gates: torch.empty_like(value)),
    ("whole(Tensor[] operands, Tensor like) -> Tensor", lambda _operands, like: torch.empty_like(like)),
):
    torch.library.define(f"monitorbench::{_schema.partition('(')[0]}", _schema[_schema.index("(") :])
    torch.library.register_fake(f"monitorbench::{_schema.partition('(')[0]}", _shape)


@gate_rule("monitorbench::after")
def after(call: Call) -> Gates:
    """As many gates as it says."""
    return {"value": int(call.arguments["gates"])}


@gate_rule("monitorbench::whole")
def joined(_: Call) -> Gates:
    """The operands meet without a gate of their own; only the shape of the last one counts."""
    return {"operands": 0}


def whole(like: Tensor, *operands: tuple[Tensor, int]) -> Tensor:
    """A computation known only by its gates.

    Args:
        like: a tensor of the shape and type of the result.
        operands: each tensor that takes part, with the gates on its longest path to the result.
    """
    deepened = [torch.ops.monitorbench.after(value, gates) for value, gates in operands]
    result: Tensor = torch.ops.monitorbench.whole(deepened, like)
    return result
