#!/usr/bin/env bash
# Looks at the HTML report in a real browser: light, dark, phone, paper; for the three samples, or
# for the page named. Pictures go to the folder named first; whoever runs it looks at them.
#
#   benches/check/browser.sh pictures/                     # target/release/triage on the samples
#   benches/check/browser.sh pictures/ report.html
#
# Fails where the browser complains (a policy that refuses the page's own style, say). Without
# Chromium it does nothing and says so.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=${1:?usage: browser.sh FOLDER [PAGE]}
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
  echo "no Chromium here: nothing was looked at"
  exit 0
fi
mkdir -p "$out"
out=$(cd "$out" && pwd)
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

look() { # picture, page, options…
  local picture=$1 page=$2
  shift 2
  "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$profile" \
    --enable-logging=stderr "$@" --screenshot="$picture" "file://$page" 2>"$profile/log" || true
  if grep -E 'CONSOLE' "$profile/log"; then
    echo "$page: the browser complains" >&2
    exit 1
  fi
  [ -s "$picture" ] || { echo "$picture: no picture" >&2; exit 1; }
}

look_at() { # page
  local page=$1 name
  name=$(basename "$page" .html)
  look "$out/$name.light.png" "$page" --window-size=1280,2400
  look "$out/$name.dark.png" "$page" --window-size=1280,2400 --blink-settings=preferredColorScheme=0
  look "$out/$name.phone.png" "$page" --window-size=400,2400
  "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$profile" --no-pdf-header-footer \
    --print-to-pdf="$out/$name.pdf" "file://$page" 2>/dev/null
  echo "$name: $(wc -c <"$page") bytes; $out/$name.{light,dark,phone}.png, $name.pdf"
}

if [ $# -gt 1 ]; then
  look_at "$(realpath "$2")"
  exit
fi
triage=${TRIAGE:-target/release/triage}
for sample in samples/*/; do
  name=$(basename "$sample")
  deploys=$(echo "$sample"deploys.*)
  "$triage" "$sample"logs -d "$deploys" --format html -o "$out/$name.html"
  look_at "$out/$name.html"
done
