#!/usr/bin/env bash
# clang-tidy over the sources that changed; --all for every source. CONSILIUM_TIDY_SECONDS (300) at
# the most unless --all: what is left over is counted, not hidden.
set -uo pipefail
cd "$(dirname "$0")/.."
limit=${CONSILIUM_TIDY_SECONDS:-300}
if [[ ${1:-} == --all ]]; then
  limit=36000
  mapfile -t files < <(git ls-files 'src/*.cc')
else
  base=${CONSILIUM_TIDY_BASE:-$(git merge-base HEAD origin/main 2>/dev/null)}
  head=$(git rev-parse HEAD)
  [[ -z $base || $base == "$head" ]] && base=$(git rev-parse -q --verify HEAD~1 || echo "")
  if [[ -n $base ]]; then
    mapfile -t files < <(git diff --name-only --diff-filter=d "$base" -- 'src/*.cc')
  else
    mapfile -t files < <(git ls-files 'src/*.cc')
  fi
fi
[[ ${#files[@]} -eq 0 ]] && { echo "NOTE: no source changed"; exit 0; }
[[ -f build/tidy/build.ninja ]] || cmake --preset tidy >/dev/null || exit 1
# Generated headers must be there before anything can be parsed.
cmake --build build/tidy --target consilium_proto consilium_proto_grpc >/dev/null || exit 1
checked=$(mktemp)
bad=$(mktemp)
trap 'rm -f "$checked" "$bad"' EXIT
until_epoch=$(($(date +%s) + limit))
export checked bad until_epoch
printf '%s\n' "${files[@]}" | xargs -P "${CONSILIUM_JOBS:-2}" -I{} bash -c '
  [[ $(date +%s) -lt $until_epoch ]] || exit 0
  out=$(clang-tidy-19 -quiet -p build/tidy "{}" 2>/dev/null) || { echo "{}" >>"$bad"; printf "%s\n" "$out"; }
  echo "{}" >>"$checked"'
done_count=$(wc -l <"$checked")
left=$((${#files[@]} - done_count))
if [[ -s $bad ]]; then
  echo "tidy: $(wc -l <"$bad") files have findings"
  exit 1
fi
echo "NOTE: $done_count of ${#files[@]} changed sources checked, $left left to scripts/nightly.sh"
