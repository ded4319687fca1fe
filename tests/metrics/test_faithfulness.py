"""Insertion, deletion and ROAD: on models whose answer is known by hand, and against grad-cam."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from xaigt.errors import XaigtError
from xaigt.metrics import deletion, impute, insertion, perturbation_curve, resize, road, road_curve
from xaigt.metrics.imputation import neighbour_mean
from xaigt.metrics.prediction import evaluating, pick


def total(inputs: Tensor) -> Tensor:
    """Two logits: the sum of the image, and its negative."""
    value = inputs.flatten(1).sum(1)
    return torch.stack([value, -value], 1)


def ramp(dims: int) -> tuple[Tensor, Tensor]:
    image = torch.tensor([[4.0, 3.0], [2.0, 1.0]])
    image = image[None, None] if dims == 2 else image[None, None, None]
    return image, image[:, 0].clone()


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    ("mode", "order", "curve"),
    [
        ("deletion", 1, [10, 6, 3, 1, 0]),
        ("insertion", 1, [0, 4, 7, 9, 10]),
        ("deletion", -1, [10, 9, 7, 4, 0]),
    ],
)
def test_curves_by_hand(mode: str, order: int, curve: list[float], dims: int) -> None:
    image, maps = ramp(dims)
    target = torch.tensor([0])
    arguments = {"steps": 4, "output": "logit"}
    found = perturbation_curve(total, image, order * maps, target, 0.0, mode=mode, **arguments)
    assert found[0].tolist() == curve
    expected = (sum(curve) - (curve[0] + curve[-1]) / 2) / 4
    metric = deletion if mode == "deletion" else insertion
    assert metric(total, image, order * maps, target, 0.0, **arguments).item() == expected
    if mode == "deletion":
        negative = perturbation_curve(total, image, order * maps, torch.tensor([1]), 0.0, **arguments)
        assert negative[0].tolist() == [-value for value in curve]


def test_voxels_outside_the_support_stay() -> None:
    image, maps = ramp(2)
    support = torch.tensor([[True, False], [True, True]])
    found = perturbation_curve(
        total, image, maps, torch.tensor([0]), 0.0, steps=3, output="logit", support=support
    )
    assert found[0].tolist() == [10, 6, 4, 3]


def test_the_reference_is_what_is_put_in_place() -> None:
    image, maps = ramp(2)
    found = perturbation_curve(total, image, maps, torch.tensor([0]), image + 1, steps=4, output="logit")
    assert found[0].tolist() == [10, 11, 12, 13, 14]
    with pytest.raises(XaigtError, match="broadcast"):
        deletion(total, image, maps, torch.tensor([0]), torch.zeros(3, 3))
    with pytest.raises(XaigtError, match=r"resize"):
        deletion(total, image, maps[:, :1], torch.tensor([0]), 0.0)
    with pytest.raises(XaigtError, match="targets has shape"):
        deletion(total, image, maps, torch.tensor([0, 1]), 0.0)
    with pytest.raises(XaigtError, match="between 0 and 1"):
        deletion(total, image, maps, torch.tensor([2]), 0.0)


@pytest.mark.parametrize("metric", [deletion, insertion, road])
def test_a_constant_map_is_a_random_order_and_nan_is_nan(metric: object) -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 1, 6, 6, generator=generator)
    arguments = {"output": "logit"} | ({"noise": 0.0} if metric is road else {"steps": 36})
    drawn = [
        metric(total, image, torch.ones(1, 6, 6), torch.tensor([0]), 0.0, seed=seed, **arguments).item()
        for seed in range(40)
    ]
    # Of a linear model the mean over orders is a straight line; ROAD's two ends are equal on average.
    expected = 0.0 if metric is road else image.sum().item() / 2
    assert abs(np.mean(drawn) - expected) < 4 * np.std(drawn) / len(drawn) ** 0.5
    assert np.std(drawn) > 0
    maps = torch.ones(1, 6, 6)
    maps[0, 2, 2] = torch.nan
    assert metric(total, image, maps, torch.tensor([0]), 0.0, **arguments).isnan().all()


class Small(nn.Module):
    """Batch normalisation and dropout: an answer that would change in training mode."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        conv, norm = (nn.Conv2d, nn.BatchNorm2d) if dims == 2 else (nn.Conv3d, nn.BatchNorm3d)
        self.body = nn.Sequential(conv(2, 3, 3, padding=1), norm(3), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(3, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.body(inputs).flatten(2).mean(2))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("metric", [deletion, insertion, road])
def test_a_batch_scores_as_its_items_alone_and_leaves_the_model_as_it_was(metric: object, dims: int) -> None:
    model, shape = Small(dims), (6, 5, 4)[:dims]
    model.train()
    model.body[1].eval()
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(3, 2, *shape, generator=generator)
    maps, targets = torch.rand(3, *shape, generator=generator), torch.tensor([0, 1, 1])
    state = {name: value.clone() for name, value in model.state_dict().items()}
    together = metric(model, inputs, maps, targets, 0.0, batch_size=7)
    alone = [metric(model, inputs[i : i + 1], maps[i : i + 1], targets[i : i + 1], 0.0) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-5)
    assert model.training and not model.body[1].training and model.body[3].training
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_mode_is_given_back_after_an_error() -> None:
    model = Small(2).train()
    with pytest.raises(RuntimeError), evaluating(model):
        assert not model.training
        raise RuntimeError
    assert model.training and model.body[3].training


def test_targets_of_one_logit_of_classes_and_of_labels() -> None:
    one = torch.tensor([2.0, 2.0])
    targets = torch.tensor([1, 0])
    assert pick(one, targets).tolist() == [2.0, -2.0]
    assert pick(one[:, None], targets, "probability").tolist() == pytest.approx(
        [0.880797, 0.119203], abs=1e-6
    )
    two = torch.tensor([[0.0, 2.0], [0.0, 2.0]])
    assert pick(two, targets, "probability").tolist() == pytest.approx([0.880797, 0.119203], abs=1e-6)
    assert pick(two, targets, "sigmoid").tolist() == pytest.approx([0.880797, 0.5], abs=1e-6)
    with pytest.raises(XaigtError, match="Unknown output"):
        pick(two, targets, "softmax")


@pytest.mark.parametrize("dims", [2, 3])
def test_neighbour_weights_sum_to_one_inside(dims: int) -> None:
    impulse = torch.zeros(1, 1, *(5,) * dims, dtype=torch.float64)
    impulse[(0, 0, *(2,) * dims)] = 1.0
    weights = neighbour_mean(impulse)[0, 0]
    assert weights.sum().item() == pytest.approx(1.0)
    side, corner = weights[(1, *(2,) * (dims - 1))].item(), weights[(1,) * dims].item()
    assert (side, corner) == pytest.approx((1 / 6, 1 / 12) if dims == 2 else (1 / 14, 1 / 56))


@pytest.mark.parametrize("dims", [2, 3])
def test_imputed_voxels_solve_the_dense_equations(dims: int) -> None:
    shape = (5, 4, 3)[:dims]
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(2, 2, *shape, generator=generator)
    removed = torch.rand(2, *shape, generator=generator) < 0.6
    filled = impute(images, removed, noise=0.0, tolerance=1e-10)
    identity = torch.eye(removed[0].numel(), dtype=torch.float64)
    weights = neighbour_mean(identity.reshape(-1, 1, *shape)).flatten(1).numpy()
    for i in range(2):
        hole = removed[i].flatten().numpy()
        system = np.diag(weights.sum(1)) - weights
        for channel in range(2):
            known = images[i, channel].flatten().double().numpy()
            right = weights[np.ix_(hole, ~hole)] @ known[~hole]
            solved = np.linalg.solve(system[np.ix_(hole, hole)], right)
            np.testing.assert_allclose(filled[i, channel].flatten()[hole], solved, atol=1e-6)
            assert (filled[i, channel].flatten()[~hole] == images[i, channel].flatten()[~hole]).all()
    with pytest.raises(XaigtError, match="every voxel"):
        impute(images, torch.ones_like(removed))
    with pytest.raises(XaigtError, match="did not converge"):
        impute(images, removed, iterations=1)


def test_imputation_equals_grad_cam() -> None:
    theirs = pytest.importorskip("pytorch_grad_cam.metrics.road")
    images = torch.rand(1, 3, 16, 12, generator=torch.Generator().manual_seed(0))
    removed = resize(torch.rand(1, 4, 3, generator=torch.Generator().manual_seed(1)), (16, 12)) > 0.4
    expected = theirs.NoisyLinearImputer(noise=0.0)(images[0], (~removed[0]).float())
    torch.testing.assert_close(impute(images, removed, noise=0.0)[0], expected, rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of theirs, on new numpy
def test_road_equals_grad_cam(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = pytest.importorskip("pytorch_grad_cam.metrics.road")
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    monkeypatch.setattr(theirs.NoisyLinearImputer.__init__, "__defaults__", (0.0, theirs.neighbors_weights))
    model, generator = Small(2).eval(), torch.Generator().manual_seed(0)
    inputs, targets = torch.rand(2, 2, 10, 10, generator=generator), torch.tensor([0, 1])
    maps = torch.rand(2, 10, 10, generator=generator)
    expected = theirs.ROADCombined()(inputs, maps.numpy(), [ClassifierOutputTarget(t) for t in (0, 1)], model)
    np.testing.assert_allclose(road(model, inputs, maps, targets, noise=0.0), expected, atol=1e-5)
    most = theirs.ROADMostRelevantFirst(percentile=80)(
        inputs, maps.numpy(), [ClassifierOutputTarget(t) for t in (0, 1)], model
    )
    with torch.no_grad():
        whole = pick(model(inputs), targets)
    curve = road_curve(model, inputs, maps, targets, fractions=[0.2], noise=0.0)
    np.testing.assert_allclose(curve[:, 0] - whole, most, atol=1e-5)


def test_road_is_higher_for_the_order_that_matters() -> None:
    def middle(inputs: Tensor) -> Tensor:
        return inputs[:, 0, 3:5, 3:5].sum((1, 2))

    image = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    image[0, 0, 3:5, 3:5] += 5
    target, maps = torch.tensor([1]), image[:, 0]
    assert road(middle, image, maps, target).item() > 1 > -1 > road(middle, image, -maps, target).item()
    with pytest.raises(XaigtError, match="fractions lie"):
        road(middle, image, maps, target, fractions=[1.0])
