"""The README's examples are run, with fewer samples."""

import re
from pathlib import Path

import numpy as np

README = Path(__file__).parents[1] / "README.md"


def test_the_python_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    names: dict[str, object] = {}
    exec(block.replace("samples=200", "samples=12"), names)
    assert np.array_equal(names["image"] != names["twin"], names["data"][7].altered > 0)
    assert len(names["train"]) == len(names["data"].split("train"))


def test_every_file_that_a_page_links_to_is_there():
    pages = [README, README.with_name("CONTRIBUTING.md"), *README.parent.glob("docs/**/*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if not link.startswith(("http", "mailto:")):
                assert (page.parent / link).exists(), f"{page}: {link}"
