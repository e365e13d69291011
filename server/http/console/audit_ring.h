// The newest lines of the audit, in memory (docs/adr/0160).
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "engine/system_tables/audit_trail.h"

namespace server::http {

// Invariants: at most kMostLines lines are kept, of at most kMostBytes together. The oldest lines are dropped first; the
//             log of the server has all lines.
// Threads:    any. Owner: shared by the node and the statements that read it.
class AuditRing final : public engine::AuditTrail {
 public:
  static constexpr size_t kMostLines = 2'000, kMostBytes = size_t{1} << 20;

  AuditRing(int64_t node, const Clock& clock, MemoryBudget& memory)
      : node_(node), clock_(clock), charge_(memory, MemoryKind::Queues) {}

  // Adds a line. Its number and time are set by this function.
  void add(engine::AuditLine line);

  int64_t node() const override { return node_; }
  std::vector<engine::AuditLine> lines() const override;

 private:
  const int64_t node_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::deque<engine::AuditLine> lines_;
  OwnedCharge charge_;
  size_t bytes_ = 0;
  int64_t last_number_ = 0;
};

}  // namespace server::http
