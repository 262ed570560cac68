#!/bin/bash
# run.sh SERVER-BINARY: the idioms of jnats.
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
need mvn
need javac
if ! cmp -s "$here/pom.xml" "$work/pom.xml"; then
  rm -rf "$work/libraries"
  retry mvn -q -B -f "$here/pom.xml" -Dmaven.repo.local="$cache/m2" dependency:copy-dependencies \
    -DoutputDirectory="$work/libraries" >&2 || fail "cannot be installed"
  cp "$here/pom.xml" "$work/pom.xml"
fi
javac -Xlint:all,-try -d "$work/classes" -cp "$work/libraries/*" "$here/Checks.java" "$here/JetStreamChecks.java" >&2 || fail "does not build"
exec java -cp "$work/classes:$work/libraries/*" Checks "$server"
