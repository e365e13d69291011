#include "server/metadata/metadata_applier.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <vector>

#include "base/log.h"

namespace server {

namespace {

QueryRunner::Known known_objects(const MetadataImage& image) {
  QueryRunner::Known known;
  for (const auto& [name, topic] : image.topics->by_name()) known.topics.insert(topic.id);
  for (const auto& [id, defined] : image.queries) {
    known.queries.insert(id);
    known.topics.insert(defined->exchange_ids.begin(), defined->exchange_ids.end());
  }
  return known;
}

}  // namespace

MetadataApplier::MetadataApplier(storage::Log& log, storage::MetadataLog& metadata,
                                 QueryRunner& queries, engine::EngineSettings settings)
    : log_(log), metadata_(metadata), queries_(queries), settings_(std::move(settings)) {
  auto empty = std::make_shared<MetadataImage>();
  empty->topics = topics_.snapshot();
  image_ = std::move(empty);
}

MetadataApplier::~MetadataApplier() { stop_thread(); }

MetadataImagePtr MetadataApplier::image() const {
  std::lock_guard lock(mutex_);
  return image_;
}

void MetadataApplier::publish(MetadataImagePtr image) {
  std::lock_guard lock(mutex_);
  image_ = std::move(image);
}

Status MetadataApplier::recover(const std::atomic<bool>& must_stop) {
  constexpr size_t kBlock = 1000;
  for (Revision next{1}; next <= metadata_.last_revision();) {
    for (const storage::MetadataRecord& record : TRY(metadata_.read(next, kBlock))) {
      const ImageChange change =
          TRY(apply_command(*image(), topics_, record.revision, record.command, settings_));
      publish(change.next);
      next = record.revision + 1;
      if (must_stop) return Error{ErrorCode::ShuttingDown, "the server was told to stop"};
    }
  }
  const MetadataImagePtr now = image();
  queries_.remove_leftovers(known_objects(*now));
  realise_topics(*now->topics);
  std::vector<QueryRunner::QueryPtr> queries;
  for (const auto& [id, defined] : now->queries) queries.push_back(defined);
  queries_.start(std::move(queries));
  return {};
}

void MetadataApplier::start_thread() {
  thread_ = std::thread([this] { run(); });
}

void MetadataApplier::stop_thread() {
  {
    std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  ready_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void MetadataApplier::run() {
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

void MetadataApplier::enqueue(Job job) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  ready_.notify_one();
}

void MetadataApplier::submit(std::shared_ptr<const engine::ParsedStatement> statement,
                             engine::Properties properties, DefinitionDone done) {
  enqueue([this, statement = std::move(statement), properties = std::move(properties),
           done = std::move(done)] { done(define(*statement, properties)); });
}

Result<Revision> MetadataApplier::append(const storage::MetadataCommand& command) {
  std::promise<Result<Revision>> done;
  metadata_.append(metadata_.last_revision(), command,
                   [&](Result<Revision> result) { done.set_value(std::move(result)); });
  return done.get_future().get();
}

Status MetadataApplier::commit(const storage::MetadataCommand& command) {
  const MetadataImagePtr before = image();
  const Revision revision = TRY(append(command));
  const ImageChange change = TRY(apply_command(*before, topics_, revision, command, settings_));
  // Topics first: nobody may see a stream whose partitions are not there.
  realise_topics(*change.next->topics);
  publish(change.next);
  realise(change);
  restart_grown(*before, *change.next);
  return {};
}

Result<DefinitionOutcome> MetadataApplier::define(const engine::ParsedStatement& statement,
                                                  const engine::Properties& properties) {
  const MetadataImagePtr now = image();
  const DefinitionSources sources{Uuid::random, [this](const Uuid& topic, PartitionId partition) {
                                    const auto status = log_.find_partition({topic, partition});
                                    return status ? status->readable_end() : Offset(0);
                                  }};
  PlannedDefinition planned = TRY(plan_definition(statement, *now, settings_, properties, sources));
  if (!planned.is_nothing) TRY(commit(planned.command));
  return DefinitionOutcome{std::move(planned.tag), std::move(planned.notices)};
}

void MetadataApplier::submit(TopicChange change,
                             std::function<void(Result<storage::TopicInfo>)> done) {
  enqueue(
      [this, change = std::move(change), done = std::move(done)] { done(change_topic(change)); });
}

Result<storage::TopicInfo> MetadataApplier::change_topic(const TopicChange& change) {
  const auto before = topics_.snapshot();
  const storage::MetadataCommand command = TRY(plan_topic_change(change, topics_, Uuid::random));
  TRY(commit(command));
  const std::string& name = topic_name(change);
  const storage::TopicInfo* now = topics_.snapshot()->find(name);
  return now ? *now : *before->find(name);
}

void MetadataApplier::realise_topics(const storage::TopicSnapshot& topics) {
  for (const auto& [name, topic] : topics.by_name()) {
    if (log_.find_partition({topic.id, PartitionId(topic.partition_count - 1)})) continue;
    const Status made = storage::create_partitions_and_wait(log_, topic.id, topic.partition_count);
    if (!made)
      log_error("partitions not created topic={} error=\"{}\"", name, made.error().message);
  }
}

void MetadataApplier::drop_topic(const Uuid& topic) {
  for (const auto& [id, defined] : image()->queries)
    for (const auto& [name, used] : defined->topic_ids)
      if (used == topic)
        queries_.stop_with_error(
            *defined, {ErrorCode::UnknownTopic, fmt::format("topic \"{}\" was deleted", name)});
  queries_.drop_topic(topic);
}

void MetadataApplier::realise(const ImageChange& change) {
  for (const auto& defined : change.ended) queries_.stop(*defined, QueryRunner::Keep::Nothing);
  for (const Uuid& topic : change.dropped_topics) drop_topic(topic);
  if (!change.started.empty()) queries_.start({change.started.begin(), change.started.end()});
  for (const std::string& id : change.paused) queries_.pause(id, true);
  for (const std::string& id : change.resumed) queries_.pause(id, false);
}

// Queries over topics that have more partitions now get tasks for them.
void MetadataApplier::restart_grown(const MetadataImage& before, const MetadataImage& now) {
  const auto has_grown = [&](const Uuid& id) {
    const storage::TopicInfo* old = before.topics->find(id);
    const storage::TopicInfo* topic = now.topics->find(id);
    return old && topic && old->partition_count != topic->partition_count;
  };
  for (const auto& [id, defined] : now.queries) {
    if (!std::ranges::any_of(defined->topic_ids,
                             [&](const auto& used) { return has_grown(used.second); }))
      continue;
    queries_.start({defined});  // in place of the tasks that it has
  }
}

}  // namespace server
