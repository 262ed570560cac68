// Whatever permissions, subscriptions, imports and mappings there are: no message reaches a
// connection whose permissions deny it, none comes from an account that nothing is imported from.
#include "tenants_world.h"

#include "petrel/base/prng.h"

#include <algorithm>
#include <set>
#include <sstream>

namespace petrel::shard {
namespace {

using Words = std::vector<std::string>;

Words split(const std::string& text, char separator) {
  Words words;
  std::stringstream in(text);
  for (std::string word; std::getline(in, word, separator);) words.push_back(word);
  return words;
}

// A matcher of its own, so that the server's is not asked about itself.
bool matches(const Words& subject, const Words& pattern, size_t at = 0) {
  if (at == pattern.size()) return at == subject.size();
  if (at == subject.size()) return false;
  if (pattern[at] == ">") return true;
  return (pattern[at] == "*" || pattern[at] == subject[at]) && matches(subject, pattern, at + 1);
}
bool matches(const std::string& subject, const std::string& pattern) {
  return matches(split(subject, '.'), split(pattern, '.'));
}

struct Rule {
  std::string subject;
  std::string queue;
};

struct Person {
  std::string name;
  std::string account;
  std::vector<Rule> allow;  // empty: everything
  std::vector<Rule> deny;
  std::vector<std::string> publish_deny;
};

class RandomTenancy {
 public:
  explicit RandomTenancy(uint64_t seed) : prng_(seed) {
    for (const char* account : kAccounts) {
      text_ += std::string(account) + " {\n users: [";
      for (int i = 0; i < 2; ++i) add_person(account, i);
      text_ += "]\n";
      add_links(account);
      text_ += "}\n";
    }
  }
  std::string config() const { return "accounts {\n" + text_ + "}\n"; }
  const std::vector<Person>& people() const { return people_; }
  // Whether a message of one account may come to another through any row of imports.
  bool is_linked(const std::string& from, const std::string& to) const {
    std::set<std::string> reached{from};
    for (size_t round = 0; round < 4; ++round) {
      for (const auto& [a, b] : links_) {
        if (reached.contains(a)) reached.insert(b);
      }
    }
    return reached.contains(to);
  }
  std::string subject(bool wild) {
    static constexpr const char* kTokens[] = {"a", "b", "c"};
    std::string made;
    const uint64_t depth = 1 + prng_.below(3);
    for (uint64_t i = 0; i < depth; ++i) {
      if (i != 0) made += ".";
      if (wild && i + 1 == depth && prng_.below(4) == 0) {
        made += ">";
      } else if (wild && prng_.below(4) == 0) {
        made += "*";
      } else {
        made += kTokens[prng_.below(3)];
      }
    }
    return made;
  }
  Prng& prng() { return prng_; }

 private:
  static constexpr const char* kAccounts[] = {"A", "B", "C"};

  void add_person(const std::string& account, int number) {
    Person person{account + std::to_string(number), account, {}, {}, {}};
    text_ += "{ user: " + person.name + ", password: p, permissions: { subscribe: {";
    if (prng_.below(2) == 0) {
      text_ += " allow: [" + rules(person.allow) + "],";
    }
    text_ += " deny: [" + rules(person.deny) + "] }, publish: { deny: [";
    for (uint64_t i = prng_.below(3); i > 0; --i) {
      person.publish_deny.push_back(subject(true));
      text_ += "\"" + person.publish_deny.back() + "\", ";
    }
    text_ += "] } } }, ";
    people_.push_back(std::move(person));
  }
  std::string rules(std::vector<Rule>& into) {
    std::string made;
    for (uint64_t i = 1 + prng_.below(3); i > 0; --i) {
      into.push_back({subject(true), prng_.below(3) == 0 ? "q" : ""});
      made += "\"" + into.back().subject + (into.back().queue.empty() ? "" : " q") + "\", ";
    }
    return made;
  }
  // Everything is exported; imports only from the account before, so that there is no cycle.
  void add_links(const std::string& account) {
    text_ += " exports: [{ stream: \">\" }, { service: \">\" }]\n imports: [";
    if (account != "A") {
      const std::string from(1, static_cast<char>(account[0] - 1));
      for (uint64_t i = prng_.below(3); i > 0; --i) {
        text_ += "{ stream: { account: " + from + ", subject: \"" + subject(true) + "\" }" +
                 (prng_.below(2) == 0 ? ", prefix: a" : "") + " }, ";
        links_.emplace_back(from, account);
      }
      for (uint64_t i = prng_.below(2); i > 0; --i) {
        text_ += "{ service: { account: " + from + ", subject: \"" + subject(true) + "\" } }, ";
        links_.emplace_back(account, from);
      }
    }
    text_ += "]\n";
    if (prng_.below(2) == 0) text_ += " mappings: { \"a.*\": \"b.$1\" }\n";
  }

