// A model of queries, their topics and commits, in which barriers are begun at random moments. Every
// record has a number, and every task keeps the numbers of the records that it has processed, so the
// table of a stage can be compared with the records below the cuts.
#include "server/sql/barriers/barrier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

namespace server {
namespace {

using engine::PartitionRef;
using Records = std::vector<int>;

constexpr int32_t kPartitions = 2;

// A rule that the model breaks, to show that the comparison finds the error.
enum class Broken : uint8_t {
  Nothing,
  PollsWhilePrepared,  // a task takes records while the cuts are drawn
  ReadsBeyondCut,      // a task is not limited
  StandsUndurable,     // a task stands although commits are in flight
  StandsUnfinished,    // a task stands in the middle of its records
  StandsAtOnce,        // a task stands before it has reached its cuts
  ContinuesTooEarly,   // the readers of a topic receive its cut after its writers continue
};

class Model final : public BarrierPort {
 public:
  Model(uint64_t seed, Broken broken) : random_(seed), broken_(broken) {
    make_plan();
    for (const BarrierPlan::Topic& topic : plan_->topics)
      for (const PartitionRef& partition : topic.partitions) log_[partition];
    for (const BarrierPlan::Stage& stage : plan_->stages) {
      auto& tasks = tasks_.emplace_back(kPartitions);
      for (int32_t i = 0; i < kPartitions; ++i)
        for (const size_t input : stage.inputs)
          tasks[static_cast<size_t>(i)]
              .now.next[plan_->topics[input].partitions[static_cast<size_t>(i)]] = 0;
      for (Task& task : tasks) task.durable = task.now;
    }
  }

  void run(int events) {
    for (int i = 0; i < events; ++i) one_event();
  }
  int wrong() const { return wrong_; }
  int opened() const { return opened_; }
  int passed() const { return passed_; }
  int abandoned() const { return abandoned_; }

  // --- BarrierPort. The answers arrive later, in any order.
  void lock(const std::set<Uuid>&, std::function<void()> then) override { later(std::move(then)); }
  void unlock() override {}
  void prepare(Stages stages, Then then) override {
    for (const size_t stage : stages)
      for (Task& task : tasks_[stage]) task.is_prepared = broken_ != Broken::PollsWhilePrepared;
    later([then] { then({}); });
  }
  Result<std::vector<Offset>> ends(std::span<const PartitionRef> partitions) override {
    std::vector<Offset> ends;
    for (const PartitionRef& partition : partitions)
      ends.emplace_back(static_cast<int64_t>(log_[partition].size()));
    return ends;
  }
  void limit(Stages stages, CutsPtr cuts, Then then) override {
    const std::vector<size_t> which(stages.begin(), stages.end());
    const auto set = [this, which, cuts] {
      for (const size_t stage : which)
        for (Task& task : tasks_[stage]) {
          task.cuts = broken_ == Broken::ReadsBeyondCut ? nullptr : cuts;
          task.is_prepared = false;
        }
    };
    if (broken_ == Broken::ContinuesTooEarly && barrier_ && barrier_->awaited()) {
      later(set);
      return then({});
    }
    later([set, then] {
      set();
      then({});
    });
  }
  void await(size_t stage, std::vector<std::pair<PartitionRef, Offset>> cuts, Then then) override {
    waiting_.push_back({stage, std::move(cuts), std::move(then)});
  }
  void open(size_t stage, std::function<void()> then) override {
    Records shown;
    for (const Task& task : tasks_[stage])
      shown.insert(shown.end(), task.now.seen.begin(), task.now.seen.end());
    Records expected = effects_on(stage);
    std::ranges::sort(shown);
    std::ranges::sort(expected);
    ++opened_;
    if (shown != expected) ++wrong_;
    later(std::move(then));
  }
  void leave(Stages stages) override {
    for (const size_t stage : stages)
      for (Task& task : tasks_[stage]) {
        task.cuts = nullptr;
        task.is_prepared = false;
      }
  }

 private:
  struct State {
    std::map<PartitionRef, int64_t> next;
    Records seen;
  };
  struct Commit {
    State state;
    Records outputs;
  };
  struct Task {
    State now, durable;
    std::deque<Commit> in_flight;
    Records rest;  // records that are taken and not processed
    CutsPtr cuts;
    bool is_prepared = false;
  };
  struct Waiting {
    size_t stage;
    std::vector<std::pair<PartitionRef, Offset>> cuts;
    Then then;
  };

