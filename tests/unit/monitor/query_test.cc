#include "petrel/monitor/query.h"

#include <gtest/gtest.h>

namespace petrel::monitor {
namespace {

std::string error_of(const auto& result) {
  return result ? "no error" : result.error().detail;
}

TEST(Query, TakesTheFirstOfSeveral) {
  const Query::Params params = {{"a", "1"}, {"a", "2"}};
  EXPECT_EQ(Query(params).text("a"), "1");
  EXPECT_EQ(Query(params).text("b"), "");
}

TEST(Query, KnowsGosBooleans) {
  for (const char* word : {"1", "t", "T", "TRUE", "true", "True"}) {
    const Query::Params params = {{"x", word}};
    const auto value = Query(params).boolean("x");
    EXPECT_TRUE(value && *value) << word;
  }
  for (const char* word : {"0", "f", "F", "FALSE", "false", "False", ""}) {
    const Query::Params params = {{"x", word}};
    const auto value = Query(params).boolean("x");
    EXPECT_TRUE(value && !*value) << word;
  }
  const Query::Params params = {{"x", "tRUE"}};
  EXPECT_EQ(error_of(Query(params).boolean("x")),
            "Error decoding boolean for 'x': strconv.ParseBool: parsing \"tRUE\": invalid syntax");
}

TEST(Query, ReadsNumbers) {
  const Query::Params params = {{"plus", "+5"},
                                {"minus", "-7"},
                                {"word", "a\"b"},
                                {"both", "+-1"},
                                {"big", "9223372036854775808"}};
  const Query query(params);
  EXPECT_EQ(*query.integer("plus"), 5);
  EXPECT_EQ(*query.integer("minus"), -7);
  EXPECT_EQ(*query.integer("absent"), 0);
  EXPECT_EQ(*query.whole_number("big"), 9223372036854775808ULL);
  EXPECT_EQ(error_of(query.integer("word")),
            "Error decoding int for 'word': strconv.Atoi: parsing \"a\\\"b\": invalid syntax");
  EXPECT_EQ(error_of(query.integer("both")),
            "Error decoding int for 'both': strconv.Atoi: parsing \"+-1\": invalid syntax");
  EXPECT_EQ(error_of(query.integer("big")),
            "Error decoding int for 'big': strconv.Atoi: parsing \"9223372036854775808\": value "
            "out of range");
  EXPECT_EQ(error_of(query.whole_number("plus")),
            "Error decoding uint64 for 'plus': strconv.ParseUint: parsing \"+5\": invalid syntax");
}

TEST(Query, ReadsSubs) {
  const Query::Params detail = {{"subs", "DETAIL"}};
  EXPECT_TRUE(Query(detail).subscriptions()->is_detail);
  const Query::Params list = {{"subs", "1"}};
  EXPECT_TRUE(Query(list).subscriptions()->is_list);
  EXPECT_FALSE(Query(list).subscriptions()->is_detail);
  const Query::Params wrong = {{"subs", "details"}};
  EXPECT_FALSE(Query(wrong).subscriptions());
}

}  // namespace
}  // namespace petrel::monitor
