#include "server/sql/barriers/barriers.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/plan/plan.h"
#include "server/sql/read/read_barrier.h"
#include "server/sql/session.h"

namespace server {

namespace {

constexpr Offset kOnlyEnds{INT64_MAX};
constexpr int64_t kTickMs = 100;

// The tables of one query, whose tasks have reached the barrier and are stopped. When the last reader destroys the
// object, the barrier lets the tasks continue.
class TablesAtBarrier final : public HeldTables {
 public:
  TablesAtBarrier(uint64_t barrier, std::weak_ptr<const void> barriers,
                  std::function<void()> let_go)
      : barrier_(barrier), barriers_(std::move(barriers)), let_go_(std::move(let_go)) {}
  ~TablesAtBarrier() override {
    if (barriers_.lock()) let_go_();
  }
  TablesAtBarrier(const TablesAtBarrier&) = delete;
  TablesAtBarrier& operator=(const TablesAtBarrier&) = delete;
  bool holds(const ShardTask& task) const override { return Shard::is_at_barrier(task, barrier_); }

 private:
  const uint64_t barrier_;
  const std::weak_ptr<const void> barriers_;
  const std::function<void()> let_go_;
};

}  // namespace

// Carries out the operations of one barrier: posts them to the shards that run the tasks. Answers of shards that arrive
// after the object was destroyed are dropped.
class Barriers::TasksAtBarrier final : public BarrierPort {
 public:
  TasksAtBarrier(Barriers& owner, uint64_t number, std::shared_ptr<const BarrierPlan> plan)
      : owner_(owner), number_(number), plan_(std::move(plan)), moved_us_(now_us()) {
    QueryTasks& queries = owner_.parts_.queries;
    for (const BarrierPlan::Stage& stage : plan_->stages) {
      std::map<Shard*, size_t>& counts = tasks_.emplace_back();
      for (size_t i = 0; i < stage.tasks; ++i)
        ++counts[&queries.shard_for(stage.query->plan->id, static_cast<int32_t>(i))];
    }
    stood_us_.resize(plan_->stages.size());
  }

  void lock(const std::set<Uuid>& topics, std::function<void()> then) override {
    std::set<std::string> names;
    for (const Uuid& topic : topics) names.insert(topic.to_string());
    const auto granted = [this, then](TableLocks::Hold hold) {
      hold_ = std::move(hold);
      moved_us_ = now_us();
      then();
    };
    TableLocks::Asked asked = owner_.parts_.commits.ask(std::move(names), TableLocks::Mode::Readers,
                                                        there_.on(owner_.home_.loop(), granted));
    if (asked.hold) return granted(std::move(asked.hold));
    place_ = std::move(asked.place);
  }
  void unlock() override { hold_ = nullptr; }

  void prepare(Stages stages, Then then) override {
    const auto left = [owner = &owner_, number = number_](Error why) {
      owner->home_.post([owner, number, why = std::move(why)] { owner->abandon(number, why); });
    };
    on_shards(stages, std::move(then), [left](Shard& shard, const Shard::StageAtBarrier& at) {
      return shard.prepare(at, left);
    });
  }

  Result<std::vector<Offset>> ends(std::span<const engine::PartitionRef> partitions) override {
    if (!has_same_writers(*plan_, *owner_.parts_.definitions.image()))
      return Error{ErrorCode::ObjectState, "a query was created, replaced or dropped meanwhile"};
    std::vector<std::pair<engine::PartitionRef, Offset>> positions;
    for (const engine::PartitionRef& partition : partitions)
      positions.emplace_back(partition, kOnlyEnds);
    std::vector<Offset> ends;
    if (positions.empty()) return ends;
    // All ends must come from one snapshot of the log, but a poll of a single partition may take
    // the end from memory. The additional position prevents this, because the poll then has several
    // positions.
    positions.push_back(positions.front());
    LogSources& sources = owner_.home_.sources();
    const std::vector<engine::Polled> polled = TRY(sources.poll(positions, 0));
    sources.release();
    for (size_t i = 0; i < partitions.size(); ++i) {
      TRY(Status(polled[i].status));
      ends.push_back(polled[i].readable_end);
    }
    return ends;
  }

