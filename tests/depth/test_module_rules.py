"""Rules for whole modules, methods and functions: where they hold, what they count, and that everything is put back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from monitorbench.depth import trace_function
from monitorbench.depth.module_rules import module_rule, module_rule_within, whole
from monitorbench.errors import UnknownOperationError, UsageError

HERE = __name__
X = torch.zeros


class Loop(nn.Module):
    """A sum as a loop, by a method and by its forward pass."""

    def total(self, x: torch.Tensor) -> torch.Tensor:
        return loop(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.total(x).exp()


class Deeper(Loop):
    """Inherits both."""


class ByValue(nn.Module):
    """What runs next depends on a value."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


def loop(x: torch.Tensor) -> torch.Tensor:
    total = x[0]
    for part in x[1:]:
        total = total + part
    return total


def of_loop(x: torch.Tensor) -> torch.Tensor:
    return loop(x).exp()


@pytest.mark.parametrize(
    ("name", "program", "function", "method"),
    [
        (":loop", lambda x: x.sum(0), 4 + 1, 4 + 1),
        (":Loop.total", lambda _self, x: x.sum(0), 15 + 1, 4 + 1),
        (":Loop", lambda _self, x: x.sum(0), 15 + 1, 4),
        (":Loop.forward", lambda _self, x: x.sum(0), 15 + 1, 4),
    ],
)
def test_program_stands_in_for_a_function_a_method_or_a_forward_pass(name, program, function, method):
    with module_rule_within(HERE + name, program=program):
        assert trace_function(of_loop, X(16, 2)) == (function,)
        assert trace_function(Loop(), X(16, 2)) == (method,)
        assert trace_function(Loop(), X(16, 2), convention="implemented") == (15 + 1,)
    assert trace_function(Loop(), X(16, 2)) == (15 + 1,)


def test_rule_of_a_class_holds_for_those_that_inherit_its_method():
    with module_rule_within(f"{HERE}:Loop.total", program=lambda _self, x: x.sum(0)):
        assert trace_function(Deeper(), X(16, 2)) == (4 + 1,)
    with module_rule_within(f"{HERE}:Deeper", program=lambda _self, x: x.sum(0)):
        assert trace_function(Deeper(), X(16, 2)) == (15 + 1,)  # it has no forward pass of its own


def test_rule_may_hold_for_programs_as_they_are_written_too():
    with pytest.raises(UnknownOperationError):
        trace_function(ByValue(), X(4))
    with module_rule_within(f"{HERE}:ByValue", program=lambda _self, x: whole(x, (x, 7)), implemented=True):
        assert trace_function(ByValue(), X(4)) == trace_function(ByValue(), X(4), convention="implemented") == (7,)


def test_module_may_be_a_pattern_and_need_not_be_loaded():
    head = HERE[:-2]
    names = (f"{head}*:loop", "package.that.nobody.has:loop", "transformers.models.*:loop")
    with module_rule_within(*names, program=lambda x: x.sum(0)):
        assert trace_function(of_loop, X(16, 2)) == (4 + 1,)


def test_later_rule_of_the_same_name_replaces_the_earlier():
    with module_rule_within(f"{HERE}:loop", program=lambda x: x.sum(0)):
        with module_rule_within(f"{HERE}:loop", program=lambda x: x.exp()[0]):
            assert trace_function(of_loop, X(16, 2)) == (1 + 1,)
        assert trace_function(of_loop, X(16, 2)) == (4 + 1,)


def test_everything_is_put_back_even_after_an_error():
    original = loop

    def fail(_):
        assert loop is not original
        raise ZeroDivisionError

    with module_rule_within(f"{HERE}:loop", program=fail), pytest.raises(ZeroDivisionError):
        trace_function(of_loop, X(16, 2))
    assert loop is original


def test_only_gates_are_known_and_each_operand_has_its_own():
    def run(x, y, z):
        return whole(X(2, 3), (x.exp(), 5), (y, 2)), z.exp()

    assert trace_function(run, X(4), X(7), X(1)) == (6, 1)
    assert trace_function(lambda x, y: whole(X(2), (x, 1), (y.exp().exp(), 3)), X(4), X(4)) == (5,)
    assert trace_function(lambda _: whole(X(2), (X(3), 9)), X(4)) == (0,)


@pytest.mark.parametrize("name", ["package.Class", "package:module:Class", ""])
def test_name_without_one_colon_is_refused(name):
    with pytest.raises(UsageError, match="does not say where the module ends"):
        module_rule(name)
