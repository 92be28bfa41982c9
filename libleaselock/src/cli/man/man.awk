# Turns a page of `leaselock [COMMAND] --help` into a manual page: awk -v name=leaselock-run -v version=0.1.0 -f man.awk
function escaped(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    sub(/^[.']/, "\\\\\\&&", text)
    return text
}
NR == 1 {
    summary = $0
    sub(/^leaselock[^-]* - /, "", summary)
    printf ".TH %s 1 \"\" \"leaselock %s\"\n.SH NAME\n%s \\- %s\n", toupper(name), version, name, escaped(summary)
    next
}
/^[A-Z][A-Z ]*$/ {
    if (open) print ".fi"
    printf ".SH %s\n.nf\n", $0
    open = 1
    section = $0
    next
}
section == "COMMANDS" && name == "leaselock" && NF && $1 != "help" {
    also = also (also ? ", " : "") "leaselock\\-" $1 "(1)"
}
open {
    sub(/^  /, "")
    print escaped($0)
}
END {
    if (open) print ".fi"
    if (also) print ".SH SEE ALSO\n" also
}