  size_t below(size_t count) {
    return std::uniform_int_distribution<size_t>(0, count - 1)(random_);
  }
  bool chance(int percent) { return below(100) < static_cast<size_t>(percent); }
  void later(std::function<void()> what) { posted_.push_back(std::move(what)); }

  // Makes stages that read base topics or outputs of earlier stages. Several stages may write one
  // topic.
  void make_plan() {
    auto plan = std::make_shared<BarrierPlan>();
    const auto add_topic = [&] {
      BarrierPlan::Topic& topic = plan->topics.emplace_back();
      topic.id = Uuid{{static_cast<uint8_t>(plan->topics.size())}};
      for (int32_t i = 0; i < kPartitions; ++i)
        topic.partitions.push_back({topic.id, PartitionId(i)});
      return plan->topics.size() - 1;
    };
    std::vector<size_t> readable{add_topic(), add_topic()};
    const size_t levels = 2 + below(3);
    for (size_t level = 0; level < levels; ++level) {
      const size_t output = add_topic();
      const size_t writers = 1 + below(2);
      for (size_t i = 0; i < writers; ++i) {
        BarrierPlan::Stage& stage = plan->stages.emplace_back();
        stage.keeps_table = true;
        stage.output = output;
        stage.inputs.push_back(readable[below(readable.size())]);
        const size_t second = readable[below(readable.size())];
        if (second != stage.inputs.front()) stage.inputs.push_back(second);
      }
      readable.push_back(output);
    }
    for (size_t i = 0; i < plan->stages.size(); ++i) {
      plan->topics[*plan->stages[i].output].writers.push_back(i);
      for (const size_t input : plan->stages[i].inputs) plan->topics[input].readers.push_back(i);
    }
    for (BarrierPlan::Stage& stage : plan->stages)
      if (plan->topics[*stage.output].readers.empty()) stage.output.reset();
    plan_ = plan;
  }

  void one_event() {
    if (!barrier_ && chance(5)) {
      const auto barrier = Barrier::begin(plan_, *this, [this](const Status& status) {
        ++(status ? passed_ : abandoned_);
        waiting_.clear();
        later([this] { barrier_ = nullptr; });
      });
      barrier_ = barrier;
    }
    const size_t kind = below(1000);
    if (kind < 1) return kill_one();
    if (kind < 100) return write();
    if (kind < 400) return commit_one();
    if (kind < 700) return step();
    if (posted_.empty()) return;
    const auto at = posted_.begin() + static_cast<ptrdiff_t>(below(posted_.size()));
    const auto what = std::move(*at);
    posted_.erase(at);
    what();
  }

  // A client writes to any topic.
  void write() {
    const BarrierPlan::Topic& topic = plan_->topics[below(plan_->topics.size())];
    const PartitionRef& partition = topic.partitions[below(kPartitions)];
    log_[partition].push_back(++last_record_);
    written_to_[last_record_] = topic.id;
  }

  void step() {
    Task& task = tasks_[below(tasks_.size())][below(kPartitions)];
    if (task.rest.empty() && !task.is_prepared) {
      auto at = task.now.next.begin();
      std::advance(at, static_cast<ptrdiff_t>(below(task.now.next.size())));
      auto end = static_cast<int64_t>(log_[at->first].size());
      if (task.cuts)
        if (const auto cut = task.cuts->find(at->first); cut != task.cuts->end())
          end = std::min(end, cut->second.value());
      for (size_t left = 1 + below(3); left > 0 && at->second < end; --left)
        task.rest.push_back(log_[at->first][static_cast<size_t>(at->second++)]);
      if (chance(50)) return answer();
    }
    if (!task.rest.empty() && task.in_flight.size() < 4) {
      Commit commit;
      commit.outputs = task.rest;
      task.now.seen.insert(task.now.seen.end(), task.rest.begin(), task.rest.end());
      task.rest.clear();
      commit.state = task.now;
      task.in_flight.push_back(std::move(commit));
    }
    answer();
  }

