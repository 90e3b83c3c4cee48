"""Sounds side by side: a heading, a picture, a player and the facts."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """A sound.

    Attributes:
        title: What it is.
        sound: Address of its WAV file.
        pictures: Addresses of pictures by what they show.
        facts: Values by their names.
    """

    title: str
    sound: str
    pictures: Mapping[str, str]
    facts: Mapping[str, str]


def show_cards(cards: Sequence[Card], still: str = "", kind: str = "") -> str:
    """Cards as HTML.

    Args:
        cards: In their order.
        still: What is still being made, if anything.
        kind: A class of `page.css`; "st-narrow" for five in a row.
    """
    shown = "".join(map(_card, cards))
    waiting = f'<div class="st-empty">{html.escape(still)}</div>' if still else ""
    return f'<div class="st-cards {kind}">{shown}{waiting}</div>'


def _card(card: Card) -> str:
    title = html.escape(card.title)
    pictures = "".join(
        f'<figure><img src="{address}" alt="{html.escape(what)}: {title}">'
        f"<figcaption>{html.escape(what)}</figcaption></figure>"
        for what, address in card.pictures.items()
    )
    facts = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>"
        for name, value in card.facts.items()
    )
    return (
        f'<section class="st-card"><h3>{title}</h3>{pictures}'
        f'<audio controls preload="metadata" src="{card.sound}" aria-label="{title}"></audio>'
        f"<dl>{facts}</dl></section>"
    )
