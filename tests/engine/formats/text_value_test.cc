#include "engine/formats/text_value.h"

#include <cmath>

#include "engine/types/postgres_types.h"
#include "engine/types/text_postgres.h"

namespace engine {
namespace {

Value parse(const SqlType& type, std::string_view text) {
  auto value = parse_text_value(type, text, "column AMOUNT");
  return value ? *value : Value::text("error: " + value.error().message);
}
std::string print(const SqlType& type, const Value& value) {
  Column column(type);
  column.append_value(value);
  std::string text;
  append_postgres_text(text, column, 0);
  return text;
}
Value text(const char* s) { return Value::text(s); }

TEST(TextValue, an_unreadable_value_is_shown_with_column_and_type) {
  const auto error = parse_text_value(SqlType::decimal(10, 2), "12,5O", "column AMOUNT").error();
  EXPECT_EQ(error.message, "invalid input for column AMOUNT (DECIMAL(10, 2)): \"12,5O\"");
  EXPECT_EQ(error.code, ErrorCode::InvalidText);
  const auto range = parse_text_value(TypeKind::Integer, "3000000000", "parameter $1").error();
  EXPECT_EQ(range.message, "value out of range for parameter $1 (INTEGER): \"3000000000\"");
  EXPECT_EQ(range.code, ErrorCode::OutOfRange);
  EXPECT_EQ(parse_text_value(TypeKind::Date, "x", "c").error().code, ErrorCode::InvalidDatetime);
  EXPECT_EQ(parse_text_value(TypeKind::String, "\xff", "c").error().code,
            ErrorCode::InvalidEncoding);
}

TEST(TextValue, scalars_are_read_as_postgresql_does) {
  for (const char* yes : {"t", "TRUE", "yes", "on", "1", " y "})
    EXPECT_EQ(parse(TypeKind::Boolean, yes), Value::boolean(true)) << yes;
  for (const char* no : {"f", "False", "no", "off", "0"})
    EXPECT_EQ(parse(TypeKind::Boolean, no), Value::boolean(false)) << no;
  EXPECT_TRUE(parse(TypeKind::Boolean, "o").as_string().starts_with("error"));
  EXPECT_EQ(parse(TypeKind::Integer, " -7 "), Value::integer(-7));
  EXPECT_EQ(parse(TypeKind::Double, "-inf"), Value::number(-HUGE_VAL));
  EXPECT_EQ(parse(SqlType::decimal(4, 2), "1.005"), Value::decimal(101, 2));
  EXPECT_EQ(parse(TypeKind::Bytes, "\\x00fF"), Value::text(std::string("\0\xff", 2)));
  EXPECT_EQ(parse(TypeKind::Bytes, "a\\\\\\001"), text("a\\\x01"));
  EXPECT_EQ(parse(TypeKind::Timestamp, "2024-01-02 03:04:05.678+01"), Value::bigint(1704161045678));
  EXPECT_EQ(parse(TypeKind::Timestamp, "2024-01-02T03:04:05.678 UTC"),
            Value::bigint(1704164645678));
  EXPECT_EQ(parse(TypeKind::Timestamp, "2024-01-02"), Value::bigint(1704153600000));
  EXPECT_EQ(parse(TypeKind::Time, "10:15:30"), Value::integer(36930000));
}

TEST(TextValue, an_infinity_is_no_value_in_milliseconds_even_beside_an_era) {
  for (const char* text : {"infinity", "-infinity", "INFINITY BC", "-infinity BC"})
    EXPECT_EQ(parse_text_value(TypeKind::Timestamp, text, "c").error().code,
              ErrorCode::InvalidDatetime)
        << text;
  EXPECT_EQ(parse(TypeKind::Timestamp, "epoch BC"), Value::bigint(0));
}

TEST(TextValue, values_beyond_a_narrower_type_are_out_of_range) {
  const auto code = [](PostgresLabel label, std::string_view text) {
    const auto value = parse_text_value(type_of(*find_label(label)), text, "parameter $1");
    return value ? ErrorCode::Internal : value.error().code;
  };
  for (const char* text : {"32768", "-32769"})
    EXPECT_EQ(code(label::kInt2, text), ErrorCode::OutOfRange) << text;
  for (const char* text : {"4294967296", "-1"})
    EXPECT_EQ(code(label::kOid, text), ErrorCode::OutOfRange) << text;
  for (const char* text : {"3.5e38", "-1e39", "1e-46"})
    EXPECT_EQ(code(label::kFloat4, text), ErrorCode::OutOfRange) << text;
  const auto is_taken = [&](PostgresLabel label, std::string_view text) {
    return code(label, text) == ErrorCode::Internal;
  };
  EXPECT_TRUE(is_taken(label::kInt2, "-32768") && is_taken(label::kOid, "4294967295"));
  for (const char* text : {"3.4028235e38", "1e-45", "0", "-Infinity", "NaN"})
    EXPECT_TRUE(is_taken(label::kFloat4, text)) << text;
}

TEST(TextValue, a_real_has_its_own_digits_only) {
  const SqlType real = type_of(*find_label(label::kFloat4));
  EXPECT_EQ(parse(real, "0.1"), Value::number(double{0.1F}));
  for (const char* shown : {"0.1", "999999", "1e+06", "1.6777216e+07", "0.0001", "1e-05", "-0"})
    EXPECT_EQ(print(real, parse(real, shown)), shown);
}

TEST(TextValue, scalars_are_printed_as_postgresql_does) {
  EXPECT_EQ(print(TypeKind::Boolean, Value::boolean(true)), "t");
  EXPECT_EQ(print(TypeKind::Double, Value::number(1e7)), "10000000");
  EXPECT_EQ(print(TypeKind::Bytes, text("\x01\xff")), "\\x01ff");
  EXPECT_EQ(print(TypeKind::Timestamp, Value::bigint(1704164645678)), "2024-01-02 03:04:05.678+00");
  EXPECT_EQ(print(TypeKind::Timestamp, Value::bigint(-1000)), "1969-12-31 23:59:59+00");
  EXPECT_EQ(print(TypeKind::Time, Value::integer(36900000)), "10:15:00");
}

TEST(TextValue, arrays_are_read_back_with_any_elements) {
  const SqlType strings = SqlType::array(TypeKind::String);
  const Value list =
      Value::list({text("a b"), text(""), Value(), text("null"), text("q\"\\,{}"), text("x")});
  EXPECT_EQ(print(strings, list), R"({"a b","",NULL,"null","q\"\\,{}",x})");
  EXPECT_EQ(parse(strings, print(strings, list)), list);
  EXPECT_EQ(parse(strings, "{}"), Value::list({}));
  EXPECT_EQ(parse(strings, R"(["a",null])"), Value::list({text("a"), Value()}));
  EXPECT_EQ(parse(SqlType::array(TypeKind::Integer), "{ 1 , NULL,3}"),
            Value::list({Value::integer(1), Value(), Value::integer(3)}));
  const SqlType nested = SqlType::array(SqlType::array(TypeKind::Integer));
  const Value rows = Value::list({Value::list({Value::integer(1)}), Value::list({})});
  EXPECT_EQ(print(nested, rows), "[[1],[]]");
  EXPECT_EQ(parse(nested, "[[1],[]]"), rows);
  EXPECT_EQ(parse(nested, "{{1},{}}"), rows);
  for (const char* wrong : {"", "{", "{1", "{1,}", "{1}x", "{,1}", "{x}", "[1", "{{1}}", "{\"1}"})
    EXPECT_TRUE(parse(SqlType::array(TypeKind::Integer), wrong).payload().index() ==
                text("").payload().index())
        << wrong;
}

TEST(TextValue, elements_of_a_json_array_are_checked_like_others) {
  const SqlType uuids = SqlType::array(type_of(*find_label(label::kUuid)));
  EXPECT_FALSE(parse_text_value(uuids, R"(["garbage"])", "parameter $1"));
  EXPECT_EQ(print(uuids, parse(uuids, R"(["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", null])")),
            "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}");
}

TEST(TextValue, times_before_the_first_year_are_taken_as_they_are_shown) {
  for (const char* const shown :
       {"0001-01-01 00:00:00+00 BC", "0044-03-15 10:20:30.5+00 BC", "0001-01-01 00:00:00+00"})
    EXPECT_EQ(print(TypeKind::Timestamp, parse(TypeKind::Timestamp, shown)), shown);
  EXPECT_EQ(print(TypeKind::Timestamp, parse(TypeKind::Timestamp, "0044-03-15 10:00:00-02:00 BC")),
            "0044-03-15 12:00:00+00 BC");
  EXPECT_FALSE(parse_text_value(TypeKind::Timestamp, "0000-01-01 BC", "parameter $1"));
}

TEST(TextValue, maps_and_structs_are_json) {
  const SqlType type = SqlType::structure(
      {{"A", TypeKind::Timestamp}, {"M", SqlType::map(TypeKind::String, SqlType::decimal(4, 2))}});
  const Value value =
      Value::list({Value::bigint(0), Value::map({{text("k"), Value::decimal(150, 2)}})});
  EXPECT_EQ(print(type, value), R"({"A":"1970-01-01T00:00:00.000","M":{"k":1.50}})");
  EXPECT_EQ(parse(type, print(type, value)), value);
  EXPECT_EQ(parse(type, R"({"a":0,"m":{"k":1.5}})"), value);
  const SqlType list = SqlType::array(SqlType::structure({{"A", TypeKind::Integer}}));
  const Value rows = Value::list({Value::list({Value::integer(1)}), Value()});
  EXPECT_EQ(print(list, rows), R"({"{\"A\":1}",NULL})");
  EXPECT_EQ(parse(list, print(list, rows)), rows);
  EXPECT_EQ(parse(list, R"([{"A":1},null])"), rows);
  EXPECT_EQ(parse_text_value(type, "{\"a\":", "c").error().detail,
            "not valid JSON: the text ends too early at byte 5");
}

TEST(TextValue, a_value_that_fails_leaves_the_column_as_it_was) {
  const SqlType type = SqlType::array(SqlType::array(TypeKind::Integer));
  TextValueReader reader(type, "column A");
  Column column(type);
  EXPECT_FALSE(reader.append("{{1,2},{3,x}}", column));
  EXPECT_FALSE(reader.append("[[1,2],[3,\"x\"]]", column));
  ASSERT_TRUE(reader.append("{{4}}", column));
  ASSERT_EQ(column.size(), 1u);
  EXPECT_EQ(column.value_at(0), Value::list({Value::list({Value::integer(4)})}));
}

}  // namespace
}  // namespace engine
