// Compares the rows that an incremental view keeps with the rows of its SELECT, after random changes of the table.
#include "engine/ivm/incremental_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>

#include "engine/formats/format.h"
#include "engine/pgsql/parse_postgres.h"
#include "engine/query/rows_run.h"
#include "engine/query/select_rows.h"
#include "engine/query/view_query.h"
#include "engine/query/view_rows.h"
#include "engine/query/view_shapes.h"
#include "engine/types/row_codec.h"
#include "tests/engine/exec/query_test.h"
#include "tests/engine/plan/plan_fixture.h"

namespace engine {
namespace {

using Row = std::vector<Value>;                   // id, k, name, big, price, flag, real
using Kept = std::map<std::string, std::string>;  // rows in the row codec, by the key of the view

constexpr size_t kColumns = 7;

// Texts whose order differs in UTF-8 and UTF-16, and numbers that are equal but have different bytes.
const std::string kNames[] = {"", "x", "xx", "\xc3\xa9", "\xef\xbf\xbd", "\xf0\x90\x80\x80", "Z"};
constexpr double kReals[] = {0.0,
                             -0.0,
                             0.1,
                             1e300,
                             std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()};

// Number of seeds of the random test; MILLRACE_SEEDS replaces it.
int seeds() {
  const char* const text = std::getenv("MILLRACE_SEEDS");
  return text ? std::atoi(text) : 10;
}

class IncrementalViewTest : public PlanTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(
        create("CREATE TABLE t (id INT PRIMARY KEY, k INT, name VARCHAR, big BIGINT, "
               "price DECIMAL(12, 2), flag BOOLEAN, real DOUBLE);"));
  }

  Result<std::shared_ptr<const ViewPlan>> plan(const std::string& sql) {
    const ParsedStatement statement = std::move(TRY(parse_postgres(sql)).front());
    const PlanContext context{*catalog_, *this, settings_, session_};
    SelectRowsPlan select =
        TRY(plan_select_rows(std::get<Query>(statement.statement), context, {clock_, random_}));
    ViewPlan view;
    std::vector<size_t> key_counts;
    for (const auto& table : select.tables) {
      view.reads.push_back({0, table->filter, table->columns});
      key_counts.push_back(1);
    }
    view.root = select.root;
    view.result = select.result;
    view.has_row_id = true;
    if (const auto identity = identity_of(view, key_counts)) {
      view.identity = identity->columns;
      view.is_one_row = identity->columns.empty();
    }
    for (size_t i = 0; i < view.result.columns.size(); ++i) view.columns.push_back(i);
    return std::make_shared<const ViewPlan>(std::move(view));
  }

  Result<std::unique_ptr<IncrementalView>> start(const std::shared_ptr<const ViewPlan>& view) {
    const ViewMode mode = mode_of(*view, "");
    if (!mode.plan) return Error{ErrorCode::NotSupported, mode.reason};
    const ColumnDef key{"__ROWID", TypeKind::Bytes, ColumnRole::Key};
    return IncrementalView::make(view, *mode.plan, identity_format(FormatSpec{"KAFKA"}), {&key, 1});
  }

  std::vector<ColumnPtr> columns_of(const std::vector<Row>& rows) {
    std::vector<ColumnPtr> columns;
    for (size_t i = 0; i < kColumns; ++i) {
      auto column = std::make_shared<Column>(source("T").schema.columns[i].type);
      for (const Row& row : rows) column->append_value(row[i]);
      columns.push_back(std::move(column));
    }
    columns.resize(kColumns + 4);  // columns that no SELECT of the test reads
    return columns;
  }

  // Changes a random row: inserts, updates or deletes it. Few different values make many equal rows.
  void change(std::vector<std::pair<Row, int64_t>>& changes) {
    const auto id = static_cast<int32_t>(random_.next() % 40);
    const auto is_null = [&] { return random_.next() % 5 == 0; };
    const auto small = [&] { return static_cast<int32_t>(random_.next() % 5); };
    if (const auto old = table_.find(id); old != table_.end()) {
      changes.emplace_back(old->second, -1);
      table_.erase(old);
    }
    if (random_.next() % 3 == 0) return;
    Row row{Value::integer(id)};
    row.push_back(is_null() ? Value() : Value::integer(small()));
    row.push_back(is_null() ? Value() : Value::text(kNames[random_.next() % std::size(kNames)]));
    row.push_back(is_null() ? Value() : Value::bigint(INT64_MAX - small()));
    row.push_back(is_null() ? Value() : Value::decimal(-250 * small(), 2));
    row.push_back(is_null() ? Value() : Value::boolean(small() < 2));
    row.push_back(is_null() ? Value() : Value::number(kReals[random_.next() % std::size(kReals)]));
    changes.emplace_back(row, 1);
    table_[id] = row;
  }

