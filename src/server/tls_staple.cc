#include "server/tls_staple.h"

#include "server/whole_file.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace petrel::server {

namespace {

constexpr Duration kWithoutNextUpdate = Duration::hours(24);
constexpr Duration kSoonest = Duration::minutes(2);

using OcspStatus = net::OcspAnswer::Status;

conf::OcspMode mode_of(const conf::Options& options) {
  return options.ocsp ? options.ocsp->mode : conf::OcspMode::kAuto;
}

bool needs_staple(const conf::Options& options, const net::TlsIdentity& identity) {
  const conf::OcspMode mode = mode_of(options);
  if (mode == conf::OcspMode::kNever) return false;
  return mode == conf::OcspMode::kAlways || net::must_staple(identity);
}

bool stops_when_revoked(const conf::Options& options) {
  const conf::OcspMode mode = mode_of(options);
  return mode == conf::OcspMode::kAlways || mode == conf::OcspMode::kMust;
}

std::vector<std::string> urls_of(const conf::Options& options) {
  return options.ocsp ? options.ocsp->urls : std::vector<std::string>();
}

std::filesystem::path file_of(const conf::Options& options, const std::string& digest) {
  if (options.jetstream.store_dir.empty()) return {};
  return std::filesystem::path(options.jetstream.store_dir) / "ocsp" / digest;
}

WallTime next_look(const net::OcspAnswer& answer, WallTime now) {
  if (!answer.next_update) return now + kWithoutNextUpdate;
  const Duration half{(answer.next_update->ns - now.ns) / 2};
  return now + std::max(half, kSoonest);
}

}  // namespace

Result<net::OcspAnswer> Staples::load(const conf::Options& options,
                                      const net::TlsSettings& settings,
                                      const net::TlsIdentity& identity) const {
  const std::string digest = net::certificate_digest(identity);
  if (const auto kept = kept_.find(digest); kept != kept_.end()) {
    auto answer = net::read_ocsp(identity, settings.client_cas, kept->second.answer.der);
    if (answer) return answer;
  }
  if (const auto path = file_of(options, digest); !path.empty()) {
    const auto der = read_whole_file(path, net::kOcspBytesMax);
    auto answer = net::read_ocsp(identity, settings.client_cas, der.value_or(""));
    if (answer) return answer;
  }
  return net::fetch_ocsp(identity, settings.client_cas, urls_of(options));
}

void Staples::keep(const conf::Options& options, const net::TlsIdentity& identity,
                   net::OcspAnswer answer, WallTime now) {
  const std::string digest = net::certificate_digest(identity);
  const auto path = file_of(options, digest);
  if (!path.empty()) {
    std::error_code ignored;  // the file cannot be written either then
    std::filesystem::create_directories(path.parent_path(), ignored);
    const Status kept = replace_whole_file(path, answer.der);
    if (!kept) say_(true, "failed to write ocsp status: " + kept.error().detail);
  }
  const WallTime due = next_look(answer, now);
  kept_[digest] = {std::move(answer), due};
  update_due();
}

void Staples::update_due() {
  due_ = {};
  for (const auto& [digest, kept] : kept_) {
    if (due_.ns == 0 || kept.due.ns < due_.ns) due_ = kept.due;
  }
}

Status Staples::fill(const conf::Options& options, net::TlsSettings& settings, WallTime now) {
  for (net::TlsIdentity& identity : settings.identities) {
    if (!needs_staple(options, identity)) {
      if (mode_of(options) == conf::OcspMode::kNever && net::must_staple(identity)) {
        say_(true, "Certificate has MustStaple but OCSP is disabled");
      }
      continue;
    }
    Result<net::OcspAnswer> answer = load(options, settings, identity);
    if (!answer) {
      return Error{answer.error().code,
                   "bad OCSP status update for certificate: " + answer.error().detail};
    }
    const std::string status = net::ocsp_status_text(answer->status);
    if (answer->status != OcspStatus::kGood && stops_when_revoked(options)) {
      return Error{Errc::kInvalidArgument, "found existing OCSP status for certificate: " + status};
    }
    if (answer->status == OcspStatus::kGood) {
      say_(false, "Found OCSP status for Client certificate: good");
    } else {
      say_(true, "Found OCSP status for Client certificate: " + status);
    }
    identity.staple = answer->der;
    if (!kept_.contains(net::certificate_digest(identity))) {
      keep(options, identity, *std::move(answer), now);
    }
  }
  return Status::ok();
}

bool Staples::refresh(const conf::Options& options, const net::TlsSettings& settings,
                      WallTime now) {
  bool has_changed = false;
  for (const net::TlsIdentity& identity : settings.identities) {
    const auto kept = kept_.find(net::certificate_digest(identity));
    if (kept == kept_.end() || now.ns < kept->second.due.ns) continue;
    auto answer = net::fetch_ocsp(identity, settings.client_cas, urls_of(options));
    if (!answer) {
      say_(true, "Bad OCSP status update for certificate: " + answer.error().detail);
      kept->second.due = now + kSoonest;
      continue;
    }
    const bool is_good = answer->status == OcspStatus::kGood;
    say_(!is_good, std::string("Received OCSP status for Client certificate: ") +
                       net::ocsp_status_text(answer->status));
    must_stop_ = must_stop_ || (!is_good && stops_when_revoked(options));
    keep(options, identity, *std::move(answer), now);
    has_changed = true;
  }
  update_due();
  return has_changed;
}

}  // namespace petrel::server
