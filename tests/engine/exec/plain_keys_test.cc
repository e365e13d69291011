#include "engine/exec/plain_keys.h"

namespace engine {
namespace {

const std::vector<ColumnDef> kKeyColumns{{"A", TypeKind::Integer}, {"B_2", TypeKind::Bigint}};

// Returns the keys in the order of the columns; "other" if a key does not have the plain form.
std::string read(const std::vector<std::string_view>& keys) {
  Column a(TypeKind::Integer), b(TypeKind::Bigint);
  a.append(int32_t{7});
  b.append(int64_t{8});
  const std::vector<Column*> columns{&a, &b};
  const bool are_plain = PlainKeys::of({"JSON"}, kKeyColumns)->read(keys, columns);
  EXPECT_EQ(a.size(), are_plain ? keys.size() + 1 : 1);
  EXPECT_EQ(b.size(), a.size());
  if (!are_plain) return "other";
  std::string text;
  for (size_t row = 1; row < a.size(); ++row)
    text +=
        std::to_string(a.data<int32_t>()[row]) + " " + std::to_string(b.data<int64_t>()[row]) + ";";
  return text;
}

TEST(PlainKeys, integers_are_read) {
  EXPECT_EQ(read({R"({"A":1,"B_2":2})", R"({"A":-2147483648,"B_2":9223372036854775807})",
                  R"({"A":0,"B_2":-10})"}),
            "1 2;-2147483648 9223372036854775807;0 -10;");
  EXPECT_EQ(read({}), "");
}

TEST(PlainKeys, one_key_of_another_form_leaves_all_to_the_reader_of_the_format) {
  for (const std::string_view other :
       {R"({"A":1, "B_2":2})", R"({"B_2":2,"A":1})", R"({"A":1,"B_2":2.0})", R"({"A":1,"B_2":1e2})",
        R"({"A":01,"B_2":2})", R"({"A":-00,"B_2":2})", R"({"A":+1,"B_2":2})",
        R"({"A":2147483648,"B_2":2})", R"({"A":1,"B_2":9223372036854775808})",
        R"({"A":null,"B_2":2})", R"({"A":"1","B_2":2})", R"({"A":1,"B_2":2} )",
        R"({"A":1,"B_2":2,"C":3})", R"({"A":1})", R"({"A":,"B_2":2})", R"({"A":1,"B_2":2)", "",
        "7"})
    EXPECT_EQ(read({R"({"A":1,"B_2":2})", other}), "other") << other;
}

TEST(PlainKeys, other_formats_types_and_names_are_left_to_the_reader_of_the_format) {
  EXPECT_TRUE(PlainKeys::of({"JSON"}, kKeyColumns));
  EXPECT_FALSE(PlainKeys::of({"KAFKA"}, kKeyColumns));
  EXPECT_FALSE(PlainKeys::of({"JSON"}, {kKeyColumns.front()}));
  EXPECT_FALSE(PlainKeys::of({"JSON"}, {kKeyColumns.front(), {"B", TypeKind::String}}));
  EXPECT_FALSE(PlainKeys::of({"JSON"}, {kKeyColumns.front(), {"b\"", TypeKind::Integer}}));
}

}  // namespace
}  // namespace engine
