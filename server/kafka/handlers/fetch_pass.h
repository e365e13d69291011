// One read of the log for a fetch.
#pragma once
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "server/kafka/handler.h"
#include "server/kafka/leaders.h"

namespace server::kafka {

// The largest answer: Kafka's fetch.max.bytes.
inline constexpr int64_t kMaxFetchSize = 55 << 20;

// Used within a turn of the reader. Found records are views of the memory map, so the answer is
// written before the turn ends.
class FetchPass {
 public:
  // `confirmed` holds the partitions that this node was confirmed to lead; null before confirmation
  // was requested.
  FetchPass(HandlerContext& context, const FetchRequest& request, int16_t version,
            const Backend::ConfirmedLeaders* confirmed);

  // Reads all partitions of the request.
  FetchResponse take();
  // Reads the session's partitions and returns only changes. remember() notes them in the session
  // when the answer is sent.
  FetchResponse take(FetchSession& session);
  void remember(FetchSession& session);

  size_t size_bytes() const { return size_bytes_; }
  // Records are available, but memory suffices for not even the first batch.
  bool lacks_memory() const { return lacks_memory_; }
  // The answer contains an error or a divergence, which no client has to wait for.
  bool has_news() const { return has_news_; }
  const std::vector<storage::TopicPartition>& partitions() const { return partitions_; }
  // The partitions whose leadership must be confirmed before the answer is sent.
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
  // Whether the fetch is a consumer's; a consumer may give its rack.
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
  // Half of the connection's remaining memory: an answer may exist here and in the socket's buffer
  // at the same time.
  const int64_t room_;
  int64_t size_left_;
  size_t size_bytes_ = 0;
  bool has_news_ = false, lacks_memory_ = false;
  std::vector<storage::TopicPartition> partitions_;
  std::set<storage::TopicPartition> seen_, unconfirmed_;
  std::vector<Told> told_;
  std::vector<FetchResponse::NodeEndpoint> endpoints_;  // of leaders on other nodes
};

}  // namespace server::kafka
