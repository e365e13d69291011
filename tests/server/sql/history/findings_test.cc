#include "server/sql/history/findings.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace server {
namespace {

constexpr int64_t kFirstSampleMs = 1'700'000'040'000;

// An alert rule of docs/grafana/alerts.yml.
struct Alert {
  std::string name, severity;
  int64_t for_ms = 0;
  bool operator==(const Alert&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Alert& alert) {
  return out << alert.name << ' ' << alert.severity << ' ' << alert.for_ms;
}

int64_t duration_ms(const std::string& text) {
  const int64_t number = std::stoll(text);
  return text.ends_with('s') ? number * 1'000 : number * 60'000;
}

std::vector<Alert> alerts_of_file() {
  std::ifstream in(MILLRACE_ALERTS);
  std::vector<Alert> alerts;
  for (std::string line; std::getline(in, line);) {
    const auto value = [&](std::string_view key) -> std::optional<std::string> {
      const size_t at = line.find(key);
      if (at == line.npos) return std::nullopt;
      std::string rest = line.substr(at + key.size());
      return rest.substr(0, rest.find_first_of("}\n"));
    };
    if (const auto name = value("- alert: ")) alerts.push_back({*name, ""});
    if (alerts.empty()) continue;
    if (line.starts_with("        for: ")) alerts.back().for_ms = duration_ms(line.substr(13));
    if (const auto severity = value("severity: ")) alerts.back().severity = *severity;
  }
  return alerts;
}

TEST(Findings, the_rules_are_those_of_the_alerts) {
  std::vector<Alert> rules, alerts = alerts_of_file();
  for (const FindingRule& rule : kFindingRules)
    rules.push_back({std::string(rule.name), std::string(rule.severity), rule.for_ms});
  std::erase_if(alerts, [](const Alert& alert) { return alert.name == "MillraceDown"; });
  EXPECT_EQ(rules, alerts);
}

// Adds the same samples every 5 seconds. Returns the findings after the last samples.
class World {
 public:
  std::vector<engine::Finding> run(int64_t seconds, auto samples) {
    std::vector<engine::Finding> found;
    for (const int64_t end_ms = now_ms_ + seconds * 1'000; now_ms_ < end_ms; now_ms_ += 5'000) {
      ring_.add(now_ms_, samples((now_ms_ - kFirstSampleMs) / 1'000));
      found = tracker_.find(PresentFigures(ring_, now_ms_), now_ms_);
    }
    return found;
  }

 private:
  SampleRing ring_;
  FindingTracker tracker_;
  int64_t now_ms_ = kFirstSampleMs;
};

TEST(Findings, a_query_that_falls_behind_is_found_after_ten_minutes_of_a_growing_lag) {
  World world;
  const auto growing = [](int64_t s) {
    return std::vector<Sample>{
        {"millrace_query_lag_records", "query=\"Q\"", 20'000 + 10.0 * static_cast<double>(s)}};
  };
  EXPECT_TRUE(world.run(590, growing).empty());
  const auto found = world.run(60, growing);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "MillraceQueryBehind");
  EXPECT_EQ(found[0].object, "Q");
  EXPECT_LE(found[0].since_ms, kFirstSampleMs + 10'000);
  EXPECT_NE(found[0].message.find("query Q falls behind: 26,4"), std::string::npos)
      << found[0].message;
}

TEST(Findings, a_large_lag_that_shrinks_and_a_small_one_that_grows_are_none) {
  World world;
  EXPECT_TRUE(world
                  .run(1'500,
                       [](int64_t s) {
                         const auto time = static_cast<double>(s);
                         return std::vector<Sample>{
                             {"millrace_query_lag_records", "query=\"A\"", 1e6 - 100 * time},
                             {"millrace_query_lag_records", "query=\"B\"", time}};
                       })
                  .empty());
}

TEST(Findings, a_condition_that_ends_has_a_new_time_when_it_returns) {
  World world;
  const auto state = [](const char* word) {
    return [word](int64_t) {
      return std::vector<Sample>{
          {"millrace_query_state", fmt::format("query=\"Q\",state=\"{}\"", word), 1}};
    };
  };
  EXPECT_EQ(world.run(70, state("ERROR")).size(), 1u);
  EXPECT_TRUE(world.run(10, state("RUNNING")).empty());
  EXPECT_TRUE(world.run(50, state("ERROR")).empty());
  EXPECT_EQ(world.run(20, state("ERROR")).size(), 1u);
}

TEST(Findings, a_full_disk_is_found_at_once_and_comes_first) {
  World world;
  const auto found = world.run(40 * 60, [](int64_t) {
    return std::vector<Sample>{{"millrace_disk_free_bytes", "", 5e9},
                               {"millrace_disk_total_bytes", "", 100e9},
                               {"millrace_log_appends_refused", "", 1}};
  });
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].rule, "MillraceDiskFull");
  EXPECT_EQ(found[0].severity, "page");
  EXPECT_EQ(found[1].rule, "MillraceDiskFillsUp");
}

TEST(Findings, a_group_is_found_by_topic_whatever_its_partitions_are) {
  World world;
  const auto found = world.run(700, [](int64_t s) {
    std::vector<Sample> samples;
    for (int i = 0; i < 4; ++i)
      samples.push_back({"kafka_consumergroup_lag",
                         fmt::format("consumergroup=\"g,1\",topic=\"t\\\"x\",partition=\"{}\"", i),
                         3'000 + static_cast<double>(s)});
    return samples;
  });
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].object, "g,1");
  EXPECT_EQ(found[0].topic, "t\"x");
}

TEST(Findings, a_lone_server_without_figures_has_none) {
  World world;
  EXPECT_TRUE(world.run(3'600, [](int64_t) { return std::vector<Sample>(); }).empty());
}

}  // namespace
}  // namespace server
