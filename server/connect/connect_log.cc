#include "server/connect/connect_log.h"

#include <chrono>
#include <condition_variable>
#include <utility>

#include "engine/connect/state_record.h"
#include "records/batch_builder.h"
#include "storage/log/append_unless_changed.h"

namespace server {

namespace {

constexpr size_t kBytesOfOneRead = 1 << 20;

struct ReadingTurn {
  storage::LogReader& reader;
  ~ReadingTurn() { reader.end_turn(); }
};

// Gives the answer to a commit as a future. If give() was not called until the destruction, the
// answer is an error, so no caller waits for ever.
class CommitAnswer {
 public:
  CommitAnswer() = default;
  CommitAnswer(const CommitAnswer&) = delete;
  CommitAnswer& operator=(const CommitAnswer&) = delete;
  ~CommitAnswer() {
    if (!is_given_)
      promise_.set_value(Error{ErrorCode::StorageFailure, "the outcome of a commit is not known"});
  }
  void give(Result<Offset> end) {
    is_given_ = true;
    promise_.set_value(std::move(end));
  }
  std::future<Result<Offset>> future() { return promise_.get_future(); }

 private:
  std::promise<Result<Offset>> promise_;
  bool is_given_ = false;
};

Error no_state_topic() {
  return {ErrorCode::UnknownTopic, "the topic __connect_state does not exist"};
}

}  // namespace

std::future<Result<Offset>> submit_commit(ConnectLog& log, ConnectCommit commit) {
  const auto answer = std::make_shared<CommitAnswer>();
  auto future = answer->future();
  log.commit(std::move(commit), [answer](Result<Offset> end) { answer->give(std::move(end)); });
  return future;
}

std::string LocalConnectLog::state_batch(const std::vector<StateChange>& changes, int64_t now_ms) {
  records::BatchBuilder builder;
  for (const StateChange& change : changes) builder.append(now_ms, change.key, change.value);
  return builder.finish();
}

Result<storage::TopicPartition> LocalConnectLog::in_log(PartitionId state_partition) const {
  const std::optional<Uuid> topic = find_state_topic_();
  if (!topic) return no_state_topic();
  return storage::TopicPartition{*topic, state_partition};
}

void LocalConnectLog::commit(ConnectCommit commit, std::function<void(Result<Offset>)> done) {
  const auto partition = in_log(commit.state_partition);
  if (!partition) return done(partition.error());
  storage::AppendRequest request{std::move(commit.records)};
  request.parts.push_back({*partition, state_batch(commit.state, clock_.wall_ms())});
  storage::append_unless_changed(
      log_, std::move(request), {.since = commit.since, .only_in = *partition},
      [done = std::move(done), position = *partition](const Result<storage::Appended>& appended) {
        if (!appended) return done(appended.error());
        done(appended->batches.back().last_offset + 1);
      });
}

Result<bool> LocalConnectLog::read_some(storage::LogReader& reader,
                                        const storage::TopicPartition& partition,
                                        ConnectState& state) {
  TRY(reader.begin_turn());
  const ReadingTurn turn{reader};
  // In a cluster commits are transactions, of which some are still undecided or were aborted.
  const Offset end = TRY(reader.last_stable_offset(partition));
  Offset next = std::max(state.end, TRY(reader.log_start(partition)));
  if (next >= end) {
    state.end = std::max(state.end, end);
    return false;
  }
  const auto batches =
      TRY(reader.read(partition, next, kBytesOfOneRead, storage::ReadUpTo::LastStable));
  if (batches.empty()) {
    state.end = end;  // compaction has removed all records before `end`
    return false;
  }
  const storage::AbortedBatches aborted(
      TRY(reader.aborted(partition, batches.front().base_offset, batches.back().last_offset + 1)));
  for (const storage::BatchRef& stored : batches) {
    const auto batch = TRY(records::parse_batch(stored.bytes, records::BatchCheck::Shape));
    state.end = stored.last_offset + 1;
    if (batch.header.is_control() || aborted.contains(batch.header)) continue;
    std::string scratch;
    auto records = TRY(records::RecordReader::open(batch, scratch));
    for (records::RecordView record; records.next(record);) {
      const Offset offset = batch.header.base_offset + record.offset_delta;
      if (offset < next || !record.key) continue;
      const std::string key(*record.key);
      if (record.value) {
        state.entries[key] = {std::string(*record.value), offset};
        state.deleted.erase(key);
      } else {
        state.entries.erase(key);
        state.deleted.insert(key);
      }
    }
    TRY(records.status());
  }
  return true;
}

Status LocalConnectLog::read(PartitionId state_partition, ConnectState& state) {
  const storage::TopicPartition partition = TRY(in_log(state_partition));
  // Nodes of a cluster call read() five times a second. As in fetch(), no LogReader is opened if no
  // records were appended.
  const auto status = log_.find_partition(partition);
  if (status && state.end == status->log_end()) return {};
  const auto reader = TRY(storage::LogReader::open(log_));
  while (TRY(read_some(*reader, partition, state))) {
  }
  return {};
}

Result<FetchedRecords> LocalConnectLog::fetch(const storage::TopicPartition& partition, Offset from,
                                              size_t max_bytes) {
  // SinkTask calls fetch() for each partition ten times a second. A LogReader opens a snapshot of
  // the store, which makes the store write changes that could still wait. So no LogReader is opened
  // if log_end() shows that no records were appended.
  const auto status = log_.find_partition(partition);
  if (status && from == status->log_end())
    return FetchedRecords{{}, status->log_start(), from, from};
  const auto reader = TRY(storage::LogReader::open(log_));
  TRY(reader->begin_turn());
  const ReadingTurn turn{*reader};
  FetchedRecords fetched;
  fetched.log_start = TRY(reader->log_start(partition));
  fetched.end = TRY(reader->last_stable_offset(partition));
  fetched.next = std::max(from, fetched.log_start);
  if (fetched.next >= fetched.end) return fetched;
  const Offset first = fetched.next;
  const auto stored = TRY(reader->read(partition, first, max_bytes, storage::ReadUpTo::LastStable));
  if (stored.empty()) return fetched;
  const storage::AbortedBatches aborted(
      TRY(reader->aborted(partition, stored.front().base_offset, stored.back().last_offset + 1)));
  for (const storage::BatchRef& each : stored) {
    const auto batch = TRY(records::parse_batch(each.bytes, records::BatchCheck::Shape));
    fetched.next = each.last_offset + 1;
    if (batch.header.is_control() || aborted.contains(batch.header)) continue;
    std::string scratch;
    auto records = TRY(records::RecordReader::open(batch, scratch));
    for (records::RecordView record; records.next(record);) {
      const Offset offset = batch.header.base_offset + record.offset_delta;
      if (offset < first) continue;
      FetchedRecords::Record& to = fetched.records.emplace_back();
      to.offset = offset;
      to.timestamp_ms = record.timestamp;
      if (record.key) to.key = std::string(*record.key);
      if (record.value) to.value = std::string(*record.value);
      for (records::HeaderReader headers = record.headers(); const auto header = headers.next();) {
        engine::ConnectHeader& copy = to.headers.emplace_back();
        copy.key = std::string(header->key);
        if (header->value) copy.value = std::string(*header->value);
      }
    }
    TRY(records.status());
  }
  return fetched;
}

void LocalConnectLog::await_writable() {
  struct Gate {
    std::mutex mutex;
    std::condition_variable opened;
    bool is_open = false;
  };
  // The gate is shared, because the callback of when_writable() may run after await_writable() has
  // returned.
  const auto gate = std::make_shared<Gate>();
  log_.when_writable([gate] {
    const std::lock_guard lock(gate->mutex);
    gate->is_open = true;
    gate->opened.notify_all();
  });
  constexpr std::chrono::milliseconds kMostWait(500);  // lets the task notice a stop
  std::unique_lock lock(gate->mutex);
  gate->opened.wait_for(lock, kMostWait, [&] { return gate->is_open; });
}

}  // namespace server
