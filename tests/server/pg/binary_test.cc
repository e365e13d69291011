#include "server/pg/binary.h"

#include <gtest/gtest.h>

#include <random>

#include "engine/types/postgres_types.h"
#include "engine/types/text_number.h"
#include "engine/types/text_postgres.h"
#include "server/pg/wire_types.h"
#include "tests/server/pg/conversation.h"

using namespace server::pg;
using engine::Column;
using engine::Int128;
using engine::SqlType;
using engine::TypeKind;
using engine::Value;

namespace {

// Returns the value after it was written in binary form and read back, as text.
std::string there_and_back(const SqlType& type, const Value& value) {
  Column column(type);
  column.append_value(value);
  std::string bytes;
  append_binary(bytes, column, 0);
  const auto text = text_of_binary(wire_type(type).oid, bytes);
  return text ? *text : text.error().message;
}

}  // namespace

TEST(BinaryNumeric, keeps_every_digit) {
  std::mt19937_64 random(4711);
  const Int128 largest = engine::power_of_ten(37) * 9 + 123;
  std::vector<Int128> numbers = {0, 1, 9, 10, 9999, 10'000, 10'001, 100'000'000, largest, -largest};
  for (int i = 0; i < 500; ++i) {
    const Int128 wide = (static_cast<Int128>(random() >> 2) << 60) | (random() >> 4);
    numbers.push_back((wide >> (random() % 120)) * (random() % 2 == 0 ? 1 : -1));
  }
  for (const Int128 unscaled : numbers)
    for (const int scale : {0, 1, 2, 3, 4, 5, 8, 19, 38}) {
      const SqlType type = SqlType::decimal(38, scale);
      ASSERT_EQ(there_and_back(type, Value::decimal(unscaled, scale)),
                engine::decimal_text(unscaled, scale));
    }
}

TEST(BinaryNumeric, zero_has_no_digits) {
  Column column(SqlType::decimal(4, 2));
  column.append_value(Value::decimal(0, 2));
  std::string bytes;
  append_binary(bytes, column, 0);
  EXPECT_EQ(bytes, number16(0) + number16(0) + number16(0) + number16(2));
}

TEST(BinaryNumeric, not_a_number_has_a_name) {
  const auto special = [](int sign) {
    return *text_of_binary(oid::kNumeric, number16(0) + number16(0) + number16(sign) + number16(0));
  };
  EXPECT_EQ(special(0xC000), "NaN");
  EXPECT_EQ(special(0xD000), "Infinity");
  EXPECT_EQ(special(0xF000), "-Infinity");
}

