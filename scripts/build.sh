#!/usr/bin/env bash
# Configures and builds one preset; quiet unless something fails.
#   scripts/build.sh PRESET [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."
# With ccache, a second clone on this machine finds what the first one compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
preset=${1:?which preset: see CMakePresets.json}
shift
build=build/$preset
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [[ ! -f $build/build.ninja ]] && ! cmake --preset "$preset" >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
targets=()
[[ $# -gt 0 ]] && targets=(--target "$@")
if ! cmake --build "$build" -j "${CONSILIUM_JOBS:-2}" "${targets[@]}" >"$log" 2>&1; then
  grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking|Running|Generating|Scanning)' "$log" | tail -n 80 >&2
  exit 1
fi
