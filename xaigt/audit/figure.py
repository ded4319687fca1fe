"""The picture of an audit: every area with its interval against the margin, and the checks."""

from __future__ import annotations

from pathlib import Path

from xaigt.audit.lines import MARGIN, Line, Role, Verdict
from xaigt.audit.report import Report
from xaigt.dataset.files import disk_errors
from xaigt.report.pictures import new_figure, save_figure

COLOURS = {
    Verdict.PASS: "#1b7837",
    Verdict.FAIL: "#c51b1b",
    Verdict.INCONCLUSIVE: "#d98c00",
    Verdict.NOT_JUDGED: "#808080",
}
_KEY = "circle: by rank, or pixels; triangle: by tree, or all together; shaded: what may pass"
_TITLES = {
    Role.SHORTCUT: "must not tell the class",
    Role.EVIDENCE: "must tell the class: the lesion alone",
    Role.DECLARED: "must tell the class: declared class_defining",
    Role.NATURE: "tells the class by nature of the task, not judged",
}


def audit_figure(report: Report, path: Path) -> Path:
    """Draw every line of a report and write a PNG.

    Raises
    ------
    DatasetError
        If the disk does not let it.
    """
    groups = {role: [line for line in report.lines if line.role is role] for role in _TITLES}
    groups = {role: lines for role, lines in groups.items() if lines}
    rows = sum(len(lines) + 1.6 for lines in groups.values())
    figure = new_figure(10, 1.8 + 0.19 * rows + 0.2 * len(report.checks))
    parts = figure.subplots(
        len(groups) + 1,
        1,
        gridspec_kw={"height_ratios": [*(len(lines) + 1.0 for lines in groups.values()), len(report.checks) + 0.5]},
    )
    for axis, (role, lines) in zip(parts, groups.items(), strict=False):
        _draw(axis, lines, role)
    parts[0].text(0.995, 1, _KEY, transform=parts[0].transAxes, fontsize=7, va="bottom", ha="right")
    last = parts[-1]
    last.set_axis_off()
    last.set_ylim(len(report.checks) - 0.5, -1.2)
    last.set_xlim(0, 1)
    last.text(0, -0.9, "truth, and leaks between splits", fontsize=9, weight="bold", va="center")
    for row, check in enumerate(report.checks):
        last.text(0, row, str(check.verdict), color=COLOURS[check.verdict], fontsize=7.5, weight="bold", va="center")
        words = f"{check.name}: {check.note}"
        last.text(0.13, row, words if len(words) < 120 else words[:117] + "...", fontsize=7.5, va="center")
    about = report.dataset
    figure.suptitle(
        f"Audit of {about['recipe']}, {about['samples']} samples: {report.verdict}",
        color=COLOURS[report.verdict],
        fontsize=12,
    )
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        return save_figure(figure, path)


def _draw(axis: object, lines: list[Line], role: Role) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axis, Axes)
    axis.axvspan(0.5, 0.5 + MARGIN, color="#dfeedd", zorder=0)
    axis.axvline(0.5, color="black", linewidth=0.6)
    for row, line in enumerate(lines):
        colour = COLOURS[line.verdict]
        axis.plot([line.low, line.high], [row, row], color=colour, linewidth=1.6, solid_capstyle="butt")
        axis.plot([line.auc], [row], "o" if line.test in ("rank", "pixels") else "^", color=colour, markersize=4)
    axis.set_yticks(range(len(lines)))
    axis.set_yticklabels(
        [f"{line.name} ({line.test}{', ' + line.target if line.target else ''})" for line in lines], fontsize=7
    )
    axis.set_ylim(len(lines) - 0.4, -0.6)
    axis.set_xlim(0.495, 1.005)
    axis.tick_params(axis="x", labelsize=7)
    axis.set_title(f"{_TITLES[role]}: max(AUC, 1 - AUC)", fontsize=9, loc="left", weight="bold")
    axis.spines[["top", "right"]].set_visible(False)
