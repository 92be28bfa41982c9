# completion.sh SOURCE BUILD: bash offers every command, and every option of each command's help; zsh loads its function.
set -eu
source=$1/libleaselock/src/cli/completion
PATH=$2/bin:$PATH
export PATH

bash -eu - "$source/leaselock.bash" <<'BASH'
source "$1"
offered() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _leaselock leaselock; printf '%s\n' "${COMPREPLY[@]:-}"; }
commands=$(leaselock --help | sed -n '/^COMMANDS$/,/^$/s/^  \([a-z]*\) .*/\1/p')
[ "$(offered leaselock '')" = "$commands" ] || { echo "commands: $(offered leaselock '')"; exit 1; }
[ "$(offered leaselock rel)" = release ]
for command in $commands; do
    [ "$command" != help ] || continue
    wanted=$(leaselock "$command" --help | sed -n '/^OPTIONS$/,/^$/p' | grep -oE -- '--[a-z-]+' | sort -u)
    [ "$(offered leaselock "$command" --)" = "$wanted" ] || { echo "$command: $(offered leaselock "$command" --)"; exit 1; }
done
[ "$(offered leaselock run --gra)" = --grace ]
parts=$(leaselock migrate --help | sed -n '/^COMMANDS$/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p')
[ "$(offered leaselock migrate '')" = "$parts" ] || { echo "migrate: $(offered leaselock migrate '')"; exit 1; }
[ "$(offered leaselock migrate st)" = "$(printf 'steps\nstatus')" ]
[ "$(offered leaselock migrate up --pa)" = --path ]
[ -z "$(offered leaselock run '')" ] # no commands: files are offered
[ -z "$(offered leaselock run x -- --gra)" ] # the other command's options are not ours
BASH
zsh -f -c "fpath=($source \$fpath); autoload -Uz compinit; compinit -u -D; whence -w _leaselock" | grep -q 'function'
zsh -n "$source/_leaselock"
# zsh's completion, with what shows its findings replaced
found=$(zsh -f -c '
    _describe() { print -rl -- "${(@P)2}" }
    _default() { print files }
    eval "function complete() { $(sed 1,2d "$1"/_leaselock | sed "\$d"); _leaselock }"
    words=(leaselock migrate st); CURRENT=3; PREFIX=st; complete
    words=(leaselock ls ""); CURRENT=3; PREFIX=; complete' zsh "$source")
echo "$found" | grep -q '^up:apply all that is pending' || { echo "zsh: $found"; exit 1; }
echo "$found" | grep -q '^status:list the migrations'
echo "$found" | grep -qx files
echo "3 passed, 0 failed"
