"""Fourier transforms, distances and grids: hand-counted circuits."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from monitorbench.depth import trace_function

X = torch.zeros
C = torch.zeros(4, 8, dtype=torch.complex64)


@pytest.mark.parametrize(
    ("transform", "value", "function", "program"),
    [
        (torch.fft.rfft, X(4, 8), 3 + 1, 2 * 3),
        (torch.fft.fft, C, 4 + 1, 2 * 3),
        (torch.fft.ifft, C, 4 + 1, 2 * 3 + 1),
        (lambda x: torch.fft.irfft(x, n=14), C, 5 + 1, 2 * 4 + 1),
        (torch.fft.fft2, C, 6 + 1, 2 * 5),
    ],
    ids=["real", "complex", "inverse", "one-sided", "two dimensions"],
)
def test_fourier_transform_is_a_contraction_as_a_function(transform, value, function, program):
    assert trace_function(transform, value) == (function,)
    assert trace_function(transform, value, convention="implemented") == (program,)


@pytest.mark.parametrize(("p", "gates"), [(0, 5), (1, 5), (2, 6), (3, 7), (float("inf"), 5)])
def test_distance(p, gates):
    assert trace_function(lambda a, b: torch.cdist(a, b, p=p), X(4, 8), X(5, 8)) == (gates,)
    assert trace_function(lambda a: F.pdist(a, p=p), X(4, 8)) == (gates,)


@pytest.mark.parametrize(
    ("mode", "shape", "gates"),
    [("linear", (1, 2, 8), 2), ("bilinear", (1, 2, 8, 8), 3), ("bicubic", (1, 2, 8, 8), 5)],
)
def test_interpolation_contracts_the_neighbours(mode, shape, gates):
    assert trace_function(lambda x: F.interpolate(x, scale_factor=2, mode=mode), X(*shape)) == (gates,)


def test_sampling_a_grid_at_computed_places_selects_among_all():
    def sample(image, grid):
        return F.grid_sample(image, grid, align_corners=False)

    image, grid = X(1, 2, 8, 8), X(1, 4, 4, 2)
    assert trace_function(lambda x: sample(x, grid), image) == (3,)
    assert trace_function(lambda g: sample(image, g), grid) == (5 + 6 + 3,)
    assert trace_function(lambda g: sample(image, g), grid, convention="implemented") == (5 + 3,)


def test_the_others():
    assert trace_function(lambda a: torch.linalg.cross(a, a), X(4, 3)) == (2,)
    assert trace_function(lambda a, b: F.bilinear(a, b, X(3, 8, 16)), X(4, 8), X(4, 16)) == (2 + 3 + 4,)
    assert trace_function(torch.trace, X(4, 4)) == (2,)
    assert trace_function(torch.polar, X(4), X(4)) == (2,)
    assert trace_function(lambda a: torch.polar(a, X(4)), X(4)) == (1,)
    assert trace_function(torch.complex, X(4), X(4)) == (0,)
    assert trace_function(lambda x: torch.isin(x.exp(), X(8)), X(4)) == (1 + 1 + 3,)
    bags = torch.zeros(3, 8, dtype=torch.long)
    assert trace_function(lambda i: F.embedding_bag(i, X(16, 4), mode="sum"), bags) == (5,)
