// The state of a partition's records in a share group (KIP-932): processed, acquired by a member,
// or available. The class does no I/O.
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

// The states of records, with Kafka's numbers.
enum class RecordState : int8_t {
  Available = 0,
  Acquired = 1,
  Acknowledged = 2,
  Archived = 4,  // never delivered again
};

struct ShareLimits {
  int64_t most_in_flight =
      2'000;  // number of records from the first unprocessed record to the last lent record
  int16_t most_deliveries = 5;
};

//   processed           |<------------- the window ------------->|  not delivered yet
//   -----------------start()------------------------------------end()------------------------->
//                        acquired | acknowledged | available | ...
//
// Invariants:
//   1. the ranges cover each offset of the window once, and neighbouring ranges differ;
//   2. the records of the first range still need a delivery or an acknowledgement;
//   3. a range that is not acquired has no holder.
//
// Threads: one loop. Owner: its group.
class SharePartition {
 public:
  // The id of a member, which all ranges of the member share.
  using Holder = std::shared_ptr<const std::string>;
  struct Range {
    int64_t end = 0;  // the offset after the last one of the range
    RecordState state = RecordState::Available;
    int16_t delivery_count = 0;
    Holder holder = nullptr;
    int64_t expires_us = 0;  // time of the monotonic clock
  };
  using Ranges = std::map<int64_t, Range>;  // ranges by their first offset

  // Sets the start of the group: all earlier records count as processed.
  void begin_at(int64_t offset);
  bool has_begun() const { return start_ >= 0; }
  int64_t start() const { return start_; }
  int64_t end() const { return end_; }
  const Ranges& ranges() const { return ranges_; }
  // Returns the number of records in the window that need no further delivery.
  int64_t done_in_window() const;

  // Moves the start up to `log_start`, because earlier records were deleted.
  void move_start(int64_t log_start);
  // Returns the first offset from `from` on that can be lent to a member. Returns nullopt if the
  // window is full, or if no such offset exists before `readable_end`.
  std::optional<int64_t> next(int64_t from, int64_t readable_end, const ShareLimits& limits) const;

  struct Wish {
    // The number of records to acquire. acquire() subtracts the records that it acquires; at 0 or
    // less, it stops.
    int64_t records = 0;
    // false: the last batch is lent as a whole, even if it exceeds `records`
    bool is_strict = false;
    int64_t batch_size = 0;
    Holder holder = nullptr;
    int64_t expires_us = 0;
  };
  // Lends the available records of `batches`, which were read from the offset `from` on, to
  // Wish::holder. Offsets between the batches have no records and are archived.
  std::vector<AcquiredRecords> acquire(Wish& wish, int64_t from,
                                       const std::vector<SharedLog::Batch>& batches,
                                       const ShareLimits& limits);
  // Archives the available offsets of a range without readable records.
  void archive_gap(int64_t first, int64_t end);

  // Applies all acknowledgements or none. Fails with InvalidRequest if the batches are malformed,
  // and with kInvalidRecordState if the member does not hold all of the records. Ignores offsets
  // before start().
  KafkaError acknowledge(const std::string& member, const std::vector<AcknowledgedBatch>& batches,
                         bool may_renew, int64_t renewed_until_us, const ShareLimits& limits);
  // Makes the records of a member available again. Called when the member's session has ended. If
  // `has_tried` is true, the attempt counts towards most_deliveries. Returns false if the member
  // had no records.
  bool release(const std::string& member, bool has_tried, const ShareLimits& limits);
  // Makes the records available again whose acquisition has expired. Returns false if no
  // acquisition had expired.
  bool expire(int64_t now_us, const ShareLimits& limits);
  std::optional<int64_t> next_expiry_us() const;

  // --- Stored state

  // Returns whether the stored state has changed since the last forget_changes(). Lending does not
  // count, because it is not stored.
  bool has_changed() const { return has_changed_; }
  // A range of offsets whose state has changed since forget_changes(), so that only this range has to be stored. The
  // ranges are unordered, and may include offsets that have not changed.
  struct Change {
    int64_t first = 0, end = 0;
  };
  const std::vector<Change>& changes() const { return changes_; }
  void forget_changes();
  using Kept = std::vector<std::pair<int64_t, Range>>;
  // Returns a part of the window in the form in which it is stored. Acquired records are stored as
  // available, and the present delivery is not counted, so they are delivered again after a
  // restart.
  Kept kept(int64_t first, int64_t end) const;
  // Replaces the whole state.
  void restore(int64_t start, const Kept& ranges);
  // Applies a stored change to the state.
  void restore_change(int64_t start, const Kept& ranges);
  // Applies a change that the leader of the partition, which may be another node, has requested.
  // The change still has to be stored, so changes() contains it. (A change that restore_change()
  // applies is stored already, so changes() does not contain it.)
  void apply_change(int64_t start, const Kept& ranges);
  // Returns the approximate size in memory.
  size_t memory_bytes() const;

 private:
  struct Run {
    int64_t first, end;
    Acknowledgement type;
  };
  KafkaError runs_of(const std::vector<AcknowledgedBatch>& batches, bool may_renew,
                     std::vector<Run>& runs) const;
  bool is_held(int64_t first, int64_t end, const std::string& member) const;
  // Splits the range that contains `at`, if any, so that a range starts at `at`.
  void split(int64_t at);
  // Calls `each(first, range)` for each range, or part of a range, between `first` and `end`.
  // `each` may change the window.
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
