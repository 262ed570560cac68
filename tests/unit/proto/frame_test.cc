#include "petrel/proto/frame.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace petrel::proto {
namespace {

TEST(FrameTest, PrefixAndTailMakeADelivery) {
  std::string out;
  append_msg_prefix(out, "orders.eu", "7");
  append_tail(out, "", "5", "hello");
  EXPECT_EQ(out, "MSG orders.eu 7 5\r\nhello\r\n");
}

TEST(FrameTest, ReplyStandsBeforeTheSize) {
  std::string out;
  append_msg_prefix(out, "a", "1");
  append_tail(out, "_INBOX.x", "0", "");
  EXPECT_EQ(out, "MSG a 1 _INBOX.x 0\r\n\r\n");
}

TEST(FrameTest, HeadersComeWithTwoSizes) {
  std::string out;
  append_hmsg_prefix(out, "a", "1");
  append_tail(out, "r", "12 14", "NATS/1.0\r\n\r\nhi");
  EXPECT_EQ(out, "HMSG a 1 r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
}

TEST(FrameTest, ErrorsStandInQuotes) {
  std::string out;
  append_err(out, err::kMaxPayload);
  EXPECT_EQ(out, "-ERR 'Maximum Payload Violation'\r\n");
}

TEST(FrameTest, NumbersAreDecimal) {
  std::string out;
  append_number(out, 0);
  append_text(out, " ");
  append_number(out, 1048576);
  append_text(out, " ");
  append_number(out, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(out, "0 1048576 18446744073709551615");
}

// Bytes as nats-server 2.15.2 sends them for a request on "svc.none" with reply "r".
TEST(FrameTest, NoRespondersNamesTheSubjectAndCountsIt) {
  std::string out;
  append_no_responders(out, "r", "9", "svc.none");
  EXPECT_EQ(out,
            "HMSG r 9 40 40\r\n"
            "NATS/1.0 503\r\n"
            "Nats-Subject: svc.none\r\n"
            "\r\n\r\n");
}

}  // namespace
}  // namespace petrel::proto
