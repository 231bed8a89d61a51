# bash completion for mdevadm(8). The candidates come from the program, including UUIDs, parents and types.

# _mdevadm_split LINE: sets $words to the words of the line without their quotes. bash itself splits at '=' and at the ':'
# of PCI addresses. Of the last word, $quote is the quote that is open, and $kept the part that readline does not replace.
_mdevadm_split() {
  local line=$1 word= raw= before= i c
  words=() quote= kept=
  for ((i = 0; i < ${#line}; ++i)); do
    c=${line:i:1}
    case $quote$c in
      \'\' | \"\") quote= kept=$before ;;
      \' | \") quote=$c before=$kept kept=$word ;;
      \\) ((++i)) && word+=${line:i:1} ;;
      [[:space:]])
        [[ -z $raw ]] || words+=("$(_mdevadm_home "$raw" "$word")")
        word= raw= kept=
        continue
        ;;
      \"\\)
        [[ ${line:i+1:1} == [\$\`\"\\] ]] && ((++i)) && c=${line:i:1}
        word+=$c
        ;;
      \'* | \"*) word+=$c ;;
      *)
        word+=$c
        [[ $COMP_WORDBREAKS == *"$c"* ]] && kept=$word
        ;;
    esac
    raw+=$c
  done
  words+=("$word")
}

# _mdevadm_home RAW WORD: prints the word, with the home directory for a ~/ that is not quoted.
_mdevadm_home() { if [[ $1 == '~/'* ]]; then printf %s "$HOME/${2#'~/'}"; else printf %s "$2"; fi; }

# _mdevadm_quote TEXT: sets $quoted to what must stand on the line for the text, after the open $quote.
_mdevadm_quote() {
  local c special i
  quoted=$1
  case $quote in
    \') quoted=${quoted//\'/"'\\''"} special= ;;
    \") special='\$`"' ;;
    *) special=$'\\\'"$` \t()<>|&;*?[]{}!#~^' ;;
  esac
  for ((i = 0; i < ${#special}; ++i)); do
    c=${special:i:1}
    quoted=${quoted//"$c"/"\\$c"}
  done
  # In double quotes, a backslash does not prevent the expansion of the history, and remains.
  [[ $quote != \" ]] || quoted=${quoted//'!'/'"\!"'}
  # readline closes the quote, except after the same character.
  [[ -z $quote || $quoted != *"$quote" ]] || quoted+=$quote
}

_mdevadm() {
  local words quote kept quoted i
  _mdevadm_split "${COMP_LINE:0:COMP_POINT}"
  local current=${words[${#words[@]} - 1]} program=${words[0]} option=
  words=("${words[@]:1}")
  # Complete the value of --option=value.
  if [[ $current == --*=* ]]; then
    option=${current%%=*}=
    words=("${words[@]:0:${#words[@]}-1}" "${option%=}" "${current#*=}")
  fi
  # insert-completions replaces the open quote, too.
  [[ $COMP_TYPE != 42 ]] || quote=
  local candidates
  candidates=$("$program" __complete "${words[@]}" 2>/dev/null)
  COMPREPLY=()
  case $candidates in
    :files) compopt -o default; return ;;
    :directories) compopt -o dirnames; return ;;
  esac
  local value description descriptions=()
  while IFS=$'\t' read -r value description; do
    # A value that does not continue the word can only replace all of it.
    if [[ -n $value && $option$value == "$kept"* ]]; then
      value=$option$value
      _mdevadm_quote "${value#"$kept"}"
      COMPREPLY+=("$quoted")
      descriptions+=("$description")
    fi
  done <<<"$candidates"
  # Lists and requirements go on.
  if [[ ${#COMPREPLY[@]} == 1 ]]; then
    [[ ${COMPREPLY[0]} == *,* || ${COMPREPLY[0]} == *= || ${words[${#words[@]} - 2]-} == --need ]] && compopt -o nospace
    return
  fi
  # Show descriptions where bash only lists candidates.
  [[ $COMP_TYPE == 63 || $COMP_TYPE == 33 || $COMP_TYPE == 64 ]] || return
  local width=0
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
