#include "server/sql/history/sample_ring.h"

#include <gtest/gtest.h>

#include "base/memory_budget.h"
#include "server/sql/history/server_history.h"

namespace server {
namespace {

constexpr int64_t kStartMs = 1'700'000'040'000;  // the begin of a minute

std::vector<engine::SamplePoint> points_of(const SampleRing& ring, const std::string& name,
                                           std::optional<std::string> label = std::nullopt) {
  std::vector<engine::SamplePoint> found;
  ring.read(name, label,
            [&](std::string_view, std::string_view, std::span<const engine::SamplePoint> points) {
              found.insert(found.end(), points.begin(), points.end());
            });
  return found;
}

TEST(SampleRing, points_are_in_order_and_gaps_stay_gaps) {
  SampleRing ring;
  ring.add(kStartMs, {{"a", "", 1}, {"b", "", 5}});
  ring.add(kStartMs + 5'000, {{"b", "", 6}});
  ring.add(kStartMs + 10'000, {{"a", "", 3}});
  const auto points = points_of(ring, "a");
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].time_ms, kStartMs);
  EXPECT_EQ(points[1].time_ms, kStartMs + 10'000);
  EXPECT_EQ(points[1].value, 3);
  EXPECT_TRUE(points_of(ring, "none").empty());
}

TEST(SampleRing, the_last_hour_is_fine_and_the_day_before_has_averages_of_minutes) {
  SampleRing ring;
  constexpr int64_t kDays = 2;
  int64_t now_ms = kStartMs;
  for (int64_t i = 0; i < kDays * 24 * 720; ++i, now_ms += SampleRing::kFineMs)
    // each minute has the values 0 to 11
    ring.add(now_ms, {{"a", "", static_cast<double>(i % 12)}});
  const auto points = points_of(ring, "a");
  ASSERT_GT(points.size(), SampleRing::kFineSlots + SampleRing::kCoarseSlots - 70);
  ASSERT_LE(points.size(), SampleRing::kFineSlots + SampleRing::kCoarseSlots);
  for (size_t i = 1; i < points.size(); ++i) ASSERT_LT(points[i - 1].time_ms, points[i].time_ms);
  EXPECT_EQ(points.back().time_ms, now_ms - SampleRing::kFineMs);
  EXPECT_DOUBLE_EQ(points.front().value, 5.5);
  EXPECT_GE(points.front().time_ms, now_ms - 25 * 3'600'000);
}

TEST(SampleRing, series_beyond_the_limit_are_counted_and_keep_no_memory) {
  SampleRing ring;
  std::vector<Sample> samples;
  for (size_t i = 0; i < SampleRing::kMostSeries + 10; ++i)
    samples.push_back({"n", "query=\"" + std::to_string(i) + "\"", 1});
  ring.add(kStartMs, samples);
  ring.add(kStartMs + 5'000, samples);
  EXPECT_EQ(ring.series(), SampleRing::kMostSeries);
  EXPECT_EQ(ring.left_out(), 20u);
  EXPECT_LE(SampleRing::kMostSeries * SampleRing::kSeriesBytes, size_t{18} << 20);
}

TEST(SampleRing, a_series_without_values_for_a_day_makes_room) {
  SampleRing ring;
  ring.add(kStartMs, {{"old", "", 1}});
  for (int64_t minute = 1; minute < 1'450; ++minute)
    ring.add(kStartMs + minute * 60'000, {{"new", "", 1}});
  EXPECT_EQ(ring.series(), 1u);
}

TEST(ServerHistory, a_page_of_metrics_becomes_samples) {
  const auto samples = samples_of(
      "# HELP a_total Things.\n# TYPE a_total counter\na_total 7\n"
      "lag{query=\"Q \\\"1\\\"\",state=\"x y\"} 42\nfree 1.5e+09\nbroken\nmillrace_metrics_seconds "
      "1\n");
  ASSERT_EQ(samples.size(), 3u);
  EXPECT_EQ(samples[0].name, "a_total");
  EXPECT_EQ(samples[1].label, "query=\"Q \\\"1\\\"\",state=\"x y\"");
  EXPECT_EQ(samples[1].value, 42);
  EXPECT_EQ(samples[2].value, 1.5e9);
}

TEST(ServerHistory, counters_are_kept_as_rates_and_a_smaller_value_begins_again) {
  MemoryBudget memory(MemoryBudget::kUnlimited);
  ServerHistory history(3, memory);
  const char* const pages[] = {"c_total 100\n", "c_total 150\n", "c_total 20\n"};
  for (int64_t i = 0; i < 3; ++i) history.add(pages[i], kStartMs + i * 5'000);
  std::vector<double> rates;
  history.read(
      "c_per_second", std::nullopt,
      [&](std::string_view, std::string_view, std::span<const engine::SamplePoint> points) {
        for (const auto& point : points) rates.push_back(point.value);
      });
  EXPECT_EQ(rates, (std::vector<double>{10, 4}));
  EXPECT_GT(memory.held_bytes(MemoryKind::Queues), 0u) << "the ring counts as memory of the server";
}

}  // namespace
}  // namespace server
