#include "server/tasks/local_rebuilds.h"

#include <algorithm>
#include <future>
#include <map>
#include <utility>
#include <vector>

#include "records/batch_builder.h"
#include "records/control_batch.h"
#include "server/tasks/table_changes.h"
#include "storage/log/log_reader.h"

namespace server {

// The transaction with which a rebuild changes the topic of its table. It writes records batch by batch; consumers of
// committed records see them when the transaction ends.
class LocalRebuilds::Transaction final : public TableChanges {
 public:
  Transaction(LocalRebuilds& owner, Uuid topic, ProducerId producer, int16_t epoch)
      : owner_(owner), topic_(topic), producer_(producer), epoch_(epoch) {}

  Status add(PartitionId partition, const records::RecordView& record,
             std::optional<std::string_view> value) override {
    if (partition != partition_) finish_batch();
    partition_ = partition;
    add_record(record, value, builder_);
    if (builder_.size_bytes() >= kTableBatchBytes) finish_batch();
    return {};
  }

  Status flush() override {
    finish_batch();
    for (storage::PartitionBatches& batch : std::exchange(finished_, {}))
      TRY(owner_.append({{std::move(batch)}}));
    return {};
  }

  Status commit() override {
    TRY(flush());
    storage::AppendRequest markers;
    for (const auto& [partition, sequence] : sequences_)
      markers.parts.push_back(
          {{topic_, partition},
           records::marker_batch(producer_, epoch_, {records::TransactionEnd::Commit, 0},
                                 owner_.clock_.wall_ms())});
    return markers.parts.empty() ? Status{} : owner_.append(std::move(markers));
  }

 private:
  void finish_batch() {
    if (builder_.empty()) return;
    int32_t& sequence = sequences_[partition_];
    const int32_t count = builder_.offset_count();
    std::string batch = builder_.finish(records::Codec::None, {producer_, epoch_, sequence});
    records::set_transactional(batch);
    sequence = records::advance_sequence(sequence, count);
    finished_.push_back({{topic_, partition_}, std::move(batch)});
  }

  LocalRebuilds& owner_;
  const Uuid topic_;
  const ProducerId producer_;
  const int16_t epoch_;
  records::BatchBuilder builder_;
  PartitionId partition_;  // partition of the batch in builder_
  std::vector<storage::PartitionBatches> finished_;
  std::map<PartitionId, int32_t> sequences_;  // by partition: the next sequence
};

Result<ProducerId> LocalRebuilds::allocate_publisher() {
  std::promise<Result<ProducerId>> allocated;
  log_.allocate_producer_ids(1, [&](Result<ProducerId> id) { allocated.set_value(std::move(id)); });
  return allocated.get_future().get();
}

Result<std::unique_ptr<TableChanges>> LocalRebuilds::begin(const RebuildTopics& topics,
                                                           ProducerId publisher,
                                                           const std::atomic<bool>&) {
  const int16_t epoch = TRY(abort_open(topics, publisher));
  return std::unique_ptr<TableChanges>(
      std::make_unique<Transaction>(*this, topics.to, publisher, epoch));
}

Status LocalRebuilds::abort(const RebuildTopics& topics, ProducerId publisher) {
  TRY(abort_open(topics, publisher));
  return {};
}

Result<int16_t> LocalRebuilds::abort_open(const RebuildTopics& topics, ProducerId publisher) {
  int16_t epoch = -1;
  storage::AppendRequest markers;
  const auto reader = TRY(storage::LogReader::open(log_));
  TRY(reader->begin_turn());
  for (PartitionId partition{0}; partition < PartitionId(topics.partitions); ++partition) {
    const auto producers = reader->producers({topics.to, partition});
    if (!producers) {
      reader->end_turn();
      return producers.error();
    }
    for (const storage::ActiveProducer& each : *producers) {
      if (each.id != publisher) continue;
      epoch = std::max(epoch, each.epoch);
      if (each.open_since)
        markers.parts.push_back(
            {{topics.to, partition},
             records::marker_batch(publisher, each.epoch, {records::TransactionEnd::Abort, 0},
                                   clock_.wall_ms())});
    }
  }
  reader->end_turn();
  if (!markers.parts.empty()) TRY(append(std::move(markers)));
  return static_cast<int16_t>(epoch + 1);
}

Status LocalRebuilds::append(storage::AppendRequest request) {
  TRY(storage::append_and_wait(log_, std::move(request)));
  return {};
}

}  // namespace server
