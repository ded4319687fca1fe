"""The page in a real browser: no error, every figure there, readable when narrow, usable by keyboard; and its text."""

from __future__ import annotations

import html
import re
import shlex
import shutil

import pandas as pd
import pytest

from tests.studies.report import browser as chromium
from tests.studies.report.example import METRIC, build
from xaigt.errors import XaigtError
from xaigt.studies.folder import load
from xaigt.studies.query import query
from xaigt.studies.report import write

FIGURES = ("training", "scores", "accuracy", "means", "contrasts", "used", "stages")
WIDTHS = (1280, 390)


def text_of(folder):
    return (folder / "report" / "index.html").read_text(encoding="utf-8")


def open_page(browser, folder, width):
    chromium.resize(browser, width, mobile=width < 500)
    browser.get((folder / "report" / "index.html").as_uri())
    return browser


@pytest.mark.parametrize("width", WIDTHS)
def test_every_figure_is_there_without_a_script_error(study, browser, width):
    open_page(browser, study, width)
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    shown = browser.execute_script(
        "return [...document.querySelectorAll('figure.drawn')].map(f => { const i = f.querySelector('img');"
        " return [f.id, i.complete && i.naturalWidth > 100, i.alt.length > 20, i.currentSrc.startsWith('data:')] })"
    )
    assert {name: all(rest) for name, *rest in shown} == {f"figure-{name}": True for name in FIGURES}
    tiles = browser.execute_script("return [...document.querySelectorAll('.tile .map')].map(i => i.naturalWidth)")
    assert tiles == [64] * 18  # 3 samples x 6 networks, at the size of the images


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen_and_letters_are_legible(study, browser, width):
    open_page(browser, study, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('p, li, td, figcaption, label')]"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 13
    # Letters of a figure are 8 of its points or more, but for the smallest marks of 7: at least 9 pixels on the screen.
    scale = browser.execute_script(
        "return Math.min(...[...document.querySelectorAll('figure.drawn img')]"
        ".map(i => i.clientWidth / i.naturalWidth))"
    )
    assert scale * 7 * 96 / 72 >= 9 - 0.2


def test_the_narrow_page_has_narrow_figures(study, browser):
    sources = []
    for width in WIDTHS:
        open_page(browser, study, width)
        sources.append(browser.execute_script("return document.querySelector('#figure-scores img').currentSrc"))
    assert sources[0] != sources[1]