  void limit(Stages stages, CutsPtr cuts, Then then) override {
    on_shards(stages, std::move(then), [cuts](Shard& shard, const Shard::StageAtBarrier& at) {
      return shard.limit(at, cuts);
    });
  }

  void await(size_t stage, std::vector<std::pair<engine::PartitionRef, Offset>> cuts,
             Then then) override {
    moved_us_ = now_us();
    owner_.parts_.log.hurry();  // so that commits of tasks do not wait for appends of clients
    const auto all = std::make_shared<Countdown>(
        tasks_[stage].size() + 1, [this, stage, then = std::move(then)](Status status) {
          stood_us_[stage] = now_us();
          then(std::move(status));
        });
    for (const auto& [shard, tasks] : tasks_[stage]) {
      const auto one = there_.on(owner_.home_.loop(), [all](Status status) { all->one(status); });
      shard->post(
          [shard, at = at(stage, tasks), cuts, one] { shard->when_standing(at, cuts, one); });
    }
    all->one();
  }

  void open(size_t stage, std::function<void()> then) override {
    moved_us_ = now_us();
    const std::shared_ptr<HeldTables> held = std::make_shared<TablesAtBarrier>(
        number_, owner_.is_there_, there_.on(owner_.home_.loop(), std::move(then)));
    owner_.open(number_, plan_->stages[stage].query->plan->id, held);
  }

  void leave(Stages stages) override {
    std::map<Shard*, std::vector<std::pair<std::string, int>>> by_shard;
    for (const size_t stage : stages) {
      if (stood_us_[stage] > 0) longest_us_ = std::max(longest_us_, now_us() - stood_us_[stage]);
      for (const auto& [shard, tasks] : tasks_[stage])
        by_shard[shard].emplace_back(plan_->stages[stage].query->plan->id,
                                     plan_->stages[stage].stage);
    }
    for (auto& [shard, left] : by_shard)
      shard->post([shard = shard, number = number_, left = std::move(left)] {
        for (const auto& [query_id, stage] : left) shard->leave_barrier(number, query_id, stage);
      });
  }

  // Returns the longest time for which a stage was stopped.
  int64_t longest_us() const { return longest_us_; }
  // Returns the time at which the barrier has made progress last.
  int64_t moved_us() const { return moved_us_; }

 private:
  int64_t now_us() const { return owner_.parts_.clock.monotonic_us(); }
  Shard::StageAtBarrier at(size_t stage, size_t tasks) const {
    return {number_, plan_->stages[stage].query->plan->id, plan_->stages[stage].stage, tasks};
  }

  // Runs `work` for each stage, on all shards that have tasks of the stage. Then calls `then`, with
  // the first error if any call has failed.
  void on_shards(Stages stages, Then then,
                 std::function<Status(Shard&, const Shard::StageAtBarrier&)> work) {
    moved_us_ = now_us();
    std::map<Shard*, std::vector<Shard::StageAtBarrier>> by_shard;
    for (const size_t stage : stages)
      for (const auto& [shard, tasks] : tasks_[stage]) by_shard[shard].push_back(at(stage, tasks));
    const auto all = std::make_shared<Countdown>(by_shard.size() + 1, std::move(then));
    for (auto& [shard, its] : by_shard) {
      const auto one = there_.on(owner_.home_.loop(), [all](Status status) { all->one(status); });
      shard->post([shard = shard, its = std::move(its), work, one] {
        Status status;
        for (const Shard::StageAtBarrier& each : its)
          if (status) status = work(*shard, each);
        one(std::move(status));
      });
    }
    all->one();
  }