TEST(BinaryNumeric, an_impossible_numeric_is_refused) {
  const auto refused = [](const std::string& bytes, ErrorCode code = ErrorCode::BadBinary) {
    const auto text = text_of_binary(oid::kNumeric, bytes);
    return !text && text.error().code == code;
  };
  const auto head = [](int groups, int sign, int scale) {
    return number16(groups) + number16(0) + number16(sign) + number16(scale);
  };
  ASSERT_EQ(*text_of_binary(oid::kNumeric, head(1, 0, 0) + number16(12)), "12");
  constexpr ErrorCode kCutShort = ErrorCode::ProtocolViolation;
  // the header announces more groups than follow
  EXPECT_TRUE(refused(head(3, 0, 0) + number16(12), kCutShort));
  EXPECT_TRUE(refused(head(0xffff, 0, 0), kCutShort));      // a negative number of groups
  EXPECT_TRUE(refused(head(1, 0x1234, 0) + number16(12)));  // not a valid sign
  EXPECT_TRUE(refused(head(1, 0, 0) + number16(10'000)));   // more than four digits
  EXPECT_TRUE(refused(head(1, 0, 0) + number16(-1)));
  EXPECT_TRUE(refused(head(1, 0, 0x4000) + number16(12)));  // too many digits after the point
}

TEST(Binary, times_beyond_postgresqls_range_are_its_infinity) {
  Column column(TypeKind::Timestamp);
  column.append_value(Value::bigint(INT64_MAX));
  column.append_value(Value::bigint(INT64_MIN));
  std::string bytes;
  append_binary(bytes, column, 0);
  append_binary(bytes, column, 1);
  EXPECT_EQ(bytes, number64(INT64_MAX) + number64(INT64_MIN));
}

TEST(Binary, nested_lists_are_json) {
  const SqlType type = SqlType::array(SqlType::array(TypeKind::Integer));
  EXPECT_EQ(wire_type(type).oid, oid::kJsonb);
  const Value value =
      Value::list({Value::list({Value::integer(1)}), Value::list({Value::integer(2), Value()})});
  EXPECT_EQ(there_and_back(type, value), "[[1],[2,null]]");
}

TEST(Binary, an_empty_list_has_no_dimension) {
  EXPECT_EQ(there_and_back(SqlType::array(TypeKind::Integer), Value::list({})), "{}");
}

TEST(Binary, values_of_the_wrong_size_are_refused) {
  for (const uint32_t type : {oid::kBool, oid::kInt2, oid::kInt4, oid::kInt8, oid::kFloat8,
                              oid::kNumeric, oid::kDate, oid::kTimestamptz, uint32_t{1007}})
    for (const std::string& bytes : {std::string(), std::string(3, '\0'), std::string(100, '\1')}) {
      const auto text = text_of_binary(type, bytes);
      EXPECT_FALSE(text) << type << ": " << *text;
    }
}

TEST(Binary, arrays_that_claim_more_than_they_hold_are_refused) {
  const std::string head = number32(1) + number32(0) + number32(23);
  EXPECT_FALSE(text_of_binary(1007, head + number32(2'000'000'000) + number32(1)));
  EXPECT_FALSE(text_of_binary(1007, head + number32(1) + number32(1) + number32(-2)));
  EXPECT_FALSE(text_of_binary(1007, number32(2) + number32(0) + number32(23)));
}

TEST(Binary, arrays_of_less_than_nothing_are_refused) {
  const auto array = [](int dimensions, int flags, int items) {
    return text_of_binary(1007, number32(dimensions) + number32(flags) + number32(23) +
                                    number32(items) + number32(1));
  };
  EXPECT_EQ(*array(1, 0, 0), "{}");
  for (const auto& text :
       {array(1, 0, -1), array(1, 0, INT32_MIN), array(1, 7, 0), array(-1, 0, 0)})
    EXPECT_FALSE(text);
}

// If a client sends an array of another type, its bytes must not be read as the expected type.
TEST(Binary, arrays_of_another_type_are_refused) {
  const auto array = [](int element) {
    return text_of_binary(1007, number32(1) + number32(0) + number32(element) + number32(1) +
                                    number32(1) + number32(4) + number32(7));
  };
  EXPECT_EQ(*array(23), "{\"7\"}");
  for (const int other : {20, 26, 700, 0}) {
    const auto text = array(other);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, ErrorCode::TypeMismatch);
  }
}

TEST(Binary, numbers_of_catalog_objects_are_unsigned) {
  for (const uint32_t type : {2205U, 2206U, 4089U, 24U}) {
    EXPECT_EQ(*text_of_binary(type, number32(-1)), "4294967295");
    EXPECT_EQ(text_of_binary(type, "ab").error().code, ErrorCode::ProtocolViolation);
  }
}

TEST(BinaryLabels, addresses_that_end_too_early_are_no_addresses) {
  EXPECT_EQ(text_of_binary(869, "").error().code, ErrorCode::ProtocolViolation);
  const std::string of_no_length("\2\0\0\0", 4), cut("\2\40\0\4\1\1", 6);
  EXPECT_EQ(text_of_binary(869, of_no_length).error().code, ErrorCode::BadBinary);
  EXPECT_EQ(text_of_binary(869, cut).error().code, ErrorCode::ProtocolViolation);
}

TEST(BinaryLabels, go_there_and_back) {
  struct Case {
    std::string_view type, text;
  };
  constexpr Case kCases[] = {
      {"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
      {"json", "{\"a\" : 1}"},
      {"jsonb", "{\"a\": 1}"},
      {"interval", "1 year 2 mons -3 days +04:05:06.7"},
      {"timetz", "10:20:30.000001-05:30"},
      {"macaddr", "08:00:2b:01:02:03"},
      {"bit", "1010101011"},
      {"varbit", ""},
      {"numeric", "-1234567890123456789012345678901234567890.0001000"},
      {"numeric", "0.00001"},
      {"numeric", "NaN"},
      {"numeric", "10000"},
  };
  for (const auto& [name, text] : kCases) {
    const SqlType type = engine::type_of(*engine::label_named(name));
    EXPECT_EQ(there_and_back(type, Value::text(std::string(text))), text) << name;
  }
}

// The text of the value is read again, which brings it into its normal form.
TEST(BinaryLabels, ranges_and_addresses_keep_their_meaning) {
  struct Case {
    std::string_view type, text;
  };
  constexpr Case kCases[] = {
      {"inet", "192.168.0.1"},
      {"inet", "2001:db8::1/64"},
      {"cidr", "10.0.0.0/8"},
      {"int4range", "[1,5)"},
      {"int4range", "empty"},
      {"int8range", "(,)"},
      {"numrange", "(1.50,2]"},
      {"daterange", "[2024-02-28,infinity)"},
      {"tsrange", "[\"2024-01-01 00:00:00\",\"2024-01-02 03:04:05.000001\")"},
      {"tstzrange", "[\"1969-01-01 00:00:00+00\",)"},
      {"int4multirange", "{[1,5),[7,9)}"},
      {"nummultirange", "{}"},
  };
  for (const auto& [name, text] : kCases) {
    const SqlType type = engine::type_of(*engine::label_named(name));
    const auto normal = normalized_text(type, there_and_back(type, Value::text(std::string(text))));
    ASSERT_TRUE(normal) << name << ": " << normal.error().message;
    EXPECT_EQ(*normal, text) << name;
  }
}

TEST(BinaryLabels, narrow_numbers_have_their_own_size) {
  const auto size_of = [](std::string_view name, const Value& value) {
    const SqlType type = engine::type_of(*engine::label_named(name));
    Column column(type);
    column.append_value(value);
    std::string bytes;
    append_binary(bytes, column, 0);
    return bytes.size();
  };
  EXPECT_EQ(size_of("int2", Value::integer(-1)), 2u);
  EXPECT_EQ(size_of("oid", Value::bigint(4'000'000'000)), 4u);
  EXPECT_EQ(size_of("float4", Value::number(0.5)), 4u);
}

TEST(BinaryLabels, truncated_values_are_refused) {
  for (const engine::PostgresLabelRow& row : engine::postgres_labels()) {
    if (row.normalize == nullptr || row.label == engine::label::kJson) continue;
    const auto text = text_of_binary(row.oid, std::string_view("\x02", 1));
    const SqlType type = engine::type_of(row);
    EXPECT_FALSE(text && normalized_text(type, *text)) << row.name;
  }
}
