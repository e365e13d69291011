// Runs the coordinators of one kind (of groups or of transactions) on the node's loops. The kind
// has a topic; each partition of this topic is coordinated on one loop, to which the requests are
// posted.
#pragma once
#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/coordinator/coordinator_port.h"
#include "server/coordinator/coordinators.h"
#include "server/coordinator/key_partition.h"
#include "server/kafka/backend.h"
#include "server/kafka/leaders.h"
#include "server/net/loop.h"
#include "server/node/movable_clock.h"

namespace server {

// The environment of a coordinator's partitions on one loop.
class CoordinatorLoop : public coordinator::CoordinatorPort {
 public:
  CoordinatorLoop(Loop& loop, kafka::Backend& backend, const Clock& clock, const char* name,
                  bool can_move)
      : loop_(loop), backend_(backend), clock_(clock), name_(name), can_move_(can_move) {}

  const Clock& clock() const override { return clock_; }
  bool can_move() const override { return can_move_; }
  Result<Offset> read(PartitionId partition, Offset from, size_t max_bytes,
                      const EachBatch& each) override;
  Result<Extent> extent(PartitionId partition) override;
  void append(PartitionId partition, LeaderEpoch epoch, std::string batch,
              std::vector<Elsewhere> with, Guard guard, std::function<void(Status)> done) override;
  void defer(std::function<void()> task) override { loop_.defer(std::move(task)); }
  void post_rest(std::function<void()> task) override { loop_.post_rest(name_, std::move(task)); }

  void run_here(std::function<void()> task) {
    loop_.is_here() ? task() : loop_.post(std::move(task));
  }

 private:
  bool leads(PartitionId partition, LeaderEpoch epoch) const;

 protected:
  Loop& loop_;
  kafka::Backend& backend_;
  const Clock& clock_;
  const char* const name_;
  const bool can_move_;
  Uuid topic_;  // the topic of the partitions
};

// One of the node's loops, with its access to the log.
struct CoordinatorPlace {
  Loop* loop;
  kafka::Backend* backend;
};

// `Shard` is the class that coordinates the partitions of one loop (a
// coordinator::CoordinatorShard), `Port` the interface through which front ends call it.
//
// Threads: the owner's, while no loop runs; start() and stop() from any. Each Port belongs to its loop.
// Owner: the node; destroyed after the loops have stopped.
template <class Shard, class Port, class Listed>
class CoordinatorLoops {
 public:
  using Partition = typename Shard::PartitionType;
  using Place = CoordinatorPlace;
  struct Kind {
    std::string_view topic;   // the topic is created at the first use
    int32_t partition_count;  // number of partitions for a new topic
    const char* name;         // name of the work in the meters of a loop
    // Checks whether an answer of the partition's leader is still valid: see
    // Coordinators::confirm(). Empty if all answers are valid. Calls back on any thread.
    std::function<void(const storage::TopicPartition& partition, KafkaError error,
                       std::function<void(bool holds)> done)>
        confirm = {};
  };
  // Creates the coordinators of the loop at `place`.
  using MakeShard = std::function<std::unique_ptr<Shard>(size_t place, CoordinatorLoop& port)>;

  CoordinatorLoops(const std::vector<Place>& places, const Kind& kind, const Clock& clock,
                   const MakeShard& make_shard)
      : kind_(kind) {
    for (size_t i = 0; i < places.size(); ++i) {
      loops_.push_back(std::make_unique<OnLoop>(*this, places[i], clock));
      loops_.back()->shard = make_shard(i, *loops_.back());
      loops_.back()->shard->on_sooner([on = loops_.back().get()] { on->set_timer(); });
    }
  }
  CoordinatorLoops(const CoordinatorLoops&) = delete;
  CoordinatorLoops& operator=(const CoordinatorLoops&) = delete;

  // Returns the interface for the front ends of the loop at `place`.
  Port& of(size_t place) { return *loops_[place]; }
  // Collects rows of all partitions; `done` also gets an error if a partition could not be asked. Any thread; calls
  // back on one of the loops.
  template <class Row>
  void gather(std::function<std::vector<Row>(const Partition&)> rows_of,
              std::function<void(KafkaError, std::vector<Row>)> done) {
    struct Gathered {
      std::mutex mutex;
      std::vector<Row> rows;                // guarded by mutex
      KafkaError error = KafkaError::None;  // guarded by mutex
      size_t left;                          // guarded by mutex
    };
    auto gathered = std::make_shared<Gathered>();
    gathered->left = loops_.size();
    for (const auto& on : loops_)
      on->run_later([on = on.get(), gathered, rows_of, done] {
        const auto visit = [gathered, rows_of](const Partition& partition) {
          std::vector<Row> rows = rows_of(partition);
          const std::lock_guard lock(gathered->mutex);
          std::ranges::move(rows, std::back_inserter(gathered->rows));
        };
        on->visit_all(0, KafkaError::None, visit, [gathered, done](KafkaError error) {
          {
            const std::lock_guard lock(gathered->mutex);
            if (error != KafkaError::None) gathered->error = error;
            if (--gathered->left > 0) return;
          }
          done(gathered->error, std::move(gathered->rows));
        });
      });
  }
  // Loads the stored state once the loops run. In a cluster each node coordinates the partitions that it leads, and
  // checks periodically which partitions these are.
  void start() {
    for (const auto& on : loops_) on->run_later([raw = on.get()] { raw->lead_all(); });
  }
  // Answers waiting requests so that clients look for another coordinator, and stops all coordination.
  void stop() {
    for (const auto& on : loops_) on->run_later([raw = on.get()] { raw->resign(); });
  }

