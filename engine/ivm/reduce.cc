#include "engine/ivm/reduce.h"

#include <algorithm>
#include <cassert>

#include "engine/types/row_codec.h"

namespace engine {

namespace {

// Approximate bytes of a group without its key and states.
constexpr size_t kBytesOfGroup = 160;
// Each state begins at a multiple of this number, which fits every accumulator (Accumulator::state_align).
constexpr size_t kStateAlign = 16;

std::vector<BoundExpression> inputs_of(const ReduceChanges& plan) {
  std::vector<BoundExpression> inputs = plan.keys;
  for (const GroupedCall& call : plan.aggregates) {
    inputs.insert(inputs.end(), call.call.arguments.begin(), call.call.arguments.end());
    if (call.filter) inputs.push_back(*call.filter);
  }
  return inputs;
}

std::vector<const Column*> pointers_to(const std::vector<Column>& columns) {
  std::vector<const Column*> pointers;
  for (const Column& column : columns) pointers.push_back(&column);
  return pointers;
}

}  // namespace

ReduceStep::ReduceStep(const ReduceChanges& plan) : program_(inputs_of(plan)) {
  for (const BoundExpression& key : plan.keys) key_types_.push_back(key.type);
  size_t extremes = 0;
  for (const GroupedCall& each : plan.aggregates) {
    Call& call = calls_.emplace_back();
    call.instance = each.call.instance;
    call.arguments = each.call.arguments.size();
    call.has_filter = each.filter.has_value();
    if (is_extreme(call.instance)) {
      call.extremes_at = extremes++;
      call.is_least = call.instance.def->name == kMinOfAny;
      continue;
    }
    const Accumulator& accumulator = call.instance.def->accumulator;
    assert(accumulator.undo && !accumulator.destroy);  // mode_of() allows no other
    call.state_at = states_size_;
    states_size_ += (accumulator.state_size + kStateAlign - 1) / kStateAlign * kStateAlign;
  }
  // Without keys there is one row, even if the input never has a row.
  if (!key_types_.empty()) return;
  mark(*groups_.try_emplace(std::string(), make_group()).first);
  state_bytes_ += bytes_of_group({});
}

ReduceStep::Group ReduceStep::make_group() const {
  Group group;
  group.states = std::make_unique<std::byte[]>(states_size_);
  for (const Call& call : calls_)
    if (call.extremes_at)
      group.extremes.emplace_back(call.instance.argument_types.front());
    else
      call.instance.def->accumulator.init(call.instance, group.states.get() + call.state_at);
  return group;
}

size_t ReduceStep::bytes_of_group(const std::string& key) const {
  return kBytesOfGroup + key.size() + states_size_;
}

void ReduceStep::mark(Groups::value_type& entry) {
  Group& group = entry.second;
  if (group.is_changed) return;
  group.is_changed = true;
  changed_.push_back(&entry);
}

Status ReduceStep::update(Group& group, const std::vector<ColumnPtr>& columns, size_t row,
                          int64_t weight) {
  group.rows += weight;
  size_t next = key_types_.size();
  for (const Call& call : calls_) {
    std::vector<const Column*> arguments;
    for (size_t i = 0; i < call.arguments; ++i) arguments.push_back(columns[next++].get());
    if (call.has_filter) {
      const Column& filter = *columns[next++];
      if (filter.is_null(row) || !filter.data<uint8_t>()[row]) continue;
    }
    if (call.extremes_at) {
      Extremes& values = group.extremes[*call.extremes_at];
      state_bytes_ -= values.bytes();
      values.add(*arguments.front(), row, weight);
      state_bytes_ += values.bytes();
      continue;
    }
    const Accumulator& accumulator = call.instance.def->accumulator;
    void* const state = group.states.get() + call.state_at;
    for (int64_t i = 0; i < weight; ++i)
      TRY(accumulator.update(call.instance, state, arguments, row));
    for (int64_t i = weight; i < 0; ++i)
      TRY(accumulator.undo(call.instance, state, arguments, row));
  }
  return {};
}

Status ReduceStep::take(Changes changes, const EvalContext& eval) {
  const std::vector<ColumnPtr> columns = TRY(columns_of(program_, changes, eval));
  std::vector<const Column*> keys;
  for (size_t i = 0; i < key_types_.size(); ++i) keys.push_back(columns[i].get());
  std::string key;
  for (size_t row = 0; row < changes.rows; ++row) {
    key.clear();
    if (!keys.empty()) encode_row(keys, row, key);
    auto known = groups_.find(key);
    if (known == groups_.end()) {
      known = groups_.try_emplace(key, make_group()).first;
      state_bytes_ += bytes_of_group(key);
    }
    TRY(update(known->second, columns, row, changes.weights[row]));
    mark(*known);
  }
  return {};
}

std::vector<Column> ReduceStep::results_of(const Group& group) const {
  std::vector<Column> results;
  for (const Call& call : calls_) {
    Column& result = results.emplace_back(call.instance.result_type);
    if (!call.extremes_at)
      call.instance.def->accumulator.result(call.instance, group.states.get() + call.state_at,
                                            result);
    else if (call.is_least)
      group.extremes[*call.extremes_at].append_least(result);
    else
      group.extremes[*call.extremes_at].append_greatest(result);
  }
  return results;
}

Result<bool> ReduceStep::finish_some(size_t most, const EvalContext& eval) {
  Changes out;
  std::vector<Column> columns;
  for (const SqlType& type : key_types_) columns.emplace_back(type);
  for (const Call& call : calls_) columns.emplace_back(call.instance.result_type);
  std::vector<Column*> keys, results;
  for (Column& column : columns)
    (keys.size() < key_types_.size() ? keys : results).push_back(&column);
  const auto emit = [&](const std::string& key, const std::string& row, int64_t weight) -> Status {
    if (!keys.empty()) TRY(decode_row(key, keys, RowStrings::Copy));
    if (!results.empty()) TRY(decode_row(row, results, RowStrings::Copy));
    out.weights.push_back(weight);
    ++out.rows;
    return {};
  };
  for (size_t i = 0; i < most && !changed_.empty(); ++i) {
    Groups::value_type& entry = *changed_.back();
    changed_.pop_back();
    Group& group = entry.second;
    group.is_changed = false;
    if (group.rows < 0 || !std::ranges::all_of(group.extremes, &Extremes::are_valid))
      return Error{ErrorCode::Internal, "a group of a view has lost more rows than it had"};
    std::optional<std::string> now;
    if (group.rows > 0 || key_types_.empty())
      encode_row(pointers_to(results_of(group)), 0, now.emplace());
    if (now != group.shown) {
      if (group.shown) TRY(emit(entry.first, *group.shown, -1));
      if (now) TRY(emit(entry.first, *now, 1));
    }
    state_bytes_ += (now ? now->size() : 0) - (group.shown ? group.shown->size() : 0);
    group.shown = std::move(now);
    if (group.shown) continue;
    state_bytes_ -= bytes_of_group(entry.first);
    groups_.erase(groups_.find(entry.first));
  }
  for (Column& column : columns)
    out.columns.push_back(std::make_shared<const Column>(std::move(column)));
  TRY(pass_on(std::move(out), eval));
  return !changed_.empty();
}

}  // namespace engine
