"""What a review is shown as: sections of paragraphs, tables of cells and plots."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, how it is meant (``good``, ``bad``), and the section that it leads to."""

    text: str
    tone: str = ""
    link: str = ""


@dataclass(frozen=True)
class Table:
    """A table; columns whose place is in ``numeric`` stand right."""

    columns: tuple[str, ...]
    rows: list[list[Cell]]
    numeric: tuple[int, ...] = ()
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """One part of a review.

    Attributes
    ----------
    plot : str
        Name of a plot of `training.reports.review.plots`; empty for none.
    """

    key: str
    title: str
    paragraphs: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    plot: str = ""
