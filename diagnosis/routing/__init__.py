"""Routing: which class an incident belongs to, how probable that is, and where it is proven to need no person."""

from diagnosis.routing.classifier import TargetClassifier
from diagnosis.routing.features import FeatureWeights
from diagnosis.routing.router import Router
from diagnosis.routing.scores import ClassScore, RoutingScores
from diagnosis.routing.sharing import share_features

__all__ = ["ClassScore", "FeatureWeights", "Router", "RoutingScores", "TargetClassifier", "share_features"]
