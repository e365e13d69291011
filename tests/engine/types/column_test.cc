#include "engine/types/column.h"

#include "engine/types/batch.h"

namespace engine {
namespace {

SqlType nested_type() {
  return SqlType::structure({{"IDS", SqlType::array(TypeKind::Integer)},
                             {"TAGS", SqlType::map(TypeKind::String, SqlType::decimal(4, 2))}});
}

Value nested_value(int32_t id) {
  return Value::list({Value::list({Value::integer(id), Value(), Value::integer(-id)}),
                      Value::map({{Value::text("price"), Value::decimal(id, 2)}})});
}

TEST(Column, a_nested_value_comes_back_as_it_went_in) {
  Column column(nested_type());
  column.append_value(nested_value(7));
  column.append_null();
  column.append_value(nested_value(9));
  ASSERT_EQ(column.size(), 3u);
  EXPECT_EQ(column.value_at(0), nested_value(7));
  EXPECT_TRUE(column.is_null(1));
  EXPECT_EQ(column.value_at(2), nested_value(9));
}

TEST(Column, gather_repeats_and_reorders_rows_of_every_depth) {
  Column column(nested_type());
  for (int32_t id = 0; id < 5; ++id) column.append_value(nested_value(id));
  column.append_null();
  const uint32_t rows[] = {4, 5, 0, 4};
  const Column got = column.gather(rows);
  EXPECT_EQ(got.value_at(0), nested_value(4));
  EXPECT_TRUE(got.is_null(1));
  EXPECT_EQ(got.value_at(2), nested_value(0));
  EXPECT_TRUE(got.same(3, column, 4));
}

TEST(Column, a_clone_has_all_rows_and_outlives_its_column) {
  auto column = std::make_unique<Column>(nested_type());
  for (int32_t id = 0; id < 3; ++id) column->append_value(nested_value(id));
  column->append_null();
  const Column clone = column->clone();
  column.reset();
  ASSERT_EQ(clone.size(), 4u);
  for (int32_t id = 0; id < 3; ++id)
    EXPECT_EQ(clone.value_at(static_cast<size_t>(id)), nested_value(id));
  EXPECT_TRUE(clone.is_null(3));
}

TEST(Column, gathered_strings_outlive_their_column) {
  auto column = std::make_unique<Column>(TypeKind::String);
  column->append_copy("a string that does not fit into any small buffer");
  const uint32_t rows[] = {0};
  const Column got = column->gather(rows);
  column.reset();
  EXPECT_EQ(got.value_at(0).as_string(), "a string that does not fit into any small buffer");
}

TEST(Column, growing_a_list_column_adds_empty_null_rows) {
  Column column(SqlType::array(TypeKind::Bigint));
  column.append_value(Value::list({Value::bigint(1), Value::bigint(2)}));
  column.resize(3);
  EXPECT_TRUE(column.is_null(2));
  EXPECT_EQ(column.offsets()[3], 2u);
  column.resize(0);
  EXPECT_EQ(column.child(0).size(), 0u);
}

TEST(Bitmap, bits_past_the_end_stay_zero) {
  Bitmap bits(3, true);
  bits.resize(70, false);
  EXPECT_EQ(bits.count(), 3u);
  bits.resize(130, true);
  EXPECT_EQ(bits.count(), 63u);
  bits.resize(65, true);
  EXPECT_EQ(bits.count(), 3u);
  EXPECT_TRUE(Bitmap(65, true).all());
  EXPECT_TRUE(Bitmap(64, false).none());
}

TEST(Column, a_copy_holds_a_shared_string_once) {
  const std::string large(1000, 'x'), small = "abc";
  Column column(TypeKind::String);
  for (int i = 0; i < 3; ++i) {
    column.append(std::string_view(large));
    column.append(std::string_view(large).substr(0, 900));
    column.append(std::string_view(small));
    column.append_null();
  }
  const Column copy = column.copy();
  ASSERT_EQ(copy.size(), column.size());
  for (size_t row = 0; row < copy.size(); ++row) EXPECT_TRUE(copy.same(row, column, row));
  const auto texts = copy.data<std::string_view>();
  EXPECT_NE(texts[0].data(), large.data());
  EXPECT_NE(texts[2].data(), small.data());
  EXPECT_EQ(texts[4].data(), texts[0].data());
}

// Each owner must be stored once. Otherwise a column whose rows were merged n times from m chunks would store each
// owner m^n times.
TEST(Column, owners_of_strings_do_not_grow_with_the_steps_that_rows_went_through) {
  const auto owner = std::make_shared<const std::string>("kept");
  Column first(TypeKind::String), numbers(TypeKind::Bigint);
  first.append(std::string_view(*owner));
  first.keep(owner);
  numbers.append(int64_t{1});
  numbers.keep(owner);
  const long before = owner.use_count();
  Column made = first.clone();
  for (int step = 0; step < 12; ++step) {
    const std::vector<const Column*> chunks(10, &made);
    std::vector<Column::SourceRow> rows;
    for (uint32_t i = 0; i < 10; ++i) rows.push_back({i, 0});
    made = Column::merge(chunks, rows);
  }
  EXPECT_EQ(made.data<std::string_view>()[9], "kept");
  EXPECT_LE(owner.use_count(), before + 40);
  const Column merged = Column::merge(std::vector<const Column*>{&first, &made},
                                      std::vector<Column::SourceRow>{{0, 0}});
  EXPECT_LE(owner.use_count(), before + 42);  // `made`, from which no row was taken, adds no owners
  const long with_texts = owner.use_count();
  const Column copied =
      Column::merge(std::vector<const Column*>{&numbers}, std::vector<Column::SourceRow>{{0, 0}});
  EXPECT_EQ(owner.use_count(), with_texts);
}

}  // namespace
}  // namespace engine
