#include "engine/types/declared_lengths.h"

#include <gtest/gtest.h>

#include "engine/types/postgres_types.h"
#include "engine/types/text_postgres.h"

namespace engine {
namespace {

SqlType text_of(PostgresLabel label, int32_t modifier) {
  return SqlType(TypeKind::String).labelled(label).with_modifier(modifier);
}

// Returns the values that fit, and for each refused value its row and the reason.
std::string fit(const SqlType& type, std::initializer_list<Value> values,
                LengthRule rule = LengthRule::Write) {
  Column column(type);
  for (const Value& value : values) column.append_value(value);
  std::string shown;
  const Column fitted = fit_declared(type, column, rule, [&](size_t row, const Error& error) {
    shown += std::to_string(row) + ": " + error.message + "; ";
  });
  for (size_t i = 0; i < values.size(); ++i) {
    if (!fitted.is_null(i)) append_postgres_text(shown, fitted, i);
    shown += '|';
  }
  return shown;
}

TEST(DeclaredLengths, apply_to_texts_bits_and_times_also_in_arrays) {
  const SqlType varchar = text_of(label::kVarchar, 3 + 4);
  EXPECT_TRUE(has_declared_length(varchar));
  EXPECT_TRUE(has_declared_length(SqlType::array(varchar)));
  EXPECT_TRUE(has_declared_length(SqlType::structure({{"A", varchar}})));
  EXPECT_FALSE(has_declared_length(TypeKind::String));
  EXPECT_FALSE(has_declared_length(SqlType::decimal(4, 2)));
  const SqlType plain = without_declared_lengths(SqlType::array(varchar));
  EXPECT_EQ(plain.element().modifier(), -1);
  EXPECT_EQ(plain.element().label(), label::kVarchar);
  EXPECT_TRUE(
      with_declared_lengths(plain, SqlType::array(varchar)).is_identical(SqlType::array(varchar)));
}

TEST(DeclaredLengths, texts_are_refused_or_cut_by_letters) {
  const SqlType varchar = text_of(label::kVarchar, 3 + 4);
  EXPECT_EQ(fit(varchar, {Value(), Value::text("größ")}),
            "1: value too long for type character varying(3); ||");
  EXPECT_EQ(fit(varchar, {Value::text("grö"), Value(), Value::text("ab   "), Value::text("")}),
            "grö||ab ||");
  // A character outside the 16-bit plane also counts as one.
  EXPECT_EQ(fit(varchar, {Value::text("a\U0001F600bc")}, LengthRule::Cast), "a\U0001F600b|");
  EXPECT_EQ(fit(SqlType::array(varchar),
                {Value::list({Value::text("a")}),
                 Value::list({Value::text("ab  "), Value(), Value::text("abcd")})}),
            "1: value too long for type character varying(3); {a}|{\"ab \",NULL,NULL}|");
  EXPECT_EQ(
      fit(SqlType::array(varchar), {Value::list({Value::text("abcd"), Value()})}, LengthRule::Cast),
      "{abc,NULL}|");
}

TEST(DeclaredLengths, bits_are_refused_or_cut_and_filled_up) {
  const SqlType bit = text_of(label::kBit, 3), varbit = text_of(label::kVarbit, 3);
  EXPECT_EQ(fit(bit, {Value::text("10")}), "0: bit string length 2 does not match type bit(3); |");
  EXPECT_EQ(fit(bit, {Value::text("10"), Value::text("1011")}, LengthRule::Cast), "100|101|");
  EXPECT_EQ(fit(varbit, {Value::text("1011")}),
            "0: bit string too long for type bit varying(3); |");
  EXPECT_EQ(fit(varbit, {Value::text("10"), Value::text("1011")}, LengthRule::Cast), "10|101|");
}

// Half a second is rounded away from 2000-01-01: up after it, and down before it.
TEST(DeclaredLengths, times_are_rounded) {
  const SqlType seconds = SqlType(TypeKind::Timestamp).with_modifier(0);
  EXPECT_EQ(fit(seconds, {Value::bigint(946'684'801'500), Value::bigint(946'684'799'500),
                          Value::bigint(-1'501), Value()}),
            "2000-01-01 00:00:02+00|1999-12-31 23:59:59+00|1969-12-31 23:59:58+00||");
  const SqlType ms = SqlType(TypeKind::Timestamp).with_modifier(3);
  EXPECT_EQ(fit(ms, {Value::bigint(1'501)}), "1970-01-01 00:00:01.501+00|");
  EXPECT_EQ(fit(seconds, {Value::bigint(INT64_MAX)}), fit(ms, {Value::bigint(INT64_MAX)}));
  const SqlType day = SqlType(TypeKind::Time).with_modifier(0);
  EXPECT_EQ(fit(day, {Value::integer(86'399'999), Value::integer(500)}), "23:59:59|00:00:01|");
}

TEST(DeclaredLengths, times_that_are_texts_keep_microseconds) {
  EXPECT_EQ(fit(text_of(label::kExactTimestamp, 5),
                {Value::text("2024-01-01 10:00:00.123456"), Value::text("infinity")}),
            "2024-01-01 10:00:00.12346|infinity|");
  EXPECT_EQ(fit(text_of(label::kExactTime, 0), {Value::text("23:59:59.5")}), "24:00:00|");
  constexpr int32_t kAllFields = 0x7fff << 16;
  EXPECT_EQ(fit(text_of(label::kInterval, kAllFields | 2),
                {Value::text("1 day 00:00:01.235"), Value::text("-00:00:01.235")}),
            "1 day 00:00:01.24|-00:00:01.24|");
  EXPECT_EQ(fit(text_of(label::kTimetz, 1), {Value::text("10:00:00.25+02")}), "10:00:00.3+02|");
}

}  // namespace
}  // namespace engine
