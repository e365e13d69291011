// Runs queries on shards over a log in memory: a node without front ends and without a disk.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/sql/parse.h"
#include "records/batch_builder.h"
#include "server/metadata/metadata_applier.h"
#include "server/tasks/query_supervisor.h"
#include "storage/kv/memory_store.h"
#include "storage/meta/embedded_metadata_log.h"
#include "storage/state/state_reader.h"

namespace server {

// The stored data, which survive a stop.
struct Disks {
  storage::MemoryDisk log, state;
};

// A state store whose loads a test can make endless, and which a test can make full. Threads:
// any.
class SlowStateStore final : public storage::StateStore {
 public:
  explicit SlowStateStore(std::unique_ptr<StateStore> store) : store_(std::move(store)) {}
  bool try_checkpoint(storage::Checkpoint& checkpoint, std::function<void(Status)>& done) override {
    return !is_full && store_->try_checkpoint(checkpoint, done);
  }
  void drop_tasks(std::string prefix, std::function<void(Status)> done) override {
    store_->drop_tasks(std::move(prefix), std::move(done));
  }
  // While `is_slow`, all entries are visited again and again, as if the load never ended.
  Result<storage::CheckpointPosition> load(std::string_view task, const WantsStore& wants,
                                           const Visit& visit) const override {
    bool is_empty = false;
    while (is_slow && !is_empty) {
      is_empty = true;
      TRY(store_->load_all(task, [&](auto store, auto key, auto value) -> Status {
        is_empty = false;
        ++slow_visits;
        return visit(store, key, value);
      }));
    }
    return store_->load(task, wants, visit);
  }
  Result<storage::CheckpointPosition> position_of(std::string_view task) const override {
    return store_->position_of(task);
  }
  std::unique_ptr<storage::StateReader> open_reader() const override {
    return store_->open_reader();
  }
  Result<JournalEnds> journal_ends() const override { return store_->journal_ends(); }
  Result<std::vector<std::string>> task_ids() const override { return store_->task_ids(); }
  size_t pending_removals() const override { return store_->pending_removals(); }
  Uuid instance_id() const override { return store_->instance_id(); }

  std::atomic<bool> is_slow = false;
  std::atomic<bool> is_full = false;  // if set, the store accepts no checkpoints
  mutable std::atomic<int> slow_visits = 0;

 private:
  const std::unique_ptr<StateStore> store_;
};

// Threads: the test's. The objects are connected and stopped as in a node.
class RunningQueries {
 public:
  explicit RunningQueries(Disks& disks, uint32_t shard_count = 2, CheckpointPolicy policy = {},
                          QueryTasks::FindElections elections = {}) {
    storage::LogOptions options;
    options.on_durable = [this](std::span<const storage::TopicPartition> partitions) {
      if (!is_ready_) return;
      const auto by_shard = subscriptions.readers_of(partitions, shards.size());
      for (size_t i = 0; i < shards.size(); ++i)
        if (!by_shard[i].empty()) shards[i]->wake(by_shard[i]);
    };
    log = storage::Log::open(disks.log.open(), std::move(options)).value();
    state = std::make_unique<SlowStateStore>(
        storage::StateStore::open([&disks] { return disks.state.open(); }, {}).value());
    metadata = storage::open_embedded_metadata_log(log->store(), *log).value();
    std::vector<Shard*> running;
    for (uint32_t i = 0; i < shard_count; ++i) {
      shards.push_back(Shard::make(i, *log, subscriptions, shared_records, memory, clock,
                                   [this](const ShardTask& task) {
                                     ++failures;
                                     supervisor->task_failed(
                                         {task.query_id, task.run, task.task->failure()->error,
                                          task.task->is_careful(), false, task.is_lost});
                                   })
                           .value());
      running.push_back(shards.back().get());
    }
    is_ready_ = true;
    tasks = std::make_unique<QueryTasks>(
        *log, *state, clock, running, [this] { return definitions->image()->topics; }, policy,
        must_stop_);
    if (elections) tasks->set_elections(std::move(elections));
    supervisor = std::make_unique<QuerySupervisor>(*tasks, *log, clock);
    definitions =
        std::make_unique<MetadataApplier>(*log, *metadata, *supervisor, engine::EngineSettings{});
    EXPECT_TRUE(definitions->recover(must_stop_));
    definitions->start_thread();
    for (const auto& shard : shards) shard->start_thread();
    tasks->note_shards_run();
    supervisor->start_thread();
  }
  ~RunningQueries() {
    definitions->stop_thread();
    supervisor->stop_thread();
    for (const auto& shard : shards) shard->stop_thread();
    log->close();
    shards.clear();
  }

  Status define(const std::string& sql, const engine::Properties& properties = {}) {
    auto script = engine::parse_script(sql);
    if (!script) return std::move(script).error();
    std::promise<Status> done;
    definitions->submit(std::make_shared<const engine::ParsedStatement>(std::move(script->front())),
                        properties, [&](Result<DefinitionOutcome> outcome) {
                          done.set_value(outcome ? Status{} : std::move(outcome).error());
                        });
    return done.get_future().get();
  }
  Status change(TopicChange topic_change) {
    std::promise<Status> done;
    definitions->submit(std::move(topic_change), [&](Result<storage::TopicInfo> changed) {
      done.set_value(changed ? Status{} : std::move(changed).error());
    });
    return done.get_future().get();
  }
  storage::TopicPartition partition(const std::string& topic, int32_t number = 0) const {
    const storage::TopicInfo* found = definitions->image()->topics->find(topic);
    return {found ? found->id : Uuid{}, PartitionId(number)};
  }
  // Appends a record, which has only a value if no key is given. Returns its offset.
  Offset insert(const storage::TopicPartition& to, const std::string& value,
                std::optional<std::string_view> key = {}) {
    records::BatchBuilder batch;
    batch.append(1'700'000'000'000, key, value);
    storage::AppendRequest request;
    request.parts.push_back({to, batch.finish()});
    return storage::append_and_wait(*log, std::move(request)).value().front().last_offset;
  }

  // Runs the work on the shard's loop, and waits for its end.
  void on_shard(Shard& shard, const std::function<void()>& work) const {
    std::promise<void> done;
    shard.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  std::vector<ShardTaskReport> reports() const {
    std::vector<ShardTaskReport> all;
    for (const auto& shard : shards)
      on_shard(*shard, [&] {
        for (ShardTaskReport& report : shard->reports()) all.push_back(std::move(report));
      });
    return all;
  }
  uint64_t records_in(const std::string& query_id) const {
    uint64_t records = 0;
    for (const ShardTaskReport& report : reports())
      if (report.query_id == query_id) records += report.metrics.records_in;
    return records;
  }
  static bool eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 60'000; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

  SystemClock clock;
  Subscriptions subscriptions;
  engine::SharedRecords shared_records;
  MemoryBudget memory;
  std::atomic<int> failures = 0;  // number of failed tasks
  std::unique_ptr<storage::Log> log;
  std::unique_ptr<SlowStateStore> state;
  std::unique_ptr<storage::MetadataLog> metadata;
  std::vector<std::unique_ptr<Shard>> shards;
  std::unique_ptr<QueryTasks> tasks;
  std::unique_ptr<QuerySupervisor> supervisor;
  std::unique_ptr<MetadataApplier> definitions;

 private:
  std::atomic<bool> is_ready_ = false, must_stop_ = false;
};

}  // namespace server
