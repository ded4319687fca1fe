"""Sizes and forms of MS lesions, hyperintensities, lacunes, microbleeds and calcifications."""

import numpy as np
import pytest

from tests.lesions.planted import Slab, draw_lesions, filled
from xaigt.distributions import Choice
from xaigt.lesions import family
from xaigt.lesions.blobs import Blob, resolve, sphere_radius
from xaigt.lesions.families.ms import away_from_ventricles
from xaigt.randomness import stream
from xaigt.volume import rotation_matrix

# science: 2,229 measured lesions by size in mm3.
SIZES = {(50, 100): 951, (100, 500): 945, (500, 1000): 139, (1000, 5000): 118, (5000, 1e6): 76}


def volumes(name, count):
    kind = family(name)
    return np.array([kind.volume(stream(0, n, "size"), kind.recipe()) for n in range(count)])


def test_sizes_of_ms_follow_the_histogram():
    drawn, total = volumes("ms", 2000), sum(SIZES.values())
    for (low, high), cases in SIZES.items():
        share = cases / total
        assert abs(np.mean((drawn >= low) & (drawn < high)) - share) < 4 * np.sqrt(share * (1 - share) / len(drawn))
    # The shortest axis of the smallest, most slender ovoid has 3 mm and more.
    assert 2 * sphere_radius(float(drawn.min())) * 2.2 ** (-1 / 3) >= 3.0


@pytest.mark.parametrize(
    ("name", "low", "high", "middle"), [("lacune", 3, 15, 7), ("microbleed", 2, 10, 3.67), ("calcification", 2, 10, 4)]
)
def test_diameters(name, low, high, middle):
    diameters = np.cbrt(volumes(name, 1000) * 6 / np.pi)
    assert low - 1e-3 <= diameters.min() and diameters.max() <= high + 1e-3
    assert np.median(diameters) == pytest.approx(middle, rel=0.06)
    if name == "microbleed":
        assert np.mean(diameters <= 5) == pytest.approx(0.9, abs=0.03)


def test_hyperintensities_run_from_punctate_to_confluent():
    drawn = volumes("white-matter", 1000) / 1000
    assert drawn.min() < 0.05 and drawn.max() > 3
    assert np.quantile(drawn, [0.25, 0.5, 0.75]) == pytest.approx([0.1, 0.3, 1.0], rel=0.25)


def test_the_direction_away_from_the_ventricles():
    assert away_from_ventricles((3.0, -2.0, 10.0), Slab()) == pytest.approx((0, 0, 1), abs=1e-5)


def test_an_ovoid_points_away_from_the_ventricle():
    kind, centre = family("ms"), (0.0, 0.0, 20.0)
    for sample in range(4):
        parts = kind.ellipsoids(stream(0, sample, "shape"), kind.recipe(), "body-wall", centre, Slab())
        assert 1.3 <= parts[0].axes[0] / parts[0].axes[1] <= 2.2
        blob = Blob(centre_mm=centre, radius_mm=6.0, ellipsoids=parts, roughness=0.0, noise_seed=0)
        _, _, inside = resolve(blob, lambda points: np.ones(len(points), bool))
        spread = inside.std(0)
        assert float(spread[2] / spread[0]) == pytest.approx(parts[0].axes[0] / parts[0].axes[1], rel=0.05)
        assert float(spread[1] / spread[0]) == pytest.approx(1, rel=0.05)


def test_a_tilted_direction_is_followed_too():
    """The ellipsoid's first axis is turned onto the direction, whatever it is."""

    class Tilted(Slab):
        def at_template(self, points, channel):
            return -(0.48 * points[..., 0] + 0.6 * points[..., 1] + 0.64 * points[..., 2])

    kind = family("ms")
    (part,) = kind.ellipsoids(stream(0, 0, "shape"), kind.recipe(), "body-wall", (1.0, 2.0, 3.0), Tilted())
    x, y, z = rotation_matrix(part.rotation_deg)[:, 0]
    assert (z, y, x) == pytest.approx((0.48, 0.6, 0.64), abs=1e-4)


@pytest.mark.parametrize("name", ["ms", "white-matter"])
def test_periventricular_lesions_touch_the_wall(name):
    for world, lesion in draw_lesions(name, "mni152-flair", 6, sites={"choice": {"body-wall": 1}}):
        found, points, _ = filled(world, lesion)
        walls = -world(points[found.core >= 0.5], "ventricles")
        assert float(walls.min()) < 2.5  # mm


def test_a_dark_dot_and_a_bright_speck():
    (dark,), (bright,) = (draw_lesions(name, template, 1) for name, template in
                          (("microbleed", "mni152-swi"), ("calcification", "mni152-ct")))  # fmt: skip
    found, _, _ = filled(*dark)
    assert float(found.level.max()) <= 400
    found, _, _ = filled(*bright)
    assert float(found.level[found.core >= 0.5].mean()) >= 90


def test_place_size_and_contrast_do_not_depend_on_the_form():
    """What the shape task needs: the same streams give the same place, size and value, whatever the form."""
    kind = family("lacune")
    world = draw_lesions("lacune", "mni152-flair", 1)[0][0]

    def drawn(form, **parameters):
        def streams(purpose):
            return stream(form if purpose == "shape" else 0, 0, purpose)

        return kind.draw(streams, kind.recipe.model_validate(parameters), world)

    first, second = drawn(0), drawn(1, roughness=0.25)
    assert first.shape.noise_seed != second.shape.noise_seed
    for field in ("centre_mm", "radius_mm", "value", "site"):
        assert getattr(first, field) == getattr(second, field)


def test_sites_follow_their_weights_where_all_are_in_reach():
    rng, sites = np.random.default_rng(0), family("ms").recipe().sites
    names = [sites.draw(rng) for _ in range(500)]
    assert isinstance(sites, Choice)
    assert np.mean([name == "body-wall" for name in names]) == pytest.approx(0.4, abs=0.09)
