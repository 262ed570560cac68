#include "server/peer_ocsp.h"

namespace petrel::server {

namespace {

constexpr const char* kRejected = "client not OCSP valid";
using Status = net::OcspAnswer::Status;

}  // namespace

PeerOcsp::PeerOcsp(PeerOcspHost& host, const conf::OcspCacheOptions& cache)
    : host_(host), cache_(cache) {}

void PeerOcsp::stop() {
  fetchers_.close();
  decider_.close();
}

void PeerOcsp::check(std::vector<net::OcspLink> links, const conf::OcspPeerOptions& options,
                     Done done) {
  auto check = std::make_shared<Check>(Check{std::move(links), options, done});
  if (!decider_.push([this, check] { advance(check); })) done("too many certificates are checked");
}

void PeerOcsp::advance(const CheckPtr& check) {
  while (check->next < check->links.size()) {
    if (check->link().responders.empty()) {
      ++check->next;
      continue;
    }
    check->was_revoked = false;
    const std::optional<net::OcspAnswer> cached = cache_.find(check->link());
    if (!cached) return ask(check);
    if (!is_current(*cached, check->options)) {
      check->was_revoked = cached->status == Status::kRevoked;
      cache_.drop(check->link());
      return ask(check);
    }
    if (!judge(check, cached->status)) return;
    ++check->next;
  }
  check->done("");
}

void PeerOcsp::ask(const CheckPtr& check) {
  const bool is_queued = fetchers_.push([this, check] {
    Result<std::string> der = net::ask_responders(check->link(), check->options.ca_timeout);
    // Full: the client's handshake times out.
    static_cast<void>(decider_.push([this, check, der = std::move(der)] { answered(check, der); }));
  });
  if (!is_queued && unreachable(check, "too many responders are being asked")) {
    ++check->next;
    advance(check);
  }
}

void PeerOcsp::answered(const CheckPtr& check, const Result<std::string>& der) {
  const std::string& subject = check->link().subject;
  bool goes_on = false;
  if (!der) {
    goes_on = unreachable(check, der.error().detail);
  } else if (auto answer = net::read_ocsp(check->link(), *der); !answer) {
    host_.say(LogLevel::kError,
              "Could not parse OCSP CA response for [" + subject + "]: " + answer.error().detail);
    goes_on = refuse(check, "Failed OCSP response parse");
  } else if (!is_current(*answer, check->options)) {
    host_.say(LogLevel::kWarn,
              "New OCSP CA response obtained for [" + subject + "] but not current");
    goes_on = refuse(check, "OCSP response not in effectivity window");
  } else {
    if (const auto kept = cache_.keep(check->link(), *answer); !kept) {
      host_.say(LogLevel::kWarn, "Unable to save OCSP peer cache: " + kept.error().detail);
    }
    goes_on = judge(check, answer->status);
  }
  if (!goes_on) return;
  ++check->next;
  advance(check);
}

bool PeerOcsp::is_current(const net::OcspAnswer& answer,
                          const conf::OcspPeerOptions& options) const {
  const WallTime now = host_.time_of_day();
  const WallTime until = answer.next_update
                             ? *answer.next_update
                             : answer.this_update + options.cache_ttl_when_next_update_unset;
  return answer.this_update <= now + options.allowed_clockskew &&
         now <= until + options.allowed_clockskew;
}

bool PeerOcsp::judge(const CheckPtr& check, Status status) {
  const std::string& subject = check->link().subject;
  if (status == Status::kGood || (status == Status::kUnknown && check->options.unknown_is_good)) {
    host_.say(LogLevel::kDebug, "OCSP verify pass for [" + subject + "]");
    return true;
  }
  const std::string text = net::ocsp_status_text(status);
  host_.say(LogLevel::kWarn,
            "OCSP verify fail for [" + subject + "] with CA status [" + text + "]");
  return refuse(check, "Invalid OCSP response status: " + text);
}

bool PeerOcsp::unreachable(const CheckPtr& check, const std::string& why) {
  const std::string& subject = check->link().subject;
  host_.say(LogLevel::kWarn, "Attempt to obtain OCSP response from CA responder for [" + subject +
                                 "] failed: " + why);
  if (!check->options.warn_only && check->options.allow_when_ca_unreachable) {
    const std::string text =
        "Failed to obtain OCSP CA response for [" + subject + "] but AllowWhenCAUnreachable set; ";
    if (!check->was_revoked) {
      host_.say(LogLevel::kWarn, text + "no cached revocation so allowing");
      return true;
    }
    host_.say(LogLevel::kWarn, text + "cached revocation exists so rejecting");
  }
  return refuse(check, "Failed OCSP response fetch");
}

bool PeerOcsp::refuse(const CheckPtr& check, const std::string& reason) {
  if (check->options.warn_only) {
    host_.say(LogLevel::kWarn, "OCSP verify fail for [" + check->link().subject +
                                   "] but WarnOnly is true so allowing");
    return true;
  }
  host_.ocsp_link_invalid(check->links.front(), check->link(), reason);
  host_.ocsp_peer_rejected(check->links.front(), kRejected);
  check->done(kRejected);
  return false;
}

}  // namespace petrel::server
