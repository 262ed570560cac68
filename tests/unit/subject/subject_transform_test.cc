#include "petrel/subject/subject_transform.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace petrel::subject {
namespace {

std::string transformed(Slice source, Slice destination, Slice subject) {
  auto transform = SubjectTransform::create(source, destination);
  if (!transform) return "error: " + transform.error().detail;
  Prng prng(1);
  std::string out = "what was there before";
  transform->apply(subject, prng, out);
  return out;
}

std::string error_of(Slice source, Slice destination, TransformMode mode = TransformMode::kAny) {
  auto transform = SubjectTransform::create(source, destination, mode);
  return transform ? "none" : transform.error().detail;
}

TEST(SubjectTransform, PutsTokensOfTheSourceInPlace) {
  EXPECT_EQ(transformed("foo.*.*", "bar.$2.{{wildcard(1)}}", "foo.a.b"), "bar.b.a");
  EXPECT_EQ(transformed("foo.>", "bar.>", "foo.a.b"), "bar.a.b");
  EXPECT_EQ(transformed("*.foo.>", "{{wildcard(1)}}.>", "x.foo.a.b"), "x.a.b");
  EXPECT_EQ(transformed(">", "p.>", "a.b"), "p.a.b");
  EXPECT_EQ(transformed("", "p.>", "a.b"), "p.a.b");
  EXPECT_EQ(transformed(">", ">", "a.b"), "a.b");
  EXPECT_EQ(transformed("foo", "$JS.bar", "foo"), "$JS.bar");
  EXPECT_EQ(transformed("foo.*", "$x.$", "foo.a"), "$x.$");
  EXPECT_EQ(transformed("foo.*", "a.$0", "foo.a"), "a.foo");  // below 1: the first token
}

TEST(SubjectTransform, TakesTokensApart) {
  EXPECT_EQ(transformed("*", "{{splitfromleft(1,2)}}", "abcde"), "ab.cde");
  EXPECT_EQ(transformed("*", "{{SplitFromRight(1, 2)}}", "abcde"), "abc.de");
  EXPECT_EQ(transformed("*", "{{splitfromleft(1,5)}}", "abcde"), "abcde");
  EXPECT_EQ(transformed("*", "{{splitfromright(1,0)}}", "abcde"), "abcde");
  EXPECT_EQ(transformed("*", "{{slicefromright(1,3)}}", "abcdefgh"), "ab.cde.fgh");
  EXPECT_EQ(transformed("*", "{{slicefromleft(1,3)}}", "abcdefgh"), "abc.def.gh");
  EXPECT_EQ(transformed("*", "{{slicefromleft(1,2)}}", "abcd"), "ab.cd");
  EXPECT_EQ(transformed("*", "{{slicefromright(1,2)}}", "abcd"), "ab.cd");
  EXPECT_EQ(transformed("*", "{{slicefromleft(1,9)}}", "abc"), "abc");
  EXPECT_EQ(transformed("*", "{{slicefromright(1,-1)}}", "abc"), "abc");
  EXPECT_EQ(transformed("*", "{{left(1,2)}}.{{right(1,3)}}", "abcde"), "ab.cde");
  EXPECT_EQ(transformed("*", "{{left(1,9)}}.{{right(1,0)}}", "abcde"), "abcde.abcde");
}

TEST(SubjectTransform, SplitsAtADelimiter) {
  EXPECT_EQ(transformed("*", "{{split(1,-)}}", "-a-b--c-"), "a.b.c");
  EXPECT_EQ(transformed("*", "{{split(1,--)}}", "a--b-c"), "a.b-c");
  EXPECT_EQ(transformed("*", "{{split(1,x)}}", "abc"), "abc");
  EXPECT_EQ(transformed("*", "{{split(1,)}}", "a\xc3\xa9z"), "a.\xc3\xa9.z");
  EXPECT_EQ(transformed("*", "{{split(1,-)}}", "--a"), ".a");  // as nats-server: goes nowhere
}

// FNV-1a of 32 bits: "a" is 0xe40c292c, "foobar" 0xbf9cf968.
TEST(SubjectTransform, PartitionsAreFnv1aOfTheTokens) {
  EXPECT_EQ(transformed("foo.*", "bar.{{partition(1000,1)}}", "foo.a"),
            "bar." + std::to_string(0xe40c292cU % 1000));
  EXPECT_EQ(transformed("*.*", "{{partition(1000,2,1)}}", "bar.foo"),
            std::to_string(0xbf9cf968U % 1000));
  EXPECT_EQ(transformed("*", "{{partition(1000)}}", "foobar"), std::to_string(0xbf9cf968U % 1000));
  EXPECT_EQ(transformed("foobar", "{{partition(1000,7)}}", "foobar"),
            std::to_string(0xbf9cf968U % 1000));
  EXPECT_NE(transformed("*.*", "{{partition(1000)}}", "foo.bar"),
            std::to_string(0xbf9cf968U % 1000));  // the dot counts
  EXPECT_EQ(transformed("foo", "bar.{{partition(0)}}", "foo"), "bar.0");
}

TEST(SubjectTransform, RandomStaysBelowItsBoundAndReachesAll) {
  auto transform = SubjectTransform::create("foo", "r.{{random(3)}}");
  ASSERT_TRUE(transform);
  Prng prng(5);
  std::string out;
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    transform->apply("foo", prng, out);
    seen.insert(out);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"r.0", "r.1", "r.2"}));
  EXPECT_EQ(transformed("*", "{{random(0)}}", "x"), "0");
  EXPECT_EQ(transformed("*", "{{random(1)}}", "x"), "0");
}

