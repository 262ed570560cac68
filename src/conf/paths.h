// File paths as Go's path/filepath treats them on Unix: include directives and positions follow it.
// Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace petrel::conf {

// Shortest equal path: "./a//b/../c" -> "a/c", "" -> ".".
std::string clean_path(std::string_view path);

// What stands before the last slash, cleaned; "." if there is none.
std::string directory_of(std::string_view path);

// Both with a slash between, cleaned.
std::string join_path(std::string_view directory, std::string_view name);

}  // namespace petrel::conf
