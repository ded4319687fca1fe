"""Mass effect: where displaced tissue came from."""

import math
from functools import partial

import pytest
import torch

from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.subjects import SubjectRecipe, draw_subject
from xaigt.anatomy.world import Anatomy
from xaigt.lesions import family
from xaigt.lesions.mass import DECAY_MM, SKULL_MM, SURFACE_MM, YIELD_MM, from_ball, from_layer, held_by_skull
from xaigt.randomness import stream


def test_a_ball_pushes_by_its_volume_and_the_push_fades():
    volume = 4 / 3 * math.pi * 1000  # a radius of 10 mm
    at = torch.tensor([[0.0, 0.0, 12.0], [0.0, 0.0, 30.0], [0.0, 0.0, 5.0], [0.0, -12.0, 0.0]])
    x = from_ball((0, 0, 0), volume, 0.5, at)
    near, far = (12 - (12**3 - 500) ** (1 / 3)), (30 - (30**3 - 500) ** (1 / 3))
    assert float(x[0, 2]) == pytest.approx(-near * math.exp(-2 / DECAY_MM), rel=1e-4)
    assert float(x[1, 2]) == pytest.approx(-far * math.exp(-20 / DECAY_MM), rel=1e-3)
    assert float(x[2, 2]) == pytest.approx(-5)  # what was here is at the very middle
    assert float(x[3, 1]) == pytest.approx(near * math.exp(-2 / DECAY_MM), rel=1e-4) and float(x[3, 2]) == 0
    assert float(from_ball((0, 0, 0), volume, 0.0, at).abs().max()) == pytest.approx(0, abs=1e-5)


def test_a_layer_compresses_what_is_under_it():
    depth = torch.tensor([20.0, 40.0, YIELD_MM, 70.0, -3.0])
    outward = torch.zeros(5, 3)
    outward[:, 2] = 1
    moved = from_layer(torch.full((5,), 10.0), depth, outward, 0.6, YIELD_MM)[:, 2].tolist()
    # Tissue at 20 mm was at (20 - 6) 60 / 54, and tissue at 40 mm at (40 - 6) 60 / 54.
    assert moved == pytest.approx([20 - 14 * 60 / 54, 40 - 34 * 60 / 54, 0, 0, 0], abs=1e-4)
    shallow = from_layer(torch.tensor([10.0]), torch.tensor([7.0]), outward[:1], 1.0)
    assert float(shallow[0, 2]) == pytest.approx(7 - SURFACE_MM)  # not from the dura


def test_the_skull_holds():
    offsets = torch.ones(3, 3)
    assert held_by_skull(offsets, torch.tensor([-2.0, SKULL_MM / 2, 40.0]))[:, 0].tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("name", ["epidural", "subdural", "intraparenchymal"])
def test_tissue_moves_away_from_the_lesion_and_space_does_not_fold(name):
    world = Anatomy.of(
        load_fields("mni152-ct"), draw_subject(stream(0, 1, "subject"), SubjectRecipe()), torch.device("cpu")
    )
    kind = family(name)
    settings = {"volume_ml": 30} | ({"sites": {"choice": {"convexity": 1}}} if name == "subdural" else {})
    lesion = kind.draw(partial(stream, 2, 1), kind.recipe.model_validate(settings), world)
    edge = torch.linspace(-60, 60, 41)
    points = torch.stack(torch.meshgrid(*(edge + c for c in lesion.centre_mm), indexing="ij"), -1)
    offsets = kind.displacement(lesion, world, points, 0.8)
    inside = world(points, "depth") > 2
    blood = kind.footprint(lesion, world, points, softness=3.0).core > 0
    outside = inside & ~blood
    assert 3 < float(offsets.norm(dim=-1)[outside].max()) < 25
    assert float(offsets.norm(dim=-1)[world(points, "depth") < -1].max()) < 0.5  # bone stays
    source, step = points + offsets, float(edge[1] - edge[0])
    # Tissue came from nearer to the lesion: to its centre, or to the surface that a layer lies on.
    moved = outside & (offsets.norm(dim=-1) > 2)
    if name == "intraparenchymal":
        before, now = ((at - torch.tensor(lesion.centre_mm)).norm(dim=-1) for at in (source, points))
    else:
        before, now = (world(at, "depth") for at in (source, points))
    assert bool(moved.any()) and float((before < now)[moved].float().mean()) > 0.99
    columns = [torch.gradient(source, spacing=step, dim=axis)[0] for axis in range(3)]
    jacobian = torch.linalg.det(torch.stack(columns, -1))
    assert float((jacobian[outside] <= 0).float().mean()) < 0.005


@pytest.mark.parametrize("name", ["subarachnoid", "intraventricular"])
def test_blood_in_fluid_displaces_nothing(name):
    assert family(name).displacement(None, None, torch.zeros(1, 3), 1.0) is None
