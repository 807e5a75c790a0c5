#!/usr/bin/env python3
"""Counts a combined log (nginx, Apache) by the plainest means, to check triage's numbers against.

Shares no code and no cleverness with triage: one regular expression, one dictionary, one line at a
time. Reads files (gzip by its first bytes) or standard input. Python 3.9 or later, nothing else.

    count.py access.log                         lines, requests, 5xx, and why lines were no request
    count.py --minutes access.log               requests and 5xx of each minute (UTC)
    count.py --endpoints access.log             requests and 5xx of each method + template
    count.py --path '^/api/v1/(me|login)' --from 2024-04-10T16:00 --until 2024-04-10T18:02 access.log
                                                only those requests; times in UTC, until exclusive

A user is an address with its agent. `failing` users are those with at least one 5xx.
"""

import argparse
import collections
import datetime
import gzip
import re
import sys

QUOTED = r'"((?:[^"\\]|\\.)*)"'
LINE = re.compile(
    r"(?:\S+ )?(\S+) \S+ \S+ \[([^\]]+)\] " + QUOTED + r" (\S+) (\S+)(?: " + QUOTED + " " + QUOTED + r")?(?: .*)?"
)
REQUEST = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+) (\S.*?)(?: HTTP/[0-9.]+)?")
NUMBER = re.compile(r"[0-9]+")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def utc(stamp, seen={}):
    """`10/Apr/2024:09:00:00 -0700` → a naive datetime in UTC; None if it is no time."""
    if stamp not in seen:
        try:
            local = datetime.datetime.strptime(stamp, "%d/%b/%Y:%H:%M:%S %z")
            seen[stamp] = local.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        except ValueError:
            seen[stamp] = None
    return seen[stamp]


def template(target):
    """The path with ids in their place; segments that are no number and no UUID stay."""
    path = target.split("?", 1)[0]
    segments = [
        "{id}" if NUMBER.fullmatch(s) else "{uuid}" if UUID.fullmatch(s) else s
        for s in path.split("/")
    ]
    return "/".join(segments)


def lines_of(paths):
    for path in paths or ["-"]:
        file = sys.stdin.buffer if path == "-" else open(path, "rb")
        if file.peek(2)[:2] == b"\x1f\x8b":
            file = gzip.open(file)
        with file:
            for line in file:
                yield line.decode("utf-8", "surrogateescape").rstrip("\r\n")


def read(line):
    """(time, user, method, target, status), or the reason why the line is no request."""
    parts = LINE.fullmatch(line)
    if parts is None:
        return "no combined line"
    address, stamp, request, status, _, _, agent = parts.groups()
    if request in ("", "-"):
        return "empty request"
    request = REQUEST.fullmatch(request)
    if request is None:
        return "not HTTP"
    if not re.fullmatch("[0-9]{3}", status):
        return "no status"
    time = utc(stamp)
    if time is None:
        return "bad time"
    return time, (address, agent), request[1], request[2], int(status)


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--minutes", action="store_true", help="one row per minute")
    options.add_argument("--endpoints", action="store_true", help="one row per endpoint")
    options.add_argument("--path", type=re.compile, help="only targets that this matches")
    options.add_argument("--method", help="only this method")
    options.add_argument("--from", dest="since", type=datetime.datetime.fromisoformat)
    options.add_argument("--until", type=datetime.datetime.fromisoformat)
    options.add_argument("files", nargs="*")
    args = options.parse_args()

    lines, filtered, no_request = 0, 0, collections.Counter()
    total, minutes, endpoints = [0, 0], {}, {}
    users, failing, statuses = set(), set(), collections.Counter()
    first = last = None
    for line in lines_of(args.files):
        lines += 1
        record = read(line)
        if isinstance(record, str):
            no_request[record] += 1
            continue
        time, user, method, target, status = record
        if (
            (args.path and not args.path.search(target))
            or (args.method and args.method != method)
            or (args.since and time < args.since)
            or (args.until and time >= args.until)
        ):
            filtered += 1
            continue
        error = 500 <= status <= 599
        rows = [total]
        if args.minutes:
            rows.append(minutes.setdefault(time.replace(second=0), [0, 0]))
        if args.endpoints:
            rows.append(endpoints.setdefault(f"{method} {template(target)}", [0, 0]))
        for row in rows:
            row[0] += 1
            row[1] += error
        users.add(user)
        if error:
            failing.add(user)
            statuses[status] += 1
            first = time if first is None else min(first, time)
            last = time if last is None else max(last, time)

    print(f"lines\t{lines}")
    print(f"requests\t{total[0]}")
    print(f"filtered\t{filtered}")
    for reason, count in sorted(no_request.items()):
        print(f"no request: {reason}\t{count}")
    print(f"5xx\t{total[1]}")
    for status, count in sorted(statuses.items()):
        print(f"{status}\t{count}")
    print(f"users\t{len(users)}")
    print(f"failing users\t{len(failing)}")
    if first is not None:
        print(f"first 5xx\t{first}Z")
        print(f"last 5xx\t{last}Z")
    for name, rows in (("minute", minutes), ("endpoint", endpoints)):
        if rows:
            print(f"\n{name}\trequests\t5xx")
        for key, (requests, errors) in sorted(rows.items()):
            print(f"{key}\t{requests}\t{errors}")


if __name__ == "__main__":
    main()
