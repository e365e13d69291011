// Combines the rows of several queries, for set operations and for sub-queries that append a
// column.
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "engine/functions/ordering.h"
#include "engine/query/rows_steps.h"

namespace engine {

namespace {

// Approximate bytes that a key takes in a hash table, in addition to the text of the key.
constexpr size_t kBytesOfKey = 64;

// Counts equal rows.
class RowCounts {
 public:
  static Result<RowCounts> of(const RowsChunks& chunks, RowsContext& context) {
    RowCounts counts;
    for (const RowsChunk& chunk : chunks) {
      TRY(context.begin());
      RowKeys keys(chunk.columns);
      size_t bytes = 0;
      for (size_t row = 0; row < chunk.rows; ++row) {
        const std::string_view key = keys.bytes(row);
        if (const auto known = counts.by_key_.find(key); known != counts.by_key_.end()) {
          ++known->second;
          continue;
        }
        counts.by_key_.emplace(counts.keys_.add(key), 1);
        bytes += kBytesOfKey + key.size();
      }
      TRY(context.add(bytes));
    }
    return counts;
  }
  // Removes one row with this key. Returns false if none is left.
  bool take(std::string_view key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end() || found->second == 0) return false;
    --found->second;
    return true;
  }

 private:
  StringHeap keys_;
  absl::flat_hash_map<std::string_view, size_t> by_key_;
};

// The rows of a sub-query, grouped by their key columns. Each group has the values with which the
// outer query compares.
class Answers {
 public:
  // `keys` is the number of key columns in front of the value.
  static Result<Answers> of(const AppendSubquery& step, const RowsChunks& rows, size_t keys,
                            RowsContext& context) {
    Answers made;
    for (uint32_t chunk = 0; chunk < rows.size(); ++chunk) {
      TRY(context.begin());
      const auto& columns = rows[chunk].columns;
      RowKeys of_chunk({columns.begin(), columns.begin() + static_cast<ptrdiff_t>(keys)});
      std::optional<RowKeys> values;
      if (step.kind == SubqueryKind::In) values.emplace(std::vector<ColumnPtr>{columns[keys]});
      const bool is_equality = step.op == ComparisonOp::Equal;
      size_t bytes = 0;
      Group* last = nullptr;  // group of the previous row
      for (uint32_t row = 0; row < rows[chunk].rows; ++row) {
        if (!step.outer && of_chunk.has_null(row)) continue;
        if (last == nullptr || !of_chunk.repeats(row))
          last = &made.group_of(of_chunk.bytes(row), bytes);
        Group& group = *last;
        if (++group.rows == 1) group.first = {chunk, row};
        if (!values) continue;
        if (values->has_null(row)) {
          group.has_null = true;
        } else if (!is_equality) {
          group.widen(rows, keys, {chunk, row});
        } else if (const std::string_view value = values->bytes(row);
                   !group.values.contains(value)) {
          group.values.insert(made.texts_.add(value));
          bytes += kBytesOfKey + value.size();
        }
      }
      TRY(context.add(bytes));
    }
    return made;
  }

  struct Group {
    Column::SourceRow first = {};
    size_t rows = 0;
    bool has_null = false;
    absl::flat_hash_set<std::string_view> values;
    // for comparisons other than equality: the rows with the least and the greatest value
    std::optional<Column::SourceRow> least, greatest;

    void widen(const RowsChunks& all, size_t column, Column::SourceRow row) {
      const auto is_less = [&](Column::SourceRow a, Column::SourceRow b) {
        return compare_as_postgres(*all[a.source].columns[column], a.row,
                                   *all[b.source].columns[column], b.row) < 0;
      };
      if (!least || is_less(row, *least)) least = row;
      if (!greatest || is_less(*greatest, row)) greatest = row;
    }
  };
  // Returns the group of the row's key; null if no row of the sub-query has this key.
  const Group* find(RowKeys& keys, size_t row, bool nulls_are_keys) const {
    if (!nulls_are_keys && keys.has_null(row)) return nullptr;
    const auto found = groups_.find(keys.bytes(row));
    return found == groups_.end() ? nullptr : &found->second;
  }

