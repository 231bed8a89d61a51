# fish completion for mdevsim(8).

function __mdevsim_candidates
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    if test (count $words) -eq 1
        printf '%s\n' run mount umount check list hold control events help --help --version
        return
    end
    set -l verb $words[2]
    set -l separator (contains -i -- -- $words)
    if test "$verb" = run -a -n "$separator"
        # Arguments after "--" are a command of their own.
        set -l command $words[(math $separator + 1)..-1] "$current"
        test $separator -lt (count $words); or set command "$current"
        complete -C "$command"
        return
    end
    if contains -- $words[-1] --keep --root
        __fish_complete_directories "$current" ''
        return
    end
    if string match -q -- '-*' "$current"
        switch $verb
            case run
                printf '%s\n' --keep -- --help
            case hold control events
                printf '%s\n' --root --help
        end
        return
    end
    switch $verb
        case run check mount
            $words[1] list 2>/dev/null | string split -f 1 ' '
            __fish_complete_path "$current"
        case umount
            __fish_complete_directories "$current" ''
        case hold
            set -l devices /sys/bus/mdev/devices/*
            string replace -r '.*/' '' -- $devices
        case control
            if test (count $words) -eq 3
                printf '%s\n' create remove attribute online join read mdev_type
            else
                printf '%s\n' fault delay clear unregister register functions
            end
    end
end

complete -c mdevsim -f -k -a '(__mdevsim_candidates)'
