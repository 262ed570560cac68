// JSON strings written as Go's encoding/json writes them by default (HTML characters escaped).
// Thread: pure functions, any thread.
// Source: Go encoding/json documentation, checked against Go 1.26.
#pragma once

#include "petrel/base/block.h"

#include <string>

namespace petrel {

// Appends `text` in double quotes. < > & U+2028 U+2029 are written as \u escapes, wrong UTF-8 as
// \ufffd, control characters as \b \f \n \r \t or \u00xx.
void append_go_json_string(std::string& out, Slice text);

}  // namespace petrel
