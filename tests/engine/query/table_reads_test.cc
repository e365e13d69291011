#include "engine/query/table_reads.h"

#include <map>
#include <set>

#include "tests/engine/query/select_fixture.h"

namespace engine {
namespace {

using Way = TableReads::Way;

class TableReadsTest : public SelectRowsTest {
 protected:
  // Returns how each table is read (TableReads::Way), sorted: "L keys, R by L.K".
  std::string ways(const std::string& sql) {
    const auto planned = plan(sql);
    if (!planned) return planned.error().message;
    const TableReads reads = table_reads(*planned);
    std::vector<std::string> texts;
    for (size_t i = 0; i < reads.ways.size(); ++i) {
      std::string& text = texts.emplace_back(planned->tables[i]->table->name);
      if (reads.ways[i] == Way::Scan) text += " scan";
      if (reads.ways[i] == Way::Keys) text += " keys";
      if (reads.ways[i] == Way::First) text += " first " + std::to_string(reads.wanted);
      if (reads.ways[i] == Way::Source) {
        const PullPlan& source = *planned->tables[reads.sources[i]->table];
        text += " by " + source.table->name + "." +
                source.result.columns[reads.sources[i]->columns.front()].name;
      }
    }
    // The tables of sub-queries precede the others in the plan.
    std::ranges::sort(texts);
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
    return all;
  }

  // Returns the rows of the table whose serialized keys are in `keys`. The look-up of the table may leave the key column
  // out, so the column is read in addition.
  RowsChunks rows_with(const PullPlan& table, const std::vector<std::string>& keys) {
    PullPlan with_key = table;
    with_key.columns.push_back(column_expression(table.table->schema.columns.front().type, 0));
    const auto place = static_cast<uint32_t>(table.columns.size());
    RowsChunks found;
    for (RowsChunk& row : read(with_key, 1)) {
      if (row.rows == 0) continue;
      const auto key = *keys_of_source(*table.table, {0, {place}}, {row});
      row.columns.pop_back();
      if (std::ranges::binary_search(keys, key.front())) found.push_back(std::move(row));
    }
    return found;
  }

  // Reads the tables as table_reads() states, and returns the sorted rows of the result. `first` is the number of rows
  // of a table that is read in part. Sets `is_cut` if such a table has more rows.
  std::vector<std::string> run_as_chosen(const SelectRowsPlan& planned, size_t first,
                                         bool& is_cut) {
    const TableReads reads = table_reads(planned);
    std::map<size_t, RowsChunks> rows;
    while (rows.size() < planned.tables.size())
      for (size_t i = 0; i < planned.tables.size(); ++i) {
        if (rows.contains(i)) continue;
        const auto& source = reads.sources[i];
        if (source && !rows.contains(source->table)) continue;
        const PullPlan& table = *planned.tables[i];
        if (source) {
          const auto keys = keys_of_source(*table.table, *source, rows[source->table]);
          EXPECT_TRUE(keys);
          rows[i] = rows_with(table, *keys);
        } else if (reads.ways[i] == Way::Keys) {
          rows[i] = rows_with(table, *table.keys);
        } else {
          rows[i] = read(table, 1);
          if (reads.ways[i] == Way::First && rows[i].size() > first) {
            rows[i].resize(first);
            is_cut = true;
          }
        }
      }
    std::vector<RowsChunks> tables;
    for (auto& [table, chunks] : rows) tables.push_back(std::move(chunks));
    return lines_of(planned, std::move(tables));
  }
  std::vector<std::string> run_with_all_rows(const SelectRowsPlan& planned) {
    std::vector<RowsChunks> tables;
    for (const auto& table : planned.tables) tables.push_back(read(*table, 100));
    return lines_of(planned, std::move(tables));
  }
  std::vector<std::string> lines_of(const SelectRowsPlan& planned, std::vector<RowsChunks> tables) {
    RowsContext context({clock_, random_}, nullptr);
    const auto result = run_rows_plan(planned, std::move(tables), context);
    if (!result) return {result.error().message};
    std::vector<std::string> lines;
    for (const RowsChunk& chunk : *result)
      for (size_t row = 0; row < chunk.rows; ++row) {
        std::string line;
        for (size_t i = 0; i < planned.result.columns.size(); ++i) {
          line += chunk.columns[i]->is_null(row) ? " -" : " ";
          if (!chunk.columns[i]->is_null(row)) append_json_value(line, *chunk.columns[i], row);
        }
        lines.push_back(line);
      }
    std::ranges::sort(lines);
    return lines;
  }

