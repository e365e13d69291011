// The command `millrace bench`, which runs the benchmarks.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/topic_limits.h"
#include "client/bench/bench.h"
#include "client/command_line.h"
#include "client/commands.h"

namespace client {

namespace {

constexpr int64_t kMostRecordBytes = 64 << 20;
constexpr int64_t kMostSeconds = 365 * 86'400;
constexpr std::string_view kDefaultTopic = "millrace-bench";
constexpr int64_t kDefaultRecords = 1'000'000;

constexpr Flag kTopicFlag{
    .name = "topic", .argument = "TOPIC", .doc = "The topic, also as an argument [millrace-bench]"};
constexpr Flag kRecordsFlag{.name = "records",
                            .argument = "N",
                            .doc =
                                "Stop after this number of "
                                "records"};
constexpr Flag kSecondsFlag{.name = "seconds", .argument = "S", .doc = "Stop after this time"};
constexpr Flag kJsonFlag{.name = "json", .doc = "Print one line of JSON"};

constexpr Flag kProduceFlags[] = {
    kTopicFlag,
    kRecordsFlag,
    kSecondsFlag,
    {.name = "record-size", .argument = "BYTES", .doc = "Size of each value [1024]"},
    {.name = "throughput", .argument = "N", .doc = "Records per second [no limit]"},
    {.name = "partitions",
     .argument = "N",
     .doc = "Partitions of the topic if it must be created "
            "[6]"},
    {.name = "acks", .argument = "ACKS", .doc = "0, 1 or all [all]"},
    {.name = "idempotence",
     .argument = "BOOL",
     .doc = "Whether the producer is idempotent [true "
            "when acks are all]"},
    {.name = "compression-codec",
     .argument = "CODEC",
     .doc = "none, gzip, snappy, lz4, zstd [none]"},
    {.name = "producer-property",
     .argument = "KEY=VALUE",
     .doc = "A setting of the producer, as Kafka's clients name them; may be repeated"},
    kBootstrapFlag,
    kJsonFlag,
    kHelpFlag};
constexpr Flag kNexmarkFlags[] = {
    {.name = "events", .argument = "N", .doc = "Stop after this number of events [1000000]"},
    kSecondsFlag,
    {.name = "seed", .argument = "N", .doc = "Seed of the events [1]"},
    {.name = "partitions",
     .argument = "N",
     .doc = "Partitions of each topic if it must be created "
            "[4]"},
    {.name = "print", .doc = "Print TOPIC<tab>VALUE instead of sending"},
    {.name = "producer-property",
     .argument = "KEY=VALUE",
     .doc = "A setting of the producer, as Kafka's clients name them; may be repeated"},
    kBootstrapFlag,
    kJsonFlag,
    kHelpFlag};
constexpr Flag kConsumeFlags[] = {
    kTopicFlag,
    kRecordsFlag,
    kSecondsFlag,
    {.name = "from-end", .doc = "Only records that arrive from now on, until a limit or Ctrl-C"},
    {.name = "latency", .doc = "Measure from each record's timestamp to its arrival"},
    {.name = "consumer-property",
     .argument = "KEY=VALUE",
     .doc = "A setting of the consumer, as Kafka's clients name them; may be repeated"},
    kBootstrapFlag,
    kJsonFlag,
    kHelpFlag};

Result<BenchRequest> common_request(const Flags& flags, std::string_view property_flag) {
  BenchRequest request;
  request.settings.bootstrap_server = bootstrap_server(flags);
  request.settings.properties = TRY(parse_properties(flags.all(property_flag), property_flag));
  request.topic =
      flags.text("topic", flags.words().empty() ? kDefaultTopic : flags.words().front());
  request.most_records = TRY(flags.number("records", INT64_MAX, 1, INT64_MAX));
  if (flags.has("seconds"))
    request.most_seconds = static_cast<double>(TRY(flags.number("seconds", 0, 1, kMostSeconds)));
  request.is_json = flags.has("json");
  return request;
}

Result<BenchRequest> produce_request(const Flags& flags) {
  BenchRequest request = TRY(common_request(flags, "producer-property"));
  if (!flags.has("records") && !flags.has("seconds")) request.most_records = kDefaultRecords;
  request.record_bytes =
      static_cast<size_t>(TRY(flags.number("record-size", 1024, 0, kMostRecordBytes)));
  request.most_per_second = TRY(flags.number("throughput", 0, 1, INT32_MAX));
  request.partitions =
      static_cast<int>(TRY(flags.number("partitions", 6, 1, kMostPartitionsOfTopic)));
  request.acks = flags.text("acks", "all");
  const bool waits_for_all = request.acks == "all" || request.acks == "-1";
  request.is_idempotent =
      TRY(parse_bool("--idempotence", flags.text("idempotence", waits_for_all ? "true" : "false")));
  request.codec = flags.text("compression-codec", "none");
  return request;
}

Result<BenchRequest> consume_request(const Flags& flags) {
  BenchRequest request = TRY(common_request(flags, "consumer-property"));
  request.is_from_beginning = request.stops_at_end = !flags.has("from-end");
  request.measures_latency = flags.has("latency");
  return request;
}

Result<BenchRequest> nexmark_request(const Flags& flags) {
  BenchRequest request = TRY(common_request(flags, "producer-property"));
  if (!flags.words().empty())
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("unexpected \"{}\": the topics are nexmark-person, nexmark-auction and "
                    "nexmark-bid",
                    flags.words().front())};
  request.most_records = TRY(flags.number("events", kDefaultRecords, 1, INT64_MAX));
  request.partitions =
      static_cast<int>(TRY(flags.number("partitions", 4, 1, kMostPartitionsOfTopic)));
  request.seed = TRY(flags.number("seed", 1, 0, INT64_MAX));
  request.prints = flags.has("print");
  return request;
}

struct Action {
  std::string_view name;
  std::span<const Flag> flags;
  Help help;
  Result<BenchRequest> (*to_request)(const Flags& flags);
  Result<BenchResult> (*run)(const BenchRequest& request);
};
constexpr Action kActions[] = {
    {"produce",
     kProduceFlags,
     {"millrace bench produce [TOPIC] [OPTIONS]", "Measures how fast a server takes records.",
      "  millrace bench produce --records 1000000 --record-size 1024 --partitions 6\n"
      "  millrace bench produce --seconds 10 --throughput 10000 --producer-property linger.ms=0\n"
      "  millrace bench produce -b other:9092 --compression-codec lz4 --json\n"},
     produce_request,
     bench_produce},
    {"consume",
     kConsumeFlags,
     {"millrace bench consume [TOPIC] [OPTIONS]", "Measures how fast a server returns records.",
      "  millrace bench consume                                  all present records\n  millrace "
      "bench consume --from-end --seconds 10 --latency\n"},
     consume_request,
     bench_consume},
    {"nexmark",
     kNexmarkFlags,
     {"millrace bench nexmark [OPTIONS]",
      "Sends the events of an auction house: Nexmark's persons, auctions and bids.",
      "  millrace bench nexmark --events 1000000            to nexmark-person, -auction and -bid\n"
      "  millrace bench nexmark --events 1000 --seed 7 --print\n"},
     nexmark_request,
     bench_nexmark},
};

void print_actions() {
  fmt::print(
      "Measures a server, Millrace or any other.\n\nUsage: millrace bench ACTION [OPTIONS]\n"
      "\nActions:\n");
  for (const Action& action : kActions)
    fmt::print("  {:<9} {}\n", action.name, action.help.summary);
  fmt::print("\nAfter an action, --help shows its options.\n");
}

}  // namespace

int run_bench_command(int argc, const char* const* argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--help" || name == "-h") {
    print_actions();
    return 0;
  }
  const auto* action = std::ranges::find(kActions, name, &Action::name);
  if (action == std::end(kActions)) {
    std::vector<std::string> names;
    for (const Action& each : kActions) names.emplace_back(each.name);
    return report_unknown_action("millrace bench", name, std::move(names));
  }
  const Result<Flags> flags =
      Flags::parse(action->flags, std::span(argv, static_cast<size_t>(argc)).subspan(2), 1);
  if (!flags) return report(flags.error(), kUsageError);
  if (flags->has(kHelpFlag.name)) {
    print_help(action->help, action->flags);
    return 0;
  }
  const Result<BenchRequest> request = action->to_request(*flags);
  if (!request) return report(request.error(), kUsageError);
  const Result<BenchResult> result = action->run(*request);
  if (!result) return report(result.error());
  if (request->prints) return 0;
  fmt::print("{}", request->is_json ? to_json(*result) : to_text(*result));
  return result->failed_records > 0 ? kFailed : 0;
}

}  // namespace client
