# Choosing a type and parents by need: on virtual functions with both of NVIDIA's interfaces, on older GPUs, and for several devices
# at once. Definitions that are not active take room, so several of them do not pile up on one GPU.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  cp -r "$here/../../examples/scenarios/types" "$scratch"
  sed -e 's/^name = .*/name = "0000:4{}:00.0"\ncount = 2/' -e 's/^functions = .*/functions = 8/' \
    "$here/../../examples/scenarios/l40s.toml" >"$scratch/two.toml"
  # Virtual functions that no device uses only take time.
  sed 's/^functions = .*/functions = 8/' "$here/../../examples/scenarios/a16.toml" >"$scratch/a16.toml"
  failed_parts=
  while read -r scenario part; do
    "$MDEVSIM" run "${scenario/SCRATCH/$scratch}" -- bash "$0" "$part" || failed_parts+=" $scenario:$part"
  done <<'P'
l40s names
l40s-mdev names
m60 described
SCRATCH/two.toml sequence
SCRATCH/two.toml several
SCRATCH/two.toml transient
SCRATCH/a16.toml sequence
SCRATCH/a16.toml several
SCRATCH/a16.toml transient
workstation older
a100 slices
h200 slices
l40s full
l40s mixed
l40s-mixed mixed
P
  same "$failed_parts" "" "all parts pass"
  finish
  exit
fi

defined() { "$MDEVADM" list --defined --json -o name,parent | jq -r '.devices[] | .parent' | sort | uniq -c | awk '{ print $1 }' | xargs; }
active() { "$MDEVADM" list --json -o parent | jq -r '.devices[] | .parent' | sort | uniq -c | awk '{ print $1 }' | xargs; }
clear_all() {
  "$MDEVADM" stop --all --json >/dev/null 2>&1
  for uuid in $("$MDEVADM" list -n -o uuid 2>/dev/null); do "$MDEVADM" stop "$uuid"; done
  rm -rf /etc/mdevadm/devices /etc/mdevadm/groups
}
mapfile -t gpus < <("$MDEVADM" types -n -o parent 2>/dev/null | sort -u)

# What the driver does not report about a type, its name says.
names() {
  "$MDEVADM" types "$@" -n -o name | sed 's/.*-//' | xargs
}
properties_of_vf_types() {
  same "$(names --need 'framebuffer=4G')" "4Q 4A 4C" "framebuffer is known from the name"
  same "$(names --series B)" "1B 2B 3B" "--series selects types"
  same "$(names --series q,B --need 'memory<2G')" "1B 1Q" "--series accepts a list in any case"
  same "$(names --series Q --series B --need 'memory<2G')" "1B 1Q" "--series can be given multiple times"
  same "$(names --need 'name=*-2B')" "2B" "the name may match a pattern"
  same "$(names --need 'name=*-2B,*-2A')" "2B 2A" "or one of several"
  same "$(names --need 'maximum>=24' --need 'series!=A')" "1B 2B 1Q 2Q" "maximum and != are known"
  same "$(names --need 'max_instance>=24' --series Q)" "1Q 2Q" "max_instance is the maximum"
  same "$(names --need 'num_heads>=4' --need 'framebuffer=16G')" "16Q" "num_heads is known from the series"
  same "$(names --need 'max_resolution>=7680x4320' --need 'framebuffer<=2G')" "2Q" "max_resolution too"
}
part_names() {
  properties_of_vf_types
  run "$MDEVADM" types --need 'framebuffer>=2048'
  exits 2 "a size without a unit is refused"
  err_has "the size in 'framebuffer>=2048' has no unit \(expected 2048M or 2048G\)" "the error names both readings"
  err_has "^hint: .*: mdevadm types --need 'framebuffer>=2048M'$" "the hint is a command with the one that fits"
  run "$MDEVADM" define --need 'memory>=2'
  exits 2 "define refuses a size without a unit too"
  err_has "expected 2M or 2G.*" "the error names both readings"
  err_has "mdevadm types --need 'memory>=2G'$" "the hint has the one that fits"
  run "$MDEVADM" types --need 'name~*-2B'
  exits 2 "another operator is refused"
  err_has "PROPERTY=PATTERN such as name=\*-2B" "the error says how a pattern is written"
  run "$MDEVADM" types --series X
  exits 2 "an invalid series is refused"
  run "$MDEVADM" define --need 'framebuffer>=2G' --name a
  exits 0 "define selects a type"
  err_has "selected .* \(NVIDIA L40S-2Q\) on 0000:41:00.0, the smallest available match \(framebuffer=2048M\); of the same size: .*L40S-2B.*L40S-2A.*preferred in the order Q, C, B, A; select another with --series B" \
    "the message names the selected type, the equal ones, and the rule"
  run "$MDEVADM" define --need 'framebuffer>=2G' --series B --json
  same "$(jq -r '.notes[0]' <<<"$out" | grep -o 'NVIDIA L40S-2B')" "NVIDIA L40S-2B" "--series selects another one; JSON names it"
  run "$MDEVADM" define -p any -t L40S-2Q
  exits 0 "define -p any selects the parent of a type"
  err_has "selected 0000:41:00.0 for .* \(NVIDIA L40S-2Q\)$" "the message names the parent"
  run "$MDEVADM" define -p any -t L40S-5Q
  exits 3 "define -p any fails for an unknown type"
  same "$(defined)" 3 "three definitions exist"
}