  // Expects that the tables are read as `expected` states, and that the rows of the result equal the rows of a run
  // over complete tables.
  void expect(const std::string& sql, const std::string& expected) {
    EXPECT_EQ(ways(sql), expected) << sql;
    const auto planned = plan(sql);
    ASSERT_TRUE(planned) << planned.error().message;
    bool is_cut = false;
    EXPECT_EQ(run_as_chosen(*planned, SIZE_MAX, is_cut), run_with_all_rows(*planned)) << sql;
  }
};

TEST_F(TableReadsTest, keys_of_one_table_look_up_the_rows_of_the_next) {
  fill(200);
  expect("SELECT l.v, r.w FROM l JOIN r ON r.id = l.k WHERE l.id = 7;", "L keys, R by L.K");
  expect("SELECT l.v, r.w FROM l, r WHERE r.id = l.k AND l.id IN (3, 7, 8, 199);",
         "L keys, R by L.K");
  expect("SELECT l.v, r.w FROM r JOIN l ON l.k = r.id AND l.id = 7;", "L keys, R by L.K");
  expect(
      "SELECT a.v, b.v, c.v FROM l a JOIN l b ON b.id = a.k JOIN l c ON c.id = b.k "
      "WHERE a.id < 20 AND a.id IN (1, 2, 3, 4, 5, 6, 11);",
      "L by L.K, L by L.K, L keys");
  expect(
      "SELECT COUNT(*), SUM(r.k) FROM l JOIN r ON r.id = l.k AND r.w > 0 WHERE l.id IN (1, 2, 3, "
      "4, 5);",
      "L keys, R by L.K");
}

TEST_F(TableReadsTest, only_the_side_that_a_join_may_drop_is_looked_up) {
  fill(200);
  expect("SELECT l.id, r.id FROM l LEFT JOIN r ON r.id = l.k WHERE l.id IN (5, 6, 7);",
         "L keys, R by L.K");
  expect("SELECT l.id, r.id FROM l LEFT JOIN r ON l.id = r.k AND r.id = 5;", "L scan, R keys");
  expect("SELECT l.id, r.id FROM r RIGHT JOIN l ON r.id = l.k WHERE l.id IN (5, 6, 7);",
         "L keys, R by L.K");
  expect("SELECT l.id, r.id FROM l FULL JOIN r ON r.id = l.k;", "L scan, R scan");
  expect(
      "SELECT a.id, b.id, c.id FROM l a LEFT JOIN l b ON b.k = a.id JOIN r c ON c.id = b.id WHERE "
      "c.id = 5;",
      "L scan, L scan, R keys");
}

TEST_F(TableReadsTest, rows_that_a_group_a_limit_or_another_reader_needs_are_scanned) {
  fill(200);
  expect(
      "SELECT l.id, g.n FROM l JOIN (SELECT id, COUNT(*) OVER () AS n FROM r) g ON g.id = l.k "
      "WHERE l.id = 7;",
      "L keys, R scan");
  expect(
      "SELECT l.id, g.w FROM l JOIN (SELECT id, w FROM r ORDER BY w, id LIMIT 50) g ON g.id = l.k "
      "WHERE l.id IN (5, 6, 7);",
      "L keys, R scan");
  expect(
      "WITH g AS (SELECT id, w FROM r) SELECT l.id, (SELECT COUNT(*) FROM g) FROM l JOIN g ON g.id "
      "= l.k "
      "WHERE l.id = 7;",
      "L keys, R scan");
  expect("SELECT l.id, r.id FROM l JOIN r ON r.id > l.k WHERE l.id = 7;", "L keys, R scan");
  expect("SELECT l.id, r.id FROM l JOIN r ON r.id = l.k + 1 WHERE l.id = 7;", "L keys, R scan");
  expect("SELECT l.id, r.id FROM l JOIN r ON r.id = l.k OR r.k = l.k WHERE l.id = 7;",
         "L keys, R scan");
}

TEST_F(TableReadsTest, subqueries_look_up_the_rows_of_their_keys) {
  fill(200);
  expect("SELECT l.v, (SELECT r.w FROM r WHERE r.id = l.k) FROM l WHERE l.id IN (1, 2, 3);",
         "L keys, R by L.K");
  expect("SELECT l.v FROM l WHERE l.id IN (SELECT r.k FROM r WHERE r.id IN (4, 5, 6));",
         "L by R.K, R keys");
  expect("SELECT l.v FROM l WHERE EXISTS (SELECT 1 FROM r WHERE r.k = l.id AND r.id IN (4, 5, 6));",
         "L by R.K, R keys");
  expect("SELECT l.v FROM l WHERE l.id NOT IN (SELECT r.id FROM r WHERE r.id IN (4, 5, 6));",
         "L scan, R keys");
  expect(
      "SELECT l.v FROM l WHERE l.v = 'v1' OR l.id IN (SELECT r.k FROM r WHERE r.id IN (4, 5, 6));",
      "L scan, R keys");
  expect("SELECT l.id IN (SELECT r.k FROM r WHERE r.id IN (4, 5, 6)) FROM l;", "L scan, R keys");
}

TEST_F(TableReadsTest, a_limit_reads_the_first_rows_of_a_table) {
  EXPECT_EQ(ways("SELECT l.v, r.w FROM l JOIN r ON r.id = l.k LIMIT 5;"), "L first 5, R by L.K");
  EXPECT_EQ(ways("SELECT l.v, r.w FROM l, r WHERE r.id = l.k LIMIT 5 OFFSET 3;"),
            "L first 8, R by L.K");
  EXPECT_EQ(ways("SELECT l.v, r.w FROM r LEFT JOIN l ON r.k = l.id LIMIT 5;"),
            "L by R.K, R first 5");
  EXPECT_EQ(ways("SELECT l.v, r.w FROM l, r LIMIT 5;"), "L first 5, R first 5");
  EXPECT_EQ(ways("SELECT l.v, r.w FROM l, r WHERE l.k > 2 LIMIT 5;"), "L first 5, R first 5");
  // Each of the following results needs all rows, or rows that no key determines. The limit is below the sub-query.
  EXPECT_EQ(ways("SELECT l.v, (SELECT r.w FROM r WHERE r.id = l.k) FROM l LIMIT 5;"),
            "L scan, R scan");
  EXPECT_EQ(ways("SELECT l.v, r.w FROM l JOIN r ON r.k = l.k LIMIT 5;"), "L scan, R scan");
  EXPECT_EQ(ways("SELECT l.v, r.w FROM l JOIN r ON r.k > l.k LIMIT 5;"), "L scan, R scan");
  EXPECT_EQ(ways("SELECT l.v, r.w FROM l, r, (SELECT MAX(k) AS k FROM r) m LIMIT 5;"),
            "L scan, R scan, R scan");
  EXPECT_EQ(ways("SELECT l.v, r.w FROM l JOIN r ON r.id = l.k ORDER BY l.v LIMIT 5;"),
            "L scan, R scan");
  EXPECT_EQ(ways("SELECT l.v, COUNT(*) FROM l JOIN r ON r.id = l.k GROUP BY l.v LIMIT 5;"),
            "L scan, R scan");
  EXPECT_EQ(ways("SELECT DISTINCT l.v FROM l JOIN r ON r.id = l.k LIMIT 5;"), "L scan, R scan");
  EXPECT_EQ(ways("SELECT l.v, RANDOM() FROM l JOIN r ON r.id = l.k LIMIT 5;"), "L scan, R scan");
  EXPECT_EQ(ways("SELECT l.v, r.w FROM l JOIN r ON r.id = l.k LIMIT 5000;"), "L scan, R scan");
}

TEST_F(TableReadsTest, the_first_rows_give_rows_of_the_whole_result) {
  fill(300);
  for (const std::string from : {"l JOIN r ON r.id = l.k", "l LEFT JOIN r ON r.id = l.k",
                                 "l JOIN r ON r.id = l.k AND r.w > 0", "l, r",
                                 "l JOIN l b ON b.id = l.k JOIN r ON r.id = b.k"}) {
    const std::string select = "SELECT l.id, r.w FROM " + from;
    const auto all = run_with_all_rows(*plan(select + ";"));
    const auto limited = plan(select + " LIMIT 6;");
    ASSERT_TRUE(table_reads(*limited).has_first()) << from;
    bool is_cut = false;
    const auto some = run_as_chosen(*limited, 60, is_cut);
    EXPECT_TRUE(is_cut) << from;
    EXPECT_EQ(some.size(), 6U) << from;
    EXPECT_TRUE(std::ranges::includes(all, some)) << from;
  }
}

TEST_F(TableReadsTest, parts_of_a_table_share_the_first_rows) {
  EXPECT_EQ(first_rows_of_part(5, 2), 64U);
  EXPECT_EQ(first_rows_of_part(1'000, 1), 2'001U);
  EXPECT_EQ(first_rows_of_part(1'000, 4), 501U);
}

}  // namespace
}  // namespace engine
