#include "server/tasks/query_progress.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "server/metadata/query_topics.h"

namespace server {

namespace {

// Returns the topic that a stage writes; nothing if the stage writes an exchange, or only keeps a
// table in memory.
std::optional<Uuid> topic_written_by(const DefinedQuery& query, const engine::StagePlan& stage) {
  if (stage.output.exchange >= 0 || stage.output.topic.empty()) return std::nullopt;
  const auto id = query.topic_ids.find(stage.output.topic);
  if (id == query.topic_ids.end()) return std::nullopt;
  return id->second;
}

// Calls `visit` with the ids of the topics and exchanges that a stage reads. It does not visit
// their partitions, because partitions may be added later.
template <typename Visit>
void visit_inputs(const DefinedQuery& query, const engine::StagePlan& stage, const Visit& visit) {
  for (const engine::PlanNode& node : stage.nodes) {
    const auto* input = std::get_if<engine::InputStep>(&node.step);
    if (!input || input->generator) continue;
    if (input->exchange >= 0) {
      visit(query.exchange_ids.at(static_cast<size_t>(input->exchange)), true);
    } else if (const auto id = query.topic_ids.find(input->topic); id != query.topic_ids.end()) {
      visit(id->second, false);
    }
  }
}

// Follows the route of queries from the source topics to `topic`. note_moment() records the ends of
// the source topics. have_passed() returns whether every query on the route has read its inputs up
// to the records that result from these ends.
//
// Threads: the reader's.
class RouteWriters final : public engine::TopicWriters {
 public:
  RouteWriters(const QueryProgress& progress, const Uuid& topic, std::string reader,
               ProgressOfQuery::Wake wake)
      : progress_(progress),
        topic_(topic),
        reader_(std::move(reader)),
        wake_(std::make_shared<const ProgressOfQuery::Wake>(std::move(wake))) {}

  std::span<const engine::PartitionRef> inputs() override {
    const uint64_t definitions = progress_.definitions();
    if (definitions != definitions_) {
      definitions_ = definitions;
      route_ = progress_.route_to(topic_, reader_);
      find_inputs();
    }
    return inputs_;
  }

  void note_moment(std::span<const Offset> ends) override {
    walked_ = route_;
    at_ = 0;
    frontier_.clear();
    for (size_t i = 0; i < ends.size(); ++i) frontier_[inputs_[i]] = ends[i];
  }

  bool have_passed() override {
    for (; at_ < walked_.size(); ++at_) {
      const QueryProgress::Step& step = walked_[at_];
      if (!step.query->has_passed(step.stage, targets_of(step), wake_)) {
        awaited_ = step.defined->plan->id;
        return false;
      }
      note_outputs(step);
    }
    awaited_.clear();
    return true;
  }

  uint64_t version() const override {
    uint64_t version = progress_.definitions();
    for (const QueryProgress::Step& step : route_) version += step.query->changes();
    return version;
  }

  const std::string& awaited() const override { return awaited_; }

 private:
  // Finds the partitions of all topics on the route. This includes topics that an earlier query on
  // the route writes, since other clients may also write there.
  void find_inputs() {
    std::set<Uuid> topics;
    for (const QueryProgress::Step& step : route_)
      visit_inputs(*step.defined, stage_of(step), [&](const Uuid& topic, bool is_exchange) {
        if (!is_exchange) topics.insert(topic);
      });
    inputs_.clear();
    for (const Uuid& topic : topics)
      for (engine::PartitionRef each{topic, PartitionId{0}};
           progress_.log().find_partition({topic, each.partition}); ++each.partition)
        inputs_.push_back(each);
  }

  static const engine::StagePlan& stage_of(const QueryProgress::Step& step) {
    return step.defined->plan->stages[static_cast<size_t>(step.stage)];
  }

  std::vector<ProgressOfQuery::Target> targets_of(const QueryProgress::Step& step) const {
    std::vector<ProgressOfQuery::Target> targets;
    visit_inputs(*step.defined, stage_of(step), [&](const Uuid& topic, bool) {
      for (auto at = frontier_.lower_bound({topic, PartitionId{0}});
           at != frontier_.end() && at->first.topic == topic; ++at)
        targets.emplace_back(at->first, at->second);
    });
    return targets;
  }

