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
