#include "engine/query/rows_run.h"

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "engine/expr/null_failures.h"
#include "engine/query/rows_steps.h"
#include "engine/query/system_rows.h"
#include "engine/types/column_bytes.h"
#include "engine/types/row_codec.h"

namespace engine {

namespace {

// Memory is asked for in such pieces.
constexpr size_t kChargedAtOnce = size_t{1} << 20;

ColumnPtr normalized(const ColumnPtr& column) {
  if (column->type().kind() != TypeKind::Double) return column;
  auto out = std::make_shared<Column>(column->clone());
  for (double& value : out->data<double>()) value += 0.0;
  return out;
}

size_t bytes_of_all(const RowsChunks& chunks) {
  size_t bytes = 0;
  for (const RowsChunk& chunk : chunks) bytes += bytes_of(chunk);
  return bytes;
}

Result<RowsChunks> filter_rows(const FilterRows& step, RowsChunks input, RowsContext& context) {
  const Program program(step.condition);
  RowsChunks out;
  for (RowsChunk& chunk : input) {
    TRY(context.begin());
    RowErrors errors(chunk.rows);
    const std::vector<uint32_t> chosen =
        program.select(chunk.columns, chunk.rows, context.eval(), errors);
    TRY(context.end());
    if (chosen.size() == chunk.rows) {
      out.push_back(std::move(chunk));
      continue;
    }
    const size_t before = bytes_of(chunk);
    if (!chosen.empty()) TRY(context.add(out, pick(chunk, chosen)));
    context.remove(before);
    chunk = {};
  }
  return out;
}

Result<RowsChunks> compute_columns(const ComputeColumns& step, RowsChunks input,
                                   RowsContext& context) {
  const Program program(step.columns);
  RowsChunks out;
  for (RowsChunk& chunk : input) {
    const size_t before = bytes_of(chunk);
    RowsChunk computed{chunk.rows, TRY(compute(program, chunk, context))};
    chunk = {};
    context.remove(before);
    TRY(context.add(out, std::move(computed)));
  }
  return out;
}

RowsChunks cut_rows(const CutRows& step, RowsChunks input) {
  size_t skip = step.offset, left = step.most.value_or(SIZE_MAX);
  RowsChunks out;
  for (RowsChunk& chunk : input) {
    const size_t first = std::min(skip, chunk.rows);
    skip -= first;
    const size_t count = std::min(left, chunk.rows - first);
    left -= count;
    if (count == 0) continue;
    if (count == chunk.rows) {
      out.push_back(std::move(chunk));
      continue;
    }
    std::vector<uint32_t> rows(count);
    std::iota(rows.begin(), rows.end(), static_cast<uint32_t>(first));
    out.push_back(pick(chunk, rows));
  }
  return out;
}

class RowsRun {
 public:
  RowsRun(std::vector<RowsChunks> tables, const SystemRows* system, RowsContext& context)
      : tables_(std::move(tables)), system_(system), context_(context) {}

  Result<RowsChunks> run(const RowsNode& node) {
    return std::visit([&](const auto& step) { return take(step, node); }, node.step);
  }

 private:
  Result<RowsChunks> take(const ReadRows& step, const RowsNode&) {
    return std::exchange(tables_[step.table], {});
  }
  Result<RowsChunks> take(const ReadSystemTable& step, const RowsNode&) {
    if (!system_) return Error{ErrorCode::NotSupported, "system tables cannot be read here"};
    RowsChunks rows = TRY(system_->rows(*step.table, context_));
    TRY(context_.add(bytes_of_all(rows)));
    return rows;
  }
  Result<RowsChunks> take(const OuterRows& step, const RowsNode&) {
    return std::exchange(outer_rows_[step.number], {});
  }
  Result<RowsChunks> take(const FilterRows& step, const RowsNode&) {
    return filter_rows(step, TRY(run(*step.input)), context_);
  }
  Result<RowsChunks> take(const ComputeColumns& step, const RowsNode&) {
    return compute_columns(step, TRY(run(*step.input)), context_);
  }
  Result<RowsChunks> take(const DistinctRows& step, const RowsNode&) {
    return distinct_rows(TRY(run(*step.input)), context_);
  }
  Result<RowsChunks> take(const CutRows& step, const RowsNode&) {
    return cut_rows(step, TRY(run(*step.input)));
  }
  Result<RowsChunks> take(const OneRow&, const RowsNode&) { return RowsChunks{{1, {}}}; }
  Result<RowsChunks> take(const WrittenRows& step, const RowsNode& node) {
    return written_rows(step, node.layout, context_);
  }
  Result<RowsChunks> take(const CombineRows& step, const RowsNode&) {
    RowsChunks left = TRY(run(*step.left)), right = TRY(run(*step.right));
    return combine_rows(step, std::move(left), std::move(right), context_);
  }
  Result<RowsChunks> take(const AppendSubquery& step, const RowsNode& node) {
    RowsChunks input = TRY(run(*step.input));
    if (step.outer) outer_rows_[*step.outer] = TRY(distinct_keys(step, input));
    const RowsChunks rows = TRY(run(*step.rows));
    const RowsChunks otherwise = step.otherwise ? TRY(run(*step.otherwise)) : RowsChunks();
    return append_subquery(step, node.layout.back().type, std::move(input), rows, otherwise,
                           context_);
  }
  Result<RowsChunks> distinct_keys(const AppendSubquery& step, const RowsChunks& input) {
    const Program keys(step.keys);
    RowsChunks computed;
    for (const RowsChunk& chunk : input) {
      RowsChunk made{chunk.rows, TRY(compute(keys, chunk, context_))};
      TRY(context_.add(computed, std::move(made)));
    }
    return distinct_rows(std::move(computed), context_);
  }
  // What comes out shares strings with both sides: they stay charged.
  Result<RowsChunks> take(const JoinRows& step, const RowsNode&) {
    const RowsChunks left = TRY(run(*step.left)), right = TRY(run(*step.right));
    return join_rows(step, left, right, context_);
  }
  Result<RowsChunks> take(const UnnestRows& step, const RowsNode& node) {
    const RowsChunks input = TRY(run(*step.input));
    return unnest_rows(step, node.layout, input, context_);
  }
  Result<RowsChunks> take(const GroupRows& step, const RowsNode&) {
    const RowsChunks input = TRY(run(*step.input));
    auto out = TRY(group_rows(step, input, context_));
    context_.remove(bytes_of_all(input));
    return out;
  }
  Result<RowsChunks> take(const SortRows& step, const RowsNode&) {
    const RowsChunks input = TRY(run(*step.input));
    auto out = TRY(sort_rows(step, input, context_));
    context_.remove(bytes_of_all(input));
    return out;
  }

