// Reads topics as a member of a consumer group, which assigns partitions to the reader and stores
// its positions.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "client/connection.h"
#include "client/record_source.h"

namespace client {

// Threads: one. The destructor commits the positions after the records that were read, and leaves
// the group.
class GroupReader final : public RecordSource {
 public:
  // Joins the group whose id is in the properties. In a partition without a committed position, the
  // reader begins at the end; if `from_beginning` is true, at the beginning.
  static Result<GroupReader> open(Connection::Settings settings, bool from_beginning);
  ~GroupReader() override;
  GroupReader(GroupReader&&) noexcept = default;

  Connection& connection() { return connection_; }
  Status subscribe(const std::vector<std::string>& topics);

  Result<std::span<rd_kafka_message_t* const>> read(int wait_ms, size_t most) override;
  bool has_reached_ends() const override;

 private:
  explicit GroupReader(Connection connection) : connection_(std::move(connection)) {}
  void forget_messages();
  // Returns whether the message is a record. Other messages report the end of a partition or a
  // temporary error. Fails for all other errors.
  Result<bool> is_record(const rd_kafka_message_t& message);

  Connection connection_;
  std::vector<rd_kafka_message_t*> messages_;  // owned until forget_messages() is called
  std::set<std::pair<std::string, int32_t>> ended_;
};

}  // namespace client
