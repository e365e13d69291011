#include "engine/exec/view_computation.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/expr/dropped_failures.h"
#include "engine/formats/format.h"
#include "engine/types/row_codec.h"

namespace engine {

namespace {

constexpr size_t kSortedAtOnce = 4096;

// Returns all rows, sorted by key and divided into new batches.
std::vector<Batch> in_order_of_keys(std::vector<Batch> batches) {
  std::vector<ComputedRow> rows;
  std::vector<const Batch*> sources;
  for (uint32_t i = 0; i < batches.size(); ++i) {
    const auto keys = batches[i].keys->data<std::string_view>();
    for (uint32_t row = 0; row < batches[i].rows; ++row) rows.push_back({keys[row], {i, row}});
    sources.push_back(&batches[i]);
  }
  std::ranges::sort(rows, {}, &ComputedRow::key);
  std::vector<Batch> sorted;
  std::vector<Column::SourceRow> places;
  for (size_t first = 0; first < rows.size(); first += kSortedAtOnce) {
    places.clear();
    for (size_t i = first; i < std::min(rows.size(), first + kSortedAtOnce); ++i)
      places.push_back(rows[i].place);
    sorted.push_back(Batch::merge(sources, places));
  }
  return sorted;
}

}  // namespace

ViewComputation::ViewComputation(const RecomputeStep& step, const Layout& layout, size_t key_count,
                                 std::vector<std::vector<Batch>> inputs, const ViewRunner& runner,
                                 const EvalContext& context)
    : view_(step.view),
      key_format_(step.key_format),
      inputs_(std::move(inputs)),
      runner_(runner),
      clock_(context.clock),
      properties_(context.properties ? *context.properties : decltype(properties_)()),
      random_(context.random.next()) {
  if (view_->failures_are_null)
    properties_[std::string(kFailuresProperty)] = std::string(kFailuresAreNull);
  for (size_t i = 0; i < key_count; ++i)
    key_columns_.push_back({layout[i].name, layout[i].type, ColumnRole::Key});
}

void ViewComputation::run() {
  status_ = compute();
  inputs_.clear();
  is_done_.store(true, std::memory_order_release);
}

Status ViewComputation::compute() {
  for (std::vector<Batch>& input : inputs_) input = in_order_of_keys(std::move(input));
  if (const Status filled = state_ ? state_->fill(inputs_.front(), is_canceled_) : Status{};
      !filled) {
    fill_error_ = filled.error();
    state_.reset();
  }
  EvalBudget budget(clock_, &is_canceled_);
  budget.begin({});
  const EvalContext eval{clock_, random_, &properties_, &budget};
  batches_ = TRY(runner_.run(*view_, std::move(inputs_), eval));
  TRY(sort_by_key());
  if (const Status checked = state_ ? check_state() : Status{}; !checked) {
    fill_error_ = checked.error();
    state_.reset();
  }
  return {};
}

// Compares the rows that the state has made with those of the SELECT. A difference would be an error of an operator, so
// the view is then recomputed.
Status ViewComputation::check_state() {
  while (TRY(state_->finish_some())) {
  }
  const auto differ = [] {
    return Error{ErrorCode::Internal, "the incremental rows of a view differ from its SELECT"};
  };
  size_t count = 0;
  std::string bytes;
  std::vector<const Column*> columns;
  while (state_->has_changes()) {
    const NetChanges changes = TRY(state_->next_changes(kSortedAtOnce));
    count += changes.rows.rows;
    for (size_t row = 0; row < changes.rows.rows; ++row) {
      const auto found = std::ranges::lower_bound(rows_, changes.keys[row], {}, &ComputedRow::key);
      if (found == rows_.end() || found->key != changes.keys[row]) return differ();
      columns.clear();
      for (const ColumnPtr& column : batches_[found->place.source].columns)
        columns.push_back(column.get());
      bytes.clear();
      encode_row(columns, found->place.row, bytes);
      if (!changes.rows.present.test(row) || bytes != changes.bytes[row]) return differ();
    }
  }
  return count == rows_.size() ? Status{} : Status(differ());
}

// Sorts the rows by key. If two rows have the same key, the key that was inferred for the view is
// wrong, so the view fails: an error is better than a missing row.
Status ViewComputation::sort_by_key() {
  const auto writer = TRY(make_writer(key_format_, key_columns_, Side::Key));
  keys_.resize(batches_.size());
  for (uint32_t i = 0; i < batches_.size(); ++i) {
    const Batch& batch = batches_[i];
    std::vector<const Column*> columns;
    for (size_t key = 0; key < key_columns_.size(); ++key)
      columns.push_back(batch.columns[key].get());
    const Bitmap all(batch.rows, true);
    writer->write(columns, {0, batch.rows}, &all, keys_[i]);
    if (!keys_[i].problems.empty())
      return Error{ErrorCode::InvalidText, fmt::format("the key of a row cannot be written: {}",
                                                       keys_[i].problems.front().message)};
    for (uint32_t row = 0; row < batch.rows; ++row) {
      const auto key = keys_[i][row];
      if (!key) return Error{ErrorCode::Internal, "a row of the view has no key"};
      rows_.push_back({*key, {i, row}});
    }
  }
  std::ranges::sort(rows_, {}, &ComputedRow::key);
  if (std::ranges::adjacent_find(rows_, {}, &ComputedRow::key) != rows_.end())
    return Error{ErrorCode::Internal, "two rows of the view have the same key"};
  return {};
}

}  // namespace engine