  Kept recomputed(const ViewPlan& view) {
    std::vector<Row> rows;
    for (const auto& [id, row] : table_) rows.push_back(row);
    Batch batch;
    batch.rows = rows.size();
    batch.columns = columns_of(rows);
    batch.present = Bitmap(rows.size(), true);
    batch.timestamps.assign(rows.size(), 0);
    batch.offsets.assign(rows.size(), -1);
    std::vector<std::vector<Batch>> inputs(1);
    inputs[0].push_back(std::move(batch));
    const auto result = ViewRows(nullptr).run(view, std::move(inputs), {clock_, random_});
    EXPECT_TRUE(result) << result.error().message;
    Kept kept;
    for (const Batch& each : *result) {
      std::vector<const Column*> columns;
      for (const ColumnPtr& column : each.columns) columns.push_back(column.get());
      for (size_t row = 0; row < each.rows; ++row)
        encode_row(columns, row, kept[std::string(each.columns[0]->data<std::string_view>()[row])]);
    }
    return kept;
  }

  // Takes the changes in batches and applies what the view returns to `kept`.
  void cut(IncrementalView& view, const std::vector<std::pair<Row, int64_t>>& changes,
           size_t rows_of_batch, Kept& kept) {
    const EvalContext eval{clock_, random_};
    for (size_t first = 0; first < changes.size(); first += rows_of_batch) {
      Changes batch;
      std::vector<Row> rows;
      for (size_t i = first; i < std::min(changes.size(), first + rows_of_batch); ++i) {
        rows.push_back(changes[i].first);
        batch.weights.push_back(changes[i].second);
      }
      batch.rows = rows.size();
      batch.columns = columns_of(rows);
      const Status taken = view.take(std::move(batch), eval);
      ASSERT_TRUE(taken) << taken.error().message;
    }
    Result<bool> more = true;
    while (more && *more) more = view.finish_some(rows_of_batch, eval);
    ASSERT_TRUE(more) << more.error().message;
    while (view.has_changes()) {
      const auto net = view.next_changes(rows_of_batch);
      ASSERT_TRUE(net);
      for (size_t row = 0; row < net->rows.rows; ++row) {
        const std::string& key = net->keys[row];
        if (net->rows.present.test(row))
          kept[key] = net->bytes[row];
        else
          EXPECT_EQ(kept.erase(key), 1u);
      }
    }
  }

  void check(const std::string& sql, size_t rows_of_batch) {
    SCOPED_TRACE(sql);
    table_.clear();
    const auto view = plan(sql);
    ASSERT_TRUE(view) << view.error().message;
    const auto incremental = start(*view);
    ASSERT_TRUE(incremental) << incremental.error().message;
    Kept kept;
    cut(**incremental, {}, rows_of_batch, kept);
    const size_t most_bytes_when_empty = (*incremental)->state_bytes();
    for (int round = 0; round < 40; ++round) {
      std::vector<std::pair<Row, int64_t>> changes;
      for (uint64_t left = random_.next() % 20; left > 0; --left) change(changes);
      if (round == 20)  // all rows are deleted
        while (!table_.empty()) {
          changes.emplace_back(table_.begin()->second, -1);
          table_.erase(table_.begin());
        }
      cut(**incremental, changes, rows_of_batch, kept);
      ASSERT_EQ(kept, recomputed(**view)) << "round " << round;
    }
    // Nothing is left of the rows that have been deleted.
    std::vector<std::pair<Row, int64_t>> changes;
    for (const auto& [id, row] : table_) changes.emplace_back(row, -1);
    table_.clear();
    cut(**incremental, changes, rows_of_batch, kept);
    ASSERT_EQ(kept, recomputed(**view));
    ASSERT_LE((*incremental)->state_bytes(), most_bytes_when_empty);
  }

  std::string reason(const std::string& sql) {
    const auto view = plan(sql);
    return view ? mode_of(**view, "").reason : view.error().message;
  }

