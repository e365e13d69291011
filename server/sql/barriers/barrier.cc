#include "server/sql/barriers/barrier.h"

#include <algorithm>

namespace server {

std::shared_ptr<Barrier> Barrier::begin(std::shared_ptr<const BarrierPlan> plan, BarrierPort& port,
                                        std::function<void(Status)> done) {
  std::shared_ptr<Barrier> barrier(new Barrier(std::move(plan), port, std::move(done)));
  barrier->stands_.resize(barrier->plan_->stages.size());
  barrier->has_left_.resize(barrier->plan_->stages.size());
  std::set<Uuid> base;
  for (const BarrierPlan::Topic& topic : barrier->plan_->topics)
    if (topic.is_base()) base.insert(topic.id);
  port.lock(base, [weak = barrier->weak_from_this()] {
    const auto self = weak.lock();
    if (!self || !self->done_) return;
    self->is_locked_ = true;
    self->prepare();
  });
  return barrier;
}

const BarrierPlan::Stage* Barrier::awaited() const {
  return is_drawn_ && at_ < plan_->stages.size() ? &plan_->stages[at_] : nullptr;
}

void Barrier::prepare() {
  port_.prepare(present(), then([](Barrier& self) { self.draw(); }));
}

// No task polls now, so no task has read beyond the ends that are read here.
void Barrier::draw() {
  std::vector<engine::PartitionRef> partitions;
  for (const BarrierPlan::Topic& topic : plan_->topics)
    if (topic.is_base())
      partitions.insert(partitions.end(), topic.partitions.begin(), topic.partitions.end());
  if (Status added = add_cuts(partitions); !added) return end(std::move(added));
  port_.unlock();
  is_locked_ = false;
  is_drawn_ = true;
  port_.limit(present(), std::make_shared<const Cuts>(cuts_),
              then([](Barrier& self) { self.visit(); }));
}

void Barrier::visit() {
  if (at_ == plan_->stages.size()) return end({});
  std::vector<std::pair<engine::PartitionRef, Offset>> cuts;
  for (const size_t input : plan_->stages[at_].inputs)
    for (const engine::PartitionRef& partition : plan_->topics[input].partitions)
      cuts.emplace_back(partition, cuts_.at(partition));
  port_.await(at_, std::move(cuts), then([](Barrier& self) {
                self.stands_[self.at_] = true;
                if (!self.plan_->stages[self.at_].keeps_table) return self.opened();
                self.port_.open(self.at_, [weak = self.weak_from_this()] {
                  const auto barrier = weak.lock();
                  if (barrier && barrier->done_) barrier->opened();
                });
              }));
}

void Barrier::opened() {
  const auto& output = plan_->stages[at_].output;
  if (!output) {
    leave(std::span(&at_, 1));
    return next();
  }
  const BarrierPlan::Topic& topic = plan_->topics[*output];
  if (!std::ranges::all_of(topic.writers, [this](size_t writer) { return stands_[writer]; }))
    return next();
  if (topic.is_exchange) return cut_output();
  draw_output();
}

// Clients may also write to the topic while its ends are read. So the tasks that read the topic stop polling first.
// Otherwise a task could read beyond the ends before it gets them as its limit.
void Barrier::draw_output() {
  port_.prepare(plan_->topics[*plan_->stages[at_].output].readers,
                then([](Barrier& self) { self.cut_output(); }));
}

void Barrier::cut_output() {
  const BarrierPlan::Topic& topic = plan_->topics[*plan_->stages[at_].output];
  if (Status added = add_cuts(topic.partitions); !added) return end(std::move(added));
  port_.limit(topic.readers, std::make_shared<const Cuts>(cuts_), then([&topic](Barrier& self) {
                self.leave(topic.writers);
                self.next();
              }));
}

void Barrier::next() {
  ++at_;
  visit();
}

Status Barrier::add_cuts(std::span<const engine::PartitionRef> partitions) {
  const std::vector<Offset> ends = TRY(port_.ends(partitions));
  for (size_t i = 0; i < partitions.size(); ++i) cuts_[partitions[i]] = ends[i];
  return {};
}

std::vector<size_t> Barrier::present() const {
  std::vector<size_t> stages;
  for (size_t i = 0; i < plan_->stages.size(); ++i)
    if (!has_left_[i]) stages.push_back(i);
  return stages;
}

void Barrier::leave(std::span<const size_t> stages) {
  for (const size_t stage : stages) has_left_[stage] = true;
  port_.leave(stages);
}

void Barrier::end(Status status) {
  const auto self = shared_from_this();  // the callbacks may drop the last other reference
  const auto done = std::exchange(done_, nullptr);
  if (!done) return;
  if (std::exchange(is_locked_, false)) port_.unlock();
  leave(present());
  done(std::move(status));
}

}  // namespace server
