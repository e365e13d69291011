// The interface to past values of the server's metrics and to the problems that they show. The
// server implements it.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

struct SamplePoint {
  int64_t time_ms = 0;  // wall clock; the time at which the sample was taken
  double value = 0;
};

// A problem that one of the rules of docs/grafana/alerts.yml has found.
struct Finding {
  std::string severity;  // "page" or "warn", as the alert rule states
  std::string rule, kind, object;
  int64_t since_ms = 0;  // wall clock; the time at which the condition of the rule began to hold
  std::string message, hint;
  // For a finding about a consumer group: the topic that the group reads. Users without rights on
  // this topic do not see the finding.
  std::string topic = {};
};

// Threads: any.
class SampleHistory {
 public:
  virtual ~SampleHistory() = default;
  virtual int64_t node() const = 0;
  // Calls `on_series` for each series, with the points of the series, the oldest first. If a name
  // or a label is given, reads only series with this name or label.
  using OnSeries = std::function<void(std::string_view name, std::string_view label,
                                      std::span<const SamplePoint> points)>;
  virtual void read(const std::optional<std::string>& name, const std::optional<std::string>& label,
                    const OnSeries& on_series) const = 0;
  virtual std::vector<Finding> findings() const = 0;
};

}  // namespace engine
