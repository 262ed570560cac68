// Checks of subject transforms: whether a source maps to a destination, with nats-server's texts.
// Applying one is `subject`'s.
// Thread: any. Source: spec protocol.md 11.
#pragma once

#include "petrel/base/result.h"

#include <string>
#include <string_view>

namespace petrel::conf {

Status check_mapping(std::string_view source, std::string_view destination);

// A transform of an import: every wildcard of the source is used, and nothing but wildcards.
Status check_import_mapping(std::string_view source, std::string_view destination);

// "a.*.b.*" -> "a.$1.b.$2"
std::string number_wildcards(std::string_view subject);

// "a.$1.b.{{wildcard(2)}}" -> "a.*.b.*"
std::string unnumber_wildcards(std::string_view subject);

}  // namespace petrel::conf
