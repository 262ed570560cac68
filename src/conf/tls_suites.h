// The names of cipher suites and curves that a tls { } block may use.
// Thread: any. Source: spec config.md 4.
#pragma once

#include <span>
#include <string_view>

namespace petrel::conf {

std::span<const std::string_view> secure_suites();
std::span<const std::string_view> insecure_suites();
std::span<const std::string_view> curve_names();

bool is_listed(std::span<const std::string_view> names, std::string_view name);

}  // namespace petrel::conf
