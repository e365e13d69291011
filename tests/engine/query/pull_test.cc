#include "engine/query/pull.h"

#include "engine/types/text_json.h"
#include "tests/engine/plan/plan_fixture.h"

namespace engine {
namespace {

class PullTest : public PlanTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(create("CREATE TABLE cities (name VARCHAR PRIMARY KEY, people INT);"));
    ASSERT_TRUE(
        create("CREATE TABLE seats (hall INT PRIMARY KEY, seat_row INT PRIMARY KEY, "
               "guest VARCHAR) WITH (KEY_FORMAT = 'JSON');"));
    ASSERT_TRUE(
        create("CREATE TABLE visits (name VARCHAR PRIMARY KEY, n INT) WITH (WINDOW_TYPE = "
               "'TUMBLING', WINDOW_SIZE = '10 SECONDS');"));
  }

  Result<PullPlan> plan(const std::string& sql) {
    const ParsedStatement statement = TRY(parse(sql));
    const PlanContext context{*catalog_, *this, settings_, session_};
    return plan_pull_query(std::get<Query>(statement.statement), context, {clock_, random_});
  }

  // Returns the serialized keys that the plan derives from a condition, separated by blanks; "all" if the plan reads
  // all rows.
  std::string keys(const std::string& condition, const std::string& table = "cities") {
    const auto planned = plan("SELECT * FROM " + table + " WHERE " + condition + ";");
    if (!planned) return planned.error().message;
    if (!planned->keys) return "all";
    std::string text;
    for (const std::string& key : *planned->keys) text += (text.empty() ? "" : " ") + key;
    return text;
  }

  // Returns the bounds of VISITS' windows in a condition: first and last start, then first and last end; * if a bound
  // is missing.
  std::string bounds(const std::string& condition) {
    const auto planned =
        plan("SELECT * FROM visits WHERE name = 'Lahore' AND (" + condition + ");");
    if (!planned) return planned.error().message;
    const WindowBounds& windows = planned->windows;
    std::string text;
    for (const int64_t bound :
         {windows.first_start, windows.last_start, windows.first_end, windows.last_end})
      text += (text.empty() ? "" : " ") +
              (bound == INT64_MIN || bound == INT64_MAX ? "*" : std::to_string(bound));
    return text;
  }

  std::string error(const std::string& sql) {
    const auto planned = plan(sql);
    return planned ? "no error" : planned.error().message;
  }

  // Returns rows of CITIES in the layout of its input: the columns, ROWTIME, ROWPARTITION,
  // ROWOFFSET.
  static Batch cities(const std::vector<std::pair<std::string, int32_t>>& rows) {
    auto name = std::make_shared<Column>(TypeKind::String),
         people = std::make_shared<Column>(TypeKind::Integer),
         time = std::make_shared<Column>(TypeKind::Bigint),
         partition = std::make_shared<Column>(TypeKind::Integer),
         offset = std::make_shared<Column>(TypeKind::Bigint);
    Batch batch;
    for (const auto& [text, count] : rows) {
      name->append_copy(text);
      people->append(count);
      time->append(int64_t{7});
      partition->append_null();
      offset->append_null();
      batch.timestamps.push_back(7);
      batch.offsets.push_back(-1);
    }
    batch.rows = rows.size();
    batch.present = Bitmap(batch.rows, true);
    batch.columns = {name, people, time, partition, offset};
    return batch;
  }

  std::string answer(const std::string& sql, size_t room = SIZE_MAX) {
    const auto planned = plan(sql);
    if (!planned) return planned.error().message;
    const auto rows = PullShaper(*planned).shape(
        cities({{"Bern", 0}, {"Lahore", 13}, {"Lima", 10}}), room, {clock_, random_});
    if (!rows) return rows.error().message;
    std::string text;
    for (size_t row = 0; row < rows->rows; ++row) {
      for (const ColumnPtr& column : rows->columns) {
        append_json_value(text, *column, row);
        text += ' ';
      }
      text += '\n';
    }
    return text;
  }
};

TEST_F(PullTest, equality_with_the_key_is_one_key) {
  EXPECT_EQ(keys("name = 'Lahore'"), "Lahore");
  EXPECT_EQ(keys("'Lahore' = name"), "Lahore");
  EXPECT_EQ(keys("name = 'La' + 'hore'"), "Lahore");
  EXPECT_EQ(keys("name = 'Lahore' AND people > 10"), "Lahore");
}

TEST_F(PullTest, in_and_or_are_several_keys) {
  EXPECT_EQ(keys("name IN ('Lahore', 'Bern', 'Lahore')"), "Bern Lahore");
  EXPECT_EQ(keys("name = ANY(ARRAY['Lahore', 'Bern'])"), "Bern Lahore");
  EXPECT_EQ(keys("ARRAY_CONTAINS(ARRAY['Lahore', NULL, 'Bern'], name)"), "Bern Lahore");
  EXPECT_EQ(keys("name = ANY(SPLIT('Lahore,Bern', ',')) AND name = 'Bern'"), "Bern");
  EXPECT_EQ(keys("ARRAY_CONTAINS(ARRAY[name], 'Lahore')"), "all");
  EXPECT_EQ(keys("name = 'Lahore' OR name = 'Bern'"), "Bern Lahore");
  EXPECT_EQ(keys("(name = 'Lahore' OR name = 'Bern') AND name = 'Bern'"), "Bern");
}

TEST_F(PullTest, keys_that_exclude_each_other_are_none) {
  EXPECT_EQ(keys("name = 'Lahore' AND name = 'Bern'"), "");
}