def test_method_and_stage_are_chosen_by_keyboard(study, browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    open_page(browser, study, 1280)

    def state():
        return browser.execute_script(
            "const g = document.querySelector('.gallery'), t = g.querySelector('[data-key]');"
            " return [g.querySelector('.status').textContent, t.querySelector('.map').src,"
            " t.querySelector('.score').textContent, g.querySelector('[name=stage]').disabled]"
        )

    before = state()
    assert "gradcam at block4" in before[0]
    method = browser.find_element(By.NAME, "method")
    method.send_keys(Keys.DOWN, Keys.DOWN)  # saliency: a map of the input, so there is no stage to choose
    after = state()
    assert "saliency at input" in after[0]
    assert after[3] is True
    assert after[1] != before[1]
    assert after[2] != before[2]
    method.send_keys(Keys.UP)
    browser.find_element(By.NAME, "stage").send_keys(Keys.UP)
    assert "hirescam at block2" in state()[0]
    outline = browser.find_element(By.NAME, "outline")
    outline.send_keys(Keys.SPACE)
    hidden = browser.execute_script("return getComputedStyle(document.querySelector('.outline')).display")
    assert hidden == "none"
    browser.find_element(By.NAME, "map").send_keys(Keys.SPACE)
    assert browser.execute_script("return document.querySelector('.tile .map').hidden") is True


def test_the_tab_key_reaches_everything_in_order_and_is_seen(study, browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    open_page(browser, study, 1280)
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    assert browser.switch_to.active_element.text == "Skip to the report"
    seen = []
    for _ in range(120):
        active = browser.switch_to.active_element
        seen.append((active.tag_name, active.get_attribute("name") or active.get_attribute("data-copy")))
        style = browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
        assert style != "none"
        if active.tag_name == "button":
            break
        active.send_keys(Keys.TAB)
    wanted = [("select", "method"), ("select", "stage"), ("input", "map"), ("input", "outline")]
    assert [entry for entry in seen if entry in wanted] == wanted
    assert seen[-1][0] == "button"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    browser.implicitly_wait(2)
    said = browser.find_element(By.CSS_SELECTOR, ".paste .status").text
    assert said.startswith(("Copied", "Selected"))


def test_the_page_has_landmarks_one_heading_and_no_dead_link(study, browser):
    open_page(browser, study, 1280)
    counts = browser.execute_script(
        "return ['main', 'nav', 'header', 'h1'].map(n => document.querySelectorAll(n).length)"
    )
    assert counts == [1, 1, 1, 1]
    assert browser.execute_script("return document.documentElement.lang") == "en"
    dead = browser.execute_script(
        "return [...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.querySelector(a.hash)).length"
    )
    assert dead == 0
    twice = browser.execute_script(
        "const ids = [...document.querySelectorAll('[id]')].map(e => e.id);"
        " return ids.filter((id, at) => ids.indexOf(id) !== at)"
    )
    assert twice == []


def test_every_figure_lies_beside_the_page_as_png_svg_and_csv(study):
    folder = study / "report"
    for name in (*FIGURES, "gallery"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG"), name
        assert b"<svg" in (folder / f"{name}.svg").read_bytes(), name
        assert len(pd.read_csv(folder / f"{name}.csv")), name
    linked = set(re.findall(r'href="([\w.-]+\.(?:png|svg|csv|md))"', text_of(study)))
    assert linked
    assert all((folder / name).exists() for name in linked)


def test_the_page_needs_nothing_but_itself(study):
    text = text_of(study)
    assert not re.search(r'(?:src|srcset|href)="(?:https?:)?//', text)
    assert "@import" not in text
    assert "url(" not in text
    assert len(text) < 5_000_000


def test_numbers_of_a_figure_are_those_of_the_study(study):
    points = pd.read_csv(study / "report" / "scores.csv")
    scores = pd.read_parquet(study / "tables" / "scores.parquet")
    own = scores[(scores["method"] == "saliency") & (scores["metric"] == METRIC)]
    expected = own.groupby("network_id")["value"].mean()
    found = points[points["method"] == "saliency"].set_index("network_id")["value"]
    assert found.to_dict() == pytest.approx(expected.to_dict())


def test_every_number_can_be_traced_by_the_query_beside_it(study):
    commands = re.findall(r"<code>(xaigt study query DIR .*?)</code>", text_of(study))
    folder = load(study)
    answers = [query(folder, shlex.split(html.unescape(command))[4]) for command in commands]
    assert len(answers) == len(FIGURES) + 1  # and the gallery
    for name, answer in zip(FIGURES, answers, strict=False):
        drawn = pd.read_csv(
            study / "report" / f"{name}.csv", dtype={"depth": str}, keep_default_na=False, na_values=[""]
        )
        assert list(answer.columns) == list(drawn.columns), name
        known = [table.astype(object).where(table.notna(), "") for table in (drawn, answer)]
        pd.testing.assert_frame_equal(*known, check_exact=False, obj=name)
    shown = pd.read_csv(study / "report" / "gallery.csv")
    own = answers[-1].set_index(["cell", "method", "stage", "sample"])["value"]
    for row in shown.itertuples():
        assert own[row.cell, row.method, row.stage, row.sample] == pytest.approx(row.precision_at_k, abs=1e-4)


def test_tiles_stand_in_rows_of_arms_and_columns_of_depths(study, browser):
    open_page(browser, study, 1280)
    places = browser.execute_script(
        "return [...document.querySelector('.tiles').querySelectorAll('.tile')].map(t => { const r ="
        " t.getBoundingClientRect();"
        " return [t.querySelector('b').textContent, Math.round(r.left), Math.round(r.top)] })"
    )
    at = {title: place for title, *place in places}
    assert at["scratch, depth 0"][1] == at["scratch, depth all"][1] < at["fractal, depth 0"][1]
    assert (
        at["scratch, depth 0"][0] == at["fractal, depth 0"][0] < at["fractal, depth 1"][0] < at["scratch, depth all"][0]
    )
    open_page(browser, study, 390)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


def test_the_contents_say_where_the_reader_is(study, browser):
    open_page(browser, study, 1280)
    browser.execute_script("document.getElementById('stages').scrollIntoView()")
    found = browser.execute_async_script(
        "const done = arguments[0]; setTimeout(() => done(document.querySelector('nav [aria-current]')?.hash), 300)"
    )
    assert found == "#stages"


def test_errors_of_failed_cells_are_shown_and_not_run(study, browser):
    text = text_of(study)
    assert "<b>no room</b>" not in text
    assert "&lt;b&gt;no room&lt;/b&gt; on the device &amp; more" in text
    assert "12 of 13 networks are finished, 1 failed" in text


@pytest.mark.slow
def test_the_same_study_gives_the_same_bytes(study, slices, tmp_path):
    copy = tmp_path / study.name
    shutil.copytree(study, copy, ignore=shutil.ignore_patterns("report"))
    write(copy)
    names = sorted(path.name for path in (study / "report").iterdir())
    assert names == sorted(path.name for path in (copy / "report").iterdir())
    for name in names:
        assert (study / "report" / name).read_bytes() == (copy / "report" / name).read_bytes(), name


def test_what_is_missing_is_said(bare, browser):
    text = text_of(bare)
    assert "This study is not analysed yet" in text
    assert "There is one arm (scratch): arms are not compared." in text
    assert "Planted against used evidence: the study is not analysed yet." in text
    assert "No maps were kept for a gallery." in text
    open_page(browser, bare, 390)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    shown = browser.execute_script("return [...document.querySelectorAll('figure.drawn')].map(f => f.id)")
    assert shown == ["figure-training"]


@pytest.mark.slow
def test_two_variants_stand_side_by_side(slices, tmp_path):
    folder = build(tmp_path / "study", slices, depths=("0",), variants=("main", "legacy"))
    write(folder)
    text = text_of(folder)
    assert "the conclusion is the same" in text or "the conclusion differs" in text
    assert "Data: main (hemorrhage)" in text and "Data: legacy (lesion-shape-legacy)" in text
    assert {"scores.csv", "legacy-scores.csv", "comparison.svg"} <= {p.name for p in (folder / "report").iterdir()}
    assert set(pd.read_csv(folder / "report" / "comparison.csv")["variant"]) == {"main", "legacy"}
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_architectures_are_averaged_where_there_are_several(slices, tmp_path):
    folder = build(tmp_path / "study", slices, depths=("0", "all"), networks=("small", "resnet18"))
    opened = load(folder)
    points, means = (opened.analysis_table("main", name) for name in ("points", "means"))
    keys = ["arm", "depth", "method"]
    total = means[means["analysis"] == "total"].set_index(keys)["estimate"]
    assert total.to_dict() == pytest.approx(points.groupby(keys)["value"].mean().to_dict())  # as many of each
    write(folder)
    assert "averaged over small and resnet18" in text_of(folder)
    assert (folder / "report" / "means.png").exists()


def test_a_folder_that_is_no_study_is_refused(tmp_path):
    with pytest.raises(XaigtError, match="is not a study"):
        write(tmp_path)
