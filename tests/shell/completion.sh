# Completion: the candidates that the program prints, and their use by bash at a prompt.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
host=$(mktemp -d) bin=$(mktemp -d)
trap 'rm -rf "$host" "$bin"' EXIT
"$LAY_TREE" "$here/../trees/samples.tree" "$host"
"$MDEVADM" --root "$host" define 00000000-0000-4000-8000-0000000000aa -p mtty -t mtty-1 --name console >/dev/null
"$MDEVADM" --root "$host" define 00000000-0000-4000-8000-000000000001 >/dev/null
words() { "$MDEVADM" __complete --root "$host" "$@" | cut -f1 | paste -sd' '; }
described() { "$MDEVADM" __complete --root "$host" "$@" | tr '\t' '|'; }
u=00000000-0000-4000-8000-00000000000

same "$(words "")" "types probe list status check monitor show define modify undefine start stop restart apply diff claim release attach detach import export parent group version help" \
  "the first word completes to commands"
same "$(words st)" "status start stop" "a prefix completes to the commands with this prefix"
same "$(words types "")" "mbochs mdpy mtty" "types completes to parents"
same "$(words list -p m)" "mbochs mdpy mtty" "-p completes to parents"
same "$(words define --parent mtty --type "")" "mtty-1 mtty-2" "--type completes to the types of the parent given with --parent"
same "$(words define --type mdpy-)" "mdpy-hd mdpy-vga mdpy-xga" "--type without --parent completes to all types"
same "$(words stop "")" "${u}1 abcd0000-0000-4000-8000-000000000003 ${u}2" "stop completes to active devices"
same "$(words start "")" "console" "start completes to inactive definitions, by name if they have one"
same "$(words start 0)" "00000000-0000-4000-8000-0000000000aa" "start completes a UUID prefix to the UUID"
same "$(words start --parent mbochs "")" "" "start completes to definitions under the parent given with --parent"
same "$(words stop -p mtty "")" "${u}1 ${u}2" "stop completes to devices on the parent given with -p"
"$MDEVADM" --root "$host" group create seats ${u}1 >/dev/null
same "$(words group create x "")" "console" "group create does not complete to members of groups"
same "$(words group remove seats "")" "${u}1" "group remove completes to the members of a group of the tree"
"$MDEVADM" --root "$host" group delete seats
same "$(words show "" | cut -d' ' -f1)" "console" "show lists names before UUIDs"
same "$(described start con)" "console|mtty-1 on mtty, inactive" "device candidates have descriptions"
same "$(described list --de)" "--defined|list defined devices, active or not" "option candidates have descriptions"
same "$(described und)" "undefine|remove device definitions" "command candidates have descriptions"
same "$(described list -o na)" "name|$("$MDEVADM" list --list-columns --json | jq -r '.columns[] | select(.column == "name") | .meaning')" \
  "column candidates have descriptions"
same "$(words list -o +na)" "+name" "-o completes columns after a plus sign"
same "$(words list -o +uuid,na)" "+uuid,name" "-o completes columns after a plus sign and a comma"
same "$(words -p mtty define --type "")" "mtty-1 mtty-2" "options before the command affect the candidates"
same "$(words ls -p mb)" "mbochs" "the alias ls completes like list"
same "$(words group create x --node-owner roo)" "root" "--node-owner completes to users"
same "$(words group create x --node-owner root:roo)" "root:root" "--node-owner completes to groups after the colon"
same "$(words stop -u abcd)" "abcd0000-0000-4000-8000-000000000003" "-u completes to devices"
mkdir -p "$host/etc/mdevctl.d/mtty"
echo '{"mdev_type":"mtty-1","start":"manual"}' >"$host/etc/mdevctl.d/mtty/${u}9"
same "$(described import mdevctl "")" "${u}9|under mtty" "import mdevctl completes to the definitions of mdevctl"
rm -r "$host/etc/mdevctl.d"
same "$(words undefine con)" "console" "undefine completes to names of definitions"
same "$(words undefine abcd)" "" "undefine does not complete to devices without a definition"
same "$(words show abc)" "abcd0000-0000-4000-8000-000000000003" "show completes to active devices as well"
same "$(words list -o uuid,driv)" "uuid,driver" "-o completes the last of several columns"
same "$(words list -o uuid,uu)" "" "-o completes to no column that is already listed"
same "$(words list --de)" "--defined" "an option prefix completes to the options of the command"
same "$(words start --ver)" "--version --verbose" "an option prefix completes to the options of every command"
same "$(words define --file "")" ":files" "--file leaves the completion of files to the shell"
same "$(words --root "")" ":directories" "--root leaves the completion of directories to the shell"
same "$(words monitor --until "")" "present= absent= active= inactive= in-use= unused=" "--until completes to the words of conditions"
same "$(words monitor --until present=m)" "present=mbochs present=mdpy present=mtty" "--until completes to parents after present="
same "$(words monitor --until unused=con)" "unused=console" "--until completes to devices after unused="
same "$(words stop --timeout "")" "" "--timeout completes to nothing"
same "$(words help st)" "status start stop" "help completes to commands"
same "$(words help group st)" "start stop" "help group completes to the commands of group"
same "$(words group st)" "start stop" "group completes to its commands"
same "$(words group create x con)" "console" "group create completes to devices as members"
"$MDEVADM" --root "$host" group create seat console
same "$(words group start "")" "seat" "group start completes to groups"
same "$(words group remove seat "")" "console" "group remove completes to the members of the group"
same "$(words check se)" "seat" "check completes to groups"
same "$(words check hos)" "host" "check completes to the host as a whole"
same "$(words modify console -t "")" "$(words modify -p mtty x -t "")" "--type completes to the types of the parent of the device"
same "$(words list --state active,)" "active,inactive active,drifted active,removing" "--state does not offer a state again"
same "$(words show mtty -o api)" "" "show PARENT -o completes to the columns of parents"
same "$(words list --group "")" "seat" "--group completes to groups"
run "$MDEVADM" __complete --root /nonexistent stop ""
exits 0 "completion succeeds if the host cannot be read"
same "$out$err" "" "completion prints nothing if the host cannot be read"

