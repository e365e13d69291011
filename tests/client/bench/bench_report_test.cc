#include "client/bench/bench_report.h"

#include <gtest/gtest.h>

namespace client {
namespace {

BenchResult sample() {
  BenchResult result;
  result.bench = "produce";
  result.address = "localhost:9092";
  result.topic = "a\"b";
  result.partitions = 6;
  result.records = 20'000;
  result.bytes = 20'480'000;
  result.seconds = 2;
  return result;
}

TEST(BenchReport, people_get_rates_and_percentiles) {
  BenchResult result = sample();
  EXPECT_EQ(to_text(result),
            "produced 20,000 records, 20.5 MB, 6 partitions, in 2.00 s\n"
            "  10,000 records/s  10.2 MB/s\n");
  result.failed_records = 3;
  result.failure = "Local: Message timed out";
  result.latency_us.add(1500);
  EXPECT_EQ(to_text(result),
            "produced 20,000 records, 20.5 MB, 6 partitions, in 2.00 s\n"
            "  10,000 records/s  10.2 MB/s\n"
            "  3 records failed, the first with: Local: Message timed out\n"
            "  latency in ms:  p50 1.50  p95 1.50  p99 1.50  p99.9 1.50  max 1.50\n");
}

TEST(BenchReport, programs_get_a_line_of_json) {
  BenchResult result = sample();
  result.latency_us.add(1500);
  EXPECT_EQ(to_json(result),
            R"({"bench":"produce","address":"localhost:9092","topic":"a\"b","partitions":6,)"
            R"("records":20000,"bytes":20480000,"failed":0,"seconds":2.000,)"
            R"("records_per_s":10000.0,"mb_per_s":10.240,"latency_ms":{"p50":1.500,)"
            R"("p95":1.500,"p99":1.500,"p99.9":1.500,"max":1.500}})"
            "\n");
}

TEST(BenchReport, no_time_has_passed_when_there_was_nothing) {
  BenchResult result = sample();
  result.records = result.bytes = 0;
  result.seconds = 0;
  EXPECT_NE(to_text(result).find("0 records/s"), std::string::npos);
}

TEST(BenchReport, lists_the_reasons_of_failed_records) {
  BenchResult result = sample();
  result.failed_records = 3;
  EXPECT_EQ(to_json(result).find("failure"), std::string::npos) << "nobody knows";
  result.failure = "not \"there\"";
  EXPECT_NE(to_json(result).find(R"("failure":"not \"there\"")"), std::string::npos);
}

}  // namespace
}  // namespace client
