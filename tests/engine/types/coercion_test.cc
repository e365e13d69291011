#include "engine/types/coercion.h"

#include <gtest/gtest.h>

using namespace engine;

namespace {

std::string common(const SqlType& left, const SqlType& right) {
  const auto type = common_type(left, right);
  return type ? type->to_string() : "none";
}

}  // namespace

TEST(Coercion, numbers_widen_and_never_narrow) {
  EXPECT_TRUE(is_implicitly_castable(TypeKind::Integer, TypeKind::Bigint));
  EXPECT_TRUE(is_implicitly_castable(TypeKind::Bigint, SqlType::decimal(19, 0)));
  EXPECT_TRUE(is_implicitly_castable(SqlType::decimal(4, 2), TypeKind::Double));
  EXPECT_FALSE(is_implicitly_castable(TypeKind::Bigint, TypeKind::Integer));
  EXPECT_FALSE(is_implicitly_castable(TypeKind::Bigint, SqlType::decimal(18, 0)));
  EXPECT_FALSE(is_implicitly_castable(TypeKind::Double, SqlType::decimal(38, 10)));
  EXPECT_FALSE(is_implicitly_castable(TypeKind::Double, TypeKind::Bigint));
}

TEST(Coercion, a_decimal_needs_room_on_both_sides_of_the_point) {
  EXPECT_TRUE(is_implicitly_castable(SqlType::decimal(4, 2), SqlType::decimal(5, 3)));
  EXPECT_FALSE(is_implicitly_castable(SqlType::decimal(4, 2), SqlType::decimal(4, 3)));
  EXPECT_FALSE(is_implicitly_castable(SqlType::decimal(4, 2), SqlType::decimal(6, 1)));
}

TEST(Coercion, nested_types_go_part_by_part) {
  const SqlType small = SqlType::structure({{"A", TypeKind::Integer}});
  const SqlType large = SqlType::structure({{"A", TypeKind::Bigint}, {"B", TypeKind::String}});
  EXPECT_TRUE(is_implicitly_castable(small, large));
  EXPECT_FALSE(is_implicitly_castable(large, small));
  EXPECT_TRUE(
      is_implicitly_castable(SqlType::array(TypeKind::Integer), SqlType::array(TypeKind::Double)));
  EXPECT_TRUE(is_implicitly_castable({}, large));
  EXPECT_FALSE(is_implicitly_castable(TypeKind::String, TypeKind::Integer));
}

TEST(Coercion, the_common_type_holds_both) {
  EXPECT_EQ(common(TypeKind::Integer, TypeKind::Bigint), "BIGINT");
  EXPECT_EQ(common(TypeKind::Bigint, SqlType::decimal(4, 2)), "DECIMAL(21, 2)");
  EXPECT_EQ(common(SqlType::decimal(4, 2), TypeKind::Double), "DOUBLE");
  EXPECT_EQ(common({}, TypeKind::Date), "DATE");
  EXPECT_EQ(common(TypeKind::String, TypeKind::Date), "none");
  EXPECT_EQ(common(SqlType::structure({{"A", TypeKind::Integer}}),
                   SqlType::structure({{"B", TypeKind::Integer}, {"A", TypeKind::Bigint}})),
            "STRUCT<`A` BIGINT, `B` INTEGER>");
}
