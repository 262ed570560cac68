// What -h and --help_tls print.
// Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace petrel::conf {

std::string_view usage_text();
std::string tls_help_text();

}  // namespace petrel::conf
