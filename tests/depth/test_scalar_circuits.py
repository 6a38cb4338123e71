"""Explicit circuits of scalars agree with the rules: exactly, or from below where the package says upper bound."""

from __future__ import annotations

import math

import pytest
import scalar_circuits as sc
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from hypothesis import given, settings
from hypothesis import strategies as st
from scalar_circuits import Wire, Wires
from transformers import MistralConfig, MistralModel, MixtralConfig, MixtralModel

from monitorbench.depth import trace_function

sizes = st.integers(1, 32)
lags = st.integers(0, 12)
conventions = st.sampled_from(["circuit", "implemented"])
quick = settings(max_examples=25, deadline=None)


def sample(*shape: int, seed: float = 1.0) -> torch.Tensor:
    count = math.prod(shape)
    return torch.sin(seed + torch.arange(1.0, count + 1) * 1.7).reshape(shape)


def wires_of(tensor: torch.Tensor, lag: int = 0) -> Wires:
    return sc.inputs(tensor.flatten().tolist(), lag)


def rows_of(tensor: torch.Tensor, lag: int = 0) -> list[Wires]:
    return [wires_of(row, lag) for row in tensor]


def constant_rows(tensor: torch.Tensor) -> list[Wires]:
    return [sc.constants(row) for row in tensor.tolist()]


def counted(fn, *operands, convention="circuit", module=None) -> int:
    """Depth that the package counts; an operand is a tensor with the gates that lie before it."""

    def run(*tensors):
        late = []
        for tensor, (_, lag) in zip(tensors, operands, strict=True):
            for _ in range(lag):
                tensor = tensor * 1.0  # noqa: PLW2901 - each is one gate
            late.append(tensor)
        return fn(*late)

    return trace_function(run, *(tensor for tensor, _ in operands), convention=convention, module=module)[0]


def agrees(built: list[Wire], expected: torch.Tensor) -> int:
    """Depth of a circuit, once its numbers are those of the function."""
    assert [w.value for w in built] == pytest.approx(expected.flatten().tolist(), abs=1e-4)
    return sc.deepest(built)


class TestContractions:
    """Sums of products; every operand has a path of its own."""

    @quick
    @given(sizes, st.integers(1, 3), lags, lags, conventions)
    def test_product_of_matrices(self, n, columns, lag, other, convention):
        a, b = sample(2, n), sample(n, columns, seed=2.0)
        built = [sc.dot(row, column) for row in rows_of(a, lag) for column in rows_of(b.T, other)]
        assert counted(torch.matmul, (a, lag), (b, other), convention=convention) == agrees(built, a @ b)

    @quick
    @given(sizes, lags, lags, lags)
    def test_linear_layer_whose_weights_are_computed(self, n, lag, of_weight, of_bias):
        x, weight, bias = sample(n), sample(3, n, seed=2.0), sample(3, seed=3.0)
        products = sc.matrix_vector(rows_of(weight, of_weight), wires_of(x, lag))
        built = [p + b for p, b in zip(products, wires_of(bias, of_bias), strict=True)]
        assert counted(F.linear, (x, lag), (weight, of_weight), (bias, of_bias)) == agrees(
            built, F.linear(x, weight, bias)
        )

    @quick
    @given(st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 2]))
    def test_convolution(self, kernel, channels, groups):
        x, weight = sample(1, channels * groups, 6), sample(groups, channels, kernel, seed=2.0)
        built = [
            sc.dot(wires_of(x[0, g * channels : (g + 1) * channels, p : p + kernel]), sc.constants(taps))
            for g, taps in enumerate(weight.flatten(1).tolist())
            for p in range(6 - kernel + 1)
        ]
        assert counted(lambda x: F.conv1d(x, weight, groups=groups), (x, 0)) == agrees(
            built, F.conv1d(x, weight, groups=groups)
        )

    @quick
    @given(sizes)
    def test_two_layer_perceptron(self, hidden):
        into, out, a = sample(hidden, 1), sample(1, hidden, seed=2.0), sample(1)
        inner = [sc.unary(math.tanh, w) for w in sc.matrix_vector(constant_rows(into), wires_of(a))]
        built = sc.matrix_vector(constant_rows(out), inner)
        assert counted(lambda x: F.linear(torch.tanh(F.linear(x, into)), out), (a, 0)) == agrees(
            built, F.linear(torch.tanh(F.linear(a, into)), out)
        )


