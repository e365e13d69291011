// Collects the changes of a group as records, and appends these records to the group's partition.
#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/coordinator/group_messages.h"
#include "server/coordinator/replayed_partition.h"

namespace server::coordinator {

// Owner: the group. Threads: one loop.
class GroupChanges {
 public:
  using Store = std::function<void(std::vector<StoredRecord> records, Done<KafkaError> stored)>;
  explicit GroupChanges(Store store) : store_(std::move(store)) {}

  void add(StoredRecord record) { records_.push_back(std::move(record)); }
  void add(std::vector<StoredRecord> records);
  bool has_any() const { return !records_.empty(); }
  // Discards the records that were added and not committed yet.
  void forget() { records_.clear(); }
  // Discards the added records. The keys of tombstones among them are remembered: undeleted()
  // returns them.
  void forget_all_but_deletions();

  // Makes the next commit write all records of the group again, together with a tombstone for
  // `key`.
  void rewrite_without(std::string key);
  // Returns the tombstones that the next commit has to append: those whose append has failed, and
  // those that forget_all_but_deletions() and rewrite_without() have remembered.
  std::vector<StoredRecord> undeleted() const;

  // Appends the added records, and calls `done` when all changes up to now are durable. If an
  // earlier append has failed, commit() first calls `add_all`, which adds all records of the group,
  // so that the whole group is written again.
  void commit(const std::function<void()>& add_all, Done<KafkaError> done);

 private:
  struct State {
    size_t under_way = 0;
    bool must_rewrite = false;
    std::set<std::string> undeleted = {};  // keys whose deletion is not stored yet
  };
  const Store store_;
  std::vector<StoredRecord> records_;
  // The callbacks of appends share its ownership, because they may run after the group was
  // destroyed.
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace server::coordinator