  Barriers& owner_;
  const uint64_t number_;
  const std::shared_ptr<const BarrierPlan> plan_;
  std::vector<std::map<Shard*, size_t>> tasks_;  // by stage: the number of its tasks on each shard
  // For each stage: the time at which its tasks stopped at the cuts; 0: they have not stopped yet.
  std::vector<int64_t> stood_us_;
  int64_t longest_us_ = 0, moved_us_;
  TableLocks::Place place_;
  TableLocks::Hold hold_;
  const WeakCallback there_;
};

Barriers::Barriers(SqlParts& parts, Shard& home)
    : parts_(parts), home_(home), timer_(home.loop(), "barriers", [this] { tick(); }) {}
Barriers::~Barriers() = default;

void Barriers::read(BarrierReader reader) {
  home_.post([this, reader = std::move(reader)]() mutable {
    const MetadataImagePtr image = parts_.definitions.image();
    std::vector<const DefinedQuery*> queries;
    for (const DefinedQueryPtr& query : reader.queries) queries.push_back(query.get());
    std::set<std::string> query_ids;
    for (const DefinedQuery* each : queries_on_the_way(*image, queries))
      query_ids.insert(each->plan->id);
    waiting_.push_back({std::move(reader), std::move(query_ids)});
    begin_some();
  });
}

bool Barriers::is_busy(const std::string& query_id, int64_t now_us) const {
  const auto rest = works_until_us_.find(query_id);
  if (rest != works_until_us_.end() && rest->second > now_us) return true;
  return std::ranges::any_of(
      running_, [&](const auto& each) { return each.second.plan->query_ids.contains(query_id); });
}

// Begins a barrier for each waiting reader that can have one now. A reader can have a barrier if
// none of its queries is busy (is_busy()), and if no reader that has waited for longer needs one of
// these queries. Other waiting readers that need only queries of the barrier join it.
void Barriers::begin_some() {
  if (is_beginning_) return;  // a barrier has ended within begin()
  is_beginning_ = true;
  const int64_t now_us = parts_.clock.monotonic_us();
  std::erase_if(works_until_us_, [&](const auto& rest) { return rest.second <= now_us; });
  std::erase_if(waiting_, [](const Waiting& each) { return each.reader.receiver.expired(); });
  std::set<std::string> claimed;
  for (size_t i = 0; i < waiting_.size();) {
    const std::set<std::string> ids = waiting_[i].query_ids;
    const bool must_wait = std::ranges::any_of(
        ids, [&](const std::string& id) { return claimed.contains(id) || is_busy(id, now_us); });
    if (must_wait) {
      claimed.insert(ids.begin(), ids.end());
      ++i;
      continue;
    }
    std::vector<BarrierReader> readers;
    for (size_t other = i; other < waiting_.size();) {
      if (!std::ranges::includes(ids, waiting_[other].query_ids)) {
        ++other;
        continue;
      }
      readers.push_back(std::move(waiting_[other].reader));
      waiting_.erase(waiting_.begin() + static_cast<ptrdiff_t>(other));
    }
    begin(std::move(readers));
  }
  is_beginning_ = false;
  start_timer();
}

void Barriers::begin(std::vector<BarrierReader> readers) {
  std::vector<DefinedQueryPtr> queries;
  const MetadataImagePtr image = parts_.definitions.image();
  for (const BarrierReader& reader : readers)
    for (const DefinedQueryPtr& query : reader.queries) {
      const DefinedQueryPtr now = image->find_query(query->plan->id);
      if (now && std::ranges::find(queries, now) == queries.end()) queries.push_back(now);
    }
  const auto plan = plan_of(image, queries);
  if (!plan) {
    for (const BarrierReader& reader : readers) reader.fail(plan.error());
    return;
  }
  const uint64_t number = ++last_number_;
  ++begun_;
  Running& running = running_[number];
  running.plan = *plan;
  running.port = std::make_unique<TasksAtBarrier>(*this, number, running.plan);
  running.readers = std::move(readers);
  // The barrier cannot end within this call: all of its steps wait for answers of shards.
  running.barrier =
      Barrier::begin(running.plan, *running.port, [this, number](const Status& status) {
        home_.post([this, number, status] { end(number, status); });
      });
}

// Plans a barrier for the queries, or returns the plan of an earlier barrier for the same queries.
Result<std::shared_ptr<const BarrierPlan>> Barriers::plan_of(
    const MetadataImagePtr& image, const std::vector<DefinedQueryPtr>& queries) {
  constexpr size_t kMostPlans = 100;
  if (plans_revision_ != image->revision || plans_.size() >= kMostPlans) plans_.clear();
  plans_revision_ = image->revision;
  std::shared_ptr<const BarrierPlan>& plan = plans_[queries];
  if (!plan) plan = std::make_shared<const BarrierPlan>(TRY(plan_barrier(image, queries)));
  return plan;
}

Barriers::Running* Barriers::find(uint64_t number) {
  const auto found = running_.find(number);
  return found == running_.end() ? nullptr : &found->second;
}

void Barriers::open(uint64_t number, const std::string& query_id,
                    const std::shared_ptr<HeldTables>& held) {
  Running* const running = find(number);
  if (!running) return;
  for (BarrierReader& reader : running->readers)
    if (std::erase_if(reader.queries, [&](const DefinedQueryPtr& query) {
          return query->plan->id == query_id;
        }) > 0)
      reader.open(query_id, held);
}

void Barriers::end(uint64_t number, const Status& status) {
  const auto found = running_.find(number);
  if (found == running_.end()) return;
  const Running running = std::move(found->second);
  running_.erase(found);
  const int64_t until_us = parts_.clock.monotonic_us() + running.port->longest_us();
  for (const std::string& id : running.plan->query_ids) works_until_us_[id] = until_us;
  if (!status) ++abandoned_;
  const Error why = status ? Error{ErrorCode::ObjectState, "a query that keeps a table has ended"}
                           : status.error();
  for (const BarrierReader& reader : running.readers)
    if (!reader.queries.empty()) reader.fail(why);
  begin_some();
}

void Barriers::abandon(uint64_t number, Error why) {
  if (Running* const running = find(number)) running->barrier->abandon(std::move(why));
}

void Barriers::tick() {
  const int64_t now_us = parts_.clock.monotonic_us();
  std::vector<std::pair<uint64_t, Error>> stalled;
  for (const auto& [number, running] : running_) {
    const BarrierPlan::Stage* const stage = running.barrier->awaited();
    const bool is_view = stage && engine::view_step_of(*stage->query->plan);
    const int64_t most_us = is_view ? kViewStallUs : kStallUs;
    if (now_us - running.port->moved_us() < most_us) continue;
    stalled.emplace_back(
        number,
        Error{ErrorCode::ObjectState,
              stage ? fmt::format("stage {} of query {} has not processed all records before the "
                                  "barrier within {} ms",
                                  stage->stage, stage->query->plan->id, most_us / 1000)
                    : fmt::format("no barrier could be drawn within {} ms", most_us / 1000)});
  }
  for (auto& [number, why] : stalled) abandon(number, std::move(why));
  begin_some();
}

void Barriers::start_timer() {
  if (running_.empty() && waiting_.empty()) return;
  const int64_t now_us = parts_.clock.monotonic_us();
  int64_t due_us = now_us + kTickMs * 1000;
  if (!waiting_.empty())
    for (const auto& [id, until_us] : works_until_us_) due_us = std::min(due_us, until_us);
  // The timer already ends at this time or earlier. A later time must not replace it, because
  // several readers use one timer.
  if (timer_.is_running() && timer_due_us_ <= due_us) return;
  timer_due_us_ = due_us;
  timer_.start_once(std::max<int64_t>(1, (due_us - now_us + 999) / 1000));
}

}  // namespace server
