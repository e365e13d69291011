// A backend over a log in memory, whose answers wait until a test lets them through.
#pragma once
#include <future>
#include <vector>

#include "server/kafka/backend.h"
#include "storage/kv/memory_store.h"
#include "storage/log/log.h"

namespace server::kafka {

class MemoryBackend : public Backend {
 public:
  MemoryBackend()
      : log_(storage::Log::open(disk_.open(), {}).value()),
        reader_(storage::LogReader::open(*log_).value()) {}

  std::shared_ptr<const storage::TopicSnapshot> topics() const override {
    return topics_.snapshot();
  }
  void create_topic(std::string name, int32_t partition_count, TopicConfig config,
                    std::function<void(Result<storage::TopicInfo>)> done) override {
    const storage::TopicInfo topic{Uuid::random(), std::move(name), partition_count,
                                   std::move(config)};
    if (const auto checked = topics_.check(storage::encode_create_topic(topic)); !checked)
      return done(checked.error());
    if (const auto made = topics_.apply(storage::encode_create_topic(topic)); !made)
      return done(made.error());
    const Status partitions = storage::create_partitions_and_wait(*log_, topic.id, partition_count);
    partitions ? done(topic) : done(partitions.error());
  }
  void delete_topic(std::string name, std::function<void(Status)> done) override {
    const auto known = topics();
    const storage::TopicInfo* topic = known->find(name);
    if (!topic) return done(Error{ErrorCode::UnknownTopic, "there is no such topic"});
    const Uuid id = topic->id;
    if (const auto deleted = topics_.apply(storage::encode_delete_topic(id)); !deleted)
      return done(deleted.error());
    std::promise<Status> dropped;
    log_->drop_topic(id, [&](Status status) { dropped.set_value(std::move(status)); });
    done(dropped.get_future().get());
  }
  void grow_topic(std::string name, int32_t partition_count,
                  std::function<void(Status)> done) override {
    const Uuid id = topics()->find(name)->id;
    if (const auto grown = topics_.apply(storage::encode_grow_topic(id, partition_count)); !grown)
      return done(grown.error());
    done(storage::create_partitions_and_wait(*log_, id, partition_count));
  }
  std::shared_ptr<const storage::ClientQuotas> quotas() const override { return quotas_; }
  void alter_quotas(std::vector<storage::QuotaChange> changes,
                    std::function<void(Status)> done) override {
    auto changed = storage::apply_quota_changes(*quotas_, storage::encode_quota_changes(changes));
    if (!changed) return done(changed.error());
    quotas_ = std::make_shared<const storage::ClientQuotas>(*std::move(changed));
    done({});
  }
  void append(storage::AppendRequest request, storage::AppendDone done) override {
    held_.push_back([this, request = std::move(request), done = std::move(done)] {
      auto appended = storage::append_and_wait(*log_, request);
      if (!appended) return done(std::move(appended).error());
      done(storage::Appended{{}, *std::move(appended)});
    });
    if (!holds_appends) let_through();
  }
  void allocate_producer_id(std::function<void(Result<ProducerId>)> done) override {
    std::promise<Result<ProducerId>> id;
    log_->allocate_producer_ids(
        1, [&](Result<ProducerId> allocated) { id.set_value(std::move(allocated)); });
    done(id.get_future().get());
  }
  std::shared_ptr<const storage::PartitionStatus> find_partition(
      const storage::TopicPartition& partition) const override {
    return log_->find_partition(partition);
  }
  LogDirectory log_directory() const override { return {"/data", 1000, 400}; }
  Revision metadata_revision() const override { return Revision{7}; }
  storage::LogReader& reader() override {
    if (on_reader) on_reader();
    return *reader_;
  }

  storage::Log& log() { return *log_; }

  std::function<void()> on_reader;  // each use of it
  bool holds_appends = false;
  void let_through() {
    for (const auto& append : std::exchange(held_, {})) append();
  }

 private:
  storage::MemoryDisk disk_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<storage::LogReader> reader_;
  storage::TopicTable topics_;
  std::shared_ptr<const storage::ClientQuotas> quotas_ =
      std::make_shared<const storage::ClientQuotas>();
  std::vector<std::function<void()>> held_;
};

}  // namespace server::kafka
