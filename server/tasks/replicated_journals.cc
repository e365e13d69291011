#include "server/tasks/replicated_journals.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "base/bytes.h"
#include "base/log.h"
#include "base/task_id.h"
#include "records/batch.h"
#include "storage/log/carry_out.h"
#include "storage/log/task_journal.h"

namespace server {

using storage::TopicPartition;

namespace {

constexpr size_t kPortionBytes = 1 << 20;  // that is read and carried out at a time
constexpr int64_t kLookAgainMs = 50;
constexpr auto kSettlePatience = std::chrono::seconds(2);

// Where the node has come to in a journal:
//   key "journal/N" in the table "cluster"   next offset i64, leader epoch i32 of the last batch before it, offset i64
//                                            before which all outputs are delivered
constexpr std::string_view kTable = "cluster", kPlacePrefix = "journal/";

std::string place_key(PartitionId journal) {
  return std::string(kPlacePrefix) + std::to_string(journal.value());
}

TopicPartition replicated(PartitionId journal) { return {storage::kReplicatedJournal, journal}; }

}  // namespace

Result<std::unique_ptr<ReplicatedJournals>> ReplicatedJournals::open(
    storage::Log& log, const Clock& clock, std::vector<Shard*> shards, JournalProposals& proposals,
    FindImage image, OnChange on_change) {
  std::unique_ptr<ReplicatedJournals> journals(new ReplicatedJournals(
      log, clock, std::move(shards), proposals, std::move(image), std::move(on_change)));
  journals->reader_ = TRY(storage::LogReader::open(log));
  TRY(journals->read_places());
  return journals;
}

ReplicatedJournals::ReplicatedJournals(storage::Log& log, const Clock& clock,
                                       std::vector<Shard*> shards, JournalProposals& proposals,
                                       FindImage image, OnChange on_change)
    : log_(log),
      clock_(clock),
      shards_(std::move(shards)),
      proposals_(proposals),
      image_(std::move(image)),
      on_change_(std::move(on_change)),
      replicas_(log) {
  timer_ = std::make_unique<Timer>(loop_, "journals", [this] { pump_all(); });
}

ReplicatedJournals::~ReplicatedJournals() {
  stop_thread();
  timer_.reset();
}

void ReplicatedJournals::start_thread() {
  timer_->start_every(kLookAgainMs);
  thread_ = std::thread([this] { loop_.run(); });
}

void ReplicatedJournals::stop_thread() {
  {
    std::unique_lock lock(mutex_);
    is_stopping_ = true;
    settled_.wait(lock, [this] {
      return std::ranges::none_of(journals_,
                                  [](const auto& each) { return each.second.is_under_way; });
    });
  }
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

Status ReplicatedJournals::read_places() {
  using Places = std::map<PartitionId, std::string>;
  const auto places = std::make_shared<Places>();
  std::promise<Status> done;
  log_.submit(
      [places](storage::WriteTransaction& transaction) -> Status {
        places->clear();
        const auto table = TRY(transaction.find_table(kTable, storage::KeyOrder::Bytes));
        for (PartitionId i{0}; table && i < PartitionId{storage::kReplicatedJournals}; ++i)
          if (const auto stored = TRY(transaction.get(*table, place_key(i))))
            places->emplace(i, *stored);
        return {};
      },
      [&](Status status) { done.set_value(std::move(status)); });
  TRY(done.get_future().get());
  for (const auto& [number, bytes] : *places) {
    ByteReader in(bytes);
    Journal& journal = journals_[number];
    journal.next = Offset{in.be<int64_t>()};
    journal.epoch = LeaderEpoch{in.be<int32_t>()};
    journal.first_needed = Offset{in.be<int64_t>()};
    if (!in.ok())
      return Error{ErrorCode::DataCorrupted,
                   "where the node has come to in a journal cannot be read"};
  }
  return {};
}

// --- Carrying out

void ReplicatedJournals::grown(std::span<const TopicPartition> partitions) {
  if (std::ranges::any_of(partitions, [](const TopicPartition& partition) {
        return partition.topic == storage::kReplicatedJournal;
      }))
    look_again_soon();
}

void ReplicatedJournals::look_again_soon() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_posted_, true)) return;
  }
  loop_.post([this] {
    {
      const std::lock_guard lock(mutex_);
      is_posted_ = false;
    }
    pump_all();
  });
}

