#!/usr/bin/env python3
"""triage against other tools on the same log and task, as multiples of `wc -l`.

    benches/versus/run.py [--size 1GiB] [--runs 5] [--only triage,duckdb,...] [--record FILE]

Makes a combined log (400 endpoints, a week, an incident), runs everything in turn on it, checks that
whoever does the whole task counts what triage counts, and prints a table. The task: requests and
5xx by minute and endpoint, an endpoint being a method and a path with its ids replaced. triage does all
else besides: latencies, detection, a second look, the report.

Peers that aren't installed are left out and named. `requirements.txt` has DuckDB and Polars; ripgrep,
mawk, GoAccess and lnav are packages of most systems.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RELEASE = ROOT / "target" / "release"

# Counts by endpoint go to a file as `METHOD /template<TAB>requests<TAB>errors`.
MAWK = r"""
BEGIN { FS = "\"" }
{
    split($2, request, " "); path = request[2]; sub(/\?.*/, "", path)
    if (path ~ /-/) gsub(/\/[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+/, "/{uuid}", path)
    while (match(path, /\/[0-9]+(\/|$)/)) {
        rest = substr(path, RSTART + RLENGTH); slash = substr(path, RSTART + RLENGTH - 1, 1) == "/" ? "/" : ""
        path = substr(path, 1, RSTART) "{id}" slash rest
    }
    status = substr($3, 2, 1); minute = substr($1, index($1, "[") + 1, 17)
    requests[minute, request[1] " " path]++
    if (status == "5") errors[minute, request[1] " " path]++
}
END {
    for (key in requests) { split(key, part, SUBSEP); n[part[2]] += requests[key]; x[part[2]] += errors[key] }
    for (endpoint in n) print endpoint "\t" n[endpoint] "\t" x[endpoint] + 0
}
"""

# A line of these logs is also a table with a space between its columns: the fastest way for both.
DUCKDB = r"""
import duckdb, sys
duckdb.sql('SET enable_progress_bar = false')
cells = duckdb.sql(r'''
    SELECT substr(c3, 2, 17) AS minute, split_part(c5, ' ', 1) || ' ' || regexp_replace(regexp_replace(
        regexp_replace(split_part(split_part(c5, ' ', 2), '?', 1), '/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '/{uuid}', 'g'),
        '/[0-9]+(/|$)', '/{id}\1', 'g'), '/[0-9]+(/|$)', '/{id}\1', 'g') AS endpoint,
      count(*) AS requests, count(*) FILTER (c6 LIKE '5%') AS errors
    FROM read_csv(?, delim=' ', quote='"', header=false, auto_detect=false, columns={'c0':'VARCHAR','c1':'VARCHAR',
      'c2':'VARCHAR','c3':'VARCHAR','c4':'VARCHAR','c5':'VARCHAR','c6':'VARCHAR','c7':'VARCHAR','c8':'VARCHAR',
      'c9':'VARCHAR','c10':'VARCHAR'})
    GROUP BY ALL''', params=[sys.argv[1]])
for row in duckdb.sql('SELECT endpoint, sum(requests), sum(errors) FROM cells GROUP BY ALL').fetchall():
    print('%s\t%d\t%d' % row)
"""

POLARS = r"""
import polars as pl, sys
request = pl.col('column_5').str.splitn(' ', 3)
path = (request.struct[1].str.splitn('?', 2).struct[0]
    .str.replace_all(r'/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '/{uuid}')
    .str.replace_all(r'/[0-9]+(/|$)', '/{id}$1').str.replace_all(r'/[0-9]+(/|$)', '/{id}$1'))
cells = (pl.scan_csv(sys.argv[1], separator=' ', quote_char='"', has_header=False, infer_schema=False)
    .select(minute=pl.col('column_3').str.slice(1, 17), endpoint=request.struct[0] + ' ' + path,
        error=pl.col('column_6').str.starts_with('5'))
    .group_by('minute', 'endpoint').agg(requests=pl.len(), errors=pl.col('error').sum()))
whole = cells.group_by('endpoint').agg(pl.col('requests').sum(), pl.col('errors').sum()).collect(engine='streaming')
for row in whole.rows():
    print('%s\t%d\t%d' % row)
"""

LNAV = ";SELECT cs_method, count(*), sum(sc_status BETWEEN 500 AND 599) FROM access_log GROUP BY 1"


def peers(log):
    """Name, its program, its command, what it does: `all` of the task, or in words."""
    venv = sys.executable
    return [
        ("wc -l", "wc", ["wc", "-l", log], "newlines only"),
        ("ripgrep", "rg", ["rg", "-c", "--no-mmap", '" 5[0-9][0-9] ', log], "counts 5xx lines only"),
        ("triage", None, [str(RELEASE / "triage"), log, "--json", "--quiet"], "all"),
        ("triage --threads 1", None, [str(RELEASE / "triage"), log, "--json", "--quiet", "--threads", "1"], "all"),
        ("triage --io read", None, [str(RELEASE / "triage"), log, "--json", "--quiet", "--io", "read"], "all"),
        ("DuckDB", "import duckdb", [venv, "-c", DUCKDB, log], "all"),
        ("Polars", "import polars", [venv, "-c", POLARS, log], "all"),
        ("mawk", "mawk", ["mawk", MAWK, log], "all"),
        ("GoAccess", "goaccess", ["goaccess", log, "--no-global-config", "--log-format", '%h %^[%d:%t %^] "%r" %s %b "%R" "%u" %T',
            "--date-format", "%d/%b/%Y", "--time-format", "%H:%M:%S", "--no-progress", "-o", "/tmp/versus-goaccess.json"],
            "panels by URL, hour and status; no templates"),
        ("lnav", "lnav", ["lnav", "-n", "-c", LNAV, log], "by method only"),
    ]


def has(program):
    if program is None:
        return True
    if program.startswith("import "):
        return subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0
    return shutil.which(program) is not None


def run(command, out):
    """Wall seconds, processor seconds and peak memory in MiB of one run; its output goes to a file."""
    begin = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 1)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.execvp(command[0], command)
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit(f"{command[0]} failed")
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def counts(name, out):
    """Requests and errors by endpoint, as one peer printed them."""
    text = Path(out).read_text()
    if name.startswith("triage"):
        endpoints = json.loads(text)["endpoints"]
        return {f"{e['method']} {e['endpoint']}": (e["requests"], e["errors"]) for e in endpoints}
    rows = (line.split("\t") for line in text.splitlines())
    return {endpoint: (int(requests), int(errors)) for endpoint, requests, errors in rows}


def version(name, program):
    if name.startswith("triage"):
        return subprocess.run([RELEASE / "triage", "--version"], capture_output=True, text=True).stdout.strip()
    if program.startswith("import "):
        module = program.split()[1]
        code = f"import {module}; print('{name}', {module}.__version__)"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
    flag = {"mawk": ["-W", "version"], "lnav": ["-V"]}.get(program, ["--version"])
    told = subprocess.run([program, *flag], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return (told.stdout + told.stderr).splitlines()[0].strip()


def cpu():
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1GiB")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", help="names, with commas between")
    parser.add_argument("--record", help="writes the table there too")
    asked = parser.parse_args()

    build = ["cargo", "build", "--release", "--quiet", "--bin", "triage", "--example", "make-log"]
    subprocess.run(build, cwd=ROOT, check=True)
    log = ROOT / "target" / f"versus-{asked.size}.log"
    if not log.exists():
        make = [RELEASE / "examples" / "make-log", "--bytes", asked.size, "--endpoints", "400", "--days", "7"]
        subprocess.run([*make, "--seed", "1", "--request-time", "plain", "--incident", "2024-04-11T09:00:00Z+2h", "-o", log], check=True)
        an_hour_ago = time.time() - 3600
        os.utime(log, (an_hour_ago, an_hour_ago))  # at rest, so that it is mapped
    wanted = asked.only.split(",") if asked.only else None
    chosen = [p for p in peers(str(log)) if wanted is None or p[0] == "wc -l" or any(p[0].lower().startswith(w.lower()) for w in wanted)]
    missing = [name for name, program, *_ in chosen if not has(program)]
    chosen = [p for p in chosen if p[0] not in missing]

    runs = {name: [] for name, *_ in chosen}
    told = {}
    for turn in range(asked.runs + 1):  # the first warms up
        for name, _, command, does in chosen:
            out = str(ROOT / "target" / "versus.out")
            took = run(command, out)
            if turn > 0:
                runs[name].append(took)
            if turn == 0 and does == "all":
                told[name] = counts(name, out)
    truth = told.get("triage")
    differing = [name for name, theirs in told.items() if truth and theirs != truth]

    lines = [
        f"{log.stat().st_size / 1e9:.2f} GB of combined log, {len(truth or [])} endpoints, a week; page cache warm; "
        f"{os.cpu_count()} cores, {cpu()}, {platform.system()} {platform.release()}; medians of {asked.runs} runs in turn.",
        "",
        "| | × `wc -l` | s (least to most) | processor s | peak MiB | does |",
        "|---|---|---|---|---|---|",
    ]
    floor = statistics.median(wall for wall, *_ in runs["wc -l"])
    for name, _, _, does in chosen:
        walls, works, peaks = zip(*runs[name])
        wall = statistics.median(walls)
        lines.append(f"| {name} | {wall / floor:.1f} | {wall:.2f} ({min(walls):.2f}–{max(walls):.2f}) | "
            f"{statistics.median(works):.2f} | {max(peaks):.0f} | {'the whole task' if does == 'all' else does} |")
    agreeing = [name for name in told if name not in differing and name != "triage"]
    lines += ["", f"Requests and errors of each endpoint are those of triage in: {', '.join(agreeing) or 'none asked'}."]
    if missing:
        lines.append(f"Not installed: {', '.join(missing)}.")
    lines.append(f"Versions: {'; '.join(dict.fromkeys(version(n, p) for n, p, *_ in chosen if n != 'wc -l'))}.")
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if asked.record:
        Path(asked.record).write_text(text)
    if differing:
        sys.exit(f"counts differ from triage's: {', '.join(differing)}")


if __name__ == "__main__":
    main()
