"""Fields from images: a mixture that finds known tissue, poses that are known, and the real volumes."""

import numpy as np
import pytest
from scipy import ndimage

from xaigt.anatomy import ct, mixture
from xaigt.anatomy.cards import LocalFile, TemplateError, load_card
from xaigt.anatomy.contents import check_contrast
from xaigt.anatomy.geometry import Lattice
from xaigt.anatomy.standard import fit_pose, read_standard, standard_maps
from xaigt.anatomy.supplied import read_image
from xaigt.dataset.files import sha256
from xaigt.volume import rotation_matrix


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def coarse_standard(step=3):
    maps = standard_maps()
    cut = np.s_[::step, ::step, ::step]
    lattice = Lattice(maps.brain[cut].shape, maps.lattice.origin, float(step))
    return lattice, maps.brain[cut], maps.grey[cut], maps.white[cut]


@pytest.mark.parametrize("values", [(150, 600, 1000), (3800, 1600, 1000), (8, 38, 29)], ids=["T1", "T2", "CT"])
def test_the_mixture_finds_means_and_tissue_in_any_contrast(values):
    lattice, brain, grey, white = coarse_standard()
    truth = np.argmax(np.stack([np.clip(1 - grey - white, 0, 1), grey, white]), 0)
    spread = 0.08 * (max(values) - min(values))
    image = np.asarray(values, np.float32)[truth]
    image = image + np.random.default_rng(1).normal(0, spread, truth.shape).astype(np.float32)
    priors = tuple(read_standard(name, lattice, (1.0, 1.0, 1.0)) for name in mixture.CLASSES)
    found = mixture.estimate(image, brain, priors)
    assert np.allclose(found.means, values, atol=0.35 * spread)
    for number, name in enumerate(mixture.CLASSES):
        assert dice(brain & (truth == number), getattr(found, name) > 0.5) > 0.85
    total = found.csf + found.grey + found.white
    assert np.allclose(total[brain], 1, atol=1e-5) and not total[~brain].any()


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (20.0, -35.0, 12.0)])
def test_a_brain_that_is_smaller_and_elsewhere_is_laid_beside_the_standard(shift):
    """The file shows the standard brain at 0.9 of its size, moved by `shift` (x, y, z)."""
    lattice, brain, _, _ = coarse_standard(2)
    matrix = np.eye(3) / 0.9
    origin = np.array(lattice.origin)
    offset = ((origin - np.array(shift[::-1])) / 0.9 - origin) / lattice.spacing
    moved = Lattice(lattice.shape, tuple(origin), lattice.spacing)
    smaller = ndimage.affine_transform(brain.astype(np.float32), matrix, offset, order=1) > 0.5
    pose = fit_pose(smaller, moved)
    assert np.allclose(pose.scale, 1 / 0.9, atol=0.03)
    assert np.allclose(pose.to_file[:3, 3], shift, atol=2.0)
    assert np.allclose(pose.to_file[:3, :3], np.eye(3), atol=0.03)
    assert pose.error_mm < 1.0


@pytest.mark.parametrize("pitch", [-35.0])
def test_a_nodding_head_is_laid_straight(pitch):
    """Heads are scanned chin up or chin down; the pose turns them back."""
    lattice, brain, _, _ = coarse_standard(2)
    turn = rotation_matrix((pitch, 0.0, 0.0))[::-1, ::-1]  # z, y, x
    middle = np.array([18.0, -18.0, 0.0])
    origin = np.array(lattice.origin)
    offset = (turn @ (origin - middle) + middle - origin) / lattice.spacing
    wide = np.pad(brain, 20).astype(np.float32)
    nodding = ndimage.affine_transform(wide, turn, offset + 20 - turn @ np.full(3, 20), order=1) > 0.5
    pose = fit_pose(nodding, Lattice(nodding.shape, tuple(origin - 20 * lattice.spacing), lattice.spacing))
    assert pose.error_mm < 1.0
    assert np.allclose(pose.scale, 1, atol=0.03)
    found = np.degrees(np.arctan2(pose.to_file[2, 1], pose.to_file[1, 1]))
    assert abs(found) == pytest.approx(abs(pitch), abs=2)


def head(hu_brain=35.0, radius=70.0):
    """A ball of brain in a shell of bone and scalp, 2 mm voxels."""
    lattice = Lattice((100, 100, 100), (-100.0, -100.0, -100.0), 2.0)
    z, y, x = lattice.axes()
    r = np.sqrt(z**2 + y**2 + x**2)
    values = np.select([r < radius, r < radius + 6, r < radius + 14], [hu_brain, 900.0, 40.0], -1000.0)
    return values.astype(np.float32), lattice, r


def test_the_inside_of_a_known_skull():
    values, lattice, r = head()
    found = ct.intracranial(values, lattice, "ball")
    assert dice(found, r < 70) > 0.98


def test_no_skull_no_inside():
    values, lattice, r = head()
    with pytest.raises(TemplateError, match="no brain-sized space enclosed by bone"):
        ct.intracranial(np.where(r < 70, values, -1000).astype(np.float32), lattice, "ball")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v + 1024, "1024 was added"),
        (lambda v: (v + 1000) / 2000, "not in Hounsfield units"),
        (lambda v: np.clip(v, 0, 80), "not in Hounsfield units"),
    ],
)
def test_a_ct_that_is_not_in_hounsfield_units_is_refused(change, message):
    values, _, _ = head()
    with pytest.raises(TemplateError, match=message):
        ct.check_hounsfield(change(values).astype(np.float32), None, "head.nii")
    ct.check_hounsfield(values, None, "head.nii")


