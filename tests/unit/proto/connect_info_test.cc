#include "petrel/proto/connect_info.h"

#include <gtest/gtest.h>

namespace petrel::proto {
namespace {

ConnectInfo merged(Slice json) {
  ConnectInfo info;
  EXPECT_TRUE(info.merge(json).is_ok()) << json;
  return info;
}

TEST(ConnectInfoTest, DefaultsAreThoseBeforeConnect) {
  const ConnectInfo info;
  EXPECT_TRUE(info.verbose && info.pedantic && info.echo);
  EXPECT_FALSE(info.tls_required || info.headers || info.no_responders || info.new_account);
  EXPECT_EQ(info.protocol, 0);
}

TEST(ConnectInfoTest, EveryFieldIsRead) {
  const ConnectInfo info = merged(
      R"({"verbose":false,"pedantic":false,"echo":false,"tls_required":true,"headers":true,)"
      R"("no_responders":true,"new_account":true,"protocol":1,"nkey":"a","jwt":"b","sig":"c",)"
      R"("auth_token":"d","user":"e","pass":"f","name":"g","lang":"h","version":"i",)"
      R"("account":"j","remote_account":"k","proxy_sig":"l","import":{"allow":["m"]},)"
      R"("export":{"deny":["n","o"]}})");
  EXPECT_FALSE(info.verbose || info.pedantic || info.echo);
  EXPECT_TRUE(info.tls_required && info.headers && info.no_responders && info.new_account);
  EXPECT_EQ(info.protocol, 1);
  EXPECT_EQ(info.nkey + info.jwt + info.sig + info.auth_token + info.user + info.pass, "abcdef");
  EXPECT_EQ(info.name + info.lang + info.version + info.account, "ghij");
  EXPECT_EQ(info.remote_account + info.proxy_sig, "kl");
  EXPECT_EQ(info.import_permission->allow, std::vector<std::string>{"m"});
  EXPECT_EQ(info.export_permission->deny, (std::vector<std::string>{"n", "o"}));
}

TEST(ConnectInfoTest, SecondConnectKeepsWhatItDoesNotName) {
  ConnectInfo info = merged(R"({"verbose":false,"name":"a","user":"u"})");
  ASSERT_TRUE(info.merge(R"({"name":"b","pedantic":false,"user":null})").is_ok());
  EXPECT_FALSE(info.verbose || info.pedantic);
  EXPECT_EQ(info.name, "b");
  EXPECT_EQ(info.user, "u");
  ASSERT_TRUE(info.merge("{}").is_ok());
  ASSERT_TRUE(info.merge("null").is_ok());
  EXPECT_EQ(info.name, "b");
}

TEST(ConnectInfoTest, LastOfEqualNamesCounts) {
  EXPECT_EQ(merged(R"({"name":"a","NAME":"b","name":"c"})").name, "c");
  EXPECT_EQ(merged(R"({"name":"a","nAmE":"b"})").name, "b");
}

TEST(ConnectInfoTest, NamesMatchAsInGo) {
  EXPECT_EQ(merged(R"({"\u0050ASS":"x"})").pass, "x");
  EXPECT_EQ(merged("{\"pa\xc5\xbfs\":\"x\"}").pass, "x");  // long s
  EXPECT_EQ(merged("{\"n\xe2\x84\xaa"
                   "ey\":\"x\"}")
                .nkey,
            "x");  // Kelvin sign
  EXPECT_EQ(merged(R"({"pas":"x","passs":"x"," pass":"x"})").pass, "");
}

TEST(ConnectInfoTest, WrongCharactersAreReplacedAsInGo) {
  EXPECT_EQ(merged("{\"name\":\"a\xff\xc3z\"}").name, "a\xef\xbf\xbd\xef\xbf\xbdz");
  EXPECT_EQ(merged(R"({"name":"\ud800x\udc00"})").name, "\xef\xbf\xbdx\xef\xbf\xbd");
  EXPECT_EQ(merged(R"({"name":"\ud83d\ude00\u00e9"})").name, "\xf0\x9f\x98\x80\xc3\xa9");
  EXPECT_EQ(merged(R"({"name":"\b\f\n\r\t\/\\\"\u0000"})").name,
            std::string("\b\f\n\r\t/\\\"\0", 9));
}

TEST(ConnectInfoTest, UnknownFieldsMayHoldAnything) {
  EXPECT_TRUE(merged(R"({"x":{"a":[1,2.5e-3,{"b":null}]},"y":1e999,"headers":true})").headers);
}

TEST(ConnectInfoTest, OtherTypesAreRefused) {
  for (const Slice json : {R"({"verbose":1})", R"({"verbose":"true"})", R"({"name":5})",
                           R"({"name":["a"]})", R"({"protocol":"1"})", R"({"protocol":1.0})",
                           R"({"protocol":1e0})", R"({"protocol":9223372036854775808})",
                           R"({"import":"a"})", R"({"import":[]})", R"({"export":{"allow":"a"}})",
                           R"({"export":{"deny":[1]}})", R"([])", R"("a")", "1", "true"}) {
    ConnectInfo info;
    const Status status = info.merge(json);
    ASSERT_FALSE(status.is_ok()) << json;
    EXPECT_EQ(status.error().code, Errc::kProtocolViolation);
  }
}

TEST(ConnectInfoTest, TextThatIsNotJsonIsRefused) {
  for (const Slice json : {"",
                           " ",
                           "\r",
                           "x",
                           "{",
                           "}",
                           "{]",
                           "[}",
                           R"({"a")",
                           R"({"a":})",
                           R"({"a":1,})",
                           R"({,"a":1})",
                           R"({a:1})",
                           R"({"a":1 "b":2})",
                           R"({"a":01})",
                           R"({"a":+1})",
                           R"({"a":.5})",
                           R"({"a":5.})",
                           R"({"a":1e})",
                           R"({"a":-})",
                           R"({"a":tru})",
                           R"({"a":nulls})",
                           "{\"a\":\"\t\"}",
                           R"({"a":"\x"})",
                           R"({"a":"\u12g4"})",
                           R"({"a":"\u12)",
                           R"({"a":"b)",
                           "{} x",
                           "{}{}",
                           "[1,]",
                           "\xef\xbb\xbf{}"}) {
    ConnectInfo info;
    EXPECT_FALSE(info.merge(json).is_ok()) << json;
  }
}

