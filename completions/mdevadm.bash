# bash completion for mdevadm(8). The candidates come from the program, including UUIDs, parents and types.

_mdevadm() {
  local current candidates words
  # Do not split at '=' and at the ':' of PCI addresses.
  if declare -F _get_comp_words_by_ref >/dev/null; then
    local cur cword
    _get_comp_words_by_ref -n :=, -w words -i cword -c cur
    words=("${words[@]:1:cword}")
    current=$cur
  else
    words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    current=${COMP_WORDS[COMP_CWORD]}
  fi
  # Complete the value of --option=value.
  local prefix=
  if [[ $current == --*=* ]]; then
    prefix=${current%%=*}=
    words=("${words[@]:0:${#words[@]}-1}" "${prefix%=}" "${current#*=}")
    current=${current#*=}
  fi
  candidates=$("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
  case $candidates in
    :files*) compopt -o default; COMPREPLY=(); return ;;
    :folders*) compopt -o dirnames; COMPREPLY=(); return ;;
  esac
  local IFS=$'\n'
  COMPREPLY=($candidates)
  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *,* ]] && compopt -o nospace
  # readline replaces only the part after the last '=' or ':'.
  if [[ -n $prefix && $COMP_WORDBREAKS != *=* ]]; then
    COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
  fi
  if declare -F __ltrim_colon_completions >/dev/null; then
    __ltrim_colon_completions "$current"
  fi
} && complete -F _mdevadm mdevadm
