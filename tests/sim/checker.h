// Checks the invariants of replicated partitions, which hold under every fault.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/log/topic_partition.h"
#include "tests/sim/findings.h"
#include "tests/sim/sim_node.h"

namespace sim {

// The beginning of values that end with a number.
inline constexpr std::string_view kNumberPrefix = "number ";
std::optional<int64_t> number_of(std::string_view value);
// Returns the values of a batch that was visible.
std::vector<std::string> values_of(std::string_view bytes);

// 1. A record that was visible anywhere never changes: below their high watermarks all replicas are equal.
// 2. A leader of the newest epoch has every record that was ever visible.
// 3. A record is acknowledged only after it is visible, with its offset, and exists once.
// 4. An epoch has one leader.
// 5. A replica in sync has every record that was visible; a node without a replica has no records of the partition.
// 6. A record whose append was refused with "nothing was written" exists nowhere.
// 7. Values that were computed from the last number are consecutive.
// 8. The output of a task is a copy of the visible records of its input: each record once and in order.
// 9. While a topic is closed, no record is added beyond the ends that were read.
class Checker {
 public:
  Checker(Findings& findings, std::vector<storage::TopicPartition> partitions,
          std::vector<SimTask::Places> tasks, std::vector<storage::TopicPartition> unnamed)
      : findings_(findings),
        partitions_(std::move(partitions)),
        tasks_(std::move(tasks)),
        unnamed_(std::move(unnamed)) {}

  // Called after each event on the node.
  void check(SimNode& node);
  // Called when the node enters the ISR or stays in it.
  void check_in_sync(SimNode& node, const storage::TopicPartition& partition);
  // Called with the values of a batch that was acknowledged to a producer with this offset.
  void acknowledged(const storage::TopicPartition& partition, Offset base_offset,
                    const std::vector<std::string>& values);
  // Called if several batches of one append were acknowledged and the last record has this offset.
  void acknowledged_up_to(const storage::TopicPartition& partition, Offset last_offset,
                          const std::vector<std::string>& values);
  // Called if the writer got the answer that none of these values was written.
  void refused(const storage::TopicPartition& partition, const std::vector<std::string>& values);
  // Called with the end of a partition that was read while its topic was closed.
  void closed(const storage::TopicPartition& partition, Offset end);
  // Called if the partition is open again from this epoch on.
  void opened(const storage::TopicPartition& partition, LeaderEpoch epoch);
  // Returns the offset after the last acknowledged record.
  Offset acknowledged_end(const storage::TopicPartition& partition) const;
  // Called after all faults are healed. are_replicas_equal() returns whether all replicas exist and are equal;
  // check_end() adds each difference to the findings.
  bool are_replicas_equal(const std::vector<std::unique_ptr<SimNode>>& nodes);
  void check_end(const std::vector<std::unique_ptr<SimNode>>& nodes);

  // Returns whether all inputs have their outputs.
  bool are_tasks_done();
  size_t acknowledged_count() const { return acknowledged_count_; }
  size_t visible_count() const;

 private:
  struct Batch {
    std::string bytes;
    Offset end;
    std::vector<std::string> values;
  };
  // The records that were visible on any replica, in one history.
  struct History {
    std::map<Offset, Batch> batches;  // batches by base offset
    Offset end{0};
    std::map<std::string, Offset> by_value;  // offset of each value; not used for journals
    // values in the order of their offsets; not used for journals
    std::vector<std::string> values;
    std::map<LeaderEpoch, NodeId> leaders;
    Offset acknowledged_end{0};
    std::vector<std::string> refused;
    std::optional<Offset> closed_end;  // set while the partition is closed and its end was read
    // the end of the partition for each time that it was closed, and the epoch of its opening
    std::vector<std::pair<Offset, LeaderEpoch>> closed;
    int64_t last_number = 0;
  };
  void check_leader(SimNode& node, const storage::TopicPartition& partition,
                    const storage::PartitionStatus& status);
  void check_visible(SimNode& node, const storage::TopicPartition& partition,
                     const storage::PartitionStatus& status);
  void take(SimNode& node, const storage::TopicPartition& partition, Offset base,
            std::string_view bytes);
  void check_copy(const SimTask::Places& task, const std::string& value, size_t index);
  void check_closed(const storage::TopicPartition& partition, const History& history);
  bool is_journal(const storage::TopicPartition& partition) const;
  bool is_equal(SimNode& node, const storage::TopicPartition& partition);
  std::string name_of(const storage::TopicPartition& partition) const;

  Findings& findings_;
  const std::vector<storage::TopicPartition> partitions_;
  const std::vector<SimTask::Places> tasks_;
  // partitions whose records may have equal values
  const std::vector<storage::TopicPartition> unnamed_;
  std::map<storage::TopicPartition, History> histories_;
  // For each node and partition: the process (life) and the offset up to which its visible records were checked.
  std::map<std::pair<NodeId, storage::TopicPartition>, std::pair<uint64_t, Offset>> looked_;
  size_t acknowledged_count_ = 0;
};

}  // namespace sim
