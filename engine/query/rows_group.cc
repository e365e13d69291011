#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "engine/exec/group_states.h"
#include "engine/query/rows_steps.h"
#include "engine/types/row_size.h"

namespace engine {

namespace {

// Approximate bytes of a group, without its key and states.
constexpr size_t kBytesOfGroup = 112;

// Keeps the rows of an aggregate with ORDER BY or DISTINCT until all rows have arrived.
class KeptRows {
 public:
  KeptRows(const GroupedCall& call, RowsContext& context) : call_(call), context_(context) {}

  // Stores rows until all rows are known, for calls with DISTINCT or ORDER BY. `columns` has the arguments,
  // followed by the keys of the order. `wanted` lists the rows that pass the filter. `groups` has the group of each
  // row.
  Status keep(const RowsChunk& columns, std::span<const uint32_t> wanted,
              const std::vector<uint32_t>& groups) {
    if (wanted.empty()) return {};
    auto group = std::make_shared<Column>(TypeKind::Integer);
    for (const uint32_t row : wanted) group->append(static_cast<int32_t>(groups[row]));
    RowsChunk kept = wanted.size() == columns.rows ? columns : pick(columns, wanted);
    for (ColumnPtr& column : kept.columns) column = normalized(column);
    kept.columns.insert(kept.columns.begin(), std::move(group));
    return context_.add(rows_, std::move(kept));
  }

  // Calls `update` with the group and the arguments of each row in rows_, sorted by group and then by ORDER BY.
  template <class Update>
  Status give(const Update& update) {
    const size_t arguments = call_.call.arguments.size();
    RowsComparison order(rows_, 0, {});
    order.add_key(0, false, false);
    for (size_t i = 0; i < call_.order.size(); ++i)
      order.add_key(1 + arguments + i, call_.order[i].is_descending, call_.order[i].nulls_first);
    RowsComparison same(rows_, 0, {});
    for (size_t i = 0; i <= arguments; ++i) {
      if (call_.is_distinct && i > 0) order.add_key(i, false, false);
      same.add_key(i, false, false);
    }
    std::vector<Column::SourceRow> rows;
    for (uint32_t chunk = 0; chunk < rows_.size(); ++chunk)
      for (uint32_t row = 0; row < rows_[chunk].rows; ++row) rows.push_back({chunk, row});
    TRY(context_.add(rows.size() * sizeof(rows.front())));
    TRY(context_.begin());
    std::ranges::sort(rows, [&](Column::SourceRow a, Column::SourceRow b) {
      const int by_keys = order.compare(a, b);
      if (by_keys != 0) return by_keys < 0;
      return a.source != b.source ? a.source < b.source : a.row < b.row;
    });
    std::vector<const Column*> columns(arguments);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (i % kRowsOfChunk == 0) TRY(context_.begin());
      if (call_.is_distinct && i > 0 && same.compare(rows[i - 1], rows[i]) == 0) continue;
      const RowsChunk& chunk = rows_[rows[i].source];
      for (size_t j = 0; j < arguments; ++j) columns[j] = chunk.columns[1 + j].get();
      TRY(update(static_cast<size_t>(chunk.columns[0]->data<int32_t>()[rows[i].row]), columns,
                 rows[i].row));
    }
    context_.remove(rows.size() * sizeof(rows.front()));
    for (const RowsChunk& chunk : rows_) context_.remove(bytes_of(chunk));
    rows_.clear();
    return {};
  }

 private:
  const GroupedCall& call_;
  RowsContext& context_;
  RowsChunks rows_;
};

// The groups of one grouping set.
class Grouping {
 public:
  Grouping(const GroupRows& step, std::vector<size_t> set, RowsContext& context)
      : step_(step), set_(std::move(set)), context_(context) {
    for (const BoundExpression& key : step.keys) keys_.emplace_back(key.type);
    state_bytes_ = kBytesOfGroup;
    for (const GroupedCall& aggregate : step.aggregates) {
      instances_.push_back(aggregate.call.instance);
      state_bytes_ += aggregate.call.instance.def->accumulator.state_size;
      kept_.emplace_back(aggregate, context);
    }
    if (!set_.empty()) return;
    for (Column& key : keys_) key.append_null();
    add_group();
  }

