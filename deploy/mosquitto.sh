#!/bin/sh
# Runs mosquitto, and has it read its files again when one of them has changed: the password list that kehai writes, the
# revocation list, renewed certificates. mosquitto itself reads them only at its start and on SIGHUP, and nothing outside its
# container can send it one.
#
#     mosquitto.sh CONFIGURATION FILE...
PATH="$PATH:/usr/sbin"
configuration=$1
shift

state() {
    # Inode, time and size: a file that was put in place of another is another inode.
    for file in "$@"; do stat -c '%n %i %Y %s' "$file" 2>/dev/null || echo "$file none"; done
}

before=$(state "$@")
mosquitto -c "$configuration" &
broker=$!
trap 'kill -TERM "$broker"' TERM INT

while kill -0 "$broker" 2>/dev/null; do
    sleep 1 &
    pause=$!
    wait "$pause"
    kill "$pause" 2>/dev/null
    now=$(state "$@")
    if [ "$now" != "$before" ]; then
        before=$now
        kill -HUP "$broker"
    fi
done
wait "$broker"
