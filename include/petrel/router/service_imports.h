// ServiceImports: requests that go to a service of another account, and the answers that come back.
//
// A request is handled on the loop of its publisher: its subject becomes the exporter's, its reply
// a subject of the exporter that only this loop hears (`_R_.<loop's>.<request's>`). The answer
// comes through that portal and is routed to the reply subject in the requestor's account.
// Owner: one Router. Thread: its loop.
// Limits: an answer is awaited for the export's threshold (2 minutes); kResponsesMax at a time,
// the oldest of the same threshold gives way.
// Source: spec protocol.md section 12.
#pragma once

#include "petrel/base/time.h"
#include "petrel/router/account_links.h"
#include "petrel/router/client_info.h"
#include "petrel/router/message.h"
#include "petrel/router/plan_cache.h"

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

namespace petrel::router {

class Router;
struct ImportedHeaders;
class RouteObserver;

class ServiceImports {
 public:
  explicit ServiceImports(Router& router);
  ~ServiceImports();
  ServiceImports(const ServiceImports&) = delete;
  ServiceImports& operator=(const ServiceImports&) = delete;

  // The imports of a plan, for a message published to `subject`. Returns how many were delivered
  // to somebody.
  uint32_t deliver(const std::vector<DeliveryPlan::Import>& imports, Slice subject,
                   const Message& message);
  // The same for a traced message.
  uint32_t deliver_observed(const std::vector<DeliveryPlan::Import>& imports, Slice subject,
                            const Message& message, RouteObserver& observer, bool is_dry);
  // An answer that another loop sent to a portal here. `envelope`: of make_envelope.
  void answer_from_other_loop(Slice envelope, const Message& message);

  // A subscription of `account` to `subject` is gone: perhaps nobody waits for answers any more.
  void interest_lost(const AccountInterest& account, Slice subject);
  // Once per turn: forgets requests that nobody answered in time or waits for. Returns when to run
  // again.
  Instant run(Instant now);
  size_t pending() const { return responses_.size(); }

  static constexpr size_t kResponsesMax = 1 << 20;

 private:
  struct Portal;
  struct Response;
  struct Step;  // one import on the way of a message
  using Waiting = std::list<Response>;

  bool request(const std::shared_ptr<const ServiceLink>& link, Slice subject,
               const Message& message);
  bool answer(Slice subject, const Message& message, const std::string& responder);
  bool pass_request(const ServiceLink& link, const ImportedHeaders& headers, Slice subject,
                    Slice reply, const Message& message, const Step& step);
  bool pass_on(AccountInterest& to, Slice subject, const Message& message, const Step& step);
  bool was_here(const ServiceLink& link) const;
  // The reply subject that the other side is to see instead of the message's own.
  std::string await_answer(Response response);
  void forget(Waiting::iterator response, int status);
  void forget_unheard();
  Instant expire(Instant now);
  Waiting::iterator take_out(Waiting::iterator response, Waiting& out);
  Portal& portal_of(AccountInterest& account);
  std::string make_envelope(Slice subject, const Message& message) const;
  std::optional<ClientInfo> info_of(const ServiceLink& link, const Message& message) const;
  bool map_subject(const auth::AccountPtr& account, std::string& subject);
  void send_latency(const Response& response, int status, const std::string& responder);
  void publish_latency(const ServiceLink& link, const std::string& json);
  std::string random_token(size_t size);

  Router& router_;
  std::map<const AccountInterest*, std::unique_ptr<Portal>> portals_;
  std::map<int64_t, Waiting> waiting_;  // by threshold; oldest first
  std::unordered_map<std::string, Waiting::iterator> responses_;
  size_t tracked_ = 0;
  struct Lost {
    const AccountInterest* account;
    std::string subject;
  };
  std::vector<Lost> lost_;             // while something is tracked
  RouteObserver* observer_ = nullptr;  // of a traced message, else null
  bool is_dry_ = false;
  const Step* chain_ = nullptr;  // of the message that is being routed
};

}  // namespace petrel::router
