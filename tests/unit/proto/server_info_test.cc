#include "petrel/proto/server_info.h"

#include <gtest/gtest.h>

namespace petrel::proto {
namespace {

ServerInfo bare_server() {
  ServerInfo info;
  info.server_id = "NDLRUHOF3YPLXYV3YF4GAREJB3QHVOEH2N3OCHDUYCW6JZ2UAKWWVSXC";
  info.server_name = info.server_id;
  info.version = "2.15.2";
  info.go = "go1.26.8";
  info.host = "127.0.0.1";
  info.port = 39535;
  info.max_payload = 100;
  info.client_id = 2295;
  info.client_ip = "127.0.0.1";
  info.api_lvl = 5;
  info.xkey = "XDY3L33DCBYYOUBYIITTKRSGI3EZTEKPUF7Z46YHMPOY7ZDCZQ6FIGWU";
  return info;
}

// What nats-server 2.15.2 sent with these values.
TEST(ServerInfoTest, FrameOfABareServerIsThatOfNatsServer) {
  EXPECT_EQ(bare_server().to_frame(),
            "INFO "
            R"({"server_id":"NDLRUHOF3YPLXYV3YF4GAREJB3QHVOEH2N3OCHDUYCW6JZ2UAKWWVSXC",)"
            R"("server_name":"NDLRUHOF3YPLXYV3YF4GAREJB3QHVOEH2N3OCHDUYCW6JZ2UAKWWVSXC",)"
            R"("version":"2.15.2","proto":1,"go":"go1.26.8","host":"127.0.0.1","port":39535,)"
            R"("headers":true,"max_payload":100,"client_id":2295,"client_ip":"127.0.0.1",)"
            R"("api_lvl":5,"xkey":"XDY3L33DCBYYOUBYIITTKRSGI3EZTEKPUF7Z46YHMPOY7ZDCZQ6FIGWU"})"
            " \r\n");
}

TEST(ServerInfoTest, EveryFieldHasItsPlace) {
  ServerInfo info;
  info.server_id = "id";
  info.server_name = "name";
  info.version = "v";
  info.git_commit = "abc";
  info.go = "";
  info.host = "h";
  info.port = -1;
  info.headers = false;
  info.auth_required = info.tls_required = info.tls_verify = info.tls_available = true;
  info.max_payload = -1;
  info.jetstream = info.cluster_dynamic = info.ldm = info.connect_info = info.acc_is_sys = true;
  info.ip = "nats-route://x";
  info.client_id = 18446744073709551615U;
  info.client_ip = "::1";
  info.nonce = "n";
  info.cluster = "c";
  info.domain = "d";
  info.connect_urls = {"a:1", "b:2"};
  info.ws_connect_urls = {"w:1"};
  info.compression = "off";
  info.remote_account = "A";
  info.api_lvl = 5;
  info.xkey = "X";
  EXPECT_EQ(info.to_json(),
            R"({"server_id":"id","server_name":"name","version":"v","proto":1,"git_commit":"abc",)"
            R"("go":"","host":"h","port":-1,"headers":false,"auth_required":true,)"
            R"("tls_required":true,"tls_verify":true,"tls_available":true,"max_payload":-1,)"
            R"("jetstream":true,"ip":"nats-route://x","client_id":18446744073709551615,)"
            R"("client_ip":"::1","nonce":"n","cluster":"c","cluster_dynamic":true,"domain":"d",)"
            R"("connect_urls":["a:1","b:2"],"ws_connect_urls":["w:1"],"ldm":true,)"
            R"("compression":"off","connect_info":true,"remote_account":"A","acc_is_sys":true,)"
            R"("api_lvl":5,"xkey":"X"})");
}

TEST(ServerInfoTest, NamesAreEscapedAsGoDoes) {
  ServerInfo info;
  info.server_name = "a<b>&\"\xff\n";
  EXPECT_NE(info.to_json().find(R"("server_name":"a\u003cb\u003e\u0026\"\ufffd\n")"),
            std::string::npos);
}

// nats-server 2.15.2 goes on after texts of the first group and closes after those of the second.
TEST(ClientInfoTest, AcceptsWhatNatsServerAccepts) {
  for (const Slice json : {"{}", " {} ", "null", R"({"port":null})", R"({"x":1e999})",
                           R"({"gateway_cmd_payload":"QQ=="})", R"({"gateway_cmd_payload":[1,2]})",
                           R"({"import":{"allow":null}})", R"({"server_id":"a","client_id":5})"}) {
    EXPECT_TRUE(check_client_info(json).is_ok()) << json;
  }
  for (const Slice json :
       {"", "x", "[]", "\"a\"", "{", "{}{}", R"({"port":"x"})", R"({"port":1.0})",
        R"({"Client_ID":-1})", R"({"gateway_cmd":256})", R"({"gateway_cmd_payload":"QQ"})",
        R"({"gateway_cmd_payload":5})", R"({"max_payload":3000000000})",
        R"({"import":{"allow":[1]}})", R"({"import":5})", R"({"connect_urls":"a"})",
        R"({"headers":1})", R"({"version":2})"}) {
    EXPECT_EQ(check_client_info(json).is_ok(), false) << json;
  }
}

}  // namespace
}  // namespace petrel::proto