# Descriptions of the driver take precedence.
# Types of GPU instances (MIG), chosen by the number of slices: the GPU has instances of 3, 2 and twice 1.
part_slices() {
  local sizes
  same "$("$MDEVADM" types --need 'gpu_slices>=1' --need 'available>=1' --json | jq -c '[.types[].properties.gpu_slices] | unique')" "[1,2,3]" \
    "types selects by slices those for which GPU instances exist"
  run "$MDEVADM" define --need 'gpu_slices>=8'
  exits 3 "a number that no GPU has is not found"
  err_has "no type has gpu_slices>=8$" "and named"
  run "$MDEVADM" define --need gpu_slices=3 --name three
  exits 0 "a type of three slices is selected"
  err_has "selected .*-3-[0-9]*C\) on ${gpus[0]}, the smallest available match \(gpu_slices=3\)$" "by name"
  run "$MDEVADM" define --need 'gpu_slices>=2' --need 'gpu_slices<3' --name two
  err_has "selected .*-2-[0-9]*C\)" "a range selects, too"
  run "$MDEVADM" define --need gpu_slices=1 --need 'framebuffer>=10G' --count 2 --name one --placement pack
  err_has "selected .*-1-[0-9]*C\) on ${gpus[0]} for 2 devices" "two of one slice with a minimum of framebuffer"
  run "$MDEVADM" start --all
  exits 0 "each has a GPU instance"
  sizes=$("$MDEVADM" list -n -o name,type_name | sed 's/^\([a-z0-9-]*\) .*-\([1-7]\)-[0-9]*C$/\1=\2/' | sort | paste -sd' ')
  same "$sizes" "one-1=1 one-2=1 three=3 two=2" "with as many slices as needed"
  run "$MDEVADM" start --need 'gpu_slices>=1'
  exits 6 "when all are used, no type matches"
  run "$MDEVADM" types --need slices=1
  exits 2 "another name of the property is unknown"
  err_has "^hint: did you mean 'gpu_slices'\?$" "the hint has the right one"
}

part_described() {
  same "$(names --need 'num_heads=2')" "0B 0Q 1B 1Q 2B" "the heads of a described type are those of the description"
  run "$MDEVADM" types --need 'framebuffer>=1024'
  exits 2 "a size without a unit is refused"
}

