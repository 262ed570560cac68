#include "petrel/conf/command_line.h"

#include "load.h"

#include <gtest/gtest.h>

namespace petrel::conf {
namespace {

using Args = std::vector<std::string>;

Startup started(const Args& args, const std::string& config = "port: 1") {
  MemorySources memory;
  memory.files.files["t.conf"] = config;
  memory.files.files["n.pid"] = "77";
  return start_up(args, memory.sources());
}

TEST(CommandLine, ReadsEveryFormOfAFlag) {
  for (const Args& args : {Args{"-p", "5"}, Args{"--p=5"}, Args{"-port=5"}, Args{"--port", "5"},
                           Args{"-p", "1", "--port", "0x5"}}) {
    const Startup startup = started(args);
    EXPECT_EQ(startup.action, StartupAction::kRun);
    EXPECT_EQ(startup.options.port, 5) << args[0];
  }
}

TEST(CommandLine, PutsFlagsOverTheFile) {
  const Startup startup = started({"-c", "t.conf", "-p", "7", "-DV", "-T=false", "--user", "u"},
                                  "port: 1\ntrace: false\nauthorization { user: x, password: y }");
  ASSERT_EQ(startup.action, StartupAction::kRun) << startup.err;
  EXPECT_EQ(startup.options.port, 7);
  EXPECT_TRUE(startup.options.debug);
  EXPECT_TRUE(startup.options.trace);
  EXPECT_FALSE(startup.options.logtime);
  EXPECT_EQ(startup.options.authorization.user, "u");
  EXPECT_EQ(startup.options.authorization.password, "y");
}

TEST(CommandLine, KeepsFlagsOverTheFileOnAReload) {
  const Startup startup = started({"-c", "t.conf", "-p", "7", "-n", "me"});
  MemorySources memory;
  memory.files.files["t.conf"] = "port: 2\nmax_payload: 100";
  std::string warnings;
  auto options = load_options({"t.conf", startup.flags}, memory.sources(), warnings);
  ASSERT_TRUE(options.is_ok());
  EXPECT_EQ(options->port, 7);
  EXPECT_EQ(options->server_name, "me");
  EXPECT_EQ(options->max_payload, 100);
}

struct Ending {
  Args args;
  int exit_code;
  const char* out;  // "*": something
  const char* err;
};

class Endings : public testing::TestWithParam<Ending> {};

TEST_P(Endings, AreThoseOfNatsServer) {
  const Startup startup = started(GetParam().args);
  EXPECT_EQ(startup.action, StartupAction::kEnd);
  EXPECT_EQ(startup.exit_code, GetParam().exit_code);
  const std::string shown =
      GetParam().out == std::string("*") && !startup.out.empty() ? "*" : startup.out;
  EXPECT_EQ(shown, GetParam().out);
  EXPECT_EQ(startup.err, GetParam().err);
}

const Ending kEndings[] = {
    {{"-v"}, 0, "nats-server: v2.15.2\n", ""},
    {{"--version"}, 0, "nats-server: v2.15.2\n", ""},
    {{"version"}, 0, "nats-server: v2.15.2\n", ""},
    {{"--petrel_version"}, 0, "petrel: v0.1.0\n", ""},
    {{"-h"}, 0, "*", ""},
    {{"help"}, 0, "*", ""},
    {{"--help_tls"}, 0, "*", ""},
    {{"--bogus"}, 0, "*", "flag provided but not defined: -bogus\n"},
    {{"-p"}, 0, "*", "flag needs an argument: -p\n"},
    {{"-p", "abc"}, 0, "*", "invalid value \"abc\" for flag -p: parse error\n"},
    {{"-p", "99999999999999999999"},
     0,
     "*",
     "invalid value \"99999999999999999999\" for flag -p: value out of range\n"},
    {{"-D=maybe"}, 0, "*", "invalid boolean value \"maybe\" for -D: parse error\n"},
    {{"---x"}, 0, "*", "bad flag syntax: ---x\n"},
    {{"foo"}, 1, "", "nats-server: unrecognized command: \"foo\"\n"},
    {{"-t"},
     1,
     "",
     "nats-server: must specify [-c, --config] option to check configuration file syntax\n"},
    {{"-c", "no.conf"}, 1, "", "nats-server: open no.conf: no such file or directory\n"},
    {{"--tls"}, 1, "", "nats-server: TLS Server certificate must be present and valid\n"},
    {{"--cluster", "nats://u@h:1"}, 1, "", "nats-server: expected cluster password to be set\n"},
    {{"--routes", "nats://a:1"},
     1,
     "",
     "nats-server: solicited routes require cluster capabilities, e.g. --cluster\n"},
    {{"-sl", "a=b=c"}, 1, "", "nats-server: invalid signal parameters: [c]\n"},
};
INSTANTIATE_TEST_SUITE_P(All, Endings, testing::ValuesIn(kEndings));

TEST(CommandLine, ReadsThePidFileOfASignal) {
  const Startup startup = started({"--signal=ldm=n.pid"});
  EXPECT_EQ(startup.action, StartupAction::kSignal);
  EXPECT_EQ(startup.signal.command, "ldm");
  EXPECT_EQ(startup.signal.pid_expression, "77");
  EXPECT_EQ(started({"-sl", "quit=123*"}).signal.pid_expression, "123*");
  EXPECT_EQ(started({"-sl", "reload"}).signal.pid_expression, "");
}

TEST(CommandLine, RefusesTwoStoreDirectories) {
  const Startup startup = started({"-c", "t.conf", "-sd", "/a"}, "store_dir: /b");
  EXPECT_EQ(startup.err, "nats-server: t.conf:1:0: Duplicate 'store_dir' configuration\n\n");
}

TEST(CommandLine, PrintsWarningsAndStarts) {
  const Startup startup = started({"-c", "t.conf"}, "write_deadline: 5");
  EXPECT_EQ(startup.action, StartupAction::kRun);
  EXPECT_EQ(startup.err,
            "t.conf:1:0: invalid use of field \"write_deadline\": write_deadline should be "
            "converted to a duration\n");
  EXPECT_EQ(startup.options.write_deadline, Duration::seconds(5));
}

TEST(CommandLine, ShowsWhatAReloadWouldChange) {
  MemorySources memory;
  memory.files.files["old.conf"] = "port: 1\nmax_payload: 100";
  memory.files.files["new.conf"] = "port: 1\nmax_payload: 200\nauthorization { token: secret }";
  memory.files.files["far.conf"] = "port: 2";
  const auto plan = [&memory](const std::string& to) {
    return start_up({"-t", "-c", to, "--reload_from", "old.conf"}, memory.sources());
  };
  EXPECT_EQ(plan("new.conf").out,
            "A reload would change:\n  authorization token\n  max_payload: 100 -> 200\n");
  EXPECT_EQ(plan("new.conf").exit_code, 0);
  EXPECT_EQ(plan("old.conf").out, "A reload would change nothing.\n");
  EXPECT_EQ(plan("far.conf").out,
            "A reload would be refused: config reload not supported for Port: old=1, new=2\n");
  EXPECT_EQ(plan("far.conf").exit_code, 1);
}

TEST(RedactArguments, HidesSecretsAndNothingElse) {
  EXPECT_EQ(redact_arguments({"nats-server", "--user", "u", "-pass=p", "--auth=t", "-p", "1"}),
            (Args{"nats-server", "--user", "[REDACTED]", "-pass=[REDACTED]", "--auth=[REDACTED]",
                  "-p", "1"}));
  EXPECT_EQ(
      redact_arguments({"--routes", "nats://u:p@a:1,nats://b:2", "--cluster=nats://u:p@h:-1"}),
      (Args{"--routes", "nats://[REDACTED]@a:1,nats://b:2", "--cluster=nats://[REDACTED]@h:-1"}));
  EXPECT_EQ(redact_arguments({"--user"}), Args{"--user"});
}

}  // namespace
}  // namespace petrel::conf
