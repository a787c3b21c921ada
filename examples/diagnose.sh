#!/bin/sh
# One incident over HTTP, then what a person said of its first prediction. Needs curl and python3 (to read the answer).
set -eu
url="${FAULTWISE_URL:-http://127.0.0.1:8000}"
key="${FAULTWISE_KEY:?set FAULTWISE_KEY to a key with the scopes diagnose and feedback}"

diagnosis=$(curl --silent --show-error --fail-with-body "$url/v1/diagnoses" \
  -H "X-API-Key: $key" -H "Content-Type: application/json" -H "Idempotency-Key: example-$$" \
  -d '{"number": "INC0099001", "short_description": "VPN 连不上，错误 809", "service": "Remote Access", "cmdb_ci": "vpn-gw-2"}')
echo "$diagnosis"

id=$(printf '%s' "$diagnosis" | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
feedback=$(printf '%s' "$diagnosis" | python3 -c 'import json, sys
target, prediction = next(iter(json.load(sys.stdin)["predictions"].items()))
print(json.dumps({"kind": "overridden", "target": target, "value": prediction["alternatives"][-1]["value"]}))')
curl --silent --show-error --fail-with-body "$url/v1/diagnoses/$id/feedback" \
  -H "X-API-Key: $key" -H "Content-Type: application/json" -d "$feedback"
