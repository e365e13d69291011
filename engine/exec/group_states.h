// States of all aggregates of one group, in one separate allocation.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/functions/aggregate.h"

namespace engine {

// Invariant: the states are initialised.
// Threads:   one at a time.
class GroupStates {
 public:
  // The instances must outlive this object.
  explicit GroupStates(const std::vector<AggregateInstance>& instances);
  ~GroupStates();
  GroupStates(const GroupStates&) = delete;
  GroupStates& operator=(const GroupStates&) = delete;

  void* at(size_t call) { return memory_.get() + offsets_[call]; }
  const void* at(size_t call) const { return memory_.get() + offsets_[call]; }

  // Resets the states to the states of a group without rows.
  void reset();
  // Decodes the output of encode(). Fails with CorruptRecord.
  Status decode(std::string_view bytes);
  void encode(std::string& out) const;
  // Merges the state of another group into this one.
  Status merge(const GroupStates& other);

 private:
  void init();
  void destroy();

  const std::vector<AggregateInstance>& instances_;
  std::vector<size_t> offsets_;
  std::unique_ptr<std::byte[]> memory_;  // allocated by `new`, so aligned for any state
};

}  // namespace engine
