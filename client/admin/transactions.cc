#include "client/admin/transactions.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/connection.h"

namespace client {

namespace {

constexpr int16_t kFindCoordinator = 10, kWriteTxnMarkers = 27, kDescribeProducers = 61,
                  kDescribeTransactions = 65, kListTransactions = 66;
constexpr int8_t kOfTransactions = 1;

Status check(int16_t code) {
  constexpr int16_t kTransactionalIdNotFound = 105;  // Debian's librdkafka has no constant for it
  if (code == 0) return {};
  if (code == kTransactionalIdNotFound)
    return Error{ErrorCode::InvalidParameter, "the transactional id does not exist"};
  return kafka_failure(static_cast<rd_kafka_resp_err_t>(code));
}

// Writes an array with one topic that has one partition.
void write_partition(WireWriter& out, const TopicPartitionKey& partition) {
  out.count(1).text(partition.first).count(1).number(partition.second).end();
}

DescribedTransaction read_transaction(WireReader& in) {
  DescribedTransaction read;
  read.id = in.text();
  read.state = in.text();
  read.timeout_ms = in.number<int32_t>();
  const auto start_ms = in.number<int64_t>();
  if (start_ms >= 0) read.start_ms = start_ms;
  read.producer_id = in.number<int64_t>();
  read.producer_epoch = in.number<int16_t>();
  for (size_t topics = in.count(); topics > 0 && in.ok(); --topics) {
    const std::string topic = in.text();
    for (const int32_t index : in.int32s()) read.partitions.emplace_back(topic, index);
    in.end();
  }
  in.end();
  return read;
}

DescribedProducer read_producer(WireReader& in) {
  DescribedProducer read;
  read.producer_id = in.number<int64_t>();
  read.producer_epoch = in.number<int32_t>();
  read.last_sequence = in.number<int32_t>();
  read.last_timestamp_ms = in.number<int64_t>();
  read.coordinator_epoch = in.number<int32_t>();
  const auto open_from = in.number<int64_t>();
  if (open_from >= 0) read.open_from = open_from;
  in.end();
  return read;
}

}  // namespace

Result<TransactionAdmin> TransactionAdmin::open(const std::string& bootstrap_server,
                                                const Properties& properties) {
  return TransactionAdmin(TRY(NodeConnections::open(bootstrap_server, properties)));
}

Result<int32_t> TransactionAdmin::coordinator_of(const std::string& id) {
  constexpr int16_t kVersion = 4;
  WireWriter request;
  request.number(kOfTransactions).count(1).text(id).end();
  WireReader in(TRY(nodes_.ask(NodeConnections::kBootstrap, kFindCoordinator, kVersion, request)));
  in.number<int32_t>();
  if (in.count() != 1) return cut_short();
  in.text();
  const auto found = in.number<int32_t>();
  in.text();
  in.number<int32_t>();
  TRY(check(in.number<int16_t>()));
  return found;
}

Result<std::vector<TopicPartitionKey>> TransactionAdmin::partitions_of_topic(
    const std::string& topic) const {
  std::vector<TopicPartitionKey> found;
  for (const auto& [name, partition] : nodes_.partitions())
    if (name.first == topic) found.push_back(name);
  if (!found.empty()) return found;
  return Error{ErrorCode::InvalidParameter, fmt::format("topic {} does not exist", topic)};
}

Result<std::vector<TopicPartitionKey>> TransactionAdmin::partitions_of_node(int32_t id) const {
  if (!nodes_.addresses().contains(id))
    return Error{ErrorCode::InvalidParameter, fmt::format("broker {} does not exist", id)};
  std::vector<TopicPartitionKey> found;
  for (const auto& [name, partition] : nodes_.partitions())
    if (std::ranges::count(partition.replicas, id) > 0) found.push_back(name);
  return found;
}

Result<std::vector<ListedTransaction>> TransactionAdmin::list(const TransactionFilter& filter) {
  const int16_t version = filter.open_for_ms < 0 ? 0 : 1;
  WireWriter request;
  request.count(0).count(static_cast<int64_t>(filter.producer_ids.size()));
  for (const int64_t id : filter.producer_ids) request.number(id);
  if (version > 0) request.number(filter.open_for_ms);
  request.end();
  std::vector<ListedTransaction> listed;
  for (const auto& [id, address] : nodes_.addresses()) {
    WireReader in(TRY(nodes_.ask(id, kListTransactions, version, request)));
    in.number<int32_t>();
    TRY(check(in.number<int16_t>()));
    for (size_t left = in.count(); left > 0; --left) in.text();
    for (size_t left = in.count(); left > 0 && in.ok(); --left) {
      ListedTransaction& each = listed.emplace_back();
      each.coordinator = id;
      each.id = in.text();
      each.producer_id = in.number<int64_t>();
      each.state = in.text();
      in.end();
    }
    in.end();
    if (!in.is_whole()) return cut_short();
  }
  return listed;
}

Result<DescribedTransaction> TransactionAdmin::describe(const std::string& id) {
  const int32_t coordinator = TRY(coordinator_of(id));
  WireWriter request;
  request.count(1).text(id).end();
  WireReader in(TRY(nodes_.ask(coordinator, kDescribeTransactions, 0, request)));
  in.number<int32_t>();
  if (in.count() != 1) return cut_short();
  TRY(check(in.number<int16_t>()));
  DescribedTransaction read = read_transaction(in);
  read.coordinator = coordinator;
  in.end();
  if (!in.is_whole()) return cut_short();
  return read;
}

Result<std::vector<DescribedProducer>> TransactionAdmin::producers(
    const TopicPartitionKey& partition, std::optional<int32_t> asked) {
  const int32_t from = asked ? *asked : TRY(nodes_.leader_of(partition));
  WireWriter request;
  write_partition(request, partition);
  request.end();
  WireReader in(TRY(nodes_.ask(from, kDescribeProducers, 0, request)));
  in.number<int32_t>();
  if (in.count() != 1) return cut_short();
  in.text();
  if (in.count() != 1) return cut_short();
  in.number<int32_t>();
  TRY(check(in.number<int16_t>()));
  in.text();
  std::vector<DescribedProducer> found(in.count());
  for (DescribedProducer& each : found) each = read_producer(in);
  if (!in.ok()) return cut_short();
  return found;
}

Status TransactionAdmin::abort(const TopicPartitionKey& partition, int64_t producer_id,
                               int16_t producer_epoch, int32_t coordinator_epoch) {
  constexpr int16_t kVersion = 1;
  WireWriter request;
  request.count(1).number(producer_id).number(producer_epoch).number<int8_t>(0);
  write_partition(request, partition);
  request.number(coordinator_epoch).end().end();
  const int32_t leader = TRY(nodes_.leader_of(partition));
  WireReader in(TRY(nodes_.ask(leader, kWriteTxnMarkers, kVersion, request)));
  if (in.count() != 1) return cut_short();
  in.number<int64_t>();
  if (in.count() != 1) return cut_short();
  in.text();
  if (in.count() != 1) return cut_short();
  in.number<int32_t>();
  return check(in.number<int16_t>());
}

}  // namespace client
