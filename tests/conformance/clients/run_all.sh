#!/bin/bash
# run_all.sh SERVER-BINARY: every official client; the last line is the sum.
cd "$(dirname "$0")" || exit 1
passed=0 failed=0 skipped=0
for script in */run.sh; do
  echo "== ${script%/run.sh}"
  output=$("$script" "$@")
  echo "$output"
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' <<<"$output" | tail -1)
  if [ -z "$line" ]; then
    failed=$((failed + 1))
    continue
  fi
  read -r p _ f _ s _ <<<"$line"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
