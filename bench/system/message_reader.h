// A connection whose frames are parsed: what arrives is handed out message by message.
// Thread: one. Errors: -ERR, a closed connection and whatever cannot be read end the process.
#pragma once

#include "client.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace petrel::bench {

struct Message {
  std::string_view subject;
  std::string_view reply;
  std::string_view headers;  // with the final empty line; empty for MSG
  std::string_view payload;
};

class MessageReader {
 public:
  explicit MessageReader(const Endpoint& server) : client_(server) {}
  Client& client() { return client_; }
  uint64_t pongs() const { return pongs_; }

  // Reads once; calls on_message(const Message&) for each complete one.
  template <typename OnMessage>
  void read(OnMessage on_message) {
    if (!receive()) return;
    size_t used = 0;
    Message message;
    while (const size_t size = next(std::string_view(pending_).substr(used), message)) {
      used += size;
      if (!message.subject.empty()) on_message(message);
    }
    pending_.erase(0, used);
  }

 private:
  bool receive();
  // Size of the first complete operation of `bytes`, or 0; the subject is empty for what is no
  // message.
  size_t next(std::string_view bytes, Message& message);
  void on_control(std::string_view line);

  Client client_;
  std::string pending_;
  uint64_t pongs_ = 0;
};

}  // namespace petrel::bench
