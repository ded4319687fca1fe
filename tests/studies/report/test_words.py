"""References, the methods paragraph, the layers of the gallery, and tables, by hand."""

from __future__ import annotations

import base64
import io
import itertools
import re

import numpy as np
import pandas as pd
import pytest

from tests.studies.report.example import METRIC
from xaigt.statistics import wording
from xaigt.studies.folder import load
from xaigt.studies.report import citing, estimates, gallery, layers, methods, parts, sections, style, tables
from xaigt.studies.report.plate import plate
from xaigt.studies.report.source import Source, View, depth_order


@pytest.fixture(scope="module")
def view(study):
    return View(Source(load(study)), "main")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391).", "Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391)."),
        ("LRP (Bach, doi 10.1371/journal.pone.0130140).", "LRP (Bach, doi 10.1371/journal.pone.0130140)."),
        ("A title.\n\nAfter Kataoka (ACCV,\narXiv 2101.08515): more.", "Kataoka (ACCV, arXiv 2101.08515)."),
        ("Uniform noise: what a map without information scores.", ""),
    ],
)  # fmt: skip
def test_publications_are_read_from_declarations(text, found):
    assert citing.published(text) == found


def test_explainers_metrics_and_arms_name_their_sources():
    assert "1610.02391" in citing.explainer_source("gradcam")
    assert citing.explainer_source("untrained/saliency") == citing.explainer_source("saliency")
    assert citing.explainer_source("random") == citing.explainer_source("no-such-method") == ""
    assert "10.1016/j.inffus.2021.11.008" in citing.metric_source("precision_at_k")
    assert "2101.08515" in citing.arm_source("fractal")
    assert citing.arm_source("scratch") == citing.arm_source("../etc") == ""


def test_references_are_numbered_in_the_order_of_the_text(view):
    written = methods.paragraph(view)
    marks = [int(n) for group in re.findall(r"\[([\d, ]+)\]", written.text) for n in group.split(", ")]
    first = list(dict.fromkeys(marks))
    assert first == list(range(1, len(written.references) + 1))


def test_the_paragraph_says_what_was_done_and_what_is_not_known(view):
    written = methods.paragraph(view)
    for part in (
        "recipe hemorrhage",
        "scratch",
        "fractal",
        "5 epochs",
        "gradcam",
        "precision_at_k",
        "12 networks of 13 planned",
    ):
        assert part in written.text
    assert any("not the published contrast" in note for note in written.notes)
    assert any("check them against the publications" in note for note in written.notes)
    assert any("[unverified]" in note for note in written.notes)


def test_an_outline_runs_along_the_edges_of_the_voxels():
    mask = np.zeros((3, 4), bool)
    mask[1, 1:3] = True
    path = layers.outline(mask)
    assert sorted(path.replace("M", " M").split(" M")[1:]) == ["1 1H3", "1 1V2", "1 2H3", "3 1V2"]
    assert layers.outline(np.zeros((2, 2), bool)) == ""


def decoded(address):
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGBA")).astype(int)


def test_a_map_is_transparent_where_it_says_nothing_and_strongest_at_its_peak():
    shown = decoded(layers.overlay(np.array([[0.0, 1.0, -2.0], [np.nan, 0.1, 2.0]])))
    assert shown[0, 0, 3] == shown[1, 0, 3] == 0
    assert shown[1, 2].tolist() == [213, 94, 0, 230]  # the peak: red, for the class
    assert shown[0, 2].tolist() == [0, 114, 178, 230]  # as strong, blue, against it
    assert 0 < shown[1, 1, 3] < shown[0, 1, 3] < 230
    assert decoded(layers.overlay(np.zeros((2, 2))))[..., 3].max() == 0