# Bash at a prompt in a terminal, with the Tab key. The script does not depend on the package bash-completion.
ln -s "$MDEVADM" "$bin/mdevadm"
before='source /usr/share/bash-completion/bash_completion;'
at_prompt() {  # TEXT: the command line after Tab
  expect -c "
    log_user 0
    set timeout 10
    set stty_init {columns 300}
    spawn env PS1=> PATH=$bin:\$env(PATH) TERM=dumb bash --norc --noprofile -i
    expect >
    send \"$before source $here/../../completions/mdevadm.bash; bind 'set enable-bracketed-paste off'; echo re''ady\r\"
    expect ready
    expect >
    send {$1}
    # bash reads this only after it has completed.
    send \"\t\"
    send \"\x01echo <\x05>\r\"
    expect -re {<([^\r\n]*)>\r?\n}
    puts \$expect_out(1,string)
  " 2>/dev/null | tail -n 1
}
line() { at_prompt "$1" | sed 's/ *$//'; }
same "$(line "mdevadm unde")" "mdevadm undefine" "bash completes a command"
same "$(line "mdevadm --root $host define -p mbo")" "mdevadm --root $host define -p mbochs" "bash completes a parent"
same "$(line "mdevadm --root $host start con")" "mdevadm --root $host start console" "bash completes a name"
same "$(line "mdevadm --root $host stop abcd")" "mdevadm --root $host stop abcd0000-0000-4000-8000-000000000003" "bash completes a UUID"
rm -rf "$host/sys"
"$LAY_TREE" "$here/../trees/nvidia.tree" "$host"
same "$(words types 86)" "0000:86:00.0" "types completes a PCI address without the domain"
same "$(words define -p 86:00.0 --type nvidia-18)" "nvidia-18" "--type completes to the types of a parent given by its short PCI address"
same "$(words types 86:0)" "0000:86:00.0" "types completes a PCI address without the domain after a colon"
same "$(words types 00000000:8), $(words show pci_0000_8), $(words types /sys/bus/pci/devices/0000:8), $(words list -p /sys/class/mdev_bus/)" \
  "00000000:86:00.0, pci_0000_86_00_0, /sys/bus/pci/devices/0000:86:00.0, /sys/class/mdev_bus/0000:86:00.0" \
  "a parent completes in the form in which it is typed"
same "$(words show pci), $(words types 00000), $(words types /sys/bus/css/)" ", 00000000:86:00.0, " "and in no other"
same "$(words monitor --until present=pci_)" "present=pci_0000_86_00_0" "so does the parent in a condition"
same "$(words types 86:00.0 --after nvidia-18)" "nvidia-18" "the types of a parent complete, whatever its form"
"$MDEVADM" --root "$host" parent set 86:00.0 --run true --force >/dev/null
same "$(words parent show 86), $(words parent unset PCI_0000)" "0000:86:00.0, pci_0000_86_00_0" "so does a parent with settings"
"$MDEVADM" --root "$host" parent unset 86:00.0 >/dev/null
same "$(words define --series Q,)" "Q,Q Q,B Q,A Q,C" "--series completes the last item of a list"
same "$(words start --placement s)" "spread" "--placement completes"
same "$(words types --need fr)" "frl_config framebuffer" "--need completes to properties"
for before in 'source /usr/share/bash-completion/bash_completion;' ''; do
  with=${before:+ with bash-completion}
  same "$(line "mdevadm --root $host types 0000:8")" "mdevadm --root $host types 0000:86:00.0" \
    "bash completes a PCI address with its colons$with"
  same "$(line "mdevadm --root $host list --parent=0000:8")" "mdevadm --root $host list --parent=0000:86:00.0" \
    "bash completes a value after an equals sign$with"
  same "$(line "mdevadm --root $host define -p 0000:86:00.0 -t nvidia-1 --name x")" "mdevadm --root $host define -p 0000:86:00.0 -t nvidia-1 --name x" \
    "bash does not change a value without candidates$with"
  same "$(line "mdevadm --root $host define -p 0000:86:00.0 -t nvidia-22")" "mdevadm --root $host define -p 0000:86:00.0 -t nvidia-22" \
    "bash completes a type after a PCI address$with"
  same "$(line "mdevadm --root $host types 86")" "mdevadm --root $host types 0000:86:00.0" \
    "bash completes a short PCI address to the full one$with"
  same "$(line "mdevadm --root $host types --need 'frame")" "mdevadm --root $host types --need 'framebuffer'" \
    "bash completes a property in quotes$with"