class TestReductions:
    """Balanced trees, and what is made of them."""

    @quick
    @given(sizes, conventions)
    def test_trees(self, n, convention):
        a = sample(n)
        for fn, gate in (
            (torch.sum, lambda x, y: x + y),
            (torch.prod, lambda x, y: x * y),
            (torch.amax, max),
            (torch.amin, min),
        ):
            assert counted(fn, (a, 0), convention=convention) == agrees([sc.tree(gate, wires_of(a))], fn(a))

    @quick
    @given(sizes)
    def test_place_of_the_largest(self, n):
        a = sample(n)
        _, (place,) = sc.apart([sc.tree(max, sc.with_places(wires_of(a)))])
        assert counted(torch.argmax, (a, 0)) == agrees([place], a.argmax())

    @quick
    @given(sizes)
    def test_mean_variance_and_length(self, n):
        a = sample(n)
        middle = sc.mean(wires_of(a))
        assert counted(torch.mean, (a, 0)) == agrees([middle], a.mean())
        squares = [sc.unary(lambda x: x * x, wire - middle) for wire in wires_of(a)]
        assert counted(lambda x: x.var(correction=0), (a, 0)) == agrees([sc.mean(squares)], a.var(correction=0))
        length = sc.unary(math.sqrt, sc.total([sc.unary(lambda x: x * x, wire) for wire in wires_of(a)]))
        assert counted(torch.linalg.vector_norm, (a, 0)) == agrees([length], a.norm())

    @quick
    @given(sizes, st.booleans())
    def test_log_of_the_sum_of_exponentials(self, n, stabilised):
        a, wires = sample(n), wires_of(sample(n))
        high = sc.tree(max, wires)
        powers = [sc.unary(math.exp, w - high if stabilised else w) for w in wires]
        log = sc.unary(math.log, sc.total(powers))
        built = log + high if stabilised else log
        convention = "implemented" if stabilised else "circuit"
        assert counted(lambda x: x.logsumexp(0), (a, 0), convention=convention) == agrees([built], a.logsumexp(0))

    @quick
    @given(sizes, st.booleans())
    def test_softmax_and_its_logarithm(self, n, stabilised):
        a, convention = sample(n), "implemented" if stabilised else "circuit"
        built = sc.softmax(wires_of(a), stabilised=stabilised)
        assert counted(lambda x: x.softmax(0), (a, 0), convention=convention) == agrees(built, a.softmax(0))
        wires = wires_of(a)
        if stabilised:
            wires = [w - sc.tree(max, wires) for w in wires]
        log = sc.unary(math.log, sc.total([sc.unary(math.exp, w) for w in wires]))
        built = [w - log for w in wires]
        assert counted(lambda x: x.log_softmax(0), (a, 0), convention=convention) == agrees(built, a.log_softmax(0))


class TestNorms:
    """Norms by their decomposition; weight and bias may be computed, too."""

    @quick
    @given(sizes, st.booleans(), lags, lags, conventions)
    def test_weighted_norm(self, n, centred, lag, of_weight, convention):
        a, weight = sample(n), sample(n, seed=2.0)
        normed = sc.normalised(wires_of(a, lag), 1e-5, centred=centred)
        built = [x * w for x, w in zip(normed, wires_of(weight, of_weight), strict=True)]

        def fn(x, w):
            return F.layer_norm(x, (n,), w) if centred else F.rms_norm(x, (n,), w, eps=1e-5)

        assert counted(fn, (a, lag), (weight, of_weight), convention=convention) == agrees(built, fn(a, weight))

    @quick
    @given(st.integers(1, 4), st.integers(2, 8))
    def test_group_norm(self, channels, places):
        a = sample(1, 2 * channels, places)
        groups = [sc.normalised(wires_of(group), 1e-5, centred=True) for group in a[0].split(channels)]
        built = [x for group in groups for x in group]
        assert counted(lambda x: F.group_norm(x, 2), (a, 0)) == agrees(built, F.group_norm(a, 2))


