#include "petrel/shard/internal_message.h"

namespace petrel::shard {

uint32_t route_internal(router::Router& router, router::AccountInterest& account,
                        const InternalMessage& message) {
  std::string tail = message.reply;
  if (!tail.empty()) tail.push_back(' ');
  std::string sizes;
  if (!message.header.empty()) sizes = std::to_string(message.header.size()) + " ";
  sizes += std::to_string(message.header.size() + message.body.size());
  tail.append(sizes).append("\r\n").append(message.header).append(message.body).append("\r\n");
  router::Message out;
  out.subject = message.subject;
  out.tail = tail;
  out.reply_bytes = static_cast<uint32_t>(message.reply.size());
  out.sizes_bytes = static_cast<uint32_t>(sizes.size());
  out.header_bytes = static_cast<uint32_t>(message.header.size());
  return router.route(account, out);
}

}  // namespace petrel::shard