  std::map<int32_t, Row> table_;
};

constexpr const char* kSelects[] = {
    "SELECT id, k FROM t",
    "SELECT id, k + 1 AS more, upper(name) AS name FROM t WHERE k > 1",
    "SELECT k, name FROM t",
    "SELECT k FROM t WHERE flag",
    "SELECT id, real, real * 2 AS twice FROM t WHERE real >= 0",
    "SELECT real, price FROM t",
    "SELECT k, COUNT(real) AS n, COUNT(*) FILTER (WHERE real > 0) AS m FROM t GROUP BY k HAVING "
    "COUNT(real) > 1",
    "SELECT price, flag, COUNT(*) AS n FROM t GROUP BY price, flag",
    "SELECT id % 7 AS rest, MIN(id) AS a, MAX(id) AS b FROM t GROUP BY id % 7",
    "SELECT id, COUNT(*) AS n, MAX(name) AS name FROM t WHERE k = 2 GROUP BY id",
    "SELECT k, name FROM (SELECT k, name, big FROM t WHERE big IS NOT NULL) i WHERE k IS NOT NULL",
    "SELECT 1 AS one FROM t",
    "SELECT SUM(n) AS n, MIN(s) AS s FROM (SELECT k, COUNT(*) AS n, SUM(price) AS s FROM t GROUP "
    "BY k) g",
    "SELECT MIN(name) AS a, MAX(name) AS b, bool_or(flag) AS c FROM t WHERE k > 2",
    "SELECT COUNT(*) AS n FROM t HAVING COUNT(*) > 12",
    "SELECT k, COUNT(*) AS n FROM t GROUP BY k",
    "SELECT k, name, COUNT(*) AS n, COUNT(big) AS m FROM t GROUP BY k, name",
    "SELECT k, SUM(id) AS a, SUM(big) AS b, SUM(price) AS c FROM t GROUP BY k",
    "SELECT name, AVG(id) AS a, AVG(big) AS b, AVG(price) AS c FROM t GROUP BY name",
    "SELECT k, MIN(name) AS a, MAX(name) AS b, MIN(big) AS c, MAX(price) AS d, MIN(price) AS e "
    "FROM t GROUP BY k",
    "SELECT flag, bool_and(flag) AS a, bool_or(k > 2) AS b FROM t GROUP BY flag",
    "SELECT COUNT(*) AS n, SUM(id) AS total, MAX(k) AS most FROM t",
    "SELECT COUNT(*) AS n FROM t WHERE k = 77",
    "SELECT k, COUNT(*) AS n FROM t GROUP BY k HAVING COUNT(*) > 2 AND MIN(id) < 30",
    "SELECT k, COUNT(*) FILTER (WHERE flag) AS n, SUM(id) FILTER (WHERE k > 1) AS s FROM t GROUP "
    "BY k",
    "SELECT n, COUNT(*) AS groups FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k) g GROUP BY n",
    "SELECT k % 2 AS odd, SUM(id * 2) + 1 AS s FROM t WHERE name IS NOT NULL GROUP BY k % 2",
};

