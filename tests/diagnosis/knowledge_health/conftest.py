"""The small encoder of the tests of search."""

from tests.diagnosis.search.conftest import encoder

__all__ = ["encoder"]
