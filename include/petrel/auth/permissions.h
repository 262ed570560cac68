// Permissions: what a user may publish, subscribe to and receive. Compiled from the configuration,
// immutable, shared by all connections of the user.
//
// Thread: any. Source: spec config.md 5, auth.md.
// Strict by default: a subscription must lie wholly inside an allowed subject, so `foo.*` does not
// admit `foo.>`; `strict = false` takes nats-server's laxer reading.
#pragma once

#include "petrel/base/block.h"
#include "petrel/conf/options_auth.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace petrel::auth {

class Permissions {
 public:
  Permissions(const conf::PermissionOptions& options, bool strict);

  // Without regard to tracked replies (responses()).
  bool may_publish(Slice subject) const;
  // `queue` empty: a plain subscription.
  bool may_subscribe(Slice subject, Slice queue) const;
  // Whether deliveries of this subscription must be asked for one by one: it may cover denied
  // subjects.
  bool overlaps_deny(Slice subject, Slice queue) const;
  bool may_receive(Slice subject, Slice queue) const;

  bool limits_publish() const { return publish_.allow.has_value() || !publish_.deny.empty(); }
  const std::optional<conf::ResponsePermission>& responses() const { return responses_; }
  const conf::PermissionOptions& options() const { return options_; }

 private:
  conf::PermissionOptions options_;
  conf::SubjectPermission publish_;
  conf::SubjectPermission subscribe_;
  std::optional<conf::ResponsePermission> responses_;
  bool strict_;
};

}  // namespace petrel::auth
