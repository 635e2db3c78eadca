#!/usr/bin/env bash
# Compiles the product with clang: thread-safety analysis as errors. Tests are left to g++.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/build.sh clang