  // Adds a chunk to the groups. `columns` has the grouping keys, followed for each aggregate by its arguments, its
  // filter, and the keys of its order.
  Status add(const RowsChunk& chunk, std::vector<ColumnPtr> columns) {
    for (size_t i = 0; i < step_.keys.size(); ++i)
      if (std::ranges::find(set_, i) == set_.end())
        columns[i] = constant_column(step_.keys[i].type, Value(), chunk.rows);
    const auto end_of_keys = columns.begin() + static_cast<ptrdiff_t>(step_.keys.size());
    RowKeys keys({columns.begin(), end_of_keys});
    std::vector<uint32_t> groups(chunk.rows);
    size_t bytes = 0;
    for (size_t row = 0; row < chunk.rows && !set_.empty(); ++row) {
      if (keys.repeats(row)) {
        groups[row] = groups[row - 1];
        continue;
      }
      const std::string_view key = keys.bytes(row);
      const auto known = by_key_.find(key);
      groups[row] = known == by_key_.end() ? static_cast<uint32_t>(groups_.size()) : known->second;
      if (known != by_key_.end()) continue;
      by_key_.emplace(key_bytes_.add(key), groups[row]);
      for (size_t i = 0; i < keys_.size(); ++i) keys_[i].append_from(*columns[i], row);
      add_group();
      bytes += state_bytes_ + 2 * key.size();
    }
    TRY(context_.add(bytes));
    size_t next = step_.keys.size();
    for (size_t call = 0; call < instances_.size(); ++call)
      TRY(take(call, chunk.rows, columns, next, groups));
    return {};
  }

  Result<RowsChunks> finish() {
    for (size_t call = 0; call < instances_.size(); ++call)
      TRY(kept_[call].give([&](size_t group, const std::vector<const Column*>& arguments,
                               size_t row) { return update_one(call, group, arguments, row); }));
    std::vector<ColumnPtr> columns;
    for (Column& key : keys_) columns.push_back(std::make_shared<const Column>(std::move(key)));
    for (size_t call = 0; call < instances_.size(); ++call) {
      Column results(instances_[call].result_type);
      for (const auto& group : groups_)
        instances_[call].def->accumulator.result(instances_[call], group->at(call), results);
      columns.push_back(std::make_shared<const Column>(std::move(results)));
    }
    for (const std::vector<size_t>& grouping : step_.groupings)
      columns.push_back(
          constant_column(TypeKind::Integer, Value::integer(bits_of(grouping)), groups_.size()));
    const RowsChunk all{groups_.size(), std::move(columns)};
    if (all.rows == 0) return RowsChunks{};
    RowsChunks out;
    if (all.rows <= kRowsOfChunk) {
      TRY(context_.add(out, all));
      return out;
    }
    TRY(context_.add(bytes_of(all)));
    for (size_t first = 0; first < all.rows; first += kRowsOfChunk) {
      std::vector<uint32_t> rows(std::min(kRowsOfChunk, all.rows - first));
      std::iota(rows.begin(), rows.end(), static_cast<uint32_t>(first));
      RowsChunk some{rows.size(), {}};
      for (const ColumnPtr& column : all.columns)
        some.columns.push_back(std::make_shared<const Column>(column->gather(rows)));
      out.push_back(std::move(some));
    }
    return out;
  }

 private:
  void add_group() { groups_.push_back(std::make_unique<GroupStates>(instances_)); }

  int32_t bits_of(const std::vector<size_t>& grouping) const {
    int32_t bits = 0;
    for (const size_t key : grouping)
      bits = bits * 2 + (std::ranges::find(set_, key) == set_.end() ? 1 : 0);
    return bits;
  }

