// How far all persistent queries have come in what they read, for tasks that read what these write.
//
// A task that joins a stream with a table takes a record only when the table has the rows that queries still owe for
// what could be read when the record was seen (engine/exec/awaited_topics.h). Tasks publish their durable positions
// here; the readers walk from the topics at the beginning, query by query and stage by stage, to the topic that they read.
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

// The progress of one query.
//
// Invariant: a position that is known is durable, and so is everything that the task wrote before it. Positions of a
// query that starts again stay known, since it goes on from there.
//
// Threads: any. Owner: shared by QueryProgress, the query's tasks and those that wait for it.
class ProgressOfQuery {
 public:
  using Wake = std::function<void()>;
  using Target = std::pair<engine::PartitionRef, Offset>;

  explicit ProgressOfQuery(DefinedQueryPtr defined) : defined_(std::move(defined)) {}

  // Another plan of the query: nothing is known of its tasks.
  void replace(DefinedQueryPtr defined);
  DefinedQueryPtr defined() const;
  // The tasks of a run; until all of a stage have published something, the stage has passed nothing.
  void expect(std::vector<size_t> tasks_by_stage);
  void publish(int stage, int32_t task, std::span<const Target> positions);
  // It was dropped: it writes nothing more, and nothing is waited for.
  void end();

  // Whether the stage has passed all of the targets that it reads. If not, `wake` is called at the next change, on the
  // thread that makes it, unless it has expired.
  bool has_passed(int stage, std::span<const Target> targets,
                  const std::weak_ptr<const Wake>& wake);
  uint64_t changes() const { return changes_.load(std::memory_order_acquire); }

 private:
  struct Stage {
    size_t expected = SIZE_MAX;  // tasks
    absl::flat_hash_set<int32_t> published;
    absl::flat_hash_map<engine::PartitionRef, Offset> positions;
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

  // The query is to run from now on, or has another plan. All queries of a start are defined before one of them runs, so
  // that no reader takes a topic for one without writers.
  void define(const DefinedQueryPtr& query);
  void forget(const std::string& query_id);
  // Null when it is not defined.
  std::shared_ptr<ProgressOfQuery> find(const std::string& query_id) const;

  // One stage of a query between the beginning and a topic.
  struct Step {
    std::shared_ptr<ProgressOfQuery> query;
    DefinedQueryPtr defined;
    int stage = 0;
  };
  // The stages behind which the topic has its rows, writers before readers. Empty when no query writes the topic, and
  // when `reader` is among the queries on the way: it would wait for itself.
  std::vector<Step> route_to(const Uuid& topic, const std::string& reader) const;
  // Grows with each definition.
  uint64_t definitions() const { return definitions_.load(std::memory_order_acquire); }

  // For the inputs of a task of `reader` that read this topic. `wake` is called, on any thread, when a query that was
  // found behind has come further.
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
      writers_;  // query ids, by the topic that they write
};

}  // namespace server
