// Sends records and counts their outcomes.
#pragma once
#include <string>

#include "client/connection.h"
#include "client/line_parser.h"

namespace client {

// Threads: one.
class Producer {
 public:
  // Opens a producer. Records with the same key go to the same partition as with Kafka's Java
  // clients.
  static Result<Producer> open(const Connection::Settings& settings);

  Connection& connection() { return connection_; }
  // Passes the record to librdkafka, which sends it soon. Waits if too many bytes are in flight.
  // Without a partition, the key chooses one. Fails with RecordTooLarge, or with another error
  // after which no further record can be sent.
  Status send(const std::string& topic, std::optional<PartitionId> partition,
              const OutgoingRecord& record);
  // Waits until it is known for every record whether it was delivered. Fails with the error of the
  // first record that was not, or with QueryCanceled if `should_stop` has returned true.
  Status finish(bool (*should_stop)());
  // Processes delivery reports. Waits up to `wait_ms` for the first one.
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
