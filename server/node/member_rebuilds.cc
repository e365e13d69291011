#include "server/node/member_rebuilds.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "server/tasks/table_changes.h"
#include "storage/log/log_reader.h"

namespace server {

namespace {

using storage::TopicPartition;

constexpr auto kRebuildPause = std::chrono::milliseconds(10);
constexpr auto kRebuildPatience = std::chrono::seconds(10);
// The longest wait for open transactions of other writers in the topics.
constexpr int64_t kOpenInRebuildUs = 2'000'000;

// Waits for the answer of the member's thread. When the server stops, the answer may never arrive.
template <class Answer>
Result<Answer> await_member(std::future<Answer> answer, const std::atomic<bool>& must_stop) {
  while (answer.wait_for(kRebuildPause) != std::future_status::ready)
    if (must_stop) return Error{ErrorCode::ShuttingDown, "the server is stopping"};
  return answer.get();
}

}  // namespace

// Collects the changes in memory: the transaction is begun with all of them.
class MemberRebuilds::Changes final : public TableChanges {
 public:
  // This node has read each partition of the topic at least up to its offset in `ends`.
  Changes(const Around& around, RebuildTopics topics, std::map<PartitionId, Offset> ends,
          const std::atomic<bool>& must_stop)
      : around_(around),
        topics_(std::move(topics)),
        ends_(std::move(ends)),
        must_stop_(must_stop),
        charge_(around.memory, MemoryKind::Queries) {}

  Status add(PartitionId partition, const records::RecordView& record,
             std::optional<std::string_view> value) override {
    if (partition != partition_) finish_batch();
    partition_ = partition;
    add_record(record, value, builder_);
    if (builder_.size_bytes() < kTableBatchBytes) return {};
    finish_batch();
    return check_size();
  }

  Status flush() override { return {}; }

  Status commit() override {
    finish_batch();
    TRY(check_size());
    if (batches_.empty()) return {};
    std::vector<TransactionCommits::Part> parts;
    for (auto& [partition, batches] : batches_)
      parts.push_back(
          {topics_.name_of_to, {topics_.to, partition}, std::move(batches), ends_.at(partition)});
    // The promise is shared, because the answer may arrive after this call has returned.
    const auto done = std::make_shared<std::promise<Status>>();
    around_.member.commit_rows(std::move(parts), [done](auto committed) {
      done->set_value(committed ? Status() : Status(std::move(committed).error()));
    });
    return TRY(await_member(done->get_future(), must_stop_));
  }

 private:
  void finish_batch() {
    if (builder_.empty()) return;
    const std::string batch = builder_.finish();
    bytes_ += batch.size();
    batches_[partition_] += batch;
  }
  Status check_size() {
    if (bytes_ > around_.most_bytes)
      return Error{
          ErrorCode::LimitExceeded,
          fmt::format("the rebuilt table changes more than {}", format_bytes(around_.most_bytes)),
          "All changed rows are one transaction, which is limited by copy-atomic-bytes.",
          "Raise copy-atomic-bytes on all nodes, or DROP the table and create it again."};
    if (charge_.try_resize(bytes_)) return {};
    return charge_.refusal("the changed rows of a rebuilt table");
  }

  const Around& around_;
  const RebuildTopics topics_;
  const std::map<PartitionId, Offset> ends_;
  const std::atomic<bool>& must_stop_;
  OwnedCharge charge_;
  records::BatchBuilder builder_;
  PartitionId partition_;  // partition of the batch in builder_
  std::map<PartitionId, std::string> batches_;
  size_t bytes_ = 0;  // size of all batches_
};

bool MemberRebuilds::runs(const DefinedQuery& query) const {
  return query.journal && around_.journals.term(*query.journal).has_value();
}

Result<ProducerId> MemberRebuilds::allocate_publisher() {
  const auto allocated = std::make_shared<std::promise<Result<ProducerId>>>();
  around_.member.allocate_producer_id(
      [allocated](Result<ProducerId> id) { allocated->set_value(std::move(id)); });
  auto answer = allocated->get_future();
  if (answer.wait_for(kRebuildPatience) == std::future_status::ready) return answer.get();
  return Error{ErrorCode::NotLeader, "no producer id could be allocated in time"};
}

Status MemberRebuilds::fence(const DefinedQuery& query, const std::atomic<bool>& must_stop) {
  const auto fenced = std::make_shared<std::promise<bool>>();
  around_.journal_fence.fence(*query.journal, query.planned_at,
                              [fenced](bool is_fenced) { fenced->set_value(is_fenced); });
  if (TRY(await_member(fenced->get_future(), must_stop))) return {};
  return Error{ErrorCode::NotLeader, "another node is about to run the query"};
}

Result<LeaderEndRequests::Ends> MemberRebuilds::find_ends(
    const RebuildTopics& topics, const std::atomic<bool>& must_stop) const {
  std::vector<TopicPartition> partitions;
  for (PartitionId number{0}; number < PartitionId(topics.partitions); ++number)
    for (const Uuid& topic : {topics.from, topics.to}) partitions.push_back({topic, number});
  const auto found = std::make_shared<std::promise<Result<LeaderEndRequests::Ends>>>();
  around_.member.ask_ends(
      std::move(partitions), kOpenInRebuildUs,
      [found](Result<LeaderEndRequests::Ends> ends) { found->set_value(std::move(ends)); });
  return TRY(await_member(found->get_future(), must_stop));
}

Result<std::unique_ptr<TableChanges>> MemberRebuilds::begin(const RebuildTopics& topics, ProducerId,
                                                            const std::atomic<bool>& must_stop) {
  const LeaderEndRequests::Ends ends = TRY(find_ends(topics, must_stop));
  const auto reader = TRY(storage::LogReader::open(around_.log));
  // PartitionStatus::readable_end() is not used, because it counts a transaction as open until the
  // append after its marker, and no append may follow.
  const auto is_here = [&reader](const auto& end) {
    const auto stable = reader->last_stable_offset(end.first);
    return stable && *stable >= end.second;
  };
  const auto are_here = [&] {
    if (!reader->begin_turn()) return false;
    const bool are = std::ranges::all_of(ends, is_here);
    reader->end_turn();
    return are;
  };
  const auto until = std::chrono::steady_clock::now() + kRebuildPatience;
  while (!are_here()) {
    if (must_stop) return Error{ErrorCode::ShuttingDown, "the server is stopping"};
    if (std::chrono::steady_clock::now() > until)
      return Error{ErrorCode::ReadTimeout, "this node lacks records of the table's topic"};
    std::this_thread::sleep_for(kRebuildPause);
  }
  std::map<PartitionId, Offset> ends_of_to;
  for (const auto& [partition, end] : ends)
    if (partition.topic == topics.to) ends_of_to[partition.partition] = end;
  return std::unique_ptr<TableChanges>(
      std::make_unique<Changes>(around_, topics, std::move(ends_of_to), must_stop));
}

}  // namespace server
