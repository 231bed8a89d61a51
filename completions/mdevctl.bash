# bash completion for mdevctl(8), as implemented by mdevadm, and for lsmdev: the commands and options in their
# help, and the existing UUIDs, parents and types.

_mdevctl_commands() { "$1" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\) .*/\1/p'; }
_mdevctl_options() { "$@" --help 2>/dev/null | sed -n 's/^  \(-., \|    \)\(--[a-z]\+\).*/\2/p'; }

# _mdevctl_values PROGRAM COMMAND OPTION: prints the values of the option, ":files", or nothing. Fails if it
# takes no value.
_mdevctl_values() {
  case $3 in
    -u | --uuid)
      {
        [[ $2 == stop || $2 == list ]] && "$1" list
        [[ $2 == stop || $2 == define ]] || "$1" list --defined
      } 2>/dev/null | cut -d' ' -f1 ;;
    -p | --parent) "$1" types 2>/dev/null | grep '^[^ ]' ;;
    -t | --type) "$1" types 2>/dev/null | sed -n 's/^  \([^ ]\+\)$/\1/p' ;;
    --jsonfile) echo :files ;;
    --addattr | -i | --index | --value) ;;
    *) return 1 ;;
  esac
  return 0
}

_mdevctl() {
  local program=${COMP_WORDS[0]} words cur cword
  # Do not split at '=' and at the ':' of PCI addresses.
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n :=, -w words -i cword -c cur
  else
    words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]}
  fi
  local command=("${words[1]}") option=${words[cword - 1]} candidates
  if [[ $program == *lsmdev ]]; then
    # All its arguments are options of list; only mdevctl lists types.
    command=()
  elif [[ $cword == 1 || $command == help ]]; then
    COMPREPLY=($(compgen -W "$(_mdevctl_commands "$program")" -- "$cur"))
    return
  fi
  # Complete the value of --option=value.
  if [[ $cur == --*=* ]]; then
    option=${cur%%=*} cur=${cur#*=}
  fi
  candidates=$(_mdevctl_values "${program/%lsmdev/mdevctl}" "${command-list}" "$option") ||
    candidates=$(_mdevctl_options "$program" "${command[@]}")
  if [[ $candidates == :files ]]; then
    compopt -o default
    COMPREPLY=()
    return
  fi
  COMPREPLY=($(compgen -W "$candidates" -- "$cur"))
  if declare -F __ltrim_colon_completions >/dev/null; then
    __ltrim_colon_completions "$cur"
  fi
} && complete -F _mdevctl mdevctl lsmdev