 private:
  struct OnLoop final : CoordinatorLoop, Port {
    using Work = typename Port::Work;
    using Home = typename Port::Home;

    OnLoop(CoordinatorLoops& all, const Place& place, const Clock& time)
        : CoordinatorLoop(*place.loop, *place.backend, time, all.kind_.name,
                          static_cast<bool>(all.kind_.confirm)),
          owner(all),
          timer(loop_, all.kind_.name, [this] { on_time(); }),
          look(loop_, all.kind_.name, [this] { lead_all(); }) {}

    // --- Port

    void prepare(coordinator::Done<KafkaError> done) override {
      if (backend_.topics()->find(owner.kind_.topic)) return done(KafkaError::None);
      preparing.push_back(std::move(done));
      if (preparing.size() > 1) return;
      backend_.create_topic(
          std::string(owner.kind_.topic), owner.kind_.partition_count,
          {{"cleanup.policy", "compact"}}, {}, [this](Result<storage::TopicInfo> made) {
            const bool is_there = made || made.error().code == ErrorCode::TopicExists;
            if (is_there) owner.start();
            for (const auto& each : std::exchange(preparing, {}))
              each(is_there ? KafkaError::None : KafkaError::CoordinatorNotAvailable);
          });
    }
    void run(const std::string& key, Work work) override {
      const auto topics = backend_.topics();
      const storage::TopicInfo* known = topics->find(owner.kind_.topic);
      if (!known) {
        prepare([](KafkaError) {});
        return work(nullptr, KafkaError::CoordinatorNotAvailable);
      }
      run_at(coordinator::partition_of_key(key, known->partition_count), std::move(work));
    }
    void run_at(PartitionId partition, Work work) override {
      OnLoop& on = owner.loop_of(partition);
      on.run_here([&on, partition, work = std::move(work)] {
        Partition* of = on.shard->find(partition);
        KafkaError why_not = of ? of->unavailable() : coordinator::kNotCoordinator;
        if (why_not == coordinator::kNotCoordinator && on.begins_soon(partition))
          why_not = coordinator::kCoordinatorLoadInProgress;
        work(why_not == KafkaError::None ? of : nullptr, why_not);
      });
    }
    void run_here_for(const std::string& key, Work work) override {
      const auto topics = backend_.topics();
      const storage::TopicInfo* known = topics->find(owner.kind_.topic);
      if (!known) return work(nullptr, KafkaError::CoordinatorNotAvailable);
      const PartitionId partition = coordinator::partition_of_key(key, known->partition_count);
      OnLoop& on = owner.loop_of(partition);
      on.run_here([&on, partition, work = std::move(work)] {
        if (on.is_stopped) return work(nullptr, coordinator::kNotCoordinator);
        work(&on.shard->find_or_make(partition), KafkaError::None);
      });
    }
    void confirm(const std::string& key, KafkaError error,
                 std::function<void(bool)> done) override {
      const auto topics = backend_.topics();
      const storage::TopicInfo* known =
          owner.kind_.confirm ? topics->find(owner.kind_.topic) : nullptr;
      if (known == nullptr) return done(true);
      owner.kind_.confirm({known->id, coordinator::partition_of_key(key, known->partition_count)},
                          error, [home = home(), done = std::move(done)](bool holds) {
                            home([done, holds] { done(holds); });
                          });
    }
    Home home() override {
      return [this](std::function<void()> task) { run_here(std::move(task)); };
    }

    void list(coordinator::Done<Listed> done) override {
      using Rows = decltype(std::declval<const Partition&>().list());
      owner.template gather<typename Rows::value_type>(
          [](const Partition& partition) { return partition.list(); },
          [home = home(), done = std::move(done)](KafkaError error, Rows all) {
            home([done, error, all = std::move(all)]() mutable { done({error, std::move(all)}); });
          });
    }

    // --- The loop

