"""Operations worked out once give what fake tensors give each time: the same shapes, memory and graph."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensor, FakeTensorMode
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    MixtralConfig,
    MixtralForCausalLM,
    RecurrentGemmaConfig,
    RecurrentGemmaForCausalLM,
)

from monitorbench.adapters.checkpoint import zoo_names
from monitorbench.depth import trace_segment
from monitorbench.depth.fakes import FakeOperations
from monitorbench.depth.sources import weightless as weightless_named
from monitorbench.zoo.models import build_causal, build_diffusion

aten = torch.ops.aten
SIZES = {
    "vocab_size": 100,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 3,
}


def gemma3():
    kinds = ["sliding_attention", "full_attention", "sliding_attention"]
    return Gemma3ForCausalLM(Gemma3TextConfig(**SIZES, head_dim=8, sliding_window=4, layer_types=kinds))


def mixtral():
    return MixtralForCausalLM(MixtralConfig(**SIZES, num_local_experts=4, num_experts_per_tok=2))


def recurrentgemma():
    config = {**SIZES, "num_key_value_heads": 1}
    return RecurrentGemmaForCausalLM(RecurrentGemmaConfig(**config, lru_width=32))


def graph_of(segment, convention):
    graph = trace_segment(segment, convention).graph
    return [graph[node] for node in range(len(graph))]


def run_plainly(self, func, args, kwargs):
    return func(*args, **kwargs)


@pytest.mark.parametrize("convention", ["circuit", "implemented"])
class TestGraphs:
    """The whole graph of a model is the same, node by node, whether every operation is worked out or not."""

    def check(self, segments, convention, monkeypatch):
        quick = [graph_of(segment, convention) for segment in segments]
        monkeypatch.setattr(FakeOperations, "run", run_plainly)
        assert quick == [graph_of(segment, convention) for segment in segments]
        assert all(len(graph) > 20 for graph in quick)

    @pytest.mark.parametrize("make", [gemma3, mixtral, recurrentgemma, lambda: build_causal(100)])
    def test_one_forward_pass(self, make, convention, weightless, forward_segment, monkeypatch):
        self.check([forward_segment(weightless(make), 9)], convention, monkeypatch)

    def test_filling_and_reading_a_cache(self, convention, weightless, diffusion_segments, monkeypatch):
        model = weightless(lambda: build_diffusion(100))
        self.check(diffusion_segments(model, prompt=12, canvas=6, steps=2), convention, monkeypatch)

    @pytest.mark.parametrize("name", zoo_names())
    def test_every_segment_of_a_reference_checkpoint(self, convention, name, monkeypatch):
        adapter = weightless_named(f"zoo:{name}", dtype="float32", canvas=None, trust_remote_code=False).adapter
        segments = adapter.segments(context_length=24, max_new_tokens=18, sampler={})
        quick = [graph_of(segment, convention) for segment in segments]
        monkeypatch.setattr(FakeOperations, "run", run_plainly)
        assert quick == [graph_of(segment, convention) for segment in segments]
        assert sum(map(len, quick)) > 20


quick = settings(max_examples=100, deadline=None)
shapes = st.lists(st.integers(1, 3), max_size=3).map(tuple)
dtypes = st.sampled_from([torch.float32, torch.bfloat16, torch.float64, torch.int64, torch.bool])
numbers = st.sampled_from([1, 1.0, True, 2, 2.5])


def described(tensor):
    return tensor.shape, tensor.stride(), tensor.dtype, tensor.device, tensor.storage_offset()


class TestOperations:
    @quick
    @given(shapes, dtypes, dtypes, numbers)
    def test_what_comes_out_is_what_comes_out_of_fake_tensors(self, shape, dtype, other, number):
        mode = FakeTensorMode()
        operations = FakeOperations(mode)
        with mode, torch.no_grad():
            a, b = torch.zeros(shape, dtype=dtype), torch.zeros(shape, dtype=other)
            for func, args in (
                (aten.mul.Tensor, (a, b)),
                (aten.mul.Scalar, (a, number)),
                (aten.pow.Tensor_Scalar, (a, number)),
                (aten.cat.default, ([a.flatten(), b.flatten()],)),
                (aten.any.default, (a,)),
                (aten.sort.default, (a,)),
                (aten.view.dtype, (a, dtype)),
                (aten.unsqueeze.default, (a, 0)),
                (aten.as_strided.default, (a, [1], [1])),
            ):
                expected = func(*args)
                many = isinstance(expected, tuple)
                for _ in range(2):  # worked out, then remembered
                    given_ = operations.run(func, args, {})
                    pairs = zip(given_, expected, strict=True) if many else [(given_, expected)]
                    assert all(described(x) == described(y) for x, y in pairs)

    def test_equal_numbers_of_different_types_are_told_apart(self):
        mode = FakeTensorMode()
        operations = FakeOperations(mode)
        with mode:
            whole = torch.zeros(3, dtype=torch.int64)
            types = [operations.run(aten.add.Scalar, (whole, number), {}).dtype for number in (1, 1.0, True)]
        assert types == [torch.int64, torch.float32, torch.int64]

    def test_new_tensors_have_memory_of_their_own_and_views_that_of_what_they_show(self):
        mode = FakeTensorMode()
        operations = FakeOperations(mode)
        with mode:
            x = torch.zeros(4, 6)
            first, second = (operations.run(aten.exp.default, (x,), {}) for _ in range(2))
            row, moved = operations.run(aten.select.int, (x, 0, 2), {}), operations.run(aten.t.default, (x,), {})
            halves = operations.run(aten.split.Tensor, (x, 3, 1), {})
            flat = operations.run(aten._unsafe_view.default, (x, [24]), {})
        storages = [tensor.untyped_storage()._cdata for tensor in (x, first, second)]
        assert len(set(storages)) == 3
        assert {tensor.untyped_storage()._cdata for tensor in (row, moved, *halves, flat)} == {storages[0]}
        assert (row.storage_offset(), moved.stride(), halves[1].storage_offset()) == (12, (1, 6), 3)

    def test_a_view_begins_where_it_begins_in_the_tensor_at_hand(self):
        mode = FakeTensorMode()
        operations = FakeOperations(mode)
        with mode:
            x = torch.zeros(4, 6)
            for row in range(3):
                given_ = operations.run(aten.slice.Tensor, (x[row], 0, 2), {})
                strided = operations.run(aten.as_strided.default, (x[row], [2], [1], 5), {})
                assert (given_.storage_offset(), strided.storage_offset()) == (6 * row + 2, 5)

    def test_known_values_stay_known(self):
        mode = FakeTensorMode()
        operations = FakeOperations(mode)
        lift = aten.lift_fresh.default
        with mode:
            three = torch.tensor(3)
            for _ in range(2):
                assert operations.run(aten.add.Tensor, (three, three), {}).item() == 6
        numbers = [torch.tensor(number) for number in (3, 4, 5)]
        with mode:
            lifted = [operations.run(lift, (number,), {}) for number in numbers]
            assert [operations.run(aten.add.Tensor, (number, 1), {}).item() for number in lifted] == [4, 5, 6]
            lifted[1].zero_()
            assert [number.item() for number in lifted] == [3, 0, 5]

    def test_joining_what_is_empty_and_known_to_what_is_not_known(self):
        mode = FakeTensorMode()
        operations = FakeOperations(mode)
        with mode:
            empty, x = torch.tensor([]), torch.zeros(2, 3)
            joined = [operations.run(aten.cat.default, ([empty, x], 0), {}) for _ in range(2)]
        assert [described(tensor) for tensor in joined] == [described(x)] * 2

    def test_writing_in_place_gives_back_what_was_written_to(self):
        mode = FakeTensorMode()
        operations = FakeOperations(mode)
        with mode:
            x = torch.zeros(3)
            for _ in range(2):
                assert operations.run(aten.mul_.Tensor, (x, 2.0), {}) is x
                with pytest.raises(RuntimeError, match="shape"):
                    operations.run(aten.add_.Tensor, (x, torch.zeros(2, 3)), {})

    def test_what_changes_shape_in_place_changes_it_each_time(self):
        mode = FakeTensorMode()
        operations = FakeOperations(mode)
        with mode:
            for x in (torch.zeros(2, 3), torch.zeros(2, 3)):
                assert operations.run(aten.t_.default, (x,), {}) is x
                assert operations.run(aten.resize_.default, (x, [5]), {}).shape == (5,)

    def test_places_give_a_shape_and_masks_do_not(self):
        mode = FakeTensorMode()
        operations = FakeOperations(mode)
        with mode:
            x, places, mask = torch.zeros(4, 6), torch.zeros(5, dtype=torch.int64), torch.zeros(4, dtype=torch.bool)
            for _ in range(2):
                assert operations.run(aten.index.Tensor, (x, [None, places]), {}).shape == (4, 5)
                with pytest.raises(DynamicOutputShapeException):
                    operations.run(aten.index.Tensor, (x, [mask]), {})

    @pytest.mark.parametrize("device", ["cpu", "cuda:0"])
    def test_a_fake_tensor_is_what_its_constructor_makes(self, device):
        mode = FakeTensorMode()
        mode._allow_unsafe_data_ptr_access = False  # otherwise torch only warns, and only once
        operations = FakeOperations(mode)
        with mode:
            x = torch.zeros(4, 6)
            x = x if device == "cpu" else FakeTensor(mode, torch.zeros(4, 6, device="meta"), torch.device(device))
            made = [operations.run(aten.exp.default, (x,), {}) for _ in range(3)]
            shown = [operations.run(aten.t.default, (x,), {}) for _ in range(3)]
        for tensors in (made, shown):
            assert len({frozenset(vars(tensor).items()) for tensor in tensors}) == 1
            assert len({str(torch._C._dispatch_keys(tensor)) for tensor in tensors}) == 1
            for tensor in tensors:
                with pytest.raises(RuntimeError, match="data pointer"):
                    tensor.data_ptr()
