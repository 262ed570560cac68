#!/bin/bash
# run.sh SUITE|all SERVER-BINARY [TEST]: the public test suite of a client, as its registry gives it, on this server.
# TEST is what the suite's own runner takes to choose tests. Ends with "N passed, N failed, N skipped"; failures that
# known/SUITE.tsv explains count as skipped. Each suite finds the binary as `nats-server` in PATH and runs in a
# network of its own where the system allows it, because the tests use fixed ports.
set -uo pipefail
suites="nats.go nats.go-jetstream nats.go-micro nats-py async-nats"
[ $# -ge 2 ] && [ -x "$2" ] || { echo "usage: run.sh SUITE|all SERVER-BINARY [TEST]; suites: $suites" >&2; exit 2; }
suite=$1 server=$(readlink -f "$2") only=${3:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "${PETREL_CACHE:=$here/../../../build/cache}/suites"
cache=$(cd "$PETREL_CACHE" && pwd)

if [ "$suite" = all ]; then
  passed=0 failed=0 skipped=0
  for one in $suites; do
    echo "== $one"
    output=$("${BASH_SOURCE[0]}" "$one" "$server")
    echo "$output"
    read -r p _ f _ s _ <<<"$(tail -1 <<<"$output")"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  done
  echo "$passed passed, $failed failed, $skipped skipped"
  exit $((failed > 0))
fi

work=$cache/suites/$suite
rm -rf "$work/bin" && mkdir -p "$work/bin" && ln -s "$server" "$work/bin/nats-server"
export PATH="$work/bin:$PATH"

fail() { echo "FAIL $suite: $*"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
skip() { echo "SKIP $suite: $*"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
need() { command -v "$1" >/dev/null || skip "needs $1, which is not installed"; }
retry() { "$@" || { sleep 3; "$@"; } || { sleep 3; "$@"; }; }

# alone COMMAND...: in a network of its own.
alone() {
  if unshare -rn true 2>/dev/null; then
    timeout 2400 unshare -rn sh -c 'ip link set lo up && exec "$@"' sh "$@"
  else
    timeout 2400 "$@"
  fi
}

# Reads "PASS|FAIL|SKIP test" and tells the sum; explains what is known.
report() {
  awk -F '\t' -v suite="$suite" '
    FNR == NR { known[$1] = $2; next }
    { split($0, word, " "); name = substr($0, 6) }
    word[1] == "PASS" { ++passed }
    word[1] == "SKIP" { ++skipped }
    word[1] == "FAIL" && name in known { ++skipped; print "SKIP " name ": " known[name]; next }
    word[1] == "FAIL" { ++failed; print }
    END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 || passed == 0 }
  ' "$here/known/$suite.tsv" -
}

# go_suite PACKAGE: tests of nats.go, with the module that starts servers for them replaced.
go_suite() {
  need go
  export GOMODCACHE="$cache/go/mod" GOCACHE="$cache/go/build" GOFLAGS="-modcacherw -mod=mod" GOTOOLCHAIN=auto
  local version=v1.55.0 module source=$cache/suites/nats.go-source
  module=$(cd "$here/nats.go/client" && retry go mod download -json "github.com/nats-io/nats.go@$version" |
    sed -nE 's/^\t"Dir": "(.*)",$/\1/p')
  [ -d "$module" ] || fail "nats.go $version cannot be fetched"
  rm -rf "$source" && cp -r "$module" "$source" && chmod -R u+w "$source" && cd "$source" || exit 1
  go mod edit -replace "github.com/synadia-io/orbit.go/ntf=$here/nats.go/service" \
    -replace "github.com/synadia-io/orbit.go/ntf-client=$here/nats.go/client" go_test.mod &&
    retry go mod tidy -modfile=go_test.mod >&2 &&
    retry go test -modfile=go_test.mod -tags=internal_testing -vet=off -c -o "$work/test" "./$1" >&2 ||
    fail "does not build"
  cd "$1" || exit 1
  alone "$work/test" -test.v -test.timeout 30m ${only:+-test.run "$only"} >"$work/log" 2>&1
  sed -nE 's/^--- (PASS|FAIL|SKIP): ([^ ]+) .*/\1 \2/p' "$work/log" | report
}

# The last source archive of nats-py that holds the tests, and the client of that version.
py_suite() {
  need python3
  local version=2.14.0
  if [ ! -d "$work/nats_py-$version" ]; then
    python3 -m venv "$work/python" && retry "$work/python/bin/pip" -q --disable-pip-version-check install \
      "nats-py==$version" pytest pytest-timeout nkeys aiohttp >&2 &&
      (cd "$work" && retry "$work/python/bin/pip" -q --disable-pip-version-check download --no-deps \
        --no-binary nats-py "nats-py==$version" >&2 && tar xf "nats_py-$version.tar.gz") || fail "cannot be fetched"
  fi
  cd "$work/nats_py-$version" && cp "$here/nats-py/utils.py" tests/ && touch tests/__init__.py || exit 1
  alone "$work/python/bin/python" -m pytest -q -p no:cacheprovider --timeout 120 -rA --tb=short ${only:+-k "$only"} \
    tests >"$work/log" 2>&1
  sed -nE 's/^PASSED ([^ ]+).*/PASS \1/p; s/^(FAILED|ERROR) ([^ ]+).*/FAIL \2/p
    s/^SKIPPED \[([0-9]+)\].*/SKIP \1/p' "$work/log" | sed 's|tests/||' | report
}

# The crate holds the tests, but not the crate that starts servers for them.
rust_suite() {
  need cargo
  local source
  export CARGO_TARGET_DIR="$work/target"
  mkdir -p "$work/suite" && cp -r "$here/async-nats/." "$work/suite/" && touch "$work/suite/empty.rs" || exit 1
  cd "$work/suite" || exit 1
  source=$(retry cargo metadata --format-version 1 |
    grep -oE '"manifest_path":"[^"]*/async-nats-0\.42\.0/Cargo.toml"' | head -1 | cut -d'"' -f4)
  [ -f "$source" ] || fail "async-nats 0.42.0 cannot be fetched"
  cp -r "${source%/Cargo.toml}/tests" "$work/suite/"
  retry cargo test --quiet --no-run >&2 || fail "does not build"
  alone cargo test --offline --no-fail-fast -- --test-threads 4 ${only:+"$only"} >"$work/log" 2>&1
  sed -nE 's/^test ([^ ]+) \.\.\. ok$/PASS \1/p; s/^test ([^ ]+) \.\.\. FAILED$/FAIL \1/p
    s/^test ([^ ]+) \.\.\. ignored.*/SKIP \1/p' "$work/log" | report
}

case $suite in
  nats.go) go_suite test ;;
  nats.go-jetstream) go_suite jetstream/test ;;
  nats.go-micro) go_suite micro/test ;;
  nats-py) py_suite ;;
  async-nats) rust_suite ;;
  *) fail "no such suite; there are: $suites" ;;
esac
