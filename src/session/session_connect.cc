// CONNECT, authentication and what follows from a changed configuration.
#include "petrel/base/go_quote.h"
#include "petrel/session/client_session.h"

#include <algorithm>

namespace petrel::session {

void ClientSession::on_connect(Slice json) {
  if (details_ == nullptr) details_ = std::make_unique<Details>();
  if (Status status = details_->connect.merge(json); !status) {
    log(LogLevel::kError, status.error().detail);
    close(CloseReason::kProtocolViolation);
    return;
  }
  const proto::ConnectInfo& connect = details_->connect;
  if (connect_received_) {
    // A second CONNECT may change the user: start from nothing.
    remove_all_subscriptions();
  } else if (is_authenticated_) {
    rtt_ = std::max(Duration{context_.wall_now.ns - start_.ns}, Duration::nanos(1));
    start_first_ping_timer();
  }
  connect_received_ = true;
  echo = connect.echo;
  verbose_ = connect.verbose;
  pedantic_ = connect.pedantic;
  headers = context_.config->info.headers && connect.headers;
  no_responders_ = connect.no_responders;
  is_authenticated_ = false;
  authenticate();
}

bool ClientSession::enter_account() {
  const auto& accounts = context_.config->accounts;
  tenant_ = user_ != nullptr ? user_->account : nullptr;
  if (tenant_ == nullptr && accounts != nullptr) tenant_ = accounts->global();
  mappings_ = tenant_ == nullptr || tenant_->mappings.empty() ? nullptr : &tenant_->mappings;
  router::AccountInterest& entered =
      tenant_ == nullptr ? context_.accounts.global() : context_.accounts.get(tenant_->name);
  if (&entered == account) {
    follow_rate_limit();
    return true;
  }
  remove_all_subscriptions();
  report_traffic();
  count_out();
  count_in(entered);
  follow_rate_limit();
  const int32_t limit = tenant_->limits.max_connections;
  if (limit < 0 || entered.connections.load() <= limit) return true;
  send_error("maximum account active connections exceeded");
  close(CloseReason::kMaxAccountConnectionsExceeded);
  return false;
}

// After a reload: what is said of the account now. False: the user stands in another one, and the
// connection is closed without a word, as nats-server does.
bool ClientSession::follow_account() {
  const SessionConfig& config = *context_.config;
  if (config.accounts == nullptr) return true;
  if (details_ != nullptr && user_ != nullptr) {
    const auto known = details_->connect.nkey.empty()
                           ? config.authenticator->find_user(user_->name)
                           : config.authenticator->find_nkey(details_->connect.nkey);
    if (known != nullptr && known->account != nullptr && known->account->name != account->name) {
      close(CloseReason::kClientClosed);
      return false;
    }
  }
  if (auth::AccountPtr now = config.accounts->find(account->name); now != nullptr) {
    tenant_ = std::move(now);
    mappings_ = tenant_->mappings.empty() ? nullptr : &tenant_->mappings;
    parser_.set_limits(parser_limits());
  }
  return true;
}

void ClientSession::count_in(router::AccountInterest& entered) {
  account = &entered;
  entered.connections.fetch_add(1);
  entered.traffic[context_.router.loop()].connections.add(1);
  if (&entered != &context_.accounts.global()) {
    context_.host.client_changed(*this, ClientChange::kMoved, close_reason_);
  }
}

void ClientSession::count_out() {
  account->connections.fetch_sub(1);
  account->traffic[context_.router.loop()].connections.sub(1);
  if (account != &context_.accounts.global()) {
    context_.host.client_changed(*this, ClientChange::kMoved, close_reason_);
  }
}

void ClientSession::finish_connect() {
  const proto::ConnectInfo& connect = details_->connect;
  if (!connect.account.empty() || connect.new_account) {
    refuse_authentication();
    return;
  }
  update_log_prefix();
  if (connect.protocol < 0 || connect.protocol > 1) {
    send_error("invalid client protocol");
    close(CloseReason::kBadClientProtocolVersion);
    return;
  }
  if (no_responders_ && !headers) {
    send_error("no responders requires headers support");
    close(CloseReason::kNoRespondersRequiresHeaders);
    return;
  }
  if (rtt_.ns == 0) {
    rtt_ = std::max(Duration{context_.wall_now.ns - start_.ns}, Duration::nanos(1));
    start_first_ping_timer();
  }
  if (verbose_) send_ok();
}

void ClientSession::update_log_prefix() {
  const bool is_ipv6 = peer_.ip.find(':') != std::string::npos;
  log_prefix_ = is_ipv6 ? "[" + peer_.ip + "]" : peer_.ip;
  log_prefix_.append(":").append(std::to_string(peer_.port)).append(" - cid:");
  log_prefix_.append(std::to_string(cid_));
  if (details_ == nullptr) return;
  const proto::ConnectInfo& connect = details_->connect;
  std::string client;
  for (const std::string& part : {connect.version.empty() ? std::string() : "v" + connect.version,
                                  connect.lang, connect.name}) {
    if (part.empty()) continue;
    if (!client.empty()) client.push_back(':');
    client.append(part);
  }
  if (!client.empty()) log_prefix_.append(" - ").append(go_quote(client));
  const auto [kind, name] = presented_name();
  if (is_authenticated_ && user_ != nullptr && !kind.empty()) {
    const std::string label =
        kind == "token" ? "token" : std::string(kind) + ":" + std::string(name);
    log_prefix_.append(" - ").append(go_quote(account->name + "/" + label));
  }
}

void ClientSession::on_config_change(bool auth_changed) {
  if (is_closed) return;
  max_pending = static_cast<uint64_t>(context_.config->max_pending);
  is_traced = context_.config->trace;
  parser_.set_limits(parser_limits());
  if (tls_peer_ != nullptr && !is_pinned(*tls_peer_)) {
    close(CloseReason::kTlsHandshake);
    return;
  }
  if (auth_changed && !waits_for_password_ && !follow_account()) return;
  follow_rate_limit();
  if (!auth_changed || waits_for_password_) return;
  if (!connect_received_ && !context_.config->authenticator->is_required()) return;
  // Same user with the same password: only the permissions may differ.
  const auth::Credentials shown = credentials();
  const auth::Verdict verdict = ask_authenticator();
  if (verdict.kind == auth::Verdict::Kind::kAskElsewhere) {
    // Operators do not change while the server runs; a callout service is asked again.
    if (context_.config->authenticator->has_callout()) ask_elsewhere(verdict.proxy_required);
    return;
  }
  const bool was_same_hash = verdict.kind == auth::Verdict::Kind::kVerifyPassword &&
                             user_ != nullptr && verdict.user->password == user_->password;
  if (verdict.kind != auth::Verdict::Kind::kAccepted && !was_same_hash) {
    // A user who is gone is closed without a word, as nats-server does.
    const auth::Authenticator& known = *context_.config->authenticator;
    const bool is_gone = shown.nkey.empty()
                             ? !shown.user.empty() && known.find_user(shown.user) == nullptr
                             : known.find_nkey(shown.nkey) == nullptr;
    if (is_gone) {
      close(CloseReason::kClientClosed);
    } else {
      refuse_authentication(verdict.fault);
    }
    return;
  }
  apply_user(verdict.user);
  parser_.set_limits(parser_limits());
  prune_subscriptions();
}

}  // namespace petrel::session