  std::vector<RowsChunks> tables_;
  const SystemRows* const system_;
  std::map<size_t, RowsChunks> outer_rows_;  // by number
  RowsContext& context_;
};

}  // namespace

Result<RowsChunks> distinct_rows(RowsChunks input, RowsContext& context) {
  constexpr size_t kBytesOfKey = 48;  // about, beside its text
  StringHeap seen_bytes;
  absl::flat_hash_set<std::string_view> seen;
  RowsChunks out;
  for (RowsChunk& chunk : input) {
    TRY(context.begin());
    RowKeys keys(chunk.columns);
    std::vector<uint32_t> fresh;
    size_t key_bytes = 0;
    for (uint32_t row = 0; row < chunk.rows; ++row) {
      const std::string_view key = keys.bytes(row);
      if (seen.contains(key)) continue;
      seen.insert(seen_bytes.add(key));
      fresh.push_back(row);
      key_bytes += kBytesOfKey + key.size();
    }
    TRY(context.add(key_bytes));
    const size_t before = bytes_of(chunk);
    if (fresh.size() == chunk.rows) {
      out.push_back(std::move(chunk));
      continue;
    }
    if (!fresh.empty()) TRY(context.add(out, pick(chunk, fresh)));
    context.remove(before);
    chunk = {};
  }
  return out;
}

size_t bytes_of(const RowsChunk& chunk) {
  return chunk.rows == 0 ? 0 : bytes_of(chunk.columns, 0, chunk.rows);
}

RowsContext::RowsContext(const EvalContext& eval, MemoryBudget* memory) : eval_(eval) {
  if (memory) charge_.emplace(*memory, MemoryKind::Results);
}

Status RowsContext::begin() {
  if (!eval_.budget) return {};
  TRY(eval_.budget->is_over() ? eval_.budget->status() : Status{});
  eval_.budget->begin({});
  return {};
}

Status RowsContext::end() const { return eval_.budget ? eval_.budget->status() : Status{}; }

Status RowsContext::add(size_t bytes) {
  held_ += bytes;
  if (!charge_ || held_ <= charged_) return {};
  charged_ = held_ + kChargedAtOnce;
  if (charge_->try_resize(charged_)) return {};
  return charge_->refusal(fmt::format("rows of a SELECT, {}", format_bytes(held_)));
}

Status RowsContext::add(RowsChunks& to, RowsChunk chunk) {
  TRY(add(bytes_of(chunk)));
  to.push_back(std::move(chunk));
  return {};
}

Result<std::vector<ColumnPtr>> compute(const Program& program, const RowsChunk& chunk,
                                       RowsContext& context) {
  TRY(context.begin());
  std::vector<ColumnPtr> columns;
  for (Evaluated& result : program.run(chunk.columns, chunk.rows, context.eval())) {
    TRY(refuse_failures(result.errors));
    columns.push_back(std::move(result.column));
  }
  TRY(context.end());
  return columns;
}

RowsChunk pick(const RowsChunk& chunk, std::span<const uint32_t> rows) {
  RowsChunk picked{rows.size(), {}};
  for (const ColumnPtr& column : chunk.columns) {
    Column chosen = column->gather(rows);
    const bool shares_much = holds_strings(column->type()) && rows.size() * 2 < chunk.rows;
    picked.columns.push_back(
        std::make_shared<const Column>(shares_much ? chosen.copy() : std::move(chosen)));
  }
  return picked;
}

RowsChunk merge(const RowsChunks& chunks, std::span<const Column::SourceRow> rows) {
  RowsChunk merged{rows.size(), {}};
  const size_t columns = chunks.empty() ? 0 : chunks.front().columns.size();
  std::vector<const Column*> sources(chunks.size());
  for (size_t i = 0; i < columns; ++i) {
    for (size_t chunk = 0; chunk < chunks.size(); ++chunk)
      sources[chunk] = chunks[chunk].columns[i].get();
    merged.columns.push_back(std::make_shared<const Column>(Column::merge(sources, rows)));
  }
  return merged;
}

RowKeys::RowKeys(std::vector<ColumnPtr> columns) {
  for (const ColumnPtr& column : columns) {
    columns_.push_back(normalized(column));
    pointers_.push_back(columns_.back().get());
  }
}

bool RowKeys::has_null(size_t row) const {
  return std::ranges::any_of(pointers_,
                             [row](const Column* column) { return column->is_null(row); });
}

std::string_view RowKeys::bytes(size_t row) {
  bytes_.clear();
  encode_row(pointers_, row, bytes_);
  return bytes_;
}

Result<RowsChunks> run_rows_plan(const SelectRowsPlan& plan, std::vector<RowsChunks> tables,
                                 RowsContext& context, const SystemRows* system) {
  return RowsRun(std::move(tables), system, context).run(*plan.root);
}

}  // namespace engine
