#!/usr/bin/env bash
# What is too long for every change: coverage, clang-tidy on everything, long fuzzing, many seeds.
#   scripts/nightly.sh [FUZZ_SECONDS_EACH]   default 600
set -euo pipefail
cd "$(dirname "$0")/.."
fuzz_seconds=${1:-600}
scripts/setup.sh
echo "== every header compiles alone"
scripts/build.sh release all_verify_interface_header_sets
echo "== clang-tidy, every source"
scripts/tidy.sh --all
echo "== fuzz, $fuzz_seconds s each"
scripts/build.sh fuzz
scripts/fuzz.sh "$fuzz_seconds"
echo "== simulation, 100,000 seeds"
scripts/build.sh release
CONSILIUM_SEEDS=100000 ctest --test-dir build/release --output-on-failure -R round_simulation \
  -j "${CONSILIUM_JOBS:-2}" --timeout 7200
echo "== chaos, an hour"
CONSILIUM_CHAOS_STRIKES=${CONSILIUM_CHAOS_STRIKES:-1200} CONSILIUM_SEED=$(date +%j) \
  build/release/bin/chaos_test
echo "== coverage"
scripts/build.sh coverage
ctest --test-dir build/coverage --output-on-failure -j "${CONSILIUM_JOBS:-2}" --timeout 900
python3 scripts/coverage.py build/coverage
