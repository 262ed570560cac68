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

# python_site: what requirements.txt names, in a folder of its own on PYTHONPATH.
python_site() {
  need python3
  python3 -m pip --version >/dev/null 2>&1 || skip "needs pip for python3, which is not installed"
  if ! cmp -s "$here/requirements.txt" "$work/site/requirements.txt"; then
    rm -rf "$work/site"
    retry python3 -m pip install -q --disable-pip-version-check --root-user-action ignore \
      --cache-dir "$cache/pip" --target "$work/site" -r "$here/requirements.txt" >&2 || fail "cannot be installed"
    cp "$here/requirements.txt" "$work/site/requirements.txt"
  fi
  export PYTHONPATH=$work/site
}

# node_site: what package.json names, below $work.
node_site() {
  need node
  need npm
  cmp -s "$here/package.json" "$work/package.json" && return
  rm -rf "$work/node_modules"
  cp "$here/package.json" "$work/package.json"
  retry npm install --prefix "$work" --cache "$cache/npm" --no-package-lock --no-audit --no-fund --silent >&2 ||
    { rm -f "$work/package.json"; fail "cannot be installed"; }
}

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
