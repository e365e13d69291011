#include "client/bench/bench_report.h"

#include <fmt/format.h>

#include "client/command_line.h"

namespace client {

namespace {

struct PercentileRow {
  const char* name;
  double share;
};
constexpr PercentileRow kPercentiles[] = {
    {"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};

double per_second(const BenchResult& result, int64_t amount) {
  return result.seconds > 0 ? static_cast<double>(amount) / result.seconds : 0;
}

double milliseconds(int64_t microseconds) { return static_cast<double>(microseconds) / 1000; }

std::string json_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      quoted += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20)
      quoted += fmt::format("\\u{:04x}", c);
    else
      quoted += c;
  }
  return quoted + '"';
}

}  // namespace

std::string to_text(const BenchResult& result) {
  std::string text = fmt::format(
      "{}d {} records, {:.1f} MB, {} partition{}, in {:.2f} s\n"
      "  {} records/s  {:.1f} MB/s\n",
      result.bench, grouped(result.records), static_cast<double>(result.bytes) / 1e6,
      result.partitions, result.partitions == 1 ? "" : "s", result.seconds,
      grouped(static_cast<int64_t>(per_second(result, result.records))),
      per_second(result, result.bytes) / 1e6);
  if (result.failed_records > 0)
    text += fmt::format("  {} records failed{}{}\n", grouped(result.failed_records),
                        result.failure.empty() ? "" : ", the first with: ", result.failure);
  if (result.latency_us.count() > 0) {
    text += "  latency in ms:";
    for (const PercentileRow& row : kPercentiles)
      text += fmt::format("  {} {:.2f}", row.name,
                          milliseconds(result.latency_us.percentile(row.share)));
    text += '\n';
  }
  return text;
}

std::string to_json(const BenchResult& result) {
  std::string json = fmt::format(
      R"({{"bench":{},"address":{},"topic":{},"partitions":{},"records":{},"bytes":{},)"
      R"("failed":{},"seconds":{:.3f},"records_per_s":{:.1f},"mb_per_s":{:.3f})",
      json_string(result.bench), json_string(result.address), json_string(result.topic),
      result.partitions, result.records, result.bytes, result.failed_records, result.seconds,
      per_second(result, result.records), per_second(result, result.bytes) / 1e6);
  if (!result.failure.empty()) json += fmt::format(R"(,"failure":{})", json_string(result.failure));
  if (result.latency_us.count() > 0) {
    json += R"(,"latency_ms":{)";
    for (const PercentileRow& row : kPercentiles)
      json += fmt::format(R"({}"{}":{:.3f})", &row == kPercentiles ? "" : ",", row.name,
                          milliseconds(result.latency_us.percentile(row.share)));
    json += '}';
  }
  return json + "}\n";
}

}  // namespace client
