"""How many digits a text has: a microsecond's test that spares most texts the search for numbers."""


def count_digits(text: str) -> int:
    """Return the number of ASCII digits."""
    return sum(map(text.count, "0123456789"))
