#include "engine/query/join_sizes.h"

#include "engine/system_tables/explain_select.h"
#include "tests/engine/query/select_fixture.h"

namespace engine {
namespace {

class JoinSizesTest : public SelectRowsTest {
 protected:
  // Fills the tables: the left rows have few different keys, and each right row has its own key.
  void fill_with(int64_t lefts, int64_t rights, int64_t keys) {
    for (int64_t i = 0; i < lefts; ++i)
      left_.push_back({number(i), i % 97 == 0 ? Value() : number(i % keys),
                       Value::text("v" + std::to_string(i % 5))});
    for (int64_t i = 0; i < rights; ++i)
      right_.push_back(
          {number(i), number(i * 7 % rights), Value::number(static_cast<double>(i % 3))});
  }

  // The rows of the statement and the steps of the plan, with the joins either ordered by size or as written.
  struct Answer {
    std::vector<std::string> rows;
    std::string steps;
  };
  Result<Answer> answer_by(const std::string& sql, bool is_by_size) {
    SelectRowsPlan planned = TRY(plan(sql));
    std::vector<RowsChunks> tables;
    for (const auto& table : planned.tables) tables.push_back(read(*table, 500));
    if (is_by_size)
      planned = *with_joins_by_size(std::make_shared<const SelectRowsPlan>(planned), tables);
    Answer answer;
    for (const std::string& line : select_lines(planned)) answer.steps += line + "\n";
    RowsContext context({clock_, random_}, nullptr);
    for (const RowsChunk& chunk : TRY(run_rows_plan(planned, std::move(tables), context)))
      for (size_t row = 0; row < chunk.rows; ++row) {
        std::string line;
        for (size_t i = 0; i < planned.result.columns.size(); ++i) {
          line += chunk.columns[i]->is_null(row) ? " -" : " ";
          if (!chunk.columns[i]->is_null(row)) append_json_value(line, *chunk.columns[i], row);
        }
        answer.rows.push_back(line);
      }
    std::ranges::sort(answer.rows);
    return answer;
  }
  // Expects equal rows in both orders, and that the order by size differs from the written one exactly if `is_changed`.
  void expect(const std::string& sql, bool is_changed) {
    const auto written = answer_by(sql, false), by_size = answer_by(sql, true);
    ASSERT_TRUE(written) << written.error().message;
    ASSERT_TRUE(by_size) << by_size.error().message;
    EXPECT_EQ(written->rows, by_size->rows) << sql;
    EXPECT_FALSE(written->rows.empty()) << sql;
    EXPECT_EQ(written->steps != by_size->steps, is_changed) << sql << "\n" << by_size->steps;
  }
};

TEST_F(JoinSizesTest, a_join_that_multiplies_rows_comes_last) {
  fill_with(3'000, 40, 40);
  expect(
      "SELECT a.id, b.id, r.id FROM l a JOIN l b ON a.k = b.k JOIN r ON r.id = b.id WHERE r.w = 1;",
      true);
  expect(
      "SELECT r.id, a.id, b.v FROM r JOIN l a ON r.id = a.id JOIN l b ON a.k = b.k WHERE r.w = 1;",
      false);
}

TEST_F(JoinSizesTest, conditions_follow_the_sources_that_they_read) {
  fill_with(1'500, 40, 40);
  expect(
      "SELECT a.id, b.id, r.id FROM l a JOIN l b ON a.k = b.k AND a.id > b.id JOIN r ON r.id = "
      "b.id AND "
      "(r.k < a.k OR a.v = b.v) WHERE r.w = 1;",
      true);
}

TEST_F(JoinSizesTest, a_condition_that_can_fail_keeps_the_written_order) {
  fill_with(1'500, 40, 40);
  expect(
      "SELECT a.id, b.id, r.id FROM l a JOIN l b ON a.k = b.k AND a.id / (b.id + 1) >= 0 JOIN r ON "
      "r.id = b.id;",
      false);
}

TEST_F(JoinSizesTest, an_outer_join_is_one_source_of_the_inner_joins_around_it) {
  fill_with(1'500, 40, 40);
  expect("SELECT a.id, b.id, r.id FROM l a LEFT JOIN l b ON a.k = b.k JOIN r ON r.id = a.id;",
         false);
  expect(
      "SELECT a.id, b.id, x.id, y.id FROM l a LEFT JOIN r x ON a.k = x.k JOIN l b ON a.k = b.k "
      "JOIN r y ON y.id = b.id "
      "WHERE y.w = 1;",
      false);
}

TEST_F(JoinSizesTest, small_and_empty_tables_are_joined_as_written) {
  const std::string sql =
      "SELECT a.id, b.id, r.id FROM l a JOIN l b ON a.k = b.k JOIN r ON r.id = b.id WHERE r.w = 1;";
  const auto empty = answer_by(sql, true);
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->rows.empty());
  fill_with(60, 40, 40);
  expect(sql, false);
}

TEST_F(JoinSizesTest, a_subquery_that_must_be_true_is_joined_in_its_place) {
  fill_with(3'000, 40, 40);
  const std::string joins = "SELECT a.id, b.id FROM l a JOIN l b ON a.k = b.k WHERE ";
  expect(joins + "b.id IN (SELECT id FROM r WHERE w = 1);", true);
  // the keys of l have repeated values and nulls
  expect(joins + "b.id IN (SELECT k FROM l WHERE id < 300);", true);
  expect(joins + "EXISTS (SELECT 1 FROM r WHERE r.id = b.id AND r.w = 1) AND a.v <> (SELECT 'v1');",
         true);
  expect(joins + "b.id NOT IN (SELECT id FROM r WHERE w = 1) AND a.id < 50;", false);
  expect(joins + "(b.id IN (SELECT id FROM r WHERE w = 1) OR a.id < 5);", false);
  expect(joins + "b.id IN (SELECT id FROM r WHERE w = 1) IS NOT TRUE AND a.id < 50;", false);
}

TEST_F(JoinSizesTest, each_subquery_is_joined_in_its_own_place) {
  fill_with(3'000, 40, 40);
  const std::string joins = "SELECT a.id, b.id FROM l a JOIN l b ON a.k = b.k WHERE b.id IN ";
  expect(joins + "(SELECT id FROM r WHERE w = 1) UNION ALL " + joins +
             "(SELECT id FROM r WHERE w = 2) UNION ALL " + joins +
             "(SELECT id FROM r WHERE w = 0);",
         true);
}

TEST_F(JoinSizesTest, queries_in_with_that_are_read_twice_at_each_level_are_looked_at_once) {
  fill_with(1, 3, 1);
  std::string sql = "WITH c0 AS (SELECT id FROM r)";
  for (int i = 1; i <= 40; ++i) {
    const std::string name = "c" + std::to_string(i), before = "c" + std::to_string(i - 1);
    sql += ", " + name + " AS (SELECT a.id FROM " + before + " a JOIN " + before +
           " b ON a.id = b.id JOIN " + before + " c ON b.id = c.id)";
  }
  expect(sql + " SELECT id FROM c40;", false);
}

TEST_F(JoinSizesTest, ten_sources_are_joined) {
  fill_with(400, 40, 40);
  expect(
      "SELECT a.id, j.id FROM l a JOIN l b ON a.k = b.k JOIN l c ON b.id = c.id JOIN l d ON c.id = "
      "d.id JOIN l e ON "
      "d.id = e.id JOIN l f ON e.id = f.id JOIN l g ON f.id = g.id JOIN l h ON g.id = h.id JOIN l "
      "i ON h.id = i.id "
      "JOIN r j ON j.id = i.id WHERE j.w = 1;",
      true);
}

}  // namespace
}  // namespace engine
