#!/usr/bin/env python3
"""triage on logs of every shape, as multiples of `wc -l` on the same file.

    benches/versus/shapes.py [--size 1GiB] [--runs 5] [--only json,logfmt,...] [--in FOLDER] [--record FILE]

Makes one log after the other (400 endpoints, a week, an incident; those of `make-log --format`), runs
`wc -l` and the whole command on it in turn, and prints a row for each. A log is removed before the next
is made, so that a folder in memory (`--in /dev/shm`) has room for it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from run import RELEASE, ROOT, cpu, run

# What is measured: its name, make-log's arguments, and what triage is told besides.
PATTERN = r'^(?<client>\S+) \S+ \S+ \[(?<time>[^\]]+)\] "(?<request>[^"]*)" (?<status>\d{3}) \d+ "[^"]*" "[^"]*" (?<request_time>[\d.]+)$'
SHAPES = [
    ("combined, `$request_time` last", ["combined", "plain"], []),
    ("combined, `rt=` last", ["combined", "rt"], []),
    ("combined by a regular expression", ["combined", "plain"], ["--log-format", PATTERN]),
    *[(name, [name, "plain"], []) for name in (
        "json json-late json-nested json-attributes json-nginx logfmt lograge heroku ltsv csv iis cloudfront alb envoy "
        "haproxy s3 ingress traefik uwsgi squid gin cri docker syslog").split()],
]


def make(log, size, shape, request_time):
    make_log = [RELEASE / "examples" / "make-log", "--bytes", size, "--endpoints", "400", "--days", "7", "--seed", "1"]
    subprocess.run([*make_log, "--format", shape, "--request-time", request_time,
        "--incident", "2024-04-11T09:00:00Z+2h", "-o", log], check=True, stderr=subprocess.DEVNULL)
    an_hour_ago = time.time() - 3600
    os.utime(log, (an_hour_ago, an_hour_ago))  # at rest, so that it is mapped


def measure(log, told, runs):
    """Wall seconds of `wc -l`; wall and processor seconds of triage; lines, and requests among them."""
    out = str(log) + ".out"
    triage = [str(RELEASE / "triage"), str(log), "--json", "--quiet", *told]
    floors, walls, works = [], [], []
    for turn in range(runs + 1):  # the first warms up
        floor, _, _ = run(["wc", "-l", str(log)], out)
        wall, work, _ = run(triage, out)
        if turn > 0:
            floors.append(floor)
            walls.append(wall)
            works.append(work)
    counted = json.loads(Path(out).read_text())["scan"]
    os.unlink(out)
    return floors, walls, works, counted


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1GiB")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", help="begins of names, with commas between")
    parser.add_argument("--in", dest="folder", default=ROOT / "target", type=Path)
    parser.add_argument("--record", help="writes the table there too")
    asked = parser.parse_args()
    build = ["cargo", "build", "--release", "--quiet", "--bin", "triage", "--example", "make-log"]
    subprocess.run(build, cwd=ROOT, check=True)
    wanted = asked.only.split(",") if asked.only else [""]
    lines = [
        f"{asked.size} of each, 400 endpoints, a week; page cache warm; {os.cpu_count()} cores, {cpu()}; "
        f"medians of {asked.runs} runs in turn.",
        "",
        "| log | bytes a line | × `wc -l` | s (least to most) | processor s | `wc -l`, s |",
        "|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    log = asked.folder / "shapes.log"
    unread = []
    for name, (shape, request_time), told in SHAPES:
        if not any(name.startswith(begin) for begin in wanted):
            continue
        make(log, asked.size, shape, request_time)
        floors, walls, works, counted = measure(log, told, asked.runs)
        floor, wall = statistics.median(floors), statistics.median(walls)
        if counted["requests"] < 0.999 * counted["lines"]:
            unread.append(name)
        row = (f"| {name} | {log.stat().st_size / counted['lines']:.0f} | {wall / floor:.1f} | {wall:.2f} "
            f"({min(walls):.2f}–{max(walls):.2f}) | {statistics.median(works):.2f} | {floor:.2f} |")
        print(row, flush=True)
        lines.append(row)
        log.unlink()
    if asked.record:
        Path(asked.record).write_text("\n".join(lines) + "\n")
    if unread:
        sys.exit(f"not all lines were read as requests: {', '.join(unread)}")


if __name__ == "__main__":
    main()
