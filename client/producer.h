// Sends records and counts their outcomes.
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
  // Passes the record to librdkafka, which sends it soon; waits if too many bytes are in flight.
  // Without a partition the key selects one. Fails with RecordTooLarge, or with an error after
  // which no further record can be sent.
  Status send(const std::string& topic, std::optional<PartitionId> partition,
              const OutgoingRecord& record);
  // Waits until the outcome of every record is known. Fails with the error of the first record that
  // was not delivered, or with QueryCanceled if `should_stop` ended the wait.
  Status finish(bool (*should_stop)());
  // Processes delivery reports; waits up to `wait_ms` for them.
  void look(int wait_ms);

  int64_t delivered() const { return delivered_; }
  int64_t failed() const { return failed_; }

 private:
  explicit Producer(Connection connection);

  Connection connection_;
  Queue queue_;
  Properties properties_;  // the user's own settings
  int64_t sent_ = 0, delivered_ = 0, failed_ = 0;
  std::optional<Error> first_failure_;
};

}  // namespace client
