// The state of a partition's records in a share group: processed, acquired by members, or available (KIP-932). Sans
// I/O.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "server/coordinator/share_messages.h"
#include "server/coordinator/shared_log.h"

namespace server::coordinator {

// Kafka's numbers.
enum class RecordState : int8_t {
  Available = 0,
  Acquired = 1,
  Acknowledged = 2,
  Archived = 4,  // never delivered again
};

struct ShareLimits {
  int64_t most_in_flight =
      2'000;  // records between the first unprocessed one and the last one lent
  int16_t most_deliveries = 5;
};

//   processed           |<------------- the window ------------->|  not delivered yet
//   -----------------start()------------------------------------end()------------------------->
//                        acquired | acknowledged | available | ...
//
// Invariants:
//   1. the ranges cover the window, each offset once; neighbours differ;
//   2. the first range is not finished;
//   3. a range that is not acquired has no holder.
//
// Threads: one loop's. Owner: its group.
class SharePartition {
 public:
  // The id of a member; shared by its ranges.
  using Holder = std::shared_ptr<const std::string>;
  struct Range {
    int64_t end = 0;  // exclusive
    RecordState state = RecordState::Available;
    int16_t delivery_count = 0;
    Holder holder = nullptr;
    int64_t expires_us = 0;  // of the monotonic clock
  };
  using Ranges = std::map<int64_t, Range>;  // by first offset

  // Sets the start of the group: all earlier records count as processed.
  void begin_at(int64_t offset);
  bool has_begun() const { return start_ >= 0; }
  int64_t start() const { return start_; }
  int64_t end() const { return end_; }
  const Ranges& ranges() const { return ranges_; }
  // Number of records in the window that need no further delivery.
  int64_t done_in_window() const;

  // Records before `log_start` were deleted.
  void move_start(int64_t log_start);
  // The first offset from `from` on that can be lent; none if the window is full, or no such offset lies before
  // `readable_end`.
  std::optional<int64_t> next(int64_t from, int64_t readable_end, const ShareLimits& limits) const;

  struct Wish {
    int64_t records = 0;     // still wanted; below 1 afterwards: satisfied
    bool is_strict = false;  // false: the last batch is lent as a whole
    int64_t batch_size = 0;
    Holder holder = nullptr;
    int64_t expires_us = 0;
  };
  // Lends the available records of the batches, which were read from `from` on. Offsets between the batches have no
  // records.
  std::vector<AcquiredRecords> acquire(Wish& wish, int64_t from,
                                       const std::vector<SharedLog::Batch>& batches,
                                       const ShareLimits& limits);
  // This range has no readable records.
  void archive_gap(int64_t first, int64_t end);

  // All or nothing: InvalidRequest if the batches are malformed, kInvalidRecordState if the member does not hold all
  // records. Offsets before the start are ignored.
  KafkaError acknowledge(const std::string& member, const std::vector<AcknowledgedBatch>& batches,
                         bool may_renew, int64_t renewed_until_us, const ShareLimits& limits);
  // Returns the records of a member that has ended its session. `has_tried`: counts as a delivery.
  bool release(const std::string& member, bool has_tried, const ShareLimits& limits);
  // Returns records whose lock has expired. True if there were any.
  bool expire(int64_t now_us, const ShareLimits& limits);
  std::optional<int64_t> next_expiry_us() const;

  // --- Stored state

  // Whether the state has changed since the last forget_changes(); acquired records are not stored.
  bool has_changed() const { return has_changed_; }
  // The changed ranges, unordered; they may cover more than what has changed.
  struct Change {
    int64_t first = 0, end = 0;
  };
  const std::vector<Change>& changes() const { return changes_; }
  void forget_changes();
  using Kept = std::vector<std::pair<int64_t, Range>>;
  // The stored form of this part of the window: acquired records are delivered again after a restart, as if this
  // delivery had not happened.
  Kept kept(int64_t first, int64_t end) const;
  // Replaces the whole state.
  void restore(int64_t start, const Kept& ranges);
  // Applies a change to the state.
  void restore_change(int64_t start, const Kept& ranges);

 private:
  struct Run {
    int64_t first, end;
    Acknowledgement type;
  };
  KafkaError runs_of(const std::vector<AcknowledgedBatch>& batches, bool may_renew,
                     std::vector<Run>& runs) const;
  bool is_held(int64_t first, int64_t end, const std::string& member) const;
  // Splits the range around `at`, if any, so that a range starts there.
  void split(int64_t at);
  // Calls `each(first, range)` for the parts of ranges in between; `each` may change the window.
  template <class Each>
  void visit(int64_t first, int64_t end, Each each);
  void set(int64_t first, int64_t end, const Range& as);
  void extend(int64_t to, const Range& as);
  void merge(int64_t first, int64_t end);
  void give_back(int64_t first, const Range& range, bool has_tried, const ShareLimits& limits);
  void lend(int64_t first, int64_t end, int16_t count, const Wish& wish);
  void finish(int64_t first, int64_t end, RecordState as);
  void advance();
  void note(int64_t first, int64_t end);

  int64_t start_ = -1, end_ = -1;  // -1: not read yet
  Ranges ranges_;
  bool has_changed_ = false;
  std::vector<Change> changes_;
};

}  // namespace server::coordinator
