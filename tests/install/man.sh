# man.sh BUILD: a manual page per command, none with a warning, each with the sections of its help.
set -eu
cd "$1/man"
passed=0
for command in $("$1/bin/leaselock" --help | sed -n '/^COMMANDS$/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
    [ "$command" != help ] || continue
    warnings=$(groff -man -Tutf8 -ww -z "leaselock-$command.1" 2>&1)
    [ -z "$warnings" ] || { echo "$warnings"; exit 1; }
    for section in $("$1/bin/leaselock" "$command" --help | grep -E '^[A-Z]+$'); do
        grep -q "^\.SH $section$" "leaselock-$command.1" || { echo "leaselock-$command.1: no $section"; exit 1; }
    done
    passed=$((passed + 1))
done
groff -man -Tutf8 leaselock-run.1 | grep -q -- '--grace'
echo "$passed passed, 0 failed"