    // Calls `visit` for each partition that this loop leads, in slices, since a partition may be large. Calls back with
    // an error if a partition cannot be asked.
    void visit_all(int32_t first, KafkaError error, std::function<void(const Partition&)> visit,
                   std::function<void(KafkaError)> done) {
      constexpr int64_t kSliceUs = 1'000;
      const auto topics = backend_.topics();
      const storage::TopicInfo* known = topics->find(owner.kind_.topic);
      const int64_t begin_us = clock_.monotonic_us();
      for (int32_t i = first; known && i < known->partition_count; ++i) {
        if (&owner.loop_of(PartitionId(i)) != this) continue;
        if (!backend_.leads_all() && !led.contains(PartitionId(i)))
          continue;  // the leader of the partition returns its groups
        if (clock_.monotonic_us() - begin_us > kSliceUs)
          return post_rest([this, i, error, visit, done] { visit_all(i, error, visit, done); });
        const Partition* of = shard->find(PartitionId(i));
        const KafkaError why_not = of ? of->unavailable() : coordinator::kNotCoordinator;
        if (why_not != KafkaError::None)
          error = why_not;
        else
          visit(*of);
      }
      done(error);
    }
    void run_later(std::function<void()> task) { loop_.post(std::move(task)); }
    void lead_all() {
      if (is_stopped) return;
      if (!backend_.leads_all()) return follow_leaders();
      const auto topics = backend_.topics();
      const storage::TopicInfo* known = topics->find(owner.kind_.topic);
      if (!known || topic_ == known->id) return;
      topic_ = known->id;
      for (int32_t i = 0; i < known->partition_count; ++i) {
        const PartitionId partition(i);
        if (&owner.loop_of(partition) != this) continue;
        const auto status = backend_.find_partition({topic_, partition});
        if (status) shard->lead(partition, status->leader_epoch());
      }
    }
    // Begins to coordinate a partition when this node leads it and its whole log is visible. From
    // then on the log includes all answers of former leaders, and no record of it can be removed.
    // Ends the coordination of partitions that other nodes lead.
    void follow_leaders() {
      constexpr int64_t kPauseMs = 20;
      look.start_once(kPauseMs);
      const auto topics = backend_.topics();
      const storage::TopicInfo* known = topics->find(owner.kind_.topic);
      if (!known) return;
      topic_ = known->id;
      const kafka::Leaders leaders(backend_);
      for (int32_t i = 0; i < known->partition_count; ++i) {
        const PartitionId partition(i);
        if (&owner.loop_of(partition) != this) continue;
        const auto leads = led.find(partition);
        if (leaders.of({topic_, partition}).error != KafkaError::None) {
          if (leads == led.end()) continue;
          led.erase(leads);
          shard->find(partition)->resign();
          continue;
        }
        const auto status = backend_.find_partition({topic_, partition});
        if (!status || (leads != led.end() && leads->second == status->leader_epoch())) continue;
        if (status->high_watermark() < status->log_end()) continue;
        led[partition] = status->leader_epoch();
        shard->lead(partition, status->leader_epoch());
      }
    }
    // Returns whether this loop will begin to coordinate the partition soon. Clients then get the
    // error "loading" and wait: if they looked up the coordinator again, they would find this node
    // again.
    bool begins_soon(PartitionId partition) const {
      const auto topics = backend_.topics();
      const storage::TopicInfo* known = topics->find(owner.kind_.topic);
      return !is_stopped && !backend_.leads_all() && known != nullptr &&
             kafka::Leaders(backend_).of({known->id, partition}).error == KafkaError::None;
    }
    void resign() {
      is_stopped = true;
      look.stop();
      shard->resign_all();
    }
    void on_time() {
      timer_us = INT64_MAX;
      shard->run_due();
      set_timer();
    }
    void set_timer() {
      const std::optional<int64_t> next = shard->next_us();
      if (!next || *next >= timer_us) return;
      timer_us = *next;
      timer.start_once(
          timer_ms(clock_, std::max<int64_t>((*next - clock_.monotonic_us() + 999) / 1000, 0)));
    }

    CoordinatorLoops& owner;
    std::unique_ptr<Shard> shard;
    std::vector<coordinator::Done<KafkaError>> preparing;
    bool is_stopped = false;
    int64_t timer_us = INT64_MAX;  // time at which the timer expires
    Timer timer;
    // In a cluster: the partitions that this loop coordinates, with their epochs.
    std::map<PartitionId, LeaderEpoch> led;
    Timer look;
  };
  OnLoop& loop_of(PartitionId partition) {
    return *loops_[static_cast<size_t>(partition.value()) % loops_.size()];
  }

  const Kind kind_;
  std::vector<std::unique_ptr<OnLoop>> loops_;
};

}  // namespace server
