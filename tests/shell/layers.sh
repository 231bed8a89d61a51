# Includes point downward only: the layers that each layer may include, compared with the includes of its files.
# shellcheck shell=bash
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
top=$(realpath "$here/../..")

declare -A may_use=(
  [util]="util"
  [args]="args util"
  [sys]="sys util"
  [model]="model util"
  [store]="store model sys util"
  [host]="host model sys util"
  [plan]="plan model util"
  [render]="render model util"
  [run]="run plan host store model sys util"
  [sim]="sim args plan store model sys util"
  [compat]="compat run render plan host store model sys util"
  [cli]="cli args run render plan host store model sys util"
)

# upward TREE: prints every include under TREE/src and TREE/include that is not allowed.
upward() {
  local room file used
  for room in "${!may_use[@]}"; do
    for file in $(find "$1/src/$room" "$1/include/mdevadm/$room" \( -name '*.cpp' -o -name '*.hpp' \) 2>/dev/null); do
      # The project's headers by their full name, or by a path through the directory of another layer.
      for used in $(sed -nE 's|^ *# *include +[<"]mdevadm/([a-z]+)/.*|\1|p; s|^ *# *include +"(\.\./)+([a-z]+)/.*|\2|p' "$file"); do
        [[ $room == cli && $used == commands ]] && continue
        [[ " ${may_use[$room]} " == *" $used "* ]] || echo "${file#"$1/"} includes $used/"
      done
    done
  done
}

found=$(upward "$top")
same "$found" "" "no layer includes a header of a higher layer"

for room in "$top"/src/*/; do
  name=$(basename "$room")
  holds "the layer '$name' is in the table of this test" test -n "${may_use[$name]:-}"
done

# shellcheck disable=SC2046
missing() { (cd "$1" && awk -f "$here/../tools/includes.awk" $(find . -name '*.hpp' -printf '%P\n' | grep -E '^(include|src|tests)/')); }
same "$(missing "$top")" "" "each header includes the definitions that it uses"
scratch=$(mktemp -d)
mkdir -p "$scratch/include/mdevadm/plan" "$scratch/src/plan"
echo 'enum class Facet { a };' >"$scratch/include/mdevadm/plan/facet.hpp"
echo 'constexpr Facet one = Facet::a;' >"$scratch/src/plan/uses.hpp"
same "$(missing "$scratch")" "src/plan/uses.hpp: Facet of include/mdevadm/plan/facet.hpp is not included" "a missing include is found"
rm -r "$scratch"

# Libraries are included only in the source files that wrap them.
wraps() { grep -rlE "^ *# *include +[<\"]$1" "$top/src" "$top/include" | sed "s|$top/||" | grep -vE "^$2" || true; }
same "$(wraps 'toml' 'src/store/')" "" "toml++ is included in store only"
same "$(wraps 'CLI/' '((src|include/mdevadm)/args/|src/(cli/|sim/commands.cpp))')" "" \
  "CLI11 is included in args, cli and mdevsim's command line only"
same "$(wraps 'fuse' 'src/sim/server\.cpp')" "" "libfuse is included in sim's server only"
same "$(wraps 'libsmartcols' 'src/render/[a-z]*\.[ch]pp')" "" "libsmartcols is included in render's sources only"
same "$(wraps 'expat' 'src/util/xml\.cpp')" "" "libexpat is included in util's XML parser only"
same "$(wraps 'yaml' 'src/util/yaml\.cpp')" "" "libyaml is included in util's YAML parser only"
same "$(wraps 'nlohmann' '(src/(util/json|render/[a-z]*|store/(config|json)_text|run/(hook_json|qmp|qmp_messages))\.cpp|src/run/qmp_messages\.hpp|include/mdevadm/util/json\.hpp)')" "" \
  "the JSON library is included in render's sources, for scripts, QEMU and for mdevctl's definitions only"
same "$(wraps 'uuid/' 'src/util/[a-z]*\.cpp')" "" "libuuid is included in util's sources only"

# No layer below cli prints, and planning does no I/O.
prints=$(grep -nE '\b(printf|puts|fputs|fprintf|perror)\(|std::(cout|cerr|clog)|#include <(iostream|print)>' -r \
  "$top"/src/{util,sys,model,store,host,plan,render,run} "$top/include" | sed "s|$top/||")
same "$prints" "" "no layer below cli prints"
io=$(grep -nE '#include <(fcntl|unistd|sys/|fstream|filesystem|iostream|ctime)' -r "$top/src/plan" "$top/include/mdevadm/plan" \
  "$top/src/model" "$top/include/mdevadm/model" "$top/src/util" "$top/include/mdevadm/util")
same "$io" "" "plan, model and util do no I/O"

# A unity build compiles the sources of a layer as one translation unit, so two of them cannot define a type or a constant of the same name.
# repeated TREE: prints layer and name of each type and constant that two sources of one layer define outside other types.
repeated() {
  local room
  for room in "$1"/src/*/; do
    find "$room" -name '*.cpp' -exec sed -nE 's/^(struct|class|enum class|union) ([A-Za-z0-9_]+)( final)?( *:.*)? *\{.*/\2/p
      s/^(static |inline )?const(expr|init)? ([A-Za-z_][^={(]*[ *&>])?([a-z][A-Za-z0-9_]*)(\[[^]]*\])? *(=|\{).*/\4/p' {} + |
      sort | uniq -d | sed "s|^|$(basename "$room"): |"
  done
}
same "$(repeated "$top")" "" "no two sources of a layer define a type or a constant of the same name"

# The test detects violations.
wrong=$(mktemp -d)
trap 'rm -rf "$wrong"' EXIT
mkdir -p "$wrong/src/plan" "$wrong/include/mdevadm/model" "$wrong/src/sys"
echo '#include <mdevadm/host/host.hpp>' >"$wrong/src/plan/x.cpp"
echo '#include <mdevadm/store/store.hpp>' >"$wrong/include/mdevadm/model/y.hpp"
echo '#include "../host/paths.hpp"' >"$wrong/src/sys/z.cpp"
same "$(upward "$wrong" | wc -l)" 3 "the test detects a forbidden include in a source, in a header and by a relative path"
printf '%s\n' 'struct Wanted {' 'constexpr std::array units_files{1};' >"$wrong/src/plan/v.cpp"
printf '%s\n' 'struct Wanted {' 'constexpr Files units_files = 1;' >"$wrong/src/plan/w.cpp"
same "$(repeated "$wrong")" "plan: Wanted"$'\n'"plan: units_files" "the test detects a type and a constant that two sources of a layer define"
finish
