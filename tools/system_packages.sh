#!/usr/bin/env bash
# Install what no Python package brings, or say what is missing. Nothing is installed that is already there.
set -euo pipefail
python="${PYTHON:-python3}"
missing=()
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
command -v cc >/dev/null || missing+=(gcc libc6-dev)   # tests/faults compiles a layer that drops unsynced writes
command -v softhsm2-util >/dev/null || missing+=(softhsm2)   # the token behind tests/keys/providers
command -v age >/dev/null || missing+=(age)   # what make bench-vault measures files against
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "Missing: ${missing[*]}. Install them (Debian: apt-get install ${missing[*]}) and run this again." >&2
  exit 1
fi
echo "Installing ${missing[*]} …"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
