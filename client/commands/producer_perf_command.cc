// kafka-producer-perf-test: the flags and lines of Apache Kafka's tool.
#include <fmt/format.h>

#include <cstdio>

#include "client/bench/bench.h"
#include "client/command_line.h"
#include "client/commands.h"

namespace client {

namespace {

constexpr Flag kFlags[] = {
    {.name = "topic", .argument = "TOPIC", .doc = "The topic to write to"},
    {.name = "num-records", .argument = "N", .doc = "How many records to send"},
    {.name = "record-size", .argument = "BYTES", .doc = "Size of each value"},
    {.name = "throughput", .argument = "N", .doc = "Records per second; -1 for no limit"},
    {.name = "producer-props",
     .argument = "KEY=VALUE...",
     .doc = "Settings of the producer: bootstrap.servers=localhost:9092 acks=1"},
    {.name = "command-property", .argument = "KEY=VALUE"},
    {.name = "producer.config", .argument = "FILE", .doc = "Settings of the producer, from a file"},
    {.name = "command-config", .argument = "FILE"},
    {.name = "reporting-interval", .argument = "MS", .doc = "Interval between two reports [5000]"},
    {.name = "payload-file", .argument = "FILE"},
    {.name = "payload-monotonic"},
    {.name = "print-metrics"},
    {.name = "transactional-id", .argument = "ID"},
    {.name = "transaction-duration-ms", .argument = "MS"},
    kBootstrapFlag,
    {.name = "version"},
    kHelpFlag};
constexpr const char* kUnsupportedFlags[] = {"payload-file", "payload-monotonic", "print-metrics",
                                             "transactional-id", "transaction-duration-ms"};

constexpr Help kHelp{
    "kafka-producer-perf-test --topic TOPIC --num-records N --record-size BYTES --throughput N "
    "[OPTIONS]",
    "This tool is used to verify the producer performance.",
    "  kafka-producer-perf-test --topic orders --num-records 1000000 --record-size 1024 \\\n"
    "    --throughput -1 --producer-props bootstrap.servers=localhost:9092 acks=all\n"};

constexpr double kMegabyte = 1024.0 * 1024.0;

double milliseconds(double us) { return us / 1000; }

void print_interval(const BenchResult& since) {
  fmt::print(
      "{} records sent, {:.1f} records/sec ({:.2f} MB/sec), {:.1f} ms avg latency, {:.1f} ms max "
      "latency.\n",
      since.records, static_cast<double>(since.records) / since.seconds,
      static_cast<double>(since.bytes) / kMegabyte / since.seconds,
      milliseconds(since.latency_us.mean()),
      milliseconds(static_cast<double>(since.latency_us.max())));
  std::fflush(stdout);
}

void print_total(const BenchResult& total) {
  const auto at = [&](double share) { return total.latency_us.percentile(share) / 1000; };
  fmt::print(
      "{} records sent, {:.1f} records/sec ({:.2f} MB/sec), {:.2f} ms avg latency, {:.2f} ms max "
      "latency, {} ms 50th, {} ms 95th, {} ms 99th, {} ms 99.9th.\n",
      total.records, static_cast<double>(total.records) / total.seconds,
      static_cast<double>(total.bytes) / kMegabyte / total.seconds,
      milliseconds(total.latency_us.mean()),
      milliseconds(static_cast<double>(total.latency_us.max())), at(0.5), at(0.95), at(0.99),
      at(0.999));
}

// Reads the command line. Properties that the user has not set get the defaults of Java's producer,
// which is idempotent if acks is "all".
Result<BenchRequest> read_command_line(const Flags& flags) {
  for (const char* name : {"topic", "num-records", "record-size", "throughput"})
    if (!flags.has(name)) return wrong_usage(fmt::format("argument --{} is required", name));
  for (const char* name : kUnsupportedFlags)
    if (flags.has(name)) return wrong_usage(fmt::format("--{} is not supported yet", name));
  BenchRequest request;
  for (const char* file : {"producer.config", "command-config"})
    if (flags.has(file)) request.settings.properties = TRY(read_properties_file(flags.text(file)));
  // --producer-props takes all following words.
  std::vector<std::string> texts = flags.all("producer-props");
  for (const auto& more : {flags.all("command-property"), flags.words()})
    texts.insert(texts.end(), more.begin(), more.end());
  for (auto& [name, value] : TRY(parse_properties(texts, "producer-props")))
    request.settings.properties[name] = value;
  Properties& properties = request.settings.properties;
  if (const auto set = properties.extract("bootstrap.servers"))
    request.settings.bootstrap_server = set.mapped();
  if (flags.has(kBootstrapFlag.name)) request.settings.bootstrap_server = bootstrap_server(flags);
  if (request.settings.bootstrap_server.empty())
    return wrong_usage("--bootstrap-server or bootstrap.servers in --producer-props is required");
  if (const auto set = properties.extract("acks")) request.acks = set.mapped();
  if (const auto set = properties.extract("compression.type")) request.codec = set.mapped();
  request.is_idempotent = request.acks == "all" || request.acks == "-1";
  if (const auto set = properties.extract("enable.idempotence"))
    request.is_idempotent = TRY(parse_bool("enable.idempotence", set.mapped()));
  request.topic = flags.text("topic");
  request.partitions.reset();
  request.most_records = TRY(flags.number("num-records", 0, 1, INT64_MAX));
  request.record_bytes = static_cast<size_t>(TRY(flags.number("record-size", 0, 1, 64 << 20)));
  request.most_per_second =
      std::max<int64_t>(0, TRY(flags.number("throughput", -1, INT32_MIN, INT32_MAX)));
  request.interval_seconds =
      static_cast<double>(TRY(flags.number("reporting-interval", 5000, 1, INT32_MAX))) / 1000;
  request.is_json = true;
  request.on_interval = print_interval;
  return request;
}

}  // namespace

int run_kafka_producer_perf_test(int argc, const char* const* argv) {
  const auto flags =
      Flags::parse(kFlags, std::span(argv, static_cast<size_t>(argc)).subspan(1), SIZE_MAX);
  if (!flags) return report(flags.error());
  if (const auto status = tell_of_tool(*flags, argc, kHelp, kFlags)) return *status;
  const Result<BenchRequest> request = read_command_line(*flags);
  if (!request) return report(request.error());
  const Result<BenchResult> measured = bench_produce(*request);
  if (!measured) return report(measured.error());
  print_total(*measured);
  return measured->failed_records == 0 ? 0 : kFailed;
}

}  // namespace client
