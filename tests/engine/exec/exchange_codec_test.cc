#include "engine/exec/exchange_codec.h"

namespace engine {
namespace {

struct Values {
  Column city{TypeKind::String}, amount{TypeKind::Bigint};
  std::vector<const Column*> columns{&city, &amount};
  std::string scratch;
};

TEST(ExchangeCodec, both_sides_of_a_change_come_back) {
  Values values;
  values.city.append(std::string_view("Lahore"));
  values.amount.append(int64_t{7});
  values.city.append(std::string_view("Quetta"));
  values.amount.append_null();
  std::string bytes(1, static_cast<char>(kHasNewRow | kHasOldRow));
  encode_exchange_row(values.columns, 1, values.scratch, bytes);
  encode_exchange_row(values.columns, 0, values.scratch, bytes);
  const auto change = decode_exchange_value(bytes);
  ASSERT_TRUE(change);
  EXPECT_TRUE(change->has_new);
  EXPECT_TRUE(change->has_old);
  Column city(TypeKind::String), amount(TypeKind::Bigint);
  const std::vector<Column*> outs{&city, &amount};
  ASSERT_TRUE(decode_row(change->new_row, outs, RowStrings::View));
  ASSERT_TRUE(decode_row(change->old_row, outs, RowStrings::View));
  EXPECT_EQ(city.value_at(0), Value::text("Quetta"));
  EXPECT_TRUE(amount.is_null(0));
  EXPECT_EQ(city.value_at(1), Value::text("Lahore"));
  EXPECT_EQ(amount.value_at(1), Value::bigint(7));

  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_exchange_value(std::string_view(bytes).substr(0, size))) << size;
  EXPECT_FALSE(decode_exchange_value(bytes + "x"));
}

TEST(ExchangeCodec, a_record_without_rows_is_a_delete_of_nothing) {
  const auto change = decode_exchange_value(std::string_view("\0", 1));
  ASSERT_TRUE(change);
  EXPECT_FALSE(change->has_new);
  EXPECT_FALSE(change->has_old);
}

}  // namespace
}  // namespace engine
