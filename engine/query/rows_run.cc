#include "engine/query/rows_run.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "engine/expr/kernels.h"
#include "engine/expr/null_failures.h"
#include "engine/plan/rows_inputs.h"
#include "engine/query/rows_recursion.h"
#include "engine/query/rows_steps.h"
#include "engine/query/seen_rows.h"
#include "engine/query/system_rows.h"
#include "engine/types/column_bytes.h"
#include "engine/types/postgres_types.h"
#include "engine/types/row_codec.h"

namespace engine {

namespace {

// Memory is charged in pieces of this size.
constexpr size_t kChargedAtOnce = size_t{1} << 20;

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
    TRY(refuse_failures(errors));
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

// Sets the limits of the step from CutRows::counts. A null means no limit. Fails if a number is negative.
Status read_counts(const RowsChunks& counts, CutRows& step) {
  const auto number = [&](size_t column) -> std::optional<int64_t> {
    for (const RowsChunk& chunk : counts)
      if (chunk.rows > 0 && !chunk.columns[column]->is_null(0))
        return chunk.columns[column]->data<int64_t>()[0];
    return std::nullopt;
  };
  const std::optional<int64_t> most = number(0), offset = number(1);
  if (most && *most < 0) return Error{ErrorCode::NegativeLimit, "LIMIT must not be negative"};
  if (offset && *offset < 0) return Error{ErrorCode::NegativeOffset, "OFFSET must not be negative"};
  if (most) step.most = static_cast<size_t>(*most);
  step.offset = static_cast<size_t>(offset.value_or(0));
  return {};
}

// Applies the limits to each group of rows that are equal in the first `step.keys` columns.
Result<RowsChunks> cut_each(const CutRows& step, RowsChunks input, RowsContext& context) {
  constexpr size_t kBytesOfSeenKey = 64;  // approximate bytes of a key without its text
  StringHeap texts;
  absl::flat_hash_map<std::string_view, size_t> seen;
  RowsChunks out;
  for (RowsChunk& chunk : input) {
    TRY(context.begin());
    RowKeys keys(
        {chunk.columns.begin(), chunk.columns.begin() + static_cast<ptrdiff_t>(step.keys)});
    std::vector<uint32_t> chosen;
    size_t bytes = 0;
    auto found = seen.end();
    for (uint32_t row = 0; row < chunk.rows; ++row) {
      if (!keys.repeats(row)) {
        const std::string_view key = keys.bytes(row);
        found = seen.find(key);
        if (found == seen.end()) {
          found = seen.emplace(texts.add(key), 0).first;
          bytes += kBytesOfSeenKey + key.size();
        }
      }
      const size_t before = found->second++;
      if (before >= step.offset && before - step.offset < step.most.value_or(SIZE_MAX))
        chosen.push_back(row);
    }
    TRY(context.add(bytes));
    if (!chosen.empty()) TRY(context.add(out, pick(chunk, chosen)));
    context.remove(bytes_of(chunk));
    chunk = {};
  }
  return out;
}

// Adds the conditions of the form `column = 'text'` that each row of the result meets.
void add_text_filters(const BoundExpression& condition, std::vector<SystemTextFilter>& to) {
  if (condition.kind == BoundKind::And)
    for (const BoundExpression& each : condition.children) add_text_filters(each, to);
  if (condition.kind != BoundKind::Call || condition.children.size() != 2 ||
      condition.kernel != comparison_kernel(ComparisonOp::Equal, TypeKind::String))
    return;
  const BoundExpression* column = condition.children.data();
  const BoundExpression* literal = column + 1;
  if (column->kind == BoundKind::Literal) std::swap(column, literal);
  if (column->kind == BoundKind::Column && literal->kind == BoundKind::Literal &&
      !literal->literal.is_null())
    to.push_back({column->index, literal->literal.as_string()});
}

void add_used(const BoundExpression& expression, std::vector<bool>& used) {
  if (expression.kind == BoundKind::Column) used[expression.index] = true;
  for (const BoundExpression& child : expression.children) add_used(child, used);
}

// Returns which columns of `read` the step uses.
std::vector<bool> used_columns(const ComputeColumns& step, const RowsNode& read) {
  std::vector<bool> used(read.layout.size());
  for (const BoundExpression& column : step.columns) add_used(column, used);
  return used;
}

// Returns the rows in chunks of the usual size, because each step spends some time on each chunk. A scan returns short
// chunks, and a filter leaves a few rows of each.
Result<RowsChunks> in_long_chunks(RowsChunks chunks, RowsContext& context) {
  constexpr size_t kShortRows = kRowsOfChunk / 4;
  RowsChunks out, group;
  size_t rows = 0;
  const auto end_group = [&] {
    if (group.size() == 1) out.push_back(std::move(group.front()));
    if (group.size() > 1) {
      std::vector<Column::SourceRow> all;
      all.reserve(rows);
      for (uint32_t chunk = 0; chunk < group.size(); ++chunk)
        for (uint32_t row = 0; row < group[chunk].rows; ++row) all.push_back({chunk, row});
      out.push_back(merge(group, all));
    }
    group.clear();
    rows = 0;
  };
  for (RowsChunk& chunk : chunks) {
    if (chunk.rows == 0) continue;
    if (chunk.rows > kShortRows || rows + chunk.rows > kRowsOfChunk) {
      TRY(context.begin());
      end_group();
    }
    rows += chunk.rows;
    group.push_back(std::move(chunk));
  }
  end_group();
  return out;
}

class RowsRun {
 public:
  RowsRun(std::vector<RowsChunks> tables, const SystemRows* system, RowsContext& context,
          RowsProfile* profile)
      : tables_(std::move(tables)), system_(system), context_(context), profile_(profile) {}

