// What must always hold of replicated partitions, whatever happens.
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

// Values that begin with this have a number behind it.
inline constexpr std::string_view kNumberPrefix = "number ";
std::optional<int64_t> number_of(std::string_view value);
// Of a batch that was visible.
std::vector<std::string> values_of(std::string_view bytes);

// 1. What was visible anywhere stays what it is, on every replica: below its high watermark each has the same.
// 2. A leader of the newest epoch has all that was ever visible.
// 3. A record is acknowledged when it is visible, with its offset, and is there once.
// 4. An epoch has one leader.
// 5. Who is in sync has all that was visible; who has no replica any more has nothing.
// 6. What somebody was told that it was not written is nowhere.
// 7. Numbers that were made of the last one follow each other, one by one.
// 8. What tasks make of their inputs is there once and in order: a copy, record by record, of what is visible there.
class Checker {
 public:
  Checker(Findings& findings, std::vector<storage::TopicPartition> partitions,
          std::vector<SimTask::Places> tasks, std::vector<storage::TopicPartition> unnamed)
      : findings_(findings),
        partitions_(std::move(partitions)),
        tasks_(std::move(tasks)),
        unnamed_(std::move(unnamed)) {}

  // After whatever has happened on the node.
  void check(SimNode& node);
  // The node comes into the ISR, or stays in it.
  void check_in_sync(SimNode& node, const storage::TopicPartition& partition);
  // The values of a batch that a producer was told is at this offset.
  void acknowledged(const storage::TopicPartition& partition, Offset base_offset,
                    const std::vector<std::string>& values);
  // The same of several batches in one append, of which the last record is there.
  void acknowledged_up_to(const storage::TopicPartition& partition, Offset last_offset,
                          const std::vector<std::string>& values);
  // Somebody was told that nothing of this was written.
  void refused(const storage::TopicPartition& partition, const std::vector<std::string>& values);
  // Behind all that was acknowledged.
  Offset acknowledged_end(const storage::TopicPartition& partition) const;
  // When all has healed: whether all replicas are there and the same; what is not, is found.
  bool are_replicas_equal(const std::vector<std::unique_ptr<SimNode>>& nodes);
  void check_end(const std::vector<std::unique_ptr<SimNode>>& nodes);

  // Whether all inputs have their outputs.
  bool are_tasks_done();
  size_t acknowledged_count() const { return acknowledged_count_; }
  size_t visible_count() const;

 private:
  struct Batch {
    std::string bytes;
    Offset end;
    std::vector<std::string> values;
  };
  // What was visible: one history for all.
  struct History {
    std::map<Offset, Batch> batches;  // by base offset
    Offset end{0};
    std::map<std::string, Offset> by_value;  // not of journals
    std::vector<std::string> values;         // in order, likewise
    std::map<LeaderEpoch, NodeId> leaders;
    Offset acknowledged_end{0};
    std::vector<std::string> refused;
    int64_t last_number = 0;
  };
  void check_leader(SimNode& node, const storage::TopicPartition& partition,
                    const storage::PartitionStatus& status);
  void check_visible(SimNode& node, const storage::TopicPartition& partition,
                     const storage::PartitionStatus& status);
  void take(SimNode& node, const storage::TopicPartition& partition, Offset base,
            std::string_view bytes);
  void check_copy(const SimTask::Places& task, const std::string& value, size_t index);
  bool is_journal(const storage::TopicPartition& partition) const;
  bool is_equal(SimNode& node, const storage::TopicPartition& partition);
  std::string name_of(const storage::TopicPartition& partition) const;

  Findings& findings_;
  const std::vector<storage::TopicPartition> partitions_;
  const std::vector<SimTask::Places> tasks_;
  const std::vector<storage::TopicPartition> unnamed_;  // their records may have equal values
  std::map<storage::TopicPartition, History> histories_;
  // How far it was looked at what a process shows.
  std::map<std::pair<NodeId, storage::TopicPartition>, std::pair<uint64_t, Offset>> looked_;
  size_t acknowledged_count_ = 0;
};

}  // namespace sim
