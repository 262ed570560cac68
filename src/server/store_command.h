// `petrel check DIR`: looks at every file of a store directory, every checksum, and names what is
// damaged. Changes nothing. `petrel import DIR`: foreign_store.h.
//
// Thread: the main one, instead of a server. Exit codes: 0 everything is whole, 1 something is
// damaged, 2 it could not be looked at (no such directory, in use, wrong arguments).
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace petrel::server {

// `args` without the program's name. Empty: they are no command of this kind.
std::optional<int> run_store_command(const std::vector<std::string>& args);

}  // namespace petrel::server