void ReplicatedJournals::pump_all() {
  for (PartitionId number{0}; number < PartitionId{storage::kReplicatedJournals}; ++number) {
    if (!log_.find_partition(replicated(number))) continue;
    Journal* journal = nullptr;
    {
      const std::lock_guard lock(mutex_);
      journal = &journals_[number];  // stays where it is
    }
    pump(number, *journal);
  }
}

void ReplicatedJournals::pump(PartitionId number, Journal& journal) {
  Offset next, first_needed;
  LeaderEpoch epoch{0};
  {
    const std::lock_guard lock(mutex_);
    if (journal.is_under_way || journal.broken || paused_ > 0 || is_stopping_) return;
    open_if_due(number, journal);
    next = journal.next;
    epoch = journal.epoch;
    first_needed = journal.first_needed;
    journal.is_under_way = true;
  }
  const auto rest = [&](std::optional<Error> why) {
    const std::lock_guard lock(mutex_);
    journal.is_under_way = false;
    if (why) {
      log_error("a journal cannot be carried out journal={} error=\"{}\"", number.value(),
                why->message);
      journal.broken = std::move(why);
    }
    settled_.notify_all();
  };
  Result<Portion> portion = read(number, next, epoch);
  if (!portion) return rest(portion.error());
  if (portion->next == next) return rest({});
  std::string place;
  append_be(place, portion->next.value());
  append_be(place, portion->epoch.value());
  portion->first_needed = std::max(portion->first_needed, first_needed);
  append_be(place, portion->first_needed.value());
  const auto write_place = [key = place_key(number),
                            place](storage::WriteTransaction& transaction) -> Status {
    return transaction.put(TRY(transaction.open_table(kTable, storage::KeyOrder::Bytes)), key,
                           place);
  };
  const auto kept = std::make_shared<Portion>(*std::move(portion));
  storage::carry_out(log_, std::move(kept->commits), write_place,
                     [this, number, kept](const Result<storage::CarriedOut>& result) {
                       carried_out(number, *kept, result);
                     });
}

// An unclean election may take back what was visible, and was carried out here.
Status ReplicatedJournals::check_chain(PartitionId number, Offset next, LeaderEpoch epoch) {
  if (next == Offset{0}) return {};
  const auto known = replicas_.end_of_epoch(replicated(number), epoch);
  if (!known) return known.error();
  if (known->epoch == epoch && known->end >= next) return {};
  return Error{ErrorCode::DataCorrupted,
               "commits of queries were taken back by an election that was not clean"};
}

Result<ReplicatedJournals::Portion> ReplicatedJournals::read(PartitionId number, Offset from,
                                                             LeaderEpoch epoch) {
  Portion portion;
  portion.next = from;
  portion.epoch = epoch;
  const TopicPartition partition = replicated(number);
  const auto status = log_.find_partition(partition);
  // What is not visible yet after a restart was, and will be.
  if (!status || status->high_watermark() <= from) return portion;
  if (status->log_start() > from)
    return Error{ErrorCode::DataCorrupted,
                 "this node has missed commits that no other one keeps any more"};
  TRY(check_chain(number, from, epoch));
  TRY(reader_->begin_turn());
  std::vector<std::string> batches;
  auto found = reader_->read(partition, from, kPortionBytes);
  if (found)
    for (const storage::BatchRef& batch : *found) batches.emplace_back(batch.bytes);
  reader_->end_turn();
  if (!found) return found.error();
  const std::lock_guard lock(mutex_);
  for (const std::string& bytes : batches) {
    const auto header = TRY(records::parse_batch(bytes, records::BatchCheck::Shape)).header;
    auto read = TRY(storage::read_replicated_commit(bytes));
    LocalTask local;
    const Verdict verdict = read ? judge(*read, local) : Verdict::LeaveOut;
    if (verdict == Verdict::Wait) {
      portion.waits = true;
      break;
    }
    portion.next = header.base_offset + header.last_offset_delta + 1;
    portion.epoch = LeaderEpoch{header.leader_epoch};
    if (!read)
      portion.first_needed =
          std::max(portion.first_needed, storage::read_delivered_mark(bytes).value_or(Offset{0}));
    if (verdict == Verdict::LeaveOut) continue;
    storage::TaskCommit& commit = portion.commits.emplace_back();
    commit.task = read->task;
    commit.epoch = local.epoch;
    commit.sequence = read->sequence;
    commit.journal = storage::journal_batch(read->task, read->sequence, read->entry);
    for (storage::TaskOutput& output : read->exchanged)
      commit.outputs.push_back({output.partition, std::move(output.batch)});
    for (const storage::ConsumedInput& consumed : read->consumed)
      commit.trims.push_back({consumed.partition, consumed.end});
    read->exchanged.clear();
    read->outputs.clear();  // which their leaders get from the owner
    portion.told.push_back(
        {local.shard, std::make_shared<const storage::ReplicatedCommit>(*std::move(read))});
  }
  return portion;
}

