// A fixture with two tables and their rows. Its functions return the answers of SELECTs over them.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "engine/pgsql/parse_postgres.h"
#include "engine/query/column_origins.h"
#include "engine/query/rows_run.h"
#include "engine/query/select_rows.h"
#include "engine/types/text_json.h"
#include "tests/engine/plan/plan_fixture.h"

namespace engine {

using Row = std::vector<Value>;
using Rows = std::vector<Row>;

// Statements that the dialect's grammar rejects are parsed as PostgreSQL's.
class SelectRowsTest : public PlanTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(create("CREATE TABLE l (id INT PRIMARY KEY, k INT, v VARCHAR);"));
    ASSERT_TRUE(create("CREATE TABLE r (id INT PRIMARY KEY, k INT, w DOUBLE);"));
  }

  Result<SelectRowsPlan> plan(const std::string& sql) {
    auto parsed = parse(sql);
    const ParsedStatement statement =
        parsed ? *std::move(parsed) : std::move(TRY(parse_postgres(sql)).front());
    const PlanContext context{*catalog_, *this, settings_, session_};
    return plan_select_rows(std::get<Query>(statement.statement), context, {clock_, random_});
  }

  // The rows of a table as its look-up returns them, in chunks of `rows_of_chunk`.
  RowsChunks read(const PullPlan& table, size_t rows_of_chunk) {
    const Rows& rows = table.table->name == "L" ? left_ : right_;
    const EvalContext eval{clock_, random_};
    RowsChunks chunks;
    for (size_t first = 0; first < rows.size(); first += rows_of_chunk) {
      Batch batch;
      batch.rows = std::min(rows_of_chunk, rows.size() - first);
      for (size_t i = 0; i < 3; ++i) {
        auto column = std::make_shared<Column>(table.table->schema.columns[i].type);
        for (size_t row = 0; row < batch.rows; ++row) column->append_value(rows[first + row][i]);
        batch.columns.push_back(std::move(column));
      }
      batch.columns.resize(6);  // adds the system columns, which no query of the tests reads
      batch.timestamps.resize(batch.rows);
      batch.offsets.resize(batch.rows);
      batch.present = Bitmap(batch.rows, true);
      Batch shaped = *PullShaper(table).shape(std::move(batch), SIZE_MAX, eval);
      chunks.push_back({shaped.rows, std::move(shaped.columns)});
    }
    return chunks;
  }

  Result<std::vector<std::string>> run(const std::string& sql, size_t rows_of_chunk,
                                       MemoryBudget* memory = nullptr) {
    const SelectRowsPlan planned = TRY(plan(sql));
    std::vector<RowsChunks> tables;
    for (const auto& table : planned.tables) tables.push_back(read(*table, rows_of_chunk));
    RowsContext context({clock_, random_}, memory);
    const RowsChunks result = TRY(run_rows_plan(planned, std::move(tables), context));
    std::vector<std::string> lines;
    for (const RowsChunk& chunk : result)
      for (size_t row = 0; row < chunk.rows; ++row) {
        std::string line;
        for (size_t i = 0; i < planned.result.columns.size(); ++i) {
          const Column& column = *chunk.columns[i];
          if (i > 0) line += " ";
          if (column.is_null(row))
            line += "-";
          else
            append_json_value(line, column, row);
        }
        lines.push_back(line);
      }
    return lines;
  }

  // Returns the result of the query, after checking that it does not depend on the sizes of chunks.
  // Without ORDER BY the lines are sorted.
  std::vector<std::string> answer(const std::string& sql) {
    const auto ordered = [&](std::vector<std::string> lines) {
      if (sql.find("ORDER BY") == std::string::npos) std::ranges::sort(lines);
      return lines;
    };
    const auto whole = run(sql, 1'000'000);
    if (!whole) return {whole.error().message};
    for (const size_t rows : {1, 7, 100})
      EXPECT_EQ(ordered(*run(sql, rows)), ordered(*whole)) << sql << " " << rows;
    return ordered(*whole);
  }

  static Value number(int64_t value) { return Value::integer(static_cast<int32_t>(value)); }

  // Adds rows. About every tenth key is null; some keys have many rows, some none.
  void fill(size_t count) {
    const auto key = [&](int64_t most) {
      const int64_t drawn = static_cast<int64_t>(random_.next() % static_cast<uint64_t>(most));
      return drawn % 10 == 0 ? Value() : number(drawn);
    };
    for (size_t i = 0; i < count; ++i) {
      left_.push_back({number(i), key(40), Value::text("v" + std::to_string(random_.next() % 5))});
      right_.push_back(
          {number(i), key(60), Value::number(static_cast<double>(random_.next() % 3) - 1.0)});
    }
  }

  Rows left_, right_;
};

inline std::string text(const Value& value) {
  return value.is_null() ? "-" : std::to_string(value.as_int32());
}

}  // namespace engine
