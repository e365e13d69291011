#include "server/sql/history/server_history.h"

#include <absl/strings/numbers.h>

#include <algorithm>
#include <set>

namespace server {

namespace {

constexpr std::string_view kTotal = "_total", kPerSecond = "_per_second";

}  // namespace

std::vector<Sample> samples_of(std::string_view page) {
  std::vector<Sample> samples;
  while (!page.empty()) {
    const std::string_view line = page.substr(0, page.find('\n'));
    page.remove_prefix(std::min(page.size(), line.size() + 1));
    if (line.starts_with('#') || line.starts_with("millrace_metrics_") ||
        line.starts_with("millrace_build_info"))
      continue;
    const size_t blank = line.rfind(' ');
    double value = 0;
    if (blank == line.npos ||
        !absl::SimpleAtod({line.data() + blank + 1, line.size() - blank - 1}, &value))
      continue;
    const std::string_view series = line.substr(0, blank);
    const size_t brace = series.find('{');
    Sample sample{std::string(series.substr(0, brace)), {}, value};
    if (brace != series.npos && series.ends_with('}'))
      sample.label = series.substr(brace + 1, series.size() - brace - 2);
    samples.push_back(std::move(sample));
  }
  return samples;
}

// Replaces counters by their rates. The first value of a counter gives no rate. A counter that has become smaller was
// reset, and counts from 0.
void ServerHistory::take_rates(std::vector<Sample>& samples, int64_t wall_ms) {
  const double seconds = static_cast<double>(wall_ms - last_ms_) / 1e3;
  // If the samples include NAME_per_second, no rate is computed from the counter NAME_total, because it would have the
  // same name.
  std::set<std::string> rates;
  for (const Sample& sample : samples)
    if (sample.name.ends_with(kPerSecond)) rates.insert(sample.name);
  std::map<std::pair<std::string, std::string>, double> counters;
  std::erase_if(samples, [&](Sample& sample) {
    if (!sample.name.ends_with(kTotal)) return false;
    const std::pair key(sample.name, sample.label);
    const auto before = counters_.find(key);
    const bool is_known = before != counters_.end() && seconds > 0;
    counters.emplace(key, sample.value);
    if (!is_known) return true;
    const double increase =
        sample.value >= before->second ? sample.value - before->second : sample.value;
    sample.value = increase / seconds;
    sample.name.replace(sample.name.size() - kTotal.size(), kTotal.size(), kPerSecond);
    return rates.contains(sample.name);
  });
  counters_ = std::move(counters);
  last_ms_ = wall_ms;
}

void ServerHistory::add(std::string_view page, int64_t wall_ms) {
  std::vector<Sample> samples = samples_of(page);
  if (controllers_)
    samples.push_back(
        {"millrace_cluster_controllers_known", {}, static_cast<double>(controllers_())});
  const std::lock_guard lock(mutex_);
  take_rates(samples, wall_ms);
  ring_.add(wall_ms, samples);
  charge_.resize(ring_.series() * SampleRing::kSeriesBytes);
  findings_ = tracker_.find(PresentFigures(ring_, wall_ms), wall_ms);
}

void ServerHistory::read(const std::optional<std::string>& name,
                         const std::optional<std::string>& label, const OnSeries& on_series) const {
  const std::lock_guard lock(mutex_);
  ring_.read(name, label, on_series);
}

std::vector<engine::Finding> ServerHistory::findings() const {
  const std::lock_guard lock(mutex_);
  return findings_;
}

}  // namespace server
