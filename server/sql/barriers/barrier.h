// One barrier, which a SELECT with read.consistency = 'prefix' begins. It stops the tasks of several queries at given
// offsets of their inputs, the cuts, so that all of their tables contain the effects of the same records
// (docs/adr/0153).
#pragma once
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "server/sql/barriers/barrier_plan.h"
#include "server/tasks/limited_sources.h"

namespace server {

// The operations of a barrier on tasks and on the log. A stage is identified by its index in BarrierPlan::stages. A
// callback runs on the barrier's loop, perhaps within the call, and never after the barrier has ended. An error means
// that the tasks of the stage cannot reach their cuts, so the barrier is given up.
// Threads: the barrier's loop. Owner: the owner of the barrier; it outlives the barrier.
class BarrierPort {
 public:
  using Then = std::function<void(Status)>;
  using Stages = std::span<const size_t>;
  virtual ~BarrierPort() = default;
  // Waits until no statement commits rows to these topics, and lets none begin until unlock().
  virtual void lock(const std::set<Uuid>& topics, std::function<void()> then) = 0;
  virtual void unlock() = 0;
  // Stops the polls of the tasks until limit(). They finish the records that they have taken.
  virtual void prepare(Stages stages, Then then) = 0;
  // Returns the ends of the committed records of the partitions, in one snapshot of the log.
  virtual Result<std::vector<Offset>> ends(std::span<const engine::PartitionRef> partitions) = 0;
  // Lets the tasks read up to the end offsets in `cuts`. Partitions without a cut are not limited.
  virtual void limit(Stages stages, CutsPtr cuts, Then then) = 0;
  // Waits until the effects of all records below the cuts are durable and the tasks have no
  // unfinished work.
  virtual void await(size_t stage, std::vector<std::pair<engine::PartitionRef, Offset>> cuts,
                     Then then) = 0;
  // Opens the table that the stage keeps for readers of the barrier. The tasks of the stage have
  // reached their cuts and are stopped.
  virtual void open(size_t stage, std::function<void()> then) = 0;
  // Lifts the limits of the tasks.
  virtual void leave(Stages stages) = 0;
};

// Steps:
// 1. All tasks of the plan stop polling. One snapshot of the log gives the cuts of all base topics. The tasks
// continue up to these cuts.
// 2. Stage by stage, in the order of the plan: the barrier waits until the tasks of the stage have reached the cuts
// of all their inputs, and opens the stage's table.
// 3. When all writers of a topic or exchange have reached their cuts, the end of the topic becomes its cut. Its
// readers receive the cut before the writers continue, so no reader takes a row beyond the cut.
// A table that was opened in step 2 shows the effects of exactly the records below the cuts of the base topics,
// each once.
// Threads: one loop. Owner: shared by pending callbacks.
class Barrier : public std::enable_shared_from_this<Barrier> {
 public:
  // Begins a barrier. `done` is called once, perhaps within the call, with success when all stages
  // were visited, or with the first error. Then no task is limited any longer.
  static std::shared_ptr<Barrier> begin(std::shared_ptr<const BarrierPlan> plan, BarrierPort& port,
                                        std::function<void(Status)> done);
  // Ends the barrier early, with this error.
  void abandon(Error why) { end(std::move(why)); }
  // Returns the stage that is waited for; null while the barrier determines the cuts (end offsets) of base topics.
  const BarrierPlan::Stage* awaited() const;
  // Returns the cuts that are determined so far.
  const Cuts& cuts() const { return cuts_; }

 private:
  Barrier(std::shared_ptr<const BarrierPlan> plan, BarrierPort& port,
          std::function<void(Status)> done)
      : plan_(std::move(plan)), port_(port), done_(std::move(done)) {}
  // Returns a callback that runs `step` only while the barrier is in progress, and ends the barrier if `step` fails.
  template <class F>
  BarrierPort::Then then(F step) {
    return [self = shared_from_this(), step = std::move(step)](Status status) {
      if (!self->done_) return;
      if (!status) return self->end(std::move(status));
      step(*self);
    };
  }
  void prepare();
  void draw();
  void visit();
  void opened();
  void draw_output();
  void cut_output();
  void next();
  Status add_cuts(std::span<const engine::PartitionRef> partitions);
  std::vector<size_t> present() const;
  void leave(std::span<const size_t> stages);
  void end(Status status);

  const std::shared_ptr<const BarrierPlan> plan_;
  BarrierPort& port_;
  std::function<void(Status)> done_;  // null after it has been called
  Cuts cuts_;
  size_t at_ = 0;  // the stage that is visited
  bool is_drawn_ = false, is_locked_ = false;
  std::vector<bool> stands_, has_left_;  // by stage
};

}  // namespace server
