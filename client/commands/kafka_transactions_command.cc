// kafka-transactions: the flags, words and exit statuses of Apache Kafka's tool.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "client/admin/transactions.h"
#include "client/command_line.h"
#include "client/commands.h"
#include "client/security.h"

namespace client {

namespace {

constexpr Flag kFlags[] = {
    kBootstrapFlag,
    {.name = "broker-id", .argument = "ID", .doc = "describe-producers, find-hanging: the broker"},
    kCommandConfigFlag,
    {.name = "coordinator-epoch", .argument = "N", .doc = "abort: of the transaction"},
    {.name = "duration-filter",
     .argument = "MS",
     .doc = "list: only transactions that have been open for longer"},
    {.name = "max-transaction-timeout",
     .argument = "MINUTES",
     .doc = "find-hanging: how long a transaction may be open [15]"},
    {.name = "partition", .argument = "N", .doc = "The partition"},
    {.name = "producer-epoch", .argument = "N", .doc = "abort: of the transaction"},
    {.name = "producer-id", .argument = "ID", .doc = "abort: of the transaction"},
    {.name = "start-offset",
     .argument = "OFFSET",
     .doc = "abort: where the transaction begins in the partition"},
    {.name = "topic", .argument = "TOPIC", .doc = "The topic"},
    {.name = "transactional-id", .argument = "ID", .doc = "describe: the transactional id"},
    {.name = "version"},
    kHelpFlag};

constexpr Help kHelp{
    "kafka-transactions --bootstrap-server HOST:PORT ACTION [OPTIONS]",
    "This tool is used to analyze the transactional state of producers in the cluster. It can be "
    "used to detect and "
    "recover from hanging transactions. Actions: list, describe, describe-producers, abort, "
    "find-hanging.",
    "  kafka-transactions --bootstrap-server localhost:9092 list\n"
    "  kafka-transactions --bootstrap-server localhost:9092 find-hanging --broker-id 1\n"
    "  kafka-transactions --bootstrap-server localhost:9092 abort --topic orders --partition 0 \\\n"
    "    --start-offset 4711\n"};

constexpr int64_t kMsPerMinute = 60'000;

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

template <class... Cells>
std::vector<std::string> row(const Cells&... cells) {
  return {fmt::to_string(cells)...};
}

// Prints the rows as Kafka's tool does: each cell has the width of its column and is followed by a
// tab.
void print_rows(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const auto& each : rows)
    for (size_t i = 0; i < each.size(); ++i) widths[i] = std::max(widths[i], each[i].size());
  for (const auto& each : rows) {
    for (size_t i = 0; i < each.size(); ++i) fmt::print("{:<{}}\t", each[i], widths[i]);
    fmt::print("\n");
  }
}

std::string or_none(const std::optional<int64_t>& number) {
  return number ? fmt::to_string(*number) : "None";
}

// Fails if one of the flags is missing.
Status need(const Flags& flags, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (!flags.has(name)) return wrong_usage(fmt::format("argument --{} is required", name));
  return {};
}

Result<std::optional<int32_t>> optional_number(const Flags& flags, std::string_view name) {
  if (!flags.has(name)) return std::optional<int32_t>();
  return std::optional(static_cast<int32_t>(TRY(flags.number(name, 0, 0, INT32_MAX))));
}

Result<TopicPartitionKey> read_partition(const Flags& flags) {
  TRY(need(flags, {"topic", "partition"}));
  return TopicPartitionKey{flags.text("topic"),
                           static_cast<int32_t>(TRY(flags.number("partition", 0, 0, INT32_MAX)))};
}

Status list(TransactionAdmin& admin, const Flags& flags) {
  TransactionFilter filter;
  filter.open_for_ms = TRY(flags.number("duration-filter", -1, -1, INT64_MAX));
  std::vector<std::vector<std::string>> rows = {
      row("TransactionalId", "Coordinator", "ProducerId", "TransactionState")};
  for (const ListedTransaction& each : TRY(admin.list(filter)))
    rows.push_back(row(each.id, each.coordinator, each.producer_id, each.state));
  print_rows(rows);
  return {};
}

Status describe(TransactionAdmin& admin, const Flags& flags) {
  TRY(need(flags, {"transactional-id"}));
  const DescribedTransaction found = TRY(admin.describe(flags.text("transactional-id")));
  std::optional<int64_t> duration_ms;
  if (found.start_ms) duration_ms = now_ms() - *found.start_ms;
  std::vector<std::string> partitions;
  for (const auto& [topic, index] : found.partitions)
    partitions.push_back(fmt::format("{}-{}", topic, index));
  print_rows({row("CoordinatorId", "TransactionalId", "ProducerId", "ProducerEpoch",
                  "TransactionState", "TransactionTimeoutMs", "CurrentTransactionStartTimeMs",
                  "TransactionDurationMs", "TopicPartitions"),
              row(found.coordinator, found.id, found.producer_id, found.producer_epoch, found.state,
                  found.timeout_ms, or_none(found.start_ms), or_none(duration_ms),
                  fmt::to_string(fmt::join(partitions, ",")))});
  return {};
}

Status describe_producers(TransactionAdmin& admin, const Flags& flags) {
  const TopicPartitionKey partition = TRY(read_partition(flags));
  std::vector<std::vector<std::string>> rows = {
      row("ProducerId", "ProducerEpoch", "LatestCoordinatorEpoch", "LastSequence", "LastTimestamp",
          "CurrentTransactionStartOffset")};
  const auto node = TRY(optional_number(flags, "broker-id"));
  for (const DescribedProducer& each : TRY(admin.producers(partition, node)))
    rows.push_back(row(each.producer_id, each.producer_epoch, each.coordinator_epoch,
                       each.last_sequence, each.last_timestamp_ms, or_none(each.open_from)));
  print_rows(rows);
  return {};
}

Result<DescribedProducer> producer_to_abort(TransactionAdmin& admin, const Flags& flags,
                                            const TopicPartitionKey& partition) {
  if (!flags.has("start-offset")) {
    if (!flags.has("producer-id"))
      return wrong_usage(
          "The transaction to abort must be identified either with --start-offset or with "
          "--producer-id, --producer-epoch and --coordinator-epoch");
    TRY(need(flags, {"producer-epoch", "coordinator-epoch"}));
    DescribedProducer named;
    named.producer_id = TRY(flags.number("producer-id", 0, 0, INT64_MAX));
    named.producer_epoch =
        static_cast<int32_t>(TRY(flags.number("producer-epoch", 0, 0, INT16_MAX)));
    named.coordinator_epoch =
        static_cast<int32_t>(TRY(flags.number("coordinator-epoch", 0, -1, INT32_MAX)));
    // The epoch is -1 if no coordinator has ended a transaction of the producer yet. Like Kafka's
    // tool, the request then contains 0.
    named.coordinator_epoch = std::max(named.coordinator_epoch, 0);
    return named;
  }
  if (flags.has("producer-id"))
    return wrong_usage("--start-offset and --producer-id exclude each other");
  const int64_t start = TRY(flags.number("start-offset", 0, 0, INT64_MAX));
  for (DescribedProducer& each : TRY(admin.producers(partition)))
    if (each.open_from == start) {
      each.coordinator_epoch = std::max(each.coordinator_epoch, 0);
      return each;
    }
  return wrong_usage(
      fmt::format("Could not find any open transactions starting at offset {} on partition {}-{}",
                  start, partition.first, partition.second));
}

Status abort(TransactionAdmin& admin, const Flags& flags) {
  const TopicPartitionKey partition = TRY(read_partition(flags));
  const DescribedProducer producer = TRY(producer_to_abort(admin, flags, partition));
  return admin.abort(partition, producer.producer_id, static_cast<int16_t>(producer.producer_epoch),
                     producer.coordinator_epoch);
}

struct Open {
  TopicPartitionKey partition;
  DescribedProducer producer;
};

Result<std::vector<TopicPartitionKey>> partitions_to_search(const TransactionAdmin& admin,
                                                            const Flags& flags) {
  if (flags.has("topic")) {
    if (flags.has("partition")) return std::vector{TRY(read_partition(flags))};
    return admin.partitions_of_topic(flags.text("topic"));
  }
  if (flags.has("partition"))
    return wrong_usage("The --partition argument can only be used with --topic");
  const auto node = TRY(optional_number(flags, "broker-id"));
  if (!node) return wrong_usage("find-hanging requires either --topic or --broker-id");
  return admin.partitions_of_node(*node);
}

// Returns the transactions that have been open for longer than --max-transaction-timeout.
Result<std::vector<Open>> candidates(TransactionAdmin& admin, const Flags& flags) {
  const int64_t minutes =
      TRY(flags.number("max-transaction-timeout", 15, 0, INT64_MAX / kMsPerMinute));
  const auto node = TRY(optional_number(flags, "broker-id"));
  const int64_t before_ms = now_ms() - minutes * kMsPerMinute;
  std::vector<Open> found;
  for (const TopicPartitionKey& partition : TRY(partitions_to_search(admin, flags)))
    for (const DescribedProducer& producer : TRY(admin.producers(partition, node)))
      if (producer.open_from && producer.last_timestamp_ms <= before_ms)
        found.push_back({partition, producer});
  return found;
}

// Prints those open transactions that the coordinator of their producer does not know.
Status find_hanging(TransactionAdmin& admin, const Flags& flags) {
  const std::vector<Open> open = TRY(candidates(admin, flags));
  std::set<int64_t> producers;
  for (const Open& each : open) producers.insert(each.producer.producer_id);
  std::set<std::pair<int64_t, TopicPartitionKey>> known;
  if (!producers.empty())
    for (const ListedTransaction& listed :
         TRY(admin.list({.producer_ids = {producers.begin(), producers.end()}})))
      for (const TopicPartitionKey& partition : TRY(admin.describe(listed.id)).partitions)
        known.emplace(listed.producer_id, partition);
  std::vector<std::vector<std::string>> rows = {
      row("Topic", "Partition", "ProducerId", "ProducerEpoch", "CoordinatorEpoch", "StartOffset",
          "LastTimestamp", "Duration(min)")};
  for (const auto& [partition, producer] : open)
    if (!known.contains({producer.producer_id, partition}))
      rows.push_back(row(partition.first, partition.second, producer.producer_id,
                         producer.producer_epoch, producer.coordinator_epoch, *producer.open_from,
                         producer.last_timestamp_ms,
                         (now_ms() - producer.last_timestamp_ms) / kMsPerMinute));
  print_rows(rows);
  return {};
}

struct Action {
  std::string_view name;
  Status (*run)(TransactionAdmin& admin, const Flags& flags);
};
constexpr Action kActions[] = {{"list", list},
                               {"describe", describe},
                               {"describe-producers", describe_producers},
                               {"abort", abort},
                               {"find-hanging", find_hanging}};

Status run(const Flags& flags) {
  const auto* action = std::ranges::find(
      kActions, flags.words().empty() ? std::string_view() : flags.words().front(), &Action::name);
  if (action == std::end(kActions))
    return wrong_usage(
        "Command must include exactly one action: list, describe, describe-producers, abort, "
        "find-hanging");
  const Properties properties = TRY(connection_properties(flags));
  TransactionAdmin admin = TRY(TransactionAdmin::open(bootstrap_server(flags), properties));
  return action->run(admin, flags);
}

}  // namespace

int run_kafka_transactions(int argc, const char* const* argv) {
  const auto flags = Flags::parse(kFlags, std::span(argv, static_cast<size_t>(argc)).subspan(1), 1);
  if (!flags) return report(flags.error());
  if (const auto status = tell_of_tool(*flags, argc, kHelp, kFlags)) return *status;
  if (!flags->has(kBootstrapFlag.name))
    return report(wrong_usage("argument --bootstrap-server is required"));
  const Status done = run(*flags);
  return done ? 0 : report(done.error());
}

}  // namespace client
