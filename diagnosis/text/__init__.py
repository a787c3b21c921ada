"""Text as it really is: repaired, cleaned, split into tokens, its language told.

The order of one text's way is repair (at import), redaction (`diagnosis.redact`), cleaning, boilerplate, tokens.
"""

from diagnosis.text.boilerplate import BoilerplateFilter
from diagnosis.text.cleaning import clean
from diagnosis.text.damage import repair, repair_column
from diagnosis.text.languages import language
from diagnosis.text.markup import plain_text, valid_text
from diagnosis.text.normaliser import TextNormaliser, joined
from diagnosis.text.tokens import tokenise

__all__ = [
    "BoilerplateFilter",
    "TextNormaliser",
    "clean",
    "joined",
    "language",
    "plain_text",
    "repair",
    "repair_column",
    "tokenise",
    "valid_text",
]
