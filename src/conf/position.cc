#include "petrel/conf/position.h"

namespace petrel::conf {

std::string Position::text() const {
  return file + ':' + std::to_string(line) + ':' + std::to_string(column);
}

}  // namespace petrel::conf
