#include "engine/types/row_size.h"

#include <array>

namespace engine {
namespace {

constexpr size_t kValue = 8;  // bytes of each value, not counting its text

std::array<size_t, 2> bytes_of_rows(const Column& column, size_t first) {
  std::array<size_t, 2> bytes{};
  add_row_bytes(column, first, bytes);
  return bytes;
}

TEST(RowSize, a_list_counts_with_its_frame_and_its_elements) {
  Column numbers(SqlType::array(TypeKind::Integer));
  numbers.append_value(Value::list({Value::integer(1), Value::integer(2), Value()}));
  numbers.append_null();
  numbers.append_value(Value::list({Value::integer(1)}));
  EXPECT_EQ(bytes_of_rows(numbers, 0), (std::array{4 * kValue, kValue}));
  EXPECT_EQ(bytes_of_rows(numbers, 1), (std::array{kValue, 2 * kValue}));

  Column texts(SqlType::array(TypeKind::String));
  texts.append_value(Value::list({Value::text("four"), Value::text("")}));
  texts.append_value(Value::list({Value::text("sixsix")}));
  EXPECT_EQ(bytes_of_rows(texts, 0), (std::array{3 * kValue + 4, 2 * kValue + 6}));
}

}  // namespace
}  // namespace engine
