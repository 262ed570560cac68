// bcrypt through the C library's crypt(3). Takes tens of milliseconds: worker threads only.
#pragma once

#include <string>

namespace petrel::server {

// `hash` is $2a$, $2b$, $2x$ or $2y$.
bool bcrypt_matches(const std::string& hash, const std::string& password);

}  // namespace petrel::server
