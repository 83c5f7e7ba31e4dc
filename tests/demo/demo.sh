#!/bin/bash
# make demo, make demo-stop: a server and a mount of it below build/demo, and a tour of what they
# do. It asks nothing. Everything it starts is listening on the loopback only, and ends with
# `demo.sh stop`; what was written stays in build/demo/data for the next time.
#
#     demo.sh start | stop
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly DEMO=$PWD/build/demo
readonly MNT=$DEMO/mnt
readonly READY_S=60

say() { printf '%s\n' "$*"; }

fail() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

# ---- what runs ----

# The server's pid, if it is ours: a number in a file may meanwhile be somebody else's.
server_pid() {
    local pid exe
    pid=$(cat "$DEMO/zkfsd.pid" 2>/dev/null) || return 1
    exe=$(readlink "/proc/$pid/exe" 2>/dev/null) || return 1
    # A rebuild leaves the running one as "... (deleted)".
    [ "${exe% (deleted)}" = "$PWD/build/zkfsd" ] || return 1
    say "$pid"
}

# Asks the kernel, not the mount, which may hang. The kernel writes a blank as \040.
mounted() { grep -qF " ${MNT// /\\040} " /proc/self/mountinfo; }

unmount() {
    if [ "$(id -u)" -eq 0 ]; then umount "$@" "$MNT"; else fusermount3 -u ${1:+-z} "$MNT"; fi
}

stop_server() {
    local pid
    pid=$(server_pid) || return 0
    kill -TERM "$pid"
    timeout 30 tail --pid="$pid" -s 0.1 -f /dev/null || kill -KILL "$pid" 2>/dev/null || true
    rm -f "$DEMO/zkfsd.pid"
}

# ---- start ----

check_machine() {
    local program
    for program in zkfsd mount.zkfs; do
        [ -x "build/$program" ] || fail "build/$program is missing; run 'make' first"
    done
    [ -e /dev/fuse ] || fail "no /dev/fuse here: load the kernel's module (modprobe fuse);" \
        "in a container: docker run --device /dev/fuse --cap-add SYS_ADMIN"
    { : <>/dev/fuse; } 2>/dev/null || fail "/dev/fuse cannot be opened by $(id -un);" \
        "as root: chmod a+rw /dev/fuse"
}

write_config() {
    mkdir -p "$DEMO/data" "$MNT"
    cat >"$DEMO/zoo.cfg" <<END
# Written by make demo.
tickTime=2000
dataDir=$DEMO/data
clientPort=0
clientPortAddress=127.0.0.1
4lw.commands.whitelist=*
END
}

# Starts the server and leaves its port in $port.
start_server() {
    local line pid tail_pid deadline=$((SECONDS + READY_S))
    : >"$DEMO/zkfsd.log"
    setsid build/zkfsd "$DEMO/zoo.cfg" </dev/null >>"$DEMO/zkfsd.log" 2>&1 &
    pid=$!
    say "$pid" >"$DEMO/zkfsd.pid"
    port=
    exec {log}< <(exec tail -s 0.1 --pid="$pid" -n +1 -f "$DEMO/zkfsd.log")
    tail_pid=$!
    while [ -z "$port" ] && read -r -t $((deadline - SECONDS + 1)) -u "$log" line; do
        if [[ $line =~ "zkfsd: ready: clientPort="([0-9]+) ]]; then port=${BASH_REMATCH[1]}; fi
    done
    kill "$tail_pid" 2>/dev/null || true
    exec {log}<&-
    if [ -z "$port" ]; then
        cat "$DEMO/zkfsd.log" >&2
        fail "the server did not get ready"
    fi
    say "$port" >"$DEMO/port"
}

# ---- the tour ----

# Shows a command as one would type it, then its output; a failing one ends the demo.
show() {
    printf '\n$ %s\n' "$1"
    (cd build && bash -o pipefail -c "$1") || fail "this command failed: $1"
}

tour() {
    local greeting="hello from kazoo, run $$"
    say "A znode is a file, or a directory:"
    show "mkdir -p demo/mnt/app"
    show "echo 'hello from the shell' > demo/mnt/app/greeting"
    show "cat demo/mnt/app/greeting"
    show "ls -l demo/mnt/app"
    show "getfattr -d -m '^user.zk.(czxid|mzxid|version)\$' demo/mnt/app/greeting"
    say
    say "Any ZooKeeper client works on the same tree, here Python's kazoo:"
    show "/usr/bin/python3 - <<'END'
from kazoo.client import KazooClient
zk = KazooClient('127.0.0.1:$port')
zk.start()
print('kazoo reads: ', zk.get('/app/greeting')[0])
zk.set('/app/greeting', b'$greeting\n')
zk.stop()
END"
    show "cat demo/mnt/app/greeting"
    [ "$(cat "$MNT/app/greeting")" = "$greeting" ] || fail "the mount does not show kazoo's write"
}

how_to_go_on() {
    local shown=${MNT#"$PWD"/}
    say
    say "The tree is mounted at $shown; go on with what you like:"
    say "    echo 1 > $shown/app/counter; ls -lR $shown"
    say "The server listens on 127.0.0.1:$(cat "$DEMO/port"), its log is build/demo/zkfsd.log."
    say "Stop it with: make demo-stop"
}

# However the start ends early, nothing stays behind.
give_up() {
    local status=$?
    trap - EXIT
    if mounted; then unmount -l || true; fi
    stop_server
    say "demo: stopped again; build/demo/zkfsd.log may say more, and 'make demo' starts anew" >&2
    exit "$((status == 0 ? 1 : status))"
}

start() {
    if server_pid >/dev/null && mounted; then
        say "demo: already running"
        how_to_go_on
        return
    fi
    check_machine
    stop >/dev/null # one half of an earlier demo
    trap give_up EXIT
    trap 'exit 130' INT TERM
    write_config
    start_server
    say "\$ build/zkfsd build/demo/zoo.cfg &                      (ready on port $port)"
    say "\$ build/mount.zkfs 127.0.0.1:$port build/demo/mnt"
    build/mount.zkfs "127.0.0.1:$port" "$MNT" || fail "mounting failed"
    say
    tour
    trap - EXIT INT TERM
    how_to_go_on
}

# ---- stop ----

stop() {
    local found=
    if mounted; then
        found=yes
        unmount || fail "$MNT is in use: leave it (cd, close files), then: make demo-stop"
    fi
    if server_pid >/dev/null; then
        found=yes
        stop_server
    fi
    if [ -n "$found" ]; then say "demo: stopped"; else say "demo: not running"; fi
}

case "${1:-}" in
start) start ;;
stop) stop ;;
*) fail "usage: demo.sh start | stop" ;;
esac