ReplicatedJournals::Verdict ReplicatedJournals::judge(const storage::ReplicatedCommit& commit,
                                                      LocalTask& local) const {
  const auto task = tasks_.find(commit.task);
  if (task != tasks_.end() && task->second.made_at == commit.made_at) {
    local = task->second;
    return Verdict::CarryOut;
  }
  const std::string query(query_of(commit.task));
  if (const auto left_out = left_out_.find(query);
      left_out != left_out_.end() && left_out->second == commit.made_at)
    return Verdict::LeaveOut;
  const MetadataImagePtr image = image_();
  if (image->revision < commit.made_at) return Verdict::Wait;
  const DefinedQueryPtr defined = image->find_query(query);
  return defined && defined->made_at == commit.made_at ? Verdict::Wait : Verdict::LeaveOut;
}

void ReplicatedJournals::carried_out(PartitionId number, const Portion& portion,
                                     const Result<storage::CarriedOut>& result) {
  std::vector<Waiter> reached;
  {
    const std::lock_guard lock(mutex_);
    Journal& journal = journals_.at(number);
    if (result) {
      std::map<Shard*, std::vector<Shard::CarriedOut>> by_shard;
      for (size_t i = 0; i < portion.told.size(); ++i) {
        const auto& [shard, commit] = portion.told[i];
        const storage::AppendedBatch& at = result->journalled[i];
        by_shard[shard].push_back({{commit->task, at.partition.partition, at.last_offset,
                                    commit->sequence, commit->entry.size(), result->commit},
                                   commit});
      }
      for (auto& [shard, commits] : by_shard)
        shard->post([shard = shard, commits = std::move(commits)] { shard->carried_out(commits); });
      journal.next = portion.next;
      journal.epoch = portion.epoch;
      journal.first_needed = portion.first_needed;
      std::erase_if(journal.waiters, [&](Waiter& waiter) {
        if (waiter.end > journal.next) return false;
        reached.push_back(std::move(waiter));
        return true;
      });
    } else if (result.error().code != ErrorCode::ShuttingDown &&
               result.error().code != ErrorCode::FencedTask) {
      log_warn("commits of queries are not carried out, tried again journal={} error=\"{}\"",
               number.value(), result.error().message);
    }
    journal.is_under_way = false;
    settled_.notify_all();
  }
  if (!reached.empty())
    loop_.post(
        [this, reached = std::move(reached)]() mutable { tell_waiters(std::move(reached)); });
  if (result) look_again_soon();  // else with the timer
}

// --- Who owns them

void ReplicatedJournals::opened(PartitionId journal, Term term) {
  const auto status = log_.find_partition(replicated(journal));
  {
    const std::lock_guard lock(mutex_);
    Journal& opened = journals_[journal];
    opened.term = term;
    opened.is_open = false;
    opened.opens_at = status ? status->high_watermark() : Offset{0};
  }
  look_again_soon();
}

// Under the mutex.
void ReplicatedJournals::open_if_due(PartitionId number, Journal& journal) {
  if (!journal.term || journal.is_open || journal.next < journal.opens_at) return;
  journal.is_open = true;
  log_info("this node runs the queries of a journal journal={}", number.value());
  on_change_(queries_of(number));
}

void ReplicatedJournals::closed(PartitionId journal) {
  const std::lock_guard lock(mutex_);
  Journal& closed = journals_[journal];
  closed.term.reset();
  if (!std::exchange(closed.is_open, false)) return;
  log_info("this node does not run the queries of a journal any more journal={}", journal.value());
  std::vector<std::string> queries = queries_of(journal);
  for (Shard* shard : shards_)
    shard->post([shard, queries] {
      for (const std::string& query : queries) shard->remove_query(query);
    });
  on_change_(std::move(queries));
}

std::vector<std::string> ReplicatedJournals::queries_of(PartitionId journal) const {
  std::vector<std::string> queries;
  for (const auto& [id, defined] : image_()->queries())
    if (defined->journal == journal) queries.push_back(id);
  return queries;
}

