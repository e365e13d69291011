#include "engine/java/utf16.h"
#include "tests/engine/query/select_fixture.h"

namespace engine {
namespace {

// Compares the result of each kind of join with that of loops over all pairs of rows.
TEST_F(SelectRowsTest, joins_equal_loops_over_all_pairs) {
  fill(150);
  const std::vector<std::pair<std::string, std::pair<bool, bool>>> kinds = {
      {"JOIN", {false, false}},
      {"LEFT JOIN", {true, false}},
      {"RIGHT JOIN", {false, true}},
      {"FULL JOIN", {true, true}}};
  for (const auto& [kind, keeps] : kinds)
    for (const bool has_rest : {false, true}) {
      std::vector<std::string> expected;
      std::vector<bool> right_matched(right_.size());
      for (const Row& l : left_) {
        bool matched = false;
        for (size_t i = 0; i < right_.size(); ++i) {
          const Row& r = right_[i];
          if (l[1].is_null() || r[1].is_null() || l[1].as_int32() != r[1].as_int32()) continue;
          if (has_rest && l[0].as_int32() >= r[0].as_int32()) continue;
          matched = right_matched[i] = true;
          expected.push_back(text(l[0]) + " " + text(r[0]));
        }
        if (!matched && keeps.first) expected.push_back(text(l[0]) + " -");
      }
      for (size_t i = 0; i < right_.size(); ++i)
        if (!right_matched[i] && keeps.second) expected.push_back("- " + text(right_[i][0]));
      const std::string sql = "SELECT l.id, r.id FROM l " + kind + " r ON l.k = r.k" +
                              (has_rest ? " AND l.id < r.id;" : ";");
      std::ranges::sort(expected);
      EXPECT_EQ(answer(sql), expected) << sql;
    }
}

TEST_F(SelectRowsTest, conditions_that_are_no_equalities_are_asked_of_all_pairs) {
  left_ = {{number(1), number(10), Value::text("a")}, {number(2), number(20), Value::text("b")}};
  right_ = {{number(1), number(15), Value::number(1)}, {number(2), Value(), Value::number(2)}};
  EXPECT_EQ(answer("SELECT l.id, r.id FROM l FULL JOIN r ON l.k < r.k;"),
            (std::vector<std::string>{"- 2", "1 1", "2 -"}));
}

TEST_F(SelectRowsTest, conditions_on_one_table_are_evaluated_there_unless_a_join_makes_nulls) {
  const auto inner = plan("SELECT l.id FROM l JOIN r ON l.k = r.k WHERE l.v = 'a' AND r.w > 1;");
  ASSERT_TRUE(inner);
  EXPECT_TRUE(inner->tables[0]->filter);
  EXPECT_TRUE(inner->tables[1]->filter);
  const auto left =
      plan("SELECT l.id FROM l LEFT JOIN r ON l.k = r.k WHERE l.v = 'a' AND r.w > 1;");
  ASSERT_TRUE(left);
  EXPECT_TRUE(left->tables[0]->filter);
  EXPECT_FALSE(left->tables[1]->filter);
  const auto right =
      plan("SELECT l.id FROM l RIGHT JOIN r ON l.k = r.k WHERE l.v = 'a' AND r.w > 1;");
  ASSERT_TRUE(right);
  EXPECT_FALSE(right->tables[0]->filter);
  EXPECT_TRUE(right->tables[1]->filter);
}

TEST_F(SelectRowsTest, reads_only_columns_that_are_used) {
  const auto planned = plan("SELECT COUNT(*) FROM l JOIN r ON l.k = r.k WHERE l.v = 'a';");
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->tables[0]->result.to_string(), "`K` INTEGER");
  EXPECT_EQ(planned->tables[1]->result.to_string(), "`K` INTEGER");
  EXPECT_EQ(plan("SELECT COUNT(*) FROM l;")->tables[0]->columns.size(), 0u);
}

TEST_F(SelectRowsTest, groups_keep_nulls_together_and_zero_is_zero) {
  right_ = {{number(1), Value(), Value::number(0.0)},
            {number(2), Value(), Value::number(-0.0)},
            {number(3), number(1), Value::number(1)}};
  EXPECT_EQ(answer("SELECT k, COUNT(*) FROM r GROUP BY k ORDER BY k;"),
            (std::vector<std::string>{"1 1", "- 2"}));
  EXPECT_EQ(answer("SELECT COUNT(*) FROM r GROUP BY w ORDER BY 1;"),
            (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(answer("SELECT COUNT(*) FROM l;"), (std::vector<std::string>{"0"}));
  EXPECT_TRUE(answer("SELECT COUNT(*) FROM l GROUP BY k;").empty());
}

// Compares the results of sub-queries, whose conditions may be true, false or unknown, with those
// of loops over all pairs of rows.
TEST_F(SelectRowsTest, sub_queries_equal_loops_over_all_rows) {
  fill(150);
  std::vector<std::string> is_in, is_there, how_many;
  for (const Row& l : left_) {
    bool found = false, has_null = false, has_any = false;
    int count = 0;
    for (const Row& r : right_) {
      const bool is_partner =
          !l[1].is_null() && !r[1].is_null() && l[1].as_int32() == r[1].as_int32();
      count += is_partner ? 1 : 0;
      if (r[2].as_double() < 0.0) continue;
      has_any = true;
      has_null = has_null || r[1].is_null();
      found = found || is_partner;
    }
    const bool is_unknown = !found && has_any && (has_null || l[1].is_null());
    is_in.push_back(text(l[0]) + (is_unknown ? " -" : found ? " true" : " false"));
    if (count > 0) is_there.push_back(text(l[0]));
    how_many.push_back(text(l[0]) + " " + std::to_string(count));
  }
  std::ranges::sort(is_in);
  std::ranges::sort(is_there);
  std::ranges::sort(how_many);
  EXPECT_EQ(answer("SELECT id, k IN (SELECT k FROM r WHERE w >= 0) FROM l;"), is_in);
  EXPECT_EQ(answer("SELECT id FROM l WHERE EXISTS (SELECT 1 FROM r WHERE r.k = l.k);"), is_there);
  EXPECT_EQ(answer("SELECT id, (SELECT COUNT(*) FROM r WHERE r.k = l.k) FROM l;"), how_many);
}

TEST_F(SelectRowsTest, rows_of_two_queries_are_counted_where_all_are_wanted) {
  fill(150);
  std::map<std::string, int> left, right;
  for (const Row& row : left_) ++left[text(row[1])];
  for (const Row& row : right_) ++right[text(row[1])];
  std::vector<std::string> common, rest, once;
  for (const auto& [key, count] : left) {
    const int both = std::min(count, right[key]);
    common.insert(common.end(), static_cast<size_t>(both), key);
    rest.insert(rest.end(), static_cast<size_t>(count - both), key);
    if (right[key] == 0) once.push_back(key);
  }
  EXPECT_EQ(answer("SELECT k FROM l INTERSECT ALL SELECT k FROM r;"), common);
  EXPECT_EQ(answer("SELECT k FROM l EXCEPT ALL SELECT k FROM r;"), rest);
  EXPECT_EQ(answer("SELECT k FROM l EXCEPT SELECT k FROM r;"), once);
}

TEST_F(SelectRowsTest, a_condition_of_where_on_two_tables_is_their_joins_key) {
  const auto planned = plan("SELECT l.id FROM l, r WHERE l.k = r.k AND l.id < r.id AND r.w > 0;");
  ASSERT_TRUE(planned);
  const auto& project = std::get<ComputeColumns>(planned->root->step);
  const auto* join = std::get_if<JoinRows>(&project.input->step);
  ASSERT_TRUE(join);
  EXPECT_EQ(join->left_keys.size(), 1u);
  EXPECT_TRUE(join->condition);
  EXPECT_TRUE(planned->tables[1]->filter);
}

// The join looks up the rows of the smaller side by key. The result must not depend on which side
// is smaller.
TEST_F(SelectRowsTest, a_join_gives_the_same_from_either_side) {
  for (int64_t i = 0; i < 9'000; ++i)
    right_.push_back({number(i), i % 10 == 0 ? Value() : number(i % 50), Value::number(1.0)});
  for (int64_t i = 0; i < 40; ++i) left_.push_back({number(i), number(i), Value::text("v")});
  const auto few_first =
      answer("SELECT l.id, r.id, r.k FROM l JOIN r ON l.k = r.k AND r.id > l.id * 200;");
  EXPECT_EQ(few_first,
            answer("SELECT l.id, r.id, r.k FROM r JOIN l ON l.k = r.k AND r.id > l.id * 200;"));
  EXPECT_EQ(few_first.size(), 3'600u);
}

TEST_F(SelectRowsTest, names_of_with_that_read_each_other_twice_are_run_once) {
  fill(3);
  std::string sql = "WITH a0 AS (SELECT id FROM l)";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "a" + std::to_string(i - 1);
    sql += ", a" + std::to_string(i) + " AS (SELECT x.id FROM " + before + " x JOIN " + before +
           " y ON x.id = y.id)";
  }
  EXPECT_EQ(answer(sql + " SELECT id FROM a39;").size(), 3U);
}

// The name of a WITH query that reads the rows of a recursion stands for other rows in each round, so its query must
// run again in each round.
TEST_F(SelectRowsTest, names_of_with_within_a_recursion_are_run_in_each_round) {
  const auto rows = answer(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT s.i FROM (WITH x AS (SELECT i + 1 AS i "
      "FROM n) "
      "SELECT a.i FROM x a JOIN x b ON a.i = b.i) AS s WHERE s.i < 5) SELECT i FROM n;");
  EXPECT_EQ(rows.size(), 4U);
}

// The order must be the same with a LIMIT, which uses another algorithm.
TEST_F(SelectRowsTest, sorts_by_all_keys) {
  fill(300);
  Rows sorted = left_;
  std::ranges::stable_sort(sorted, [](const Row& a, const Row& b) {
    if (a[2].as_string() != b[2].as_string()) return a[2].as_string() > b[2].as_string();
    if (a[1].is_null() || b[1].is_null()) return a[1].is_null() && !b[1].is_null();
    return a[1].as_int32() < b[1].as_int32();
  });
  std::vector<std::string> expected;
  for (const Row& row : sorted) expected.push_back(text(row[0]));
  const std::string sql = "SELECT id FROM l ORDER BY v DESC, k NULLS FIRST";
  EXPECT_EQ(answer(sql + ";"), expected);
  EXPECT_EQ(answer(sql + " LIMIT 20 OFFSET 15;"),
            std::vector(expected.begin() + 15, expected.begin() + 35));
  EXPECT_EQ(answer(sql + " OFFSET 290;"), std::vector(expected.begin() + 290, expected.end()));
}

TEST_F(SelectRowsTest, texts_and_numbers_of_any_length_stand_in_their_order) {
  const std::vector<std::string> texts = {"",
                                          "a",
                                          "ab",
                                          "abc",
                                          "\x01",
                                          "name123456789012",
                                          "name123456789013",
                                          "name123456789012 and more",
                                          "\u00e4",
                                          "\uffff",
                                          "\ue000",
                                          "\U00010000",
                                          "\U0010ffff",
                                          "a\U00010000",
                                          "a\ue000",
                                          "name12345",
                                          "name1234"};
  const std::vector<double> numbers = {0.0,    -1.5, 1e300,     -1e300,
                                       1e-300, 2.0,  1.0 / 0.0, -1.0 / 0.0};
  int64_t id = 0;
  for (const std::string& text : texts)
    for (const int64_t k : {-2'147'483'648LL, -1LL, 0LL, 7LL, 2'147'483'647LL, 42LL})
      left_.push_back({number(id++), k == 42 ? Value() : number(k), Value::text(text)});
  for (const double x : numbers)
    for (const int64_t k : {1, 3, 2}) right_.push_back({number(id++), number(k), Value::number(x)});
  for (const bool descends : {false, true}) {
    Rows sorted = left_;
    std::ranges::stable_sort(sorted, [&](const Row& a, const Row& b) {
      const auto by_text = compare_utf16(a[2].as_string(), b[2].as_string());
      if (by_text != 0) return (by_text < 0) != descends;
      if (a[1].is_null() || b[1].is_null()) return !a[1].is_null() && b[1].is_null();
      return a[1].as_int32() > b[1].as_int32();
    });
    std::vector<std::string> expected;
    for (const Row& row : sorted) expected.push_back(text(row[0]));
    const std::string direction = descends ? " DESC" : "";
    EXPECT_EQ(answer("SELECT id FROM l ORDER BY v" + direction + ", k DESC NULLS LAST;"), expected);

    sorted = right_;
    std::ranges::stable_sort(sorted, [&](const Row& a, const Row& b) {
      if (a[2].as_double() != b[2].as_double())
        return (a[2].as_double() < b[2].as_double()) != descends;
      return a[1].as_int32() < b[1].as_int32();
    });
    expected.clear();
    for (const Row& row : sorted) expected.push_back(text(row[0]));
    EXPECT_EQ(answer("SELECT id FROM r ORDER BY w" + direction + ", k;"), expected);
  }
}

TEST_F(SelectRowsTest, fails_when_memory_is_short) {
  fill(3'000);
  MemoryBudget memory(16 << 20);
  const auto refused = run("SELECT l.v, r.w FROM l JOIN r ON l.id <> r.id;", 1'000, &memory);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::OutOfMemory);
  EXPECT_EQ(memory.held_bytes(MemoryKind::Results), 0u);
  EXPECT_TRUE(run("SELECT l.v, r.w FROM l JOIN r ON l.id = r.id;", 1'000, &memory));
}

TEST_F(SelectRowsTest, columns_are_traced_to_their_tables) {
  const auto traced = [&](const std::string& sql) {
    const auto parsed = parse_postgres(sql);
    if (!parsed) return parsed.error().message;
    const PlanContext context{*catalog_, *this, settings_, session_};
    std::string shown;
    for (const ColumnOrigin& each :
         column_origins(std::get<Query>(parsed->front().statement), context))
      shown += (each.table ? each.table->name + "." + each.column : "-") + " ";
    return shown;
  };
  EXPECT_EQ(traced("SELECT * FROM l"), "L.ID L.K L.V ");
  EXPECT_EQ(traced("SELECT v AS other, k + 1, id FROM l WHERE k > 0"), "L.V - L.ID ");
  EXPECT_EQ(traced("SELECT a.*, b.w, count(*) OVER () FROM l a JOIN r b ON a.id = b.id"),
            "L.ID L.K L.V R.W - ");
  EXPECT_EQ(traced("SELECT * FROM l JOIN r USING (id)"), "L.ID L.K L.V R.K R.W ");
  EXPECT_EQ(traced("SELECT x, y FROM l AS t (x, y)"), "L.ID L.K ");
  EXPECT_EQ(traced("SELECT q.name, n FROM (SELECT v AS name, 1 AS n FROM l) AS q"), "L.V - ");
  EXPECT_EQ(traced("WITH q (a) AS (SELECT k FROM l) SELECT a FROM q"), "L.K ");
  EXPECT_EQ(traced("SELECT k FROM l UNION SELECT k FROM r"), "- ");
  EXPECT_EQ(traced("SELECT v, max(k) FROM l GROUP BY v"), "L.V - ");
  EXPECT_EQ(traced("SELECT * FROM l LEFT JOIN (r JOIN l AS l2 ON r.id = l2.id) ON l.id = r.id"),
            "L.ID L.K L.V R.ID R.K R.W L.ID L.K L.V ");
  EXPECT_EQ(traced("SELECT 1"), "- ");
}

TEST_F(SelectRowsTest, ends_when_its_client_has_gone) {
  fill(2'000);
  const auto planned = plan("SELECT COUNT(*) FROM l JOIN r ON l.id <> r.id;");
  ASSERT_TRUE(planned);
  std::vector<RowsChunks> tables{read(*planned->tables[0], 1'000),
                                 read(*planned->tables[1], 1'000)};
  const std::atomic<bool> is_canceled = true;
  EvalBudget budget(clock_, &is_canceled);
  RowsContext context({clock_, random_, nullptr, &budget}, nullptr);
  const auto result = run_rows_plan(*planned, std::move(tables), context);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::QueryCanceled);
}

}  // namespace
}  // namespace engine
