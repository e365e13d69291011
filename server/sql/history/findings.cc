#include "server/sql/history/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

namespace server {

namespace {

constexpr int64_t kMinuteMs = 60'000;

// Returns the value of a key in a label such as `consumergroup="g",topic="t"`.
std::string value_in(std::string_view label, std::string_view key) {
  const std::string begin = fmt::format("{}=\"", key);
  for (size_t at = label.find(begin); at != label.npos; at = label.find(begin, at + 1)) {
    if (at > 0 && label[at - 1] != ',') continue;
    std::string value;
    for (size_t i = at + begin.size(); i < label.size() && label[i] != '"'; ++i) {
      if (label[i] == '\\' && i + 1 < label.size()) ++i;
      value += label[i];
    }
    return value;
  }
  return {};
}

std::string grouped(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::vector<Problem> of_server(bool holds, std::string message) {
  if (!holds) return {};
  return {{"server", "server", std::move(message)}};
}

std::vector<Problem> queries_in_error(const PresentFigures& figures) {
  std::vector<Problem> found;
  figures.each("millrace_query_state", [&](const std::string& label, double) {
    if (value_in(label, "state") != "ERROR") return;
    const std::string query = value_in(label, "query");
    found.push_back({"query", query, fmt::format("query {} does not continue", query)});
  });
  return found;
}

std::vector<Problem> queries_behind(const PresentFigures& figures) {
  constexpr double kMost = 10'000;
  const std::string name = "millrace_query_lag_records";
  std::vector<Problem> found;
  figures.each(name, [&](const std::string& label, double lag) {
    if (lag <= kMost || figures.slope(name, label, 10 * kMinuteMs) <= 0) return;
    const std::string query = value_in(label, "query");
    found.push_back(
        {"query", query, fmt::format("query {} falls behind: {} records", query, grouped(lag))});
  });
  return found;
}

std::vector<Problem> groups_behind(const PresentFigures& figures) {
  constexpr double kMost = 10'000;
  const std::string name = "kafka_consumergroup_lag";
  struct Group {
    double lag = 0;
    std::vector<std::string> labels;  // labels of the group's partitions
  };
  std::map<std::pair<std::string, std::string>, Group> groups;  // by the group's name and the topic
  figures.each(name, [&](const std::string& label, double lag) {
    Group& group = groups[{value_in(label, "consumergroup"), value_in(label, "topic")}];
    group.lag += lag;
    group.labels.push_back(label);
  });
  // The slope is computed from the past values of a series, which takes time, so it is computed
  // only for large lags.
  const auto slope = [&](const Group& group) {
    double sum = 0;
    for (const std::string& label : group.labels) sum += figures.slope(name, label, 10 * kMinuteMs);
    return sum;
  };
  std::vector<Problem> found;
  for (const auto& [of, group] : groups)
    if (group.lag > kMost && slope(group) > 0)
      found.push_back({"group", of.first,
                       fmt::format("consumer group {} falls behind in {}: {} records", of.first,
                                   of.second, grouped(group.lag)),
                       of.second});
  return found;
}

std::vector<Problem> records_fail(const PresentFigures& figures) {
  const std::string name = "millrace_query_errors_per_second";
  std::vector<Problem> found;
  figures.each(name, [&](const std::string& label, double) {
    if (figures.largest(name, label, 10 * kMinuteMs) <= 0) return;
    const std::string query = value_in(label, "query");
    found.push_back({"query", query,
                     fmt::format("query {} could not use records in the last 10 minutes", query)});
  });
  return found;
}

std::vector<Problem> disk_full(const PresentFigures& figures) {
  return of_server(figures.sum("millrace_log_appends_refused") > 0,
                   "the server accepts no further records: its disk is full");
}

std::vector<Problem> disk_fills_up(const PresentFigures& figures) {
  constexpr double kDayS = 86'400, kLeastFree = 0.1;
  const double free = figures.sum("millrace_disk_free_bytes", 1);
  const double slope = figures.slope("millrace_disk_free_bytes", "", 6 * 60 * kMinuteMs);
  const bool is_low = free < kLeastFree * figures.sum("millrace_disk_total_bytes");
  return of_server(is_low || free + slope * kDayS < 0,
                   is_low ? "less than a tenth of the disk is free"
                          : "the disk is full within a day at the present rate");
}

std::vector<Problem> partitions_run_out(const PresentFigures& figures) {
  const double used = figures.sum("millrace_log_topic_partitions");
  const double limit = figures.sum("millrace_log_topic_partitions_limit");
  return of_server(limit > 0 && used / limit > 0.8,
                   fmt::format("the data directory holds {} of the {} partitions that it can",
                               grouped(used), grouped(limit)));
}

std::vector<Problem> memory_tight(const PresentFigures& figures) {
  double held = 0;
  figures.each("millrace_memory_held_bytes", [&](const std::string& label, double bytes) {
    const std::string kind = value_in(label, "kind");
    if (kind != "tables" && kind != "rows kept for scans") held += bytes;
  });
  const double limit = figures.sum("millrace_memory_limit_bytes");
  return of_server(limit > 0 && held / limit > 0.75,
                   "clients and queries hold most of --memory-limit");
}

std::vector<Problem> log_cannot_keep_up(const PresentFigures& figures) {
  return of_server(figures.sum("millrace_log_queued_bytes") > 16e6, "writes wait for the disk");
}

std::vector<Problem> nodes_away(const PresentFigures& figures) {
  const double away =
      figures.sum("millrace_cluster_nodes") - figures.sum("millrace_cluster_nodes_there");
  if (away <= 0) return {};
  return {{"cluster", "cluster", fmt::format("nodes of the cluster are away: {:.0f}", away)}};
}

std::vector<Problem> no_controller(const PresentFigures& figures) {
  if (figures.sum("millrace_cluster_controllers_known", 1) == 1) return {};
  return {{"cluster", "cluster", "the cluster has no controller, as far as this node knows"}};
}

std::vector<Problem> partitions_with(const PresentFigures& figures, const std::string& name,
                                     std::string_view state) {
  const double count = figures.sum(name);
  if (count <= 0) return {};
  return {{"cluster", "cluster", fmt::format("partitions {}: {:.0f}", state, count)}};
}

std::vector<Problem> leaderless(const PresentFigures& figures) {
  return partitions_with(figures, "millrace_cluster_leaderless_partitions", "without a leader");
}
std::vector<Problem> under_min_isr(const PresentFigures& figures) {
  return partitions_with(figures, "millrace_cluster_under_min_isr_partitions",
                         "that reject acks=all");
}
std::vector<Problem> under_replicated(const PresentFigures& figures) {
  return partitions_with(figures, "millrace_cluster_under_replicated_partitions",
                         "with replicas that are not in sync");
}
std::vector<Problem> replicas_differ(const PresentFigures& figures) {
  return partitions_with(figures, "millrace_cluster_differing_replicas",
                         "with replicas that differ");
}

}  // namespace

const std::span<const FindingRule> kFindingRules = [] {
  static constexpr FindingRule kRules[] = {
      {"MillraceQueryInError", "page", kMinuteMs,
       "SHOW QUERIES has the reason in the column \"last error\".", queries_in_error},
      {"MillraceQueryBehind", "warn", 10 * kMinuteMs,
       "SHOW TASKS shows whether one partition is behind or all of them are.", queries_behind},
      {"MillraceConsumerGroupBehind", "warn", 10 * kMinuteMs,
       "SHOW CONSUMER LAG shows the partitions and their members.", groups_behind},
      {"MillraceRecordsFail", "warn", 0,
       "KSQL_PROCESSING_LOG has them, with topic, partition and offset.", records_fail},
      {"MillraceDiskFull", "page", 0,
       "Free space, or shorten the retention of a topic. SHOW SERVER shows what the log keeps.",
       disk_full},
      {"MillraceDiskFillsUp", "warn", 30 * kMinuteMs,
       "Shorten the retention of the largest topics, or enlarge the disk.", disk_fills_up},
      {"MillracePartitionsRunOut", "warn", 5 * kMinuteMs,
       "At the limit no more topics can be created. Delete topics, or create them with fewer "
       "partitions.",
       partitions_run_out},
      {"MillraceMemoryTight", "warn", 5 * kMinuteMs, "SHOW SERVER shows which kind holds most.",
       memory_tight},
      {"MillraceLogCannotKeepUp", "warn", 2 * kMinuteMs,
       "The disk is slower than the writers: use a faster disk, or fewer writers.",
       log_cannot_keep_up},
      {"MillraceNodeAway", "page", kMinuteMs, "SHOW CLUSTER shows which nodes.", nodes_away},
      {"MillraceNoController", "page", kMinuteMs, "Check whether etcd answers.", no_controller},
      {"MillraceLeaderless", "page", kMinuteMs / 2,
       "Nothing is written to these partitions or read from them. Start the nodes that are away.",
       leaderless},
      {"MillraceUnderMinIsr", "page", kMinuteMs / 2,
       "Too few replicas are in sync. Start the nodes that are away.", under_min_isr},
      {"MillraceUnderReplicated", "warn", 5 * kMinuteMs,
       "SHOW CLUSTER shows nodes that are away or not in sync.", under_replicated},
      {"MillraceReplicasDiffer", "page", 0,
       "A disk or a program has erred. Run millrace check on the nodes.", replicas_differ},
  };
  return std::span<const FindingRule>(kRules);
}();

void PresentFigures::each(const std::string& name, const OnFigure& on_figure) const {
  ring_.last(name, on_figure);
}

double PresentFigures::sum(const std::string& name, double otherwise) const {
  std::optional<double> sum;
  each(name, [&](const std::string&, double value) { sum = sum.value_or(0) + value; });
  return sum.value_or(otherwise);
}

std::vector<engine::SamplePoint> PresentFigures::past(const std::string& name,
                                                      const std::string& label,
                                                      int64_t past_ms) const {
  std::vector<engine::SamplePoint> past;
  ring_.read(name, label,
             [&](std::string_view, std::string_view, std::span<const engine::SamplePoint> points) {
               for (const engine::SamplePoint& point : points)
                 if (now_ms_ - point.time_ms <= past_ms) past.push_back(point);
             });
  return past;
}

double PresentFigures::slope(const std::string& name, const std::string& label,
                             int64_t past_ms) const {
  const std::vector<engine::SamplePoint> points = past(name, label, past_ms);
  if (points.size() < 2) return 0;
  double time_mean = 0, mean = 0;
  for (const engine::SamplePoint& point : points) {
    time_mean += static_cast<double>(point.time_ms - now_ms_) / 1e3;
    mean += point.value;
  }
  time_mean /= static_cast<double>(points.size());
  mean /= static_cast<double>(points.size());
  double products = 0, squares = 0;
  for (const engine::SamplePoint& point : points) {
    const double time = static_cast<double>(point.time_ms - now_ms_) / 1e3 - time_mean;
    products += time * (point.value - mean);
    squares += time * time;
  }
  return squares > 0 ? products / squares : 0;
}

double PresentFigures::largest(const std::string& name, const std::string& label,
                               int64_t past_ms) const {
  double largest = 0;
  for (const engine::SamplePoint& point : past(name, label, past_ms))
    largest = std::max(largest, point.value);
  return largest;
}

std::vector<engine::Finding> FindingTracker::find(const PresentFigures& figures, int64_t now_ms) {
  std::vector<engine::Finding> found;
  std::map<std::pair<std::string, std::string>, int64_t> holding;
  for (const FindingRule& rule : kFindingRules) {
    for (Problem& problem : rule.find(figures)) {
      const std::pair key(std::string(rule.name), problem.object + '\0' + problem.topic);
      const auto before = since_ms_.find(key);
      const int64_t since_ms = before == since_ms_.end() ? now_ms : before->second;
      holding.emplace(key, since_ms);
      if (now_ms - since_ms < rule.for_ms) continue;
      found.push_back({std::string(rule.severity), std::string(rule.name), std::move(problem.kind),
                       std::move(problem.object), since_ms, std::move(problem.message),
                       std::string(rule.hint), std::move(problem.topic)});
    }
  }
  since_ms_ = std::move(holding);
  std::ranges::stable_sort(found, [](const engine::Finding& a, const engine::Finding& b) {
    return std::pair(a.severity != "page", a.since_ms) <
           std::pair(b.severity != "page", b.since_ms);
  });
  return found;
}

}  // namespace server
