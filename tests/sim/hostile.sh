# Hostile hosts: trees that point out of themselves, scripts and settings that other users can change, devices and FIFOs in the
# place of files, names with control characters. One function for each attack.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
a=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01
b=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a02
work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
tree=$work/tree outside=$work/outside

# lay: a tree with one parent, and a directory beside it that no command may change
lay() {
  rm -rf "$tree" "$outside"
  local types=$tree/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-1
  mkdir -p "$types/devices" "$tree/sys/class/mdev_bus" "$tree/sys/bus/mdev/devices" "$tree/etc" "$tree/run"
  ln -s ../../devices/virtual/mtty/mtty "$tree/sys/class/mdev_bus/mtty"
  echo 4 >"$types/available_instances"
  echo vfio-pci >"$types/device_api"
  : >"$types/create"
  mkdir -p "$outside/etc" "$outside/run" "$outside/devices/mtty"
  cp -r "$tree/sys/devices/virtual/mtty/mtty" "$outside/parent"
  echo untouched >"$outside/file"
  (cd "$outside" && find . -printf '%p %m %s %l\n' | sort) >"$work/before"
}
unchanged() {
  same "$(cd "$outside" && find . -printf '%p %m %s %l\n' | sort)" "$(cat "$work/before")" "$1: nothing outside the tree is changed"
}
m() { run timeout 20 "${trace[@]}" "$MDEVADM" --root "$tree" "$@"; }

# leads_out HOW: the trees whose links lead out
leads_out() {
  local link
  lay
  m define "$a" -p mtty -t mtty-1
  exits 0 "$1: define works in a tree"
  m list --defined
  out_has "$a" "$1: list shows the definition"
  unchanged "$1: define"
  for link in "$outside/etc" ../../outside/etc; do
    lay
    ln -s "$link" "$tree/etc/mdevadm"
    m define "$a" -p mtty -t mtty-1
    err_has 'cannot .*etc/mdevadm' "$1: define names the directory that leads out by '${link%%[a-z]*}'"
    unchanged "$1: define with /etc/mdevadm -> ${link%%[a-z]*}"
    lay
    ln -s "$link" "$tree/run/mdevadm"
    m define "$a" -p mtty -t mtty-1
    err_has 'cannot lock .*run/mdevadm' "$1: define names the runtime directory that leads out"
    unchanged "$1: define with /run/mdevadm -> ${link%%[a-z]*}"
  done
  lay
  mkdir -p "$tree/etc/mdevadm/devices"
  ln -s "$outside/devices/mtty" "$tree/etc/mdevadm/devices/mtty"
  m define "$a" -p mtty -t mtty-1
  unchanged "$1: define with a link for the parent"
  lay
  m define "$a" -p mtty -t mtty-1
  cp "$tree/etc/mdevadm/devices/mtty/$a.toml" "$outside/file"
  (cd "$outside" && find . -printf '%p %m %s %l\n' | sort) >"$work/before"
  ln -sf "$outside/file" "$tree/etc/mdevadm/devices/mtty/$a.toml"
  m modify "$a" --auto
  m undefine "$a"
  unchanged "$1: modify and undefine with a link for the definition"
  lay
  rm -r "$tree/sys/devices/virtual/mtty/mtty"
  ln -s "$outside/parent" "$tree/sys/devices/virtual/mtty/mtty"
  m start -u "$a" -p mtty -t mtty-1
  exits 3 "$1: a parent that is a link out of the tree is not found"
  unchanged "$1: start on a parent that leads out"
  lay
  rm -r "$tree/sys/devices/virtual/mtty/mtty/mdev_supported_types"
  ln -s "$outside/parent/mdev_supported_types" "$tree/sys/devices/virtual/mtty/mtty/mdev_supported_types"
  m start -u "$a" -p mtty -t mtty-1
  unchanged "$1: start with types that lead out"
  lay
  ln -sf "$outside/file" "$tree/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-1/create"
  m start -u "$a" -p mtty -t mtty-1
  unchanged "$1: start with an attribute that leads out"
}

locks() {
  lay
  mkdir "$tree/run/mdevadm"
  ln -s "$outside/new" "$tree/run/mdevadm/definitions.lock"
  m define "$a" -p mtty -t mtty-1
  err_has "cannot lock the definitions \('$tree/run/mdevadm/definitions.lock'\): not a regular file" "a link in the place of a lock file is refused"
  unchanged "lock file that is a link"
  for kind in mkfifo mkdir; do
    rm -r "$tree/run/mdevadm/definitions.lock"
    $kind "$tree/run/mdevadm/definitions.lock"
    m define "$a" -p mtty -t mtty-1
    exits 1 "a lock file made by $kind does not block"
    err_has 'definitions.lock.*: not a regular file' "the error says what the lock file is not ($kind)"
  done
}

