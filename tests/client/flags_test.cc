#include "client/flags.h"

#include <gtest/gtest.h>

namespace client {
namespace {

constexpr Flag kFlags[] = {
    {.name = "topic", .argument = "TOPIC", .doc = "The topic"},
    {.name = "topic-id", .argument = "ID"},
    {.name = "property", .argument = "KEY=VALUE", .doc = "A property"},
    {.name = "compression-codec", .argument = "CODEC", .doc = "The codec", .value_if_bare = "gzip"},
    {.name = "bootstrap-server", .argument = "HOST:PORT", .doc = "The server", .letter = 'b'},
    {.name = "sync", .doc = "One by one"},
};

Result<Flags> parse(std::vector<const char*> arguments, size_t most_words = 1) {
  return Flags::parse(kFlags, arguments, most_words);
}

TEST(Flags, values_come_behind_a_space_or_an_equals_sign) {
  const Result<Flags> flags = parse({"--topic", "a", "--property=k=v", "-b", "h:1"});
  ASSERT_TRUE(flags);
  EXPECT_EQ(flags->text("topic"), "a");
  EXPECT_EQ(flags->text("property"), "k=v");
  EXPECT_EQ(flags->text("bootstrap-server"), "h:1");
  EXPECT_FALSE(flags->has("sync"));
  EXPECT_EQ(parse({"-bh:1"})->text("bootstrap-server"), "h:1");
}

TEST(Flags, the_last_of_several_counts_and_all_are_kept) {
  const Result<Flags> flags = parse({"--topic", "a", "--topic", "b"});
  ASSERT_TRUE(flags);
  EXPECT_EQ(flags->text("topic"), "b");
  EXPECT_EQ(flags->all("topic"), (std::vector<std::string>{"a", "b"}));
}

TEST(Flags, a_beginning_that_fits_one_flag_stands_for_it) {
  EXPECT_TRUE(parse({"--boot", "h:1"})->has("bootstrap-server"));
  // "topic" is a flag of its own, although it is also a prefix of --topic-id
  EXPECT_EQ(parse({"--topic", "x"})->text("topic"), "x");
  EXPECT_EQ(parse({"--top", "x"}).error().message, "--top is ambiguous: --topic or --topic-id");
}

TEST(Flags, a_value_may_look_like_a_flag) {
  EXPECT_EQ(parse({"--topic", "-1"})->text("topic"), "-1");
  EXPECT_EQ(parse({"--property", "--"})->text("property"), "--");
}

TEST(Flags, an_optional_value_is_left_out_before_the_next_flag_and_at_the_end) {
  EXPECT_EQ(parse({"--compression-codec", "--sync"})->text("compression-codec"), "gzip");
  EXPECT_EQ(parse({"--compression-codec"})->text("compression-codec"), "gzip");
  EXPECT_EQ(parse({"--compression-codec", "lz4"})->text("compression-codec"), "lz4");
}

TEST(Flags, mistakes_are_named) {
  EXPECT_EQ(parse({"--topci", "x"}).error().message, "unrecognized option --topci");
  EXPECT_EQ(parse({"--topci", "x"}).error().hint, "Did you mean --topic?");
  EXPECT_EQ(parse({"--topic"}).error().message, "--topic requires a value");
  EXPECT_EQ(parse({"--sync=yes"}).error().message, "--sync does not take a value");
  EXPECT_EQ(parse({"-x"}).error().message, "unrecognized option -x");
  EXPECT_EQ(parse({"a", "b"}).error().message, "unexpected argument \"b\"");
}

TEST(Flags, numbers_are_whole_and_in_range) {
  const Result<Flags> flags = parse({"--topic", "12", "--property", "12x"});
  ASSERT_TRUE(flags);
  EXPECT_EQ(*flags->number("topic", 5, 0, 100), 12);
  EXPECT_EQ(*flags->number("topic-id", 5, 0, 100), 5);
  EXPECT_FALSE(flags->number("topic", 5, 0, 11));
  EXPECT_EQ(flags->number("property", 0, 0, 9).error().message,
            "--property: \"12x\" is not a whole number from 0 to 9");
  EXPECT_FALSE(parse_number("99999999999999999999", 0, INT64_MAX));
  EXPECT_FALSE(parse_number("", 0, 9));
}

TEST(Flags, help_lists_flags_with_a_description) {
  EXPECT_EQ(describe_flags(std::span(kFlags).subspan(3)),
            "      --compression-codec [CODEC]   The codec\n"
            "  -b, --bootstrap-server HOST:PORT  The server\n"
            "      --sync                        One by one\n");
}

TEST(Flags, help_wraps_long_descriptions) {
  constexpr Flag kLong{.name = "x",
                       .doc =
                           "one two three four five six seven eight nine ten eleven twelve "
                           "thirteen fourteen fifteen sixteen"};
  EXPECT_EQ(describe_flags({&kLong, 1}),
            "      --x  one two three four five six seven eight nine ten eleven twelve thirteen "
            "fourteen fifteen\n"
            "           sixteen\n");
}

}  // namespace
}  // namespace client
