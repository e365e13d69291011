// One look at the log for a fetch.
#pragma once
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "server/kafka/handler.h"
#include "server/kafka/leaders.h"

namespace server::kafka {

// What an answer may have at most: Kafka's fetch.max.bytes.
inline constexpr int64_t kMaxFetchSize = 55 << 20;

// In a turn of the reader. What it finds lies in the memory map, so the answer is written before the turn
// ends.
class FetchPass {
 public:
  // `confirmed`: those of which this node was asked and that it leads; null before that.
  FetchPass(HandlerContext& context, const FetchRequest& request, int16_t version,
            const Backend::ConfirmedLeaders* confirmed);

  // All that the request names.
  FetchResponse take();
  // What is new in the session's partitions. They are told of it in remember(), when it is sent.
  FetchResponse take(FetchSession& session);
  void remember(FetchSession& session);

  size_t size_bytes() const { return size_bytes_; }
  // There are records, and not even the first batch of them may be answered now.
  bool lacks_memory() const { return lacks_memory_; }
  // Something that no client has to wait for: an error, or a divergence.
  bool has_news() const { return has_news_; }
  const std::vector<storage::TopicPartition>& partitions() const { return partitions_; }
  // Of these it is to be confirmed first that this node leads them.
  const std::set<storage::TopicPartition>& unconfirmed() const { return unconfirmed_; }

 private:
  using Answer = FetchResponse::Topic::Partition;
  struct Told {
    FetchSession::Partitions::iterator partition;
    int64_t high_watermark, log_start_offset;
    bool has_records;
  };

  const storage::TopicInfo* find(const std::string& name, const Uuid& id) const;
  Answer partition(const storage::TopicInfo* topic, const FetchRequest::Topic::Partition& asked);
  Status fill(Answer& answer, const storage::TopicPartition& id,
              const FetchRequest::Topic::Partition& asked);
  bool reads_committed() const { return request_.isolation_level == 1; }
  // One that says where it is, if it is in a rack.
  bool is_consumer() const { return request_.replica_id < 0; }
  bool names_nearer(Answer& answer, const storage::TopicPartition& id,
                    const FetchRequest::Topic::Partition& asked);
  KafkaError as_confirmed(const Answer& answer, const storage::TopicPartition& id,
                          int64_t fetch_offset, KafkaError error);
  Status list_aborted(Answer& answer, const storage::TopicPartition& id, Offset from, Offset end);
  Result<bool> diverges(Answer& answer, const storage::TopicPartition& id,
                        const FetchRequest::Topic::Partition& asked);

  storage::LogReader& reader_;
  std::shared_ptr<const storage::TopicSnapshot> topics_;
  const Leaders leaders_;
  const FetchRequest& request_;
  const Backend::ConfirmedLeaders* const confirmed_;
  const std::shared_ptr<const Permissions> permissions_;  // null: everything may be read
  const bool uses_topic_ids_;
  // Half of what the connection may still hold: an answer may lie here and with the socket for a
  // moment.
  const int64_t room_;
  int64_t size_left_;
  size_t size_bytes_ = 0;
  bool has_news_ = false, lacks_memory_ = false;
  std::vector<storage::TopicPartition> partitions_;
  std::set<storage::TopicPartition> seen_, unconfirmed_;
  std::vector<Told> told_;
  std::vector<FetchResponse::NodeEndpoint> endpoints_;  // of leaders that are others
};

}  // namespace server::kafka
