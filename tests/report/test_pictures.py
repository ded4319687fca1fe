import numpy as np
from matplotlib.image import imread

from xaigt.report.pictures import OUTLINE, gallery, sample_picture


def red_pixels(path):
    picture = imread(path)[..., :3]
    colour = np.array([int(OUTLINE[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return int((np.abs(picture - colour).max(-1) < 0.15).sum())


def test_the_gallery_shows_both_classes_and_the_outline(slices, volumes, tmp_path):
    for data in (slices, volumes):
        assert red_pixels(gallery(data, tmp_path / "gallery.png")) > 100
    negatives = slices.where(lambda samples: samples["label"] == 0)
    assert red_pixels(gallery(negatives, tmp_path / "negatives.png")) == 0


def test_a_picture_of_one_sample(slices, volumes, tmp_path):
    for data in (slices, volumes):
        number = int(np.flatnonzero(data.samples["label"])[0])
        assert red_pixels(sample_picture(data, number, tmp_path / "a.png")) > 50
    healthy = int(np.flatnonzero(slices.samples["label"] == 0)[0])
    assert red_pixels(sample_picture(slices, healthy, tmp_path / "b.png")) == 0
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
