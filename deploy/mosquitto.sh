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
    # By content: a file may be written twice within a second, or be found half written.
    for file in "$@"; do cksum "$file" 2>/dev/null || echo "no $file"; done
}

before=$(state "$@")
mosquitto -c "$configuration" &
broker=$!
trap 'kill -TERM "$broker"' TERM INT

while kill -0 "$broker" 2>/dev/null; do
    sleep 1 &
    pause=$!
    wait "$pause" || kill "$pause" 2>/dev/null
    now=$(state "$@")
    if [ "$now" != "$before" ]; then
        before=$now
        kill -HUP "$broker"
    fi
done
wait "$broker"
