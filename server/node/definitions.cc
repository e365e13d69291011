#include "server/node/definitions.h"

#include <fmt/format.h>

#include <future>

#include "base/log.h"

namespace server {

Definitions::Definitions(storage::Log& log, storage::MetadataLog& metadata, Queries& queries,
                         engine::EngineSettings settings)
    : log_(log), metadata_(metadata), queries_(queries), settings_(std::move(settings)) {
  auto empty = std::make_shared<World>();
  empty->topics = topics_.snapshot();
  world_ = std::move(empty);
}

Definitions::~Definitions() { stop_thread(); }

WorldPtr Definitions::world() const {
  std::lock_guard lock(mutex_);
  return world_;
}

void Definitions::publish(WorldPtr world) {
  std::lock_guard lock(mutex_);
  world_ = std::move(world);
}

std::map<std::string, std::string> Definitions::failed_queries() const {
  std::lock_guard lock(mutex_);
  return failed_;
}

Status Definitions::recover() {
  constexpr size_t kBlock = 1000;
  for (Revision next{1}; next <= metadata_.last_revision();) {
    for (const storage::MetadataRecord& record : TRY(metadata_.read(next, kBlock))) {
      const WorldChange change =
          TRY(apply_command(*world(), topics_, record.revision, record.command, settings_));
      publish(change.next);
      next = record.revision + 1;
    }
  }
  const WorldPtr now = world();
  realise_topics(*now->topics);
  for (const auto& [id, defined] : now->queries) start_query(*defined);
  return {};
}

void Definitions::start_thread() {
  thread_ = std::thread([this] { run(); });
}

void Definitions::stop_thread() {
  {
    std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  ready_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Definitions::run() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [&] { return is_stopping_ || !jobs_.empty(); });
      if (is_stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

void Definitions::enqueue(Job job) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  ready_.notify_one();
}

void Definitions::submit(std::shared_ptr<const engine::ParsedStatement> statement,
                         engine::Properties properties, DefinitionDone done) {
  enqueue([this, statement = std::move(statement), properties = std::move(properties),
           done = std::move(done)] { done(define(*statement, properties)); });
}

void Definitions::task_failed(const std::string& query_id, Error error) {
  enqueue([this, query_id, error = std::move(error)] {
    const auto found = world()->queries.find(query_id);
    if (found != world()->queries.end()) queries_.rebuild(*found->second, error);
  });
}

Status Definitions::append(const storage::MetadataCommand& command, Revision& revision) {
  std::promise<Result<Revision>> done;
  metadata_.append(metadata_.last_revision(), command,
                   [&](Result<Revision> result) { done.set_value(std::move(result)); });
  revision = TRY(done.get_future().get());
  return {};
}

Result<DefinitionOutcome> Definitions::define(const engine::ParsedStatement& statement,
                                              const engine::Properties& properties) {
  const WorldPtr now = world();
  const DefinitionSources sources{Uuid::random, [this](const Uuid& topic, PartitionId partition) {
                                    const auto status = log_.find_partition({topic, partition});
                                    return status ? status->readable_end() : Offset(0);
                                  }};
  PlannedDefinition planned = TRY(plan_definition(statement, *now, settings_, properties, sources));
  if (!planned.is_nothing) {
    Revision revision;
    TRY(append(planned.command, revision));
    const WorldChange change =
        TRY(apply_command(*now, topics_, revision, planned.command, settings_));
    // Topics first: nobody may see a stream whose partitions are not there.
    realise_topics(*change.next->topics);
    publish(change.next);
    realise(change);
  }
  return DefinitionOutcome{std::move(planned.tag), std::move(planned.notices)};
}

void Definitions::realise_topics(const storage::TopicSnapshot& topics) {
  for (const auto& [name, topic] : topics.by_name()) {
    if (log_.find_partition({topic.id, PartitionId(topic.partition_count - 1)})) continue;
    const Status made = storage::create_partitions_and_wait(log_, topic.id, topic.partition_count);
    if (!made)
      log_error("partitions not created topic={} error=\"{}\"", name, made.error().message);
  }
}

void Definitions::start_query(const DefinedQuery& defined) {
  const Status started = queries_.start(defined);
  std::lock_guard lock(mutex_);
  if (started) {
    failed_.erase(defined.plan->id);
    return;
  }
  log_error("query not started query={} error=\"{}\"", defined.plan->id, started.error().message);
  failed_[defined.plan->id] = started.error().message;
}

void Definitions::realise(const WorldChange& change) {
  for (const auto& defined : change.ended) {
    queries_.stop(*defined, Queries::Keep::Nothing);
    std::lock_guard lock(mutex_);
    failed_.erase(defined->plan->id);
  }
  for (const Uuid& topic : change.dropped_topics) {
    std::promise<Status> done;
    log_.drop_topic(topic, [&](Status status) { done.set_value(std::move(status)); });
    if (const Status dropped = done.get_future().get(); !dropped)
      log_error("topic not dropped id={} error=\"{}\"", topic.to_string(), dropped.error().message);
  }
  for (const auto& defined : change.started) start_query(*defined);
  for (const std::string& id : change.paused) queries_.pause(id, true);
  for (const std::string& id : change.resumed) queries_.pause(id, false);
}

}  // namespace server