class TestScans:
    """Cumulative operations are prefix networks; a recurrence written as a loop is counted as the loop."""

    @quick
    @given(sizes, conventions)
    def test_cumulative_operations(self, n, convention):
        a = sample(n)
        for fn, gate in (
            (lambda x: x.cumsum(0), lambda x, y: x + y),
            (lambda x: x.cumprod(0), lambda x, y: x * y),
            (lambda x: x.cummax(0).values, max),
        ):
            built = sc.prefixes(gate, wires_of(a))
            assert counted(fn, (a, 0), convention=convention) == agrees(built, fn(a))

    @quick
    @given(st.integers(2, 32), lags, lags)
    def test_recurrence_written_as_a_loop_is_an_upper_bound_of_its_scan(self, n, lag, other):
        a, b = sample(n), sample(n, seed=2.0)

        def loop(a, b):
            states = [b[0]]
            for p in range(1, n):
                states.append(a[p] * states[-1] + b[p])
            return states[-1]

        steps = sc.recurrence(wires_of(a, lag), wires_of(b, other))
        scanned = sc.scanned_recurrence(wires_of(a, lag), wires_of(b, other))
        assert sc.values(steps) == pytest.approx(sc.values(scanned), abs=1e-4)
        depth = counted(loop, (a, lag), (b, other))
        assert depth == agrees(steps[-1:], loop(a, b))
        assert depth >= sc.deepest(scanned[-1:])

    @pytest.mark.parametrize("n", [2, 32, 1024])
    def test_scan_of_a_recurrence_is_two_logarithms_deep(self, n):
        factors, terms = wires_of(sample(n)), wires_of(sample(n, seed=2.0))
        assert sc.deepest(sc.scanned_recurrence(factors, terms)) == 2 * math.ceil(math.log2(n))


class TestPlaces:
    """Ranking, and reading and writing at computed places."""

    @quick
    @given(sizes, conventions)
    def test_sorting(self, n, convention):
        a = sample(n)
        numbers, places = sc.apart(sc.bitonic_sort(sc.with_places(wires_of(a))))
        assert counted(lambda x: x.sort().values, (a, 0), convention=convention) == agrees(numbers, a.sort().values)
        assert counted(torch.argsort, (a, 0), convention=convention) == agrees(places, a.argsort())

    @quick
    @given(sizes, st.data())
    def test_the_k_largest_are_bounded_by_a_tournament(self, n, data):
        k, a = data.draw(st.integers(1, n)), sample(n)
        numbers, places = sc.apart(sc.largest(sc.with_places(wires_of(a)), k))
        of_numbers, of_places = counted(lambda x: x.topk(k).values, (a, 0)), counted(lambda x: x.topk(k)[1], (a, 0))
        built = agrees(numbers, a.topk(k).values)
        assert built == agrees(places, a.topk(k).indices)
        assert of_numbers == of_places
        assert of_numbers == built if k == 1 else of_numbers >= built

    @quick
    @given(st.integers(2, 32), lags, lags)  # of one entry there is nothing to choose, and the place does not matter
    def test_reading_at_a_computed_place_is_a_selection(self, n, lag, other):
        table, scores = sample(n), sample(n, seed=2.0)
        _, (place,) = sc.apart([sc.tree(max, sc.with_places(wires_of(scores, other)))])
        built = sc.select(wires_of(table, lag), place)
        for fn in (lambda t, s: t[s.argmax(0, keepdim=True)], lambda t, s: t.gather(0, s.argmax(0, keepdim=True))):
            assert counted(fn, (table, lag), (scores, other)) == agrees([built], fn(table, scores))

    @quick
    @given(st.integers(1, 16), st.data())
    def test_adding_to_places_is_bounded_as_if_all_met_in_one(self, n, data):
        places = torch.tensor(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
        a = sample(n)
        sums = [[sc.constant(0.0)] for _ in range(4)]
        for place, wire in zip(places.tolist(), wires_of(a), strict=True):
            sums[place].append(wire)

        def add(x):
            return torch.zeros(4).index_add(0, places, x)

        built = agrees([sc.total(wires) for wires in sums], add(a))
        assert counted(add, (a, 0)) == built if len(set(places.tolist())) == 1 else counted(add, (a, 0)) >= built


class TestAttention:
    """Attention as one function, and a whole attention layer whose window lets in some of the keys."""

    @quick
    @given(st.integers(1, 16), st.integers(2, 8), st.tuples(lags, lags, lags), conventions)
    def test_every_operand_has_its_own_path(self, keys, width, late, convention):
        q, k, v = operands = sample(1, width), sample(keys, width, seed=2.0), sample(keys, width, seed=3.0)
        query, *keys_and_values = (rows_of(tensor, lag) for tensor, lag in zip(operands, late, strict=True))
        built = sc.attention(query[0], *keys_and_values, stabilised=convention == "implemented")

        def fn(q, k, v):
            return F.scaled_dot_product_attention(q[None, None], k[None, None], v[None, None])

        depth = counted(fn, *zip(operands, late, strict=True), convention=convention)
        assert depth == agrees(built, fn(q, k, v))

    @quick
    @given(st.integers(1, 12), st.sampled_from([None, 1, 2, 3, 5, 8, 32]), conventions)
    def test_layer_with_and_without_window(self, positions, window, convention):
        model = mistral(window)
        layer, x = model.layers[0].self_attn, sample(positions, 8)
        cos, sin = model.rotary_emb(x, torch.arange(positions)[None])
        behind = torch.arange(positions)[:, None] - torch.arange(positions)
        seen = (behind >= 0) & (behind < (window or positions))
        mask = torch.zeros(positions, positions).masked_fill(~seen, torch.finfo(torch.float32).min)

        def fn(x):
            return layer(x[None], position_embeddings=(cos, sin), attention_mask=mask[None, None])[0]

        angles = [(sc.constants(c), sc.constants(s)) for c, s in zip(cos[0].tolist(), sin[0].tolist(), strict=True)]
        built = attention_layer(layer, rows_of(x), angles, seen.tolist(), program=convention == "implemented")
        with torch.no_grad():
            expected = fn(x)
        assert counted(fn, (x, 0), convention=convention, module=model) == agrees(built, expected)


class TestRouting:
    """A layer of experts: the router ranks them, the best are selected, and their answers are summed by weight."""

    @quick
    @given(st.integers(2, 9), st.data())
    def test_layer_of_experts(self, experts, data):
        k = data.draw(st.integers(1, min(experts, 4)))
        model = mixtral(experts, k)
        layer, x = model.layers[0].mlp, sample(1, 4)

        def fn(x):
            return layer(x[None])

        with torch.no_grad():
            built = agrees(expert_layer(layer, wires_of(x), k), fn(x))
        depth = counted(fn, (x, 0), module=model)
        assert depth == built if k == 1 else depth >= built


def mistral(window: int | None) -> MistralModel:
    """One layer: two heads of width 4 share keys and values."""
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=8,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=4,
        sliding_window=window,
        initializer_range=1.0,
        attn_implementation="eager",
    )
    return MistralModel(config).eval()


