#!/usr/bin/env bash
# How fast a whole run is: triage against `wc -l` on the same file, in turn, medians of RUNS runs.
#
#   benches/throughput.sh [SIZE] [RUNS] [FORMAT]     (1GiB, 7, combined)
#
# Read the ratio: machines are shared, and their speed drifts. The file is kept under target/.
set -euo pipefail
cd "$(dirname "$0")/.."
size=${1:-1GiB} runs=${2:-7} format=${3:-combined}
log="target/throughput-$format-$size.log"

cargo build --release --quiet --bin triage --example make-log
if [ ! -f "$log" ]; then
    target/release/examples/make-log --format "$format" --bytes "$size" --endpoints 400 --days 7 --seed 1 -o "$log"
    touch -d '1 hour ago' "$log" # at rest, so that it is mapped
fi

seconds() { # COMMAND...: wall seconds and peak memory in KiB
    python3 - "$@" <<'PY'
import os, sys, time
begin = time.perf_counter()
pid = os.fork()
if pid == 0:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.execvp(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
if status:
    sys.exit(f"{sys.argv[1]} failed")
print(time.perf_counter() - begin, usage.ru_maxrss)
PY
}

wc -l "$log" >/dev/null # warms the page cache
results=$(for _ in $(seq "$runs"); do
    echo "wc $(seconds wc -l "$log")"
    echo "mapped $(seconds target/release/triage "$log" --json --quiet)"
    echo "read $(seconds target/release/triage "$log" --json --quiet --io read)"
    echo "single $(seconds target/release/triage "$log" --json --quiet --threads 1)"
done)
python3 - "$(stat -c %s "$log")" "$(nproc)" <<PY
import statistics, sys
size, cores = int(sys.argv[1]), sys.argv[2]
runs = {}
for line in """$results""".splitlines():
    name, wall, memory = line.split()
    runs.setdefault(name, []).append((float(wall), int(memory)))
floor = statistics.median(w for w, _ in runs["wc"])
print(f"{size / 1e9:.2f} GB of $format, {cores} cores, medians of $runs")
names = {"wc": "wc -l", "mapped": "triage", "read": "triage --io read", "single": "triage --threads 1"}
for name, label in names.items():
    walls = [w for w, _ in runs[name]]
    wall = statistics.median(walls)
    peak = max(m for _, m in runs[name]) / 1024
    print(f"{label:20} {wall:6.2f} s ({min(walls):.2f}-{max(walls):.2f})  {size / 1e9 / wall:5.2f} GB/s  {wall / floor:5.1f} x wc -l  {peak:6.0f} MiB peak")
PY
