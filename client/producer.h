// Sends records and keeps count of what became of them.
#pragma once
#include <string>

#include "client/connection.h"
#include "client/line_parser.h"

namespace client {

// Threads: one.
class Producer {
 public:
  // Records with the same key go to the partition that Kafka's Java clients would choose.
  static Result<Producer> open(const Connection::Settings& settings);

  Connection& connection() { return connection_; }
  // Hands the record to librdkafka, which sends it soon; waits while too much is on its way.
  // Without a partition the key decides. Fails with RecordTooLarge, or with what makes going on
  // pointless.
  Status send(const std::string& topic, std::optional<PartitionId> partition,
              const OutgoingRecord& record);
  // Waits until the fate of every record is known. Fails with why the first of those that were not
  // delivered was not, or with QueryCanceled when `should_stop` ended the wait.
  Status finish(bool (*should_stop)());
  // Notes what has become of records; waits up to `wait_ms` for news.
  void look(int wait_ms);

  int64_t delivered() const { return delivered_; }
  int64_t failed() const { return failed_; }

 private:
  explicit Producer(Connection connection);

  Connection connection_;
  Queue queue_;
  int64_t sent_ = 0, delivered_ = 0, failed_ = 0;
  std::optional<Error> first_failure_;
};

}  // namespace client
