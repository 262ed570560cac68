#include "server/password.h"

#include "petrel/auth/authenticator.h"

#include <crypt.h>
#include <memory>

namespace petrel::server {

bool bcrypt_matches(const std::string& hash, const std::string& password) {
  if (password.find('\0') != std::string::npos) return false;
  const auto state = std::make_unique<crypt_data>();
  const char* result = crypt_rn(password.c_str(), hash.c_str(), state.get(), sizeof(crypt_data));
  return result != nullptr && auth::Authenticator::equal_in_constant_time(result, hash);
}

}  // namespace petrel::server
