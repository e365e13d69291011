#include <fmt/format.h>

#include <atomic>
#include <map>
#include <optional>

#include "tests/engine/query/select_fixture.h"

namespace engine {
namespace {

// Computes the frames of the rows of one partition by loops over all rows, for comparison.
struct Frame {
  std::string unit, start, end, exclude;
  int64_t before = 0, after = 0;  // offsets of the edges, if they have any

  std::string sql() const {
    return fmt::format("{} BETWEEN {} AND {}{}", unit, edge(start, before), edge(end, after),
                       exclude.empty() ? "" : " EXCLUDE " + exclude);
  }
  static std::string edge(const std::string& word, int64_t offset) {
    return word == "PRECEDING" || word == "FOLLOWING" ? fmt::format("{} {}", offset, word) : word;
  }
};

struct Ordered {
  int64_t id;
  std::optional<int64_t> key;
};

class SelectWindowsTest : public SelectRowsTest {
 protected:
  // Returns the sorted lines of the answer, after checking that they do not depend on the sizes of
  // chunks. They are sorted because OVER does not determine the order of the result.
  std::vector<std::string> sorted_answer(const std::string& sql) {
    std::vector<std::string> answer;
    for (const size_t rows_of_chunk : {7, 1'000}) {
      auto lines = run(sql, rows_of_chunk);
      if (!lines) return {lines.error().message};
      std::ranges::sort(*lines);
      if (!answer.empty()) {
        EXPECT_EQ(*lines, answer);
      }
      answer = *std::move(lines);
    }
    return answer;
  }
  // Returns the ids in the frame of row `at`.
  static std::vector<int64_t> frame_of(const std::vector<Ordered>& rows, size_t at,
                                       const Frame& frame) {
    std::vector<size_t> group(rows.size());
    for (size_t i = 1; i < rows.size(); ++i)
      group[i] = group[i - 1] + (rows[i].key == rows[i - 1].key ? 0 : 1);
    // The distance of a row from the current one, in the frame's unit.
    const auto distance = [&](size_t i) -> std::optional<int64_t> {
      if (frame.unit == "ROWS") return static_cast<int64_t>(i) - static_cast<int64_t>(at);
      if (frame.unit == "GROUPS")
        return static_cast<int64_t>(group[i]) - static_cast<int64_t>(group[at]);
      if (rows[i].key && rows[at].key) return *rows[i].key - *rows[at].key;
      return std::nullopt;
    };
    const auto is_in = [&](size_t i, const std::string& edge, int64_t offset, bool is_start) {
      if (edge.starts_with("UNBOUNDED")) return true;
      const bool is_peer = frame.unit == "ROWS" ? i == at : group[i] == group[at];
      if (is_peer && edge == "CURRENT ROW") return true;
      if (edge == "CURRENT ROW") return is_start == (i > at);
      const auto away = distance(i);
      // The distance of a null from a value is infinite, and from another null zero; nulls are last.
      if (!away) {
        if (!rows[i].key && !rows[at].key) return true;
        return rows[at].key ? is_start : !is_start;
      }
      const int64_t bound = edge == "PRECEDING" ? -offset : offset;
      return is_start ? *away >= bound : *away <= bound;
    };
    std::vector<int64_t> found;
    for (size_t i = 0; i < rows.size(); ++i) {
      bool both =
          is_in(i, frame.start, frame.before, true) && is_in(i, frame.end, frame.after, false);
      if (frame.exclude == "CURRENT ROW") both = both && i != at;
      if (frame.exclude == "GROUP") both = both && group[i] != group[at];
      if (frame.exclude == "TIES") both = both && (group[i] != group[at] || i == at);
      if (both) found.push_back(rows[i].id);
    }
    return found;
  }

  // Returns the rows of each partition in the order of k, then of id.
  std::map<std::string, std::vector<Ordered>> partitions() const {
    std::map<std::string, std::vector<Ordered>> parts;
    for (const Row& row : left_)
      parts[row[2].as_string()].push_back(
          {row[0].as_int32(),
           row[1].is_null() ? std::nullopt : std::optional<int64_t>(row[1].as_int32())});
    for (auto& [name, rows] : parts)
      std::ranges::stable_sort(rows, [](const Ordered& a, const Ordered& b) {
        if (!a.key || !b.key) return a.key.has_value() && !b.key;
        return *a.key < *b.key;
      });
    return parts;
  }
};

// Compares all combinations of edges, units and exclusions with loops over the partition. Frames are short and
// long, so that both algorithms are tested.
TEST_F(SelectWindowsTest, frames_equal_loops_over_all_rows) {
  fill(600);
  const std::vector<std::string> starts{"UNBOUNDED PRECEDING", "PRECEDING", "CURRENT ROW",
                                        "FOLLOWING"};
  const std::vector<std::string> ends{"PRECEDING", "CURRENT ROW", "FOLLOWING",
                                      "UNBOUNDED FOLLOWING"};
  const std::vector<std::string> units{"ROWS", "RANGE", "GROUPS"};
  const std::vector<std::string> excludes{"", "CURRENT ROW", "GROUP", "TIES"};
  const auto parts = partitions();
  for (size_t number = 0; number < starts.size() * ends.size() * units.size() * excludes.size();
       ++number) {
    Frame frame{units[number % 3], starts[number / 3 % 4], ends[number / 12 % 4],
                excludes[number / 48 % 4]};
    frame.before = static_cast<int64_t>(random_.next() % 70);
    frame.after = static_cast<int64_t>(random_.next() % 70);
    const bool is_backwards = (frame.start == "CURRENT ROW" && frame.end == "PRECEDING") ||
                              (frame.start == "FOLLOWING" && frame.end != "FOLLOWING" &&
                               frame.end != "UNBOUNDED FOLLOWING");
    if (is_backwards) continue;  // PostgreSQL's parser refuses frames that end before they begin
    std::vector<std::string> expected;
    for (const auto& [name, rows] : parts)
      for (size_t i = 0; i < rows.size(); ++i) {
        const std::vector<int64_t> ids = frame_of(rows, i, frame);
        int64_t sum = 0;
        for (const int64_t id : ids) sum += id;
        expected.push_back(fmt::format("{} {} {} {} {}", rows[i].id, ids.size(),
                                       ids.empty() ? "-" : std::to_string(sum),
                                       ids.empty() ? "-" : std::to_string(ids.front()),
                                       ids.empty() ? "-" : std::to_string(ids.back())));
      }
    std::ranges::sort(expected);
    const std::string sql = fmt::format(
        "SELECT id, COUNT(*) OVER w, SUM(id) OVER w, first_value(id) OVER w, last_value(id) OVER w "
        "FROM l WINDOW w AS (PARTITION BY v ORDER BY k {})",
        frame.sql());
    ASSERT_EQ(sorted_answer(sql), expected) << sql;
  }
}

// A list that is assembled from parts is in the order of the rows.
TEST_F(SelectWindowsTest, a_list_of_a_frame_is_in_the_order_of_its_rows) {
  fill(400);
  std::vector<std::string> expected;
  for (const Row& row : left_) {
    std::string list;
    const int64_t at = row[0].as_int32();
    for (int64_t i = std::max<int64_t>(0, at - 90); i < at; ++i)
      list += (list.empty() ? "" : ",") + std::to_string(i);
    expected.push_back(fmt::format("{} {}", at, list.empty() ? "-" : "[" + list + "]"));
  }
  std::ranges::sort(expected);
  EXPECT_EQ(
      sorted_answer("SELECT id, array_agg(id) OVER (ORDER BY id ROWS BETWEEN 90 PRECEDING AND 1 "
                    "PRECEDING) FROM l"),
      expected);
}

TEST_F(SelectWindowsTest, a_frame_of_half_of_many_rows_does_not_take_their_square) {
  for (int64_t i = 0; i < 200'000; ++i)
    left_.push_back({number(i), number(i % 7), Value::text("v")});
  const auto sums =
      run("SELECT SUM(k) OVER (ORDER BY id ROWS BETWEEN 100000 PRECEDING AND 1 FOLLOWING) FROM l",
          100'000);
  ASSERT_TRUE(sums);  // simple loops would visit ten thousand million rows
  EXPECT_EQ(sums->size(), 200'000u);
}

TEST_F(SelectWindowsTest, lists_that_grow_with_each_row_are_refused_in_time) {
  fill(20'000);
  MemoryBudget memory(64 << 20);
  const auto refused = run("SELECT array_agg(v) OVER (ORDER BY id) FROM l", 1'000, &memory);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::OutOfMemory);
  EXPECT_EQ(memory.held_bytes(MemoryKind::Results), 0u);
}

TEST_F(SelectWindowsTest, endless_recursion_ends_with_the_memory) {
  MemoryBudget memory(16 << 20);
  const auto refused = run(
      "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT COUNT(*) FROM t;",
      1'000, &memory);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::OutOfMemory);
  EXPECT_EQ(memory.held_bytes(MemoryKind::Results), 0u);
}

TEST_F(SelectWindowsTest, endless_recursion_ends_when_its_client_has_gone) {
  const auto planned =
      plan("WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT 1 FROM t) SELECT COUNT(*) FROM t;");
  ASSERT_TRUE(planned);
  const std::atomic<bool> is_canceled = true;
  EvalBudget budget(clock_, &is_canceled);
  RowsContext context({clock_, random_, nullptr, &budget}, nullptr);
  const auto result = run_rows_plan(*planned, {}, context);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::QueryCanceled);
}

// A table that does not change between the rounds of a recursion is read once.
TEST_F(SelectWindowsTest, recursion_walks_over_a_table) {
  for (int64_t i = 0; i < 500; ++i)
    left_.push_back({number(i), i % 100 == 99 ? Value() : number(i + 1), Value::text("v")});
  EXPECT_EQ(
      answer("WITH RECURSIVE walk AS (SELECT id, k FROM l WHERE id = 207 UNION ALL SELECT l.id, "
             "l.k FROM l JOIN walk ON l.id = walk.k) SELECT COUNT(*), MAX(id) FROM walk;"),
      (std::vector<std::string>{"93 299"}));
}

}  // namespace
}  // namespace engine
