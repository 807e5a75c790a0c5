#!/usr/bin/env bash
# Instructions per line of a whole run on one thread: fails where there are more than the limit. Unlike a time it
# hardly depends on the machine, so a runner that is shared can guard it. The logs are mapped, as those at rest are;
# these were just made and would be read instead. Needs valgrind.
#
#   benches/instructions.sh [FORMAT LIMIT]...     (those below)
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# -eq 0 ]; then
    set -- combined 1400 json 3600 json-nested 5300 logfmt 2900 csv 3000 gin 3000 squid 4250 iis 2970 \
        cloudfront 3450
fi

cargo build --release --quiet --bin triage --example make-log
failed=0
while [ $# -gt 0 ]; do
    format=$1 limit=$2
    shift 2
    log="target/instructions-$format.log"
    if [ ! -f "$log" ]; then
        target/release/examples/make-log --format "$format" --bytes 64MiB --endpoints 400 --days 1 --seed 1 \
            --request-time plain -o "$log"
    fi
    counted=$(valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
        target/release/triage "$log" --json --quiet --threads 1 --io mmap 2>&1 >/dev/null | sed -n 's/.*I *refs: *//p' | tr -d ,)
    lines=$(wc -l <"$log")
    per_line=$((counted / lines))
    echo "$per_line instructions per line of $format, of at most $limit"
    [ "$per_line" -le "$limit" ] || failed=1
done
exit $failed
