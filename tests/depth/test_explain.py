"""The critical path as a list, a tree, folded stacks, and against another: all of them add up to the depth."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from monitorbench.depth import CONVENTIONS, DepthResult, Operation, PathStep, SegmentDepth, opaque_depth
from monitorbench.depth.diff import Difference, difference_lines, differences, differences_as_json
from monitorbench.depth.explain import as_json, condensed, gates_by_place, path_lines, tree, tree_lines
from monitorbench.depth.flame import folded_stacks
from monitorbench.errors import UsageError


def step(segment: str, times: int, *operations: tuple[str, str, int]) -> PathStep:
    return PathStep(
        segment=segment,
        source="tokens",
        end="thought",
        times=times,
        gates=sum(gates for *_, gates in operations),
        operations=tuple(Operation(module=module, operation=name, gates=gates) for module, name, gates in operations),
    )


def result(*path: PathStep, name: str = "model") -> DepthResult:
    """A result with just a path."""
    return DepthResult(
        model=name,
        depth=sum(part.times * part.gates for part in path),
        depth_at_fewest_repeats=0,
        convention="circuit",
        interpretable=(),
        path=path,
        segments=tuple(SegmentDepth(segment=part.segment, gates=part.gates, repeat=(1, part.times)) for part in path),
        notes=(),
    )


THINKER = result(
    step("read", 1, ("embed", "mul", 1)),
    step(
        "think",
        3,
        ("model.layers.0.mlp", "mm", 5),
        ("model.layers.0", "add", 1),
        ("model.layers.1.mlp", "mm", 5),
        ("model.layers.1", "add", 1),
        ("model.layers.2.mlp", "mm", 9),
        ("", "mul", 2),
    ),
)


def test_gates_are_counted_as_often_as_the_path_takes_them():
    assert gates_by_place(THINKER)[("think", "model", "layers", "1", "mlp"), "mm"] == 15
    assert sum(gates_by_place(THINKER).values()) == THINKER.depth == 70


def test_the_tree_holds_what_is_inside_and_what_is_its_own():
    read, think = tree(THINKER).branches
    assert (read.gates, think.gates, think.operations) == (1, 69, {"mul": 6})
    (model,) = think.branches
    (layers,) = model.branches
    assert [(layer.name, layer.gates, layer.operations) for layer in layers.branches] == [
        ("0", 18, {"add": 3}),
        ("1", 18, {"add": 3}),
        ("2", 27, {}),
    ]


def test_the_tree_as_text_shows_equal_layers_once():
    assert list(tree_lines(THINKER)) == [
        "model 70",
        "  read 1",
        "    embed 1: mul 1",
        "  think 69: mul 6",
        "    model 63",
        "      layers 63",
        "        0-1 2 x 18 = 36: add 3",
        "          mlp 15: mm 15",
        "        2 27",
        "          mlp 27: mm 27",
    ]


def test_the_list_counts_along_the_path():
    lines = list(path_lines(THINKER))
    assert lines[:2] == ["read: 1 gates from tokens to thought", "       1    +1  embed  mul"]
    assert lines[2] == "think: 3 x 23 gates from tokens to thought"
    assert lines[-1] == "      23    +2  -  mul"


def test_folded_stacks_add_up_to_the_depth():
    stacks = list(folded_stacks(THINKER))
    assert stacks[:2] == ["read;embed;mul 1", "think;model;layers;0;mlp;mm 15"]
    assert stacks[-1] == "think;mul 6"
    assert sum(int(line.rpartition(" ")[2]) for line in stacks) == THINKER.depth


def test_json_holds_list_and_tree():
    found = json.loads(json.dumps(as_json(THINKER)))
    assert found["path"][0] == {
        "segment": "read",
        "source": "tokens",
        "end": "thought",
        "times": 1,
        "gates": 1,
        "operations": [{"module": "embed", "operation": "mul", "gates": 1}],
    }
    assert found["tree"]["gates"] == 70
    assert [branch["name"] for branch in found["tree"]["branches"]] == ["read", "think"]


def test_numbered_modules_that_do_the_same_share_a_branch():
    found = json.loads(json.dumps(condensed(THINKER)))
    read, think = found["branches"]
    assert (found["gates"], read["gates"], think["gates"]) == (70, 1, 69)
    assert think["operations"] == {"mul": 6}
    (layers,) = think["branches"][0]["branches"]
    assert [(each["name"], each["times"], each["gates"]) for each in layers["branches"]] == [
        ("0-1", 2, 36),
        ("2", 1, 27),
    ]
    (mlp,) = layers["branches"][0]["branches"]
    assert (mlp["gates"], layers["branches"][0]["operations"]) == (15, {"add": 3})


class TestDifferences:
    """Two paths by role: what wraps a model and the numbers of its layers do not matter."""

    OTHER = result(step("forward", 1, ("decoder.layers.7.mlp", "mm", 4), ("decoder.layers.8", "add", 9)), name="other")

    def test_the_largest_difference_comes_first_and_all_add_up(self):
        rows = differences(THINKER, self.OTHER)
        assert rows[:2] == (
            Difference(role="layers.*.mlp", operation="mm", gates=57, against=4),
            Difference(role="", operation="mul", gates=6, against=0),
        )
        assert sum(row.more for row in rows) == THINKER.depth - self.OTHER.depth

    def test_what_is_equal_is_left_out(self):
        assert differences(THINKER, THINKER) == ()

    def test_as_text_and_as_json(self):
        rows = differences(THINKER, self.OTHER)
        assert next(difference_lines(rows)) == "      +53         57          4  layers.*.mlp  mm"
        assert differences_as_json(rows)[0] == {
            "role": "layers.*.mlp",
            "operation": "mm",
            "gates": 57,
            "against": 4,
            "more": 53,
        }

    def test_conventions_do_not_mix(self):
        with pytest.raises(UsageError, match="different conventions"):
            differences(THINKER, replace(self.OTHER, convention="implemented"))


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_form_adds_up_for_a_trained_model(convention):
    found = opaque_depth("zoo:diffusion-chain", convention=convention, context=64)
    assert tree(found).gates == found.depth
    assert sum(int(line.rpartition(" ")[2]) for line in folded_stacks(found)) == found.depth
    assert found.depth == sum(part.times * sum(o.gates for o in part.operations) for part in found.path)