 private:
  Group& group_of(std::string_view key, size_t& bytes) {
    if (const auto found = groups_.find(key); found != groups_.end()) return found->second;
    bytes += 2 * kBytesOfKey + key.size();
    return groups_[texts_.add(key)];
  }

  StringHeap texts_;
  absl::flat_hash_map<std::string_view, Group> groups_;
};

// Returns for each row the value of the single row in its group. A row without a group gets the
// value of `otherwise`.
Result<ColumnPtr> scalar_column(const std::vector<const Answers::Group*>& groups,
                                const RowsChunks& rows, size_t column, bool takes_first,
                                const ColumnPtr& otherwise) {
  std::vector<const Column*> sources;
  for (const RowsChunk& chunk : rows) sources.push_back(chunk.columns[column].get());
  sources.push_back(otherwise.get());
  std::vector<Column::SourceRow> places;
  for (const Answers::Group* group : groups) {
    if (group && group->rows > 1 && !takes_first)
      return Error{ErrorCode::SeveralRows,
                   "more than one row returned by a subquery used as an expression"};
    places.push_back(group ? group->first
                           : Column::SourceRow{static_cast<uint32_t>(sources.size() - 1), 0});
  }
  return ColumnPtr(std::make_shared<const Column>(Column::merge(sources, places)));
}

// Returns whether the row's value is in the group; nullopt (SQL's unknown) if only a null prevents
// a decision.
std::optional<bool> is_among(const Answers::Group* group, RowKeys& values, size_t row) {
  if (!group) return false;
  if (values.has_null(row)) return std::nullopt;
  if (group->values.contains(values.bytes(row))) return true;
  return group->has_null ? std::nullopt : std::optional(false);
}

// Returns whether `value op x` is true for at least one x of the group; nullopt (SQL's unknown) if
// only a null prevents a decision.
std::optional<bool> is_of_one(const AppendSubquery& step, const Answers::Group* group,
                              const RowsChunks& rows, size_t column, const Column& value,
                              size_t row) {
  if (!group) return false;
  if (value.is_null(row)) return std::nullopt;
  const auto compare = [&](const std::optional<Column::SourceRow>& other) {
    return compare_as_postgres(value, row, *rows[other->source].columns[column], other->row);
  };
  const auto holds = [&] {
    if (!group->least) return false;
    switch (step.op) {
      case ComparisonOp::Less:
        return compare(group->greatest) < 0;
      case ComparisonOp::LessOrEqual:
        return compare(group->greatest) <= 0;
      case ComparisonOp::Greater:
        return compare(group->least) > 0;
      case ComparisonOp::GreaterOrEqual:
        return compare(group->least) >= 0;
      default:
        return compare(group->least) != 0 || compare(group->greatest) != 0;
    }
  };
  if (holds()) return true;
  return group->has_null ? std::nullopt : std::optional(false);
}

// The value for rows without a group.
struct Otherwise {
  const RowsChunks& rows;
  ColumnPtr value;              // set for Scalar
  const Answers::Group* group;  // null if `otherwise` has no row
};

Result<ColumnPtr> answer_column(const AppendSubquery& step, const Answers& answers,
                                const RowsChunks& rows, const Otherwise& otherwise,
                                const RowsChunk& chunk, RowsContext& context) {
  RowKeys keys(TRY(compute(Program(step.keys), chunk, context)));
  std::vector<const Answers::Group*> groups;
  for (size_t row = 0; row < chunk.rows; ++row)
    groups.push_back(answers.find(keys, row, step.outer.has_value()));
  if (step.kind == SubqueryKind::Scalar)
    return scalar_column(groups, rows, step.keys.size(), step.takes_first, otherwise.value);
  auto column = std::make_shared<Column>(TypeKind::Boolean);
  if (step.kind == SubqueryKind::Exists) {
    for (const Answers::Group* group : groups)
      column->append_value(Value::boolean(group != nullptr || otherwise.group != nullptr));
    return ColumnPtr(std::move(column));
  }
  const std::vector<ColumnPtr> asked =
      TRY(compute(Program(std::vector<BoundExpression>{*step.value}), chunk, context));
  RowKeys values(asked);
  for (size_t row = 0; row < chunk.rows; ++row) {
    const Answers::Group* const group = groups[row] ? groups[row] : otherwise.group;
    const std::optional<bool> is =
        step.op == ComparisonOp::Equal ? is_among(group, values, row)
        : groups[row] ? is_of_one(step, group, rows, step.keys.size(), *asked.front(), row)
                      : is_of_one(step, group, otherwise.rows, 0, *asked.front(), row);
    column->append_value(is ? Value::boolean(*is != step.negated) : Value());
  }
  return ColumnPtr(std::move(column));
}

}  // namespace

