#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "engine/exec/group_states.h"
#include "engine/query/rows_steps.h"
#include "engine/types/row_size.h"

namespace engine {

namespace {

// About, beside key and states.
constexpr size_t kBytesOfGroup = 112;

class Grouping {
 public:
  Grouping(const GroupRows& step, RowsContext& context) : step_(step), context_(context) {
    for (const BoundExpression& key : step.keys) keys_.emplace_back(key.type);
    state_bytes_ = kBytesOfGroup;
    for (const BoundAggregate& aggregate : step.aggregates) {
      instances_.push_back(aggregate.instance);
      state_bytes_ += aggregate.instance.def->accumulator.state_size;
    }
    if (step.keys.empty()) add_group();
  }

  Status add(const RowsChunk& chunk, const Program& program) {
    std::vector<ColumnPtr> columns = TRY(compute(program, chunk, context_));
    const auto end_of_keys = columns.begin() + static_cast<ptrdiff_t>(step_.keys.size());
    RowKeys keys({columns.begin(), end_of_keys});
    std::vector<uint32_t> groups(chunk.rows);
    size_t bytes = 0;
    for (size_t row = 0; row < chunk.rows && !step_.keys.empty(); ++row) {
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
    for (size_t call = 0; call < instances_.size(); ++call) {
      std::vector<const Column*> arguments;
      for (size_t i = 0; i < step_.aggregates[call].arguments.size(); ++i)
        arguments.push_back(columns[next++].get());
      TRY(update(call, arguments, groups));
    }
    return {};
  }

  Result<RowsChunks> finish() {
    std::vector<ColumnPtr> columns;
    for (Column& key : keys_) columns.push_back(std::make_shared<const Column>(std::move(key)));
    for (size_t call = 0; call < instances_.size(); ++call) {
      Column results(instances_[call].result_type);
      for (const auto& group : groups_)
        instances_[call].def->accumulator.result(instances_[call], group->at(call), results);
      columns.push_back(std::make_shared<const Column>(std::move(results)));
    }
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

  Status update(size_t call, const std::vector<const Column*>& arguments,
                const std::vector<uint32_t>& groups) {
    const AggregateInstance& instance = instances_[call];
    const Accumulator& accumulator = instance.def->accumulator;
    for (size_t row = 0; row < groups.size(); ++row)
      TRY(accumulator.update(instance, groups_[groups[row]]->at(call), arguments, row));
    if (!accumulator.destroy) return {};
    // It may keep what it is given.
    std::vector<size_t> bytes(groups.size());
    for (const Column* argument : arguments) add_row_bytes(*argument, 0, bytes);
    return context_.add(std::reduce(bytes.begin(), bytes.end()));
  }

  const GroupRows& step_;
  RowsContext& context_;
  std::vector<AggregateInstance> instances_;
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
  for (const BoundAggregate& aggregate : step.aggregates)
    computed.insert(computed.end(), aggregate.arguments.begin(), aggregate.arguments.end());
  const Program program(computed);
  Grouping grouping(step, context);
  for (const RowsChunk& chunk : input) TRY(grouping.add(chunk, program));
  return grouping.finish();
}

}  // namespace engine
