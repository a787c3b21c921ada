"""Where the header of a table is: below titles, titles that were merged over all columns, and lines of filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

SEARCH_ROWS = 20  # rows in which a header is looked for


def header_place(rows: Sequence[Sequence[str]], is_known: Callable[[str], bool]) -> int | None:
    """Return the place of the header among the first rows of a table, None if none of them has a cell.

    It is the row with the most names that are known. Where no row has two, it is the first row with at least half as
    many different cells as the widest: rows of data may have empty cells, a header has none, and a title that an
    exporter wrote into every cell of its row is one cell.
    """
    counts = [known_names(row, is_known) for row in rows]
    if counts and max(counts) >= 2:
        return counts.index(max(counts))
    widths = [len({cell.strip() for cell in row if cell.strip()}) for row in rows]
    if not widths or not max(widths):
        return None
    return next(place for place, width in enumerate(widths) if 2 * width >= max(widths))


def known_names(row: Sequence[str], is_known: Callable[[str], bool]) -> int:
    """Return how many different cells of a row are names that a header may have."""
    return sum(is_known(cell) for cell in {cell.strip() for cell in row} if cell)


def header_of(row: Sequence[str]) -> list[str]:
    """Return a row as a header: trimmed names, without the empty ones at its end."""
    header = [name.strip().lstrip("\ufeff") for name in row]
    while header and not header[-1]:
        header.pop()
    return header