files_without_end() {
  lay
  local directory=$tree/etc/mdevadm/devices/mtty
  mkdir -p "$directory" "$tree/etc/mdevctl.d/mtty" "$tree/dev"
  mkfifo "$directory/$a.toml" "$tree/etc/mdevctl.d/mtty/$b"
  m list --all
  exits 0 "list does not wait for a FIFO"
  m check
  out_has "$a.toml: not a regular file" "check reports the FIFO in the place of a definition"
  rm "$directory/$a.toml"
  mkdir "$directory/$a.toml"
  m list --all
  exits 0 "list passes a directory in the place of a definition"
  rmdir "$directory/$a.toml"
  if mknod "$directory/$a.toml" c 1 5 2>/dev/null && head -c 1 "$directory/$a.toml" >/dev/null 2>&1; then
    m list --all
    exits 0 "list does not read a device without end"
    m check
    out_has "$a.toml: not a regular file" "check reports the device in the place of a definition"
  fi
  rm -f "$directory/$a.toml"
  local type=$tree/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-1
  head -c 1000000 /dev/zero | tr '\0' x >"$type/description"
  rm "$type/available_instances" "$type/create"
  mkfifo "$type/available_instances" "$type/create"
  m types
  exits 0 "types does not wait for a FIFO in the place of an attribute"
  m show mtty --json
  holds "a long attribute is read to the length of a page" [ "$(wc -c <<<"$out")" -lt 20000 ]
  m start -u "$a" -p mtty -t mtty-1
  same "$((code != 0 && code != 124))" 1 "start fails at once on a FIFO in the place of an attribute"
}