  Prng prng_;
  std::string text_;
  std::vector<Person> people_;
  std::vector<std::pair<std::string, std::string>> links_;
};

struct Played {
  const Person* person;
  TenantsWorld::Client* client;
  std::map<std::string, Rule> subscriptions;  // by sid
};

// "MSG subject sid 5" and the body "A0 a.b".
void check_frames(const RandomTenancy& tenancy, const Played& played, const std::string& got,
                  size_t& delivered) {
  size_t at = 0;
  while (at < got.size()) {
    const size_t end = got.find("\r\n", at);
    const Words line = split(got.substr(at, end - at), ' ');
    at = end + 2;
    if (line.front() != "MSG" && line.front() != "HMSG") continue;
    const size_t size = std::stoul(line.back());
    const std::string data = got.substr(at, size);
    at += size + 2;
    ++delivered;
    const std::string body = data.substr(data.rfind('\n') + 1);
    const auto found = played.subscriptions.find(line[2]);
    ASSERT_NE(found, played.subscriptions.end());
    const Rule& subscription = found->second;
    const auto speaks_of = [&](const Rule& rule) {
      return matches(line[1], rule.subject) &&
             (rule.queue.empty() || rule.queue == subscription.queue);
    };
    const Person& person = *played.person;
    EXPECT_TRUE(matches(line[1], subscription.subject)) << line[1];
    EXPECT_TRUE(std::none_of(person.deny.begin(), person.deny.end(), speaks_of))
        << person.name << " got " << line[1] << " by " << subscription.subject << " "
        << subscription.queue;
    EXPECT_TRUE(person.allow.empty() ||
                std::any_of(person.allow.begin(), person.allow.end(), speaks_of))
        << person.name << " got " << line[1] << " by " << subscription.subject;
    EXPECT_TRUE(tenancy.is_linked(body.substr(0, 1), person.account))
        << body << " came to " << person.name;
  }
}

TEST(TenancyProperty, NoMessageReachesAConnectionThatMayNotHaveIt) {
  size_t played_worlds = 0;
  size_t delivered = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    RandomTenancy tenancy(seed);
    if (!conf::load(tenancy.config())) continue;  // twice the same import
    ++played_worlds;
    TenantsWorld world(tenancy.config());
    std::vector<Played> players;
    for (const Person& person : tenancy.people()) {
      const auto loop = static_cast<uint16_t>(tenancy.prng().below(TenantsWorld::kLoops));
      players.push_back({&person, &world.connect(person.name, loop), {}});
    }
    for (int step = 0; step < 60; ++step) {
      Played& player = players[tenancy.prng().below(players.size())];
      if (step < 30) {
        const Rule wanted{tenancy.subject(true), tenancy.prng().below(3) == 0 ? "q" : ""};
        const std::string sid = std::to_string(step);
        player.subscriptions[sid] = wanted;
        world.say(*player.client, "SUB " + wanted.subject + " " + wanted.queue +
                                      (wanted.queue.empty() ? "" : " ") + sid + "\r\n");
        continue;
      }
      const std::string subject = tenancy.subject(false);
      world.publish(*player.client, subject, player.person->account + " " + subject);
      for (Played& other : players) {
        check_frames(tenancy, other, TenantsWorld::take(*other.client), delivered);
        if (testing::Test::HasFailure()) FAIL() << "seed " << seed << "\n" << tenancy.config();
      }
    }
  }
  EXPECT_GT(played_worlds, 80U);
  EXPECT_GT(delivered, 2000U);
}

}  // namespace
}  // namespace petrel::shard
