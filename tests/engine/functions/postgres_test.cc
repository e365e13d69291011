// The expected values are results of PostgreSQL itself.
#include <gtest/gtest.h>

#include "tests/engine/functions/call.h"

using namespace functions_test;

namespace {

const char kSmile[] = "\xF0\x9F\x98\x80";  // U+1F600: two UTF-16 units

Typed at(int64_t ms) { return {engine::TypeKind::Timestamp, engine::Value::bigint(ms)}; }
constexpr int64_t k2020Dec31 = 1'609'459'199'500;  // 2020-12-31 23:59:59.5, a Thursday
constexpr int64_t k2021Jan1 = 1'609'459'200'000;   // a Friday
constexpr int64_t k1969 = -1;                      // 1969-12-31 23:59:59.999, a Wednesday

}  // namespace

TEST(PostgresFunctions, count_characters_and_not_utf16_units) {
  EXPECT_EQ(shown("LENGTH", {kSmile}), "1");
  EXPECT_EQ(shown("CHAR_LENGTH", {"Ελλάδα"}), "6");
  EXPECT_EQ(shown("STRPOS", {"Ελλάδα", "δ"}), "5");
  EXPECT_EQ(shown("STRPOS", {"abc", ""}), "1");
  EXPECT_EQ(shown("STRPOS", {"abc", "x"}), "0");
  EXPECT_EQ(shown("REVERSE", {"aλ\xF0\x9F\x98\x80"}), "\"\xF0\x9F\x98\x80λa\"");
}

TEST(PostgresFunctions, split_part_counts_from_both_ends) {
  EXPECT_EQ(shown("SPLIT_PART", {"a--b--c", "--", 1}), "\"a\"");
  EXPECT_EQ(shown("SPLIT_PART", {"a--b--c", "--", 3}), "\"c\"");
  EXPECT_EQ(shown("SPLIT_PART", {"a--b--c", "--", 4}), "\"\"");
  EXPECT_EQ(shown("SPLIT_PART", {"a--b--c", "--", -3}), "\"a\"");
  EXPECT_EQ(shown("SPLIT_PART", {"a--b--c", "--", -4}), "\"\"");
  EXPECT_EQ(shown("SPLIT_PART", {"abc", "", 1}), "\"abc\"");
  EXPECT_EQ(shown("SPLIT_PART", {"abc", "", 2}), "\"\"");
  EXPECT_EQ(shown("SPLIT_PART", {"abc", ",", INT32_MIN}), "\"\"");
  EXPECT_EQ(shown("SPLIT_PART", {"abc", ",", 0}), "error: field position must not be zero");
}

TEST(PostgresFunctions, trim_whole_characters_at_the_ends_asked_for) {
  EXPECT_EQ(shown("LTRIM", {"  a b "}), "\"a b \"");
  EXPECT_EQ(shown("RTRIM", {"λaλλ", "λ"}), "\"λa\"");
  EXPECT_EQ(shown("BTRIM", {"λaλλ", "λ"}), "\"a\"");
  EXPECT_EQ(shown("BTRIM", {"λλ", "λ"}), "\"\"");
  EXPECT_EQ(shown("BTRIM", {" a ", ""}), "\" a \"");
}

TEST(PostgresFunctions, repeat_is_bounded) {
  EXPECT_EQ(shown("REPEAT", {"ab", 2}), "\"abab\"");
  EXPECT_EQ(shown("REPEAT", {"ab", -1}), "\"\"");
  EXPECT_EQ(shown("REPEAT", {"", INT32_MAX}), "\"\"");
  EXPECT_TRUE(shown("REPEAT", {"ab", INT32_MAX}).starts_with("error: "));
}

TEST(PostgresFunctions, mod_has_the_sign_of_the_dividend) {
  EXPECT_EQ(shown("MOD", {7, -3}), "1");
  EXPECT_EQ(shown("MOD", {-7, 3}), "-1");
  EXPECT_EQ(shown("MOD", {INT32_MIN, -1}), "0");
  EXPECT_EQ(shown("MOD", {int64_t{INT64_MIN}, int64_t{-1}}), "0");
  EXPECT_EQ(shown("MOD", {1, 0}), "error: division by zero");
}

TEST(PostgresFunctions, date_trunc_goes_down_also_before_1970) {
  EXPECT_EQ(call("DATE_TRUNC", {"second", at(k2020Dec31)})->as_int64(), k2020Dec31 - 500);
  EXPECT_EQ(call("DATE_TRUNC", {"DAY", at(k1969)})->as_int64(), -86'400'000);
  EXPECT_EQ(call("DATE_TRUNC", {"week", at(k2021Jan1)})->as_int64(), 1'609'113'600'000);
  EXPECT_EQ(call("DATE_TRUNC", {"week", at(k1969)})->as_int64(), -259'200'000);
  EXPECT_EQ(call("DATE_TRUNC", {"month", at(k2020Dec31)})->as_int64(), 1'606'780'800'000);
  EXPECT_EQ(call("DATE_TRUNC", {"quarter", at(k2020Dec31)})->as_int64(), 1'601'510'400'000);
  EXPECT_EQ(call("DATE_TRUNC", {"year", at(k1969)})->as_int64(), -31'536'000'000);
  EXPECT_TRUE(call("DATE_TRUNC", {"year", at(INT64_MAX)})->is_null());
  EXPECT_TRUE(call("DATE_TRUNC", {"hour", at(INT64_MIN)})->is_null());
  EXPECT_EQ(shown("DATE_TRUNC", {"fortnight", at(0)}),
            "error: unit \"fortnight\" is not recognized for a timestamp");
}

TEST(PostgresFunctions, date_part_knows_the_weeks_of_iso_8601) {
  const auto part = [](const char* unit, int64_t ms) {
    return call("DATE_PART", {unit, at(ms)})->as_double();
  };
  EXPECT_EQ(part("week", k2021Jan1), 53);
  EXPECT_EQ(part("isoyear", k2021Jan1), 2020);
  EXPECT_EQ(part("week", k2020Dec31), 53);
  EXPECT_EQ(part("dow", k2021Jan1), 5);
  EXPECT_EQ(part("isodow", 1'609'632'000'000), 7);  // 2021-01-03, a Sunday
  EXPECT_EQ(part("dow", 1'609'632'000'000), 0);
  EXPECT_EQ(part("doy", k2020Dec31), 366);
  EXPECT_EQ(part("second", k2020Dec31), 59.5);
  EXPECT_EQ(part("milliseconds", k2020Dec31), 59'500);
  EXPECT_EQ(part("quarter", k2020Dec31), 4);
  EXPECT_EQ(part("hour", k1969), 23);
  EXPECT_EQ(part("year", k1969), 1969);
  EXPECT_EQ(part("epoch", k1969), -0.001);
}