TEST(SubjectTransform, TakesSubjectsOfMoreTokensThanStandInPlace) {
  std::string source = "*";
  std::string subject = "t0";
  for (int i = 1; i < 100; ++i) {
    source += ".*";
    subject += ".t" + std::to_string(i);
  }
  EXPECT_EQ(transformed(source, "{{wildcard(1)}}.$32.$33.$100", subject), "t0.t31.t32.t99");
  EXPECT_EQ(transformed(source + ".>", "$100.>", subject + ".x.y"), "t99.x.y");
}

TEST(SubjectTransform, MatchesWhatItsSourceAdmits) {
  auto transform = SubjectTransform::create("foo.*", "bar.$1");
  ASSERT_TRUE(transform);
  EXPECT_EQ(transform->source(), "foo.*");
  EXPECT_EQ(transform->destination(), "bar.$1");
  EXPECT_TRUE(transform->matches("foo.a"));
  EXPECT_TRUE(transform->matches("foo.*"));
  EXPECT_FALSE(transform->matches("foo"));
  EXPECT_FALSE(transform->matches("foo.a.b"));
  EXPECT_FALSE(transform->matches("foo.>"));
}

TEST(SubjectTransform, RefusesSubjectsThatDoNotFit) {
  EXPECT_EQ(error_of("foo.*", "bar.*"), "invalid subject");
  EXPECT_EQ(error_of("foo.>", "bar"), "invalid subject");
  EXPECT_EQ(error_of("foo", "bar.>"), "invalid subject");
  EXPECT_EQ(error_of("foo..a", "bar"), "invalid subject");
  EXPECT_EQ(error_of("foo", "bar."), "invalid subject");
  EXPECT_EQ(error_of("foo.>.a", "bar.>"), "invalid subject");
}