Result<RowsChunks> combine_rows(const CombineRows& step, RowsChunks left, RowsChunks right,
                                RowsContext& context) {
  if (step.op == SetOperator::Union) {
    for (RowsChunk& chunk : right) left.push_back(std::move(chunk));
    return step.all ? Result<RowsChunks>(std::move(left)) : distinct_rows(std::move(left), context);
  }
  if (!step.all) left = TRY(distinct_rows(std::move(left), context));
  RowCounts counts = TRY(RowCounts::of(right, context));
  const bool wanted = step.op == SetOperator::Intersect;
  RowsChunks out;
  for (const RowsChunk& chunk : left) {
    TRY(context.begin());
    RowKeys keys(chunk.columns);
    std::vector<uint32_t> chosen;
    for (uint32_t row = 0; row < chunk.rows; ++row)
      if (counts.take(keys.bytes(row)) == wanted) chosen.push_back(row);
    if (!chosen.empty()) TRY(context.add(out, pick(chunk, chosen)));
  }
  return out;
}

Result<RowsChunks> append_subquery(const AppendSubquery& step, const SqlType& type,
                                   RowsChunks input, const RowsChunks& rows,
                                   const RowsChunks& otherwise, RowsContext& context) {
  const Answers answers = TRY(Answers::of(step, rows, step.keys.size(), context));
  const Answers of_none = TRY(Answers::of(step, otherwise, 0, context));
  RowKeys no_keys({});
  const bool has_other = !otherwise.empty() && otherwise.front().rows > 0;
  const Otherwise other{
      otherwise, has_other ? otherwise.front().columns.front() : constant_column(type, Value(), 1),
      has_other ? of_none.find(no_keys, 0, true) : nullptr};
  for (RowsChunk& chunk : input) {
    TRY(context.begin());
    const ColumnPtr column = TRY(answer_column(step, answers, rows, other, chunk, context));
    const size_t before = bytes_of(chunk);
    chunk.columns.push_back(column);
    TRY(context.add(bytes_of(chunk) - before));
  }
  return input;
}

Result<RowsChunks> written_rows(const WrittenRows& step, const Layout& layout,
                                RowsContext& context) {
  RowsChunks out;
  for (size_t first = 0; first < step.rows.size(); first += kRowsOfChunk) {
    TRY(context.begin());
    const size_t end = std::min(first + kRowsOfChunk, step.rows.size());
    RowsChunk chunk{end - first, {}};
    for (size_t i = 0; i < layout.size(); ++i) {
      auto column = std::make_shared<Column>(layout[i].type);
      for (size_t row = first; row < end; ++row)
        column->append_value(TRY(evaluate_constant(step.rows[row][i], context.eval())));
      chunk.columns.push_back(std::move(column));
    }
    TRY(context.end());
    TRY(context.add(out, std::move(chunk)));
  }
  return out;
}

}  // namespace engine
