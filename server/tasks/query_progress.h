// The positions of all persistent queries in their inputs, for tasks that read the queries'
// outputs.
//
// A task that joins a stream with a table must not process a record too early. When the task has
// read the record, the table must already contain the results of all records that could be read at
// that moment (engine/exec/awaited_topics.h). To make this possible, all tasks publish their
// durable positions here. The joining task follows the route from the source topics to the topic of
// the table, query by query and stage by stage, and waits until each stage has passed these
// records.
#pragma once
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/exec/topic_writers.h"
#include "server/metadata/image.h"
#include "storage/log/log.h"

namespace server {

// `read` is the number of records that tasks have read, and `late` the number of those that they
// dropped because their window was closed.
struct LateRecords {
  uint64_t late = 0, read = 0;
};

// The progress of one query.
//
// Invariant: a published position is durable, and so is everything that the task wrote before it.
//          Positions stay valid when the query restarts, because the query continues from them.
//
// Threads: any. Owner: shared by QueryProgress, the query's tasks and the tasks that wait for it.
class ProgressOfQuery {
 public:
  using Wake = std::function<void()>;
  using Target = std::pair<engine::PartitionRef, Offset>;

  explicit ProgressOfQuery(DefinedQueryPtr defined) : defined_(std::move(defined)) {}

  // Sets a new definition of the query. If it has another plan, the published positions of the
  // query's tasks are discarded.
  void replace(DefinedQueryPtr defined);
  DefinedQueryPtr defined() const;
  // Sets the number of tasks of each stage. has_passed() returns false for a stage until all of its
  // tasks have published a position.
  void expect(std::vector<size_t> tasks_by_stage);
  void publish(int stage, int32_t task, std::span<const Target> positions,
               LateRecords records = {});
  // Returns the sum for the stages that have dropped late records, as published so far.
  LateRecords late_records() const;
  // Called when the query is dropped. The query writes nothing more, so has_passed() returns true
  // from now on.
  void end();

  // Returns whether all tasks of the stage have passed `targets` in their inputs. If not, `wake` is
  // called when the query changes next, on the thread that makes the change. If `wake` has expired,
  // it is not called.
  bool has_passed(int stage, std::span<const Target> targets,
                  const std::weak_ptr<const Wake>& wake);
  uint64_t changes() const { return changes_.load(std::memory_order_acquire); }

 private:
  struct Stage {
    size_t expected = SIZE_MAX;  // number of tasks
    absl::flat_hash_set<int32_t> published;
    absl::flat_hash_map<engine::PartitionRef, Offset> positions;
    absl::flat_hash_map<int32_t, LateRecords> records;  // late records by task number
    LateRecords sum;  // sum of `records`, kept because each look-up of a windowed table needs it
  };
  void changed(std::unique_lock<std::mutex> lock);

  std::atomic<uint64_t> changes_ = 0;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  DefinedQueryPtr defined_;
  std::vector<Stage> stages_;
  std::vector<std::weak_ptr<const Wake>> waiting_;
  bool has_ended_ = false;
};

// Threads: any. Owner: QueryTasks; the log outlives it.
class QueryProgress {
 public:
  explicit QueryProgress(const storage::Log& log) : log_(log) {}

  // Adds a query, or sets its new plan. When the server starts, all queries are defined before the
  // first of them runs. Otherwise a reader could find no writer for a topic although a query writes
  // it.
  void define(const DefinedQueryPtr& query);
  void forget(const std::string& query_id);
  // Returns null if the query is not defined.
  std::shared_ptr<ProgressOfQuery> find(const std::string& query_id) const;

  // A stage of a query on the route from the source topics to another topic.
  struct Step {
    std::shared_ptr<ProgressOfQuery> query;
    DefinedQueryPtr defined;
    int stage = 0;
  };
  // Returns the stages through which the rows of the topic pass, each before the stages that read
  // its output. Returns none if no query writes the topic. Also returns none if the query `reader`
  // is on the route, because it would wait for itself.
  std::vector<Step> route_to(const Uuid& topic, const std::string& reader) const;
  // Returns a number that increases with each call of define() and forget().
  uint64_t definitions() const { return definitions_.load(std::memory_order_acquire); }

  // Returns the writers of the topic, for the inputs of a task of the query `reader`. If a query
  // has not passed its targets, `wake` is called when that query changes. It may be called on any
  // thread.
  engine::TopicWritersPtr writers_of(const Uuid& topic, const std::string& reader,
                                     ProgressOfQuery::Wake wake) const;
  const storage::Log& log() const { return log_; }

 private:
  struct Visit;
  void visit(Visit& visit, const Uuid& topic) const;
  void forget_topics(const DefinedQuery& query);

  const storage::Log& log_;
  std::atomic<uint64_t> definitions_ = 0;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  absl::flat_hash_map<std::string, std::shared_ptr<ProgressOfQuery>> queries_;
  absl::flat_hash_map<Uuid, std::vector<std::string>>
      writers_;  // query ids by the topic that they write
};

}  // namespace server
