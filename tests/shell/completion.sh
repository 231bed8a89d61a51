# Completion: what the program answers, and what a real bash makes of it at a prompt.
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

same "$(words "")" "types list status show define modify undefine start stop restart import export group version help" "commands"
same "$(words st)" "status start stop" "commands that begin so"
same "$(words types "")" "mbochs mdpy mtty" "types offers the parents"
same "$(words list -p m)" "mbochs mdpy mtty" "-p offers the parents"
same "$(words define --parent mtty --type "")" "mtty-1 mtty-2" "--type offers the types of the parent that was named"
same "$(words define --type mdpy-)" "mdpy-hd mdpy-vga mdpy-xga" "--type without a parent offers all types"
same "$(words stop "")" "${u}1 abcd0000-0000-4000-8000-000000000003 ${u}2" "stop offers what is active"
same "$(words start "")" "console" "start offers what is defined and not active: the name, if there is one"
same "$(words start 0)" "00000000-0000-4000-8000-0000000000aa" "and the UUID for a word that begins like one"
same "$(words show "" | cut -d' ' -f1)" "console" "names come before UUIDs"
same "$(described start con)" "console|mtty-1 on mtty, inactive" "candidates have descriptions"
same "$(described list --de)" "--defined|list defined devices, active or not" "options too"
same "$(described und)" "undefine|remove device definitions" "and commands"
same "$(described list -o na)" "name|$("$MDEVADM" list --list-columns --json | jq -r '.columns[] | select(.column == "name") | .meaning')" "and columns"
same "$(words list -o +na)" "+name" "columns after a plus sign"
same "$(words list -o +uuid,na)" "+uuid,name" "and after a comma"
same "$(words -p mtty define --type "")" "mtty-1 mtty-2" "options before the command count"
same "$(words ls -p mb)" "mbochs" "aliases are known"
same "$(words group create x --node-owner roo)" "root" "--node-owner offers users"
same "$(words group create x --node-owner root:roo)" "root:root" "then groups"
same "$(words stop -u abcd)" "abcd0000-0000-4000-8000-000000000003" "-u offers devices"
mkdir -p "$host/etc/mdevctl.d/mtty"
echo '{"mdev_type":"mtty-1","start":"manual"}' >"$host/etc/mdevctl.d/mtty/${u}9"
same "$(described import mdevctl "")" "${u}9|under mtty" "import offers the definitions of mdevctl"
rm -r "$host/etc/mdevctl.d"
same "$(words undefine con)" "console" "undefine offers names"
same "$(words undefine abcd)" "" "undefine does not offer what is not defined"
same "$(words show abc)" "abcd0000-0000-4000-8000-000000000003" "show offers all"
same "$(words list -o uuid,driv)" "uuid,driver" "columns, the last of several"
same "$(words list -o uuid,uu)" "" "columns once only"
same "$(words list --de)" "--defined" "options of the command"
same "$(words start --ver)" "--version --verbose" "options of every command"
same "$(words define --file "")" ":files" "files are left to the shell"
same "$(words --root "")" ":folders" "folders are left to the shell"
same "$(words stop --timeout "")" "" "nobody knows how many seconds"
same "$(words help st)" "status start stop" "help offers commands"
same "$(words help group st)" "start stop" "within group too"
same "$(words group st)" "start stop" "commands within group"
"$MDEVADM" --root "$host" group create seat console
same "$(words group start "")" "seat" "groups"
same "$(words group create x con)" "console" "devices to be members"
same "$(words list --group "")" "seat" "--group offers groups"
run "$MDEVADM" __complete --root /nonexistent stop ""
exits 0 "completion never fails"
same "$out$err" "" "and says nothing then"

# A real bash, asked by a real Tab. The script does not depend on the package bash-completion.
ln -s "$MDEVADM" "$bin/mdevadm"
before='source /usr/share/bash-completion/bash_completion;'
at_prompt() {  # TEXT: what stands on the line after Tab
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
    # bash reads what follows when it has completed.
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
same "$(words types 86)" "0000:86:00.0" "a parent by its PCI address without the domain"
same "$(words define -p 86:00.0 --type nvidia-18)" "nvidia-18" "--type knows a parent in its short form"
same "$(words types 86:0)" "0000:86:00.0" "also after a colon"
same "$(words types --need fr)" "frl_config framebuffer" "--need offers properties"
for before in 'source /usr/share/bash-completion/bash_completion;' ''; do
  with=${before:+ with bash-completion}
  same "$(line "mdevadm --root $host types 0000:8")" "mdevadm --root $host types 0000:86:00.0" "bash completes a PCI address with its colons$with"
  same "$(line "mdevadm --root $host list --parent=0000:8")" "mdevadm --root $host list --parent=0000:86:00.0" "bash completes behind an equals sign$with"
  same "$(line "mdevadm --root $host define -p 0000:86:00.0 -t nvidia-1 --name x")" "mdevadm --root $host define -p 0000:86:00.0 -t nvidia-1 --name x" "a value without candidates is left alone$with"
  same "$(line "mdevadm --root $host define -p 0000:86:00.0 -t nvidia-22")" "mdevadm --root $host define -p 0000:86:00.0 -t nvidia-22" "a type after a PCI address$with"
  same "$(line "mdevadm --root $host types 86")" "mdevadm --root $host types 0000:86:00.0" "a short PCI address is completed to the long one$with"
  same "$(line "mdevadm --root $host types --need 'frame")" "mdevadm --root $host types --need 'framebuffer'" "a property within quotes$with"
done

# mdevsim's own.
sim_words() {
  # shellcheck disable=SC2016
  bash --norc -c 'PATH=$1:$PATH; . "$2"; shift 2; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mdevsim; echo "${COMPREPLY[@]}"' \
    - "$(dirname "$MDEVSIM")" "$here/../../completions/mdevsim.bash" mdevsim "$@"
}
same "$(sim_words u)" "umount" "mdevsim: commands"
same "$(sim_words run m60-u)" "m60-u1 m60-u2" "scenarios that are shipped"
same "$(sim_words run m60 --)" "--keep -- --help" "options"
same "$(sim_words control un)" "unregister" "what can be interfered with"
same "$(sim_words control fault re)" "remove read" "and in which operation"

# mdevctl's, which asks its help and its lists.
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
same "$(mdevctl_words mdevctl un)" "undefine" "mdevctl: commands"
same "$(mdevctl_words mdevctl help st)" "start stop" "of help too"
same "$(mdevctl_words mdevctl modify --de)" "--delattr --defined" "options of the command"
same "$(mdevctl_words lsmdev --d)" "--defined --dumpjson" "lsmdev: those of list"
same "$(mdevctl_words mdevctl start -u "")" "${u}7" "start offers what is defined"
same "$(mdevctl_words mdevctl stop --uuid=abcd)" "abcd0000-0000-4000-8000-000000000003" "stop what is active"
same "$(mdevctl_words lsmdev -u "" | tr ' ' '\n' | sort | paste -sd' ')" "${u}1 ${u}2 ${u}7 abcd0000-0000-4000-8000-000000000003" "a list both"
same "$(mdevctl_words mdevctl define -u "")" "" "nobody knows a new one"
same "$(mdevctl_words mdevctl types -p m)" "mbochs mdpy mtty" "parents"
same "$(mdevctl_words mdevctl define -p mtty -t mtty)" "mtty-1 mtty-2" "types"
same "$(mdevctl_words mdevctl define --jsonfile "" | head -1)" "files" "files are left to the shell"
finish
