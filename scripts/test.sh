#!/usr/bin/env bash
# Sets up, builds and runs all tests. Ends with a table: what ran, how long, what was NOT RUN and why.
#   scripts/test.sh              release, format, asan, tsan (about 50 minutes on 2 cores from nothing)
#   scripts/test.sh STAGE...     only these: release format asan tsan tidy
set -uo pipefail
cd "$(dirname "$0")/.."

all_stages=(release format asan tsan tidy)
default_stages=(release format asan tsan)
stages=("$@")
[[ $# -eq 0 ]] && stages=("${default_stages[@]}")
for stage in "${stages[@]}"; do
  if [[ " ${all_stages[*]} " != *" $stage "* ]]; then
    echo "test: no stage $stage; there are: ${all_stages[*]}" >&2
    exit 4
  fi
done

rows=()
failed=0
begun=$SECONDS

row() { rows+=("$(printf '%-28s %-8s %6s  %s' "$1" "$2" "$3" "${4:-}")"); }

# step NAME LIMIT_SECONDS COMMAND...: runs it, keeps a row, prints its output when it fails.
step() {
  local name=$1 limit=$2 start=$SECONDS log
  shift 2
  log=build/test-logs/${name// /-}.log
  mkdir -p build/test-logs
  echo "== $name"
  timeout --kill-after=20 "$limit" "$@" >"$log" 2>&1
  local code=$?
  local took=$((SECONDS - start))
  if [[ $code -eq 0 ]]; then
    row "$name" ok "${took}s" "$(tail -n 200 "$log" | grep -E 'tests passed|^NOTE' | tail -n 1)"
    return 0
  fi
  failed=1
  tail -n 120 "$log"
  if [[ $code -eq 124 || $code -eq 137 ]]; then
    row "$name" FAILED "${took}s" "took longer than its limit of ${limit}s"
  else
    row "$name" FAILED "${took}s" "exit code $code; $log"
  fi
  return 1
}

not_run() { row "$1" "NOT RUN" - "$2"; }

ctest_words=(ctest --output-on-failure -j "${CONSILIUM_JOBS:-2}")

skips_of() {  # tests that said they skip, with their reasons
  grep -E 'Skipped' "build/test-logs/$1.log" 2>/dev/null | grep -E '\*\*\*Skipped|^\s+[0-9]+ - .*Skipped' |
    grep -oE '[a-z_]+/[A-Za-z0-9_./]+' | sort -u
}

stage_release() {
  step "release build" 1500 scripts/build.sh release || { not_run "release tests" "did not build"; return; }
  step "release tests" 1200 "${ctest_words[@]}" --test-dir build/release
  skips_of release-tests | while read -r name; do echo "skipped: $name"; done
  step "the demo" 120 scripts/demo.sh
}

# Under sanitizers the simulation runs 100 seeds: the release tests ran 2,000, and showed that it
# finds the planted bugs. CrashAnywhere and FullDisk are one thread, at every disk operation: nothing
# for the thread sanitizer, and six minutes of it.
stage_tsan() {
  step "tsan build" 1200 scripts/build.sh tsan || { not_run "tsan tests" "did not build"; return; }
  CONSILIUM_SEEDS=100 TSAN_OPTIONS="halt_on_error=1" step "tsan tests" 900 "${ctest_words[@]}" --test-dir build/tsan \
    -E '^planted_bugs_test/|/CrashAnywhere\.|/FullDisk\.'
  not_run "tsan: crashes at every disk operation" "one thread; release and asan ran them"
}

# One build with clang: its thread-safety analysis as errors, the sanitizers, the fuzz targets.
stage_asan() {
  step "asan build, thread safety" 1500 scripts/build.sh asan || { not_run "asan tests" "did not build"; return; }
  CONSILIUM_SEEDS=100 step "asan tests" 1200 "${ctest_words[@]}" --test-dir build/asan \
    -E '^(site_survival_test|drain_test|planted_bugs_test)/'
  not_run "asan, tsan: planted bugs" "that the simulation finds them was shown by release, in minutes less"
  not_run "asan, tsan: MNIST" "mnist_golden_test: many minutes unoptimised; release ran it, heart and WDBC ran here"
  not_run "asan: stops and kills" "site_survival_test, drain_test, tests/chaos: their jobs take minutes when checked; release ran them"
  step "fuzz, short" 300 scripts/fuzz.sh "${CONSILIUM_FUZZ_SECONDS:-8}" asan
}

# Last, and bounded by what is left of the hour: the tests come first.
stage_tidy() {
  local left=$((54 * 60 - (SECONDS - begun)))
  if [[ $left -lt 60 ]]; then
    not_run "clang-tidy, changed files" "$(((SECONDS - begun) / 60)) minutes are gone: scripts/test.sh tidy"
    return
  fi
  CONSILIUM_TIDY_SECONDS=$((left < 300 ? left : 300)) step "clang-tidy, changed files" 420 scripts/tidy.sh
}
stage_format() { step "format" 120 scripts/format.sh --check; }

step "set-up" 600 scripts/setup.sh
for stage in "${all_stages[@]}"; do
  if [[ " ${stages[*]} " == *" $stage "* ]]; then
    "stage_$stage"
  else
    not_run "$stage" "not asked for: scripts/test.sh $stage, or scripts/nightly.sh"
  fi
done
for later in "every header alone" coverage "full clang-tidy" "long fuzz" "100,000 seeds" \
  "an hour of chaos"; do
  not_run "$later" "scripts/nightly.sh"
done

# The closing lines of ctest, for whoever reads only the end.
grep -E 'tests passed|tests failed|Total Test time' build/test-logs/release-tests.log 2>/dev/null \
  >build/test-logs/closing.txt

printf '\n%-28s %-8s %6s  %s\n' WHAT RESULT TIME NOTE
printf '%s\n' "${rows[@]}"
printf 'all in %d min %d s: %s\n' $(((SECONDS - begun) / 60)) $(((SECONDS - begun) % 60)) \
  "$([[ $failed -eq 0 ]] && echo ok || echo FAILED)"
exit $failed
