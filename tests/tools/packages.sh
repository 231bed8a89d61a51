#!/usr/bin/env bash
# packages.sh NAME|LIST...: installs those of Debian's packages that are missing. Requires root or sudo only if one is.
# A LIST is a file, given with a / in its path: package names; lines that begin with # are comments, "[RELEASE...] NAME..." is for
# these releases only, "[not RELEASE...] NAME..." for all others. RELEASE is the code name in /etc/os-release, such as bookworm.
set -euo pipefail

# shellcheck disable=SC1091
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")

names_of() {  # LIST
  awk -v release="$release" '
    /^#/ { next }
    /^\[/ {
      end = index($0, "]")
      if (!end) { print "packages.sh: " FILENAME ":" FNR ": ] expected" >"/dev/stderr"; exit 1 }
      condition = substr($0, 2, end - 2)
      negated = sub(/^not +/, "", condition)
      if ((index(" " condition " ", " " release " ") > 0) == negated) next
      $0 = substr($0, end + 1)
    }
    { print }' "$1"
}

missing=()
for argument in "$@"; do
  names=$argument
  case $argument in */*) names=$(names_of "$argument") ;; esac
  for name in $names; do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
  done
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "packages.sh: cannot install ${missing[*]}: run this as root or install sudo" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
  >"$log" 2>&1 </dev/null; then
  cat "$log" >&2
  echo "packages.sh: cannot install ${missing[*]}" >&2
  exit 1
fi
