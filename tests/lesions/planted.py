"""What tests of families share: worlds, drawn lesions, and the points that they fill."""

from functools import partial

import torch

from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.subjects import SubjectRecipe, draw_subject
from xaigt.anatomy.world import Anatomy
from xaigt.lesions import family
from xaigt.randomness import stream

CPU = torch.device("cpu")


def anatomy(template, sample=0):
    fields = load_fields(template)
    return Anatomy.of(fields, draw_subject(stream(0, sample, "subject"), SubjectRecipe(), fields.levels), CPU)


def draw_lesions(name, template, count, subjects=3, seed=0, **parameters):
    """`count` pairs of a world and a lesion drawn in it."""
    kind = family(name)
    worlds = [anatomy(template, sample) for sample in range(subjects)]
    recipe = kind.recipe.model_validate(parameters)
    chosen = [worlds[sample % subjects] for sample in range(count)]
    return [(world, kind.draw(partial(stream, seed, sample), recipe, world)) for sample, world in enumerate(chosen)]


def filled(world, lesion, points_an_edge=48):
    """Footprint on a lattice of the lesion's box, the points, and the volume of a cell (mm3)."""
    kind = family(lesion.family)
    reach = kind.reach(lesion)
    edge = torch.linspace(-reach, reach, points_an_edge)
    points = torch.stack(torch.meshgrid(*(edge + c for c in lesion.centre_mm), indexing="ij"), -1)
    return kind.footprint(lesion, world, points, softness=0.2), points, float(edge[1] - edge[0]) ** 3


class Slab:
    """A world in which everything right of x = `wall` is white matter, and everything left of it is ventricle."""

    device = CPU
    grid = None
    modality = "FLAIR"
    scale = (1.0, 1.0, 1.0)

    def __init__(self, wall=0.0):
        self.wall = wall

    def __call__(self, points, channel):
        return self.at_template(points, channel)

    def at_template(self, points, channel):
        right = points[..., 2] - self.wall
        fields = {"ventricles": -right, "parenchyma": right, "white": (right > 0).float(), "csf": (right <= 0).float()}
        return fields.get(channel, torch.full_like(right, 50.0))

    def to_template(self, points):
        return points

    def to_scanner(self, point):
        return point

    def probe(self, points, channel):
        return self.at_template(torch.from_numpy(points), channel).float().numpy()

    def locate(self, points):
        return points
