// The metrics of the server over the last day, in a ring of fixed size.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/system_tables/history.h"

namespace server {

struct Sample {
  std::string name, label;  // label: `query="Q"`, or empty
  double value = 0;
};

// The ring has two resolutions: it keeps each add() for an hour, and the average of each minute for
// a day. Values are kept as floats, whose seven digits are enough for a graph.
//
// Invariants: at most kMostSeries series are kept, so the memory is at most kMostSeries * kSeriesBytes, about 18 MB;
//             the samples of further series are dropped and counted.
// Threads:    one at a time. Owner: ServerHistory.
class SampleRing {
 public:
  static constexpr int64_t kFineMs = 5'000, kCoarseMs = 60'000;
  static constexpr size_t kFineSlots = 720, kCoarseSlots = 1'440;
  static constexpr size_t kMostSeries = 2'000;
  static constexpr size_t kSeriesBytes = (kFineSlots + kCoarseSlots) * sizeof(float);

  // Adds the metrics of one moment. A series without a value for a day is dropped.
  void add(int64_t wall_ms, const std::vector<Sample>& samples);

  // See engine::SampleHistory. The averages of minutes precede the points of the last hour.
  void read(const std::optional<std::string>& name, const std::optional<std::string>& label,
            const engine::SampleHistory::OnSeries& on_series) const;

  // Calls back for each series of this name with its value of the last add(), if it had one.
  using OnLast = std::function<void(const std::string& label, double value)>;
  void last(const std::string& name, const OnLast& on_last) const;

  size_t series() const { return series_.size(); }
  uint64_t left_out() const { return left_out_; }

 private:
  struct Series {
    std::vector<float> fine, coarse;  // one value for each slot; NaN: no value
    double minute_sum = 0;
    uint32_t minute_count = 0;
    int64_t last_ms = 0;
  };
  void end_minute();
  void drop_old(int64_t wall_ms);

  std::map<std::pair<std::string, std::string>, Series> series_;  // series by name and label
  std::vector<int64_t> fine_ms_, coarse_ms_;  // times of the slots; 0: not used yet
  size_t next_fine_ = 0, next_coarse_ = 0;
  int64_t minute_ms_ = 0;  // begin of the present minute; 0: none
  uint64_t left_out_ = 0;
};

}  // namespace server
