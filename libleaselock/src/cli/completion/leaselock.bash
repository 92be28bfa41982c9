# Completion of leaselock for bash. What it offers is read from the command's own help, so that it cannot grow stale.

_leaselock()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} word
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:2:COMP_CWORD-2}"; do # after -- it is the other command's turn
        if [ "$word" = -- ]; then
            declare -F _command_offset >/dev/null && _command_offset $((COMP_CWORD - 1))
            return
        fi
    done
    if [ "$COMP_CWORD" -eq 1 ]; then
        word=$("$1" --help 2>/dev/null | sed -n '/^COMMANDS$/,/^$/s/^  \([a-z]*\) .*/\1/p')
    elif [ "$previous" = --db ]; then
        word='sqlite:'
    elif [ "${current:0:1}" = - ]; then
        word=$("$1" "$command" --help 2>/dev/null | sed -n '/^OPTIONS$/,/^$/p' | grep -oE -- '--[a-z-]+' | sort -u)
    elif [ "$command" = help ]; then
        word=$("$1" --help 2>/dev/null | sed -n '/^COMMANDS$/,/^$/s/^  \([a-z]*\) .*/\1/p')
    elif [ "$COMP_CWORD" -eq 2 ]; then # the commands of a command, where it has some
        word=$("$1" "$command" --help 2>/dev/null | sed -n '/^COMMANDS$/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p')
    else
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current")
}

complete -o default -F _leaselock leaselock
