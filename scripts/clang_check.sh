#!/usr/bin/env bash
# Compiles the product with clang: thread-safety analysis as errors. Tests are left to g++.
set -euo pipefail
cd "$(dirname "$0")/.."
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
[[ -f build/tidy/build.ninja ]] || cmake --preset tidy -DCONSILIUM_BUILD_TESTS=OFF >/dev/null
cmake --build build/tidy -j "${CONSILIUM_JOBS:-2}"