def test_the_gallery_is_bounded_and_says_what_it_leaves_out(view):
    whole = gallery.collect(view)
    assert len(whole["cells"]) == 6
    assert whole["notes"] == []
    size = sum(map(len, whole["maps"].values()))
    part = gallery.collect(view, cap=size // 2)
    assert 1 <= len(part["cells"]) <= 3
    assert f"{6 - len(part['cells'])} of 6 networks are not shown" in part["notes"][0]
    assert {cell["title"].split("depth ")[1] for cell in part["cells"]} <= {"all", "0"}
    assert [sample["rank"] for sample in whole["samples"]] == ["best", "median", "worst"]


@pytest.mark.parametrize(
    ("stages", "wanted", "shown"),
    [
        (["block1", "block2", "block3"], "block2", "block2"),
        (["block1", "block2", "block3"], "last", "block3"),
        (["block1", "input"], "last", "block1"),
        (["input"], "block2", "input"),
    ],
)
def test_a_method_is_first_shown_at_the_stage_that_the_analysis_compares(stages, wanted, shown):
    assert gallery.opening(stages, wanted) == shown


def test_the_gallery_and_its_picture_for_print_open_at_the_stage_of_the_analysis(study):
    view = View(Source(load(study)), "main")
    view.source.configuration["analysis"]["stage"] = "block2"
    shown = gallery.collect(view)
    assert set(shown["opens"]) == set(shown["methods"])
    assert set(shown["opens"].values()) == {"block2", "input"}
    figure = plate(view, shown).draw(8)
    assert "hirescam\nblock2" in [text.get_text() for text in figure.axes[0].texts]


def test_in_the_picture_for_print_the_tiles_touch_and_have_the_proportions_of_the_slices(view):
    shown = gallery.collect(view)
    figure = plate(view, shown).draw(8)
    width, height = figure.get_size_inches()
    axes = figure.axes[0]
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, width), (height, 0))  # so that its units are inches
    boxes = list(dict.fromkeys(tuple(image.get_extent()) for image in axes.images))
    methods, arms = len(shown["methods"]), len({cell["arm"] for cell in shown["cells"]})
    assert len(boxes) == (methods + 1) * arms * len(shown["samples"])
    for left, right, bottom, top in boxes:
        assert (right - left) / (bottom - top) == pytest.approx(shown["samples"][0]["ratio"])
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
    for box, after in itertools.pairwise(boxes):
        if after[3] == box[3]:  # in one row
            assert 0 < after[0] - box[1] < 0.05


def test_scores_of_tiles_are_those_of_the_table(view):
    shown = gallery.collect(view)
    key = next(key for key in shown["scores"] if "/hirescam/block2/" in key)
    cell, method, stage, sample = key.split("/")
    table = view.table("scores")
    own = table[(table["cell"] == cell) & (table["method"] == method) & (table["stage"] == stage)]
    value = own[own["metric"] == METRIC].set_index("sample")["value"][int(sample)]
    assert shown["scores"][key] == pytest.approx(value, abs=1e-4)


def test_the_same_numbers_give_the_same_pictures(view):
    drawing = estimates.means(view)
    first, second = ([style.encoded(drawing.draw(4), kind, "means") for kind in ("svg", "png")] for _ in range(2))
    assert first == second


def test_findings_tell_a_reader_of_the_page_and_not_a_caller_of_a_function(view, tmp_path):
    writer = sections.Writer(view, tmp_path, "")
    sentence = "several networks share a pre-training run and are not independent; pass cluster='pretrain_id'."
    told = writer._finding({"code": "shared_pretraining", "sentence": sentence})
    start = "Several networks share a pre-training run and are not independent"
    assert told == f"{start}; the contrasts that take those runs as clusters stand beside the others."
    assert writer._finding({"code": "other", "sentence": sentence}) == f"{start}."
    assert sections.said("at dprime = 0.5, dprime_se") == "at d′ = 0.5, dprime_se"
    assert "sensitivity()" in wording.ADJUSTED and "sensitivity()" not in sections.said(wording.ADJUSTED)


def test_queries_name_tables_of_other_variants_in_quotes():
    assert View(None, "main").sql("points") == "select * from main_points"
    assert View(None, "main-same").sql("points") == 'select * from "main-same_points"'
    assert parts.command('select * from "a-b"') == """xaigt study query DIR 'select * from "a-b"'"""
    assert parts.command("select 'x'") == "xaigt study query DIR \"select 'x'\""


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (3, 3), (4, 2), (5, 3), (7, 3)])
def test_no_row_of_panels_is_left_almost_empty(count, columns):
    _figure, axes = style.panels(9, count)
    assert len({round(axis.get_position().x0, 3) for axis in axes}) == columns


def test_depths_run_from_the_head_to_everything():
    assert sorted(["all", "10", "2", "0:3,all:2", "0"], key=depth_order) == ["0", "2", "10", "all", "0:3,all:2"]


def test_names_of_lines_keep_apart_and_inside():
    _figure, (axis,) = style.panels(4, 1)
    axis.set_ylim(0, 1)
    style.name_lines(axis, [(0.99, "a", "k"), (0.98, "b", "k"), (0.5, "c", "k")], gap=0.1)
    places = sorted(text.xy[1] for text in axis.texts)
    assert all(b - a >= 0.1 - 1e-9 for a, b in itertools.pairwise(places))
    assert places[-1] <= 0.98 + 1e-9


@pytest.mark.parametrize(
    ("value", "shown"), [(None, ""), (float("nan"), ""), (0.123456, "0.1235"), (True, "yes"), (3, "3"), ("a", "a")]
)
def test_values_of_tables(value, shown):
    assert tables.text(value) == shown


def test_a_long_table_says_how_long_it_is():
    table = tables.of_frame(pd.DataFrame({"n": range(9)}), "Rows.", 4)
    assert len(table.rows) == 4
    assert table.caption == "Rows. The first 4 of 9 rows."