// A parameter may be NULL. The look-up must then read no row, and not scan all rows.
TEST_F(PullTest, a_comparison_with_null_is_no_key) {
  EXPECT_EQ(keys("name = CAST(NULL AS VARCHAR)"), "");
  EXPECT_EQ(keys("name = CAST(NULL AS VARCHAR) AND people > 10"), "");
  EXPECT_EQ(keys("name IN (CAST(NULL AS VARCHAR), 'Bern')"), "Bern");
  EXPECT_EQ(keys("name = CAST(NULL AS VARCHAR) OR name = 'Bern'"), "Bern");
  EXPECT_EQ(keys("name = ANY(CAST(NULL AS ARRAY<VARCHAR>))"), "");
  EXPECT_EQ(keys("name = CAST(NULL AS VARCHAR) OR people = 1"), "all");
  EXPECT_EQ(keys("hall = 1 AND seat_row = CAST(NULL AS INT)", "seats"), "");
}

TEST_F(PullTest, a_condition_without_the_key_reads_every_row) {
  for (const char* condition :
       {"people = 1", "name > 'A'", "name = 'Lahore' OR people = 1", "name NOT IN ('Lahore')",
        "NOT (name = 'Lahore')", "name LIKE 'L%'", "name <> 'Lahore'", "name IS NOT NULL",
        "UCASE(name) = 'LAHORE'", "name = name"})
    EXPECT_EQ(keys(condition), "all") << condition;
}

TEST_F(PullTest, a_key_of_several_columns_needs_them_all) {
  EXPECT_EQ(keys("hall = 1", "seats"), "all");
  EXPECT_EQ(keys("hall = 1 AND seat_row = 2", "seats"), R"({"HALL":1,"SEAT_ROW":2})");
  EXPECT_EQ(keys("hall = 1 AND seat_row IN (2, 3)", "seats"),
            R"({"HALL":1,"SEAT_ROW":2} {"HALL":1,"SEAT_ROW":3})");
  EXPECT_EQ(keys("hall = 1 OR seat_row = 2", "seats"), "all");
}

TEST_F(PullTest, conditions_on_window_bounds_narrow_the_windows) {
  EXPECT_EQ(bounds("n = 1"), "* * * *");
  EXPECT_EQ(bounds("WINDOWSTART = 7"), "7 7 * *");
  EXPECT_EQ(bounds("WINDOWSTART >= 7 AND WINDOWEND <= 9"), "7 * * 9");
  EXPECT_EQ(bounds("7 < WINDOWSTART AND 9 > WINDOWSTART"), "7 9 * *");
  EXPECT_EQ(bounds("WINDOWSTART BETWEEN 3 AND 2 + 3"), "3 5 * *");
  EXPECT_EQ(bounds("WINDOWSTART > '1970-01-01T00:00:01Z'"), "1000 * * *");
  EXPECT_EQ(bounds("WINDOWSTART = 7 OR WINDOWSTART = 9"), "7 9 * *");
  for (const char* condition : {"WINDOWSTART = 7 OR n = 1", "WINDOWSTART NOT BETWEEN 3 AND 5",
                                "NOT (WINDOWSTART = 7)", "WINDOWSTART <> 7", "WINDOWSTART > n"})
    EXPECT_EQ(bounds(condition), "* * * *") << condition;
}

TEST_F(PullTest, many_keys_are_looked_up_by_a_scan) {
  std::string list;
  for (int i = 0; i < 1001; ++i) list += (i == 0 ? "'" : ", '") + std::to_string(i) + "'";
  EXPECT_EQ(keys("name IN (" + list + ")"), "all");
}

TEST_F(PullTest, the_filter_decides_for_all_keys) {
  EXPECT_EQ(answer("SELECT name FROM cities WHERE name = 'Lima';"), "\"Lima\" \n");
  EXPECT_EQ(answer("SELECT * FROM cities WHERE people > 5;"), "\"Lahore\" 13 \n\"Lima\" 10 \n");
  EXPECT_EQ(answer("SELECT people + 1 AS more, ROWTIME FROM cities WHERE name LIKE 'B%';"),
            "1 7 \n");
}

TEST_F(PullTest, kept_rows_are_bounded_by_the_limit) {
  EXPECT_EQ(answer("SELECT name FROM cities WHERE people >= 0 LIMIT 7;", 2),
            "\"Bern\" \n\"Lahore\" \n");
  EXPECT_EQ(plan("SELECT name FROM cities LIMIT 7;")->limit, 7);
}

TEST_F(PullTest, unsupported_look_ups_are_refused_with_a_reason) {
  for (const auto& [clause, word] :
       {std::pair<std::string, std::string>{"GROUP BY name", "GROUP BY"},
        {"WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY name", "WINDOW"},
        {"PARTITION BY name", "PARTITION BY"}})
    EXPECT_EQ(error("SELECT name FROM cities " + clause + ";"),
              word + " in a query without EMIT CHANGES is not supported yet");
  EXPECT_EQ(error("SELECT COUNT(*) FROM cities;"),
            "aggregate functions in a query without EMIT CHANGES are not supported yet");
  EXPECT_EQ(error("SELECT * FROM cities LIMIT -1;"),
            "Pull queries don't support negative integers in the LIMIT clause.");
  EXPECT_EQ(error("SELECT * FROM nowhere;"), "relation \"nowhere\" does not exist");
}

}  // namespace
}  // namespace engine
