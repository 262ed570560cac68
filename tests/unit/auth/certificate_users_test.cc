// Which user a certificate names. Source: spec auth.md section 2.
#include "petrel/auth/authenticator.h"

#include <gtest/gtest.h>

namespace petrel::auth {
namespace {

Authenticator mapping(const std::vector<std::string>& names) {
  conf::Options options;
  options.tls.emplace();
  options.tls->verify_and_map = true;
  for (const std::string& name : names) {
    conf::UserOptions user;
    user.user = name;
    options.authorization.users.push_back(user);
  }
  return Authenticator(options);
}

CertificateIdentity derek() {
  CertificateIdentity identity;
  identity.emails = {"d@acme.com", "second@acme.com"};
  identity.dns_names = {"d.acme.com"};
  identity.uris = {"spiffe://acme/d"};
  identity.subject = {{{"CN", "derek"}}, {{"OU", "ops"}}, {{"O", "acme"}}, {{"DC", "com"}}};
  identity.subject_text = "CN=derek,OU=ops,O=acme";
  identity.domain_components = "DC=com";
  return identity;
}

std::string found(const std::vector<std::string>& names) {
  const auto user = mapping(names).find_by_certificate(derek());
  return user == nullptr ? "" : user->name;
}

TEST(CertificateUsers, EmailComesBeforeHostBeforeUriBeforeSubject) {
  const std::string subject = "CN=derek,OU=ops,O=acme,DC=com";
  EXPECT_EQ(found({subject, "spiffe://acme/d", "d.acme.com", "second@acme.com"}),
            "second@acme.com");
  EXPECT_EQ(found({subject, "spiffe://acme/d", "d.acme.com"}), "d.acme.com");
  EXPECT_EQ(found({subject, "spiffe://acme/d"}), "spiffe://acme/d");
  EXPECT_EQ(found({subject}), subject);
  EXPECT_EQ(found({"somebody"}), "");
}

TEST(CertificateUsers, TheSubjectIsComparedAsADistinguishedName) {
  EXPECT_EQ(found({"cn=derek, ou=ops, o=acme, dc=com"}), "cn=derek, ou=ops, o=acme, dc=com");
  EXPECT_EQ(found({"DC=com,O=acme,OU=ops,CN=derek"}), "DC=com,O=acme,OU=ops,CN=derek");
  EXPECT_EQ(found({"CN=Derek,OU=ops,O=acme,DC=com"}), "");
  EXPECT_EQ(found({"CN=derek,OU=ops"}), "");
  // In the certificate's order before any other order.
  EXPECT_EQ(found({"DC=com,O=acme,OU=ops,CN=derek", "CN=derek,OU=ops,O=acme,DC=com"}),
            "CN=derek,OU=ops,O=acme,DC=com");
}

TEST(CertificateUsers, TheTextOfTheSubjectIsTheLastResort) {
  EXPECT_EQ(found({"CN=derek,OU=ops,O=acme"}), "CN=derek,OU=ops,O=acme");
}

TEST(CertificateUsers, TheCertificateDecidesWhateverConnectSays) {
  const Authenticator authenticator = mapping({"d.acme.com", "other"});
  const CertificateIdentity identity = derek();
  Credentials credentials;
  credentials.user = "other";
  EXPECT_EQ(authenticator.authenticate(credentials).kind, Verdict::Kind::kRejected);
  credentials.certificate = &identity;
  const Verdict verdict = authenticator.authenticate(credentials);
  ASSERT_EQ(verdict.kind, Verdict::Kind::kAccepted);
  EXPECT_EQ(verdict.user->name, "d.acme.com");
  credentials.password = "unexpected";
  EXPECT_EQ(authenticator.authenticate(credentials).kind, Verdict::Kind::kRejected);
}

TEST(CertificateUsers, AUserOfOtherConnectionTypesIsPassedOver) {
  conf::Options options;
  options.tls.emplace();
  options.tls->verify_and_map = true;
  conf::UserOptions web;
  web.user = "d@acme.com";
  web.allowed_connection_types = {"WEBSOCKET"};
  conf::UserOptions plain;
  plain.user = "d.acme.com";
  options.authorization.users = {web, plain};
  EXPECT_EQ(Authenticator(options).find_by_certificate(derek())->name, "d.acme.com");
}

TEST(DistinguishedName, ReadsEscapesAndSeveralPartsOfOneName) {
  const auto name = parse_distinguished_name("CN=a\\,b\\20c+UID=7 , O= Acme ");
  ASSERT_TRUE(name);
  const DistinguishedName expected = {{{"CN", "a,b c"}, {"UID", "7"}}, {{"O", "Acme"}}};
  EXPECT_TRUE(is_same_name(*name, expected));
  EXPECT_FALSE(parse_distinguished_name("user@example.com,"));
  EXPECT_FALSE(parse_distinguished_name("plain"));
  EXPECT_FALSE(parse_distinguished_name("CN=#0402"));
  EXPECT_FALSE(parse_distinguished_name("CN=a\\zz"));
}

}  // namespace
}  // namespace petrel::auth
