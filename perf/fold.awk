# fold.awk -- turns what `perf script -F comm,ip,sym,dso` prints into folded stacks: one line for each
# stack that was seen, "thread FRAME FRAME ... COUNT", frames from the outermost to the innermost, joined
# by \001 (which sorts before all that a name may hold, so that equal beginnings stay together).
#
# A frame begins with the letter of where it ran: k kernel, u the program itself, l a library.
function flush_stack(    i, stack) {
    if (comm == "")
        return
    stack = comm
    for (i = depth; i >= 1; i--)
        stack = stack "\001" frames[i]
    count[stack]++
    comm = ""
    depth = 0
}
/^$/ { flush_stack(); next }
/^[^ \t]/ {
    flush_stack()
    comm = $0
    sub(/[ \t:]+$/, "", comm)
    next
}
{
    dso = $NF
    name = $0
    sub(/^[ \t]*[0-9a-f]+ /, "", name)
    sub(/ \([^()]*\)$/, "", name)
    sub(/\.(isra|constprop|part|cold|lto_priv)[.0-9]*$/, "", name)
    where = "l"
    if (dso ~ /kernel|\.ko|bpf_prog|vmlinux|\[k\]/)
        where = "k"
    else if (dso ~ /uproard/)
        where = "u"
    if (name == "[unknown]")
        name = where == "l" && dso !~ /unknown/ ? substr(dso, 2, length(dso) - 2) : name
    frames[++depth] = where name
}
END {
    flush_stack()
    for (stack in count)
        print stack, count[stack]
}
