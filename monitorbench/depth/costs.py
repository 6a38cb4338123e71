"""What a gate costs: the call that a rule sees, the registry of rules, and the decorator that adds one.

The definition is that of opaque serial depth (arXiv 2603.09786, section 2): gates are associative binary functions and
functions of one number, and depth is the longest path through them. `lg` is the ceiling of the binary logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Convention: TypeAlias = Literal["circuit", "implemented", "nls", "layers"]
CONVENTIONS: tuple[Convention, ...] = ("circuit", "implemented", "nls", "layers")
"""What is counted: the gates of the function, the gates of the program, the function's gates that are not linear, and
transformer blocks. Depths of different conventions must not be compared."""

Gates: TypeAlias = int | Mapping[str, int]
"""Gates from every varying argument to the outputs, or from each by its name: from one not named, no path leads on."""


def counts_function(convention: Convention) -> bool:
    """Whether a convention counts what is computed; otherwise it counts the program that computes it."""
    return convention != "implemented"


def lg(n: int) -> int:
    """Depth of a balanced tree over n leaves, ceil(log2 n); 0 for a single leaf and for none."""
    return max(n - 1, 0).bit_length()


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of an operation, as a rule sees it.

    Attributes:
        operation: name of the operation, without its overload and without the underscore of its in-place form.
        arguments: every argument by its name in the operation's schema, defaults filled in.
        varying: for each argument that holds tensors, which of them depend on an input, in order.
        token_reads: arguments whose varying tensors are input tokens, moved but never computed on.
        outputs: the tensors that come out.
        convention: the convention being counted.
    """

    operation: str
    arguments: Mapping[str, Any]
    varying: Mapping[str, tuple[bool, ...]]
    token_reads: frozenset[str]
    outputs: Sequence[Any]
    convention: Convention

    @property
    def circuit(self) -> bool:
        """Whether the function is counted, not the program."""
        return counts_function(self.convention)

    def varies(self, name: str) -> bool:
        """Whether the argument depends on an input."""
        return any(self.varying.get(name, ()))

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor argument."""
        return tuple(self.arguments[name].shape)

    def size(self, name: str, dims: int | Sequence[int] | None = None) -> int:
        """Number of elements of a tensor argument along the dimensions; along all of them when none is given."""
        shape = self.shape(name)
        if dims is None or (not isinstance(dims, int) and len(dims) == 0):
            return math.prod(shape)
        chosen = (dims,) if isinstance(dims, int) else dims
        return math.prod(shape[dim] for dim in chosen) if shape else 1


Rule: TypeAlias = Callable[[Call], Gates]
_RULES: dict[str, Rule] = {}
_RULES_OF_CONVENTION: dict[tuple[Convention, str], Rule] = {}


def gate_rule(*operations: str, convention: Convention | None = None) -> Callable[[Rule], Rule]:
    """Register a rule for operations.

    Args:
        operations: names without overload and without the underscore of an in-place form: `silu` for `aten::silu`
            and `aten::silu_`, `mylib::scan` for one outside aten.
        convention: where the rule holds instead of the general one; None for the general one.
    """

    def register(rule: Rule) -> Rule:
        if convention is None:
            _RULES.update(dict.fromkeys(operations, rule))
        else:
            _RULES_OF_CONVENTION.update({(convention, operation): rule for operation in operations})
        return rule

    return register


def register_movement(*operations: str) -> None:
    """Register operations that only move data: no gate."""
    _RULES.update(dict.fromkeys(operations, _free))


def register_cast(*operations: str) -> None:
    """Register operations that change the type of data: no gate in `circuit`, and one in `implemented`."""
    _RULES.update(dict.fromkeys(operations, _cast))


def rule_for(operation: str, convention: Convention | None = None) -> Rule | None:
    """The rule of an operation in a convention, None where there is none; without a convention, the general rule."""
    own = _RULES_OF_CONVENTION.get((convention, operation)) if convention is not None else None
    return own or _RULES.get(operation)


def is_cast(operation: str) -> bool:
    """Whether an operation was registered as one that changes the type of data."""
    return _RULES.get(operation) is _cast


def operation_name(schema_name: str) -> str:
    """The name that rules use: `aten::add_` is `add`, `aten::__and__` keeps its underscores, `mylib::f` its library."""
    name = schema_name.removeprefix("aten::")
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


def _free(_: Call) -> Gates:
    return 0


def _cast(call: Call) -> Gates:
    sources = [value for name, value in call.arguments.items() if call.varies(name) and hasattr(value, "dtype")]
    changed = any(source.dtype != call.outputs[0].dtype for source in sources)
    return int(changed and not call.circuit)
