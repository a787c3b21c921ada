#!/bin/sh
# Retrain from the service's own store; the new release is published only if the gate lets it. Exit status 0: published, or
# nothing new to learn; 1: refused, left to a person, or failed. FAULTWISE_DATABASE and FAULTWISE_MODELS say where both are.
set -eu
exec faultwise retrain --database "${FAULTWISE_DATABASE:-sqlite:///var/faultwise.db}" --models "${FAULTWISE_MODELS:-models}" \
  --reports "${FAULTWISE_REPORTS:-reports}" --json --quiet "$@"
