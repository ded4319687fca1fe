"""The report of a study: one page that needs nothing but itself, and its figures as PNG, SVG and CSV beside it."""

from __future__ import annotations

from pathlib import Path

from xaigt.dataset.files import disk_errors, replace
from xaigt.studies.progress import Progress, silent

REPORT, PAGE = "report", "index.html"


def write(folder: Path, progress: Progress = silent) -> Path:
    """Write the report of a study, finished or not, into its folder ``report``.

    Parameters
    ----------
    folder
        Of the study, as ``xaigt study pretraining`` leaves it.
    progress
        Shows how many sections are done.

    Returns
    -------
    Path
        The page. The same study gives the same bytes.

    Raises
    ------
    XaigtError
        If the folder is no study, or one of its files is damaged.
    """
    from xaigt.studies.folder import load
    from xaigt.studies.report.page import page
    from xaigt.studies.report.source import Source

    source = Source(load(folder))
    target = folder / REPORT
    with disk_errors(target), progress("report", "sections") as update:
        target.mkdir(exist_ok=True)
        replace(target / PAGE, page(source, target, update).encode())
    return target / PAGE
