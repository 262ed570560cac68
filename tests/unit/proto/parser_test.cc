#include "petrel/proto/parser.h"

#include "fuzz/proto/parser_harness.h"
#include "fuzz/proto/reference_parser.h"

#include "petrel/base/prng.h"

#include <gtest/gtest.h>

namespace petrel::proto {
namespace {

using testing::Outcome;
using testing::parse_bytewise;
using testing::parse_pieces;
using testing::PieceFeeder;

struct Case {
  std::string stream;
  std::vector<std::string> operations;
  std::string error;
};

// The stream must mean the same whole, cut at every place, and byte by byte.
void expect_everywhere(const Case& test, const ParserLimits& limits = {}) {
  const Outcome expected{test.operations, test.error};
  EXPECT_EQ(parse_pieces(test.stream, limits, {}).text(), expected.text()) << test.stream;
  for (size_t cut = 1; cut < test.stream.size(); ++cut) {
    ASSERT_EQ(parse_pieces(test.stream, limits, {cut}).text(), expected.text())
        << go_quote(test.stream) << " cut at " << cut;
  }
  EXPECT_EQ(parse_bytewise(test.stream, limits).text(), expected.text()) << go_quote(test.stream);
  EXPECT_EQ(testing::ReferenceParser(limits).parse(test.stream).text(), expected.text())
      << "reference: " << go_quote(test.stream);
}

TEST(ParserTest, EveryOperationIsReadWhereverItIsCut) {
  const std::vector<Case> cases = {
      {"PUB foo 5\r\nhello\r\n",
       {R"(PUB subject="foo" args="foo 5" size="5" message="hello" tail="5\r\nhello\r\n")"},
       ""},
      {"PUB foo bar 5\r\nhello\r\n",
       {R"(PUB subject="foo" reply="bar" args="foo bar 5" size="5" message="hello" tail="bar 5\r\nhello\r\n")"},
       ""},
      {"PUB foo 0\r\n\r\n", {R"(PUB subject="foo" args="foo 0" size="0" tail="0\r\n\r\n")"}, ""},
      {"HPUB foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
       {R"(HPUB subject="foo" args="foo 12 14" size="12 14" headers=12 message="NATS/1.0\r\n\r\nhi" tail="12 14\r\nNATS/1.0\r\n\r\nhi\r\n")"},
       ""},
      {"HPUB foo r 2 2\r\nab\r\n",
       {R"(HPUB subject="foo" reply="r" args="foo r 2 2" size="2 2" headers=2 message="ab" tail="r 2 2\r\nab\r\n")"},
       ""},
      {"SUB foo 1\r\n", {R"(SUB subject="foo" sid="1" args="foo 1")"}, ""},
      {"SUB foo q 1\r\n", {R"(SUB subject="foo" queue="q" sid="1" args="foo q 1")"}, ""},
      {"UNSUB 1\r\n", {R"(UNSUB sid="1" args="1" max=-1)"}, ""},
      {"UNSUB 1 5\r\n", {R"(UNSUB sid="1" args="1 5" max=5)"}, ""},
      {"PING\r\n", {"PING"}, ""},
      {"PONG\r\n", {"PONG"}, ""},
      {"CONNECT {\"a\":1}\r\n", {R"(CONNECT args="{\"a\":1}")"}, ""},
      {"INFO {}\r\n", {R"(INFO args="{}")"}, ""},
      {"+OK\r\n", {"+OK"}, ""},
      {"-ERR 'no'\r\n", {R"(-ERR args="'no'")"}, ""},
  };
  for (const Case& test : cases) expect_everywhere(test);
}

TEST(ParserTest, OperationsFollowEachOther) {
  expect_everywhere(
      {"PING\r\nPUB a 1\r\nx\r\nPUB a 1\r\ny\r\nPUB b 1\r\nz\r\nSUB a 1\r\nPONG\r\nPUB a "
       "2\r\nxy\r\n",
       {"PING", R"(PUB subject="a" args="a 1" size="1" message="x" tail="1\r\nx\r\n")",
        R"(PUB subject="a" args="a 1" size="1" message="y" tail="1\r\ny\r\n")",
        R"(PUB subject="b" args="b 1" size="1" message="z" tail="1\r\nz\r\n")",
        R"(SUB subject="a" sid="1" args="a 1")", "PONG",
        R"(PUB subject="a" args="a 2" size="2" message="xy" tail="2\r\nxy\r\n")"},
       ""});
}

// The second line has the length and the sizes of the first, but other bytes between.
TEST(ParserTest, LineThatLooksLikeTheLastOneIsReadAnew) {
  const std::string first = "PUB abcde 2\r\nhi\r\n";
  const std::string seen =
      R"(PUB subject="abcde" args="abcde 2" size="2" message="hi" tail="2\r\nhi\r\n")";
  const auto expect_second = [&](const std::string& second, const std::string& operation,
                                 const std::string& error) {
    Case test{first + second, {seen}, error};
    if (!operation.empty()) test.operations.push_back(operation);
    expect_everywhere(test);
  };
  expect_second("pub fghij 2\r\nyo\r\n",
                R"(PUB subject="fghij" args="fghij 2" size="2" message="yo" tail="2\r\nyo\r\n")",
                "");
  expect_second(
      "PUB ab de 2\r\nyo\r\n",
      R"(PUB subject="ab" reply="de" args="ab de 2" size="2" message="yo" tail="de 2\r\nyo\r\n")",
      "");
  expect_second(
      "PUB ab\tde 2\r\nyo\r\n",
      R"(PUB subject="ab" reply="de" args="ab\tde 2" size="2" message="yo" tail="de 2\r\nyo\r\n")",
      "");
  expect_second("PUB abcd  2\r\nyo\r\n",
                R"(PUB subject="abcd" args="abcd  2" size="2" message="yo" tail="2\r\nyo\r\n")",
                "");
  expect_second("PUB  bcde 2\r\nyo\r\n",
                R"(PUB subject="bcde" args="bcde 2" size="2" message="yo" tail="2\r\nyo\r\n")", "");
  expect_second("PUB a b c 2\r\nyo\r\n", "", R"(processPub Parse Error: "a b c 2")");
  expect_second("PUBXabcde 2\r\nyo\r\n", "", "unknown operation in state 31");
  expect_second("SUB abcde 2\r\n", R"(SUB subject="abcde" sid="2" args="abcde 2")", "");
  expect_second("PUB abcde 2\r\nyoX", "", "unknown operation in state 41");
  expect_everywhere(
      {"PUB a bc 2\r\nhi\r\nPUB ab c 2\r\nhi\r\nPUB a  c 2\r\nhi\r\n",
       {R"(PUB subject="a" reply="bc" args="a bc 2" size="2" message="hi" tail="bc 2\r\nhi\r\n")",
        R"(PUB subject="ab" reply="c" args="ab c 2" size="2" message="hi" tail="c 2\r\nhi\r\n")",
        R"(PUB subject="a" reply="c" args="a  c 2" size="2" message="hi" tail="c 2\r\nhi\r\n")"},
       ""});
  expect_everywhere(
      {"HPUB a 1 2\r\nhi\r\nhpub b 1 2\r\nyo\r\nXPUB a 1 2\r\n",
       {R"(HPUB subject="a" args="a 1 2" size="1 2" headers=1 message="hi" tail="1 2\r\nhi\r\n")",
        R"(HPUB subject="b" args="b 1 2" size="1 2" headers=1 message="yo" tail="1 2\r\nyo\r\n")"},
       "unknown operation in state 0"});
}

TEST(ParserTest, VerbsAreReadWithoutRegardToCase) {
  const std::vector<Case> cases = {
      {"pub a 0\r\n\r\n", {R"(PUB subject="a" args="a 0" size="0" tail="0\r\n\r\n")"}, ""},
      // Without a header it goes on as a message without one, so its tail is not what came.
      {"hPuB a 0 0\r\n\r\n", {R"(HPUB subject="a" args="a 0 0" size="0")"}, ""},
      {"sUb a 1\r\n", {R"(SUB subject="a" sid="1" args="a 1")"}, ""},
      {"unsub 1\r\n", {R"(UNSUB sid="1" args="1" max=-1)"}, ""},
      {"ping\r\n", {"PING"}, ""},
      {"Pong\r\n", {"PONG"}, ""},
      {"connect {}\r\n", {R"(CONNECT args="{}")"}, ""},
      {"info {}\r\n", {R"(INFO args="{}")"}, ""},
      {"+ok\r\n", {"+OK"}, ""},
      {"-err x\r\n", {R"(-ERR args="x")"}, ""},
  };
  for (const Case& test : cases) expect_everywhere(test);
}

TEST(ParserTest, TabsRunsOfSpacesAndBareLineFeedsSeparateToo) {
  const std::vector<Case> cases = {
      {"PUB\tfoo\t5\r\nhello\r\n",
       {R"(PUB subject="foo" args="foo\t5" size="5" message="hello" tail="5\r\nhello\r\n")"},
       ""},
      {"PUB   foo \t bar   5\r\nhello\r\n",
       {R"(PUB subject="foo" reply="bar" args="foo \t bar   5" size="5" message="hello")"},
       ""},
      {"PUB foo 5 \r\nhello\r\n",
       {R"(PUB subject="foo" args="foo 5 " size="5" message="hello")"},
       ""},
      {"PUB foo 5\nhello\r\n", {R"(PUB subject="foo" args="foo 5" size="5" message="hello")"}, ""},
      {"HPUB a\t2   3\r\nabc\r\n",
       {R"(HPUB subject="a" args="a\t2   3" size="2 3" headers=2 message="abc")"},
       ""},
      {"SUB\t foo\tq  1 \nPING\n",
       {R"(SUB subject="foo" queue="q" sid="1" args="foo\tq  1 ")", "PING"},
       ""},
      {"UNSUB \t1\t\t5\n", {R"(UNSUB sid="1" args="1\t\t5" max=5)"}, ""},
      {"CONNECT{}\n", {R"(CONNECT args="{}")"}, ""},
      {"CONNECT\t  {} \r\n", {R"(CONNECT args="{} ")"}, ""},
      {"INFO{}\r\n", {R"(INFO args="{}")"}, ""},
  };
  for (const Case& test : cases) expect_everywhere(test);
}

TEST(ParserTest, WhateverStandsBehindPingPongAndOkIsIgnored) {
  expect_everywhere(
      {"PINGxyz\r\nPONG \x01 z\n+OK whatever\r\nPING\n", {"PING", "PONG", "+OK", "PING"}, ""});
}

TEST(ParserTest, FirstByteOfArgumentsIsTakenWhateverItIs) {
  expect_everywhere({"SUB \nfoo 1\r\n", {R"(SUB subject="foo" sid="1" args="\nfoo 1")"}, ""});
  expect_everywhere(
      {"PUB \nf 0\r\n\r\n", {R"(PUB subject="\nf" args="\nf 0" size="0" tail="0\r\n\r\n")"}, ""});
  expect_everywhere({"CONNECT\r\n", {R"(CONNECT args="\r")"}, ""});
  expect_everywhere({"SUB \r\n", {}, R"(processSub Parse Error: "\r")"});
}

TEST(ParserTest, CarriageReturnInsideArgumentsCostsTheLastByteAsInNatsServer) {
  expect_everywhere({"PUB f\roo 55\nhello\r\n",
                     {R"(PUB subject="f\roo" args="f\roo 5" size="5" message="hello")"},
                     ""});
  expect_everywhere({"SUB foo\r1\r\n", {R"(SUB subject="foo" sid="1" args="foo\r1")"}, ""});
  expect_everywhere({"PUB foo 5\r\r\n", {}, R"(processPub Bad or Missing Size: "foo 5\r")"});
}

TEST(ParserTest, LeadingZerosAreKept) {
  expect_everywhere(
      {"PUB foo 000000002\r\nhi\r\n",
       {R"(PUB subject="foo" args="foo 000000002" size="000000002" message="hi" tail="000000002\r\nhi\r\n")"},
       ""});
}

TEST(ParserTest, UnsubWithBadMaximumMeansNow) {
  for (const char* const max : {"x", "-1", "+1", "1234567890", "1x"}) {
    const std::string args = std::string("7 ") + max;
    expect_everywhere(
        {"UNSUB " + args + "\r\n", {"UNSUB sid=\"7\" args=\"" + args + "\" max=-1"}, ""});
  }
  expect_everywhere({"UNSUB 7 0\r\n", {R"(UNSUB sid="7" args="7 0")"}, ""});
}

TEST(ParserTest, UnknownVerbIsRefusedAtTheFirstWrongByte) {
  const std::vector<std::pair<std::string, int>> streams = {
      {"X", 0},       {"\r", 0},     {"\n", 0},    {" ", 0},      {"R", 0},       {"L", 0},
      {"A", 0},       {"M", 0},      {"PX", 29},   {"PUX", 30},   {"PUBX", 31},   {"PUB\r", 31},
      {"PIX", 34},    {"PIN\r", 35}, {"PONX", 38}, {"HX", 18},    {"HPX", 19},    {"HPUX", 20},
      {"HPUB\n", 21}, {"HMX", 24},   {"HMSX", 25}, {"HMSGX", 26}, {"SX", 43},     {"SUX", 44},
      {"SUB\r", 45},  {"UX", 59},    {"UNX", 60},  {"UNSX", 61},  {"UNSUX", 62},  {"UNSUB\r", 63},
      {"CX", 10},     {"COX", 11},   {"CONX", 12}, {"CONNX", 13}, {"CONNEX", 14}, {"CONNECX", 15},
      {"IX", 71},     {"INX", 72},   {"INFX", 73}, {"+X", 1},     {"+OX", 2},     {"-X", 4},
      {"-EX", 5},     {"-ERX", 6},   {"-ERR\r", 7}};
  for (const auto& [stream, state] : streams) {
    expect_everywhere({stream, {}, "unknown operation in state " + std::to_string(state)});
  }
}

TEST(ParserTest, OperationsOfServersAreRefused) {
  expect_everywhere({"MSG a 1 1\r\nx\r\n", {}, "unknown operation in state 0"});
  expect_everywhere({"HMSG a 1 1 1\r\nx\r\n", {}, "unknown operation in state 41"});
  expect_everywhere({"RS+ $G a\r\n", {}, "unknown operation in state 0"});
  expect_everywhere({"LS+ a\r\n", {}, "unknown operation in state 0"});
  expect_everywhere({"A+ a\r\n", {}, "unknown operation in state 0"});
}

TEST(ParserTest, PayloadMustBeFollowedByCrLf) {
  expect_everywhere({"PUB a 2\r\nhiX", {}, "unknown operation in state 41"});
  expect_everywhere({"PUB a 2\r\nhi\n", {}, "unknown operation in state 41"});
  expect_everywhere({"PUB a 2\r\nhi\rX", {}, "unknown operation in state 42"});
  expect_everywhere({"PUB a 1\r\nx\r\nPUB a 1\r\nxx\r\n",
                     {R"(PUB subject="a" args="a 1" size="1" message="x" tail="1\r\nx\r\n")"},
                     "unknown operation in state 41"});
  expect_everywhere({"HPUB a 0 0\r\nX", {}, "unknown operation in state 41"});
  expect_everywhere({"PUB a 2\r\nhi\r", {}, ""});
}

TEST(ParserTest, WrongArgumentsAreRefusedInSilence) {
  const std::vector<Case> cases = {
      {"PUB foo\r\n", {}, R"(processPub Parse Error: "foo")"},
      {"PUB \r\n", {}, R"(processPub Parse Error: "\r")"},
      {"PUB a b c 5\r\n", {}, R"(processPub Parse Error: "a b c 5")"},
      {"PUB a b c d e f 5\r\n", {}, R"(processPub Parse Error: "a b c d e f 5")"},
      {"PUB a x\r\n", {}, R"(processPub Bad or Missing Size: "a x")"},
      {"PUB a -1\r\n", {}, R"(processPub Bad or Missing Size: "a -1")"},
      {"PUB a +1\r\n", {}, R"(processPub Bad or Missing Size: "a +1")"},
      {"PUB a 0000000001\r\n", {}, R"(processPub Bad or Missing Size: "a 0000000001")"},
      {"HPUB a 5\r\n", {}, R"(processHeaderPub Parse Error: "a 5")"},
      {"HPUB a b c 5 5\r\n", {}, R"(processHeaderPub Parse Error: "a b c 5 5")"},
      {"HPUB a x 5\r\n", {}, R"(processHeaderPub Bad or Missing Header Size: "a x 5")"},
      {"HPUB a 5 x\r\n", {}, R"(processHeaderPub Bad or Missing Total Size: "a 5 x")"},
      {"HPUB a 6 5\r\n", {}, R"(processHeaderPub Header Size larger then TotalSize: "a 6 5")"},
      {"SUB a\r\n", {}, R"(processSub Parse Error: "a")"},
      {"SUB a b c d\r\n", {}, R"(processSub Parse Error: "a b c d")"},
      {"UNSUB \r\n", {}, R"(processUnsub Parse Error: "\r")"},
      {"UNSUB 1 2 3\r\n", {}, R"(processUnsub Parse Error: "1 2 3")"},
  };
  for (const Case& test : cases) expect_everywhere(test);
}

TEST(ParserTest, HpubWithoutHeaderSupportIsRefusedInSilenceBeforeAnythingElse) {
  ParserLimits limits;
  limits.headers = false;
  expect_everywhere({"HPUB a 2 2\r\nab\r\n", {}, "message headers not supported"}, limits);
  expect_everywhere({"HPUB a\r\n", {}, "message headers not supported"}, limits);
  expect_everywhere({"HPUB a 0 999999999\r\n", {}, "message headers not supported"}, limits);
}

TEST(ParserTest, MaxPayloadIsCheckedAtTheControlLine) {
  ParserLimits limits;
  limits.max_payload = 10;
  expect_everywhere({"PUB a 11\r\n", {}, "payload of 11"}, limits);
  expect_everywhere({"PUB a 999999999\r\n", {}, "payload of 999999999"}, limits);
  expect_everywhere({"HPUB a 1 11\r\n", {}, "payload of 11"}, limits);
  expect_everywhere(
      {"PUB a 10\r\n0123456789\r\n",
       {R"(PUB subject="a" args="a 10" size="10" message="0123456789" tail="10\r\n0123456789\r\n")"},
       ""},
      limits);
  Parser parser(limits);
  const std::string stream = "PUB a 11\r\n";
  const BlockRef block = BlockRef::allocate(64);
  std::memcpy(block->bytes(), stream.data(), stream.size());
  Slice input(block->bytes(), stream.size());
  Op op;
  EXPECT_EQ(parser.next(block, input, op), ParseResult::kError);
  EXPECT_EQ(describe_error(parser.error(), input), "maximum payload exceeded: 11 vs 10");
}

TEST(ParserTest, ControlLineIsLimitedByItsArgumentsAloneEndedOrNot) {
  ParserLimits limits;
  limits.max_control_line = 16;
  const std::string most(16, '1');
  for (const std::string verb : {"UNSUB ", "unsub\t   ", "-ERR ", "CONNECT ", "CONNECT", "INFO "}) {
    for (const std::string end : {"\r\n", "\n"}) {
      const Outcome fits = parse_pieces(verb + most + end, limits, {});
      EXPECT_EQ(fits.error, "") << verb;
      EXPECT_EQ(fits.operations.size(), 1U) << verb;
      expect_everywhere({verb + most + "1" + end, {}, "control line too long"}, limits);
    }
    expect_everywhere({verb + most, {}, ""}, limits);
    expect_everywhere({verb + most + "\r", {}, ""}, limits);
    expect_everywhere({verb + most + "1", {}, "control line too long"}, limits);
    expect_everywhere({verb + most + "1\r", {}, "control line too long"}, limits);
  }
  expect_everywhere(
      {"PUB " + std::string(14, 's') + " 0\r\n\r\n",
       {R"(PUB subject="ssssssssssssss" args="ssssssssssssss 0" size="0" tail="0\r\n\r\n")"},
       ""},
      limits);
  expect_everywhere({"PUB " + std::string(15, 's') + " 0\r\n\r\n", {}, "control line too long"},
                    limits);
  expect_everywhere({"PUB " + std::string(15, 's') + " x", {}, "control line too long"}, limits);
}

TEST(ParserTest, TooLongLineIsRefusedBeforeItsArgumentsAreLookedAt) {
  ParserLimits limits;
  limits.max_control_line = 4;
  expect_everywhere({"PUB abcde\r\n", {}, "control line too long"}, limits);
  expect_everywhere({"SUB a b c d\r\n", {}, "control line too long"}, limits);
}

TEST(ParserTest, FirstOperationMustBeConnectWhenAuthorizationIsRequired) {
  ParserLimits limits;
  limits.connect_first = true;
  for (const std::string stream :
       {"PING\r\n", "PUB a 0\r\n\r\n", "X", "\r\n", "+OK\r\n", "INFO {}\r\n"}) {
    expect_everywhere({stream, {}, "authorization"}, limits);
  }
  expect_everywhere({"CX", {}, "unknown operation in state 10"}, limits);
  expect_everywhere({"CONNECT {}\r\nPING\r\n", {R"(CONNECT args="{}")"}, "authorization"}, limits);

  PieceFeeder feeder(limits);
  feeder.feed("connect {}\r\n");
  limits.connect_first = false;
  feeder.parser().set_limits(limits);
  feeder.feed("PING\r\n");
  EXPECT_EQ(feeder.outcome().text(), "CONNECT args=\"{}\"\nPING\n");
}

TEST(ParserTest, ChangedLimitsHoldFromTheNextOperationOn) {
  ParserLimits limits;
  PieceFeeder feeder(limits);
  feeder.feed("PUB a 3\r\nabc\r\n");
  limits.max_payload = 2;
  feeder.parser().set_limits(limits);
  feeder.feed("PUB a 3\r\nabc\r\n");
  EXPECT_EQ(feeder.outcome().operations.size(), 1U);
  EXPECT_EQ(feeder.outcome().error, "payload of 3");
}

TEST(ParserTest, EveryCallAfterAnErrorAnswersTheError) {
  Parser parser(ParserLimits{});
  const BlockRef block = BlockRef::allocate(16);
  std::memcpy(block->bytes(), "XPING\r\n", 7);
  Slice input(block->bytes(), 7);
  Op op;
  EXPECT_EQ(parser.next(block, input, op), ParseResult::kError);
  input = Slice(block->bytes() + 1, 6);
  EXPECT_EQ(parser.next(block, input, op), ParseResult::kError);
  EXPECT_EQ(parser.error().kind, ParseErrorKind::kUnknownOperation);
}

TEST(ParserTest, WholeFramesAreNotCopied) {
  Parser parser(ParserLimits{});
  const std::string stream = "PUB foo 2\r\nhi\r\nSUB foo 1\r\n";
  const BlockRef block = BlockRef::allocate(64);
  std::memcpy(block->bytes(), stream.data(), stream.size());
  Slice input(block->bytes(), stream.size());
  Op op;
  ASSERT_EQ(parser.next(block, input, op), ParseResult::kOp);
  EXPECT_EQ(op.block, &block);
  EXPECT_EQ(op.message.data(), block->bytes() + 11);
  ASSERT_EQ(parser.next(block, input, op), ParseResult::kOp);
  EXPECT_EQ(op.sid.data(), block->bytes() + 23);
  EXPECT_EQ(parser.residue_bytes(), 0U);
}

TEST(ParserTest, ReferenceKeepsSplitMessageAfterTheParserLetItGo) {
  Parser parser(ParserLimits{});
  const std::string stream = "PUB foo 2\r\nhi\r\n";
  const BlockRef block = BlockRef::allocate(64);
  std::memcpy(block->bytes(), stream.data(), stream.size());
  Slice input(block->bytes(), 7);
  Op op;
  ASSERT_EQ(parser.next(block, input, op), ParseResult::kNeedMore);
  input = Slice(block->bytes() + 7, stream.size() - 7);
  ASSERT_EQ(parser.next(block, input, op), ParseResult::kOp);
  const BlockRef kept = *op.block;
  const Slice message = op.message;
  ASSERT_EQ(parser.next(block, input, op), ParseResult::kNeedMore);
  EXPECT_EQ(parser.residue_bytes(), 0U);
  EXPECT_TRUE(kept.is_unique());
  EXPECT_EQ(message, "hi");
}

TEST(ParserTest, AnnouncedBytesCostNothingUntilTheyCome) {
  ParserLimits limits;
  limits.max_payload = 64 << 20;
  PieceFeeder feeder(limits);
  feeder.feed("PUB foo 67108864\r\n");
  EXPECT_LE(feeder.parser().residue_bytes(), 256U);
  const std::string piece(10000, 'x');
  for (int i = 0; i < 10; ++i) feeder.feed(piece);
  EXPECT_LE(feeder.parser().residue_bytes(), 210000U);
}

TEST(ParserTest, ResidueIsNeverLargerThanTheFrame) {
  PieceFeeder feeder(ParserLimits{});
  feeder.feed("PUB foo 3000\r\n" + std::string(2000, 'x'));
  EXPECT_LE(feeder.parser().residue_bytes(), 10U + 3000U + 2U);
  feeder.feed(std::string(1000, 'x') + "\r\n");
  EXPECT_EQ(feeder.outcome().operations.size(), 1U);
  EXPECT_EQ(feeder.parser().residue_bytes(), 0U);
}

TEST(ParserTest, UnfinishedLineHoldsAtMostTheLimit) {
  ParserLimits limits;
  limits.max_control_line = 1000;
  PieceFeeder feeder(limits);
  feeder.feed("SUB " + std::string(999, 'x'));
  EXPECT_LE(feeder.parser().residue_bytes(), 1002U);
}

TEST(ParserTest, VerbsSpacesAndIgnoredBytesAreNotKept) {
  PieceFeeder feeder(ParserLimits{});
  feeder.feed("PING" + std::string(100000, 'x'));
  EXPECT_EQ(feeder.parser().residue_bytes(), 0U);
  feeder.feed("\r\nPUB" + std::string(100000, ' '));
  EXPECT_EQ(feeder.parser().residue_bytes(), 0U);
  feeder.feed("a 0\r\n\r\n");
  EXPECT_EQ(feeder.outcome().operations.size(), 2U);
}

// Streams of good frames with bytes changed, removed and put in.
std::string random_stream(Prng& prng) {
  static const std::vector<std::string> kParts = {"PUB foo 2\r\nhi\r\n",
                                                  "PUB foo bar 0\r\n\r\n",
                                                  "HPUB a 2 3\r\nabc\r\n",
                                                  "SUB a q 1\r\n",
                                                  "UNSUB 1 2\r\n",
                                                  "PING\r\n",
                                                  "CONNECT {}\r\n",
                                                  "+OK\r\n",
                                                  "\r\n",
                                                  " ",
                                                  "\t",
                                                  "\r",
                                                  "PUB foo 2\r\nhi\r\n",
                                                  "PUB foo 2\r\nhi\r\n"};
  std::string stream;
  for (uint64_t i = 0; i < 6; ++i) stream += kParts[prng.below(kParts.size())];
  for (uint64_t i = prng.below(3); i > 0; --i) {
    const auto at = static_cast<size_t>(prng.below(stream.size()));
    if (prng.below(2) == 0) {
      stream.erase(at, 1);
    } else {
      stream.insert(at, kParts[prng.below(kParts.size())].substr(0, 1));
    }
  }
  return stream;
}

TEST(ParserTest, RandomStreamsMeanWhatTheReferenceSays) {
  Prng prng(42);
  ParserLimits limits;
  limits.max_control_line = 12;
  for (int i = 0; i < 3000; ++i) {
    const std::string stream = random_stream(prng);
    const std::string expected = testing::ReferenceParser(limits).parse(stream).text();
    const auto cut = static_cast<size_t>(prng.below(stream.size()));
    ASSERT_EQ(parse_pieces(stream, limits, {}).text(), expected) << go_quote(stream);
    ASSERT_EQ(parse_pieces(stream, limits, {cut}).text(), expected) << go_quote(stream) << cut;
    ASSERT_EQ(parse_bytewise(stream, limits).text(), expected) << go_quote(stream);
  }
}

TEST(DescribeErrorTest, WordsUnknownOperationsAsNatsServer) {
  EXPECT_EQ(describe_error("FOO\r\n"), R"(Client parser ERROR, state=0, i=0: proto='"FOO\r"...')");
  EXPECT_EQ(describe_error("X", 29, 59), R"(Client parser ERROR, state=29, i=59: proto='""...')");
  EXPECT_EQ(describe_error(""), R"(Client parser ERROR, state=0, i=0: proto='""...')");
  const std::string long_text(40, 'x');
  EXPECT_EQ(describe_error(long_text),
            "Client parser ERROR, state=0, i=0: proto='\"" + long_text.substr(0, 32) + "\"...'");
}

TEST(DescribeErrorTest, InputBeginsAtTheWrongByte) {
  Parser parser(ParserLimits{});
  const std::string stream = "PING\r\nPUB a 2\r\nhiX\r\n";
  const BlockRef block = BlockRef::allocate(64);
  std::memcpy(block->bytes(), stream.data(), stream.size());
  Slice input(block->bytes(), stream.size());
  Op op;
  ASSERT_EQ(parser.next(block, input, op), ParseResult::kOp);
  ASSERT_EQ(parser.next(block, input, op), ParseResult::kError);
  const auto offset = static_cast<size_t>(input.data() - block->bytes());
  EXPECT_EQ(describe_error(parser.error(), input, offset),
            R"(Client parser ERROR, state=41, i=17: proto='"X\r"...')");
}

}  // namespace
}  // namespace petrel::proto
