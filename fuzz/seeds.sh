#!/bin/sh
# Makes the corpora that the fuzz targets begin with, out of ../samples and the formats' own
# samples. Nothing of it is committed.
#
#     fuzz/seeds.sh && RUSTC_BOOTSTRAP=1 cargo fuzz run line
set -eu
cd "$(dirname "$0")"
mkdir -p corpus/unpack corpus/line corpus/pattern corpus/markers

samples=../samples
n=0
for log in $(find $samples -type f \( -name '*.log' -o -name '*.gz' \) | sort); do
    n=$((n + 1))
    case $log in *.gz) text="gzip -dc" ;; *) text=cat ;; esac
    $text "$log" | head -n 3 > "corpus/line/$n"
    head="$($text "$log" | head -n 40)"
    printf '%s\n' "$head" > "corpus/unpack/$n.plain"
    printf '%s\n' "$head" | gzip > "corpus/unpack/$n.gz"
    for tool in zstd bzip2 xz; do
        if command -v $tool > /dev/null; then printf '%s\n' "$head" | $tool > "corpus/unpack/$n.$tool"; fi
    done
done
(cd corpus/unpack && tar cf archive.tar 1.plain 1.gz && tar czf archive.tgz 1.plain 2.plain && cat 1.gz 2.gz > two.gz)

# The samples of each format.
for spec in ../src/format/specs/*.toml; do
    sed -n "s/^line = '\(.*\)'$/\1/p" "$spec" > "corpus/line/$(basename "$spec")"
done

printf '%s\n%s\n' '(?<time>\S+) (?<method>\S+) (?<path>\S+) (?<status>\d+)' \
    '2024-04-10T09:00:00Z GET /orders/17 200' > corpus/pattern/named
printf '%s\n%s\n' '^(?<time>.{26}) "(?<request>[^"]*)" (?<status>\d{3}) (?<latency_ms>\d+)$' \
    '10/Apr/2024:09:00:00 +0000 "GET /a HTTP/1.1" 503 12' > corpus/pattern/request

find $samples -type f \( -name 'deploys.*' -o -name '*.csv' \) | while read -r file; do
    name=$(echo "$file" | tr '/' '-')
    cp "$file" "corpus/markers/$name"
done
# The exports that the readers' own tests tell.
perl -0777 -ne 'while (/r#"(.*?)"#/sg) { open my $f, ">", "corpus/markers/export-" . ++$n; print $f $1 }' \
    ../src/changes/export/*.rs ../src/changes/*.rs
printf 'time,service,version\n2024-04-10T09:00:00Z,api,1.2.3\n' > corpus/markers/csv
printf -- '- time: 2024-04-10T09:00:00Z\n  service: api\n' > corpus/markers/yaml
