"""The state of a knowledge base: what no article answers, what is out of date, told twice, or badly formed."""

from diagnosis.knowledge_health.health import KnowledgeHealth, SearchedIncidents, assess_knowledge

__all__ = ["KnowledgeHealth", "SearchedIncidents", "assess_knowledge"]
