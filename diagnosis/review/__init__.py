"""The quarter's review: what was measured, what moved it, what to do about it, and what earlier actions achieved."""

from diagnosis.review.facts import Comment, MeasuredEvents, Outage, ReviewFacts
from diagnosis.review.history import ReviewHistory
from diagnosis.review.quarters import Quarter, last_complete_quarter
from diagnosis.review.review import ReviewExtras, extras_of, plain_action, plain_gaps, review_quarter
from diagnosis.review.settings import ReviewSettings
from diagnosis.review.summary import summary
from diagnosis.review.wording import Words

__all__ = [
    "Comment",
    "MeasuredEvents",
    "Outage",
    "Quarter",
    "ReviewExtras",
    "ReviewFacts",
    "ReviewHistory",
    "ReviewSettings",
    "Words",
    "extras_of",
    "last_complete_quarter",
    "plain_action",
    "plain_gaps",
    "review_quarter",
    "summary",
]
