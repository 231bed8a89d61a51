#!/usr/bin/env bash
# promtool.sh: prints the path of promtool. If it is not installed, it is unpacked to build/tools from Debian's package: promtool, or
# in Debian 12 prometheus (19 MB), which would start a server if it were installed.
set -euo pipefail
command -v promtool && exit
top=$(realpath "$(dirname "$0")/../..")
tool=$top/build/tools/promtool
if [ ! -x "$tool" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  # apt downloads as another user.
  chmod 755 "$work"
  cd "$work"
  download() { apt-get download -qq "$(apt-cache show promtool >/dev/null 2>&1 && echo promtool || echo prometheus)"; }
  if ! download >log 2>&1; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    if ! { "${as_root[@]}" apt-get update -qq && download; } >log 2>&1; then
      cat log >&2
      echo "promtool.sh: cannot download promtool" >&2
      exit 1
    fi
  fi
  mkdir -p "${tool%/*}"
  dpkg-deb --fsys-tarfile prom*.deb | tar -x -O ./usr/bin/promtool >"$tool.$$"
  chmod 755 "$tool.$$"
  # Tests that run at the same time may both have unpacked it.
  mv "$tool.$$" "$tool"
fi
echo "$tool"
