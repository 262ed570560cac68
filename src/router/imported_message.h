// ImportedMessage: a message rewritten on its way into another account: other subject, other reply,
// another Nats-Request-Info header.
//
// Owner: the caller, for the time of routing it. Thread: a loop.
#pragma once

#include "petrel/base/block.h"
#include "petrel/router/message.h"

#include <string>

namespace petrel::router {

// Of Nats-Trace-Dest: no trace from here on.
inline constexpr Slice kTraceDisabled = "trace disabled";

// What the headers of the message are to say; "": what they said before.
struct ImportedHeaders {
  std::string info = {};               // JSON of Nats-Request-Info, whatever the publisher claimed
  std::string trace_destination = {};  // Nats-Trace-Dest
  bool replaces_trace = false;         // in its place, if it is there
};

class ImportedMessage {
 public:
  // REQUIRES: `original`, `subject` and `reply` outlive this.
  ImportedMessage(const Message& original, Slice subject, Slice reply,
                  const ImportedHeaders& headers);

  const Message& message() const { return message_; }

 private:
  void rebuild(const Message& original, Slice reply, const std::string& header);

  Message message_;
  std::string text_;  // small tails
  BlockRef block_;    // large ones
};

}  // namespace petrel::router
