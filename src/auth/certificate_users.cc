// The user that a client certificate names. Source: spec auth.md section 2.
#include "petrel/auth/authenticator.h"

#include <algorithm>

namespace petrel::auth {

namespace {

bool admits_clients(const User& user) {
  const auto& types = user.connection_types;
  return types.empty() || std::find(types.begin(), types.end(), "STANDARD") != types.end();
}

}  // namespace

void Authenticator::map_certificates() {
  maps_certificates_ = !users_.empty();
  for (const auto& [name, user] : users_) {
    auto parsed = parse_distinguished_name(name);
    if (parsed && admits_clients(*user)) named_users_.emplace_back(*std::move(parsed), user);
  }
}

std::shared_ptr<const User> Authenticator::find_named(const std::string& name) const {
  const std::shared_ptr<const User> user = name.empty() ? nullptr : find_user(name);
  return user != nullptr && admits_clients(*user) ? user : nullptr;
}

std::shared_ptr<const User> Authenticator::find_by_subject(const DistinguishedName& subject) const {
  for (const auto& [name, user] : named_users_) {
    if (is_same_name(name, subject)) return user;
  }
  for (const auto& [name, user] : named_users_) {
    if (has_same_names(name, subject)) return user;
  }
  return nullptr;
}

// E-mail addresses first, then host names, URIs, the subject as a distinguished name, and last its
// text with and without the domain components.
std::shared_ptr<const User> Authenticator::find_by_certificate(
    const CertificateIdentity& certificate) const {
  for (const auto* names : {&certificate.emails, &certificate.dns_names, &certificate.uris}) {
    for (const std::string& name : *names) {
      if (auto user = find_named(name); user != nullptr) return user;
    }
  }
  if (!certificate.subject.empty()) {
    if (auto user = find_by_subject(certificate.subject); user != nullptr) return user;
  }
  if (!certificate.domain_components.empty()) {
    auto user = find_named(certificate.subject_text + "," + certificate.domain_components);
    if (user != nullptr) return user;
  }
  return find_named(certificate.subject_text);
}

// Also the password that the configuration gives the user, mostly none, has to be right.
Verdict Authenticator::authenticate_certificate(const Credentials& credentials) const {
  Verdict verdict;
  if (credentials.certificate == nullptr) return verdict;
  std::shared_ptr<const User> user = find_by_certificate(*credentials.certificate);
  if (user == nullptr) return verdict;
  verdict = check_password(user, user->password, credentials.password);
  verdict.proxy_required = user->proxy_required;
  verdict.found = std::move(user);
  return verdict;
}

}  // namespace petrel::auth
