// AccountLinks: what one account imports from others, ready to use: which subjects of the exporter
// its subscriptions reach, which of its subjects are served by another account.
//
// Immutable once shared; a reload or a changed JWT makes new ones. Thread: any.
// Source: spec protocol.md section 12.
#pragma once

#include "petrel/auth/account.h"
#include "petrel/base/block.h"
#include "petrel/base/prng.h"
#include "petrel/base/time.h"
#include "petrel/conf/options_accounts.h"
#include "petrel/subject/subject_transform.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace petrel::router {

struct AccountInterest;

// Marks in subject::Subscriber::flags.
inline constexpr uint16_t kShadowFlag = 1;   // subscription of another account, by a stream import
inline constexpr uint16_t kServiceFlag = 2;  // a service import; slot and generation are its id
inline constexpr uint16_t kPortalFlag = 4;   // answers to imported requests
inline constexpr uint16_t kNoLoop = 0xFFFF;  // of service imports: served on the publisher's loop

// A stream import.
struct StreamLink {
  AccountInterest* exporter = nullptr;
  std::string from = {};  // in the exporter
  std::string to = {};    // in this account
  bool keeps_subject = false;
  bool allow_trace = false;
  std::optional<subject::SubjectTransform> transform = {};  // from -> to
  std::optional<subject::SubjectTransform> reverse = {};    // to -> from

  // What a subscription to `local` has to hear in the exporter. Nothing: the import is not
  // concerned.
  std::optional<std::string> shadow_subject(Slice local, Prng& prng) const;
  // The subject under which a message of the exporter comes here.
  void local_subject(Slice exported, Prng& prng, std::string& out) const;
  bool is_same(const StreamLink& other) const {
    return exporter == other.exporter && from == other.from && to == other.to &&
           allow_trace == other.allow_trace;
  }
};

// A service import.
struct ServiceLink {
  uint64_t id = 0;
  AccountInterest* importer = nullptr;
  AccountInterest* exporter = nullptr;
  auth::AccountPtr importer_config = {};  // for their mappings
  auth::AccountPtr exporter_config = {};
  std::string exported = {};  // the export that serves it: requests pass it once
  std::string from = {};      // in the importer
  std::string to = {};        // in the exporter
  bool keeps_subject = false;
  std::optional<subject::SubjectTransform> transform = {};  // from -> to
  bool share = false;
  bool allow_trace = false;
  conf::ResponseType response_type = conf::ResponseType::kSingleton;
  Duration threshold = Duration::minutes(2);
  std::optional<conf::LatencyOptions> latency = {};
};

struct AccountLinks {
  std::vector<std::shared_ptr<const StreamLink>> streams = {};
  std::vector<std::shared_ptr<const ServiceLink>> services = {};

  std::shared_ptr<const ServiceLink> find_service(uint64_t id) const;
};

// The export of `exporter` that lets `importer` have `subject`. Null: none does.
const conf::ExportOptions* find_export(const auth::Account& exporter, Slice importer, Slice subject,
                                       bool is_service);

// The links of imports; those without a matching export are left out.
std::shared_ptr<const StreamLink> make_stream_link(const conf::ImportOptions& import,
                                                   AccountInterest& exporter);
std::shared_ptr<ServiceLink> make_service_link(const conf::ImportOptions& import,
                                               const conf::ExportOptions& exported);

}  // namespace petrel::router
