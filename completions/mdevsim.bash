# bash completion for mdevsim(8).

_mdevsim() {
  local current=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} word i
  for ((i = 2; i < COMP_CWORD; ++i)); do
    if [[ $verb == run && ${COMP_WORDS[i]} == -- ]]; then
      # Arguments after "--" are a command of their own.
      if declare -F _command_offset >/dev/null; then _command_offset $((i + 1)); else compopt -o default; fi
      return
    fi
  done
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W 'run mount umount check list hold control events help --help --version' -- "$current"))
    return
  fi
  case ${COMP_WORDS[COMP_CWORD - 1]} in
    --keep | --root) compopt -o dirnames; return ;;
  esac
  if [[ $current == -* ]]; then
    case $verb in
      run) COMPREPLY=($(compgen -W '--keep -- --help' -- "$current")) ;;
      hold | control | events) COMPREPLY=($(compgen -W '--root --help' -- "$current")) ;;
    esac
    return
  fi
  case $verb in
    run | check | mount)
      compopt -o default
      COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" list 2>/dev/null | cut -d' ' -f1)" -- "$current"))
      ;;
    umount) compopt -o dirnames ;;
    hold) COMPREPLY=($(compgen -W "$(ls /sys/bus/mdev/devices 2>/dev/null)" -- "$current")) ;;
    control)
      word='fault delay clear unregister register functions'
      ((COMP_CWORD == 3)) && word='create remove attribute online join read mdev_type'
      COMPREPLY=($(compgen -W "$word" -- "$current"))
      ;;
  esac
} && complete -F _mdevsim mdevsim