def attention_layer(layer, rows, angles, seen, *, program: bool) -> Wires:
    """Projections, rotary positions, attention head by head over the keys that each query sees, and the output."""
    queries, keys, values = (
        [sc.matrix_vector(constant_rows(projection.weight), row) for row in rows]
        for projection in (layer.q_proj, layer.k_proj, layer.v_proj)
    )
    keys = [sc.rotated(key, *angle) for key, angle in zip(keys, angles, strict=True)]
    built = []
    for query, angle, visible in zip(queries, angles, seen, strict=True):
        heads = [sc.rotated(head, *angle) for head in (query[:4], query[4:])]
        read = [number for h in heads for number in sc.attention(h, keys, values, stabilised=program, seen=visible)]
        built += sc.matrix_vector(constant_rows(layer.o_proj.weight), read)
    return built


def mixtral(experts: int, k: int) -> MixtralModel:
    torch.manual_seed(0)
    config = MixtralConfig(
        vocab_size=8,
        hidden_size=4,
        intermediate_size=3,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        num_local_experts=experts,
        num_experts_per_tok=k,
        initializer_range=1.0,
        experts_implementation="eager",
    )
    return MixtralModel(config).eval()


def expert_layer(layer, x: Wires, k: int) -> Wires:
    router, experts = layer.gate, layer.experts
    shares = sc.softmax(sc.matrix_vector(constant_rows(router.weight), x), stabilised=False)
    weights, places = sc.apart(sc.largest(sc.with_places(shares), k))
    answers = []
    for weight, place in zip(weights, places, strict=True):
        into, out = (selected(matrices, place) for matrices in (experts.gate_up_proj, experts.down_proj))
        gate_and_up = sc.matrix_vector(into, x)
        gate, up = gate_and_up[:3], gate_and_up[3:]
        open_ = [g * sc.unary(lambda a: 1 / (1 + math.exp(-a)), g) for g in gate]
        answer = sc.matrix_vector(out, [g * u for g, u in zip(open_, up, strict=True)])
        share = weight / sc.total(weights)
        answers.append([share * a for a in answer])
    return [sc.total(column) for column in zip(*answers, strict=True)]


def selected(matrices: torch.Tensor, place: Wire) -> list[Wires]:
    """The matrix of the expert at a computed place, every number of it by a selection of its own."""
    rows, columns = matrices.shape[1:]
    return [
        [sc.select(sc.constants(matrices[:, r, c].tolist()), place) for c in range(columns)] for r in range(rows)
    ]  # fmt: skip