TEST(SubjectTransform, NamesWhatIsWrongWithAFunction) {
  const std::string invalid = "invalid mapping destination: ";
  const std::string enough = "not enough arguments passed to the function in ";
  const std::string many = "too many arguments passed to the function in ";
  const std::string wrong = "function argument is invalid or in the wrong format in ";
  const std::string range = "wildcard index out of range in ";
  EXPECT_EQ(error_of("foo.*", "bar.$2"), invalid + range + "$2: [2]");
  EXPECT_EQ(error_of("foo.*", "b.{{partition(3,1,5)}}"),
            invalid + range + "{{partition(3,1,5)}}: [5]");
  EXPECT_EQ(error_of("foo.>", "$1.>"), invalid + range + "$1: [1]");
  EXPECT_EQ(error_of("foo", "bar.$1"), invalid + range + "$1");
  EXPECT_EQ(error_of("foo.*", "bar.{{nope(1)}}"), invalid + "unknown function in {{nope(1)}}");
  EXPECT_EQ(error_of("foo.*", "bar.{{WILDCARD(1)}}"),
            invalid + "unknown function in {{WILDCARD(1)}}");
  EXPECT_EQ(error_of("foo.*", "{{wildcard()}}"), invalid + enough + "{{wildcard()}}");
  EXPECT_EQ(error_of("foo.*", "{{left(1)}}"), invalid + enough + "{{left(1)}}");
  EXPECT_EQ(error_of("foo.*", "{{split(1)}}"), invalid + enough + "{{split(1)}}");
  EXPECT_EQ(error_of("foo.*", "{{random(1,2)}}"), invalid + enough + "{{random(1,2)}}");
  EXPECT_EQ(error_of("foo.*", "{{left(1,2,3)}}"), invalid + many + "{{left(1,2,3)}}");
  EXPECT_EQ(error_of("foo.*", "{{wildcard(1,2)}}"), invalid + many + "{{wildcard(1,2)}}");
  EXPECT_EQ(error_of("foo.*", "{{split(1,-,-)}}"), invalid + many + "{{split(1,-,-)}}");
  EXPECT_EQ(error_of("foo.*", "{{left(1,x)}}"), invalid + wrong + "{{left(1,x)}}");
  EXPECT_EQ(error_of("foo.*", "{{left(x,1)}}"), invalid + wrong + "{{left(x,1)}}");
  EXPECT_EQ(error_of("foo.*", "{{left(1,3000000000)}}"),
            invalid + wrong + "{{left(1,3000000000)}}");
  EXPECT_EQ(error_of("foo.*", "{{partition(x)}}"), invalid + wrong + "{{partition(x)}}");
  EXPECT_EQ(error_of("foo.*", "{{partition(3,)}}"), invalid + wrong + "{{partition(3,)}}");
  EXPECT_EQ(error_of("foo.*", "{{split(1,a b)}}"), invalid + wrong + "{{split(1,a b)}}");
}

TEST(SubjectTransform, ImportsMustBeReversible) {
  const auto error = [](Slice source, Slice destination) {
    return error_of(source, destination, TransformMode::kReversible);
  };
  EXPECT_EQ(error("foo.*.*", "bar.$2.{{wildcard(1)}}"), "none");
  EXPECT_EQ(error("foo.>", "bar.>"), "none");
  EXPECT_EQ(error("foo.*.*", "bar.$1"),
            "invalid mapping destination: not using all of the token wildcard(s) in bar.$1");
  EXPECT_EQ(
      error("foo.*", "{{left(1,2)}}"),
      "invalid mapping destination: the only mapping function allowed for import transforms is "
      "{{Wildcard()}} in {{left(1,2)}}");
}

TEST(SubjectTransform, NumbersWildcards) {
  EXPECT_EQ(number_wildcards("foo.*.bar.*.>"), "foo.$1.bar.$2.>");
  EXPECT_EQ(number_wildcards("foo"), "foo");
  EXPECT_EQ(number_wildcards("*"), "$1");
}

TEST(SubjectTransform, ChecksTheDestinationOfAMapping) {
  const auto error = [](Slice source, Slice destination) {
    const Status status = check_mapping_destination(source, destination);
    return status ? "none" : status.error().detail;
  };
  EXPECT_EQ(error("foo", ""), "none");
  EXPECT_EQ(error("foo.*", "bar.$1"), "none");
  EXPECT_EQ(error("foo.*", "bar.{{ wildcard ( 1 ) }}"), "none");
  EXPECT_EQ(error("foo", "bar."), "invalid mapping destination: invalid transform");
  EXPECT_EQ(error("foo", "a b"), "invalid mapping destination: invalid transform");
  EXPECT_EQ(error("foo.>", "bar.>.x"), "invalid mapping destination: invalid transform in x");
  EXPECT_EQ(error("foo", "{{x}}"), "invalid mapping destination: unknown function in {{x}}");
  EXPECT_EQ(error("foo", "bar.>"), "invalid subject");
}

}  // namespace
}  // namespace petrel::subject
