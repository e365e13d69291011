// The groups whose ids hash to one partition of __consumer_offsets. The node that leads this
// partition coordinates these groups.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "server/coordinator/classic_group.h"
#include "server/coordinator/consumer_group.h"
#include "server/coordinator/group_messages.h"
#include "server/coordinator/group_offsets.h"
#include "server/coordinator/replayed_partition.h"
#include "server/coordinator/share_group.h"
#include "server/coordinator/share_sessions.h"

namespace server::coordinator {

// Invariants:
//   1. an offset is acknowledged, and returned to clients, only when its record is durable;
//   2. a restart restores exactly the acknowledged offsets.
//
// Threads: one loop. Owner: the loop's coordinator; the port and the surroundings outlive it.
class GroupPartition final : private ReplayedState {
 public:
  GroupPartition(PartitionId id, CoordinatorPort& port, GroupSurroundings& around);
  ~GroupPartition();

  void lead(LeaderEpoch epoch) { log_.lead(epoch); }
  void resign() { log_.resign(); }
  // Returns None if the partition is available, or the reason why it is not: the partition is being
  // loaded, or this node does not lead it.
  KafkaError unavailable() const { return log_.unavailable(); }

  // Ends the sessions of share groups at this node.
  void end_sessions();

  // --- Requests; may be called only while unavailable() is None.

  void handle(JoinGroup request, Done<JoinedGroup> done);
  void handle(SyncGroup request, Done<SyncedGroup> done);
  void handle(GroupHeartbeat request, Done<GroupHeartbeatAnswer> done);
  void handle(LeaveGroup request, Done<LeftGroup> done);
  void handle(ConsumerGroupHeartbeat request, Done<ConsumerGroupHeartbeatAnswer> done);
  void handle(CommitOffsets request, Done<CommittedOffsets> done);
  void handle(EndOffsets request, Done<EndedOffsets> done);
  void handle(FetchOffsets request, Done<FetchedOffsets> done);
  void handle(DeleteOffsets request, Done<DeletedOffsets> done);
  void handle(DescribeGroup request, Done<GroupDescription> done);
  void handle(DescribeConsumerGroup request, Done<ConsumerGroupDescription> done);
  void handle(DeleteGroup request, Done<GroupDeletion> done);
  void handle(ShareGroupHeartbeat request, Done<ShareGroupHeartbeatAnswer> done);
  void handle(const ReadShareState& request, Done<ShareStateRead> done);
  void handle(const WriteShareState& request, Done<ShareStateWritten> done);
  void handle(const DescribeShareGroup& request, Done<ShareGroupDescription> done);
  void handle(const DescribeShareGroupOffsets& request, Done<ShareGroupOffsets> done);
  void handle(const AlterShareGroupOffsets& request, Done<ShareGroupOffsets> done);
  void handle(const DeleteShareGroupOffsets& request, Done<DeletedShareOffsets> done);
  std::vector<GroupListing> list() const;
  std::vector<GroupProgress> progress() const;

  // --- Requests that this node handles as the leader of topics' partitions, whichever node coordinates the group.

  void handle(ShareFetch request, Done<ShareFetched> done);
  void handle(const CloseShareSession& request, Done<ClosedShareSession> done);
  // Wakes share groups that wait for records of the partition.
  void grown(const TopicIdPartition& partition);

  // Deletes offsets that were unused for too long, and groups without any state. Works in slices.
  void expire();

 private:
  struct Group {
    explicit Group(StateSize& size) : offsets(size) {}
    // `classic` or `consumer` is set, depending on the group's protocol. The callbacks of appends
    // share them, because these callbacks may run after the group was dropped.
    std::shared_ptr<ClassicGroup> classic;
    std::shared_ptr<ConsumerGroup> consumer;
    bool has_members() const;
    std::string_view state() const;
    void end(KafkaError why);
    GroupOffsets offsets;
    bool is_stored = false;  // the group has a record other than offsets
    int commits_under_way = 0;
    // For each topic and partition: the number of open transactions that have committed an offset
    // for it.
    std::map<std::pair<std::string, int32_t>, int> undecided = {};
  };
  struct Commit;
  struct OffsetRecord {
    OffsetKey key;
    OffsetValue value;
  };

