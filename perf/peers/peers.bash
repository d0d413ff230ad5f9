# peers.bash -- how each server of perf/compare is started; sourced by it, from the top of the tree.
#
# A peer is a row of the tables below and a case of peer_command. Its settings are in NAME.conf, each
# with a line that says why; what differs between loads is put in there. In the stalled run peers keep
# the limits with which they are shipped, because then their answer to a client that does not read is
# the question; in all others nothing may be cut or dropped.
# shellcheck shell=bash

# The order is that of tables and plots; uproar is what the others are multiples of. Behind it stands the
# same server in its two other formats.
peers_known="uproar uproar-ws uproar-json redis nats mosquitto ngircd inspircd go"

declare -A peer_protocol=([uproar]=native [uproar-ws]=ws [uproar-json]=ws-json [redis]=redis
    [nats]=nats [mosquitto]=mqtt [ngircd]=irc [inspircd]=irc [go]=go)
declare -A peer_package=([redis]=redis-server [nats]=nats-server [mosquitto]=mosquitto
    [ngircd]=ngircd [inspircd]=inspircd)
declare -A peer_title=([uproar]=Uproar [uproar-ws]="Uproar, WebSocket" [uproar-json]="Uproar, JSON"
    [redis]=Redis [nats]=NATS [mosquitto]=Mosquitto
    [ngircd]=ngIRCd [inspircd]=InspIRCd [go]="Go, goroutines")

# Debian puts servers where the PATH of ordinary users does not look.
PATH=$PATH:/usr/sbin:/sbin

# Says why a peer cannot be started and fails, or is silent.
peer_missing() { # PEER
    case $1 in
    uproar*) [ -x build/uproard ] || echo "build/uproard is missing: make" ;;
    go) [ -x build/perf/gochat ] || echo "build/perf/gochat is missing: make build/perf/gochat" ;;
    *) command -v "${peer_package[$1]}" >/dev/null || echo "not installed: apt-get install ${peer_package[$1]}" ;;
    esac | grep .
}

peer_version() { # PEER
    case $1 in
    uproar*) build/uproard --version | grep -o '[0-9][0-9.]*' ;;
    redis) redis-server --version | grep -o 'v=[0-9.]*' | cut -c 3- ;;
    nats) nats-server --version | grep -o '[0-9][0-9.]*' ;;
    mosquitto) mosquitto -h | grep -o '[0-9][0-9.]*' ;;
    ngircd) ngircd --version | grep -o '[0-9][0-9.]*' ;;
    inspircd) inspircd --version | grep -o '[0-9][0-9.]*' ;;
    go) build/perf/gochat --version | grep -o '[0-9][0-9.]*' ;;
    esac 2>/dev/null | head -n 1
}

# Leaves the command in the array `command`; the servers stay in the foreground.
peer_command() { # PEER PORT FOLDER LOAD CPUS
    local peer=$1 port=$2 folder=$3 load=$4 cpus=$5
    local pubsub_limit='0 0 0' max_pending=1GB write_deadline=30s queued=0 overflow=(--overflow block)
    if [ "$load" = stall ]; then
        pubsub_limit='32mb 8mb 60' max_pending=64MB write_deadline=10s queued=1000
        # A sender that waits would wait for ever. The queue holds the 32 MB of Redis: four seconds.
        overflow=(--overflow cut --queue 8192)
    fi
    if [ -f "perf/peers/$peer.conf" ]; then
        sed -e "s|@PORT@|$port|" -e "s|@FOLDER@|$folder|" -e "s|@PUBSUB_LIMIT@|$pubsub_limit|" \
            -e "s|@MAX_PENDING@|$max_pending|" -e "s|@WRITE_DEADLINE@|$write_deadline|" \
            -e "s|@QUEUED@|$queued|" "perf/peers/$peer.conf" >"$folder/$peer.conf"
    fi
    case $peer in
    uproar*) command=(build/uproard --workers "$cpus" --listen "127.0.0.1:$port" --log-level error) ;;
    redis) command=(redis-server "$folder/redis.conf") ;;
    nats) command=(env "GOMAXPROCS=$cpus" nats-server -c "$folder/nats.conf") ;;
    mosquitto) command=(mosquitto -c "$folder/mosquitto.conf") ;;
    ngircd) command=(ngircd --nodaemon --config "$folder/ngircd.conf") ;;
    inspircd) command=(inspircd --nofork --runasroot --config "$folder/inspircd.conf") ;;
    go) command=(env "GOMAXPROCS=$cpus" build/perf/gochat --listen "127.0.0.1:$port" "${overflow[@]}") ;;
    esac
}