TEST(ConnectInfoTest, RefusedTextChangesNothing) {
  ConnectInfo info;
  EXPECT_FALSE(info.merge(R"({"name":"a","verbose":false,"protocol":"x"})").is_ok());
  EXPECT_EQ(info.name, "");
  EXPECT_TRUE(info.verbose);
}

std::string nested(size_t levels) {
  return "{\"x\":" + std::string(levels, '[') + std::string(levels, ']') + "}";
}

// Go reads 10,000 levels, the object itself included.
TEST(ConnectInfoTest, DeepTextIsRefusedWithoutRecursion) {
  ConnectInfo info;
  EXPECT_TRUE(info.merge(nested(9999)).is_ok());
  EXPECT_FALSE(info.merge(nested(10000)).is_ok());
  EXPECT_FALSE(info.merge(nested(1000000)).is_ok());
  EXPECT_FALSE(info.merge(std::string(1000000, '[')).is_ok());
}

TEST(RedactConnectTest, SecretsAreReplaced) {
  EXPECT_EQ(redact_connect(R"({"user":"u","pass":"secret","name":"n"})"),
            R"({"user":"u","pass":"[REDACTED]","name":"n"})");
  EXPECT_EQ(
      redact_connect(R"({"auth_token":"t","sig":"s","nkey":"N","proxy_sig":"p","jwt":"j"})"),
      R"({"auth_token":"[REDACTED]","sig":"[REDACTED]","nkey":"[REDACTED]","proxy_sig":"[REDACTED]","jwt":"j"})");
}

TEST(RedactConnectTest, NamesThatBeginLikeSecretsAreReplacedToo) {
  EXPECT_EQ(redact_connect(R"({"password" : "x","passwd":5,"auth_token2":"y"})"),
            R"({"password" : "[REDACTED]","passwd":[REDACTED],"auth_token2":"[REDACTED]"})");
  EXPECT_EQ(redact_connect(R"({"signature":"x","mysig":"y","sigs":"z"})"),
            R"({"signature":"x","mysig":"y","sigs":"z"})");
}

TEST(RedactConnectTest, AnyTextIsRead) {
  EXPECT_EQ(redact_connect(""), "");
  EXPECT_EQ(redact_connect("pass"), "pass");
  EXPECT_EQ(redact_connect("pass="), "pass=[REDACTED]");
  EXPECT_EQ(redact_connect("sig=a, sig = b"), "sig=[REDACTED], sig = [REDACTED]");
  EXPECT_EQ(redact_connect("pass word: x"), "pass word: x");
  EXPECT_EQ(redact_connect("{\"pass\":\"a\\\"b\"}"), "{\"pass\":\"[REDACTED]\"b\"}");
}

}  // namespace
}  // namespace petrel::proto
