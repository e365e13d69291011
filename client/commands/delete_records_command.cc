// kafka-delete-records: the flags and words of Apache Kafka's tool.
#include <fmt/format.h>

#include <cstdio>

#include "client/admin/admin_request.h"
#include "client/admin/records_to_delete.h"
#include "client/command_line.h"
#include "client/commands.h"

namespace client {

namespace {

using Request = Owned<rd_kafka_DeleteRecords_t, rd_kafka_DeleteRecords_destroy>;

constexpr Flag kFlags[] = {kBootstrapFlag,
                           {.name = "command-config",
                            .argument = "FILE",
                            .doc = "Settings of the connection, from a file"},
                           {.name = "offset-json-file",
                            .argument = "FILE",
                            .doc = "Offsets before which all records are deleted"},
                           {.name = "version"},
                           kHelpFlag};

constexpr Help kHelp{
    "kafka-delete-records --bootstrap-server HOST:PORT --offset-json-file FILE",
    "This tool helps to delete records of the given partitions down to the specified offset.",
    "  echo '{\"partitions\": [{\"topic\": \"orders\", \"partition\": 1, \"offset\": 10}], "
    "\"version\": 1}' > before.json\n"
    "  kafka-delete-records --bootstrap-server localhost:9092 --offset-json-file before.json\n"
    "An offset of -1 deletes all records of its partition.\n"};

// Returns whether all partitions succeeded.
Result<bool> run(const Flags& flags) {
  const std::string text = TRY(read_text_file(flags.text("offset-json-file")));
  const std::vector<RecordsToDelete> all = TRY(parse_records_to_delete(text));
  Properties properties;
  if (flags.has("command-config"))
    properties = TRY(read_properties_file(flags.text("command-config")));
  Connection connection = TRY(
      Connection::open(RD_KAFKA_PRODUCER, {bootstrap_server(flags), std::move(properties)}, {}));
  const PartitionList before(rd_kafka_topic_partition_list_new(static_cast<int>(all.size())));
  for (const RecordsToDelete& each : all)
    rd_kafka_topic_partition_list_add(before.get(), each.topic.c_str(), each.partition)->offset =
        each.before_offset < 0 ? RD_KAFKA_OFFSET_END : each.before_offset;
  fmt::print("Executing records delete operation\n");
  const Request request(rd_kafka_DeleteRecords_new(before.get()));
  rd_kafka_DeleteRecords_t* requests[] = {request.get()};
  const Event event = TRY(ask_admin(connection, [&](rd_kafka_queue_t* queue) {
    rd_kafka_DeleteRecords(connection.handle(), requests, 1, nullptr, queue);
  }));
  fmt::print("Records delete operation completed:\n");
  const rd_kafka_topic_partition_list_t* answers =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
  bool is_complete = true;
  for (int i = 0; i < answers->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = answers->elems[i];
    if (each.err)
      fmt::print("partition: {}-{}\terror: {}\n", each.topic, each.partition,
                 kafka_failure(each.err).message);
    else
      fmt::print("partition: {}-{}\tlow_watermark: {}\n", each.topic, each.partition, each.offset);
    is_complete = is_complete && !each.err;
  }
  return is_complete;
}

}  // namespace

// Exits with 1 if a partition has failed, so that scripts notice failures. Kafka's tool exits with
// 0 in this case.
int run_kafka_delete_records(int argc, const char* const* argv) {
  const auto flags = Flags::parse(kFlags, std::span(argv, static_cast<size_t>(argc)).subspan(1), 0);
  if (!flags) return report(flags.error());
  if (const auto status = tell_of_tool(*flags, argc, kHelp, kFlags)) return *status;
  for (const char* required : {"bootstrap-server", "offset-json-file"})
    if (!flags->has(required))
      return report(
          {ErrorCode::InvalidParameter, fmt::format("Missing required option(s) [{}]", required)});
  const auto is_complete = run(*flags);
  if (!is_complete) return report(is_complete.error());
  return *is_complete ? 0 : kFailed;
}

}  // namespace client
