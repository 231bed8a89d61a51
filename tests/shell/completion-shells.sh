# Completion in bash, zsh and fish at a prompt: the three shells offer the same words, also for names with blanks, quotes and
# characters that are special to shells, and pass exactly the completed word to the program.
# shellcheck shell=bash disable=SC2154,SC2016
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
completions=$here/../../completions
shells="bash zsh fish"
if [ "${1:-}" = "" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/bin" "$work/files/directory"
  touch "$work/files/one file.toml" "$work/files/two.toml"
  ln -s "$MDEVADM" "$work/bin/mdevadm"
  ln -s "$MDEVADM" "$work/bin/mdevctl"
  ln -s "$MDEVADM" "$work/bin/lsmdev"
  cd "$work/files" || exit 1
  PATH=$work/bin:$PATH exec "$MDEVSIM" run workstation -- bash "$here/completion-shells.sh" "$work"
fi
work=$1

# each MODE FILE: the shells complete the lines of the file; what they print is in $work/MODE.SHELL.
each() {
  local shell processes=()
  for shell in $shells; do
    python3 "$here/../tools/shell_tab.py" "$shell" "$completions" "$1" <"$2" >"$work/$1.$shell" 2>"$work/$1.$shell.error" &
    processes+=($!)
  done
  wait "${processes[@]}"
  for shell in $shells; do
    same "$(cat "$work/$1.$shell.error")" "" "$shell completes the lines ($1)"
  done
}

number=0
while IFS= read -r name; do
  number=$((number + 1))
  "$MDEVADM" define "$(printf 'dddd0000-0000-4000-8000-%012d' $number)" -p 0000:87:00.0 -t nvidia-12 --name "$name" >/dev/null
done <<'T'
seat 1
seat 2
it's
cost $5 "x" !
say "hi"
rock'n'
a*b[1]?
semi;colon&|<>
#hash
größe 1
(p)
{a,b}
~home
back\slash \n
x:y:z
k=v=w
two  blanks
ends 
%s 100%
^caret
`tick`$(no)
!bang
A"B'C
@at
+plus
$var
:files
T
"$MDEVADM" define ffff0000-0000-4000-8000-000000000001 -p 0000:86:00.0 -t nvidia-17 --name gpu >/dev/null
"$MDEVADM" define ffff0000-0000-4000-8000-000000000002 -p 0000:86:00.0 -t nvidia-17 >/dev/null
"$MDEVADM" start gpu ffff0000-0000-4000-8000-000000000002
"$MDEVADM" group create "vm's\$1" 'seat 1' 'seat 2'
"$MDEVADM" group create seat gpu

# Words that are offered. The number is that of the words.
cat >"$work/lines" <<'T'
mdevadm 
mdevadm st
mdevadm un
mdevadm group 
mdevadm group st
mdevadm help 
mdevadm help group st
mdevadm list --
mdevadm list --de
mdevadm start --ver
mdevadm list -o 
mdevadm list -o uuid,
mdevadm list -o +na
mdevadm list -o +uuid,na
mdevadm types 
mdevadm types 0000:8
mdevadm types 0000:86
mdevadm list --parent=
mdevadm list --parent=0000:8
mdevadm list --parent 0000:00
mdevadm define -p 0000:86:00.0 -t 
mdevadm define --parent=0000:00:02.0 --type=
mdevadm define -p 0000:86:00.0 -t nvidia-1
mdevadm define --series Q,
mdevadm start --placement 
mdevadm types --need fr
mdevadm types --need frame
mdevadm start 
mdevadm start s
mdevadm start seat\ 
mdevadm start 'seat 
mdevadm start "seat 
mdevadm stop 
mdevadm stop ff
mdevadm show dddd0000-0000-4000-8000-00000000000
mdevadm undefine dddd
mdevadm restart g
mdevadm group start 
mdevadm group start vm\'
mdevadm list --group "vm
mdevadm define --file 
mdevadm --root 
mdevadm -p 0000:00:02.0 define --type 
mdevadm group create x --node-owner roo
T
same "$(($(wc -l <"$work/lines") >= 40))" 1 "there are at least 40 lines"
each all "$work/lines"
# A directory may be followed by a slash.
words() { sed -n "$1p" "$work/all.$2" | jq -c 'map(sub("/$"; "")) | sort'; }
number=0
while IFS= read -r line; do
  number=$((number + 1))
  wanted=$(words $number bash)
  holds "bash offers words for: $line" test "$(jq length <<<"$wanted")" -gt 0
  same "$(words $number zsh)" "$wanted" "zsh offers the same $(jq length <<<"$wanted") words as bash for: $line"
  same "$(words $number fish)" "$wanted" "fish offers the same $(jq length <<<"$wanted") words as bash for: $line"
done <"$work/lines"

# The word that the program gets after Tab. Before the tab the line, after it the word.
cat >"$work/cases" <<'T'
mdevadm unde	undefine
mdevadm list --def	--defined
mdevadm list -p 0000:86	0000:86:00.0
mdevadm list --parent=0000:86	--parent=0000:86:00.0
mdevadm stop gp	gpu
mdevadm stop ffff0000-0000-4000-8000-000000000002	ffff0000-0000-4000-8000-000000000002
mdevadm start seat\ 1	seat 1
mdevadm start 'seat 1	seat 1
mdevadm start it	it's
mdevadm start 'it	it's
mdevadm start "it	it's
mdevadm start 'cost	cost $5 "x" !
mdevadm start "cost	cost $5 "x" !
mdevadm start co	cost $5 "x" !
mdevadm start say	say "hi"
mdevadm start 'say	say "hi"
mdevadm start "say	say "hi"
mdevadm start say\ \"	say "hi"
mdevadm start rock	rock'n'
mdevadm start 'rock	rock'n'
mdevadm start "rock	rock'n'
mdevadm start a	a*b[1]?
mdevadm start semi	semi;colon&|<>
mdevadm start \#	#hash
mdevadm start gr	größe 1
mdevadm start \(	(p)
mdevadm start \{	{a,b}
mdevadm start \~	~home
mdevadm start back	back\slash \n
mdevadm start 'back	back\slash \n
mdevadm start "back	back\slash \n
mdevadm start x	x:y:z
mdevadm start x:y:	x:y:z
mdevadm start 'x:	x:y:z
mdevadm start x':y	x:y:z
mdevadm start k=	k=v=w
mdevadm start k'=v	k=v=w
mdevadm start two	two  blanks
mdevadm start end	ends 
mdevadm start %	%s 100%
mdevadm start \^	^caret
mdevadm start \`	`tick`$(no)
mdevadm start '`	`tick`$(no)
mdevadm start \!	!bang
mdevadm start A	A"B'C
mdevadm start @	@at
mdevadm start +	+plus
mdevadm start \$	$var
mdevadm start '$	$var
mdevadm start "\$	$var
mdevadm start :	:files
mdevadm group start v	vm's$1
mdevadm define --file one	one file.toml
mdevadm --root dir	directory
mdevctl sto	stop
mdevctl modify --def	--defined
mdevctl start -u dddd0000-0000-4000-8000-000000000001	dddd0000-0000-4000-8000-000000000001
mdevctl types -p 0000:86	0000:86:00.0
mdevctl types --parent=0000:86	--parent=0000:86:00.0
lsmdev --dump	--dumpjson
T
cut -f1 "$work/cases" >"$work/lines"
each tab "$work/lines"
number=0
while IFS=$'\t' read -r line word; do
  number=$((number + 1))
  for shell in $shells; do
    same "$(sed -n "${number}p" "$work/tab.$shell" | jq -c '.[-1] | sub("/$"; "")')" "$(jq -cn --arg word "$word" '$word')" \
      "$shell passes the completed word after: $line"
  done
done <"$work/cases"

echo 'mdevadm sta' >"$work/lines"
each list "$work/lines"
for shell in $shells; do
  holds "$shell shows descriptions" grep -qE 'start +(--|\() ?start \(create\) devices' "$work/list.$shell"
done
finish
