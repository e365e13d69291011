// Reads given partitions, without a consumer group.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "client/connection.h"
#include "client/record_printer.h"
#include "client/record_source.h"

namespace client {

// The start position in a partition.
struct StartPosition {
  enum class Kind { Earliest, Latest, Offset, FromEnd, Time };
  Kind kind = Kind::Latest;
  int64_t value = 0;  // Offset: the offset; FromEnd: records; Time: milliseconds since 1970
  bool operator==(const StartPosition&) const = default;

  // Parses earliest, latest, 42, -10 (ten before the end) or @1718000000000 (a time).
  static Result<StartPosition> parse(std::string_view text);
};

// Threads: one.
class Reader final : public RecordSource {
 public:
  // With Until::End, the reader stops at the ends of the partitions. It then asks the server to
  // answer soon even without records (fetch.wait.max.ms), because librdkafka waits for the answer
  // before it asks for other partitions.
  enum class Until { Stopped, End };
  static Result<Reader> open(const Connection::Settings& settings, Until until);
  ~Reader() override;
  Reader(Reader&&) noexcept = default;

  Connection& connection() { return connection_; }

  // Begins to fetch all partitions of the topic, or only the partition `only`. Fails with
  // InvalidParameter if the topic does not have this partition.
  Status start(const TopicDescription& topic, std::optional<PartitionId> only,
               const StartPosition& position);

  // See RecordSource::read(). Fails if a partition can no longer be read.
  Result<std::span<rd_kafka_message_t* const>> read(int wait_ms, size_t most) override;
  bool has_reached_ends() const override { return ends_missing_ == 0; }

 private:
  struct Assigned {
    TopicHandle topic;
    std::vector<PartitionId> partitions;
    std::map<PartitionId, bool> has_ended = {};
  };

  explicit Reader(Connection connection);
  void forget_messages();
  Status note_special(const rd_kafka_message_t& message);

  Connection connection_;
  Queue queue_;
  std::map<std::string, Assigned> assigned_;
  std::vector<rd_kafka_message_t*> messages_;  // owned until forget_messages() is called
  int64_t ends_missing_ = 0;
};

ReceivedRecord to_record(const rd_kafka_message_t& message);

}  // namespace client