std::optional<ReplicatedJournals::Term> ReplicatedJournals::term(PartitionId journal) const {
  const std::lock_guard lock(mutex_);
  const auto found = journals_.find(journal);
  if (found == journals_.end() || !found->second.is_open) return std::nullopt;
  return found->second.term;
}

// --- Tasks that are built

ReplicatedJournals::Pause::Pause(ReplicatedJournals& journals) : journals_(journals) {
  std::unique_lock lock(journals_.mutex_);
  ++journals_.paused_;
  journals_.settled_.wait(lock, [this] {
    return std::ranges::none_of(journals_.journals_,
                                [](const auto& each) { return each.second.is_under_way; });
  });
}

ReplicatedJournals::Pause::~Pause() {
  {
    const std::lock_guard lock(journals_.mutex_);
    --journals_.paused_;
  }
  journals_.look_again_soon();
}

void ReplicatedJournals::set_task(const std::string& task, LocalTask local) {
  const std::lock_guard lock(mutex_);
  left_out_.erase(std::string(query_of(task)));
  tasks_[task] = local;
}

void ReplicatedJournals::leave_out(const std::string& query_id, Revision made_at) {
  const std::lock_guard lock(mutex_);
  left_out_[query_id] = made_at;
}

void ReplicatedJournals::forget(const std::string& query_id) {
  const std::lock_guard lock(mutex_);
  left_out_.erase(query_id);
  const std::string prefix = query_id + "/";
  for (auto task = tasks_.lower_bound(prefix);
       task != tasks_.end() && task->first.starts_with(prefix);)
    task = tasks_.erase(task);
}

Status ReplicatedJournals::settle(PartitionId journal) {
  const auto its_term = term(journal);
  if (!its_term) return {};
  const Error late{ErrorCode::QueryCanceled, "commits of the query are still on their way"};
  // Shared with an answer that may come later.
  const auto visible = std::make_shared<std::promise<bool>>();
  proposals_.when_visible(journal, *its_term, [visible](bool is) { visible->set_value(is); });
  auto answer = visible->get_future();
  if (answer.wait_for(kSettlePatience) != std::future_status::ready) return late;
  if (!answer.get()) return {};  // others own it
  const auto status = log_.find_partition(replicated(journal));
  std::unique_lock lock(mutex_);
  const bool is_done = settled_.wait_for(lock, kSettlePatience, [&] {
    return journals_[journal].next >= status->high_watermark() || is_stopping_;
  });
  return is_done ? Status() : Status(late);
}

// --- Those who read

void ReplicatedJournals::when_carried_out(PartitionId journal, Offset end,
                                          const std::weak_ptr<const void>& interest,
                                          std::function<void(Status)> done) {
  loop_.post([this, journal, waiter = Waiter{end, interest, std::move(done)}]() mutable {
    std::optional<Error> broken;
    {
      const std::lock_guard lock(mutex_);
      Journal& its = journals_[journal];
      std::erase_if(its.waiters, [](const Waiter& each) { return each.interest.expired(); });
      broken = its.broken;
      if (!broken && its.next < waiter.end) {
        its.waiters.push_back(std::move(waiter));
        return;
      }
    }
    if (broken) return waiter.done(*broken);
    std::vector<Waiter> reached;
    reached.push_back(std::move(waiter));
    tell_waiters(std::move(reached));
  });
}

// Behind what each shard was told.
void ReplicatedJournals::tell_waiters(std::vector<Waiter> reached) {
  std::vector<std::function<void(Status)>> done;
  for (Waiter& waiter : reached)
    if (!waiter.interest.expired()) done.push_back(std::move(waiter.done));
  if (done.empty()) return;
  // On the loop; each shard answers there.
  const auto countdown =
      std::make_shared<Countdown>(shards_.size(), [done = std::move(done)](const Status& status) {
        for (const auto& each : done) each(status);
      });
  for (Shard* shard : shards_)
    shard->post([this, shard, countdown] {
      shard->when_followed([this, countdown] { loop_.post([countdown] { countdown->one(); }); });
    });
}

Offset ReplicatedJournals::first_needed(PartitionId journal) const {
  const std::lock_guard lock(mutex_);
  const auto found = journals_.find(journal);
  return found == journals_.end() ? Offset{0} : found->second.first_needed;
}

}  // namespace server