  Result<RowsChunks> run(const RowsNode& node) {
    if (node.is_shared) return run_for_all(node);
    if (made_ && !reads_outer_rows(node)) return run_once(node);
    return run_step(node);
  }

 private:
  Result<RowsChunks> run_step(const RowsNode& node) {
    const auto run = [&] {
      return std::visit([&](const auto& step) { return take(step, node); }, node.step);
    };
    if (!profile_) return run();
    const Clock& clock = context_.eval().clock;
    const int64_t begun_us = clock.monotonic_us();
    Result<RowsChunks> rows = run();
    StepMeasure& measure = (*profile_)[&node];
    ++measure.runs;
    measure.us += clock.monotonic_us() - begun_us;
    if (!rows) return rows;
    for (const RowsChunk& chunk : *rows) measure.rows += chunk.rows;
    measure.most_bytes = std::max(measure.most_bytes, bytes_of_all(*rows));
    return rows;
  }
  Result<RowsChunks> take(const ReadRows& step, const RowsNode&) {
    return in_long_chunks(std::exchange(tables_[step.table], {}), context_);
  }
  Result<RowsChunks> take(const RecursiveRows& step, const RowsNode&) {
    if (made_) return recurse(step, *made_);
    Made made;
    made_ = &made;
    auto rows = recurse(step, made);
    made_ = nullptr;
    context_.remove(made.bytes);
    return rows;
  }
  Result<RowsChunks> take(const ReadSystemTable& step, const RowsNode&) {
    return read_system_table(step, {});
  }
  Result<RowsChunks> read_system_table(const ReadSystemTable& step, const SystemRead& read) {
    if (!system_) return Error{ErrorCode::NotSupported, "system tables cannot be read here"};
    RowsChunks rows = TRY(system_->rows(*step.table, read, context_));
    TRY(context_.add(bytes_of_all(rows)));
    return rows;
  }
  Result<RowsChunks> take(const OuterRows& step, const RowsNode&) {
    return copied(outer_rows_[step.number]);
  }
  Result<RowsChunks> take(const FilterRows& step, const RowsNode&) {
    // Between the filter and the table may be a ComputeColumns step that only selects columns.
    const auto* chosen = std::get_if<ComputeColumns>(&step.input->step);
    const RowsNode& read = chosen ? *chosen->input : *step.input;
    const auto* table = std::get_if<ReadSystemTable>(&read.step);
    // If the table's step is measured or shared, it must run separately and return all rows.
    if (!table || profile_ || read.is_shared || step.input->is_shared)
      return filter_rows(step, TRY(run(*step.input)), context_);
    std::vector<SystemTextFilter> conditions, wanted;
    add_text_filters(step.condition, conditions);
    for (SystemTextFilter& each : conditions) {
      const BoundExpression* column = chosen ? &chosen->columns[each.column] : nullptr;
      if (column && column->kind != BoundKind::Column) continue;
      if (column) each.column = column->index;
      wanted.push_back(std::move(each));
    }
    SystemRead needed{wanted, chosen ? used_columns(*chosen, read) : std::vector<bool>()};
    RowsChunks rows = TRY(read_system_table(*table, needed));
    if (chosen) rows = TRY(compute_columns(*chosen, std::move(rows), context_));
    return filter_rows(step, std::move(rows), context_);
  }
  Result<RowsChunks> take(const ComputeColumns& step, const RowsNode&) {
    const RowsNode& read = *step.input;
    const auto* table = std::get_if<ReadSystemTable>(&read.step);
    if (table && !profile_ && !read.is_shared)
      return compute_columns(step, TRY(read_system_table(*table, {{}, used_columns(step, read)})),
                             context_);
    return compute_columns(step, TRY(run(*step.input)), context_);
  }
  Result<RowsChunks> take(const DistinctRows& step, const RowsNode&) {
    return distinct_rows(TRY(run(*step.input)), context_, step.columns);
  }
  Result<RowsChunks> take(const CutRows& step, const RowsNode& node) {
    if (step.counts) {
      const RowsChunks counts = TRY(run(*step.counts));
      CutRows counted;
      counted.input = step.input;
      TRY(read_counts(counts, counted));
      return take(counted, node);
    }
    if (step.keys > 0) return cut_each(step, TRY(run(*step.input)), context_);
    const std::optional<size_t> wanted = std::exchange(wanted_rows_, wanted_of(step));
    auto input = run(*step.input);
    wanted_rows_ = wanted;
    if (!input) return input;
    return cut_rows(step, *std::move(input));
  }
  Result<RowsChunks> take(const OneRow&, const RowsNode&) { return RowsChunks{{1, {}}}; }
  Result<RowsChunks> take(const NoRows&, const RowsNode&) { return RowsChunks(); }
  Result<RowsChunks> take(const WrittenRows& step, const RowsNode& node) {
    return written_rows(step, node.layout, context_);
  }
  Result<RowsChunks> take(const CombineRows& step, const RowsNode&) {
    RowsChunks left = TRY(run(*step.left)), right = TRY(run(*step.right));
    return combine_rows(step, std::move(left), std::move(right), context_);
  }
  Result<RowsChunks> take(const AppendSubquery& step, const RowsNode& node) {
    RowsChunks input = TRY(run(*step.input));
    if (step.outer) outer_rows_[*step.outer] = TRY(distinct_keys(step.keys, input));
    const RowsChunks rows = TRY(run(*step.rows));
    const RowsChunks otherwise = step.otherwise ? TRY(run(*step.otherwise)) : RowsChunks();
    return append_subquery(step, node.layout.back().type, std::move(input), rows, otherwise,
                           context_);
  }
  Result<RowsChunks> distinct_keys(const std::vector<BoundExpression>& of,
                                   const RowsChunks& input) {
    const Program keys(of);
    RowsChunks computed;
    for (const RowsChunk& chunk : input) {
      RowsChunk made{chunk.rows, TRY(compute(keys, chunk, context_))};
      TRY(context_.add(computed, std::move(made)));
    }
    return distinct_rows(std::move(computed), context_);
  }
  // The memory of both sides remains charged, because the output shares strings with both sides.
  Result<RowsChunks> take(const JoinRows& step, const RowsNode&) {
    const std::optional<size_t> wanted = std::exchange(wanted_rows_, std::nullopt);
    const RowsChunks left = TRY(run(*step.left));
    if (step.outer) outer_rows_[*step.outer] = TRY(distinct_keys(step.left_keys, left));
    const RowsChunks right = TRY(run(*step.right));
    const RowsChunks otherwise = step.otherwise ? TRY(run(*step.otherwise)) : RowsChunks();
    return join_rows(step, left, right, context_, otherwise, wanted.value_or(SIZE_MAX));
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
  Result<RowsChunks> take(const WindowRows& step, const RowsNode&) {
    const RowsChunks input = TRY(run(*step.input));
    auto out = TRY(window_rows(step, input, context_));
    context_.remove(bytes_of_all(input));
    return out;
  }
  Result<RowsChunks> take(const SortRows& step, const RowsNode&) {
    const RowsChunks input = TRY(run(*step.input));
    auto out = TRY(sort_rows(step, input, context_));
    context_.remove(bytes_of_all(input));
    return out;
  }

  // ---- recursion

  // Results of steps that are the same in all rounds of a recursion. They are computed in the first
  // round and kept, because the rows of a table can be taken only once. If a recursion runs within
  // another recursion, the outer one stores its results, because the next rounds of the outer
  // recursion also need them.
  struct Made {
    std::map<const RowsNode*, RowsChunks> rows;
    size_t bytes = 0;
  };

  Result<RowsChunks> run_once(const RowsNode& node) {
    if (const auto known = made_->rows.find(&node); known != made_->rows.end())
      return copied(known->second);
    Made* const around = std::exchange(made_, nullptr);
    auto rows = run_step(node);
    made_ = around;
    if (!rows) return rows;
    around->bytes += bytes_of_all(*rows);
    return copied(around->rows[&node] = *std::move(rows));
  }
  // Runs a shared step. Computes all rows, even if the first reader needs only some of them.
  Result<RowsChunks> run_for_all(const RowsNode& node) {
    if (const auto known = for_all_.find(&node); known != for_all_.end())
      return copied(known->second);
    Made* const around = std::exchange(made_, nullptr);
    const std::optional<size_t> wanted = std::exchange(wanted_rows_, std::nullopt);
    auto rows = run_step(node);
    made_ = around;
    wanted_rows_ = wanted;
    if (!rows) return rows;
    return copied(for_all_[&node] = *std::move(rows));
  }
  // The readers share the columns, but each reader later releases the memory of its rows. Therefore the memory is
  // charged once for each reader.
  Result<RowsChunks> copied(const RowsChunks& rows) {
    TRY(context_.add(bytes_of_all(rows)));
    return rows;
  }

  Result<RowsChunks> recurse(const RecursiveRows& step, const Made& made) {
    const std::optional<size_t> wanted = std::exchange(wanted_rows_, std::nullopt);
    GatheredRows all(step.all, context_);
    RowsChunks fresh = TRY(run(*step.first));
    fresh = TRY(all.add(std::move(fresh)));
    while (!fresh.empty() && (!wanted || all.count() < *wanted)) {
      TRY(context_.begin());
      const size_t held = context_.held() - made.bytes;
      outer_rows_[step.number] = std::move(fresh);
      fresh = TRY(run(*step.step));
      context_.hold(held + made.bytes);
      fresh = TRY(all.add(std::move(fresh)));
    }
    outer_rows_[step.number].clear();
    return all.take();
  }

  // Returns the number of rows that the LIMIT needs from a recursion or a join below it; nullopt if all rows are needed.
  static std::optional<size_t> wanted_of(const CutRows& step) {
    const RowsNode* input = step.input.get();
    while (const auto* computed = std::get_if<ComputeColumns>(&input->step))
      input = computed->input.get();
    const bool can_stop = std::holds_alternative<RecursiveRows>(input->step) ||
                          std::holds_alternative<JoinRows>(input->step);
    if (!step.most || !can_stop) return std::nullopt;
    return *step.most <= SIZE_MAX - step.offset ? std::optional(*step.most + step.offset)
                                                : std::nullopt;
  }

  std::vector<RowsChunks> tables_;
  const SystemRows* const system_;
  Made* made_ = nullptr;                     // results of the outermost running recursion
  std::optional<size_t> wanted_rows_;        // set for the recursion or join below a LIMIT
  std::map<size_t, RowsChunks> outer_rows_;  // outer rows by the number of their OuterRows
  std::map<const RowsNode*, RowsChunks> for_all_;
  RowsContext& context_;
  RowsProfile* const profile_;
};

}  // namespace

Result<RowsChunks> distinct_rows(RowsChunks input, RowsContext& context,
                                 std::span<const size_t> by) {
  SeenRows seen(context);
  RowsChunks out;
  for (RowsChunk& chunk : input) {
    TRY(context.begin());
    std::vector<ColumnPtr> compared;
    for (const size_t column : by) compared.push_back(chunk.columns[column]);
    const std::vector<uint32_t> fresh =
        TRY(seen.first_ones(by.empty() ? chunk.columns : std::move(compared), chunk.rows));
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

namespace {

bool has_doubles(const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::Double:
      return true;
    case TypeKind::Array:
      return has_doubles(type.element());
    case TypeKind::Struct:
      return std::ranges::any_of(type.fields(), has_doubles, &Field::type);
    default:
      return false;
  }
}

void normalize(Column& column) {
  if (column.type().kind() == TypeKind::Double)
    for (double& value : column.data<double>())
      value = std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value + 0.0;
  for (size_t part = 0; part < column.child_count(); ++part) normalize(column.child(part));
}

// Returns the bytes of those texts that a row shares with the row before it, and that are therefore
// in memory only once. For example, a document may be repeated in one row for each of its elements.
size_t repeated_bytes(const Column& column, size_t rows) {
  if (column.type().kind() != TypeKind::String && column.type().kind() != TypeKind::Bytes) return 0;
  const auto texts = column.data<std::string_view>().first(rows);
  size_t bytes = 0;
  for (size_t row = 1; row < texts.size(); ++row)
    if (texts[row].data() == texts[row - 1].data() && texts[row].size() == texts[row - 1].size())
      bytes += texts[row].size();
  return bytes;
}

}  // namespace

ColumnPtr normalized(const ColumnPtr& column) {
  if (!has_doubles(column->type())) return column;
  auto out = std::make_shared<Column>(column->clone());
  normalize(*out);
  return out;
}

size_t bytes_of(const RowsChunk& chunk) {
  if (chunk.rows == 0) return 0;
  size_t bytes = bytes_of(chunk.columns, 0, chunk.rows);
  for (const ColumnPtr& column : chunk.columns) bytes -= repeated_bytes(*column, chunk.rows);
  return bytes;
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

namespace {

// Returns whether equal values of the type, or of its parts, may have different texts.
bool has_several_forms(const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::Array:
      return has_several_forms(type.element());
    case TypeKind::Struct:
      return std::ranges::any_of(type.fields(), has_several_forms, &Field::type);
    default:
      return type.kind() == TypeKind::String && has_comparable_form(type);
  }
}

// Replaces each text whose type has_several_forms() by its comparable form.
void make_one_form(Column& column) {
  for (size_t part = 0; part < column.child_count(); ++part) make_one_form(column.child(part));
  if (column.type().is_nested() || !has_several_forms(column.type())) return;
  const auto texts = column.data<std::string_view>();
  std::string_view before, made;
  for (size_t row = 0; row < column.size(); ++row) {
    if (column.is_null(row)) continue;
    if (!is_same_place(texts[row], before)) {
      before = texts[row];
      made = column.heap().add(comparable_text(column.type(), before));
    }
    texts[row] = made;
  }
}

template <class T>
bool has_slot_as_before(const Column& column, size_t row) {
  const std::span<const T> slots = column.data<T>();
  return std::memcmp(&slots[row - 1], &slots[row], sizeof(T)) == 0;
}

// Returns whether the value has the same bytes as in the previous row. Texts are only compared by their address; nested
// values never count as equal.
bool is_as_before(const Column& column, size_t row) {
  switch (column.type().kind()) {
    case TypeKind::Boolean:
      return has_slot_as_before<uint8_t>(column, row);
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return has_slot_as_before<int32_t>(column, row);
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return has_slot_as_before<int64_t>(column, row);
    case TypeKind::Double:
      return has_slot_as_before<double>(column, row);
    case TypeKind::Decimal:
      return has_slot_as_before<Int128>(column, row);
    case TypeKind::String:
    case TypeKind::Bytes: {
      const auto texts = column.data<std::string_view>();
      return is_same_place(texts[row - 1], texts[row]);
    }
    default:
      return false;
  }
}

ColumnPtr in_one_form(const ColumnPtr& column) {
  if (!has_several_forms(column->type())) return normalized(column);
  auto out = std::make_shared<Column>(normalized(column)->clone());
  make_one_form(*out);
  return out;
}

}  // namespace

RowKeys::RowKeys(const std::vector<ColumnPtr>& columns) {
  for (const ColumnPtr& column : columns) {
    columns_.push_back(in_one_form(column));
    pointers_.push_back(columns_.back().get());
    have_texts_ = have_texts_ || column->type().kind() == TypeKind::String;
  }
}

bool RowKeys::has_null(size_t row) const {
  return std::ranges::any_of(pointers_,
                             [row](const Column* column) { return column->is_null(row); });
}

std::string_view RowKeys::bytes(size_t row) {
  if (row_of_bytes_ && row == *row_of_bytes_ + 1 && repeats(row)) {
    row_of_bytes_ = row;
    return bytes_;
  }
  bytes_.clear();
  encode_row(pointers_, row, bytes_);
  row_of_bytes_ = row;
  return bytes_;
}

bool RowKeys::repeats(size_t row) const {
  if (!have_texts_ || row == 0) return false;
  return std::ranges::all_of(pointers_, [row](const Column* column) {
    return column->is_null(row) == column->is_null(row - 1) && is_as_before(*column, row);
  });
}

// A shared node never reads outer rows (RowsPlanning::plan_common_table), so it need not be searched.
bool reads_outer_rows(const RowsNode& node, std::vector<size_t> set_within) {
  if (node.is_shared) return false;
  if (const auto* outer = std::get_if<OuterRows>(&node.step))
    return std::ranges::find(set_within, outer->number) == set_within.end();
  if (const auto* subquery = std::get_if<AppendSubquery>(&node.step); subquery && subquery->outer)
    set_within.push_back(*subquery->outer);
  if (const auto* join = std::get_if<JoinRows>(&node.step); join && join->outer)
    set_within.push_back(*join->outer);
  if (const auto* recursive = std::get_if<RecursiveRows>(&node.step))
    set_within.push_back(recursive->number);
  bool found = false;
  for_each_input(node, [&](const RowsNodePtr& input) {
    found = found || reads_outer_rows(*input, set_within);
  });
  return found;
}

Result<RowsChunks> run_rows_plan(const SelectRowsPlan& plan, std::vector<RowsChunks> tables,
                                 RowsContext& context, const SystemRows* system,
                                 RowsProfile* profile) {
  return RowsRun(std::move(tables), system, context, profile).run(*plan.root);
}

}  // namespace engine
