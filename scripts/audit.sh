#!/usr/bin/env bash
# Known vulnerabilities of the locked packages. The advisories come from the network: without it this says so and goes on,
# for a machine behind a mirror must still be able to check everything else.
set -uo pipefail
cd "$(dirname "$0")/.."
# The lock is read as it is: nothing is installed, nothing is resolved anew.
output=$(.venv/bin/pip-audit --requirement requirements.lock --disable-pip --require-hashes --progress-spinner off \
  --timeout 10 2>&1)
status=$?
# A mirror may know no advisories and answer "not found" for every package: exit 0, yet nothing was checked.
skipped=$(grep -c "could not be audited" <<<"$output")
if [ "$status" -eq 0 ] && [ "$skipped" -eq 0 ]; then
  echo "pip-audit: no known vulnerability in requirements.lock"
elif [ "$status" -eq 0 ]; then
  echo "pip-audit: no known vulnerability, but the service here could tell nothing of $skipped packages"
elif grep -qE "ConnectionError|ServiceError|Connection refused|Max retries|timed out|NameResolution|ProxyError|HTTPError" <<<"$output"; then
  echo "pip-audit: not checked, the advisory service cannot be reached from here"
else
  echo "$output"
  exit 1
fi
