#include "petrel/monitor/subsz.h"

#include "petrel/subject/subject.h"

#include <algorithm>
#include <tuple>

namespace petrel::monitor {

namespace {
constexpr uint64_t kDefaultLimit = 1024;
}  // namespace

Result<SubszQuery> SubszQuery::parse(const Query& query) {
  SubszQuery wanted;
  PETREL_TRY(wanted.subscriptions, query.boolean("subs"));
  PETREL_TRY(const int64_t offset, query.integer("offset"));
  PETREL_TRY(const int64_t limit, query.integer("limit"));
  wanted.offset = static_cast<uint64_t>(std::max<int64_t>(offset, 0));
  wanted.limit = limit > 0 ? static_cast<uint64_t>(limit) : kDefaultLimit;
  wanted.account = query.text("acc");
  wanted.test = query.text("test");
  if (!wanted.test.empty() && !subject::is_valid_literal(wanted.test)) {
    return Error{Errc::kInvalidArgument,
                 "invalid test subject, must be valid publish subject: " + wanted.test};
  }
  return wanted;
}

void SubszCollector::add(const session::SubscriptionView& subscription) {
  if (!query_.test.empty() && !subject::subject_matches(query_.test, subscription.subject)) return;
  if (total_ >= query_.offset && rows_.size() < query_.limit) rows_.push_back(subscription);
  ++total_;
}

void SubszCollector::finish() {
  const auto place = [](const session::SubscriptionView& row) {
    return std::make_tuple(row.cid, row.sid.size(), Slice(row.sid));
  };
  std::sort(rows_.begin(), rows_.end(),
            [&place](const auto& a, const auto& b) { return place(a) < place(b); });
}

void write_index_numbers(JsonWriter& json, const IndexNumbers& numbers) {
  json.field("num_subscriptions", numbers.subscriptions);
  json.field("num_cache", 0);
  json.field("num_inserts", numbers.inserts);
  json.field("num_removes", numbers.removes);
  json.field("num_matches", numbers.matches);
  json.field("cache_hit_rate", 0);
  json.field("max_fanout", 0);
  json.field("avg_fanout", 0);
}

std::string subsz_json(const SubszQuery& query, const SubszPage& page,
                       const SubszCollector& collector) {
  JsonWriter json;
  json.begin_object();
  json.field("server_id", Slice(page.server_id));
  json.field("now", page.now);
  write_index_numbers(json, page.numbers);
  json.field("total", collector.total());
  json.field("offset", query.offset);
  json.field("limit", query.limit);
  if (!collector.rows().empty()) {
    json.begin_array("subscriptions_list");
    for (const session::SubscriptionView& subscription : collector.rows()) {
      json.begin_object();
      json.field("account", Slice(subscription.account));
      json.field("account_tag", Slice(subscription.account));
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
  json.end_object();
  return json.take();
}

}  // namespace petrel::monitor