done

rm -rf "$host/sys"
"$LAY_TREE" "$here/../trees/s390.tree" "$host"
same "$(words types css_0), $(words types ap_), $(words list -p 03), $(words types /sys/devices/vfio)" \
  "css_0_0_0313, ap_matrix, 0.0.0313, /sys/devices/vfio_ap/matrix" "parents of IBM Z complete in all forms"

# The completion of mdevsim.
sim_words() {
  # shellcheck disable=SC2016
  bash --norc -c 'PATH=$1:$PATH; . "$2"; shift 2; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mdevsim; echo "${COMPREPLY[@]}"' \
    - "$(dirname "$MDEVSIM")" "$here/../../completions/mdevsim.bash" mdevsim "$@"
}
same "$(sim_words u)" "umount" "mdevsim completes to its commands"
same "$(sim_words run m60-u)" "m60-u1 m60-u2" "mdevsim run completes to the shipped scenarios"
same "$(sim_words run m60 --)" "--keep -- --help" "mdevsim run completes to its options"
same "$(sim_words control un)" "unregister" "mdevsim control completes to control requests"
same "$(sim_words control fault re)" "remove read" "mdevsim control fault completes to operations"
for words in "u" "run m60-u" "run m60 --" "control un" "control fault re" "events --"; do
  # shellcheck disable=SC2086
  same "$(PATH=$(dirname "$MDEVSIM"):$PATH fish -c 'source $argv[1]; complete -C $argv[2]' "$here/../../completions/mdevsim.fish" "mdevsim $words" | sort | xargs)" \
    "$(tr ' ' '\n' <<<"$(sim_words $words)" | sort | xargs)" "fish offers the same words for: mdevsim $words"
done

# The completion of mdevctl, which reads the help and the lists of the program.
ln -s "$MDEVADM" "$bin/mdevctl"
ln -s "$MDEVADM" "$bin/lsmdev"
rm -rf "$host/sys"
"$LAY_TREE" "$here/../trees/samples.tree" "$host"
mdevctl_words() {
  # shellcheck disable=SC2016
  bash --norc -c 'PATH=$1:$PATH; . "$2"; shift 2; compopt() { echo "files"; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mdevctl; echo "${COMPREPLY[@]}"' \
    - "$bin" "$here/../../completions/mdevctl.bash" "$@"
}
export MDEVCTL_ENV_ROOT=$host
mkdir -p "$host/etc/mdevctl.d/mtty"
echo '{"mdev_type":"mtty-1","start":"manual"}' >"$host/etc/mdevctl.d/mtty/${u}7"
same "$(mdevctl_words mdevctl un)" "undefine" "mdevctl completes to its commands"
same "$(mdevctl_words mdevctl help st)" "start stop" "mdevctl help completes to commands"
same "$(mdevctl_words mdevctl modify --de)" "--delattr --defined" "mdevctl modify completes to its options"
same "$(mdevctl_words lsmdev --d)" "--defined --dumpjson" "lsmdev completes to the options of list"
same "$(mdevctl_words mdevctl start -u "")" "${u}7" "mdevctl start -u completes to definitions"
same "$(mdevctl_words mdevctl stop --uuid=abcd)" "abcd0000-0000-4000-8000-000000000003" "mdevctl stop --uuid= completes to active devices"
same "$(mdevctl_words lsmdev -u "" | tr ' ' '\n' | sort | paste -sd' ')" "${u}1 ${u}2 ${u}7 abcd0000-0000-4000-8000-000000000003" \
  "lsmdev -u completes to definitions and active devices"
same "$(mdevctl_words mdevctl define -u "")" "" "mdevctl define -u completes to nothing"
same "$(mdevctl_words mdevctl types -p m)" "mbochs mdpy mtty" "mdevctl types -p completes to parents"
same "$(mdevctl_words mdevctl define -p mtty -t mtty)" "mtty-1 mtty-2" "mdevctl define -t completes to the types of the parent"
same "$(mdevctl_words mdevctl define --jsonfile "" | head -1)" "files" \
  "mdevctl define --jsonfile leaves the completion of files to the shell"
finish
