"""The tables, as SQLAlchemy knows them. The same on SQLite and PostgreSQL; `migrations` is what makes them.

Every row that the parts that search must hear of carries ``sequence``, taken from one counter inside the writing
transaction: the counter's row lock makes the order of sequences the order of commits, so that a reader that asks for
"everything after n" never misses a row that was still being written (a plain database sequence would let it).
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

_TIME = DateTime(timezone=True)
# SQLite counts rows only for INTEGER keys; PostgreSQL wants 64 bits for a log that never ends.
_SERIAL = BigInteger().with_variant(Integer(), "sqlite")

counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)


def _records(name: str) -> Table:
    """Return a table of numbered records: the record itself is ``body``; a deleted one stays as a tombstone."""
    return Table(
        name,
        metadata,
        Column("number", String(255), primary_key=True),
        Column("sequence", BigInteger, nullable=False, unique=True),
        Column("created_at", _TIME, nullable=False),
        Column("updated_at", _TIME, nullable=False),
        Column("deleted", Boolean, nullable=False),
        Column("body", JSON, nullable=False),
    )


incidents = _records("incidents")
articles = _records("articles")

diagnoses = Table(
    "diagnoses",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("incident", String(255), nullable=False),
    Column("release", String(255), nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("body", JSON, nullable=False),
    Index("ix_diagnoses_incident", "incident", "id"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("sequence", BigInteger, nullable=False, unique=True),
    Column("diagnosis", String(32), ForeignKey("diagnoses.id"), nullable=False),
    Column("incident", String(255), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("target", String(255), nullable=False),
    Column("predicted", Text, nullable=True),
    Column("value", Text, nullable=True),
    Column("suggestion", String(255), nullable=True),
    Column("comment", Text, nullable=False),
    Column("actor", String(255), nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("undone_at", _TIME, nullable=True),
    Index("ix_feedback_incident", "incident"),
    Index("ix_feedback_diagnosis", "diagnosis"),
)

rules = Table(
    "rules",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("fields", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("target", String(255), nullable=False),
    Column("value", Text, nullable=False),
    Column("action", String(32), nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("created_by", String(255), nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("holder", String(255), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("request", LargeBinary(32), nullable=False),
    Column("claimed_at", _TIME, nullable=False),
    Column("status", Integer, nullable=True),
    Column("answer", JSON, nullable=True),
    Index("ix_idempotency_claimed_at", "claimed_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("expires_at", _TIME, nullable=True),
    Column("revoked_at", _TIME, nullable=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("key", String(32), ForeignKey("api_keys.id"), nullable=True),  # or, for a person without one, what follows
    Column("actor", String(255), nullable=True),
    Column("name", String(255), nullable=True),
    Column("scopes", JSON(none_as_null=True), nullable=True),
    Column("expires_at", _TIME, nullable=False),
)

key_use = Table(
    "key_use",
    metadata,
    Column("process", String(32), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("used", BigInteger, nullable=False),
    Column("at", _TIME, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    Column("at", _TIME, nullable=False),
    Column("actor", String(255), nullable=False),
    Column("action", String(64), nullable=False),
    Column("object", String(255), nullable=False),
    Column("request", String(128), nullable=False),
    Column("detail", JSON, nullable=False),
)

# What became of answers (`observations`, `revocations`): ``shadow`` is "" for what was answered, else the release that
# answered unseen beside it.

observations = Table(
    "observations",
    metadata,
    Column("incident", String(255), primary_key=True),
    Column("target", String(255), primary_key=True),
    Column("shadow", String(255), primary_key=True),
    Column("release", String(255), nullable=False),
    Column("predicted_at", _TIME, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("value", Text, nullable=False),
    Column("probability", Float, nullable=True),
    Column("seconds", Float, nullable=True),
    Column("seconds_in_service", Float, nullable=True),
    Column("truth", Text, nullable=True),
    Column("taken_back", Boolean, nullable=False),
    Column("settled_at", _TIME, nullable=True),
    Index("ix_observations_release", "release", "shadow", "predicted_at"),
)

revocations = Table(
    "revocations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("release", String(255), nullable=False),
    Column("target", String(255), nullable=False),
    Column("value", String(255), nullable=False),
    Column("at", _TIME, nullable=False),
    Column("detail", JSON, nullable=False),
    UniqueConstraint("release", "target", "value"),
)

# What goes out and what came in from the systems around us (`outbox`, `subscriptions`, `inbox`).

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("destination", String(255), nullable=False),
    Column("key", String(255), nullable=False, unique=True),
    Column("body", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("due_at", _TIME, nullable=False),
    Index("ix_outbox_due", "state", "due_at"),
    Index("ix_outbox_destination", "destination", "state"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("url", Text, nullable=False),
    Column("events", JSON, nullable=False),
    Column("secret", Text, nullable=False),
    Column("previous_secret", Text, nullable=True),
    Column("previous_until", _TIME, nullable=True),
    Column("enabled", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("format", String(16), nullable=False, server_default="webhook"),
    Column("language", String(8), nullable=False, server_default="en"),
)

received = Table(
    "received",
    metadata,
    Column("system", String(32), primary_key=True),
    Column("delivery", String(160), primary_key=True),
    Column("at", _TIME, nullable=False),
    Index("ix_received_at", "at"),
)

monitored = Table(
    "monitored",
    metadata,
    Column("fingerprint", String(255), primary_key=True),
    Column("incident", String(255), nullable=False),
    Column("resolved_at", _TIME, nullable=True),
)

# What is to be done about what was found: a problem, a review's missed target, a gap in the knowledge base.

actions = Table(
    "actions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("title", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("source_kind", String(32), nullable=False),
    Column("source", String(255), nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("owner", String(255), nullable=False),
    Column("due", Date, nullable=True),
    Column("measure", Text, nullable=False),
    Column("expected_effect", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("done_at", _TIME, nullable=True),
    Column("result", JSON(none_as_null=True), nullable=True),
    Column("record", JSON(none_as_null=True), nullable=True),
    Column("created_at", _TIME, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("updated_at", _TIME, nullable=False),
    Index("ix_actions_source", "source_kind", "source"),
    Index("ix_actions_due", "status", "due"),
)

# What is breaking now (`surges`, `monitoring`): warnings with what they join, and what monitoring and changes say.

surges = Table(
    "surges",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("scope_kind", String(16), nullable=False),
    Column("scope_value", Text, nullable=False),
    Column("at", _TIME, nullable=False),
    Column("since", _TIME, nullable=False),
    Column("latest", _TIME, nullable=False),
    Column("over_at", _TIME, nullable=True),
    Column("count", Integer, nullable=False),
    Column("expected", Float, nullable=False),
    Column("window", Float, nullable=False),
    Column("members", JSON, nullable=False),
    Column("course", JSON, nullable=False),
    Column("declared_at", _TIME, nullable=True),
    Column("declared_by", String(255), nullable=False),
    Column("dismissed_at", _TIME, nullable=True),
    Column("dismissed_by", String(255), nullable=False),
    Column("ended_by", String(255), nullable=False),
    Column("note", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("answered_at", _TIME, nullable=True),
    Column("answered_by", String(255), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Index("ix_surges_sequence", "sequence"),
    Index("ix_surges_over_at", "over_at"),
)

surge_incidents = Table(
    "surge_incidents",
    metadata,
    Column("surge", String(32), primary_key=True),
    Column("number", String(255), primary_key=True),
    Column("is_alert", Boolean, nullable=False),
    Index("ix_surge_incidents_number", "number"),
)

watch_states = Table(
    "watch_states",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("holder", String(32), nullable=False),
    Column("until", _TIME, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("saved_at", _TIME, nullable=True),
    Column("state", LargeBinary, nullable=True),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("sequence", BigInteger, nullable=False, unique=True),
    Column("started_at", _TIME, nullable=False),
    Column("latest_at", _TIME, nullable=False),
    Column("ended_at", _TIME, nullable=True),
    Column("repeats", Integer, nullable=False),
    Column("name", String(255), nullable=False),
    Column("cmdb_ci", String(255), nullable=False),
    Column("service", String(255), nullable=False),
    Column("incident", String(255), nullable=False),
    Column("body", JSON, nullable=False),
    Index("ix_alerts_fault", "name", "cmdb_ci", "service", "latest_at"),
    Index("ix_alerts_started_at", "started_at"),
)

# What people said of alerts and incidents: whether an alert belongs to an incident.

alert_verdicts = Table(
    "alert_verdicts",
    metadata,
    Column("alert", String(255), primary_key=True),
    Column("incident", String(255), primary_key=True),
    Column("belongs", Boolean, nullable=False),
    Column("at", _TIME, nullable=False),
    Column("by", String(255), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Index("ix_alert_verdicts_incident", "incident"),
    Index("ix_alert_verdicts_sequence", "sequence"),
)

change_records = Table(
    "change_records",
    metadata,
    Column("number", String(255), primary_key=True),
    Column("at", _TIME, nullable=True),
    Column("cmdb_ci", String(255), nullable=False),
    Column("service", String(255), nullable=False),
    Column("updated_at", _TIME, nullable=False),
    Column("body", JSON, nullable=False),
    Index("ix_change_records_item", "cmdb_ci", "at"),
    Index("ix_change_records_service", "service", "at"),
)

service_map = Table(
    "service_map",
    metadata,
    Column("item", String(255), primary_key=True),
    Column("needs", String(255), primary_key=True),
    Column("kind", String(255), nullable=False),
)

maintenance_windows = Table(
    "maintenance_windows",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("starts_at", _TIME, nullable=False),
    Column("ends_at", _TIME, nullable=False),
    Column("scope", JSON, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("created_by", String(255), nullable=False),
    Index("ix_maintenance_windows_ends_at", "ends_at"),
)

# Chronic faults (`problems`): ``members`` are a problem's incidents before people's decisions, so that ids go on.

problems = Table(
    "problems",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("members", JSON, nullable=False),
    Column("merged_into", String(32), nullable=True),
    Column("split_from", String(32), nullable=True),
    Column("record", JSON(none_as_null=True), nullable=True),
    Column("created_at", _TIME, nullable=False),
    Column("updated_at", _TIME, nullable=False),
)

problem_decisions = Table(
    "problem_decisions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("problem", String(32), nullable=False),
    Column("value", Text, nullable=False),
    Column("numbers", JSON, nullable=False),
    Column("actor", String(255), nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("undone_at", _TIME, nullable=True),
)

# Reviews of quarters as they were frozen, what became of their proposals, and callers' answers to the survey.

reviews = Table(
    "reviews",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("quarter", String(8), nullable=False),
    Column("data_hash", String(64), nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("content", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("created_by", String(255), nullable=False),
    Index("ix_reviews_quarter", "quarter"),
)

review_decisions = Table(
    "review_decisions",
    metadata,
    Column("quarter", String(8), primary_key=True),
    Column("proposal", String(64), primary_key=True),
    Column("decision", String(16), nullable=False),
    Column("action", String(32), nullable=True),
    Column("at", _TIME, nullable=False),
    Column("by", String(255), nullable=False),
)

survey_answers = Table(
    "survey_answers",
    metadata,
    Column("incident", String(255), primary_key=True),
    Column("rating", Integer, nullable=False),
    Column("comment", Text, nullable=False),
    Column("language", String(8), nullable=False),
    Column("answered_at", _TIME, nullable=False),
)

# What was announced of clocks (`clocks`): each standing of each clock once.

clock_announcements = Table(
    "clock_announcements",
    metadata,
    Column("incident", String(255), primary_key=True),
    Column("clock", String(16), primary_key=True),
    Column("standing", String(16), primary_key=True),
    Column("at", _TIME, nullable=False),
)
