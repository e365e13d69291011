// kafka-consumer-perf-test: the flags and lines of Apache Kafka's tool.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

#include "client/bench/bench.h"
#include "client/command_line.h"
#include "client/commands.h"

namespace client {

namespace {

using std::chrono::system_clock;

constexpr Flag kFlags[] = {
    kBootstrapFlag,
    {.name = "topic", .argument = "TOPIC", .doc = "The topic to read"},
    {.name = "messages", .argument = "N", .doc = "How many records to read"},
    {.name = "num-records", .argument = "N", .doc = "The same"},
    {.name = "timeout", .argument = "MS", .doc = "Stop after this time without a record [10000]"},
    {.name = "from-latest", .doc = "Start with the next record instead of the first"},
    {.name = "hide-header", .doc = "Do not print the header line"},
    {.name = "consumer.config", .argument = "FILE", .doc = "Settings of the consumer, from a file"},
    {.name = "command-config", .argument = "FILE"},
    {.name = "command-property", .argument = "KEY=VALUE"},
    // These flags are accepted and ignored, because this command reads all partitions itself,
    // without a group.
    {.name = "group", .argument = "GROUP"},
    {.name = "fetch-size", .argument = "BYTES"},
    {.name = "socket-buffer-size", .argument = "BYTES"},
    {.name = "threads", .argument = "N"},
    {.name = "num-fetch-threads", .argument = "N"},
    {.name = "print-metrics"},
    {.name = "show-detailed-stats"},
    {.name = "reporting-interval", .argument = "MS"},
    {.name = "include", .argument = "PATTERN"},
    {.name = "version"},
    kHelpFlag};
constexpr const char* kUnsupportedFlags[] = {"print-metrics", "show-detailed-stats", "include"};

constexpr Help kHelp{
    "kafka-consumer-perf-test --bootstrap-server HOST:PORT --topic TOPIC --messages N [OPTIONS]",
    "This tool is used to verify the consumer performance.",
    "  kafka-consumer-perf-test --bootstrap-server localhost:9092 --topic orders --messages "
    "1000000\n"};

constexpr double kMegabyte = 1024.0 * 1024.0;

std::string written(system_clock::time_point time) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(ms);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}:{:03}", fmt::localtime(system_clock::to_time_t(seconds)),
                     (ms - seconds).count());
}

Result<BenchRequest> read_command_line(const Flags& flags) {
  for (const char* name : {"bootstrap-server", "topic"})
    if (!flags.has(name)) return wrong_usage(fmt::format("Missing required option(s) [{}]", name));
  for (const char* name : kUnsupportedFlags)
    if (flags.has(name)) return wrong_usage(fmt::format("--{} is not supported yet", name));
  const char* const count = flags.has("num-records") ? "num-records" : "messages";
  if (!flags.has(count)) return wrong_usage("Missing required option(s) [messages]");
  BenchRequest request;
  for (const char* file : {"consumer.config", "command-config"})
    if (flags.has(file)) request.settings.properties = TRY(read_properties_file(flags.text(file)));
  for (auto& [name, value] :
       TRY(parse_properties(flags.all("command-property"), "command-property")))
    request.settings.properties[name] = value;
  request.settings.bootstrap_server = bootstrap_server(flags);
  request.topic = flags.text("topic");
  request.most_records = TRY(flags.number(count, 0, 1, INT64_MAX));
  request.most_idle_seconds =
      static_cast<double>(TRY(flags.number("timeout", 10'000, 1, INT32_MAX))) / 1000;
  request.is_from_beginning = !flags.has("from-latest");
  request.stops_at_end = false;
  request.is_json = true;
  return request;
}

void print_result(const BenchResult& result, system_clock::time_point began,
                  system_clock::time_point ended) {
  const double megabytes = static_cast<double>(result.bytes) / kMegabyte;
  const auto records = static_cast<double>(result.records);
  const double all_seconds = std::chrono::duration<double>(ended - began).count();
  const double fetch_seconds = std::max(result.seconds, 1e-3);
  fmt::print("{}, {}, {:.4f}, {:.4f}, {}, {:.4f}, {}, {:.0f}, {:.4f}, {:.4f}\n", written(began),
             written(ended), megabytes, megabytes / all_seconds, result.records,
             records / all_seconds, 0, fetch_seconds * 1000, megabytes / fetch_seconds,
             records / fetch_seconds);
}

}  // namespace

int run_kafka_consumer_perf_test(int argc, const char* const* argv) {
  const auto flags = Flags::parse(kFlags, std::span(argv, static_cast<size_t>(argc)).subspan(1), 0);
  if (!flags) return report(flags.error());
  if (const auto status = tell_of_tool(*flags, argc, kHelp, kFlags)) return *status;
  const Result<BenchRequest> request = read_command_line(*flags);
  if (!request) return report(request.error());
  if (!flags->has("hide-header"))
    fmt::print(
        "start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, "
        "rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec\n");
  const auto began = system_clock::now();
  const Result<BenchResult> measured = bench_consume(*request);
  if (!measured) return report(measured.error());
  if (measured->records < request->most_records && !is_interrupted())
    fmt::print(
        "WARNING: Exiting before consuming the expected number of messages: timeout ({:.0f} ms) "
        "exceeded. You can use the --timeout option to increase the timeout.\n",
        request->most_idle_seconds * 1000);
  print_result(*measured, began, system_clock::now());
  return 0;
}

}  // namespace client