TEST_F(IncrementalViewTest, RowsEqualThoseOfTheSelect) {
  for (int seed = 0; seed < seeds(); ++seed) {
    SCOPED_TRACE(seed);
    random_ = Random(static_cast<uint64_t>(seed));
    for (const char* select : kSelects) {
      for (const size_t rows : {1, 3, 1'000'000}) check(select, rows);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(IncrementalViewTest, NamesThePartForWhichAViewIsRecomputed) {
  EXPECT_EQ(reason("SELECT k, COUNT(*) AS n FROM t GROUP BY k"), "");
  EXPECT_EQ(reason("SELECT a.id AS a, b.id AS b FROM t a JOIN t b ON a.k = b.k"), "JOIN");
  EXPECT_EQ(reason("SELECT DISTINCT k FROM t"), "DISTINCT");
  EXPECT_EQ(reason("SELECT k FROM t UNION SELECT id FROM t"), "UNION");
  EXPECT_EQ(reason("SELECT id FROM t ORDER BY k LIMIT 3"), "LIMIT");
  EXPECT_EQ(reason("SELECT id FROM t WHERE k = (SELECT MAX(k) FROM t)"), "a sub-query");
  EXPECT_EQ(reason("SELECT id, rank() OVER (ORDER BY k) AS r FROM t"), "a window function");
  EXPECT_EQ(reason("SELECT SUM(real) AS s FROM t"), "SUM of double precision");
  EXPECT_EQ(reason("SELECT MAX(real) AS s FROM t"), "MAX of double precision");
  EXPECT_EQ(reason("SELECT real, COUNT(*) AS n FROM t GROUP BY real"),
            "GROUP BY of double precision");
  EXPECT_EQ(reason("SELECT COUNT(DISTINCT k) AS n FROM t"), "COUNT(DISTINCT ...)");
  EXPECT_EQ(reason("SELECT string_agg(name, ',') AS s FROM t"), "STRING_AGG");
  EXPECT_EQ(reason("SELECT SUM(price::decimal(38, 2)) AS s FROM t"), "SUM of numeric");
}

TEST_F(IncrementalViewTest, AnExpressionThatFailsIsAnError) {
  const auto view = plan("SELECT id, 10 / k AS q FROM t");
  ASSERT_TRUE(view);
  const auto incremental = start(*view);
  ASSERT_TRUE(incremental);
  Row row(kColumns);
  row[0] = Value::integer(1);
  row[1] = Value::integer(0);
  const Status taken =
      (*incremental)->take({1, columns_of({row}), {1}}, EvalContext{clock_, random_});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::DivisionByZero);
}

TEST_F(IncrementalViewTest, ARemovedRowThatWasNeverThereIsAnInternalError) {
  for (const char* select : {"SELECT k FROM t", "SELECT k, COUNT(*) AS n FROM t GROUP BY k"}) {
    const auto view = plan(select);
    ASSERT_TRUE(view);
    const auto incremental = start(*view);
    ASSERT_TRUE(incremental);
    const EvalContext eval{clock_, random_};
    Row row(kColumns);
    row[0] = Value::integer(1);
    ASSERT_TRUE((*incremental)->take({1, columns_of({row}), {-1}}, eval));
    Result<bool> more = true;
    while (more && *more) more = (*incremental)->finish_some(10, eval);
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code, ErrorCode::Internal);
  }
}

// Runs SELECTs and counts them.
class CountedRuns final : public ViewRunner {
 public:
  Result<std::vector<Batch>> run(const ViewPlan& view, std::vector<std::vector<Batch>> inputs,
                                 const EvalContext& eval) const override {
    ++count;
    return rows_.run(view, std::move(inputs), eval);
  }
  mutable int count = 0;

 private:
  ViewRows rows_{nullptr};
};

// Runs the task of a view in both modes, with crashes and restarts.
class IncrementalTaskTest : public QueryTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(
        create("CREATE TABLE t (id VARCHAR PRIMARY KEY, k INT, name VARCHAR, big BIGINT, "
               "price DECIMAL(12, 2), real DOUBLE);"));
  }

  std::unique_ptr<QueryRun> view(const std::string& select, const std::string& mode,
                                 const ViewRunner& runner) {
    Properties properties;
    properties["view.mode"] = mode;
    const auto script = parse_postgres("CREATE MATERIALIZED VIEW v AS " + select);
    EXPECT_TRUE(script);
    const ParsedStatement& statement = script->front();
    const PlanContext context{*catalog_, *this, settings_, properties};
    auto planned = plan_materialized_view(std::get<CreateView>(statement.statement), statement,
                                          context, {clock_, random_});
    EXPECT_TRUE(planned) << planned.error().message;
    EXPECT_EQ(mode_of(planned->plan).plan.has_value(), mode == "auto") << select;
    TaskOptions options = exact(random_.next() % 2 == 0 ? 4096 : 3);
    options.views = &runner;
    auto run = std::make_unique<QueryRun>(*std::move(planned), 1, options);
    run->start();
    return run;
  }

  TestRecord record() {
    const std::string id = std::to_string(random_.next() % 30);
    if (random_.next() % 4 == 0) return {id, std::nullopt, 1};
    const auto one = [&](std::vector<std::string> values) {
      return random_.next() % 6 == 0 ? "null" : values[random_.next() % values.size()];
    };
    const bool is_zero = random_.next() % 60 == 0;  // some SELECTs divide by k
    return {id,
            fmt::format(R"({{"K":{},"NAME":{},"BIG":{},"PRICE":{},"REAL":{}}})",
                        is_zero ? "0" : one({"1", "2", "3"}), one({R"("x")", R"("y")", R"("")"}),
                        one({"9223372036854775807", "9223372036854775806", "-4"}),
                        one({"1.25", "-7.5", "9999999999.99"}), one({"0.1", "-0.0", "1e300"})),
            1};
  }

  // The rows of the view without ROWTIME and the two columns after it; or the error of a read.
  static std::vector<std::string> rows_of(QueryRun& run) {
    std::vector<std::string> rows;
    std::string text = run.table();
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      std::string line = text.substr(at, end - at);
      for (int i = 0; i < 3 && text.find('\n') != std::string::npos; ++i)
        line.resize(line.rfind(' '));
      rows.push_back(std::move(line));
      at = end + 1;
    }
    std::ranges::sort(rows);
    return rows;
  }

  // The newest record of each key in the topic of the view, without deleted rows.
  static std::vector<std::string> topic_of(QueryRun& run) {
    std::vector<std::string> lines;
    const std::string text = run.newest_written();
    for (size_t at = 0; at < text.size();) {
      const size_t end = text.find('\n', at);
      const std::string line = text.substr(at, text.rfind(" @", end) - at);
      if (!line.ends_with(" -")) lines.push_back(line);
      at = end + 1;
    }
    return lines;
  }

  void check(const std::string& select) {
    SCOPED_TRACE(select);
    const CountedRuns counted, others;
    const auto incremental = view(select, "auto", counted);
    const auto recomputed = view(select, "recompute", others);
    const bool may_fail = select.find(" / ") != std::string::npos;
    int starts = 1;
    for (int round = 0; round < 15; ++round) {
      for (uint64_t batches = random_.next() % 4; batches > 0; --batches) {
        std::vector<TestRecord> records;
        for (uint64_t left = 1 + random_.next() % 12; left > 0; --left) records.push_back(record());
        for (QueryRun* run : {incremental.get(), recomputed.get()}) {
          run->produce("t", 0, records);
          for (uint64_t steps = random_.next() % 8; steps > 0; --steps) run->stumble(random_);
          if (random_.next() % 2 == 0) run->clock().advance_us(1'000'000);
        }
        if (random_.next() % 8 == 0) {
          incremental->start();
          ++starts;
        }
        if (random_.next() % 8 == 0) recomputed->start();
      }
      for (QueryRun* run : {incremental.get(), recomputed.get()})
        // A run may have begun before the last records. The pause after it is 20 times as long as
        // the run, which includes the time by which the test has advanced the clock meanwhile.
        for (const int64_t seconds : {1, 10'000}) {
          run->clock().advance_us(seconds * 1'000'000);
          ASSERT_TRUE(run->run_to_rest());
        }
      ASSERT_EQ(rows_of(*incremental), rows_of(*recomputed)) << "round " << round;
      if (!may_fail)  // after an error the topic keeps the rows of some earlier run
        ASSERT_EQ(topic_of(*incremental), topic_of(*recomputed)) << "round " << round;
    }
    // An expression that fails needs complete runs; other views have one for each start.
    if (!may_fail) {
      EXPECT_LE(counted.count, starts);
      EXPECT_GT(others.count, starts);
    }
  }
};

constexpr const char* kViews[] = {
    "SELECT id, k, upper(name) AS name FROM t WHERE k > 1",
    "SELECT id, real, price FROM t",
    "SELECT k, name FROM t",
    "SELECT k, COUNT(*) AS n, SUM(big) AS b, SUM(price) AS p, AVG(k) AS m FROM t GROUP BY k",
    "SELECT name, MIN(price) AS a, MAX(big) AS b, MIN(id) AS c FROM t WHERE k < 3 GROUP BY name",
    "SELECT COUNT(*) AS n, SUM(k) AS s, MAX(name) AS m FROM t",
    "SELECT k, COUNT(*) AS n FROM t GROUP BY k HAVING COUNT(*) > 3",
    "SELECT n, COUNT(*) AS groups FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k) g GROUP BY n",
    "SELECT id, 10 / k AS q FROM t",
    "SELECT name, SUM(10 / k) AS s FROM t GROUP BY name",
};

TEST_F(IncrementalTaskTest, RowsEqualThoseOfARecomputedView) {
  for (int seed = 0; seed < seeds(); ++seed) {
    SCOPED_TRACE(seed);
    random_ = Random(static_cast<uint64_t>(seed));
    for (const char* select : kViews) {
      check(select);
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace engine
