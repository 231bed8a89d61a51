# bash completion for mdevadm(8). The candidates come from the program, including UUIDs, parents and types.

_mdevadm() {
  # The words as mdevadm gets them: bash splits at '=' and at the ':' of PCI addresses.
  local words line=${COMP_LINE:0:COMP_POINT}
  read -r -a words <<<"$line"
  [[ $line == *[[:space:]] || ${#words[@]} == 0 ]] && words+=("")
  words=("${words[@]:1}")
  local current=${words[${#words[@]} - 1]} quote=
  case $current in
    [\'\"]*) quote=${current:0:1} current=${current:1} ;;
  esac
  words[${#words[@]} - 1]=$current
  # Complete the value of --option=value.
  local option=
  if [[ $current == --*=* ]]; then
    option=${current%%=*}=
    words=("${words[@]:0:${#words[@]}-1}" "${option%=}" "${current#*=}")
    current=${current#*=}
  fi
  local candidates
  candidates=$("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
  case $candidates in
    :files*) compopt -o default; COMPREPLY=(); return ;;
    :directories*) compopt -o dirnames; COMPREPLY=(); return ;;
  esac
  # readline replaces only the part after the last ':' or '='.
  local kept=
  if [[ -z $quote && $COMP_WORDBREAKS == *:* && $current == *:* ]]; then
    kept=${current%"${current##*:}"}
  elif [[ -z $quote && -n $option && $COMP_WORDBREAKS != *=* ]]; then
    kept=
    candidates=${option}${candidates//$'\n'/$'\n'$option}
  fi
  local value description descriptions=()
  COMPREPLY=()
  while IFS=$'\t' read -r value description; do
    # A value that does not continue the word can only replace all of it.
    if [[ -n $value && $value == "$kept"* ]]; then
      COMPREPLY+=("${value#"$kept"}")
      descriptions+=("$description")
    fi
  done <<<"$candidates"
  # Lists and requirements go on.
  if [[ ${#COMPREPLY[@]} == 1 ]]; then
    [[ ${COMPREPLY[0]} == *,* || ${words[${#words[@]} - 2]-} == --need ]] && compopt -o nospace
    return
  fi
  # Show descriptions in lists of candidates (not for menu-complete and insert-completions).
  [[ $COMP_TYPE == 37 || $COMP_TYPE == 42 ]] && return
  local i width=0
  for value in "${COMPREPLY[@]}"; do
    ((${#value} > width)) && width=${#value}
  done
  for i in "${!COMPREPLY[@]}"; do
    if [[ -n ${descriptions[i]} ]]; then
      printf -v value '%-*s  (%s)' "$width" "${COMPREPLY[i]}" "${descriptions[i]}"
      COMPREPLY[i]=${value:0:${COLUMNS:-80}}
    fi
  done
} && complete -o nosort -F _mdevadm mdevadm
