#!/usr/bin/env bash
# Write the four locks: hashes, no host names, one version per package across all of them.
set -euo pipefail
cd "$(dirname "$0")/.."
compile=(.venv/bin/uv pip compile --quiet --system-certs --no-config --universal --python-version 3.11
  --generate-hashes --no-header --no-emit-index-url --no-emit-find-links
  --overrides requirements-overrides.in "$@")

"${compile[@]}" pyproject.toml -o requirements.lock
"${compile[@]}" pyproject.toml --extra demo requirements-demo.in -o requirements-demo.lock
"${compile[@]}" pyproject.toml requirements-demo.in requirements-dev.in -o requirements-dev.lock
"${compile[@]}" requirements-uv.in -o requirements-uv.lock

if grep -nE '://|--(extra-)?index-url|--find-links' requirements*.lock; then
  echo "A lock names a host: the lines above." >&2
  exit 1
fi
