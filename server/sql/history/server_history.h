// Stores samples of the metrics of /metrics, and applies the rules for problems to them
// (findings.h).
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/memory_budget.h"
#include "engine/system_tables/history.h"
#include "server/sql/history/findings.h"
#include "server/sql/history/sample_ring.h"

namespace server {

// Reads the samples of a page in the text format of Prometheus. Families about the page itself are left out.
std::vector<Sample> samples_of(std::string_view page);

// Threads: any. Owner: shared by the node and the statements that read it.
class ServerHistory final : public engine::SampleHistory {
 public:
  // `controllers`: returns the number of controllers that this node knows; unset: a lone node.
  ServerHistory(int64_t node, MemoryBudget& memory, std::function<size_t()> controllers = {})
      : node_(node), controllers_(std::move(controllers)), charge_(memory, MemoryKind::Queues) {}

  // Adds a page of /metrics. For a counter, NAME_total, the increase per second is kept, under the
  // name NAME_per_second.
  void add(std::string_view page, int64_t wall_ms);

  int64_t node() const override { return node_; }
  void read(const std::optional<std::string>& name, const std::optional<std::string>& label,
            const OnSeries& on_series) const override;
  std::vector<engine::Finding> findings() const override;

 private:
  void take_rates(std::vector<Sample>& samples, int64_t wall_ms);

  const int64_t node_;
  const std::function<size_t()> controllers_;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  SampleRing ring_;
  OwnedCharge charge_;
  FindingTracker tracker_;
  std::vector<engine::Finding> findings_;
  std::map<std::pair<std::string, std::string>, double> counters_;  // values of the last page
  int64_t last_ms_ = 0;
};

}  // namespace server
