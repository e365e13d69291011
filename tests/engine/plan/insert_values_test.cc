#include "tests/engine/plan/plan_fixture.h"

namespace engine {
namespace {

class InsertValuesTest : public PlanTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(create("CREATE STREAM S (K STRING KEY, I INT, D DECIMAL(4, 2));"));
    ASSERT_TRUE(create("CREATE TABLE T (K INT PRIMARY KEY, V STRING);"));
  }
};

TEST_F(InsertValuesTest, values_take_the_columns_types) {
  const auto batch = insert("INSERT INTO s VALUES ('a', 1 + 1, 1.5), ('b', '7', NULL);");
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->columns[0]->value_at(1), Value::text("b"));
  EXPECT_EQ(batch->columns[1]->value_at(0), Value::integer(2));
  EXPECT_EQ(batch->columns[1]->value_at(1), Value::integer(7));
  EXPECT_EQ(batch->columns[2]->value_at(0), Value::decimal(150, 2));
  EXPECT_TRUE(batch->columns[2]->is_null(1));
  EXPECT_EQ(batch->timestamps, (std::vector<int64_t>{1234, 1234}));
}

TEST_F(InsertValuesTest, columns_can_be_listed_and_rowtime_given) {
  const auto batch = insert("INSERT INTO s (rowtime, i) VALUES (99, 5);");
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->timestamps, std::vector<int64_t>{99});
  EXPECT_TRUE(batch->columns[0]->is_null(0));
  EXPECT_EQ(batch->columns[1]->value_at(0), Value::integer(5));
}

TEST_F(InsertValuesTest, rows_with_a_default_are_reported) {
  auto declared = std::make_shared<DataSource>(source("T"));
  const size_t last = declared->schema.columns.size() - 1;
  declared->schema.columns[last].default_sql = "'none'";
  catalog_ = with_source(*catalog_, std::move(declared));
  const auto batch = insert("INSERT INTO t (k) VALUES (1), (2);");
  ASSERT_TRUE(batch) << batch.error().message;
  ASSERT_EQ(batch->defaults.size(), 1u);
  EXPECT_EQ(batch->defaults[0].column, last);
  EXPECT_EQ(batch->defaults[0].rows, (std::vector<size_t>{0, 1}));
  EXPECT_EQ(batch->columns[last]->value_at(1), Value::text("none"));
  EXPECT_TRUE(insert("INSERT INTO t (k, v) VALUES (1, 'x');")->defaults.empty());
}

TEST_F(InsertValuesTest, one_bad_row_refuses_all) {
  EXPECT_EQ(insert_error("INSERT INTO s VALUES ('a', 1, 1.5), ('b', 2);"),
            "Expected a value for each column. Expected Columns: [`K`, `I`, `D`]. Got ['b', 2]");
}

TEST_F(InsertValuesTest, names_are_checked) {
  EXPECT_EQ(insert_error("INSERT INTO s (x) VALUES (1);"),
            "column \"x\" of relation \"s\" does not exist");
  EXPECT_EQ(insert_error("INSERT INTO s (rowoffset) VALUES (1);"),
            "Inserting into column `ROWOFFSET` is not allowed.");
  EXPECT_EQ(insert_error("INSERT INTO \"s\" VALUES ('a', 1, 2.0);"),
            "relation \"s\" does not exist");
}

TEST_F(InsertValuesTest, tables_need_their_key) {
  EXPECT_EQ(insert_error("INSERT INTO t (v) VALUES ('x');"),
            "Value for primary key column(s) `K` is required for tables");
  EXPECT_EQ(insert_error("INSERT INTO t VALUES (NULL, 'x');"),
            "Value for primary key column(s) `K` is required for tables");
}

TEST_F(InsertValuesTest, the_detail_is_in_ksqldbs_words) {
  const auto batch = insert("INSERT INTO s (x) VALUES (1);");
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().ksqldb,
            "Failed to insert values into 'S'. Column name `X` does not exist.");
}

TEST_F(InsertValuesTest, header_columns_cannot_be_written) {
  ASSERT_TRUE(create("CREATE STREAM H (K STRING KEY, B BYTES HEADER('b'));"));
  EXPECT_EQ(insert_error("INSERT INTO h VALUES ('a', NULL);"),
            "Cannot insert into HEADER columns: B");
  EXPECT_TRUE(insert("INSERT INTO h (k) VALUES ('a');"));
}

}  // namespace
}  // namespace engine
