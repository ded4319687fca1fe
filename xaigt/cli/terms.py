"""What the terms of templates forbid, said before anything is made of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import click

SHOWN = 3  # names; more are counted


def print_restrictions(names: Iterable[str]) -> None:
    """Print the licence and restrictions of restricted templates; those with the same terms together."""
    from xaigt.anatomy.cards import load_card

    same: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in names:
        card = load_card(name)
        if restrictions := card.restrictions():
            same[card.licence, " and ".join(restrictions)].append(name)
    for (licence, forbidden), those in same.items():
        more = f" and {len(those) - SHOWN} more" if len(those) > SHOWN else ""
        which = f"template{'s' if len(those) > 1 else ''} {', '.join(those[:SHOWN])}{more}"
        click.echo(f"{which}: {licence}", err=True)
        click.echo(f"{which}: {forbidden}; so is what is made from it. It stands in dataset.json.", err=True)
