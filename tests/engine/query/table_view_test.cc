#include "engine/query/table_view.h"

#include <functional>
#include <set>

#include "base/bytes.h"
#include "engine/exec/used_columns.h"
#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

const std::string kLahore = "Lahore, the city of gardens and of the Badshahi mosque";
const std::string kQuetta = "Quetta, the fruit garden of Pakistan, ringed by hills";

using TableViewTest = QueryTest;

std::string text_of(const Result<Batch>& rows) {
  return rows ? engine::text_of(rows->columns, rows->rows) : rows.error().message;
}

TEST_F(TableViewTest, rows_of_a_declared_table_are_found_by_key) {
  auto run = table("CREATE TABLE cities (name VARCHAR PRIMARY KEY, people INT);");
  run->produce("cities", 0,
               {{kQuetta, R"({"PEOPLE":1})", 1},
                {kLahore, R"({"PEOPLE":13})", 2},
                {"gone", R"({"PEOPLE":0})", 3},
                {"gone", std::nullopt, 4}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(text_of(run->look_up({kLahore, "nowhere", "gone", kLahore})),
            "\"" + kLahore + "\" 13 2 null null\n");
  EXPECT_EQ(text_of(run->look_up({kQuetta, kLahore})),
            "\"" + kLahore + "\" 13 2 null null\n\"" + kQuetta + "\" 1 1 null null\n");
}

TEST_F(TableViewTest, a_scan_leaves_out_columns_that_are_not_used) {
  auto run = table(
      "CREATE TABLE lines (o INT PRIMARY KEY, l INT PRIMARY KEY, name VARCHAR, n INT) "
      "WITH (KEY_FORMAT = 'JSON');");
  run->produce("lines", 0, {{R"({"O":1,"L":2})", R"({"NAME":"nut","N":5})", 7}});
  ASSERT_TRUE(run->run_to_rest());
  const auto text_of_used = [&](const std::vector<bool>& used) {
    const UsedColumns in_use(&used);
    TableScan scan;
    const auto slice = run->scan_some(scan, 100);
    if (!slice) return slice.error().message;
    std::string text;
    for (const ColumnPtr& column : slice->rows.columns)
      text += column ? engine::text_of({column}, slice->rows.rows) : "-\n";
    return std::to_string(slice->rows.rows) + ":" + text;
  };
  // o, l, name, n, ROWTIME, ROWPARTITION, ROWOFFSET
  EXPECT_EQ(text_of_used({false, true, false, true, true, true, false}),
            "1:-\n2\n-\n5\n7\nnull\n-\n");
  EXPECT_EQ(text_of_used({false, false, true, false, false, false, false}),
            "1:-\n-\n\"nut\"\n-\n-\n-\n-\n");
  EXPECT_EQ(text_of_used({false, false, false, false, false, false, false}),
            "1:-\n-\n-\n-\n-\n-\n-\n");
}

TEST_F(TableViewTest, a_scan_leaves_out_rows_that_its_early_filter_does_not_need) {
  auto run = table(
      "CREATE TABLE lines (o INT PRIMARY KEY, name VARCHAR, n INT) WITH (KEY_FORMAT = 'JSON');");
  run->produce("lines", 0,
               {{"1", R"({"NAME":"nut","N":5})", 7},
                {"2", R"({"NAME":"pea","N":6})", 8},
                {"3", R"({"NAME":"fig","N":7})", 9}});
  ASSERT_TRUE(run->run_to_rest());
  const std::vector<bool> used{true, true, false, false, false, false};
  const auto text_of_needed = [&](const std::vector<uint32_t>& needed) {
    // The filter sees only its columns, of all rows; the result has only the used columns, of the needed rows.
    std::string text;
    const EarlyFilter filter{{false, false, true, false, false, false}, [&](const Batch& rows) {
                               for (const ColumnPtr& column : rows.columns)
                                 text += column ? engine::text_of({column}, rows.rows) : "-";
                               return needed;
                             }};
    const UsedColumns in_use(&used, &filter);
    TableScan scan;
    const auto slice = run->scan_some(scan, 100);
    if (!slice) return slice.error().message;
    text += ":" + std::to_string(slice->rows.rows) + ":";
    for (const ColumnPtr& column : slice->rows.columns)
      text += column ? engine::text_of({column}, slice->rows.rows) : "-";
    return text;
  };
  EXPECT_EQ(text_of_needed({0, 2}), "--5\n6\n7\n---:2:1\n3\n\"nut\"\n\"fig\"\n----");
  EXPECT_EQ(text_of_needed({}), "--5\n6\n7\n---:0:----");
  EXPECT_EQ(UsedColumns::filter(), nullptr);
}

TEST_F(TableViewTest, groups_are_found_by_key_with_all_their_windows) {
  auto run = query({"CREATE STREAM clicks (user_id VARCHAR KEY);"},
                   "CREATE TABLE visits AS SELECT user_id, COUNT(*) AS n FROM clicks WINDOW "
                   "TUMBLING (SIZE 10 SECONDS) GROUP BY user_id;");
  run->produce("clicks", 0, {{kLahore, "{}", 1'000}, {"b", "{}", 2'000}, {kLahore, "{}", 12'000}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(text_of(run->look_up({kLahore})), "\"" + kLahore + "\" 1 1000 null null 0 10000\n\"" +
                                                  kLahore + "\" 1 12000 null null 10000 20000\n");
  EXPECT_EQ(text_of(run->look_up({"nobody"})), "");
}

// Returns the windows of one key with their lists, as a look-up in slices returns them. `between` is called between
// slices and may change the table.
std::string windows_of(QueryRun& run, const std::string& key, size_t& slices,
                       const std::function<void()>& between) {
  std::string text;
  const std::vector<std::string> keys{key};
  TableLookUp look_up{keys};
  for (slices = 0; !look_up.keys.empty(); ++slices) {
    if (slices > 0) between();
    TaskSequence as_of;
    const Result<Batch> rows = run.look_up_some(look_up, as_of);
    if (!rows) return rows.error().message;
    size_t bytes = 0;
    for (size_t row = 0; row < rows->rows; ++row) {
      const Value list = rows->columns[1]->value_at(row);
      text += std::to_string(rows->columns[5]->value_at(row).as_int64()) + ":";
      for (const Value& item : list.as_list()) {
        bytes += item.as_string().size();
        text += item.as_string().front();
      }
      text += " ";
    }
    EXPECT_LE(bytes, size_t{512} << 10);
  }
  return text;
}

TEST_F(TableViewTest, one_key_of_many_large_windows_is_looked_up_in_slices_as_of_one_moment) {
  constexpr int kWindows = 40, kValueBytes = 50'000;
  auto run = query({"CREATE STREAM clicks (user_id VARCHAR KEY, page VARCHAR);"},
                   "CREATE TABLE pages AS SELECT user_id, COLLECT_LIST(page) AS seen FROM clicks "
                   "WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY user_id;");
  const auto click = [&](const std::string& user, int window, char page) {
    run->produce(
        "clicks", 0,
        {{user, "{\"PAGE\":\"" + std::string(kValueBytes, page) + "\"}", window * 10'000 + 1}});
  };
  std::string expected;
  for (int window = 0; window < kWindows; ++window) {
    if (window == 20) continue;
    click(kLahore, window, 'a');
    click(kQuetta, window, 'q');
    expected += std::to_string(window * 10'000) + ":a ";
  }
  ASSERT_TRUE(run->run_to_rest());
  size_t slices = 0;
  const auto go_on = [&] {
    // After this, the first and the last of the remaining windows have changed, and a new window
    // exists.
    for (const int window : {0, 10, 20, kWindows - 1}) click(kLahore, window, 'b');
    ASSERT_TRUE(run->run_to_rest());
  };
  EXPECT_EQ(windows_of(*run, kLahore, slices, go_on), expected);
  EXPECT_GT(slices, 5u);
  const auto rest = [] {};
  EXPECT_TRUE(windows_of(*run, kLahore, slices, rest).starts_with("0:abbb"));

  // Only the requested keys may be read.
  const std::vector<std::string> keys{kLahore};
  TableLookUp look_up{keys, {.first_start = 150'000, .last_end = 180'000}};
  TaskSequence as_of;
  const Result<Batch> some = run->look_up_some(look_up, as_of);
  ASSERT_TRUE(some) << some.error().message;
  EXPECT_TRUE(look_up.keys.empty());
  EXPECT_EQ(some->rows, 3u);
}

TEST_F(TableViewTest, one_key_of_a_declared_table_is_looked_up_in_slices_too) {
  constexpr int kWindows = 40, kValueBytes = 50'000;
  auto run = table(
      "CREATE TABLE pages (user_id VARCHAR PRIMARY KEY, page VARCHAR) WITH (WINDOW_TYPE = "
      "'TUMBLING', WINDOW_SIZE = '10 SECONDS');");
  const auto put = [&](std::string key, int window, char page) {
    append_be<int64_t>(key, window * 10'000);
    run->produce("pages", 0, {{key, "{\"PAGE\":\"" + std::string(kValueBytes, page) + "\"}", 1}});
  };
  for (int window = 0; window < kWindows; ++window) {
    put("a", window, 'a');
    put("ab", window, 'q');
  }
  ASSERT_TRUE(run->run_to_rest());
  const std::vector<std::string> keys{"a"};
  TableLookUp look_up{keys};
  size_t rows = 0, slices = 0;
  for (; !look_up.keys.empty(); ++slices) {
    TaskSequence as_of;
    const Result<Batch> slice = run->look_up_some(look_up, as_of);
    ASSERT_TRUE(slice) << slice.error().message;
    EXPECT_LE(slice->rows, 10u);
    rows += slice->rows;
    for (size_t row = 0; row < slice->rows; ++row)
      EXPECT_EQ(slice->columns[1]->value_at(row).as_string().front(), 'a');
    put("a", kWindows - 1, 'b');
    put("a", kWindows, 'b');
    ASSERT_TRUE(run->run_to_rest());
  }
  EXPECT_GT(slices, 5u);
  EXPECT_EQ(rows, size_t{kWindows});
}

TEST_F(TableViewTest, a_large_table_is_scanned_in_slices_that_hold_each_row_once) {
  constexpr int kRows = 5'000;
  auto run =
      query({"CREATE STREAM clicks (user_id VARCHAR KEY);"},
            "CREATE TABLE visits AS SELECT user_id, COUNT(*) AS n FROM clicks GROUP BY user_id;");
  std::vector<TestRecord> records;
  for (int i = 0; i < kRows; ++i) records.push_back({std::to_string(i), "{}", 1'000 + i});
  run->produce("clicks", 0, records);
  ASSERT_TRUE(run->run_to_rest());
  std::set<std::string> keys;
  size_t rows = 0, slices = 0;
  TableScan scan;
  while (true) {
    const auto slice = run->scan_some(scan, 100);
    ASSERT_TRUE(slice) << slice.error().message;
    EXPECT_LE(slice->rows.rows, 100u);
    rows += slice->rows.rows;
    ++slices;
    for (size_t row = 0; row < slice->rows.rows; ++row)
      keys.insert(slice->rows.columns[0]->value_at(row).as_string());
    for (size_t row = 0; row < slice->rows.rows; ++row)
      EXPECT_EQ(slice->rows.columns[1]->value_at(row).as_int64(), 1);
    if (slice->is_last) break;
    // The table changes during the scan. The scan must return neither the new groups nor later changes of the other
    // groups.
    run->produce("clicks", 0, {{"late" + std::to_string(slices), "{}", 90'000}});
    run->produce("clicks", 0,
                 {{std::to_string(slices * 37 % kRows), "{}", 90'000},
                  {std::to_string(slices * 101 % kRows), "{}", 90'000}});
    ASSERT_TRUE(run->run_to_rest());
  }
  EXPECT_GE(slices, kRows / 100u);
  EXPECT_EQ(rows, size_t{kRows});
  EXPECT_EQ(keys.size(), size_t{kRows});
  EXPECT_FALSE(keys.contains("late1"));
}

TEST_F(TableViewTest, few_rows_that_are_large_are_scanned_in_slices_too) {
  constexpr size_t kRows = 100, kRowBytes = 50'000;
  auto run = table("CREATE TABLE docs (name VARCHAR PRIMARY KEY, doc VARCHAR);");
  for (size_t i = 0; i < kRows; ++i)
    run->produce("docs", 0,
                 {{std::to_string(i), "{\"DOC\":\"" + std::string(kRowBytes, 'd') + "\"}", 1}});
  ASSERT_TRUE(run->run_to_rest());
  size_t rows = 0;
  TableScan scan;
  for (bool is_last = false; !is_last;) {
    const auto slice = run->scan_some(scan, SIZE_MAX);
    ASSERT_TRUE(slice) << slice.error().message;
    EXPECT_LE(slice->rows.rows * kRowBytes, size_t{1} << 20);
    rows += slice->rows.rows;
    is_last = slice->is_last;
  }
  EXPECT_EQ(rows, kRows);
}

// The rows of a look-up wait for their commit and are sent to another thread, while the table
// continues to change.
TEST_F(TableViewTest, rows_outlive_the_store_they_were_read_from) {
  auto run = table("CREATE TABLE cities (name VARCHAR PRIMARY KEY, people INT);");
  run->produce("cities", 0, {{kQuetta, R"({"PEOPLE":1})", 1}});
  ASSERT_TRUE(run->run_to_rest());
  const Result<Batch> row = run->look_up_all();
  run->produce("cities", 0, {{kQuetta, std::nullopt, 2}, {kLahore, R"({"PEOPLE":1})", 3}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(text_of(row), "\"" + kQuetta + "\" 1 1 null null\n");

  auto counts =
      query({"CREATE STREAM clicks (user_id VARCHAR KEY);"},
            "CREATE TABLE visits AS SELECT user_id, COUNT(*) AS n FROM clicks GROUP BY user_id;");
  counts->produce("clicks", 0, {{kLahore, "{}", 1}});
  ASSERT_TRUE(counts->run_to_rest());
  const Result<Batch> group = counts->look_up({kLahore});
  counts.reset();
  EXPECT_EQ(text_of(group), "\"" + kLahore + "\" 1 1 null null\n");
}

}  // namespace
}  // namespace engine
