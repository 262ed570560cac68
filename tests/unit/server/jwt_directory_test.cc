#include "server/jwt_directory.h"

#include "unit/auth/credentials.h"

#include <filesystem>
#include <fstream>

namespace petrel::server {
namespace {

constexpr WallTime kNow{1'800'000'000'000'000'000};

class JwtDirectoryTest : public testing::Test {
 protected:
  JwtDirectoryTest() {
    options_.dir = testing::TempDir() + "petrel-jwt-" +
                   testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(options_.dir);
  }
  ~JwtDirectoryTest() override { std::filesystem::remove_all(options_.dir); }

  std::unique_ptr<JwtDirectory> open() {
    auto directory = JwtDirectory::open(options_, kNow);
    EXPECT_TRUE(directory);
    return directory ? *std::move(directory) : nullptr;
  }
  std::vector<std::string> accounts(const JwtDirectory& directory) const {
    std::vector<std::string> found;
    directory.for_each(kNow, [&found](const std::string& account, const std::string&) {
      found.push_back(account);
    });
    return found;
  }
  static const std::string& acc() { return auth::credential("account.acc"); }
  static const std::string& sys() { return auth::credential("account.sys"); }
  static const std::string& token() { return auth::credential("jwt.account"); }

  JwtDirectory::Options options_;
};

TEST_F(JwtDirectoryTest, KeepsWhatWasSavedAndFindsItAgain) {
  auto directory = open();
  EXPECT_FALSE(directory->load(acc(), kNow));
  EXPECT_TRUE(*directory->save(acc(), token(), kNow));
  EXPECT_FALSE(*directory->save(acc(), token(), kNow)) << "nothing changed";
  const JwtDirectory::Hash hash = directory->hash();
  directory = open();
  EXPECT_EQ(directory->load(acc(), kNow), token());
  EXPECT_EQ(directory->hash(), hash);
  EXPECT_EQ(accounts(*directory), std::vector<std::string>{acc()});
}

TEST_F(JwtDirectoryTest, NamesOutsideTheDirectoryAreNoAccounts) {
  const auto directory = open();
  EXPECT_FALSE(directory->save("../" + acc(), token(), kNow));
  EXPECT_FALSE(directory->save("", token(), kNow));
  EXPECT_FALSE(directory->load("../../etc/passwd", kNow));
}

TEST_F(JwtDirectoryTest, AnOlderJwtDoesNotReplaceANewerOne) {
  const auto directory = open();
  EXPECT_TRUE(*directory->save(acc(), token(), kNow));
  EXPECT_FALSE(*directory->save_if_newer(acc(), token(), kNow));
  EXPECT_FALSE(directory->save_if_newer(acc(), "nonsense", kNow).is_ok());
  EXPECT_EQ(directory->load(acc(), kNow), token());
}

TEST_F(JwtDirectoryTest, AFullStoreTakesNoMore) {
  options_.limit = 1;
  const auto directory = open();
  EXPECT_TRUE(*directory->save(acc(), token(), kNow));
  const auto more = directory->save(sys(), auth::credential("jwt.account.sys"), kNow);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().detail, "jwt store is full");
}

TEST_F(JwtDirectoryTest, ACacheForgetsWhatWasNotUsedForLongest) {
  options_.limit = 2;
  options_.is_cache = true;
  const auto directory = open();
  const std::string& other = auth::credential("account.other");
  EXPECT_TRUE(*directory->save(acc(), token(), kNow));
  EXPECT_TRUE(*directory->save(sys(), auth::credential("jwt.account.sys"), kNow));
  EXPECT_TRUE(directory->load(acc(), kNow));
  EXPECT_TRUE(*directory->save(other, token(), kNow));
  EXPECT_TRUE(directory->load(acc(), kNow));
  EXPECT_FALSE(directory->load(sys(), kNow));
}

TEST_F(JwtDirectoryTest, ACacheForgetsAfterItsTime) {
  options_.is_cache = true;
  options_.ttl = Duration::minutes(1);
  const auto directory = open();
  EXPECT_TRUE(*directory->save(acc(), token(), kNow));
  directory->expire(kNow + Duration::seconds(59));
  EXPECT_EQ(accounts(*directory).size(), 1u);
  directory->expire(kNow + Duration::seconds(60));
  EXPECT_EQ(accounts(*directory).size(), 0u);
  EXPECT_FALSE(directory->load(acc(), kNow));
}

TEST_F(JwtDirectoryTest, DeletingRenamesRemovesOrIsRefused) {
  EXPECT_FALSE(open()->remove(acc()));
  options_.deletion = JwtDirectory::Deletion::kRename;
  auto directory = open();
  EXPECT_TRUE(*directory->save(acc(), token(), kNow));
  EXPECT_TRUE(directory->remove(acc()));
  EXPECT_FALSE(directory->load(acc(), kNow));
  EXPECT_TRUE(std::filesystem::exists(options_.dir + "/" + acc() + ".jwt.deleted"));
  EXPECT_EQ(directory->hash(), JwtDirectory::Hash{});
  EXPECT_TRUE(directory->remove(acc())) << "gone already";
}

TEST_F(JwtDirectoryTest, FilesThatChangedBesideItAreSeen) {
  const auto directory = open();
  EXPECT_TRUE(*directory->save(acc(), token(), kNow));
  EXPECT_TRUE(directory->reread(kNow).empty());
  std::ofstream(options_.dir + "/" + acc() + ".jwt")
      << auth::credential("jwt.account.signed_by_key");
  EXPECT_EQ(directory->reread(kNow), std::vector<std::string>{acc()});
  EXPECT_EQ(directory->load(acc(), kNow), auth::credential("jwt.account.signed_by_key"));
}

}  // namespace
}  // namespace petrel::server