control_characters() {
  lay
  local escape=$'\e' c1=$'\xc2\x9b' reversed=$'\xe2\x80\xae' name parent=$tree/sys/devices/virtual/mtty
  local type=$parent/mtty/mdev_supported_types/mtty-1
  printf 'N%s[31m%s31m%s\nx\n' "$escape" "$c1" "$reversed" >"$type/name"
  printf 'd%s]0;title\a %s\nframebuffer=%s[2J\n' "$escape" "$reversed" "$escape" >"$type/description"
  for name in "evil$escape[31m" "evil${c1}31m" "evil$reversed" $'evil\nline'; do
    mkdir -p "$parent/$name/mdev_supported_types/t$name/devices"
    echo 3 >"$parent/$name/mdev_supported_types/t$name/available_instances"
    ln -s "../../devices/virtual/mtty/$name" "$tree/sys/class/mdev_bus/$name"
  done
  mkdir -p "$parent/mtty/$a" "$parent/mtty/$a/driver$escape[1m"
  ln -s "../../../devices/virtual/mtty/mtty/$a" "$tree/sys/bus/mdev/devices/$a"
  ln -s ../mdev_supported_types/mtty-1 "$parent/mtty/$a/mdev_type"
  mkdir -p "$tree/etc/mdevadm/devices/mtty" "$tree/etc/mdevctl.d/mtty" "$tree/etc/mdevadm/groups"
  printf 'ty%spe = "mtty-1"\n' "$escape" >"$tree/etc/mdevadm/devices/mtty/$b.toml"
  : >"$tree/etc/mdevadm/groups/g$escape$c1.toml"
  printf '{"mdev_type":"mtty-1","start":"manual","attrs":[{"a\\u001b[31m":"v\\u009b2J"}]}' >"$tree/etc/mdevctl.d/mtty/$a"
  while read -r words; do
    # shellcheck disable=SC2086  # words
    m $words
    same "$(printf '%s\n' "$out" "$err" | LC_ALL=C grep -aP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]')" "" "$words prints no control character"
  done <<T
types
list --all
show $a
show mtty
status
check
export metrics
export dot
export libvirt $a
export qemu $a
import mdevctl
show $escape[31m
types evil$escape[31m
define $b -p evil$c1 -t x
T
  m types --json
  same "$(jq -r '.types | length' <<<"$out")" 1 "parents with such names are not listed, and the JSON text is valid"
  same "$(LC_ALL=C grep -c $'\e' <<<"$out")" 0 "JSON text has no escape character"
}

# The parts below run on a simulated host, as root.
give() { chown "$@" 2>/dev/null; }  # fails in a user namespace
scripts=/etc/mdevctl.d/scripts.d
add_script() { mkdir -p "${1%/*}"; printf '#!/bin/sh\necho "${0##*/} $4-$6" >>%s/calls\n%s\n' "$work" "${2:-}" >"$1"; chmod 755 "$1"; }
calls() { cat "$work/calls" 2>/dev/null; rm -f "$work/calls"; }

# refused PATH REASON HINT: start runs no script and names what is wrong; its hint helps
refused() {
  calls >/dev/null
  run "$MDEVADM" start -u $a -p mtty -t mtty-1
  exits 1 "start is refused ($2)"
  same "$(calls)" "" "the script does not run ($2)"
  err_has "cannot start .*: cannot run call-out script '$scripts/callouts/one': '$1' $2" "the error names the path and the reason ($2)"
  err_has "^hint: $3$" "the hint is the command that helps ($2)"
  $3
  run "$MDEVADM" start -u $a -p mtty -t mtty-1
  exits 0 "start works after the hint ($2)"
  holds "the script runs after the hint ($2)" grep -q 'one pre-start' "$work/calls"
  "$MDEVADM" stop $a
}

untrusted_scripts() {
  local one=$scripts/callouts/one open='can be changed by other users than root \(mode 0777\)'
  add_script $one
  chmod 777 $one
  refused $one "$open" "chmod go-w $one"
  chmod 777 $scripts/callouts
  refused $scripts/callouts "$open" "chmod go-w $scripts/callouts"
  chmod 777 /etc/mdevctl.d
  refused /etc/mdevctl.d "$open" "chmod go-w /etc/mdevctl.d"
  if give daemon $one; then
    refused $one "is owned by user 'daemon', not by root" "chown -h root $one"
    mv $one $work/real
    ln -s $work/real $one
    chown -h daemon $one
    refused $one "is owned by user 'daemon', not by root" "chown -h root $one"
    chmod 777 $work
    refused "$work" "$open" "chmod go-w $work"
  fi
  rm $one
  add_script $scripts/notifiers/tell
  chmod 777 $scripts/notifiers/tell
  run "$MDEVADM" define $a -p mtty -t mtty-1
  exits 0 "define works beside a notifier that other users can change"
  same "$(calls | grep notify)" "" "the notifier does not run"
  err_has "warning: cannot run notifier script '$scripts/notifiers/tell': .* \(to run it: chmod go-w $scripts/notifiers/tell\)" "a warning names the notifier"
  add_script $one
  chmod 777 $one
  run "$MDEVADM" list --defined
  exits 0 "list works beside scripts that other users can change"
  ln -s "$(realpath "$MDEVADM")" "$work/mdevctl"
  run "$work/mdevctl" start -u $a -p mtty -t mtty-1
  exits 0 "under the name mdevctl the script runs"
  same "$(calls | sort -u | grep -v capabilities)" "one post-start
one pre-start
tell notify-start" "under the name mdevctl all scripts run"
  same "$(grep -c "WARN  mdevctl::callouts\] call-out script '$one' is not safe: '$one' can be changed" <<<"$err")" 1 "under the name mdevctl one warning names the script"
}

untrusted_settings() {
  local gpu=0000:41:00.0 program=$work/programs/prepare
  local file=/etc/mdevadm/parents/$gpu.toml
  mkdir "$work/programs"
  add_script "$program"
  mkdir -p /etc/mdevadm/parents
  printf 'virtual_functions = "all"\n[[run]]\ncommand = ["%s"]\n' "$program" >$file
  run "$MDEVADM" parent prepare $gpu
  exits 0 "prepare runs a command of trusted settings"
  same "$(calls | wc -l)" 1 "the command of trusted settings runs once"
  rm -rf /run/mdevadm/parents
  chmod 666 $file
  run "$MDEVADM" parent prepare $gpu
  exits 1 "prepare refuses settings that other users can change"
  err_has "$file: not used, because it can contain commands for root: '$file' can be changed by other users than root \(mode 0666\)" "the error names the file and its mode"
  err_has "^hint: chmod go-w $file$" "the hint is the command that helps"
  run "$MDEVADM" parent prepare --all
  exits 1 "prepare --all refuses them, too"
  err_has "cannot prepare '$gpu': $file: not used, because it can contain commands for root" "prepare --all names the file"
  err_lacks "no parent has settings" "and does not say that there are none"
  run "$MDEVADM" check
  out_has "chmod go-w $file" "check names the command that helps"
  same "$(calls)" "" "no command of untrusted settings runs"
  chmod go-w $file
  chmod 777 "$program"
  run "$MDEVADM" parent prepare $gpu
  err_has "cannot run '$program': '$program' can be changed by other users than root" "a program that other users can change is refused"
  err_has "^hint: chmod go-w $program$" "the hint of the program is the command that helps"
  chmod 755 "$program"
  chmod 777 "$work/programs"
  run "$MDEVADM" parent prepare $gpu
  err_has "cannot run '$program': '$work/programs' can be changed by other users than root" "a program in a directory that others can write to is refused"
  same "$(calls)" "" "no untrusted program runs"
  chmod 755 "$work/programs"
  run "$MDEVADM" parent prepare $gpu
  exits 0 "prepare works after the hints"
  same "$(calls | wc -l)" 1 "the command runs after the hints"
  rm -rf /run/mdevadm/parents
  printf 'virtual_functions = "all"\n[[run]]\ncommand = ["prepare"]\n' >$file
  run env PATH="$work/programs:$PATH" "$MDEVADM" parent prepare $gpu
  err_has "program 'prepare' not found in /usr/local/sbin:" "PATH does not choose the program"
  same "$(calls)" "" "no program of PATH runs"
}

# Each file that commands have written is replaced by something else: no command waits for it, ends by a signal or reads without end,
# and a command that changes the object names the file.
special_files() {
  local gpu=0000:41:00.0 file kind words wrong='' tried=0 files command
  "$MDEVADM" define $a -p mtty -t mtty-1 --name a --auto >/dev/null
  "$MDEVADM" define $b -p mtty -t mtty-1 --name b >/dev/null
  "$MDEVADM" group create -q g b
  "$MDEVADM" group start -q g
  "$MDEVADM" start -q --auto
  "$MDEVADM" claim g --for vm >/dev/null
  "$MDEVADM" parent set -q $gpu --vfs all
  "$MDEVADM" parent prepare -q $gpu
  "$MDEVADM" start -q -p $gpu -t 1147 >/dev/null
  "$MDEVADM" export host >/etc/mdevadm/host.toml
  ln -s "$MDEVADM" "$work/mdevctl"
  "$work/mdevctl" define -u ${a/7e35/8e35} -p mtty -t mtty-2
  files=$(find /etc/mdevadm /etc/mdevctl.d /run/mdevadm -type f | sort)
  sed -E 's/[0-9a-f]{8}-[0-9a-f-]{27}/UUID/; s/^/# /' <<<"$files" | sort -u
  for file in $files; do
    for kind in fifo socket directory device link; do
      mv "$file" "$work/saved"
      case $kind in
        fifo) mkfifo "$file" ;;
        socket) perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, pack_sockaddr_un($ARGV[0]))' "$file" ;;
        directory) mkdir "$file" ;;
        device) ln -s /dev/zero "$file" ;;
        link) ln -s "$file" "$file" ;;
      esac
      while read -r words; do
        command=("$MDEVADM")
        [ "${words#mdevctl }" = "$words" ] || command=("$work/mdevctl")
        # shellcheck disable=SC2206
        command+=(${words#mdevctl })
        run timeout 10 "${command[@]}"
        tried=$((tried + 1))
        [ "$code" -le 9 ] || wrong+=$'\n'"$kind for $file: $words: exit code $code: $err"
        [ "$(wc -c <<<"$out$err")" -lt 30000 ] || wrong+=$'\n'"$kind for $file: $words prints without end"
      done <<'END'
list --all
list --boot
list --claimed
check
group show g
modify a --dry-run --auto
stop a --dry-run
claim g --for other --dry-run
parent list
apply --check
mdevctl list -d
END
      rm -rf "$file"
      mv "$work/saved" "$file"
    done
  done
  same "$wrong" "" "$tried commands end by themselves beside a FIFO, a socket, a directory, a device or a link in the place of a file"
  file=/etc/mdevadm/devices/mtty/$a.toml
  rm "$file"
  mkfifo "$file"
  for words in "modify $a --manual" "undefine $a"; do
    # shellcheck disable=SC2086
    run timeout 10 "$MDEVADM" $words
    holds "${words%% *} of a definition that is a FIFO fails" test "$code" != 0
    err_has "$file: not a regular file" "${words%% *}: the error names the FIFO"
  done
}

# The environment, as sudo passes it or not, decides neither what is done nor what is printed.
environment() {
  local variable words clean wrong='' tried=0
  "$MDEVADM" define $a -p mtty -t mtty-1 --name a >/dev/null
  for words in "list --all" types "show a" status "list --all --json" "start nosuch"; do
    # shellcheck disable=SC2086
    clean=$(env -i "$MDEVADM" $words 2>&1)
    for variable in HOME= HOME=/nonexistent TERM= TERM=garbage COLUMNS=0 COLUMNS=-1 COLUMNS=x COLUMNS=99999999999999999999 COLUMNS=1 LINES=x \
      LC_ALL=garbage LC_ALL= LANG=xx_YY LANGUAGE=xx PATH= PATH=/nonexistent SUDO_USER=$'evil\e[31m' SUDO_UID=garbage SUDO_GID=-1 \
      SUDO_COMMAND=$'a\nb' TZ=/dev/zero TMPDIR=/nonexistent NO_COLOR=1 JOURNAL_STREAM=garbage JOURNAL_STREAM=9:9:9 XDG_RUNTIME_DIR=x \
      LIBSMARTCOLS_DEBUG=x NOTIFY_SOCKET=/nonexistent INVOCATION_ID=x; do
      tried=$((tried + 1))
      # shellcheck disable=SC2086
      [ "$(timeout 10 env -i "$variable" "$MDEVADM" $words 2>&1)" = "$clean" ] || wrong+=$'\n'"$words with ${variable@Q}"
    done
  done
  same "$wrong" "" "none of $tried outputs depends on the environment"
  # On a terminal, the width counts.
  for variable in 0 -1 x 1 2 99999999999999999999 4294967296; do
    run timeout 20 script -qec "COLUMNS=$variable TERM=garbage '$MDEVADM' list --all && COLUMNS=$variable '$MDEVADM' help start" /dev/null
    exits 0 "list and help succeed on a terminal with COLUMNS=$variable"
    out_has "${a:0:1}" "and print something with COLUMNS=$variable"
  done
  run env -i PATH=/nonexistent HOME=/nonexistent LC_ALL=garbage SUDO_USER=evil SUDO_UID=1000 "$MDEVADM" modify a --auto
  exits 0 "modify works with the environment of sudo"
  same "$(stat -c '%u %a' /etc/mdevadm/devices/mtty/$a.toml)" "$(id -u) 644" "the owner of the file is not SUDO_UID"
}

runtime_directory() {
  "$MDEVADM" define $a -p mtty -t mtty-1
  chmod 1777 /run/mdevadm
  run "$MDEVADM" undefine $a
  exits 1 "nothing is changed while others can write to the runtime directory"
  err_has "'/run/mdevadm' can be changed by other users than root \(mode 1777\)" "the error names the runtime directory"
  err_has "^hint: chmod go-w /run/mdevadm$" "the hint closes the runtime directory"
  run "$MDEVADM" list --defined
  out_has $a "list works with an unsafe runtime directory"
  chmod go-w /run/mdevadm
  run "$MDEVADM" undefine $a
  exits 0 "undefine works after the hint"
}

if [ "${1:-}" != "" ]; then
  "$1"
  finish
  exit
fi
trace=()
leads_out "openat2"
if strace -f -o /dev/null -e trace=openat2 -e inject=openat2:error=ENOSYS true 2>/dev/null; then
  # The search for leaks does not work in a traced process.
  trace=(env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" strace -f -o /dev/null -e trace=openat2 -e inject=openat2:error=ENOSYS)
  leads_out "kernel without openat2"
  trace=()
fi
locks
files_without_end
control_characters
failed_parts=
cp -r "$here/../../examples/scenarios/types" "$work"
{ cat "$here/../../examples/scenarios/samples.toml"; sed '/^description/d' "$here/../../examples/scenarios/vf-n1.toml"; } >"$work/both.toml"
while read -r scenario part; do
  "$MDEVSIM" run "$scenario" -- bash "$0" "$part" || failed_parts+=" $part"
done <<T
$here/../compat/host.toml untrusted_scripts
$here/../compat/host.toml runtime_directory
$work/both.toml special_files
samples environment
l40s-boot untrusted_settings
T
same "$failed_parts" "" "all parts pass on the simulated host"
finish
