#!/usr/bin/env bash
# Install what no Python package brings, as root on Debian, or say what is missing. Nothing is installed that is already there.
# `demo`: what every environment needs. `tests`: what the tests use besides; without root they are skipped where it is missing.
set -euo pipefail
python="${PYTHON:-python3}"
needed=() used=()
"$python" -c 'import ensurepip, venv' 2>/dev/null || needed+=(python3-venv)
if [ "${1:-tests}" = tests ]; then
  command -v cc >/dev/null || used+=(gcc libc6-dev)   # tests/faults compiles a layer that drops unsynced writes
  command -v softhsm2-util >/dev/null || used+=(softhsm2)   # the token behind tests/keys/providers
  command -v age >/dev/null || used+=(age)   # what make bench-vault measures files against
fi
missing=("${needed[@]}" "${used[@]}")
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "Missing: ${missing[*]}. Install them (Debian: apt-get install ${missing[*]}) and run this again." >&2
  [ ${#needed[@]} -eq 0 ]
  exit
fi
echo "Installing ${missing[*]} …"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
