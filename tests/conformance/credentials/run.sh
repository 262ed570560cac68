#!/bin/bash
# run.sh: writes the keys and JWTs that unit tests read. The keys are the same each time, the JWTs
# carry the time at which they were made.
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
go run . > ../../unit/auth/credentials.tsv
