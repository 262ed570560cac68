// Where in the configuration a value was written. Columns follow nats-server: they count the
// characters before the key, from 0 on the first line and from 1 on the others.
// Thread: values, any thread. Source: spec config.md 1.3.
#pragma once

#include <string>

namespace petrel::conf {

struct Position {
  std::string file = {};  // as given to -c or joined from include directives; "" in tests
  int line = 0;           // 0: not from a file (a flag or a default)
  int column = 0;

  // "file:line:column", the prefix of every configuration error.
  std::string text() const;
};

}  // namespace petrel::conf
