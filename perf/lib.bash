# lib.bash -- what the scripts of this folder share: options, loads by name, a server and its load
# that end with the script. To be sourced; it changes to the top of the tree.
#
# A script's exit status: 0 it has answered; 1 it could not measure what it was asked; 2 wrong usage,
# or something is missing, which one line names with its package.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/.."
self=perf/${0##*/}

die() { # SENTENCE [STATUS]
    echo "$self: $1" >&2
    exit "${2:-2}"
}

note() {
    echo "$self: $*" >&2
}

# The manual is the comment at the head of the script, up to its first empty line.
manual() {
    sed -n '2,/^$/s/^#\( \|$\)//p' "$0"
    exit 0
}

unknown() { # ARGUMENT
    die "what is \"$1\"? Try --help"
}

value() { # OPTION VALUE...: the value must be there
    [ $# -ge 2 ] || die "$1 wants a value. Try --help"
    printf '%s' "$2"
}

need() { # COMMAND PACKAGE
    command -v "$1" >/dev/null 2>&1 || die "$1 is not here; on Debian: apt-get install $2"
}

need_built() {
    local program
    for program in "$@"; do
        [ -x "$program" ] || die "$program is not built; run make"
    done
}

# Tracing asks for rights that a user rarely has; what stands in the way is said before the run.
need_root() { # WHAT FOR
    [ "$(id -u)" = 0 ] || die "$1 needs root: run it with sudo"
}

# The loads of perf/README.md: what uproar-load is told.
declare -A loads=(
    [fanout200]="fanout --clients 200 --publishers 1 --rate max"
    [fanout1000]="fanout --clients 1000 --publishers 4 --rate max"
    [paced500]="fanout --clients 500 --publishers 1 --rate 100"
    [paced200]="fanout --clients 200 --publishers 1 --rate 2000"
    [rooms]="rooms --clients 4000 --rooms 1000 --rooms-per-client 5 --publishers 20 --rate 20000"
)
load_words() { # NAME: in words, for titles
    case $1 in
    fanout200) echo "200 clients, saturated" ;;
    fanout1000) echo "1000 clients, 4 publishers, saturated" ;;
    paced500) echo "500 clients × 100/s" ;;
    paced200) echo "200 clients × 2000/s" ;;
    rooms) echo "1000 rooms × 20 members, 20000/s" ;;
    *) echo "a running server" ;;
    esac
}
workers_words() { # NUMBER
    echo "$1 worker$([ "$1" = 1 ] || echo s)"
}
need_load() { # NAME
    [ -n "${loads[$1]:-}" ] ||
        die "there is no load \"$1\"; there are: $(tr ' ' '\n' <<<"${!loads[*]}" | sort | paste -sd ' ')"
}

folder=$(mktemp -d)
server=
generator=
tracer=
cleanup() {
    local pid
    for pid in $tracer $generator; do
        kill -INT "$pid" 2>/dev/null || true
    done
    [ -z "$server" ] || kill -TERM "$server" 2>/dev/null || true
    for pid in $tracer $generator $server; do
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# CPUs of this process, as a list of numbers.
cpus_all() {
    local allowed range
    allowed=$(taskset -cp $$) # "pid 7's current affinity list: 0,2-5"
    for range in $(tr ',' ' ' <<<"${allowed##*: }"); do
        seq "${range%-*}" "${range#*-}"
    done
}

# Some of them for the server, the others for the generator, which gets one at least. With one CPU both
# share it.
cpus_split() { # HOW MANY FOR THE SERVER; sets server_cpus and load_cpus unless they are given
    local all
    mapfile -t all < <(cpus_all)
    local n=$1
    [ "$n" -lt "${#all[@]}" ] || n=$((${#all[@]} > 1 ? ${#all[@]} - 1 : 1))
    : "${server_cpus:=$(IFS=,; echo "${all[*]:0:n}")}"
    if [ ${#all[@]} -gt 1 ]; then
        : "${load_cpus:=$(IFS=,; echo "${all[*]:n}")}"
    else
        : "${load_cpus:=${all[0]}}"
    fi
}

# Starts build/uproard on server_cpus; sets server and port.
server_start() { # OPTION...
    rm -f "$folder/port"
    taskset -c "$server_cpus" build/uproard --listen 127.0.0.1:0 --port-file "$folder/port" \
        --log-level error "$@" &
    server=$!
    for ((i = 0; i < 100; i++)); do
        [ ! -s "$folder/port" ] || break
        kill -0 "$server" 2>/dev/null || die "the server did not start" 1
        sleep 0.1
    done
    port=$(cat "$folder/port")
}

server_stop() {
    local status=0
    kill -TERM "$server" 2>/dev/null || true # Ctrl-C may have reached it already
    wait "$server" || status=$?
    server=
    # 75: somebody had to be cut, which is not this script's business.
    [ "$status" = 0 ] || [ "$status" = 75 ] || die "the server ended with status $status" 1
}

# The file in which a server shows its counters, as it stands in its memory map; empty: it shows none.
stats_file() { # PID
    awk '$2 ~ /^rw-s/ && $6 ~ /^\// && !/io_uring/ { print $6; exit }' "/proc/$1/maps" 2>/dev/null ||
        true
}

# Starts uproar-load on load_cpus against the server; its JSON goes to $folder/json.
load_start() { # NAME SECONDS OPTION...
    local words
    read -ra words <<<"${loads[$1]}"
    taskset -c "$load_cpus" build/uproar-load "${words[@]}" --seconds "$2" --server-pid "$server" \
        --json --quiet "${@:3}" "127.0.0.1:$port" >"$folder/json" 2>"$folder/complaint" &
    generator=$!
}

# Waits until nobody connects any more and the load is warm.
load_warm() {
    local before=-1 now=0
    for ((i = 0; i < 120; i++)); do
        now=$(find "/proc/$server/fd" -mindepth 1 2>/dev/null | wc -l)
        [ "$now" != "$before" ] || [ "$now" -lt 100 ] || break
        kill -0 "$generator" 2>/dev/null || break
        before=$now
        sleep 0.5
    done
    sleep 0.5
}

# To the end of the load. Its verdict is said; figures are shown all the same.
load_wait() {
    wait "$generator" ||
        note "the load says that its figures do not count: $(tail -n 1 "$folder/complaint")"
    generator=
    [ -s "$folder/json" ] || die "no figures from uproar-load: $(tail -n 1 "$folder/complaint")" 1
}

json() { # FILTER: of the load's figures; empty if it has none
    jq -r "$1 // empty" "$folder/json"
}

# What the figures belong to, in a line.
machine() {
    local model version
    model=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
    version=$(git describe --always --dirty 2>/dev/null || build/uproard --version | cut -d' ' -f2)
    printf '%s, %d CPUs, Linux %s, Uproar %s, %s\n' "${model:-$(uname -m)}" "$(nproc --all)" \
        "$(uname -r | cut -d- -f1)" "$version" "$(date +%F)"
}