@pytest.fixture
def mirror(shared_data, monkeypatch):
    monkeypatch.setenv("XAIGT_MIRROR", str(shared_data / "templates"))


@pytest.mark.slow
def test_the_fields_of_a_real_image_give_the_image_back(mirror):
    from xaigt.anatomy.fields import CHANNELS, load_fields
    from xaigt.anatomy.intake import cormack_to_hu, read_volume, resample
    from xaigt.anatomy.portrait import facts, template_image

    fields = load_fields("scct")
    image = template_image(fields)
    volume = read_volume(load_card("scct").file("image"))
    hu = cormack_to_hu(volume.data)
    expected = resample(type(volume)(hu, volume.affine, volume.path), fields.lattice, outside=-1024)
    inner = np.s_[5:-25, 20:-20, 20:-20]
    assert np.abs(image[inner] - expected[inner]).max() < 0.01
    found = facts(fields)
    assert 1600 < found.inside_skull_ml < 2200 and 30 < found.ventricles_ml < 70
    depth = fields.data[CHANNELS.index("depth")]
    assert (depth[fields.data[CHANNELS.index("ventricles")] > 0] > 2).mean() > 0.95


@pytest.mark.slow
def test_an_mr_head_without_a_mask_says_what_to_supply(mirror):
    from xaigt.anatomy.fields import load_fields

    with pytest.raises(TemplateError, match="--brain MASK"):
        load_fields("patient-t1")


@pytest.mark.parametrize(
    ("modality", "grey", "fluid", "fits"),
    [
        ("T1w", 700, 300, True),
        ("T1w", 1300, 2500, False),  # a T2w
        ("T1w", 2100, 150, False),  # a map of grey matter
        ("T1w", 120, 20, False),  # a map of white matter
        ("T2w", 1300, 2500, True),
        ("T2w", 700, 300, False),
        ("PDw", 1150, 1100, True),
        ("PDw", 700, 300, False),
        ("FLAIR", 1100, 400, True),
        ("FLAIR", 1300, 2500, False),
        ("FLAIR", 700, 300, False),  # a T1w
        ("SWI", 1200, 1500, True),
        ("CT", 38, 8, True),
    ],
)
def test_an_image_must_look_like_its_modality(mirror, modality, grey, fluid, fits):
    card = load_card("patient-t1").model_copy(update={"modality": modality})
    if fits:
        check_contrast(card, grey, fluid)
        return
    with pytest.raises(TemplateError, match=f"is no {modality}.*grey matter is {grey} and fluid {fluid}") as caught:
        check_contrast(card, grey, fluid)
    assert str(card.file("image")) in str(caught.value)


@pytest.mark.parametrize("name", ["clinical__lesionT2.nii", "synthseg__training_seg_01.nii.gz"])
def test_masks_and_labels_are_no_images(shared_data, name):
    path = shared_data / "templates" / name
    source = LocalFile(local=str(path), sha256=sha256(path), role="image")
    card = load_card("patient-t1").model_copy(update={"sources": [source]})
    with pytest.raises(TemplateError, match="different values only: a mask or a label map"):
        read_image(card)


@pytest.mark.slow
def test_templateflow_cards_are_understood_from_files_like_theirs(tmp_path):
    """Stand-ins of the same roles, 2 mm: the grid of the release is another, the space is MNI as well."""
    import nibabel

    from xaigt.anatomy.image import understand

    maps = standard_maps()
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = maps.lattice.origin[::-1]
    grey, white, brain = (part[::2, ::2, ::2].astype(np.float32) for part in (maps.grey, maps.white, maps.brain))
    t2 = np.where(brain > 0, 1600 * grey + 1000 * white + 3800 * np.clip(brain - grey - white, 0, 1), 700.0)
    card = load_card("mni152nlin2009c-t2")
    sources = []
    for role, data in (("image", t2), ("brain", brain), ("grey", grey), ("white", white)):
        path = tmp_path / f"{role}.nii.gz"
        nibabel.save(nibabel.Nifti1Image(data.astype(np.float32).transpose(2, 1, 0), affine), path)
        sources.append(LocalFile(local=str(path), sha256=sha256(path), role=role))
    assert {source.role for source in card.sources} == {source.role for source in sources}
    found = understand(card.model_copy(update={"sources": sources}))
    assert not found.estimated and not found.skull
    assert found.levels[0] == pytest.approx(1600, rel=0.08) and found.levels[1] == pytest.approx(1000)
    assert found.levels[2] > 2500
    assert 15 < np.count_nonzero(found.ventricles > 0) / 1000 < 45


@pytest.mark.slow
def test_a_head_ct_made_of_labels_is_understood(shared_data, tmp_path):
    """Held out: nothing was tuned on it."""
    from xaigt.anatomy.image import understand
    from xaigt.anatomy.labelled import Labelled

    head = Labelled.read(shared_data / "templates" / "synthseg__training_seg_01.nii.gz")
    found = understand(head.ct(tmp_path))
    assert found.skull and found.estimated
    assert dice(found.depth > 0, head.on(found, head.inside_skull)) > 0.93
    assert dice(found.grey + found.white > 0.5, head.on(found, head.masks["brain (grey or white)"])) > 0.88
    assert dice(found.ventricles > 0, head.on(found, head.masks["ventricles"])) > 0.7