  void commit_one() {
    const size_t stage = below(tasks_.size());
    Task& task = tasks_[stage][below(kPartitions)];
    if (task.in_flight.empty()) return;
    Commit commit = std::move(task.in_flight.front());
    task.in_flight.pop_front();
    task.durable = commit.state;
    if (const auto output = plan_->stages[stage].output)
      for (const int record : commit.outputs)
        log_[plan_->topics[*output].partitions[static_cast<size_t>(record % kPartitions)]]
            .push_back(record);
    answer();
  }

  // A task is built again from its durable state. It is no longer part of the barrier.
  void kill_one() {
    Task& task = tasks_[below(tasks_.size())][below(kPartitions)];
    task.now = task.durable;
    task.in_flight.clear();
    task.rest.clear();
    task.cuts = nullptr;
    task.is_prepared = false;
    if (barrier_) barrier_->abandon(Error{ErrorCode::ObjectState, "a task was killed"});
  }

  void answer() {
    for (size_t i = 0; i < waiting_.size();) {
      if (!stands(waiting_[i])) {
        ++i;
        continue;
      }
      later([then = waiting_[i].then] { then({}); });
      waiting_.erase(waiting_.begin() + static_cast<ptrdiff_t>(i));
    }
  }
  bool stands(const Waiting& waiting) const {
    if (broken_ == Broken::StandsAtOnce) return true;
    return std::ranges::all_of(tasks_[waiting.stage], [&](const Task& task) {
      if (!task.rest.empty() && broken_ != Broken::StandsUnfinished) return false;
      if (!task.in_flight.empty() && broken_ != Broken::StandsUndurable) return false;
      return std::ranges::all_of(waiting.cuts, [&](const auto& cut) {
        const auto next = task.now.next.find(cut.first);
        return next == task.now.next.end() || next->second >= cut.second.value();
      });
    });
  }

  // Returns the records that the table of a stage must show: those below the cuts (end offsets) of the barrier. A
  // record occurs once for each path by which it reaches the stage.
  Records effects_on(size_t stage) {
    Records all;
    for (const size_t input : plan_->stages[stage].inputs) {
      const BarrierPlan::Topic& topic = plan_->topics[input];
      for (const PartitionRef& partition : topic.partitions) {
        const auto cut = static_cast<size_t>(barrier_->cuts().at(partition).value());
        for (size_t i = 0; i < cut; ++i)
          // A query has copied the others from a topic that a client wrote to; the loop below counts them.
          if (const int record = log_[partition][i]; written_to_.at(record) == topic.id)
            all.push_back(record);
      }
      for (const size_t writer : topic.writers) {
        const Records from = effects_on(writer);
        all.insert(all.end(), from.begin(), from.end());
      }
    }
    return all;
  }

  std::mt19937_64 random_;
  const Broken broken_;
  std::shared_ptr<const BarrierPlan> plan_;
  std::map<PartitionRef, Records> log_;
  std::vector<std::vector<Task>> tasks_;  // by stage and partition
  std::vector<std::function<void()>> posted_;
  std::vector<Waiting> waiting_;
  std::map<int, Uuid> written_to_;  // by record: the topic to which a client wrote it
  std::shared_ptr<Barrier> barrier_;
  int last_record_ = 0, wrong_ = 0, opened_ = 0, passed_ = 0, abandoned_ = 0;
};

struct Found {
  int wrong = 0, opened = 0, passed = 0, abandoned = 0;
};
Found run_models(Broken broken) {
  Found found;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Model model(seed, broken);
    model.run(5'000);
    found.wrong += model.wrong();
    found.opened += model.opened();
    found.passed += model.passed();
    found.abandoned += model.abandoned();
  }
  return found;
}

TEST(BarrierModel, tables_show_exactly_the_records_below_the_cuts) {
  const Found found = run_models(Broken::Nothing);
  EXPECT_EQ(found.wrong, 0);
  EXPECT_GT(found.passed, 1'000);
  EXPECT_GT(found.abandoned, 100);
  EXPECT_GT(found.opened, 5'000);
}

class BrokenRule : public testing::TestWithParam<Broken> {};
TEST_P(BrokenRule, is_found) { EXPECT_GT(run_models(GetParam()).wrong, 0); }
INSTANTIATE_TEST_SUITE_P(each, BrokenRule,
                         testing::Values(Broken::PollsWhilePrepared, Broken::ReadsBeyondCut,
                                         Broken::StandsUndurable, Broken::StandsUnfinished,
                                         Broken::StandsAtOnce, Broken::ContinuesTooEarly));

}  // namespace
}  // namespace server
