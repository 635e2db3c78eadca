#!/usr/bin/env bash
# Runs every fuzz target for a while, from its corpus in the repository.
#   scripts/fuzz.sh SECONDS_EACH [PRESET]   preset fuzz (optimised), or asan, which has them as well
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?seconds for each target}
build=build/${2:-fuzz}
shopt -s nullglob
targets=("$build"/bin/*_fuzz)
if [[ ${#targets[@]} -eq 0 ]]; then
  echo "fuzz: no target is built: scripts/build.sh ${2:-fuzz}" >&2
  exit 1
fi
for target in "${targets[@]}"; do
  name=$(basename "$target" _fuzz)
  work=$build/corpus/$name
  found=$build/found/$name-
  mkdir -p "$work" "$build/found"
  corpus=(tests/fuzz/corpus/"$name")
  [[ -d ${corpus[0]} ]] || corpus=()
  echo "fuzz: $name for ${seconds}s"
  if ! "$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -verbosity=0 \
       -print_final_stats=1 -artifact_prefix="$found" "$work" "${corpus[@]}" >"$work.log" 2>&1; then
    tail -n 40 "$work.log" >&2
    echo "fuzz: $name failed; the input lies in $build/found/" >&2
    exit 1
  fi
  grep -E 'number_of_executed_units' "$work.log" || true
done
echo "NOTE: ${#targets[@]} targets, ${seconds}s each"
