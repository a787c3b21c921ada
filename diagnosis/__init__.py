"""The domain: an incident goes in, a diagnosis comes out.

Examples
--------
Load the release in service and ask it::

    from diagnosis import Diagnoser, Incident

    diagnoser = Diagnoser.load("models")
    diagnosis = diagnoser.diagnose(Incident("INC1", short_description="VPN down"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diagnosis.diagnoser import Diagnoser
    from diagnosis.findings import Diagnoses, Diagnosis
    from diagnosis.incident import Incident
    from diagnosis.knowledge import KnowledgeArticle

__all__ = ["Diagnoser", "Diagnoses", "Diagnosis", "Incident", "KnowledgeArticle"]

_MODULES = {
    "Diagnoser": "diagnosis.diagnoser",
    "Diagnoses": "diagnosis.findings",
    "Diagnosis": "diagnosis.findings",
    "Incident": "diagnosis.incident",
    "KnowledgeArticle": "diagnosis.knowledge",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whichever name is asked for
    # When first used: the diagnoser brings NumPy, pandas and FAISS, a second that no other module of ours should cost.
    if name not in _MODULES:
        raise AttributeError(f"module 'diagnosis' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(_MODULES[name]), name)
