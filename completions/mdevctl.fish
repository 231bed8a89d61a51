# fish completion for mdevctl(8), as implemented by mdevadm, and for lsmdev: the commands and options in their help, and the
# existing UUIDs, parents and types.

# PROGRAM COMMAND OPTION: prints the values of the option. Fails if it takes no value.
function __mdevctl_values
    switch $argv[3]
        case -u --uuid
            contains -- "$argv[2]" stop list; and $argv[1] list 2>/dev/null | string replace -r ' .*' ''
            contains -- "$argv[2]" stop define; or $argv[1] list --defined 2>/dev/null | string replace -r ' .*' ''
        case -p --parent
            $argv[1] types 2>/dev/null | string match -r '^[^ ].*'
        case -t --type
            $argv[1] types 2>/dev/null | string match -rg '^  ([^ ]+)$'
        case --jsonfile
            __fish_complete_path $argv[4]
        case --addattr -i --index --value
        case '*'
            return 1
    end
    return 0
end

function __mdevctl_candidates
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -l command $words[2]
    set -l arguments $command
    if string match -q '*lsmdev' -- $program
        # All its arguments are options of list; only mdevctl lists types.
        set command list
        set arguments
    else if test (count $words) = 1 -o "$command" = help
        $program --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\) \+/\1\t/p'
        return
    end
    # Complete the value of --option=value.
    set -l option $words[-1]
    set -l prefix (string match -r '^--[^=]*=' -- $current)
    if test -n "$prefix"
        set option (string trim -r -c = -- $prefix)
        set current (string replace -- $prefix '' $current)
    end
    set -l values (__mdevctl_values (string replace -r 'lsmdev$' mdevctl -- $program) "$command" $option "$current")
    or set values ($program $arguments --help 2>/dev/null | string match -rg '^  (?:-., |    )(--[a-z]+)')
    printf '%s\n' "$prefix"$values
end

complete -c mdevctl -f -a '(__mdevctl_candidates)'
complete -c lsmdev -f -a '(__mdevctl_candidates)'
