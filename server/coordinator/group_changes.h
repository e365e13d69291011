// What has changed of a group, as records on their way to its partition.
#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/coordinator/group_messages.h"
#include "server/coordinator/replayed_partition.h"

namespace server::coordinator {

// Owner: the group. Threads: its loop's.
class GroupChanges {
 public:
  using Store = std::function<void(std::vector<StoredRecord> records, Done<KafkaError> stored)>;
  explicit GroupChanges(Store store) : store_(std::move(store)) {}

  void add(StoredRecord record) { records_.push_back(std::move(record)); }
  void add(std::vector<StoredRecord> records);
  bool has_any() const { return !records_.empty(); }
  // Nothing of what was added is kept.
  void forget() { records_.clear(); }
  // The same, but that undeleted() has what was to be deleted.
  void forget_all_but_deletions();

  // With the next commit all is written again, and the key deleted.
  void rewrite_without(std::string key);
  // Deletes what was to be deleted and could not be.
  std::vector<StoredRecord> undeleted() const;

  // Keeps what was added, and tells when all is durable that was decided until now. `add_all` is called where something
  // could not be kept before: the group is written again as a whole.
  void commit(const std::function<void()>& add_all, Done<KafkaError> done);

 private:
  struct State {
    size_t under_way = 0;
    bool must_rewrite = false;
    std::set<std::string> undeleted = {};  // keys
  };
  const Store store_;
  std::vector<StoredRecord> records_;
  // Answers may come when the group is gone.
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace server::coordinator
