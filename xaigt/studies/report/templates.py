"""The templates of the page; whatever is put into them is escaped."""

from __future__ import annotations

from importlib.resources import files

import jinja2


def asset(name: str) -> str:
    """Text of a file beside this one."""
    return files("xaigt.studies.report").joinpath(name).read_text(encoding="utf-8")


def template(name: str) -> jinja2.Template:
    """Template of a file beside this one; what it does not know is an error."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, loader=jinja2.FunctionLoader(asset)
    )
    return environment.get_template(name)
