# Messages, manuals, READMEs and comments use the standard terms of the field: the words that the project has retired do not occur,
# except as listed in words-allowed with a reason.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
top=$(realpath "$here/../..")
cd "$top" || exit 1

# Each line: a pattern (grep -E, whole words, any case), then the term to use instead.
retired=$(cat <<'T'
somebody|nobody|anybody|whoever	name the process, program or user
what became of|what came of|became of	result
tells?|told|telling	report, print, notify
kept	persistent, stored; transient
folders?	directory
so already	unchanged, already active
meanwhile	concurrently, by another process
all the same	anyway
lets? go	release
come up|comes up|came up|bring up|brought up|brings up	start
remembers?|remembered|forgets?|forgotten	record, runtime state
mend|mended|mends	fix
side by side	in parallel
none is left|are left|is left	available instances
no good	invalid
anew	again
may repeat	can be given multiple times
marked auto	autostart
there is no (type|parent|command|column|group|device|user|file|scenario)	X 'name' not found, unknown X 'name'
begins so|begin so	UUID prefix
carries type	assigned
dialects?	(kernel) interface
T
)

# In tests, the names, the comments and the sentences of checks are searched.
texts=$(git ls-files 'src/*.cpp' 'src/*.hpp' 'include/*.hpp' 'man/*.scd' '*.md' 'packaging/*' 'completions/*' 'examples/*.sh' 'examples/*.toml' \
  src/render/schema/schema.json CMakeLists.txt '*/CMakeLists.txt' .ci/run tests/run.sh 'tests/tools/*' \
  'tests/unit/*.cpp' 'tests/unit/*.hpp' 'tests/program/*.cpp' 'tests/support/*.cpp' 'tests/support/*.hpp' \
  'tests/sim/*.sh' 'tests/shell/*.sh' 'tests/vm/*' 'tests/compat/*.sh' 'tests/bench/*.sh' | grep -vE '^tests/(tools/words.py|shell/words.sh)$')
[ -n "$texts" ] || texts=$(find src include man README.md -type f)
all=$(xargs -d '\n' python3 tests/tools/words.py <<<"$texts")
holds "words.py finds more than 5000 lines of text" test "$(wc -l <<<"$all")" -gt 5000

allowed() { grep -vE '^(#|$)' "$here/words-allowed"; }
not_allowed() { grep -vFf <(allowed); }
while IFS=$'\t' read -r pattern instead; do
  found=$(grep -iE ":.*\b($pattern)\b" <<<"$all" | not_allowed)
  same "$found" "" "'${pattern//|/, }' does not occur: $instead"
done <<<"$retired"
# "There is no X" and "is no longer X" are plain English.
found=$(sed -E 's/\b(there is no|is no longer)\b//gI' <<<"$all" | grep -iE ':.*\bis no [a-z]' | not_allowed)
same "$found" "" "'is no X' does not occur: invalid X 'value' (expected ...), X 'name' not found, is not an X"

# An exception that no text needs must be removed.
while IFS= read -r text; do
  holds "the exception '$text' is needed" grep -qF -- "$text" <<<"$all"
done < <(allowed)
finish
