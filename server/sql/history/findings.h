// The rules that find problems in the server's metrics. They are the same as those of
// docs/grafana/alerts.yml.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/system_tables/history.h"
#include "server/sql/history/sample_ring.h"

namespace server {

// The current metrics of the server, together with their past values.
class PresentFigures {
 public:
  PresentFigures(const SampleRing& ring, int64_t now_ms) : ring_(ring), now_ms_(now_ms) {}

  using OnFigure = SampleRing::OnLast;
  // Calls back for each series of this name that has a value now.
  void each(const std::string& name, const OnFigure& on_figure) const;
  // Returns the sum of all current values with this name; `otherwise` if there is none.
  double sum(const std::string& name, double otherwise = 0) const;
  // Returns the slope per second over the last `past_ms`, computed by least squares like deriv() of Prometheus; 0 if
  // the series has less than two points.
  double slope(const std::string& name, const std::string& label, int64_t past_ms) const;
  // Returns the largest value of the last `past_ms`.
  double largest(const std::string& name, const std::string& label, int64_t past_ms) const;

 private:
  std::vector<engine::SamplePoint> past(const std::string& name, const std::string& label,
                                        int64_t past_ms) const;
  const SampleRing& ring_;
  const int64_t now_ms_;
};

// A condition that holds now.
struct Problem {
  std::string kind, object, message, topic = {};
};

struct FindingRule {
  std::string_view name, severity;
  int64_t for_ms = 0;  // the condition has to hold for this time
  std::string_view hint;
  std::vector<Problem> (*find)(const PresentFigures& figures);
};
// The rules in the order of alerts.yml, without MillraceDown, which a server cannot report itself.
extern const std::span<const FindingRule> kFindingRules;

// Stores, for each problem that the rules find, the time since which it has existed without a
// pause.
class FindingTracker {
 public:
  // Applies all rules. The result is sorted by severity, and then by age.
  std::vector<engine::Finding> find(const PresentFigures& figures, int64_t now_ms);

 private:
  // The time at which each finding began, by the rule and the object of the finding.
  std::map<std::pair<std::string, std::string>, int64_t> since_ms_;
};

}  // namespace server
