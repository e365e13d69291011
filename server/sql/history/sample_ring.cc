#include "server/sql/history/sample_ring.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace server {

namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

// Appends the points of a ring of slots, the oldest first, if they are older than `end_ms`.
void append_points(const std::vector<float>& values, const std::vector<int64_t>& times, size_t next,
                   int64_t end_ms, std::vector<engine::SamplePoint>& to) {
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t slot = (next + i) % values.size();
    if (times[slot] > 0 && times[slot] < end_ms && !std::isnan(values[slot]))
      to.push_back({times[slot], values[slot]});
  }
}

}  // namespace

void SampleRing::add(int64_t wall_ms, const std::vector<Sample>& samples) {
  if (fine_ms_.empty()) {
    fine_ms_.resize(kFineSlots);
    coarse_ms_.resize(kCoarseSlots);
  }
  if (minute_ms_ > 0 && wall_ms - wall_ms % kCoarseMs != minute_ms_) end_minute();
  minute_ms_ = wall_ms - wall_ms % kCoarseMs;
  fine_ms_[next_fine_] = wall_ms;
  for (auto& [key, series] : series_) series.fine[next_fine_] = kNone;
  for (const Sample& sample : samples) {
    auto found = series_.find({sample.name, sample.label});
    if (found == series_.end()) {
      if (series_.size() >= kMostSeries) {
        ++left_out_;
        continue;
      }
      found = series_.emplace(std::pair(sample.name, sample.label), Series()).first;
      found->second.fine.assign(kFineSlots, kNone);
      found->second.coarse.assign(kCoarseSlots, kNone);
    }
    Series& series = found->second;
    series.fine[next_fine_] = static_cast<float>(sample.value);
    series.minute_sum += sample.value;
    ++series.minute_count;
    series.last_ms = wall_ms;
  }
  next_fine_ = (next_fine_ + 1) % kFineSlots;
}

void SampleRing::last(const std::string& name, const OnLast& on_last) const {
  const size_t slot = (next_fine_ + kFineSlots - 1) % kFineSlots;
  for (auto each = series_.lower_bound({name, ""});
       each != series_.end() && each->first.first == name; ++each)
    if (const float value = each->second.fine[slot]; !std::isnan(value))
      on_last(each->first.second, value);
}

void SampleRing::end_minute() {
  drop_old(minute_ms_);
  coarse_ms_[next_coarse_] = minute_ms_;
  for (auto& [key, series] : series_) {
    series.coarse[next_coarse_] = series.minute_count == 0
                                      ? kNone
                                      : static_cast<float>(series.minute_sum / series.minute_count);
    series.minute_sum = 0;
    series.minute_count = 0;
  }
  next_coarse_ = (next_coarse_ + 1) % kCoarseSlots;
}

void SampleRing::drop_old(int64_t wall_ms) {
  constexpr int64_t kDayMs = static_cast<int64_t>(kCoarseSlots) * kCoarseMs;
  std::erase_if(series_, [&](const auto& each) { return wall_ms - each.second.last_ms > kDayMs; });
}

void SampleRing::read(const std::optional<std::string>& name,
                      const std::optional<std::string>& label,
                      const engine::SampleHistory::OnSeries& on_series) const {
  std::vector<engine::SamplePoint> points;
  // Values since the oldest time in fine_ms_ are read with the resolution of kFineMs; older values
  // are read from the averages of minutes.
  int64_t fine_begin_ms = std::numeric_limits<int64_t>::max();
  for (const int64_t time_ms : fine_ms_)
    if (time_ms > 0) fine_begin_ms = std::min(fine_begin_ms, time_ms);
  const auto first = name ? series_.lower_bound({*name, label.value_or("")}) : series_.begin();
  for (auto each = first; each != series_.end(); ++each) {
    if (name && each->first.first != *name) break;
    if (label && each->first.second != *label) {
      if (name) break;  // series are sorted by name and label, so no later one matches
      continue;
    }
    points.clear();
    append_points(each->second.coarse, coarse_ms_, next_coarse_, fine_begin_ms, points);
    append_points(each->second.fine, fine_ms_, next_fine_, std::numeric_limits<int64_t>::max(),
                  points);
    if (!points.empty()) on_series(each->first.first, each->first.second, points);
  }
}

}  // namespace server
