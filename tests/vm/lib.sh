# shellcheck shell=bash
# For scripts that run inside the machine: checks that run their command themselves, over those of ../tools/checks.sh, with which
# they share the count, `finish`, and $code, $out and $err of the last command.
#
#   check "sentence" COMMAND...              the command succeeds
#   expect_exit CODE "sentence" COMMAND...   the command ends with CODE
#   stdout_has 'REGEX' ["sentence"]          an extended regular expression in the last command's standard output
#   stderr_has 'REGEX' ["sentence"]          likewise in its standard error
#   finish                                   prints 1..N, fails when any check did

. "$(dirname "${BASH_SOURCE[0]}")/../tools/checks.sh"

expect_exit() {
  local wanted=$1 sentence=$2
  shift 2
  run "$@"
  exits "$wanted" "$sentence"
}

check() { expect_exit 0 "$@"; }
stdout_has() { out_has "$1" "${2:-stdout has /$1/}"; }
stderr_has() { err_has "$1" "${2:-stderr has /$1/}"; }
