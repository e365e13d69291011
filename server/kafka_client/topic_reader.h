// Reads the records of one topic of another cluster, from all leaders of its partitions.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/kafka/messages/fetch_response.h"
#include "server/kafka/messages/list_offsets_response.h"
#include "server/kafka_client/kafka_client.h"

namespace server::kafka_client {

struct ForeignRecord {
  int32_t partition;
  int64_t timestamp_ms;
  std::optional<std::string> key, value;
};

// Some records of one partition, in their order.
struct ForeignRecords {
  std::vector<ForeignRecord> records;
  // Reasons why records are missing: the other cluster deleted them before they were read.
  std::vector<std::string> losses;
};

// Returns the error of a topic or partition in an answer: UndefinedSource, InsufficientPrivilege or
// NetworkFailure. `action` is the attempted operation, by its name in Kafka's ACLs: "DESCRIBE".
Error topic_error(KafkaError error, const std::string& topic, std::string_view action);

// Only committed records are returned. At most one batch of each leader is in memory: the next request to a leader is
// sent when the caller asks for more. If a leader moves or a broker fails, the reader looks for the new leader, and
// gives up after request.timeout.ms without success.
//
// Threads: the client's loop. Owner: the statement, through a shared pointer.
class TopicReader : public std::enable_shared_from_this<TopicReader> {
 public:
  enum class Start : uint8_t { Beginning, End };
  static std::shared_ptr<TopicReader> make(std::shared_ptr<KafkaClient> client, std::string topic,
                                           Start start);

  // Waits for records, and calls `done` once. One call at a time. The first call returns no records; it fails if the
  // topic does not exist or may not be read.
  using Done = std::function<void(Result<ForeignRecords>)>;
  void next(Done done);
  // Ends the reading; `done` is no longer called.
  void close();

 private:
  struct Partition {
    int32_t leader = -1;
    int32_t leader_epoch = -1;
    std::optional<int64_t> offset = {};  // the next offset to read
  };

  TopicReader(std::shared_ptr<KafkaClient> client, std::string topic, Start start);
  void step();
  void deliver(Result<ForeignRecords> records);
  void fail_or_retry(Error error);
  void succeeded();
  void find_leaders();
  void take_leaders(const kafka::MetadataResponse& answer);
  void find_offsets(int32_t leader);
  void take_offsets(const kafka::ListOffsetsResponse& answer);
  void fetch(int32_t leader);
  void take_records(const kafka::FetchResponse& answer);
  Status take_partition(const kafka::FetchResponse::Topic::Partition& answer,
                        ForeignRecords& records);
  Status read_batches(const kafka::FetchResponse::Topic::Partition& answer, Partition& partition,
                      ForeignRecords& records);
  // Handles the error of a partition. Returns true if there was no error.
  Result<bool> check(KafkaError error);
  int64_t deadline_us() const;
  template <class Answer>
  std::function<void(Result<Answer>)> answered(int32_t leader,
                                               void (TopicReader::*take)(const Answer&));

  const std::shared_ptr<KafkaClient> client_;
  const std::string topic_;
  const Start start_;
  std::map<int32_t, Partition> partitions_;
  std::set<int32_t> asked_;  // leaders with a request that is not answered; -1: Metadata
  bool needs_leaders_ = true, has_begun_ = false, is_over_ = false;
  std::optional<int64_t> failing_since_us_;
  std::deque<ForeignRecords> ready_;
  Done waiting_;
  Timer retry_;
};

}  // namespace server::kafka_client
