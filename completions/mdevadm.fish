# fish completion for mdevadm(8). The candidates come from the program, including UUIDs, parents and types.

# Prints the text without its quotes, of which the last may be open.
function __mdevadm_unquoted
    string unescape -- $argv[1]; or string unescape -- $argv[1]"'"; or string unescape -- $argv[1]'"'; or echo $argv[1]
end

function __mdevadm_candidates
    set -l words (commandline -opc | string replace -r '^~/' "$HOME/")
    set -l current (__mdevadm_unquoted (commandline -ct | string collect))
    # Complete the value of --option=value.
    set -l option (string match -r '^--[^=]*=' -- $current)
    if test -n "$option"
        set -a words (string trim -r -c = -- $option)
        set current (string replace -- $option '' $current)
    end
    set -l lines ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    switch "$lines"
        case :files
            set lines (__fish_complete_path "$current")
        case :directories
            set lines (__fish_complete_directories "$current" '')
    end
    printf '%s\n' "$option"$lines
end

complete -c mdevadm -f -k -a '(__mdevadm_candidates)'
