#!/bin/bash
# run.sh SERVER-BINARY: the code of articles about JetStream in production, as readers copy it; changed are only
# replicas 3 -> 1, and `main` where several programs share a file. It connects to fixed names and ports, so that it
# needs network and mount namespaces of its own.
export PETREL_CACHE=${PETREL_CACHE:-$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../../build/cache}
. "$(dirname "${BASH_SOURCE[0]}")/../clients/setup.sh"
namespace() { unshare -rnm sh -c 'ip link set lo up && exec "$@"' sh "$@"; }
namespace true 2>/dev/null || skip "needs namespaces of its own (unshare -rnm)"
need go
need node
need python3

mkdir -p "$work/bin"
(
  export GOMODCACHE="$cache/go/mod" GOCACHE="$cache/go/build" GOFLAGS=-modcacherw GOTOOLCHAIN=auto GOBIN="$work/bin"
  cd "$here/go" && retry go build -o "$work/bin/articles" . >&2 || exit 1
  # Not every module proxy has the command line client.
  command -v nats >/dev/null || [ -x "$work/bin/nats" ] || go install github.com/nats-io/natscli/nats@v0.4.0 >&2 || true
) || fail "does not build"
INSTALL_ONLY=1 "$here/../clients/nats-py/run.sh" "$server" >&2 || fail "nats-py cannot be installed"
INSTALL_ONLY=1 "$here/../clients/nats.js/run.sh" "$server" >&2 || fail "nats.js cannot be installed"

export ARTICLES="$here" WORK="$work" SERVER="$server" PATH="$work/bin:$PATH" NO_COLOR=1
export PYTHONPATH="$cache/clients/nats-py/site" MODULES="$cache/clients/nats.js"
passed=0 failed=0 skipped=0
for article in commands go0 go1 go3 javascript python; do
  if [ "$article" = commands ] && ! command -v nats >/dev/null; then
    skipped=$((skipped + 1))
    echo "SKIP commands: the nats command line client is not here and cannot be fetched"
    continue
  fi
  if output=$(namespace timeout 120 bash "$here/inside.sh" "$article" 2>&1); then
    passed=$((passed + 1))
    echo "ok   $article"
  else
    failed=$((failed + 1))
    echo "$output" | tail -15
    echo "FAIL $article"
  fi
done
echo "$passed passed, $failed failed, $skipped skipped"
exit $((failed > 0))
