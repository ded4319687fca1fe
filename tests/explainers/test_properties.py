"""Properties that hold for every network of a kind, and for every shape."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from tests.explainers.tiny import batch, cnn
from xaigt.explainers import ExplainerError, explain, find_explainer, postprocess
from xaigt.explainers.principal import principal_map

FORMULAS = [
    "gradcam",
    "gradcam++",
    "hirescam",
    "gradcam-elementwise",
    "xgradcam",
    "layercam",
    "eigencam",
    "eigengradcam",
    "kpca-cam",
]
SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=3)


class Flat(nn.Module):
    """Convolutions, then one linear layer over all positions."""

    def __init__(self, dims):
        super().__init__()
        conv = {2: nn.Conv2d, 3: nn.Conv3d}[dims]
        self.stage = nn.Sequential(conv(1, 4, 3, padding=1), nn.SiLU())
        self.head = nn.Linear(4 * 6**dims, 3)

    def forward(self, x):
        return self.head(self.stage(x).flatten(1))


@pytest.mark.parametrize("dims", [2, 3])
def test_hirescam_sums_to_the_logit_minus_its_bias(dims):
    torch.manual_seed(0)
    net, inputs = Flat(dims).double(), batch(dims, size=6).double()
    maps = explain(net, inputs, [2, 0, 1], ["hirescam", "gradcam"], ["stage"])
    logits = (net(inputs) - net.head.bias)[[0, 1, 2], [2, 0, 1]].detach()
    torch.testing.assert_close(maps["hirescam", "stage"].flatten(1).sum(1), logits, atol=1e-6, rtol=0)
    assert not torch.allclose(maps["gradcam", "stage"].flatten(1).sum(1), logits, atol=1e-2)


@pytest.mark.parametrize("dims", [2, 3])
def test_hirescam_is_gradcam_under_global_pooling(dims):
    maps = explain(cnn(dims), batch(dims), [2, 0, 1], ["hirescam", "gradcam"], ["relu2"])
    torch.testing.assert_close(maps["hirescam", "relu2"], maps["gradcam", "relu2"], atol=1e-6, rtol=1e-5)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(samples=st.integers(1, 3), channels=st.integers(1, 5), grid=SHAPES, seed=st.integers(0, 10**6))
def test_formulas_take_every_shape_and_keep_samples_apart(samples, channels, grid, seed):
    rng = torch.Generator().manual_seed(seed)
    A = torch.randn(samples, channels, *grid, generator=rng, dtype=torch.float64).relu()
    G = torch.randn(samples, channels, *grid, generator=rng, dtype=torch.float64)
    for name in FORMULAS:
        method = find_explainer(name)
        given_ = {"activations": A, "gradients": G}
        maps = method.function(**{k: given_[k] for k in method.needs})
        assert maps.shape == (samples, *grid)
        assert maps.isfinite().all()
        alone = torch.cat(
            [method.function(**{k: given_[k][i : i + 1] for k in method.needs}) for i in range(samples)]
        )
        torch.testing.assert_close(maps, alone, atol=1e-6, rtol=1e-6)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(channels=st.integers(1, 6), grid=SHAPES, seed=st.integers(0, 10**6))
def test_principal_map_is_the_svd(channels, grid, seed):
    features = torch.randn(
        1, channels, *grid, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    matrix = features[0].flatten(1).T
    matrix = matrix - matrix.mean(0)
    u, s, _ = torch.linalg.svd(matrix, full_matrices=False)
    if len(s) > 1 and s[0] - s[1] < 1e-3 * s[0]:
        return  # no first component
    found = principal_map(features).flatten()
    torch.testing.assert_close(found.abs(), (u[:, 0] * s[0]).abs(), atol=1e-6, rtol=1e-6)
    assert float(found @ matrix.sum(1)) >= -1e-4 * float(found.norm() * matrix.sum(1).norm())


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    samples=st.integers(1, 3),
    grid=SHAPES,
    seed=st.integers(0, 10**6),
    sign=st.sampled_from(["relu", "abs", "signed"]),
    normalize=st.sampled_from([None, "minmax", "max", "sum"]),
    data=st.data(),
)
def test_postprocess_ranges(samples, grid, seed, sign, normalize, data):
    maps = torch.randn(samples, *grid, generator=torch.Generator().manual_seed(seed))
    size = data.draw(st.one_of(st.none(), st.tuples(*[st.integers(1, 9)] * len(grid))))
    shown = postprocess(maps, size, sign, normalize)
    assert shown.shape == (samples, *(size or grid))
    if sign != "signed":
        assert bool((shown >= 0).all())
    if normalize == "minmax":
        assert bool(((shown >= 0) & (shown <= 1 + 1e-6)).all())
    if normalize == "max":
        assert bool((shown.abs() <= 1 + 1e-6).all())
    if normalize == "sum":
        total = shown.abs().flatten(1).sum(1)
        assert bool((torch.isclose(total, torch.ones(samples), atol=1e-4) | (total == 0)).all())
    bound = maps.abs().flatten(1).amax(1).reshape(-1, *[1] * len(grid))
    if normalize is None:
        assert bool((shown.abs() <= bound * (1 + 1e-5)).all())  # resizing does not overshoot
    alone = torch.cat([postprocess(maps[i : i + 1], size, sign, normalize) for i in range(samples)])
    torch.testing.assert_close(shown, alone)


def test_postprocess_of_degenerate_maps():
    zero, constant, broken = (
        torch.zeros(2, 2),
        torch.full((2, 2), 0.1),
        torch.tensor([[1.0, torch.nan], [2.0, 3.0]]),
    )
    maps = torch.stack([zero, constant, -constant, broken])
    for size in (None, (7, 7)):
        minmax = postprocess(maps, size, "signed", "minmax")
        assert not minmax[:3].any() and minmax[3].isnan().all()
        top = postprocess(maps, size, "relu", "max")
        assert not top[0].any() and not top[2].any() and top[3].isnan().all()
        torch.testing.assert_close(top[1], torch.ones_like(top[1]))
    assert not postprocess(maps[:1], None, "abs", "sum").any()


def test_postprocess_by_hand():
    maps = torch.tensor([[[-2.0, 0.0], [2.0, 6.0]]])
    torch.testing.assert_close(postprocess(maps), torch.tensor([[[0.0, 0.0], [2.0, 6.0]]]))
    torch.testing.assert_close(
        postprocess(maps, sign="abs", normalize="sum"), torch.tensor([[[0.2, 0.0], [0.2, 0.6]]])
    )
    torch.testing.assert_close(
        postprocess(maps, sign="signed", normalize="minmax"), torch.tensor([[[0.0, 0.25], [0.5, 1.0]]])
    )
    torch.testing.assert_close(postprocess(maps, (1, 2), sign="signed"), torch.tensor([[[0.0, 3.0]]]))
    wide = postprocess(maps[:, :1], (1, 4), sign="signed")  # pixel areas aligned: -2, -1.5, -0.5, 0
    torch.testing.assert_close(wide, torch.tensor([[[-2.0, -1.5, -0.5, 0.0]]]))
    for wrong in ({"sign": "both"}, {"normalize": "l2"}, {"size": (2,)}):
        with pytest.raises(ExplainerError):
            postprocess(maps, **wrong)
