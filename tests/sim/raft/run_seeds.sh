#!/bin/bash
# run_seeds.sh SIM_RAFT [COUNT]: the seeds of tier 2 in steps of 100, so that a stopped run says where.
# Ends with "N passed, N failed, N skipped", a step of seeds counting as one.
set -uo pipefail
binary=$1
count=${2:-1000}
passed=0 failed=0
for ((first = 1; first <= count; first += 100)); do
  if "$binary" --seeds "$first..$((first + 99))" --keep-going; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
