#include "engine/query/view_rows.h"

#include <absl/container/flat_hash_map.h>

#include <optional>
#include <string>
#include <utility>

#include "engine/expr/null_failures.h"
#include "engine/expr/program.h"
#include "engine/ivm/row_id.h"
#include "engine/query/rows_run.h"
#include "engine/query/rows_steps.h"

namespace engine {

namespace {

// Computes the rows of one ReadRows from the rows of its input.
Result<RowsChunks> read_rows(const ViewRead& read, const std::vector<Batch>& input,
                             RowsContext& context) {
  std::optional<Program> filter;
  if (read.filter) filter.emplace(*read.filter);
  const Program program(read.columns);
  RowsChunks out;
  for (const Batch& batch : input) {
    TRY(context.begin());
    std::vector<ColumnPtr> columns = batch.columns;
    size_t rows = batch.rows;
    if (filter) {
      RowErrors errors(rows);
      const std::vector<uint32_t> chosen = filter->select(columns, rows, context.eval(), errors);
      TRY(refuse_failures(errors));
      if (chosen.size() != rows) columns = batch.gather(chosen).columns;
      rows = chosen.size();
    }
    if (rows == 0) continue;
    RowsChunk chunk{rows, {}};
    for (Evaluated& result : program.run(columns, rows, context.eval())) {
      TRY(refuse_failures(result.errors));
      chunk.columns.push_back(std::move(result.column));
    }
    TRY(context.end());
    TRY(context.add(out, std::move(chunk)));
  }
  return out;
}

// Makes the ids of rows. Equal rows are numbered.
class RowIds {
 public:
  explicit RowIds(const ViewPlan& view) : view_(view) {}

  ColumnPtr of(const RowsChunk& chunk) {
    std::vector<const Column*> columns;
    for (const ColumnPtr& column : chunk.columns) columns.push_back(column.get());
    Column ids(TypeKind::Bytes);
    std::string id;
    for (size_t row = 0; row < chunk.rows; ++row) {
      make_row_id(view_, columns, row, id);
      if (may_repeat(view_)) append_row_number(seen_[id]++, id);
      ids.append_copy(id);
    }
    return std::make_shared<const Column>(std::move(ids));
  }

 private:
  const ViewPlan& view_;
  absl::flat_hash_map<std::string, uint32_t> seen_;
};

}  // namespace

Result<std::vector<Batch>> ViewRows::run(const ViewPlan& view,
                                         std::vector<std::vector<Batch>> inputs,
                                         const EvalContext& eval) const {
  RowsContext context(eval, memory_);
  std::vector<RowsChunks> tables;
  for (const ViewRead& read : view.reads)
    tables.push_back(TRY(read_rows(read, inputs[read.port], context)));
  SelectRowsPlan plan;
  plan.root = view.root;
  RowsChunks rows = TRY(run_rows_plan(plan, std::move(tables), context));
  RowIds ids(view);
  std::vector<Batch> out;
  for (RowsChunk& chunk : rows) {
    if (chunk.rows == 0) continue;
    Batch& batch = out.emplace_back();
    batch.rows = chunk.rows;
    if (view.has_row_id) batch.columns.push_back(ids.of(chunk));
    for (const size_t column : view.columns) batch.columns.push_back(chunk.columns[column]);
    batch.present = Bitmap(batch.rows, true);
    batch.timestamps.assign(batch.rows, 0);
    batch.offsets.assign(batch.rows, -1);
    chunk = {};
  }
  return out;
}

}  // namespace engine
