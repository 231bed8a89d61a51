# shellcheck shell=bash disable=SC2154
# Invalid files and unexpected states.
directory=/etc/mdevctl.d

lay_bad() {  # CONTENT: an invalid definition between two valid ones
  defined mtty $A
  defined mtty $B "$1"
  defined $gpu $C '{"mdev_type":"nvidia-36","start":"auto"}'
}

bad=(
  'no JSON' '{"mdev_type":'
  'empty' ''
  'no definition' '{}'
  'a type that is no word' '{"mdev_type":5,"start":"manual"}'
  'a value that is no word' '{"mdev_type":"mtty-1","start":"manual","attrs":[{"a":1}]}'
  'bytes that are no characters' $'{"mdev_type":"\xff","start":"manual"}'
)
for ((i = 0; i < ${#bad[@]}; i += 2)); do
  given "a bad file: ${bad[i]}"
  lay_bad "${bad[i + 1]}"
  outline mdevctl list -d
  outline mdevctl list -d --dumpjson -p mtty
  outline mdevctl list -d -u $B
done

given "a bad file: of another parent, or uuid"
lay_bad '{'
mdevctl list -d -p $gpu
mdevctl list -d -u $A
mdevctl list -d -u $C

given "a bad file: undefine another"
lay_bad '{'
mdevctl undefine -u $A
mdevctl undefine -u $C

given "a bad file: undefine it"
lay_bad '{'
outline mdevctl undefine -u $B

given "a bad file: undefine it, forced"
lay_bad '{'
outline mdevctl undefine -u $B --force

given "a bad file: of another parent, of the same uuid"
defined mtty $A
defined $gpu $A '{'
outline mdevctl undefine -u $A

given "a bad file: modify it"
lay_bad '{'
outline mdevctl modify -u $B --auto
outline mdevctl modify -u $B -p mtty --delattr

given "a bad file: modify it by file"
lay_bad '{'
config '{"mdev_type":"mtty-2","start":"auto"}'
mdevctl modify -u $B -p mtty --jsonfile $config

given "a bad file: define it again"
lay_bad '{'
mdevctl define -u $B -p mtty -t mtty-1

given "a bad file: define it again by file"
lay_bad '{'
config '{"mdev_type":"mtty-2","start":"auto"}'
outline mdevctl define -u $B -p mtty --jsonfile $config

given "a bad file: start it"
lay_bad '{'
outline mdevctl start -u $B

given "a bad file: it is active"
lay_bad '{'
active mtty mtty-1 $B
mdevctl list
mdevctl list --dumpjson
mdevctl stop -u $B

given "a bad file: start what starts by itself"
lay_bad '{'
defined mtty $A '{"mdev_type":"mtty-1","start":"auto"}'
outline mdevctl start-parent-mdevs mtty

given "names that are no uuid"
defined mtty $A
defined mtty not-a-uuid
mdevctl list -d
mdevctl list -d --dumpjson
mdevctl list -d -u $A
mdevctl list -d -p $gpu
mdevctl undefine -u $A

given "a file that was being written"
defined mtty $A
defined mtty .$A.tmp
mdevctl list -d

given "a name that is a uuid, and more"
defined mtty $A.bak
mdevctl list -d

given "names that are no characters"
defined mtty $A
touch $directory/mtty/$'\xff'
outline mdevctl list -d
outline mdevctl list -d --dumpjson

given "a directory whose name is no characters"
defined $'\xff' $A
defined mtty $A
outline mdevctl list -d

given "a file in upper case"
defined mtty ${A^^} '{"mdev_type":"mtty-1","start":"auto"}'
mdevctl list -d
mdevctl list -d --dumpjson -u $A
mdevctl list -d -u ${A^^}

given "a file in upper case: modify"
defined mtty ${A^^} '{"mdev_type":"mtty-1","start":"auto"}'
mdevctl modify -u $A --manual

given "a file in upper case: start"
defined mtty ${A^^} '{"mdev_type":"mtty-1","start":"auto"}'
mdevctl start -u $A
mdevctl list

given "a file in upper case: undefine"
defined mtty ${A^^} '{"mdev_type":"mtty-1","start":"auto"}'
mdevctl undefine -u $A

given "a file in upper case: define"
defined mtty ${A^^} '{"mdev_type":"mtty-1","start":"auto"}'
mdevctl define -u $A -p mtty -t mtty-2

given "a file in upper case: bad, and modified by file"
defined mtty ${A^^} '{'
config '{"mdev_type":"mtty-2","start":"auto"}'
mdevctl modify -u $A -p mtty --jsonfile $config

given "a file in upper case: modify it and the device"
defined mtty ${A^^}
active mtty mtty-1 $A
config '{"mdev_type":"mtty-1","start":"auto","attrs":[]}'
callout 10-one 'echo "{\"supports\":{\"version\":2,\"actions\":[\"modify\",\"attributes\"],\"events\":[\"pre\",\"get\",\"live\"]}}"'
outline mdevctl modify -u $A --live --defined --jsonfile $config

given "two files of one device"
defined mtty $A '{"mdev_type":"mtty-2","start":"manual"}'
defined mtty ${A^^} '{"mdev_type":"mtty-1","start":"auto"}'
outline mdevctl list -d
outline mdevctl list -d --dumpjson -u $A
outline mdevctl modify -u $A -p mtty --auto
outline mdevctl start -u $A -p mtty
outline mdevctl undefine -u $A

given "a file without hyphens"
defined mtty ${A//-/} '{"mdev_type":"mtty-1","start":"auto"}'
mdevctl list -d
mdevctl undefine -u $A

given "a directory where a definition should be"
defined mtty $A
mkdir $directory/mtty/$B
mdevctl list -d
mdevctl undefine -u $B
mdevctl modify -u $B --auto
mdevctl start -u $B -p mtty -t mtty-1

given "links"
defined mtty $A
mkdir $directory/$gpu
ln -s ../mtty/$A $directory/$gpu/$A
ln -s $A $directory/mtty/$B
active mtty mtty-1 $B
mdevctl list -d
mdevctl list -d -u $B
mdevctl list
mdevctl define -u $B -p mtty -t mtty-1
mdevctl modify -u $B --auto

given "links that lead nowhere"
mkdir $directory/mtty
ln -s nowhere $directory/mtty/$A
ln -s nowhere $directory/nowhere
mdevctl list -d
mdevctl define -u $B -p mtty -t mtty-1

given "links that lead nowhere: define there"
mkdir $directory/mtty
ln -s nowhere $directory/mtty/$A
mdevctl define -u $A -p mtty -t mtty-1
mdevctl list -d

given "links to directories"
defined mtty $A
ln -s mtty $directory/$gpu
mdevctl list -d
mdevctl list -d -p $gpu

given "a pipe where a definition should be"
mkdir $directory/mtty
mkfifo $directory/mtty/$A
mdevctl list -d

given "a definition that is not in a directory"
printf %s '{"mdev_type":"mtty-1","start":"manual"}' >$directory/$A
mdevctl list -d
mdevctl undefine -u $A

given "an empty directory"
mkdir $directory/mtty
mdevctl list -d
mdevctl list -d --dumpjson
mdevctl list -d -p mtty --dumpjson

given "a definition among the scripts"
defined scripts.d $A
mdevctl list -d

given "a definition among the scripts: make one"
config '{"mdev_type":"mtty-1","start":"manual"}'
outline mdevctl define -u $A -p scripts.d -t mtty-1
outline mdevctl define -u $B -p scripts.d --jsonfile $config
outline mdevctl modify -u $C -p scripts.d --jsonfile $config
note "$(find $directory/scripts.d -type f | sort | paste -sd' ')"

given "a directory that cannot be read"
defined mtty $A
defined $gpu $B
active mtty mtty-1 $A
chmod 700 $directory/$gpu
mkdir /srv/nobody
cp "$(type -P mdevctl)" /srv/nobody/
for words in 'list -d' 'list' 'list --dumpjson'; do
  # shellcheck disable=SC2086
  outline record setpriv --reuid 65534 --clear-groups /srv/nobody/mdevctl $words
done
rm -r /srv/nobody

# A parent's name that leads out of the directory of definitions, to a directory of the simulated host.
outside=../../srv/outside

given "a parent that is a path: define"
for parent in $outside a/b /srv/outside ''; do
  outline mdevctl define -u $A -p "$parent" -t mtty-1
  note "$(ls -A /srv/outside 2>/dev/null | paste -sd" ")"
  rm -rf /srv/outside
done

given "a parent that is a path: . and .."
outline mdevctl define -u $A -p . -t mtty-1
outline unseen mdevctl define -u $A -p .. -t mtty-1
note "$(ls /etc/$A 2>/dev/null)"
rm -f /etc/$A

given "a parent that is a path: by file"
config '{"mdev_type":"mtty-1","start":"manual"}'
outline mdevctl define -u $A -p $outside --jsonfile $config
outline mdevctl modify -u $B -p $outside --jsonfile $config
outline mdevctl start -u $C -p ../mdev_bus/mtty --jsonfile $config
note "$(ls -A /srv/outside 2>/dev/null | paste -sd" ")"
rm -rf /srv/outside

given "a parent that is a path: start"
outline mdevctl start -u $A -p ../mdev_bus/mtty -t mtty-1
outline mdevctl start -u $A -p mtty/ -t mtty-1
outline mdevctl start -u $A -p '' -t mtty-1

given "a parent that is a path: undefine"
mkdir -p /srv/outside
printf %s '{"mdev_type":"mtty-1","start":"manual"}' >/srv/outside/$A
outline mdevctl undefine -u $A -p $outside
note "$(ls -A /srv/outside | paste -sd" ")"
rm -rf /srv/outside

given "a parent that is a path: list and types"
defined mtty $A
mdevctl list -p ../mtty
mdevctl list -d -p ../mdevctl.d/mtty
mdevctl types -p ../mdev_bus/mtty

given "without directories for scripts"
defined mtty $A
rm -r /usr/lib/mdevctl/scripts.d
mdevctl list
mdevctl list -d
usage mdevctl --help
usage mdevctl modify --defined --live --jsonfile b --help
mdevctl undefine -u $A

given "without a directory for notifiers"
rm -r /usr/lib/mdevctl/scripts.d/notifiers
callout 10-one
mdevctl define -u $A -p mtty -t mtty-1

given "files for directories"
rm -r /usr/lib/mdevctl/scripts.d/*
touch /usr/lib/mdevctl/scripts.d/{callouts,notifiers}
mdevctl define -u $A -p mtty -t mtty-1

given "a file system that cannot be written"
defined mtty $A
mount -o remount,ro $directory
outline mdevctl define -u $B -p mtty -t mtty-1
outline mdevctl define -u $B -p $gpu -t nvidia-36
outline mdevctl modify -u $A --auto
mdevctl undefine -u $A
mount -o remount,rw $directory

given "a file system that is full"
mount -t tmpfs -o size=8k,nr_inodes=10 conformance $directory
new_directories
defined mtty $A
head -c 100000 /dev/zero >$directory/fill 2>/dev/null
outline unseen mdevctl modify -u $A --addattr a --value "$(printf %09000d 1)"
note "$(head -c 60 $directory/mtty/$A | paste -sd" ")"
outline unseen mdevctl define -u $B -p mtty -t "$(printf %09000d 1)"
note "$(ls -A $directory/mtty | paste -sd" ")"
umount $directory

given "standard output is full"
defined mtty $A
outline onto /dev/full mdevctl list -d
outline onto /dev/full mdevctl list -d --dumpjson
outline onto /dev/full mdevctl types -p mtty
outline onto /dev/full mdevctl list

given "standard output is full, and there is a uuid to print"
outline onto /dev/full mdevctl start -p mtty -t mtty-1

given "standard output is full: help"
onto /dev/full usage mdevctl --help
onto /dev/full usage mdevctl --version

given "standard output is closed"
defined mtty $A
without 1 mdevctl list -d
without 1 mdevctl define -p mtty -t mtty-1 -u $B
without 1 usage mdevctl --help

given "standard error is closed"
without 2 mdevctl define -p mtty
without 2 mdevctl bogus
without 2 mdevctl define -u $B -p mtty -t mtty-1

given "words that are no characters"
defined mtty $A
for word in $'\xff' $'\xed\xa0\x80' $'\xe0\x80\x80' $'\xf4\x90\x80\x80'; do
  usage mdevctl modify -u $A --addattr n --value "$word"
  usage mdevctl define -u $B -p "$word" -t mtty-1
done

given "a thousand definitions"
mkdir $directory/mtty $directory/$gpu
for number in $(seq 500); do
  printf -v uuid 'aaaaaaaa-1111-2222-3333-%012d' "$number"
  printf '{"mdev_type":"mtty-1","start":"auto","attrs":[{"n":"%s"}]}' "$number" >"$directory/mtty/$uuid"
  printf '{"mdev_type":"nvidia-36","start":"manual"}' >"$directory/$gpu/$uuid"
done
unseen onto /srv/thousand mdevctl list -d
note "$(wc -l </srv/thousand) lines, $(cksum </srv/thousand)"
unseen onto /srv/thousand mdevctl list -d --dumpjson
note "$(wc -l </srv/thousand) lines, $(cksum </srv/thousand)"
unseen mdevctl list -d -u aaaaaaaa-1111-2222-3333-000000000042 -v
unseen mdevctl modify -u aaaaaaaa-1111-2222-3333-000000000042 -p mtty --manual
unseen mdevctl undefine -u aaaaaaaa-1111-2222-3333-000000000042
note "$(ls $directory/mtty | wc -l) and $(ls $directory/$gpu | wc -l) are left"
rm /srv/thousand

given "many active devices"
for number in $(seq 16); do active $gpu nvidia-36 "$(printf 'aaaaaaaa-1111-2222-3333-%012d' "$number")"; done
mdevctl list -p $gpu
mdevctl start -u $A -p $gpu -t nvidia-36

given "the parent goes while a device is made"
"$mdevsim" control fault create 1 vanish
mdevctl start -u $A -p mtty -t mtty-1
"$mdevsim" control clear
"$mdevsim" control register mtty

# The order of two events shows whether the program waits: its end, and the release of the device.
in_use() {
  "$mdevsim" hold $A 60 >/srv/holding &
  local holder=$! program first="waits for who uses it"
  until grep -qs holding /srv/holding || ! kill -0 $holder; do sleep 0.01; done
  record "$@" >/srv/recorded &
  program=$!
  for _ in $(seq 150); do
    kill -0 $program 2>/dev/null || { first="answers while it is used"; break; }
    sleep 0.01
  done
  note "$first"
  ! grep -qw "$holder" /srv/err || note "says which process uses it"
  kill $holder
  wait
  cat /srv/recorded
}

given "stop a device that is in use"
active mtty mtty-1 $A
outline in_use mdevctl stop -u $A

given "stop a device that is in use, forced"
active mtty mtty-1 $A
outline in_use mdevctl stop -u $A --force

given "stop a device that is in use, and a script is there"
active mtty mtty-1 $A
callout 10-one
notifier
outline in_use mdevctl stop -u $A
