#include "server/argument_redaction.h"

#include "petrel/conf/command_line.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace petrel::server {

void redact_process_arguments(int argc, char** argv) {
  const std::vector<std::string> shown = conf::redact_arguments({argv + 1, argv + argc});
  for (int i = 1; i < argc; ++i) {
    const std::string& text = shown[static_cast<size_t>(i) - 1];
    const size_t room = std::strlen(argv[i]);
    if (text == argv[i]) continue;
    std::memset(argv[i], 0, room);
    std::memcpy(argv[i], text.data(), std::min(room, text.size()));
  }
}

}  // namespace petrel::server
