#!/bin/sh
# One incident over HTTP, then what a person said of its first prediction. Needs curl and python3 (to read one field of the answer).
set -eu
url="${FAULTWISE_URL:-http://127.0.0.1:8000}"
key="${FAULTWISE_KEY:?set FAULTWISE_KEY to a key with the scopes diagnose and feedback}"

diagnosis=$(curl --silent --show-error --fail-with-body "$url/v1/diagnoses" \
  -H "X-API-Key: $key" -H "Content-Type: application/json" -H "Idempotency-Key: example-$$" \
  -d '{"number": "INC0099001", "short_description": "VPN 连不上，错误 809", "service": "Remote Access", "cmdb_ci": "vpn-gw-2"}')
echo "$diagnosis"

id=$(printf '%s' "$diagnosis" | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
target=$(printf '%s' "$diagnosis" | python3 -c 'import json, sys; print(next(iter(json.load(sys.stdin)["predictions"])))')
curl --silent --show-error --fail-with-body "$url/v1/diagnoses/$id/feedback" \
  -H "X-API-Key: $key" -H "Content-Type: application/json" \
  -d "{\"kind\": \"overridden\", \"target\": \"$target\", \"value\": \"Network\"}"
