// InternalMessage: a message out of the server itself, or to it.
//
// Thread: a value; route_internal on the loop of the router.
#pragma once

#include "petrel/router/router.h"

#include <optional>
#include <string>

namespace petrel::shard {

struct InternalMessage {
  std::string account = {};
  std::string subject = {};
  std::string reply = {};
  std::string header = {};  // whole block, "" for none
  std::string body = {};
  // Of the client that sent it, if it is one of this loop.
  std::optional<router::ConnectionHandle> client = {};
};

// Like a message of a client. Returns how many took it.
uint32_t route_internal(router::Router& router, router::AccountInterest& account,
                        const InternalMessage& message);

}  // namespace petrel::shard
