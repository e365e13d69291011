#include <gtest/gtest.h>

#include "tests/engine/functions/call.h"

using namespace functions_test;
using engine::SqlType;
using engine::TypeKind;

namespace {

using Items = std::vector<Typed>;

Typed array(Items items) { return Typed(std::move(items)); }
const Typed kNoArray{SqlType::array(TypeKind::Integer), {}};
const Typed kNoInt{TypeKind::Integer, {}};
const Typed kNoMap{SqlType::map(TypeKind::String, TypeKind::Integer), {}};

}  // namespace

TEST(Arrays, sets_count_null_as_a_value) {
  EXPECT_EQ(shown("ARRAY_DISTINCT", {array({1, nullptr, 1, nullptr, 2})}), "[1,null,2]");
  EXPECT_EQ(shown("ARRAY_UNION", {array({1, nullptr}), array({2, nullptr, 1})}), "[1,null,2]");
  EXPECT_EQ(shown("ARRAY_EXCEPT", {array({0, 0, 1, nullptr}), array({1})}), "[0,null]");
  EXPECT_EQ(shown("ARRAY_INTERSECT", {array({3, 1, 3, 2}), array({2, 3})}), "[3,2]");
  EXPECT_EQ(shown("ARRAY_REMOVE", {array({1, nullptr, 2}), kNoInt}), "[1,2]");
  EXPECT_EQ(shown("ARRAY_CONTAINS", {array({1, nullptr}), kNoInt}), "true");
}

TEST(Arrays, null_arrays_have_their_own_rules) {
  EXPECT_EQ(shown("ARRAY_CONTAINS", {kNoArray, 1}), "false");
  EXPECT_EQ(shown("ARRAY_CONCAT", {kNoArray, array({1})}), "[1]");
  EXPECT_EQ(shown("ARRAY_CONCAT", {kNoArray, kNoArray}), "null");
  EXPECT_EQ(shown("ARRAY_UNION", {kNoArray, array({1})}), "null");
  EXPECT_EQ(shown("ARRAY_REMOVE", {kNoArray, 1}), "null");
  EXPECT_EQ(shown("ARRAY_LENGTH", {kNoArray}), "null");
  EXPECT_EQ(shown("ARRAY_MAX", {array({nullptr, kNoInt})}), "null");
}

TEST(Arrays, equality_looks_into_nested_values) {
  const Typed ab = map({{"a", 1}, {"b", 2}}), ba = map({{"b", 2}, {"a", 1}});
  EXPECT_EQ(shown("ARRAY_REMOVE", {array({ab, map({{"a", 3}})}), ba}), R"([{"a":3}])");
  EXPECT_EQ(shown("ARRAY_DISTINCT", {array({array({1}), array({1})})}), "[[1]]");
}

TEST(Arrays, order_is_that_of_java_with_nulls_last) {
  EXPECT_EQ(shown("ARRAY_SORT", {array({"foo", nullptr, "Food", "F"})}),
            R"(["F","Food","foo",null])");
  EXPECT_EQ(shown("ARRAY_SORT", {array({1, nullptr, 3}), "desc"}), "[3,1,null]");
  EXPECT_EQ(shown("ARRAY_SORT", {array({1}), "sideways"}), "null");
  EXPECT_EQ(shown("ARRAY_MAX", {array({-1.5, nullptr, 0.25})}), "0.25");
  EXPECT_EQ(shown("ARRAY_MIN", {array({true, false})}), "false");
}

TEST(Arrays, slices_must_lie_within) {
  const Typed four = array({1, 2, 3, 4});
  EXPECT_EQ(shown("SLICE", {four, 2, 3}), "[2,3]");
  EXPECT_EQ(shown("SLICE", {four, kNoInt, 2}), "[1,2]");
  EXPECT_EQ(shown("SLICE", {four, 3, kNoInt}), "[3,4]");
  EXPECT_EQ(shown("SLICE", {four, 0, 2}), "null");
  EXPECT_EQ(shown("SLICE", {four, 2, 5}), "null");
  EXPECT_EQ(shown("SLICE", {four, 4, 2}), "null");
}

