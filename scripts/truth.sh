#!/usr/bin/env bash
# The tests against published figures that take minutes: docs/results.md has their table.
#   scripts/truth.sh [--all] [NAME ..]   default: all of them. What they measured: build/truth.txt
# --all: the cells of McMahan's table that take an hour each as well.
# They need ../shared/data (or $CONSILIUM_DATA), and say when they skip without it.
set -euo pipefail
cd "$(dirname "$0")/.."
export CONSILIUM_TRUTH=1
if [[ ${1:-} == --all ]]; then
  CONSILIUM_TRUTH=all
  shift
fi
tests=("$@")
[[ $# -gt 0 ]] || tests=(client_train_test robust_truth_test mcmahan_truth_test)
scripts/build.sh release "${tests[@]}"
: >build/truth.txt
failed=0
for name in "${tests[@]}"; do
  echo "== $name"
  "build/release/bin/$name" --gtest_filter='*OwnSeeds*:*Table*' | tee >(grep '^TRUTH' >>build/truth.txt) || failed=1
done
cat build/truth.txt
exit $failed
