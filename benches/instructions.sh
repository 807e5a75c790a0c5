#!/usr/bin/env bash
# Instructions per line of a whole run on one thread: fails where there are more than LIMIT. Unlike a time it
# hardly depends on the machine, so a runner that is shared can guard it. Needs valgrind.
#
#   benches/instructions.sh [LIMIT] [FORMAT]     (1700, combined)
set -euo pipefail
cd "$(dirname "$0")/.."
limit=${1:-1700} format=${2:-combined}
log="target/instructions-$format.log"

cargo build --release --quiet --bin triage --example make-log
if [ ! -f "$log" ]; then
    target/release/examples/make-log --format "$format" --bytes 64MiB --endpoints 400 --days 1 --seed 1 \
        --request-time plain -o "$log"
fi
counted=$(valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
    target/release/triage "$log" --json --quiet --threads 1 2>&1 >/dev/null | sed -n 's/.*I *refs: *//p' | tr -d ,)
lines=$(wc -l <"$log")
per_line=$((counted / lines))
echo "$per_line instructions per line of $format, of at most $limit"
[ "$per_line" -le "$limit" ]
