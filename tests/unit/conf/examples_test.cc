// Every file in conf/ is accepted, starts, and means what its comments say.
#include "load.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace petrel::conf {
namespace {

namespace fs = std::filesystem;

MemorySources examples() {
  MemorySources memory;
  for (const auto& entry : fs::directory_iterator(PETREL_SOURCE_DIR "/conf")) {
    if (entry.path().extension() != ".conf") continue;
    std::ifstream file(entry.path());
    memory.files.files[entry.path().filename()] = {std::istreambuf_iterator<char>(file), {}};
  }
  memory.env.variables = {{"SERVER_NAME", "n1"},
                          {"ORDERS_PASSWORD", "a"},
                          {"PRICING_PASSWORD", "b"},
                          {"APP_PASSWORD", "c"},
                          {"OPS_PASSWORD", "d"}};
  return memory;
}

Options started(const std::string& name) {
  const MemorySources memory = examples();
  Startup startup = start_up({"-c", name}, memory.sources());
  EXPECT_EQ(startup.action, StartupAction::kRun) << name << ": " << startup.err;
  EXPECT_EQ(startup.err, "") << name;
  return startup.options;
}

TEST(Examples, AllStart) {
  const MemorySources memory = examples();
  ASSERT_GE(memory.files.files.size(), 7u);
  for (const auto& [name, text] : memory.files.files) started(name);
}

TEST(Examples, OpenTheUsualPortsByDefault) {
  const Options options = started("default.conf");
  EXPECT_EQ(options.port, 4222);
  EXPECT_EQ(options.http_port, 8222);
}

TEST(Examples, GiveEachUserItsPermissions) {
  const Options options = started("auth.conf");
  ASSERT_EQ(options.authorization.users.size(), 4u);
  EXPECT_EQ(options.no_auth_user, "guest");
  const UserOptions& orders = options.authorization.users[1];
  EXPECT_EQ(orders.password, "a");
  EXPECT_EQ(orders.permissions->subscribe->allow->front(),
            (PermissionSubject{"orders.>", "order-workers"}));
  EXPECT_EQ(options.authorization.users[2].permissions->allow_responses->expires,
            Duration::seconds(5));
  EXPECT_EQ(options.authorization.users[3].permissions->publish->allow->front().subject,
            "public.>");
}

TEST(Examples, MonitorOnThisMachineOnly) {
  const Options options = started("monitoring.conf");
  EXPECT_EQ(options.http_host, "127.0.0.1");
  EXPECT_EQ(options.http_port, 8222);
}

TEST(Examples, MapSubjects) {
  const Options options = started("mappings.conf");
  ASSERT_EQ(options.mappings.size(), 5u);
  EXPECT_EQ(options.mappings[3].destinations[0].weight, 10);
}

TEST(Examples, ProductionIncludesItsUsers) {
  const Options options = started("production.conf");
  EXPECT_EQ(options.server_name, "n1");
  EXPECT_EQ(options.authorization.users.size(), 2u);
  EXPECT_EQ(options.lame_duck_duration, Duration::seconds(60));
}

}  // namespace
}  // namespace petrel::conf