  Status replay(std::string_view key, std::optional<std::string_view> value) override;
  Status replay_undecided(ProducerId producer, std::string_view key,
                          std::optional<std::string_view> value) override;
  void replay_end(ProducerId producer, records::TransactionEnd end) override;
  void on_loaded() override;
  void on_unloaded() override;

  Group* find(const std::string& id);
  Group& find_or_make(const std::string& id);
  // Returns the group, and creates it if it does not exist. Returns null if the memory budget has
  // no space for another group.
  Group* find_or_admit(const std::string& id);
  std::shared_ptr<ClassicGroup> make_classic(const std::string& id);
  std::shared_ptr<ConsumerGroup> make_consumer(const std::string& id);
  Status replay(const ConsumerGroupKey& key, std::optional<std::string_view> value);
  Status replay(const ShareGroupKey& key, std::optional<std::string_view> value);
  std::shared_ptr<ShareGroup> make_share(const std::string& id);
  ShareGroup* find_share(const std::string& id);
  // Returns the share group, and creates it if it does not exist. Returns null, with the reason in
  // `error`, if no share group with this id can exist.
  ShareGroup* find_or_admit_share(const std::string& id, KafkaError& error);
  void drop_share_unless_there(const std::string& id);
  void erase_share(const std::string& id, Done<GroupDeletion> done);
  ShareSessions* find_sessions(const std::string& id);
  std::shared_ptr<ShareSessions> make_sessions(const std::string& id);
  ShareSessions::Coordinator coordinator_of_shares();
  // Sends a request to this object as the coordinator. The answer never arrives within the call.
  template <class Request>
  void ask_later(Request request, Done<typename Request::Answer> done);
  void drop_idle_sessions(const std::string& id);
  KafkaError upgrade(const std::string& id, Group& group);
  void downgrade(const std::string& id, std::vector<StoredRecord> records, GroupValue members,
                 Done<KafkaError> done);
  void become_classic_again(const std::string& id, Group& group);
  void erase(const std::string& id);
  void append(std::vector<StoredRecord> records, Done<KafkaError> done);

  struct ByPlace {
    bool operator()(const OffsetKey& one, const OffsetKey& other) const {
      return std::tie(one.group_id, one.topic, one.partition) <
             std::tie(other.group_id, other.topic, other.partition);
    }
  };
  using UndecidedOffsets = std::map<OffsetKey, OffsetValue, ByPlace>;
  void keep_undecided(ProducerId producer, OffsetRecord record);
  bool has_undecided(ProducerId producer, const OffsetKey& key) const;
  KafkaError check_commit(const CommitOffsets& request);
  void commit_some(const std::shared_ptr<Commit>& commit);
  KafkaError check_offset(const CommitOffsets::Partition& asked, const storage::TopicInfo* topic);
  void erase_offsets(const std::string& id, std::vector<OffsetKey> keys,
                     std::function<void(KafkaError)> done);
  std::vector<OffsetKey> expired_offsets(const std::string& id, const Group& group) const;
  void expire_some(std::shared_ptr<std::vector<std::string>> ids);
  void expire_group(const std::string& id, Group& group);
  // Returns whether the group has no offsets, no members, and no commits or transactions in
  // progress.
  bool is_idle(const Group& group) const;

  const PartitionId id_;
  CoordinatorPort& port_;
  GroupSurroundings& around_;
  ReplayedPartition log_;
  absl::flat_hash_map<std::string, std::unique_ptr<Group>> groups_;
  // An id is in `groups_` or in `shares_`, but never in both.
  absl::flat_hash_map<std::string, std::shared_ptr<ShareGroup>> shares_;
  // The sessions of share groups at this node. The coordinator of such a group may be another node.
  absl::flat_hash_map<std::string, std::shared_ptr<ShareSessions>> sessions_;
  // The offsets that open transactions have committed. For each partition only the last offset of a
  // transaction is kept, because only this offset becomes valid at the end of the transaction.
  absl::flat_hash_map<ProducerId, UndecidedOffsets> undecided_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace server::coordinator
