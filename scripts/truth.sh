#!/usr/bin/env bash
# The tests against published figures that take minutes: docs/results.md has their table.
#   scripts/truth.sh [NAME ..]   default: all of them. What they measured: build/truth.txt
# They need ../shared/data (or $CONSILIUM_DATA), and say when they skip without it.
set -euo pipefail
cd "$(dirname "$0")/.."
tests=("$@")
[[ $# -gt 0 ]] || tests=(robust_truth_test)
scripts/build.sh release "${tests[@]}"
: >build/truth.txt
failed=0
for name in "${tests[@]}"; do
  echo "== $name"
  CONSILIUM_TRUTH=1 "build/release/bin/$name" | tee >(grep '^TRUTH' >>build/truth.txt) || failed=1
done
cat build/truth.txt
exit $failed
