#include "engine/query/top_rows.h"

#include <numeric>

#include "tests/engine/query/select_fixture.h"

namespace engine {
namespace {

class TopRowsTest : public SelectRowsTest {
 protected:
  // Returns the keys as "column[ desc][ nulls first]" and the number of rows, or "all".
  std::string top(const std::string& sql) {
    const auto planned = plan(sql);
    if (!planned) return planned.error().message;
    const auto found = top_rows_of(*planned);
    if (!found) return "all";
    std::string text;
    for (const SortKey& key : found->keys)
      text += std::to_string(key.column) + (key.is_descending ? " desc" : "") +
              (key.nulls_first ? " nulls first" : "") + ", ";
    return text + std::to_string(found->count);
  }
};

TEST_F(TopRowsTest, an_order_of_columns_with_a_limit_needs_its_first_rows) {
  EXPECT_EQ(top("SELECT v FROM l ORDER BY k LIMIT 3;"), "1, 3");
  EXPECT_EQ(top("SELECT * FROM l WHERE k > 2 ORDER BY v DESC, id LIMIT 3 OFFSET 2;"),
            "2 desc nulls first, 0, 5");
  EXPECT_EQ(top("SELECT v FROM l ORDER BY k;"), "all");
  EXPECT_EQ(top("SELECT v FROM l ORDER BY k LIMIT 10000;"), "1, 10000");
  EXPECT_EQ(top("SELECT v FROM l ORDER BY k LIMIT 10001;"), "all");
  EXPECT_EQ(top("SELECT v FROM l ORDER BY k + 1 LIMIT 3;"), "all");
  EXPECT_EQ(top("SELECT DISTINCT k FROM l ORDER BY k LIMIT 3;"), "all");
  EXPECT_EQ(top("SELECT k, COUNT(*) FROM l GROUP BY k ORDER BY k LIMIT 3;"), "all");
  EXPECT_EQ(top("SELECT k, RANK() OVER (ORDER BY id) FROM l ORDER BY k LIMIT 3;"), "all");
  EXPECT_EQ(top("SELECT l.k FROM l JOIN r ON r.id = l.k ORDER BY l.k LIMIT 3;"), "all");
  EXPECT_EQ(top("SELECT k FROM (SELECT k FROM l LIMIT 7) t ORDER BY k LIMIT 3;"), "all");
}

TEST_F(TopRowsTest, columns_that_can_fail_are_computed_for_all_rows) {
  EXPECT_EQ(top("SELECT v, 7 FROM l ORDER BY k LIMIT 3;"), "1, 3");
  EXPECT_EQ(top("SELECT 10 / id FROM l ORDER BY k LIMIT 3;"), "all");
}

TEST_F(TopRowsTest, candidates_contain_the_first_rows_of_each_order) {
  fill(2'000);
  const auto planned = plan("SELECT id, k, v FROM l;");
  const RowsChunks chunks = read(*planned->tables.front(), 64);
  for (const std::string order :
       {"k, id", "k DESC NULLS LAST, v, id", "v DESC, k NULLS FIRST, id DESC", "id"}) {
    const std::string sql = "SELECT id, k, v FROM l ORDER BY " + order;
    const auto limited = plan(sql + " LIMIT 25;");
    TopCandidates candidates(*top_rows_of(*limited));
    RowsChunks kept;
    size_t count = 0;
    for (const RowsChunk& chunk : chunks) {
      std::vector<uint32_t> rows(chunk.rows);
      std::iota(rows.begin(), rows.end(), 0u);
      candidates.keep(chunk.columns, rows);
      RowsChunk some{rows.size(), {}};
      for (const ColumnPtr& column : chunk.columns)
        some.columns.push_back(std::make_shared<const Column>(column->gather(rows)));
      count += rows.size();
      kept.push_back(std::move(some));
    }
    EXPECT_LT(count, 1'000U) << order;
    RowsContext context({clock_, random_}, nullptr);
    const auto expected = run_rows_plan(*limited, {chunks}, context);
    const auto found = run_rows_plan(*limited, {kept}, context);
    ASSERT_TRUE(expected && found);
    std::vector<int32_t> ids[2];
    for (const RowsChunk& chunk : *expected)
      for (size_t row = 0; row < chunk.rows; ++row)
        ids[0].push_back(chunk.columns[0]->value_at(row).as_int32());
    for (const RowsChunk& chunk : *found)
      for (size_t row = 0; row < chunk.rows; ++row)
        ids[1].push_back(chunk.columns[0]->value_at(row).as_int32());
    EXPECT_EQ(ids[0].size(), 25U) << order;
    EXPECT_EQ(ids[0], ids[1]) << order;
  }
}

TEST_F(TopRowsTest, decimals_are_ordered_by_their_whole_value) {
  const SqlType type = SqlType::decimal(38, 0);
  std::vector<Int128> numbers{0, 5, -5, INT64_MAX, INT64_MIN};
  numbers.push_back(Int128{INT64_MAX} + 1);
  numbers.push_back(Int128{INT64_MIN} - 1);
  numbers.push_back(Int128{INT64_MAX} * INT64_MAX);
  numbers.push_back(-Int128{INT64_MAX} * INT64_MAX);
  auto column = std::make_shared<Column>(type);
  for (const Int128 number : numbers) column->append(number);
  std::vector<uint32_t> sorted(numbers.size());
  std::iota(sorted.begin(), sorted.end(), 0u);
  std::ranges::sort(sorted, {}, [&](uint32_t row) { return numbers[row]; });
  for (const bool is_descending : {false, true}) {
    if (is_descending) std::ranges::reverse(sorted);
    for (size_t count = 1; count < numbers.size(); ++count) {
      // The rows are added in their final order, so exactly the first `count` rows remain.
      TopCandidates candidates({{{0, is_descending, false}}, count});
      std::vector<uint32_t> rows = sorted;
      candidates.keep({column}, rows);
      EXPECT_EQ(rows, std::vector(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(count)));
    }
  }
}

}  // namespace
}  // namespace engine
