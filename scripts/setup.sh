#!/usr/bin/env bash
# Installs what Consilium builds with: Debian 12 packages, nothing else. Quiet when all is there.
#   scripts/setup.sh          what building, testing and the demo need
#   scripts/setup.sh --check  says what is missing, changes nothing, exits 1 if anything is
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache pkg-config git ca-certificates
  libgrpc++-dev libre2-dev protobuf-compiler-grpc libprotobuf-dev protobuf-compiler
  libssl-dev openssl libabsl-dev libeigen3-dev libspdlog-dev libfmt-dev
  libcli11-dev libtomlplusplus-dev libsqlite3-dev libsqlitecpp-dev libdeflate-dev
  prometheus-cpp-dev libcpp-httplib-dev nlohmann-json3-dev
  libgtest-dev libgmock-dev libbenchmark-dev
  clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev lld-19
  python3 python3-yaml python3-jsonschema curl
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [[ $status == "install ok installed" ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

if [[ ${1:-} == --check ]]; then
  printf 'missing: %s\n' "${missing[*]}"
  exit 1
fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || { echo "setup: run as root, or install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "setup: installing ${#missing[@]} Debian packages"
if ! { "${as_root[@]}" apt-get update -q &&
       "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
         --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "setup: the installation failed; the last lines above say why. Nothing else was changed." >&2
  exit 1
fi
