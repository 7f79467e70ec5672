#!/usr/bin/env bash
# Sets up one part of a working copy: install | dev | browser | servers. Installs system packages only when root;
# otherwise it says in one line what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON="${PYTHON:-python3}"
BIN=.venv/bin

need() { # need PROGRAM-OR-TEST PACKAGES... : runs the test; installs the packages when it fails
  local test="$1"; shift
  if bash -c "$test" >/dev/null 2>&1; then return 0; fi
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "setup: installing $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 ||
      { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
    if bash -c "$test" >/dev/null 2>&1; then return 0; fi
  fi
  echo "setup: missing: $*. Install it, for example: sudo apt-get install $*" >&2
  return 1
}

venv() {
  "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    { echo "setup: Python 3.11 or newer is needed (PYTHON=$PYTHON)" >&2; exit 1; }
  [ -x "$BIN/python" ] && return
  need "$PYTHON -c 'import ensurepip, venv'" python3-venv
  "$PYTHON" -m venv .venv
}

# The lock is whole. Were pip to resolve, it would look past the pins where a package asks for another's extra
# (pytest-cov for coverage[toml]) and stop as soon as a newer version appears.
locked() { "$BIN/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$1"; }
own_package() { "$BIN/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; }

case "${1:-}" in
  install)
    venv
    echo "setup: installing the locked packages (a few minutes the first time)"
    locked requirements.lock
    own_package
    ;;
  dev)
    locked requirements-dev.lock
    ;;
  browser)
    # What is there and starts is taken; else Playwright's own build where it can be had, else the system's packages.
    starts() { "$BIN/python" scripts/browser_starts.py chromium >/dev/null 2>&1; }
    if starts; then exit 0; fi
    if timeout 300 "$BIN/playwright" install --only-shell chromium >/dev/null 2>&1; then
      if starts; then exit 0; fi
      # It is there, but libraries of the system are not.
      if [ "$(id -u)" = 0 ] && timeout 300 "$BIN/playwright" install-deps chromium >/dev/null 2>&1 && starts; then
        exit 0
      fi
    fi
    need "command -v chromium-headless-shell" chromium-headless-shell fonts-dejavu-core ||
      need "command -v chromium" chromium fonts-dejavu-core
    ;;
  servers)
    need "command -v prometheus && command -v promtool && command -v prometheus-pushgateway" \
      prometheus prometheus-pushgateway
    need "command -v prometheus-alertmanager && command -v amtool && command -v prometheus-node-exporter" \
      prometheus-alertmanager prometheus-node-exporter
    # Without Firefox its tests are left out, and say so.
    need "command -v firefox-esr || command -v firefox" firefox-esr || true
    ;;
  *)
    echo "usage: scripts/setup.sh install | dev | browser | servers" >&2
    exit 2
    ;;
esac
