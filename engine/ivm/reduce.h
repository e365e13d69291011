// Groups the rows of an incremental view and keeps the aggregates of each group.
#pragma once
#include <absl/container/node_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/ivm/extremes.h"
#include "engine/ivm/incremental_plan.h"
#include "engine/ivm/step.h"

namespace engine {

// Changes are added to the states of the groups at once, and mark the groups. At the cut, each marked group passes on
// its former row with weight -1 and its present row with weight 1. The rows have the columns of the keys and then one
// column for each aggregate, as GroupRows has. A group without rows has no row, unless there are no keys.
//
// Invariants: a group is in changed_ if and only if it is marked; `shown` is the row that was passed on last.
// Threads:    one at a time.
class ReduceStep final : public IncrementalStep {
 public:
  explicit ReduceStep(const ReduceChanges& plan);
  Status take(Changes changes, const EvalContext& eval) override;
  // Fails with Internal if a group has lost more rows than it had.
  Result<bool> finish_some(size_t most, const EvalContext& eval) override;
  size_t state_bytes() const override { return state_bytes_; }

 private:
  // How an aggregate is kept: by its own states, which have an undo, or by the values of the group.
  struct Call {
    AggregateInstance instance;
    size_t arguments = 0;               // number of columns
    size_t state_at = 0;                // place of the state in Group::states
    std::optional<size_t> extremes_at;  // for MIN and MAX: place in Group::extremes
    bool is_least = false;
    bool has_filter = false;
  };
  struct Group {
    int64_t rows = 0;
    std::unique_ptr<std::byte[]> states;
    std::vector<Extremes> extremes;
    bool is_changed = false;
    std::optional<std::string> shown;  // results in the row codec
  };
  using Groups = absl::node_hash_map<std::string, Group>;

  Group make_group() const;
  // Returns the approximate memory of a group without the values for MIN and MAX.
  size_t bytes_of_group(const std::string& key) const;
  Status update(Group& group, const std::vector<ColumnPtr>& columns, size_t row, int64_t weight);
  // Lists the group for the next cut.
  void mark(Groups::value_type& entry);
  std::vector<Column> results_of(const Group& group) const;

  const Program program_;  // the keys, and for each call its arguments and its filter
  std::vector<SqlType> key_types_;
  std::vector<Call> calls_;
  size_t states_size_ = 0;
  Groups groups_;
  std::vector<Groups::value_type*> changed_;
  size_t state_bytes_ = 0;
};

}  // namespace engine