  // Updates the states of an aggregate, or keeps its rows if they must be sorted. `next` is the index of the first
  // column of the call; the function advances it to the first column of the next call.
  Status take(size_t call, size_t rows, const std::vector<ColumnPtr>& columns, size_t& next,
              const std::vector<uint32_t>& groups) {
    const GroupedCall& aggregate = step_.aggregates[call];
    RowsChunk own{rows, {}};
    for (size_t i = 0; i < aggregate.call.arguments.size(); ++i)
      own.columns.push_back(columns[next++]);
    std::vector<const Column*> arguments;
    for (const ColumnPtr& column : own.columns) arguments.push_back(column.get());
    std::vector<uint32_t> wanted(rows);
    std::iota(wanted.begin(), wanted.end(), 0u);
    if (aggregate.filter) {
      const Column& filter = *columns[next++];
      std::erase_if(wanted, [&](uint32_t row) {
        return filter.is_null(row) || !filter.data<uint8_t>()[row];
      });
    }
    if (aggregate.is_distinct || !aggregate.order.empty()) {
      for (size_t i = 0; i < aggregate.order.size(); ++i) own.columns.push_back(columns[next++]);
      return kept_[call].keep(own, wanted, groups);
    }
    const AggregateInstance& instance = instances_[call];
    const Accumulator& accumulator = instance.def->accumulator;
    for (const uint32_t row : wanted)
      TRY(accumulator.update(instance, groups_[groups[row]]->at(call), arguments, row));
    if (!accumulator.destroy) return {};
    // A state that needs a destructor may keep its arguments, so the memory of the arguments is charged.
    std::vector<size_t> bytes(rows);
    for (const Column* argument : arguments) add_row_bytes(*argument, 0, bytes);
    return context_.add(std::reduce(bytes.begin(), bytes.end()));
  }

  // Updates the state of a group with a row of kept_, which has the rows of calls with DISTINCT or ORDER BY. No memory
  // is charged here: the arguments of these rows were charged when they were added to kept_, and a state stores at most
  // these arguments.
  Status update_one(size_t call, size_t group, const std::vector<const Column*>& arguments,
                    size_t row) {
    const AggregateInstance& instance = instances_[call];
    return instance.def->accumulator.update(instance, groups_[group]->at(call), arguments, row);
  }

  const GroupRows& step_;
  const std::vector<size_t> set_;
  RowsContext& context_;
  std::vector<AggregateInstance> instances_;
  std::vector<KeptRows> kept_;  // rows that are kept for each aggregate call
  size_t state_bytes_;
  StringHeap key_bytes_;
  absl::flat_hash_map<std::string_view, uint32_t> by_key_;
  std::vector<Column> keys_;
  std::vector<std::unique_ptr<GroupStates>> groups_;
};

}  // namespace

Result<RowsChunks> group_rows(const GroupRows& step, const RowsChunks& input,
                              RowsContext& context) {
  std::vector<BoundExpression> computed = step.keys;
  for (const GroupedCall& aggregate : step.aggregates) {
    computed.insert(computed.end(), aggregate.call.arguments.begin(),
                    aggregate.call.arguments.end());
    if (aggregate.filter) computed.push_back(*aggregate.filter);
    for (const RowsOrder& key : aggregate.order) computed.push_back(key.value);
  }
  const Program program(computed);
  std::vector<std::vector<size_t>> sets = step.sets;
  if (sets.empty()) {
    sets.emplace_back(step.keys.size());
    std::iota(sets.back().begin(), sets.back().end(), size_t{0});
  }
  // All sets are computed in one pass, so that their inputs are evaluated only once. The rows are returned in the
  // order of the sets.
  std::vector<std::unique_ptr<Grouping>> groupings;
  for (std::vector<size_t>& set : sets)
    groupings.push_back(std::make_unique<Grouping>(step, std::move(set), context));
  for (const RowsChunk& chunk : input) {
    const std::vector<ColumnPtr> columns = TRY(compute(program, chunk, context));
    for (const auto& grouping : groupings) {
      TRY(context.begin());
      TRY(grouping->add(chunk, columns));
    }
  }
  RowsChunks out;
  for (const auto& grouping : groupings) {
    RowsChunks rows = TRY(grouping->finish());
    for (RowsChunk& chunk : rows) out.push_back(std::move(chunk));
  }
  return out;
}

}  // namespace engine
