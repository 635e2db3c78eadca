#!/usr/bin/env bash
# The main job on this machine: sets up, builds, and lets four hospitals (each its own process with
# its own certificate) train one model over mutually authenticated TLS 1.3. Stops everything at the end.
#   scripts/demo.sh [--data FILE] [--output FOLDER]
# Data: --data, else $CONSILIUM_DATA/uci_heart/heart_flamby.csv, else ../shared/data, else four
# synthetic hospitals, said as such.
set -euo pipefail
cd "$(dirname "$0")/.."

data=""
output=build/demo
while [[ $# -gt 0 ]]; do
  case "$1" in
    --data) data=${2:?--data wants a file}; shift 2 ;;
    --output) output=${2:?--output wants a folder}; shift 2 ;;
    *) echo "demo: unknown word $1; usage: scripts/demo.sh [--data FILE] [--output FOLDER]" >&2; exit 4 ;;
  esac
done
if [[ -n $data && ! -r $data ]]; then
  echo "demo: cannot read $data" >&2
  exit 4
fi

scripts/setup.sh
scripts/build.sh release consilium consilium-server consilium-client

heart=uci_heart/heart_flamby.csv
if [[ -z $data ]]; then
  for folder in "${CONSILIUM_DATA:-}" ../shared/data; do
    if [[ -n $folder && -r $folder/$heart ]]; then
      data=$folder/$heart
      break
    fi
  done
fi

mkdir -p "$output"
lab=(--folder "$output/lab")
[[ -n $data ]] && lab+=(--lab examples/heart/lab.toml --data "$data")
build/release/bin/consilium lab run examples/heart/job.toml "${lab[@]}" --alone \
  --plot "$output/curve.svg"
