# Sourced by the run.sh of each client: where downloads are kept, retries, and the loud skip.
set -uo pipefail
[ $# -ge 1 ] && [ -x "$1" ] || { echo "usage: run.sh SERVER-BINARY" >&2; exit 2; }
server=$(readlink -f "$1")
here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
client=$(basename "$here")
cache=${PETREL_CACHE:-$here/../../../../build/cache}
mkdir -p "$cache/clients/$client"
cache=$(cd "$cache" && pwd)
work=$cache/clients/$client

# retry COMMAND...: three attempts, for everything that needs the network.
retry() {
  local attempt
  for attempt in 1 2 3; do
    "$@" && return 0
    echo "$client: attempt $attempt failed: $*" >&2
    sleep $((attempt * 2))
  done
  return 1
}

skip() { echo "SKIP $client: $*"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
fail() { echo "FAIL $client: $*"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
need() { command -v "$1" >/dev/null || skip "needs $1, which is not installed"; }

# run_parts COMMAND-LINE...: runs one after the other and ends with the sum of their last lines.
run_parts() {
  local part output line passed=0 failed=0 skipped=0 p f s
  for part in "$@"; do
    output=$(eval "$part")
    line=$(tail -1 <<<"$output")
    if [[ $line =~ ^[0-9]+\ passed,\ [0-9]+\ failed,\ [0-9]+\ skipped$ ]]; then
      head -n -1 <<<"$output"
      read -r p _ f _ s _ <<<"$line"
      passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    else
      echo "$output"
      failed=$((failed + 1))
    fi
  done
  echo "$passed passed, $failed failed, $skipped skipped"
  exit $((failed > 0))
}
