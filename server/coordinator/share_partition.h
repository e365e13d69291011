// Which records of a partition a share group has done, which are on their way to its members, and which are to be
// had (KIP-932). Sans I/O.
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

// With the numbers that Kafka gives them.
enum class RecordState : int8_t {
  Available = 0,
  Acquired = 1,
  Acknowledged = 2,
  Archived = 4,  // nobody gets it any more
};

struct ShareLimits {
  int64_t most_in_flight =
      2'000;  // records between the first that is not done and the last that was lent
  int16_t most_deliveries = 5;
};

//      done              |<------------- the window ------------->|  nobody has seen these
//   -----------------start()------------------------------------end()------------------------->
//                        acquired | acknowledged | available | ...
//
// Invariants:
//   1. the ranges cover the window, each offset once; neighbours differ;
//   2. the first range is not done;
//   3. a range that is not acquired has no holder.
//
// Threads: one loop's. Owner: its group.
class SharePartition {
 public:
  // A member, by the id that its ranges share.
  using Holder = std::shared_ptr<const std::string>;
  struct Range {
    int64_t end = 0;  // exclusive
    RecordState state = RecordState::Available;
    int16_t delivery_count = 0;
    Holder holder = nullptr;
    int64_t expires_us = 0;  // of the monotonic clock
  };
  using Ranges = std::map<int64_t, Range>;  // by first offset

  // Where the group begins: everything before is done.
  void begin_at(int64_t offset);
  bool has_begun() const { return start_ >= 0; }
  int64_t start() const { return start_; }
  int64_t end() const { return end_; }
  const Ranges& ranges() const { return ranges_; }
  // Of the window, how many nobody has to see any more.
  int64_t done_in_window() const;

  // Records before are not there any more.
  void move_start(int64_t log_start);
  // The first offset from `from` on that can be lent; nothing when the window is full, or there is none before
  // `readable_end`.
  std::optional<int64_t> next(int64_t from, int64_t readable_end, const ShareLimits& limits) const;

  struct Wish {
    int64_t records = 0;     // that are still to be had; less than 1 afterwards: enough
    bool is_strict = false;  // else the last batch is lent whole
    int64_t batch_size = 0;
    Holder holder = nullptr;
    int64_t expires_us = 0;
  };
  // Lends what of the batches, read from `from` on, is to be had. What lies between them is not there.
  std::vector<AcquiredRecords> acquire(Wish& wish, int64_t from,
                                       const std::vector<SharedLog::Batch>& batches,
                                       const ShareLimits& limits);
  // There is nothing to read in this range.
  void archive_gap(int64_t first, int64_t end);

  // All of them or none: InvalidRequest when they make no sense, kInvalidRecordState when the member has not got
  // all of it. What lies before the start is passed over.
  KafkaError acknowledge(const std::string& member, const std::vector<AcknowledgedBatch>& batches,
                         bool may_renew, int64_t renewed_until_us, const ShareLimits& limits);
  // The member will say no more. `has_tried`: that was a delivery.
  bool release(const std::string& member, bool has_tried, const ShareLimits& limits);
  // Those whose time is over. True when there were any.
  bool expire(int64_t now_us, const ShareLimits& limits);
  std::optional<int64_t> next_expiry_us() const;

  // --- What is kept

  // Since the last call of forget_changes(); what is acquired is not kept.
  bool has_changed() const { return has_changed_; }
  // Where, in no order: more than that, perhaps.
  struct Change {
    int64_t first = 0, end = 0;
  };
  const std::vector<Change>& changes() const { return changes_; }
  void forget_changes();
  using Kept = std::vector<std::pair<int64_t, Range>>;
  // What a record has of this part of the window: what is acquired comes again after a restart, as if it had not
  // been lent this time.
  Kept kept(int64_t first, int64_t end) const;
  // In place of everything.
  void restore(int64_t start, const Kept& ranges);
  // Over what is there.
  void restore_change(int64_t start, const Kept& ranges);

 private:
  struct Run {
    int64_t first, end;
    Acknowledgement type;
  };
  KafkaError runs_of(const std::vector<AcknowledgedBatch>& batches, bool may_renew,
                     std::vector<Run>& runs) const;
  bool is_held(int64_t first, int64_t end, const std::string& member) const;
  // A range begins there afterwards, if it lies inside of one.
  void split(int64_t at);
  // Calls `each(first, range)` for the parts of ranges in between; the window may change meanwhile.
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

  int64_t start_ = -1, end_ = -1;  // -1: nobody has read it
  Ranges ranges_;
  bool has_changed_ = false;
  std::vector<Change> changes_;
};

}  // namespace server::coordinator