# Definitions made one after the other use all GPUs, and no more than fit.
part_sequence() {
  local type='series=Q' i
  for ((i = 0; i < 2 * ${#gpus[@]}; ++i)); do
    "$MDEVADM" define --need 'framebuffer>=8G' --need $type --name "d$i" 2>/dev/null >/dev/null
  done
  same "$(defined | tr ' ' '\n' | sort -u)" 2 "definitions by need are spread over the GPUs"
  run "$MDEVADM" start --all
  exits 0 "all of them can be started"
  clear_all
  for ((i = 0; i < 2 * ${#gpus[@]}; ++i)); do
    "$MDEVADM" define --need 'framebuffer>=8G' --need $type --placement pack --name "d$i" >/dev/null 2>&1
  done
  local most
  most=$("$MDEVADM" types "${gpus[0]}" --json | jq '[.types[] | select(.name | test("-8Q$")) | .maximum] | first')
  same "$(defined | cut -d' ' -f1)" "$((most < 2 * ${#gpus[@]} ? most : 2 * ${#gpus[@]}))" "with --placement pack they fill the first GPU"
  clear_all
  # Until the host is full.
  local count=0
  while "$MDEVADM" define --need 'framebuffer>=8G' --need $type --name "d$count" >/dev/null 2>/tmp/error; do count=$((count + 1)); done
  same "$count" "$((most * ${#gpus[@]}))" "as many are defined as fit on all GPUs"
  same "$(grep -c 'no available instances of .*; definitions that are not active take instances' /tmp/error)" 1 "the error says that definitions take the instances"
  run "$MDEVADM" define --need 'framebuffer>=8G' --need $type --name more
  exits 6 "one more has no capacity"
  err_has "^hint: list the definitions that are not active: mdevadm list --inactive$" "the hint lists them"
  run "$MDEVADM" define --need 'framebuffer>=8G' --need $type --name more --ignore-defined
  exits 0 "with --ignore-defined it is defined"
  "$MDEVADM" undefine more
  run "$MDEVADM" start --all
  exits 0 "all definitions can be active at once"
  clear_all
  # Members of a group that use any virtual function.
  "$MDEVADM" group create vm
  for i in 1 2; do "$MDEVADM" define -p any -t "$(types_name 8Q)" --vf any -g vm --placement pack >/dev/null 2>&1; done
  run "$MDEVADM" group start vm
  exits 0 "members with any parent and any virtual function start together"
}
types_name() { "$MDEVADM" types "${gpus[0]}" -n -o name | grep -- "-$1\$" | head -1; }

part_several() {
  local name
  name=$(types_name 8Q)
  run "$MDEVADM" define -p any -t "$name" --count 4 --name seat --auto --json
  exits 0 "define --count defines several devices"
  same "$(jq -r '.results[].name' <<<"$out" | xargs)" "seat-1 seat-2 seat-3 seat-4" "their names are numbered, and JSON lists all"
  same "$(jq -r '.results[].uuid' <<<"$out" | sort -u | wc -l)" 4 "each has a UUID of its own"
  same "$(defined)" "$(seq ${#gpus[@]} | sed "s/.*/$((4 / ${#gpus[@]}))/" | xargs)" "they are spread over the GPUs"
  same "$("$MDEVADM" list --defined --json -o vf,parent | jq -r '.devices[] | "\(.parent) \(.vf)"' | sort -u | wc -l)" 4 "each has a virtual function of its own"
  run "$MDEVADM" start 'seat-*'
  exits 0 "they start"
  run "$MDEVADM" define -p any -t "$name" --count 2 --name seat
  exits 4 "a name that is taken is a conflict"
  run "$MDEVADM" define -p any -t "$name" --count 40 --name more
  exits 6 "too many devices have no capacity"
  err_has "cannot define 40 devices: available instances for only [0-9]+ devices of type $name" "the error says how many fit"
  same "$("$MDEVADM" list --defined -n -o name | grep -c more)" 0 "and none is defined"
  run "$MDEVADM" define -p any -t "$name" --count 2 --name a --group nosuch
  exits 3 "an unknown group is an error"
  clear_all

  "$MDEVADM" group create vm
  run "$MDEVADM" define --need 'framebuffer>=8G' --series Q --count 2 --name m -g vm --placement pack
  exits 0 "several members of a group are defined at once"
  same "$(wc -l <<<"$out")" 2 "their UUIDs are printed"
  same "$("$MDEVADM" group show vm --json | jq '.group.members | length')" 2 "both are members"
  same "$(defined)" 2 "--placement pack uses one GPU"
  run "$MDEVADM" group start vm
  exits 0 "the group starts"
  clear_all

  # The second definition cannot be written: the first one is removed.
  mkdir -p /etc/mdevadm/devices
  touch "/etc/mdevadm/devices/${gpus[1]}"
  run "$MDEVADM" define -p any -t "$name" --count 2 --name half
  exits 1 "define --count fails if one definition cannot be written"
  rm -f "/etc/mdevadm/devices/${gpus[1]}"
  same "$("$MDEVADM" list --defined --json | jq '.devices | length')" 0 "and leaves none"

  run "$MDEVADM" define -p any -t "$name" --count 2 aaaaaaaa-0000-4000-8000-000000000001
  exits 2 "a UUID and --count 2 are refused"
  run "$MDEVADM" define -p any -t "$name" --count 1 --name one aaaaaaaa-0000-4000-8000-000000000001
  same "$code $("$MDEVADM" list --defined -n -o name)" "0 one-1" "--count 1 accepts a UUID, and numbers the name"
  run "$MDEVADM" define -p any -t "$name" --count 2 --vf "${gpus[0]%.0}.4"
  exits 2 "one virtual function for two devices is refused"
  run "$MDEVADM" define -p "${gpus[0]}" -t "$name" --placement pack
  exits 2 "--placement is refused if a parent is given"
  run "$MDEVADM" define -p any -t "$name" --placement big
  exits 2 "an invalid placement is refused"
}

part_transient() {
  local name fitting
  name=$(types_name 8Q)
  run "$MDEVADM" start -p any -t "$name"
  exits 0 "start -p any creates a transient device"
  run "$MDEVADM" start -p any -t "$name" --placement pack
  same "$(active)" 2 "start --placement pack uses the same GPU"
  run "$MDEVADM" start -p any -t "$name"
  same "$(active)" "2 1" "start -p any uses the GPU with most room"
  clear_all
  run "$MDEVADM" start --need 'framebuffer>=8G' --series Q --count 3 --json
  exits 0 "start --need --count creates several devices"
  same "$(jq -r '[.results[] | select(.outcome == "done" and .device.state == "active")] | length' <<<"$out")" 3 "JSON lists all"
  run "$MDEVADM" start -u "$(jq -r '.results[0].uuid' <<<"$out")" -p any -t "$name"
  exits 0 "start of a device that is active already succeeds"
  err_has "is already active" "and says so"
  clear_all
  run "$MDEVADM" start -p any -t "$name" --count 100
  exits 6 "too many devices have no capacity"
  same "$(active)" "" "and none is started"
  fitting=$("$MDEVADM" define -p any -t "$name" --count 100 2>&1 | grep -o 'only [0-9]*' | grep -o '[0-9]*')
  "$MDEVADM" define -p any -t "$name" --count "$fitting" >/dev/null 2>&1
  run "$MDEVADM" start -p any -t "$name"
  exits 6 "definitions that are not active take the instances"
  err_has "^hint: count only active devices with --ignore-defined$" "the hint names the option"
  "$MDEVADM" undefine --all
  "$MDEVADM" define -p any -t "$name" --vf any --count 6 --placement pack >/dev/null 2>&1
  run "$MDEVADM" start -p any -t "$name" --count 2 --ignore-defined --placement pack
  exits 0 "with --ignore-defined, they do not"
  same "$(active)" 2 "a failed start leaves no device"
  clear_all
  "$MDEVSIM" control fault create 2 EINVAL
  run "$MDEVADM" start -p any -t "$name" --count 2
  exits 1 "start --count fails if a device cannot be created"
  same "$(active)" "" "and removes the others"
  for words in "--count 2" "--attr a=b" "--placement pack"; do
    # shellcheck disable=SC2086
    run "$MDEVADM" start $words
    exits 2 "start $words requires a type"
  done
  err_has "requires --type or --need" "the error says so"
  run "$MDEVADM" start -t "$name"
  exits 2 "start --type requires a parent"
  err_has "parent any selects a parent" "the hint names any"
}

# A board of two GPUs without virtual functions, beside another GPU.
part_older() {
  local i
  for i in 1 2 3 4; do run "$MDEVADM" define -p any -t 'GRID M60-4Q' --name "s$i"; done
  same "$code $(defined)" "0 2 2" "define -p any spreads devices over the GPUs that offer the type"
  run "$MDEVADM" define -p any -t 'GRID M60-4Q' --name s5
  exits 6 "a fifth one has no capacity"
  run "$MDEVADM" start --all
  exits 0 "four can be started"
  clear_all
  run "$MDEVADM" define --need 'framebuffer>=2G' --series Q --count 4 --placement pack --name p
  same "$code $(defined)" "0 4" "--placement pack uses one GPU"
  run "$MDEVADM" define --need 'framebuffer>=2G' --series Q --count 6 --placement pack --name q
  exits 6 "six more do not fit"
  err_has "available instances for only 4 devices of any type with framebuffer>=2G, series=Q; definitions that are not active take instances$" "the error says how many do"
  err_has "^hint: list the definitions that are not active: mdevadm list --inactive$" "the hint lists the definitions"
  same "$(defined)" 4 "and none is defined"
}

# Sizes may differ only if the GPU mixes them, which an empty GPU does not show.
part_mixed() {
  local gpu=${gpus[0]} host
  host=$("$MDEVADM" start -p "$gpu" -t L40S-24Q >/dev/null && names --need 'framebuffer=4G' --need 'available>0')
  clear_all
  "$MDEVADM" define --need 'framebuffer>=24G' --series Q --name large >/dev/null 2>&1
  run "$MDEVADM" define --need 'framebuffer=4G' --series Q --name small
  exits 6 "another size does not fit beside a definition"
  "$MDEVADM" parent set "$gpu" --run "nvidia-smi vgpu -i $gpu -shm 1"
  run "$MDEVADM" define --need 'framebuffer=4G' --series Q --name small
  exits 0 "it does if the settings of the GPU mix sizes"
  "$MDEVADM" parent unset "$gpu"
  [ -n "$host" ] || return 0
  "$MDEVADM" group create vm small large
  run "$MDEVADM" group start vm
  exits 0 "a group with two sizes starts on a GPU that mixes them"
  err_has "'large' .* of group 'vm': done \(1 of 2\)" "the larger one first"
  run "$MDEVADM" define --need 'framebuffer=12G' --series Q --name medium
  exits 0 "a GPU with devices shows that it mixes sizes"
  run "$MDEVADM" define --need 'framebuffer=24G' --series Q --name second
  exits 6 "but no more than its memory is given"
}

# A GPU without room lists no types, so that no property is known.
part_full() {
  "$MDEVADM" start -p "${gpus[0]}" -t L40S-48Q >/dev/null
  run "$MDEVADM" define --need 'framebuffer>=2G' --series Q
  exits 6 "a requirement on a full GPU has no capacity"
  err_has "cannot choose a type: no available instances of any type with framebuffer>=2G, series=Q$" "the error says why"
  run "$MDEVADM" define -p any -t L40S-4Q
  exits 6 "a type on a full GPU has no capacity"
  mount -t tmpfs none /usr/share/nvidia/vgpu
  run "$MDEVADM" define --need 'framebuffer>=2G' --series Q
  exits 6 "also without NVIDIA's table of types"
  err_has "no type that can be created now has framebuffer>=2G, series=Q: ${gpus[0]} offers only types that fit beside its devices$" "the error says why"
  run "$MDEVADM" types --need 'framebuffer>=2G'
  same "$code $out" "0 " "types lists nothing"
}

"part_$1"
finish
