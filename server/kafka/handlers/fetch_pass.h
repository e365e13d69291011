// One read of the log for a fetch.
#pragma once
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "server/kafka/handler.h"
#include "server/kafka/leaders.h"

namespace server::kafka {

// Limit for the size of an answer (Kafka's fetch.max.bytes).
inline constexpr int64_t kMaxFetchSize = 55 << 20;

// Reads the log once for a fetch, between begin_turn() and end_turn() of the log's reader. The
// records in the answer are views of the memory map, so the caller writes the answer before
// end_turn().
class FetchPass {
 public:
  // `confirmed` holds the partitions for which replicas have confirmed that this node leads them.
  // It is null before a confirmation was requested.
  FetchPass(HandlerContext& context, const FetchRequest& request, int16_t version,
            const Backend::ConfirmedLeaders* confirmed);

  // Reads all partitions of the request.
  FetchResponse take();
  // Reads the session's partitions and returns only changes. remember() notes the changes in the
  // session when the answer is sent.
  FetchResponse take(FetchSession& session);
  void remember(FetchSession& session);

  size_t size_bytes() const { return size_bytes_; }
  // Returns whether records are available but could not be read, because the first batch is larger
  // than the remaining memory.
  bool lacks_memory() const { return lacks_memory_; }
  // Returns whether the answer contains an error or the point at which the client's log diverges,
  // so that it must be sent without waiting for more records.
  bool has_news() const { return has_news_; }
  const std::vector<storage::TopicPartition>& partitions() const { return partitions_; }
  // Returns the partitions whose leadership must be confirmed before the answer is sent.
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
  // Returns whether a consumer sends the fetch. Only a consumer gives its rack.
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
  const std::shared_ptr<const Permissions> permissions_;  // null: the client may read everything
  const bool uses_topic_ids_;
  // Half of the connection's remaining memory: an answer may exist in the session and in the
  // socket's buffer at the same time.
  const int64_t room_;
  int64_t size_left_;
  size_t size_bytes_ = 0;
  bool has_news_ = false, lacks_memory_ = false;
  std::vector<storage::TopicPartition> partitions_;
  std::set<storage::TopicPartition> seen_, unconfirmed_;
  std::vector<Told> told_;
  std::vector<FetchResponse::NodeEndpoint> endpoints_;  // addresses of leaders on other nodes
};

}  // namespace server::kafka