  // Called when a stage has passed its targets. The current ends of the stage's output become the
  // targets of the next stage.
  void note_outputs(const QueryProgress::Step& step) {
    const engine::OutputPlan& output = stage_of(step).output;
    std::optional<Uuid> topic = topic_written_by(*step.defined, stage_of(step));
    if (output.exchange >= 0)
      topic = step.defined->exchange_ids.at(static_cast<size_t>(output.exchange));
    if (!topic) return;
    for (engine::PartitionRef each{*topic, PartitionId{0}};; ++each.partition) {
      const auto status = progress_.log().find_partition({each.topic, each.partition});
      if (!status) return;  // partitions are numbered without gaps
      Offset& end = frontier_[each];
      end = std::max(end, status->readable_end());
    }
  }

  const QueryProgress& progress_;
  const Uuid topic_;
  const std::string reader_;
  const std::shared_ptr<const ProgressOfQuery::Wake> wake_;
  uint64_t definitions_ = UINT64_MAX;
  std::vector<QueryProgress::Step> route_;
  std::vector<engine::PartitionRef> inputs_;
  // route_ as of the last call of note_moment(). It is kept because definitions may change
  // afterwards.
  std::vector<QueryProgress::Step> walked_;
  size_t at_ = 0;
  std::map<engine::PartitionRef, Offset> frontier_;
  std::string awaited_;
};

}  // namespace

// --- One query

void ProgressOfQuery::changed(std::unique_lock<std::mutex> lock) {
  changes_.fetch_add(1, std::memory_order_acq_rel);
  const std::vector<std::weak_ptr<const Wake>> waiting = std::exchange(waiting_, {});
  lock.unlock();
  for (const auto& each : waiting)
    if (const auto wake = each.lock()) (*wake)();
}

void ProgressOfQuery::replace(DefinedQueryPtr defined) {
  std::unique_lock lock(mutex_);
  if (defined_->plan != defined->plan) stages_.clear();
  defined_ = std::move(defined);
  changed(std::move(lock));
}

DefinedQueryPtr ProgressOfQuery::defined() const {
  const std::lock_guard lock(mutex_);
  return defined_;
}

void ProgressOfQuery::expect(std::vector<size_t> tasks_by_stage) {
  const std::lock_guard lock(mutex_);
  stages_.resize(tasks_by_stage.size());
  for (size_t i = 0; i < stages_.size(); ++i) stages_[i].expected = tasks_by_stage[i];
}

void ProgressOfQuery::publish(int stage, int32_t task, std::span<const Target> positions,
                              LateRecords records) {
  std::unique_lock lock(mutex_);
  if (stages_.size() <= static_cast<size_t>(stage)) stages_.resize(static_cast<size_t>(stage) + 1);
  Stage& its = stages_[static_cast<size_t>(stage)];
  its.published.insert(task);
  LateRecords& last = its.records[task];
  its.sum.late += records.late - last.late;
  its.sum.read += records.read - last.read;
  last = records;
  for (const auto& [partition, next] : positions) its.positions[partition] = next;
  // If the task reads a partition twice, the smaller of the two positions counts.
  for (const auto& [partition, next] : positions)
    its.positions[partition] = std::min(its.positions[partition], next);
  changed(std::move(lock));
}

LateRecords ProgressOfQuery::late_records() const {
  const std::lock_guard lock(mutex_);
  LateRecords all;
  for (const Stage& stage : stages_) {
    if (stage.sum.late == 0) continue;
    all.late += stage.sum.late;
    all.read += stage.sum.read;
  }
  return all;
}

void ProgressOfQuery::end() {
  std::unique_lock lock(mutex_);
  has_ended_ = true;
  changed(std::move(lock));
}

bool ProgressOfQuery::has_passed(int stage, std::span<const Target> targets,
                                 const std::weak_ptr<const Wake>& wake) {
  const std::lock_guard lock(mutex_);
  if (has_ended_) return true;
  if (static_cast<size_t>(stage) < stages_.size()) {
    const Stage& its = stages_[static_cast<size_t>(stage)];
    const bool has_passed = its.published.size() >= its.expected &&
                            std::ranges::all_of(targets, [&](const Target& target) {
                              const auto known = its.positions.find(target.first);
                              // A partition without a position has no reader, so it counts as
                              // passed. Examples are a partition that was added later and a
                              // partition of an exchange that carries progress.
                              return known == its.positions.end() || known->second >= target.second;
                            });
    if (has_passed) return true;
  }
  const bool is_known = std::ranges::any_of(waiting_, [&](const auto& each) {
    return !each.owner_before(wake) && !wake.owner_before(each);
  });
  if (!is_known) waiting_.push_back(wake);
  return false;
}

// --- All queries

void QueryProgress::forget_topics(const DefinedQuery& query) {
  for (const engine::StagePlan& stage : query.plan->stages) {
    const auto topic = topic_written_by(query, stage);
    const auto writers = topic ? writers_.find(*topic) : writers_.end();
    if (writers == writers_.end()) continue;
    std::erase(writers->second, query.plan->id);
    if (writers->second.empty()) writers_.erase(writers);
  }
}

void QueryProgress::define(const DefinedQueryPtr& query) {
  const std::string& id = query->plan->id;
  const std::lock_guard lock(mutex_);
  const auto [known, is_new] = queries_.try_emplace(id);
  if (is_new) {
    known->second = std::make_shared<ProgressOfQuery>(query);
  } else {
    forget_topics(*known->second->defined());
    known->second->replace(query);
  }
  for (const engine::StagePlan& stage : query->plan->stages)
    if (const auto topic = topic_written_by(*query, stage)) {
      std::vector<std::string>& writers = writers_[*topic];
      if (std::ranges::find(writers, id) == writers.end()) writers.push_back(id);
    }
  definitions_.fetch_add(1, std::memory_order_acq_rel);
}

void QueryProgress::forget(const std::string& query_id) {
  std::shared_ptr<ProgressOfQuery> ended;
  {
    const std::lock_guard lock(mutex_);
    const auto known = queries_.find(query_id);
    if (known == queries_.end()) return;
    ended = std::move(known->second);
    queries_.erase(known);
    forget_topics(*ended->defined());
    definitions_.fetch_add(1, std::memory_order_acq_rel);
  }
  ended->end();
}

std::shared_ptr<ProgressOfQuery> QueryProgress::find(const std::string& query_id) const {
  const std::lock_guard lock(mutex_);
  const auto known = queries_.find(query_id);
  return known == queries_.end() ? nullptr : known->second;
}

struct QueryProgress::Visit {
  const std::string& reader;
  std::vector<Step> route = {};
  std::set<std::string> visited = {};
  bool is_cycle = false;
};

void QueryProgress::visit(Visit& visit, const Uuid& topic) const {
  const auto writers = writers_.find(topic);
  if (writers == writers_.end()) return;
  for (const std::string& id : writers->second) {
    visit.is_cycle |= id == visit.reader;
    if (!visit.visited.insert(id).second) continue;
    const auto& query = queries_.at(id);
    const DefinedQueryPtr defined = query->defined();
    for (const engine::StagePlan& stage : defined->plan->stages)
      visit_inputs(*defined, stage, [&](const Uuid& input, bool is_exchange) {
        if (!is_exchange) this->visit(visit, input);
      });
    for (size_t stage = 0; stage < defined->plan->stages.size(); ++stage)
      visit.route.push_back({query, defined, static_cast<int>(stage)});
  }
}

std::vector<QueryProgress::Step> QueryProgress::route_to(const Uuid& topic,
                                                         const std::string& reader) const {
  const std::lock_guard lock(mutex_);
  Visit visit{reader};
  this->visit(visit, topic);
  if (visit.is_cycle) return {};
  return std::move(visit.route);
}

engine::TopicWritersPtr QueryProgress::writers_of(const Uuid& topic, const std::string& reader,
                                                  ProgressOfQuery::Wake wake) const {
  return std::make_shared<RouteWriters>(*this, topic, reader, std::move(wake));
}

}  // namespace server
