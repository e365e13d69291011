// The metadata thread: defining statements are planned, logged, applied and realised here, one
// after the other, and the image that follows is published for everybody to read without locks on
// what it holds.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "engine/sql/ast.h"
#include "server/metadata/definition.h"
#include "server/metadata/image.h"
#include "server/metadata/query_runner.h"
#include "server/metadata/topic_change.h"
#include "storage/log/log.h"
#include "storage/meta/metadata_log.h"

namespace server {

struct DefinitionOutcome {
  std::string tag;
  std::vector<std::string> notices;
};
using DefinitionDone = std::function<void(Result<DefinitionOutcome>)>;

// A DDL goes validate, append, apply, realise, answer. What fails after the append is a state of
// the object (a query in ERROR), never half a catalog. Realising is idempotent: at start it is done
// for all that the metadata log defines.
//
// Threads: image() and submit() from any; answers come on the metadata thread.
// Owner:   the node. Stopping refuses new statements and finishes the one at hand.
class MetadataApplier {
 public:
  MetadataApplier(storage::Log& log, storage::MetadataLog& metadata, QueryRunner& queries,
                  engine::EngineSettings settings);
  ~MetadataApplier();

  // Reads the whole metadata log and starts its queries; before start_thread(). Fails with
  // ShuttingDown once `must_stop`.
  Status recover(const std::atomic<bool>& must_stop);
  void start_thread();
  void stop_thread();

  MetadataImagePtr image() const;
  const engine::EngineSettings& settings() const { return settings_; }
  void submit(std::shared_ptr<const engine::ParsedStatement> statement,
              engine::Properties properties, DefinitionDone done);
  // Answers with the topic as it is then, or as it was when it is gone.
  void submit(TopicChange change, std::function<void(Result<storage::TopicInfo>)> done);

 private:
  using Job = std::function<void()>;
  void run();
  void enqueue(Job job);
  Result<DefinitionOutcome> define(const engine::ParsedStatement& statement,
                                   const engine::Properties& properties);
  Result<storage::TopicInfo> change_topic(const TopicChange& change);
  // Logs, applies and realises a command that was planned on the present image.
  Status commit(const storage::MetadataCommand& command);
  Result<Revision> append(const storage::MetadataCommand& command);
  void realise(const ImageChange& change);
  void drop_topic(const Uuid& topic);
  void restart_grown(const MetadataImage& before, const MetadataImage& now);
  void realise_topics(const storage::TopicSnapshot& topics);
  void publish(MetadataImagePtr image);

  storage::Log& log_;
  storage::MetadataLog& metadata_;
  QueryRunner& queries_;
  const engine::EngineSettings settings_;
  storage::TopicTable topics_;
  std::thread thread_;

  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::condition_variable ready_;
  std::deque<Job> jobs_;
  bool is_stopping_ = false;
  MetadataImagePtr image_;
};

}  // namespace server
