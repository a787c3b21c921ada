"""How many digits a text has: a microsecond's test that spares most texts the search for numbers."""

_ASCII = "0123456789"
_FULL_WIDTH = "０１２３４５６７８９"


def count_digits(text: str) -> int:
    """Return the number of ASCII and full-width digits."""
    return sum(map(text.count, _ASCII if text.isascii() else _ASCII + _FULL_WIDTH))