TEST(Arrays, joining_prints_as_java) {
  EXPECT_EQ(shown("ARRAY_JOIN", {array({true, nullptr})}), "\"true,null\"");
  EXPECT_EQ(shown("ARRAY_JOIN", {array({1.0, 0.0001}), "|"}), "\"1.0|1.0E-4\"");
  EXPECT_EQ(shown("ARRAY_JOIN", {array({"a", "b"}), Typed(TypeKind::String, {})}), "\"ab\"");
  EXPECT_EQ(shown("ARRAY_JOIN", {array({array({1})})}),
            "error: Unsupported element type in array: ARRAY<INTEGER>");
}

TEST(Maps, keys_come_in_the_order_of_javas_hash_map) {
  const Typed three = map({{"foo", 10}, {"bar", nullptr}, {"baz", 30}});
  EXPECT_EQ(shown("MAP_KEYS", {three}), R"(["bar","baz","foo"])");
  EXPECT_EQ(shown("MAP_VALUES", {three}), "[null,30,10]");
  EXPECT_EQ(shown("MAP_KEYS", {map({{"yes, thanks", 1}, {"nope", 2}, {"sure, yeah", 3}})}),
            R"(["yes, thanks","sure, yeah","nope"])");
  EXPECT_EQ(shown("MAP_KEYS", {kNoMap}), "null");
  EXPECT_EQ(shown("ENTRIES", {three, true}),
            R"([{"K":"bar","V":null},{"K":"baz","V":30},{"K":"foo","V":10}])");
}

TEST(Maps, unions_prefer_the_second) {
  EXPECT_EQ(shown("MAP_UNION", {map({{"a", 1}, {"b", 2}}), map({{"b", 9}, {"c", nullptr}})}),
            R"({"a":1,"b":9,"c":null})");
  EXPECT_EQ(shown("MAP_UNION", {kNoMap, map({{"a", 1}})}), R"({"a":1})");
  EXPECT_EQ(shown("MAP_UNION", {kNoMap, kNoMap}), "null");
  EXPECT_EQ(shown("AS_MAP", {array({"a", "b"}), array({1})}), R"({"a":1,"b":null})");
  EXPECT_EQ(shown("AS_MAP", {array({"a"}), array({1, 2})}), R"({"a":1})");
}

TEST(Conditional, the_first_value_wins) {
  EXPECT_EQ(shown("COALESCE", {kNoInt, nullptr, 3}), "3");
  EXPECT_EQ(shown("COALESCE", {kNoInt}), "null");
  EXPECT_EQ(shown("IFNULL", {kNoArray, array({1})}), "[1]");
  EXPECT_EQ(shown("NULLIF", {3, 3}), "null");
  EXPECT_EQ(shown("NULLIF", {3, kNoInt}), "3");
  EXPECT_EQ(shown("AS_VALUE", {"key"}), "\"key\"");
  EXPECT_EQ(shown("COALESCE", {}).substr(0, 56),
            "error: Function 'COALESCE' does not accept parameters ()");
}

TEST(TableFunctions, explode_and_cube_give_a_list_a_row) {
  EXPECT_EQ(shown("EXPLODE", {array({1, nullptr})}), "[1,null]");
  EXPECT_EQ(shown("EXPLODE", {kNoArray}), "null");
  EXPECT_EQ(shown("CUBE_EXPLODE", {array({1, 2})}), "[[null,null],[null,2],[1,null],[1,2]]");
  EXPECT_EQ(shown("CUBE_EXPLODE", {array({1, nullptr})}), "[[null,null],[1,null]]");
  EXPECT_EQ(shown("CUBE_EXPLODE", {array({nullptr, "x"})}), R"([[null,null],[null,"x"]])");
  EXPECT_EQ(shown("CUBE_EXPLODE", {array(Items(21, Typed(1)))}),
            "error: Cube Explode does not support more than 20 columns");
}
