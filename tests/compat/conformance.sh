# conformance.sh PROGRAM [SECTION...]: runs the cases of cases/SECTION.sh with a program under the name mdevctl and compares the
# results with those of mdevctl 1.4.0 in expected/SECTION.txt. PROGRAM is mdevctl ($MDEVCTL or the installed one) or mdevadm
# ($MDEVADM). The implementation is mdevadm, or the version that mdevctl reports, such as 1.2.0. The cases listed in
# differences-IMPLEMENTATION must differ; those that are also in expected/SECTION.IMPLEMENTATION.txt must give that result.
# shellcheck shell=bash disable=SC2154
set -u
: "${MDEVSIM:?}"
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
case ${1:?} in
  mdevctl) program=${MDEVCTL:-mdevctl} ;;
  mdevadm) program=${MDEVADM:?} ;;
  *) echo "conformance.sh: invalid program '$1' (expected mdevctl or mdevadm)" >&2; exit 2 ;;
esac
binary=$(command -v "$program") && binary=$(realpath "$binary") || { echo "conformance.sh: cannot find '$program'" >&2; exit 1; }
implementation=$1
if [ "$1" = mdevctl ]; then
  implementation=$("$binary" --version | sed -n 's/^mdevctl //p')
  [ -n "$implementation" ] || { echo "conformance.sh: cannot read the version of '$binary'" >&2; exit 1; }
fi
shift
if [ $# -eq 0 ]; then
  set -- "$here"/cases/*.sh
  set -- "${@##*/}"
  set -- "${@%.sh}"
fi
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# --- running ---

# Replaces what differs between runs, and text that each program may word itself.
settled() {
  local version=${implementation//./\\.}
  [ "$implementation" != mdevadm ] || version='[0-9]+\.[0-9]+\.[0-9]+'
  sed -E '
    s/^(2> )\[[0-9T:Z-]+ /\1[TIME /
    s/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/RANDOM-UUID/g
    s/^(2> (Error: | +|\[TIME [^]]*\] )?).*line [0-9]+,? column [0-9]+.*/\1(where in the JSON)/
    s/^(1> mdevctl )'"$version"'$/\1VERSION/'
}

run_section() {
  timeout -k 5 300 "$MDEVSIM" run "$here/host.toml" -- bash "$here/inside.sh" "$binary" "$(realpath "$MDEVSIM")" "$1" \
    >"$results/$1.raw" 2>"$results/$1.err"
  echo $? >"$results/$1.code"
  settled <"$results/$1.raw" >"$results/$1.txt"
}

run_sections() {
  local section
  for section in "$@"; do
    run_section "$section" &
    [ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n
  done
  wait
}

# --- comparing ---

# Reads the cases of a file: ARRAY[NAME]=TEXT
read_cases() {  # FILE ARRAY
  local -n cases=$2
  local line name=
  cases=()
  [ -e "$1" ] || return 0
  while IFS= read -r line; do
    case $line in
      "=== "*) name=${line#=== } cases["$name"]= ;;
      *) cases["$name"]+=$line$'\n' ;;
    esac
  done <"$1"
}

# A reason is not indented, the cases that it applies to follow, indented.
declare -A reasons
read_reasons() {
  local line reason=
  [ -e "$here/differences-$implementation" ] || return 0
  while IFS= read -r line; do
    case $line in
      "  "*) reasons["${line#  }"]=$reason ;;
      *) reason=$line ;;
    esac
  done <"$here/differences-$implementation"
}

difference() { diff -U2 --label wanted --label got <(printf %s "$1") <(printf %s "$2") | tail -n +3; }

compare_case() {  # SECTION NAME
  local case="$1: $2" reason=${reasons["$1: $2"]:-} wanted=${expected["$2"]:-} own=${variant["$2"]-none} got=${found["$2"]:-}
  if [ -z "$got" ]; then
    failed "$case" "the case was not run"
  elif [ -z "$wanted" ]; then
    failed "$case" "there is no expected result: $got"
  elif [ -z "$reason" ]; then
    if [ "$got" = "$wanted" ]; then passed "$case"; else failed "$case" "$(difference "$wanted" "$got")"; fi
  elif [ "$own" = none ] && [ "$got" != "$wanted" ]; then
    passed "$case differs: $reason"
  elif [ "$own" = none ]; then
    failed "$case" "the result is the expected one, but must differ: $reason"
  elif [ "$own" = "$wanted" ]; then
    failed "$case" "expected/$1.$implementation.txt has the same result, but must differ: $reason"
  elif [ "$got" = "$own" ]; then
    passed "$case differs: $reason"
  else
    failed "$case" "$(difference "$own" "$got")"
  fi
}

declare -A expected variant found
compare_section() {  # SECTION
  local name
  read_cases "$here/expected/$1.txt" expected
  read_cases "$here/expected/$1.$implementation.txt" variant
  read_cases "$results/$1.txt" found
  command_line="conformance.sh $implementation $1"
  code=$(cat "$results/$1.code") out='' err=$(cat "$results/$1.err")
  same "$code/$err" 0/ "the cases of the section $1 run"
  while IFS= read -r name; do compare_case "$1" "$name"; done \
    < <(cat "$here/expected/$1.txt" "$results/$1.txt" 2>/dev/null | sed -n 's/^=== //p' | awk '!seen[$0]++')
  for name in "${!variant[@]}"; do
    [ -n "${reasons["$1: $name"]:-}" ] || failed "$1: $name" "expected/$1.$implementation.txt has it, but differences-$implementation does not list it"
  done
  for name in "${!reasons[@]}"; do
    [ "${name%%: *}" != "$1" ] || [ -n "${expected["${name#*: }"]:-}" ] || failed "$name" "differences-$implementation lists it, but no expected result exists"
  done
}

# For a program other than mdevctl 1.4.0, only cases that are listed as different.
accept_section() {  # SECTION
  local name
  if [ "$implementation" = 1.4.0 ]; then
    cp "$results/$1.txt" "$here/expected/$1.txt"
  elif [ -e "$here/expected/$1.$implementation.txt" ]; then
    read_cases "$results/$1.txt" found
    sed -n 's/^=== //p' "$results/$1.txt" | while IFS= read -r name; do
      [ -z "${reasons["$1: $name"]:-}" ] || printf '=== %s\n%s' "$name" "${found["$name"]}"
    done >"$here/expected/$1.$implementation.txt"
  fi
  failed "$1" "accepted: review git diff and run again"
}

echo "# implementation: $implementation ($binary)"
read_reasons
run_sections "$@"
for section in "$@"; do
  if [ "${MDEVADM_TEST_ACCEPT:-}" = 1 ]; then accept_section "$section"; else compare_section "$section"; fi
done
finish
