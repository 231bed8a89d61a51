# The SELinux module compiles and has the rules that its README lists, linked with a policy that only declares what it requires
# (tools/selinux-base.cil). No kernel loads it.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
source=$(realpath "$here/../../packaging/selinux")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run checkmodule -M -m -o "$work/mdevadm.mod" "$source/mdevadm.te"
exits 0 "checkmodule compiles the module"
same "$err" "" "checkmodule warns of nothing"
run semodule_package -o "$work/mdevadm.pp" -m "$work/mdevadm.mod" -f "$source/mdevadm.fc"
exits 0 "semodule_package makes a package of module and file contexts"
holds "the package has the file contexts" grep -qa '^/etc/mdevadm(/\.\*)?.*:mdevadm_conf_t:s0$' "$work/mdevadm.pp"
run checkmodule -M -m -C -o "$work/mdevadm.cil" "$source/mdevadm.te"
exits 0 "checkmodule writes the module as CIL"

# policy NAME TYPE...: links the module with a base that has these types of domains
policy() {
  local name=$1 type
  shift
  cp "$here/../tools/selinux-base.cil" "$work/$name-base.cil"
  for type in "$@"; do
    printf '(type %s)\n(roletype system_r %s)\n(typeattributeset domain (%s))\n' "$type" "$type" "$type"
  done >>"$work/$name-base.cil"
  run secilc -M true -N -o "$work/$name" -f "$work/$name.contexts" "$work/$name-base.cil" "$work/mdevadm.cil"
  exits 0 "the module links with a policy that has the domains: $*"
}
rules() { sesearch "$@" | sed 's/ *; *$//' | sort; }
# permits DOMAIN TYPE CLASS PERMISSIONS: exactly these
permits() {
  same "$(rules --allow -s "$1" -t "$2" -c "$3" "$policy" | sed -E 's/.*\{ (.*) \}.*/\1/; s/.*:[a-z]+ ([a-z_]+)$/\1/' | tr ' ' '\n' | sort | paste -sd' ')" "$4" \
    "$1 has exactly these permissions for $3 of $2: ${4:-none}"
}
directory='add_name create getattr ioctl link lock open read remove_name rename reparent rmdir search setattr unlink watch write'
file='append create getattr ioctl link lock map open read rename setattr unlink watch write'

policy modular virtnodedevd_t unconfined_service_t unconfined_t udev_t init_t
policy=$work/modular
for type in mdevadm_conf_t mdevadm_var_run_t; do
  permits virtnodedevd_t $type dir "$directory"
  permits virtnodedevd_t $type file "$file"
  for domain in udev_t init_t unconfined_service_t; do permits $domain $type file ""; done
done
permits virtnodedevd_t etc_t dir ""
permits virtnodedevd_t var_run_t dir "add_name getattr open read search write"
permits virtnodedevd_t var_run_t file ""
same "$(rules --allow -s virtnodedevd_t -c capability "$policy")" "" "no capability is allowed"
same "$(rules --dontaudit -s virtnodedevd_t "$policy")" "dontaudit virtnodedevd_t virtnodedevd_t:capability sys_ptrace" \
  "only the lack of sys_ptrace is not audited"
same "$(rules --type_trans "$policy")" "$(sort <<'T'
type_transition init_t var_run_t:dir mdevadm_var_run_t mdevadm
type_transition udev_t var_run_t:dir mdevadm_var_run_t mdevadm
type_transition unconfined_service_t etc_t:dir mdevadm_conf_t mdevadm
type_transition unconfined_service_t var_run_t:dir mdevadm_var_run_t mdevadm
type_transition unconfined_t etc_t:dir mdevadm_conf_t mdevadm
type_transition unconfined_t var_run_t:dir mdevadm_var_run_t mdevadm
type_transition virtnodedevd_t var_run_t:dir mdevadm_var_run_t mdevadm
T
)" "directories named mdevadm get their types from all domains that create them"
for type in mdevadm_conf_t mdevadm_var_run_t; do
  permits kernel_t $type dir search
done

policy monolithic virtd_t
policy=$work/monolithic
permits virtd_t mdevadm_conf_t dir "$directory"
permits virtd_t mdevadm_conf_t file "$file"
permits virtd_t mdevadm_var_run_t dir "$directory"
permits virtd_t mdevadm_var_run_t file "$file"

policy without_libvirt other_t
policy=$work/without_libvirt
same "$(rules --allow -s other_t "$policy")" "" "without libvirt's domains the module allows nothing"
finish
