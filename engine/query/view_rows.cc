#include "engine/query/view_rows.h"

#include <absl/container/flat_hash_map.h>

#include <optional>
#include <string>
#include <utility>

#include "engine/expr/null_failures.h"
#include "engine/expr/program.h"
#include "engine/query/rows_run.h"
#include "engine/query/rows_steps.h"
#include "engine/query/sha256.h"
#include "engine/types/row_codec.h"

namespace engine {

namespace {

// A longer row id is replaced by its hash.
constexpr size_t kMostRowIdBytes = 256;

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

// Makes the ids of rows: the bytes of the columns that identify a row, or of all columns and the row's number among the
// equal rows.
class RowIds {
 public:
  explicit RowIds(const ViewPlan& view) : view_(view) {}

  ColumnPtr of(const RowsChunk& chunk) {
    std::vector<const Column*> columns;
    for (const size_t column : view_.identity) columns.push_back(chunk.columns[column].get());
    const bool may_repeat = columns.empty() && !view_.is_one_row;
    if (may_repeat)
      for (size_t i = 0; i < view_.result.columns.size(); ++i)
        columns.push_back(chunk.columns[i].get());
    Column ids(TypeKind::Bytes);
    std::string id;
    for (size_t row = 0; row < chunk.rows; ++row) {
      id.clear();
      encode_row(columns, row, id);
      // the key of the only row; it is not empty, because an empty key could be taken for a missing key
      if (id.empty()) id += '\0';
      if (id.size() > kMostRowIdBytes) id = sha256(id);
      if (may_repeat) append_number(seen_[id]++, id);
      ids.append_copy(id);
    }
    return std::make_shared<const Column>(std::move(ids));
  }

 private:
  static void append_number(uint32_t number, std::string& id) {
    for (int shift = 24; shift >= 0; shift -= 8) id += static_cast<char>(number >> shift);
  }

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
