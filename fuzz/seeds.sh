#!/bin/sh
# Makes the corpora that the fuzz targets begin with, out of ../samples and the formats' own
# samples. Nothing of it is committed.
#
#     fuzz/seeds.sh && RUSTC_BOOTSTRAP=1 cargo fuzz run line
set -eu
cd "$(dirname "$0")"
mkdir -p corpus/unpack corpus/line corpus/pattern corpus/log_format corpus/markers

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

# The samples of each format, with their headers, and the corpus of the tests.
for spec in ../src/format/specs/*.toml ../tests/formats/*.toml; do
    sed -n -e "s/^header = \"\(.*\)\"$/\1/p" -e "s/^line = '\(.*\)'$/\1/p" "$spec" > "corpus/line/$(basename "$spec")"
done
# Lines that are put together.
sed -n -e 's/^ *r#"\(.*\)"#,$/\1/p' -e 's/^ *"\([0-9I].*\)",$/\1/p' ../src/format/join/tests.rs > corpus/line/pieces

# Each format's file with its samples' lines, and servers' format strings with a line each.
for spec in ../src/format/specs/*.toml; do
    { echo '#toml'; cat "$spec"; echo ----; cat "corpus/line/$(basename "$spec")"; } > "corpus/log_format/$(basename "$spec")"
done
written() { printf '%s\n----\n%s\n' "$2" "$3" > "corpus/log_format/$1"; }
written nginx "log_format main '\$remote_addr - \$remote_user [\$time_local] \"\$request\" ' '\$status \$request_time \"\$http_x_forwarded_for\"';" \
    '203.0.113.7 - - [10/Apr/2024:09:00:00 +0000] "GET /a HTTP/1.1" 503 0.100 "203.0.113.9, 10.0.0.1"'
written nginx-pattern '$time_local $http_user_agent $request_method $host$request_uri $status $upstream_response_time' \
    '10/Apr/2024:09:00:00 +0000 curl 8 GET shop.example/a 503 0.100, 0.020'
written nginx-json '{"t":"$time_iso8601","r":"$request_method $request_uri","s":$status,"d":$request_time}' \
    '{"t":"2024-04-10T09:00:00+00:00","r":"GET /a","s":503,"d":0.1}'
written apache 'LogFormat "%v:%p %h %l %u %{%F}t %{%T}t.%{usec_frac}t \"%r\" %>s %b %D \"%{User-Agent}i\"" x' \
    'shop.example:443 203.0.113.7 - - 2024-04-10 09:00:00.123456 "GET /a HTTP/1.1" 503 5 1200 "curl"'

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
