#include "server/pg/binary.h"

#include <gtest/gtest.h>

#include <random>

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

// A value as it is after it went out in binary and came back as text.
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

TEST(BinaryNumeric, of_zero_has_no_digits) {
  Column column(SqlType::decimal(4, 2));
  column.append_value(Value::decimal(0, 2));
  std::string bytes;
  append_binary(bytes, column, 0);
  EXPECT_EQ(bytes, number16(0) + number16(0) + number16(0) + number16(2));
}

TEST(BinaryNumeric, that_is_no_number_has_a_name) {
  const auto special = [](int sign) {
    return *text_of_binary(oid::kNumeric, number16(0) + number16(0) + number16(sign) + number16(0));
  };
  EXPECT_EQ(special(0xC000), "NaN");
  EXPECT_EQ(special(0xD000), "Infinity");
  EXPECT_EQ(special(0xF000), "-Infinity");
}

TEST(Binary, times_beyond_what_postgresql_counts_are_its_infinity) {
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

TEST(Binary, of_the_wrong_size_is_refused) {
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
