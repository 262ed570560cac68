#include "petrel/monitor/connz.h"

#include "petrel/monitor/json_writer.h"
#include "petrel/monitor/text.h"
#include "petrel/subject/subject.h"

#include <algorithm>
#include <tuple>

namespace petrel::monitor {

namespace {

using session::SessionView;

constexpr Slice kGlobalAccount = "$G";

Slice reason_of(const SessionView& view) {
  return view.reason ? session::close_reason_text(*view.reason) : Slice();
}

// Everything but the subscriptions, of which there may be very many.
SessionView without_subscriptions(const SessionView& view) {
  SessionView copy;
  copy.cid = view.cid;
  copy.ip = view.ip;
  copy.port = view.port;
  copy.start = view.start;
  copy.last_activity = view.last_activity;
  copy.stop = view.stop;
  copy.reason = view.reason;
  copy.rtt = view.rtt;
  copy.pending_bytes = view.pending_bytes;
  copy.in_msgs = view.in_msgs;
  copy.in_bytes = view.in_bytes;
  copy.out_msgs = view.out_msgs;
  copy.out_bytes = view.out_bytes;
  copy.stalls = view.stalls;
  copy.subscription_count = view.subscription_count;
  copy.name = view.name;
  copy.lang = view.lang;
  copy.version = view.version;
  copy.account = view.account;
  copy.user = view.user;
  return copy;
}

// In the order of their sids, which are numbers as a rule.
void sort_subscriptions(SessionView& view) {
  std::sort(view.subscriptions.begin(), view.subscriptions.end(), [](const auto& a, const auto& b) {
    return a.sid.size() != b.sid.size() ? a.sid.size() < b.sid.size() : a.sid < b.sid;
  });
}

void write_subscriptions(JsonWriter& json, const ConnzQuery& query, const SessionView& view) {
  if (view.subscriptions.empty()) return;
  json.begin_array(query.subs.is_detail ? "subscriptions_list_detail" : "subscriptions_list");
  for (const session::SubscriptionView& subscription : view.subscriptions) {
    if (!query.subs.is_detail) {
      json.value(Slice(subscription.subject));
      continue;
    }
    json.begin_object();
    json.field("subject", Slice(subscription.subject));
    json.field_unless_empty("qgroup", Slice(subscription.queue));
    json.field("sid", Slice(subscription.sid));
    json.field("msgs", subscription.delivered);
    json.field_unless_empty("max", subscription.max);
    json.field("cid", subscription.cid);
    json.end_object();
  }
  json.end_array();
}

void write_tls(JsonWriter& json, const ConnzQuery& query, const SessionView& view) {
  json.field("tls_version", Slice(view.tls->version));
  json.field("tls_cipher_suite", Slice(view.tls->cipher_suite));
  if (query.auth && !view.tls->certificates.empty()) {
    json.begin_array("tls_peer_certs");
    for (const TlsCertificate& certificate : view.tls->certificates) {
      json.begin_object();
      json.field_unless_empty("subject", Slice(certificate.subject));
      json.field_unless_empty("spki_sha256", Slice(certificate.spki_sha256));
      json.field_unless_empty("cert_sha256", Slice(certificate.cert_sha256));
      json.end_object();
    }
    json.end_array();
  }
  json.field_unless_empty("tls_first", view.tls_first);
}

// Who it is by key or JWT. Closed connections show less.
void write_identity(JsonWriter& json, const SessionView& view) {
  const auth::JwtIdentity* identity = view.identity.get();
  json.field_unless_empty("jwt", Slice(view.jwt));
  if (identity != nullptr) {
    const bool is_key_signed = !identity->is_signed_by_account;
    json.field_unless_empty("issuer_key", Slice(is_key_signed ? identity->issuer : view.account));
  }
  if (view.stop.has_value()) return;
  const std::string& tag = view.account_tag.empty() ? view.account : view.account_tag;
  json.field_unless_empty("name_tag", Slice(tag));
  if (identity == nullptr || identity->tags.empty()) return;
  json.begin_array("tags");
  for (const std::string& entry : identity->tags) json.value(Slice(entry));
  json.end_array();
}

void write_row(JsonWriter& json, const ConnzQuery& query, WallTime now, const SessionView& view) {
  const WallTime until = view.stop.value_or(now);
  json.begin_object();
  json.field("cid", view.cid);
  json.field("kind", Slice("Client"));
  json.field("type", Slice("nats"));
  json.field("ip", Slice(view.ip));
  json.field("port", view.port);
  json.field("start", view.start);
  json.field("last_activity", view.last_activity);
  if (view.stop) json.field("stop", *view.stop);
  json.field_unless_empty("reason", reason_of(view));
  json.field("rtt", Slice(rtt_text(view.rtt)));
  json.field("uptime", Slice(uptime_text(until - view.start)));
  json.field("idle", Slice(uptime_text(until - view.last_activity)));
  json.field("pending_bytes", view.pending_bytes);
  json.field("in_msgs", view.in_msgs);
  json.field("out_msgs", view.out_msgs);
  json.field("in_bytes", view.in_bytes);
  json.field("out_bytes", view.out_bytes);
  json.field_unless_empty("stalls", view.stalls);
  json.field("subscriptions", view.subscription_count);
  json.field_unless_empty("name", Slice(view.name));
  json.field_unless_empty("lang", Slice(view.lang));
  json.field_unless_empty("version", Slice(view.version));
  if (view.tls != nullptr) write_tls(json, query, view);
  if (query.auth) {
    json.field_unless_empty("authorized_user", Slice(view.user));
    if (view.account != kGlobalAccount) json.field_unless_empty("account", Slice(view.account));
  }
  if (query.wants_subscriptions()) write_subscriptions(json, query, view);
  if (query.auth) write_identity(json, view);
  json.end_object();
}

}  // namespace

bool ConnzCollector::matches(const SessionView& view) const {
  if (query_.cid != 0 && view.cid != query_.cid) return false;
  if (!query_.user.empty() && view.user != query_.user) return false;
  return query_.mqtt_client.empty();
}

Duration ConnzCollector::age(const SessionView& view) const {
  return view.stop.value_or(now_) - view.start;
}

// Numbers come largest first, ids and times of existence smallest first.
bool ConnzCollector::stands_before(const SessionView& a, const SessionView& b) const {
  const auto order = [&](auto left, auto right) {
    return std::tie(left, a.cid) < std::tie(right, b.cid);
  };
  const auto reverse = [&](auto left, auto right) {
    return std::tie(right, a.cid) < std::tie(left, b.cid);
  };
  switch (query_.sort) {
    case ConnzSort::kCid:
    case ConnzSort::kStart:
      return a.cid < b.cid;
    case ConnzSort::kSubs:
      return reverse(a.subscription_count, b.subscription_count);
    case ConnzSort::kPending:
      return reverse(a.pending_bytes, b.pending_bytes);
    case ConnzSort::kMsgsTo:
      return reverse(a.out_msgs, b.out_msgs);
    case ConnzSort::kMsgsFrom:
      return reverse(a.in_msgs, b.in_msgs);
    case ConnzSort::kBytesTo:
      return reverse(a.out_bytes, b.out_bytes);
    case ConnzSort::kBytesFrom:
      return reverse(a.in_bytes, b.in_bytes);
    case ConnzSort::kLast:
      return reverse(a.last_activity, b.last_activity);
    case ConnzSort::kIdle:
      return order(a.last_activity, b.last_activity);
    case ConnzSort::kUptime:
      return order(age(a), age(b));
    case ConnzSort::kStop:
      return reverse(a.stop.value_or(WallTime{}), b.stop.value_or(WallTime{}));
    case ConnzSort::kReason:
      return order(reason_of(a), reason_of(b));
    case ConnzSort::kRtt:
      return reverse(a.rtt, b.rtt);
  }
  return false;
}

size_t ConnzCollector::kept_max() const {
  const uint64_t room = ~uint64_t{0} - query_.offset;
  return query_.offset + std::min(query_.limit, room);
}

bool ConnzCollector::wants(const SessionView& facts) {
  if (!query_.account.empty() && facts.account != query_.account) return false;
  ++open_;
  if (!matches(facts)) return false;
  return kept_.size() < kept_max() || stands_before(facts, *kept_.front());
}

bool ConnzCollector::is_heard(const SessionView& view) const {
  return query_.filter_subject.empty() ||
         std::any_of(view.subscriptions.begin(), view.subscriptions.end(),
                     [this](const auto& entry) {
                       return subject::subjects_collide(query_.filter_subject, entry.subject);
                     });
}

void ConnzCollector::add(SessionView view) {
  if (!is_heard(view)) return;
  const auto by_place = [this](const auto& a, const auto& b) { return stands_before(*a, *b); };
  if (kept_.size() >= kept_max()) {
    std::pop_heap(kept_.begin(), kept_.end(), by_place);
    kept_.pop_back();
  }
  kept_.push_back(std::make_unique<SessionView>(std::move(view)));
  std::push_heap(kept_.begin(), kept_.end(), by_place);
}

void ConnzCollector::add_closed(const SessionView& view) {
  closed_.push_back(query_.wants_subscriptions() ? view : without_subscriptions(view));
}

void ConnzCollector::finish(size_t closed_max) {
  std::sort(closed_.begin(), closed_.end(), [](const SessionView& a, const SessionView& b) {
    return std::tie(b.stop, b.cid) < std::tie(a.stop, a.cid);
  });
  if (closed_.size() > closed_max) closed_.resize(closed_max);
  const bool is_found = query_.cid != 0 && !kept_.empty();
  for (SessionView& view : closed_) {
    if (!query_.account.empty() && view.account != query_.account) continue;
    ++closed_count_;
    if (is_found || !matches(view)) continue;
    if (kept_.size() < kept_max() || stands_before(view, *kept_.front())) add(std::move(view));
  }
  closed_.clear();
  std::sort_heap(kept_.begin(), kept_.end(),
                 [this](const auto& a, const auto& b) { return stands_before(*a, *b); });
  const auto skipped = static_cast<std::ptrdiff_t>(std::min<uint64_t>(query_.offset, kept_.size()));
  kept_.erase(kept_.begin(), kept_.begin() + skipped);
  for (const auto& view : kept_) sort_subscriptions(*view);
}

std::string connz_json(const ConnzQuery& query, const ConnzPage& page) {
  JsonWriter json;
  json.begin_object();
  json.field("server_id", Slice(page.server_id));
  json.field("now", page.now);
  json.field("num_connections", page.rows == nullptr ? size_t{0} : page.rows->size());
  json.field("total", page.total);
  json.field("offset", query.offset);
  json.field("limit", query.limit);
  if (page.rows == nullptr) {
    json.key("connections");
    json.null();
  } else {
    json.begin_array("connections");
    for (const auto& view : *page.rows) write_row(json, query, page.now, *view);
    json.end_array();
  }
  json.end_object();
  return json.take();
}

}  // namespace petrel::monitor
