#!/usr/bin/env bash
# Builds the benchmarks (preset bench) and runs them all; the table goes to build/bench/results.txt.
#   scripts/bench.sh                 short sizes, about a quarter of an hour
#   scripts/bench.sh --full          the sizes of the goals: tens of gigabytes on disk for a while
#   scripts/bench.sh [--full] NAME.. only these: sum transfer rounds memory connections restart link simulate stragglers
# docs/performance.md says what each figure means. Wall times are only worth something on a machine
# that does nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

full=()
names=()
for word in "$@"; do
  case $word in
    --full) full=(--full) ;;
    -*) echo "bench: no option $word; there is --full" >&2; exit 4 ;;
    *) names+=("$word") ;;
  esac
done
[[ ${#names[@]} -eq 0 ]] && names=(sum transfer rounds memory connections restart link simulate stragglers)

cmake --preset bench >/dev/null
scripts/build.sh bench
work=build/bench/work
results=build/bench/results.txt
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT

sha=$(openssl speed -seconds 1 -bytes 16384 sha256 2>/dev/null | awk '/^sha256/ {print $NF}')
{
  echo "# $(date -u +%FT%TZ) commit $(git rev-parse --short HEAD)${full:+ full}"
  echo "# cpu: $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores," \
    "$(awk '/MemTotal/ {printf "%.0f", $2 / 1048576}' /proc/meminfo) GiB; kernel $(uname -r)"
  echo "# disk: $(df --output=source,fstype "$work" | tail -n 1); SHA-256 of 16 KiB: ${sha:-?}"
  echo "# load when it began: $(cut -d ' ' -f 1-3 /proc/loadavg)"
} >"$results"
printf '%-28s %12s %-10s %12s %8s\n' name value unit floor ratio >>"$results"
failed=0
for name in "${names[@]}"; do
  echo "== $name" >&2
  if ! lines=$("build/bench/bin/${name}_bench" "${full[@]}" --work "$work"); then
    failed=1
    lines="${name}_bench FAILED - - -"
  fi
  awk '{printf "%-28s %12s %-10s %12s %8s\n", $1, $2, $3, $4, $5}' <<<"$lines" | tee -a "$results"
done
echo "# load when it ended: $(cut -d ' ' -f 1-3 /proc/loadavg)" >>"$results"
exit "$failed"
