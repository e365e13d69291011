// Types of numbers. Each meaning has its own type, and the types do not convert into each other.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

template <class Tag, class Rep>
class StrongNumber {
 public:
  using rep = Rep;
  constexpr StrongNumber() = default;
  constexpr explicit StrongNumber(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const StrongNumber&) const = default;
  constexpr StrongNumber operator+(Rep count) const {
    return StrongNumber(static_cast<Rep>(value_ + count));
  }
  constexpr StrongNumber operator-(Rep count) const {
    return StrongNumber(static_cast<Rep>(value_ - count));
  }
  constexpr Rep operator-(StrongNumber other) const {
    return static_cast<Rep>(value_ - other.value_);
  }
  constexpr StrongNumber& operator++() {
    ++value_;
    return *this;
  }
  constexpr StrongNumber& operator+=(Rep count) {
    value_ = static_cast<Rep>(value_ + count);
    return *this;
  }

 private:
  Rep value_{};
};

using Offset = StrongNumber<struct OffsetTag, int64_t>;  // position of a record in its partition
using LeaderEpoch = StrongNumber<struct LeaderEpochTag, int32_t>;
// number of a partition in its topic, from 0
using PartitionId = StrongNumber<struct PartitionIdTag, int32_t>;
using NodeId = StrongNumber<struct NodeIdTag, int32_t>;
using ProducerId = StrongNumber<struct ProducerIdTag, int64_t>;
using TaskEpoch = StrongNumber<struct TaskEpochTag, int32_t>;  // raised when a task changes owner
using TaskSequence =
    // number of a commit of a task, from 1, without gaps
    StrongNumber<struct TaskSequenceTag, int64_t>;
// Identifies a commit of the log, and increases within a data directory. Data that is durable as of
// the same commit belongs together.
using CommitId = StrongNumber<struct CommitIdTag, uint64_t>;
using Revision = StrongNumber<struct RevisionTag, int64_t>;  // position in the metadata log, from 1

template <class Tag, class Rep>
struct std::hash<StrongNumber<Tag, Rep>> {
  size_t operator()(StrongNumber<Tag, Rep> id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};
template <typename H, class Tag, class Rep>
H AbslHashValue(H h, StrongNumber<Tag, Rep> id) {
  return H::combine(std::move(h), id.value());
}
