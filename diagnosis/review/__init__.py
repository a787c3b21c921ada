"""The quarter's review: what was measured, what moved it, what to do about it, and what earlier actions achieved."""

from diagnosis.review.history import Events, ReviewHistory
from diagnosis.review.quarters import Quarter, last_complete_quarter
from diagnosis.review.review import ReviewExtras, review_quarter
from diagnosis.review.settings import ReviewSettings
from diagnosis.review.summary import summary
from diagnosis.review.wording import Words

__all__ = [
    "Events",
    "Quarter",
    "ReviewExtras",
    "ReviewHistory",
    "ReviewSettings",
    "Words",
    "last_complete_quarter",
    "review_quarter",
    "summary",
]
