#include "server/tasks/replicated_journals.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <future>
#include <utility>

#include "base/log.h"
#include "base/task_id.h"
#include "records/batch.h"
#include "server/tasks/journal_progress.h"
#include "storage/kv/damage.h"
#include "storage/log/task_journal.h"
#include "storage/replica/plan_mark.h"

namespace server {

using storage::TopicPartition;

namespace {

// Most bytes of the journal that are read and applied in one commit.
constexpr size_t kPortionBytes = 1 << 20;
constexpr int64_t kLookAgainMs = 50;
constexpr auto kSettlePatience = std::chrono::seconds(2);

std::function<Status(storage::WriteTransaction&)> put_progress(PartitionId journal,
                                                               const JournalProgress& progress) {
  return [journal, progress](storage::WriteTransaction& transaction) {
    return put_journal_progress(transaction, journal, progress);
  };
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
  const auto all = std::make_shared<std::map<PartitionId, JournalProgress>>();
  std::promise<Status> done;
  log_.submit(
      [all](storage::WriteTransaction& transaction) -> Status {
        *all = TRY(read_journal_progress(transaction));
        return {};
      },
      [&](Status status) { done.set_value(std::move(status)); });
  TRY(done.get_future().get());
  for (const auto& [number, progress] : *all) {
    Journal& journal = journals_[number];
    journal.place = progress.place;
    journal.snapshot_bytes = progress.snapshot_bytes;
    journal.unclean = progress.unclean;
  }
  return {};
}

// --- Applying commits

void ReplicatedJournals::grown(std::span<const TopicPartition> partitions) {
  if (std::ranges::any_of(partitions, [](const TopicPartition& partition) {
        return partition.topic == storage::kReplicatedJournal;
      }))
    schedule_check();
}

void ReplicatedJournals::schedule_check() {
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
      journal = &journals_[number];  // std::map keeps the address
    }
    pump(number, *journal);
  }
}

void ReplicatedJournals::pump(PartitionId number, Journal& journal) {
  Portion from;
  bool is_whole = true;
  {
    const std::lock_guard lock(mutex_);
    if (journal.is_under_way || journal.to_install || journal.paused > 0 || is_stopping_) return;
    is_whole = !is_lost(number, journal);
    if (!is_whole) journal.broken.reset();
    if (journal.broken) return;
    if (is_whole) open_if_due(number, journal);
    from.place = journal.place;
    from.snapshot_bytes = journal.snapshot_bytes;
    from.begun_bytes = journal.begun_bytes;
    from.unclean = journal.unclean;
    journal.is_under_way = true;
  }
  if (!is_whole) {
    auto after = begin_after(number, *election_of(number));
    if (!after) return rest(number, after.error());
    if (!*after) return rest(number);
    from = **std::move(after);
  }
  if (is_behind(number, from.place.next)) {
    const Status begun = begin_anew(number, journal);
    return rest(number, begun ? std::nullopt : std::optional(begun.error()));
  }
  Result<Portion> portion = read(number, from);
  if (!portion) {
    std::unique_lock lock(mutex_);
    // If an unclean election has replaced commits of the journal since they were applied, it is the
    // cause of the error: the journal is then read again, and the error is dropped.
    const bool is_explained = is_whole && is_lost(number, journal);
    lock.unlock();
    return rest(number, is_explained ? std::nullopt : std::optional(portion.error()));
  }
  if (portion->place.next == from.place.next)
    return portion->missing ? make_missing(number, *portion->missing) : rest(number);
  const auto kept = std::make_shared<Portion>(*std::move(portion));
  std::move(kept->commits)
      .apply(log_, put_progress(number, {kept->place, kept->snapshot_bytes, kept->unclean}),
             [this, number, kept](const Status& applied) { carried_out(number, *kept, applied); });
}

void ReplicatedJournals::rest(PartitionId number, std::optional<Error> why) {
  const std::lock_guard lock(mutex_);
  Journal& journal = journals_.at(number);
  journal.is_under_way = false;
  if (why) {
    log_error("cannot apply a journal journal={} error=\"{}\"", number.value(), why->message);
    journal.broken = std::move(why);
  }
  settled_.notify_all();
}

bool ReplicatedJournals::is_behind(PartitionId number, Offset next) const {
  const auto status = log_.find_partition(replicated(number));
  return status && status->log_start() > next;
}

// Runs on the loop. The node lacks commits that have been trimmed on all nodes, so the function
// searches for a snapshot from which to restore the node.
Status ReplicatedJournals::begin_anew(PartitionId number, Journal& journal) {
  constexpr int64_t kSearchAgainUs = 500'000;
  if (clock_.monotonic_us() < journal.search_at_us) return {};
  const auto searched = storage::find_snapshot(log_, *reader_, replicated(number));
  journal.search_at_us = clock_.monotonic_us() + kSearchAgainUs;
  // The local replica of the journal was trimmed during the search. The next call searches again.
  if (!searched && searched.error().code == ErrorCode::OffsetOutOfRange) return {};
  if (!searched) return searched.error();
  const auto& found = *searched;
  if (!found) return {};  // the replica does not have the whole snapshot yet
  log_info("this node starts a journal again from a snapshot journal={} bytes={} at={}",
           number.value(), found->size_bytes, found->place.next.value());
  std::vector<std::string> queries = queries_of(number);
  if (queries.empty()) return write_place(number, *found);
  {
    const std::lock_guard lock(mutex_);
    journal.to_install = found;
  }
  on_change_(std::move(queries));
  return {};
}

Status ReplicatedJournals::write_place(PartitionId number, const storage::FoundSnapshot& snapshot) {
  // A snapshot from before the election is usable, too, because its queries do not continue after
  // the election.
  const auto election = election_of(number);
  const LeaderEpoch unclean = election ? election->epoch : LeaderEpoch{};
  std::promise<Status> written;
  log_.submit(put_progress(number, {snapshot.place, snapshot.size_bytes, unclean}),
              [&](Status status) { written.set_value(std::move(status)); });
  TRY(written.get_future().get());
  const std::lock_guard lock(mutex_);
  Journal& journal = journals_[number];
  journal.place = snapshot.place;
  journal.unclean = unclean;
  journal.snapshot_bytes = snapshot.size_bytes;
  journal.begun_bytes = 0;
  journal.to_install.reset();
  return {};
}

std::optional<storage::UncleanElection> ReplicatedJournals::election_of(PartitionId number) const {
  return find_election_ ? find_election_(number) : std::nullopt;
}

// Called under the mutex.
bool ReplicatedJournals::is_lost(PartitionId number, const Journal& journal) const {
  const auto election = election_of(number);
  return election && election->epoch > journal.unclean;
}

// All queries with commits in the lost part have ended on every node, and judge() skips their
// commits. So the journal is read again from its beginning. If later commits have been trimmed, a
// snapshot contains their results.
Result<std::optional<ReplicatedJournals::Portion>> ReplicatedJournals::begin_after(
    PartitionId number, const storage::UncleanElection& election) const {
  const TopicPartition partition = replicated(number);
  const auto status = log_.find_partition(partition);
  if (!status || status->leader_epoch() < election.epoch) return std::nullopt;
  const auto before =
      TRY(replicas_.end_of_epoch(partition, LeaderEpoch{election.epoch.value() - 1}));
  const Offset start = status->log_start();
  Portion begun;
  begun.place.next = begun.place.first_needed = before.end < start ? Offset{0} : start;
  begun.unclean = election.epoch;
  return begun;
}

// Fails if an unclean election has removed visible commits that this node has applied. is_lost()
// detects the elections that the metadata list. This function also detects other elections: the
// epoch of the last applied commit then ends at another offset in the log.
Status ReplicatedJournals::check_chain(PartitionId number, const storage::JournalPlace& place,
                                       Offset log_start) {
  if (place.next <= log_start) return {};  // the log has nothing from before the place
  const auto known = replicas_.end_of_epoch(replicated(number), place.epoch);
  if (!known) return known.error();
  if (known->epoch == place.epoch && known->end >= place.next) return {};
  return Error{ErrorCode::DataCorrupted, "commits of queries were undone by an unclean election"};
}

// Adds up the sizes of a snapshot's pieces. The size of the last snapshot decides when the next
// snapshot is due.
void ReplicatedJournals::note_piece(std::string_view batch, Portion& portion) const {
  const auto piece = storage::read_snapshot_piece(batch);
  if (!piece || !*piece) return;
  portion.begun_bytes = ((*piece)->number == 0 ? 0 : portion.begun_bytes) + batch.size();
  if ((*piece)->is_last) portion.snapshot_bytes = std::exchange(portion.begun_bytes, 0);
}

Result<ReplicatedJournals::Portion> ReplicatedJournals::read(PartitionId number,
                                                             const Portion& from) {
  Portion portion;
  portion.place = from.place;
  portion.snapshot_bytes = from.snapshot_bytes;
  portion.begun_bytes = from.begun_bytes;
  portion.unclean = from.unclean;
  const TopicPartition partition = replicated(number);
  const auto status = log_.find_partition(partition);
  // After a restart the high watermark may be lower than before, and may lie before commits that
  // are already applied. Nothing is read until it has risen again.
  if (!status || status->high_watermark() <= from.place.next) return portion;
  TRY(check_chain(number, from.place, status->log_start()));
  TRY(reader_->begin_turn(storage::Snapshot::WhenNeeded));
  std::vector<std::pair<Offset, std::string>> batches;  // batches with the offsets after them
  auto found = reader_->read(partition, from.place.next, kPortionBytes);
  if (found)
    for (const storage::BatchRef& batch : *found)
      batches.emplace_back(batch.last_offset + 1, batch.bytes);
  reader_->end_turn();
  // The journal has been trimmed meanwhile. The next call checks whether this node is behind.
  if (!found && found.error().code == ErrorCode::OffsetOutOfRange) return portion;
  if (!found) return found.error();
  const std::lock_guard lock(mutex_);
  for (const auto& [end, bytes] : batches) {
    const auto header = TRY(records::parse_batch(bytes, records::BatchCheck::Shape)).header;
    auto read = TRY(storage::read_replicated_commit(bytes));
    if (const auto mark = read ? std::nullopt : storage::read_plan_mark(bytes);
        mark && image_()->revision < *mark) {
      portion.waits = true;
      break;
    }
    LocalTask local;
    const Verdict verdict = read ? judge(number, *read, local) : Verdict::LeaveOut;
    if (verdict == Verdict::Wait) {
      portion.waits = true;
      break;
    }
    if (verdict == Verdict::Keep || (verdict == Verdict::CarryOut && !local.runs)) {
      auto exchanges = missing_exchanges(*read);
      if (verdict == Verdict::Keep || !exchanges.empty()) {
        portion.missing = {read->task, read->planned_at, std::move(exchanges)};
        break;
      }
    }
    const Offset delivered =
        read ? Offset{0} : storage::read_delivered_mark(bytes).value_or(Offset{0});
    // No commit may be applied twice, and a mark of deliveries must refer to commits before the
    // mark.
    if (end <= portion.place.next || delivered > end)
      return storage::damaged_data("a journal contains an entry with impossible offsets");
    portion.place.next = end;
    portion.place.epoch = LeaderEpoch{header.leader_epoch};
    if (!read) {
      portion.place.first_needed = std::max(portion.place.first_needed, delivered);
      note_piece(bytes, portion);
    }
    if (verdict == Verdict::LeaveOut) continue;
    portion.commits.add(*std::move(read), local.epoch, *local.shard);
  }
  return portion;
}

ReplicatedJournals::Verdict ReplicatedJournals::judge(PartitionId number,
                                                      const storage::ReplicatedCommit& commit,
                                                      LocalTask& local) const {
  const auto election = election_of(number);
  if (election && commit.planned_at < election->revision) return Verdict::LeaveOut;
  const auto task = tasks_.find(commit.task);
  if (task != tasks_.end() && task->second.plans.have(commit.planned_at)) {
    local = task->second;
    return Verdict::CarryOut;
  }
  const std::string query(query_of(commit.task));
  if (const auto failed = cannot_run_.find(query);
      failed != cannot_run_.end() && failed->second.plans.have(commit.planned_at))
    return failed->second.how == Failed::Keeps ? Verdict::Keep : Verdict::LeaveOut;
  const MetadataImagePtr image = image_();
  if (image->revision < commit.planned_at) return Verdict::Wait;
  const DefinedQueryPtr defined = image->find_query(query);
  if (!defined || commit.planned_at < defined->made_at) return Verdict::LeaveOut;
  return defined->unreadable.empty() ? Verdict::Wait : Verdict::Keep;
}

// Returns the exchanges of the commit that do not exist here. The query does not run here:
// otherwise its exchanges would have been created when it started.
std::vector<TopicPartition> ReplicatedJournals::missing_exchanges(
    const storage::ReplicatedCommit& commit) const {
  std::vector<TopicPartition> missing;
  for (const storage::TaskOutput& output : commit.exchanged) missing.push_back(output.partition);
  for (const storage::ConsumedInput& consumed : commit.consumed)
    missing.push_back(consumed.partition);
  std::erase_if(missing, [this](const TopicPartition& partition) {
    return log_.find_partition(partition) != nullptr;
  });
  return missing;
}

// Creates the task and the exchanges that the next commit needs. The commit names them, so they can
// be created even if this program cannot read the query. The journal counts as in progress until
// made_missing().
void ReplicatedJournals::make_missing(PartitionId number, const Portion::Missing& missing) {
  for (const TopicPartition& exchange : missing.exchanges)
    log_.create_partitions(
        exchange.topic, exchange.partition.value() + 1,
        [](const Status& made) {
          if (!made) log_warn("cannot create an exchange error=\"{}\"", made.error().message);
        },
        storage::PartitionKind::Internal);
  log_.begin_tasks({missing.task}, [this, number, missing](Result<storage::TaskStarts> begun) {
    made_missing(number, missing, std::move(begun));
  });
}

// Continues after make_missing(). After a failure the timer tries again.
void ReplicatedJournals::made_missing(PartitionId number, const Portion::Missing& missing,
                                      Result<storage::TaskStarts> begun) {
  const std::string query(query_of(missing.task));
  const DefinedQueryPtr defined = image_()->find_query(query);
  // The query may have been dropped since the commit was read.
  const bool is_defined = defined && defined->made_at <= missing.planned_at;
  const bool has_begun = begun && begun->front();
  {
    const std::lock_guard lock(mutex_);
    if (has_begun && is_defined) {
      const storage::TaskStart& start = *begun->front();
      Shard* const shard = shards_[static_cast<size_t>(start.journal.value()) % shards_.size()];
      tasks_[missing.task] = {{defined->made_at, missing.planned_at}, start.epoch, shard, false};
    } else if (is_defined && begun && !begun->front() &&
               storage::is_damage(begun->front().error().code)) {
      cannot_run_[query] = {{defined->made_at, missing.planned_at}, Failed::Damaged};
    }
  }
  rest(number);
  if (has_begun) schedule_check();
}

void ReplicatedJournals::carried_out(PartitionId number, const Portion& portion,
                                     const Status& applied) {
  std::vector<Waiter> reached;
  {
    const std::lock_guard lock(mutex_);
    Journal& journal = journals_.at(number);
    assert(journal.is_under_way);  // Pause relies on this
    if (applied) {
      journal.place = portion.place;
      journal.snapshot_bytes = portion.snapshot_bytes;
      journal.begun_bytes = portion.begun_bytes;
      journal.unclean = portion.unclean;
      std::erase_if(journal.waiters, [&](Waiter& waiter) {
        if (waiter.end > journal.place.next || is_lost(number, journal)) return false;
        reached.push_back(std::move(waiter));
        return true;
      });
    } else if (applied.error().code != ErrorCode::ShuttingDown &&
               applied.error().code != ErrorCode::FencedTask) {
      log_warn("cannot apply commits of queries, they are tried again journal={} error=\"{}\"",
               number.value(), applied.error().message);
    }
    journal.is_under_way = false;
    settled_.notify_all();
  }
  if (!reached.empty())
    loop_.post(
        [this, reached = std::move(reached)]() mutable { tell_waiters(std::move(reached)); });
  if (applied) schedule_check();  // after a failure the timer tries again
}

// --- Ownership

void ReplicatedJournals::opened(PartitionId journal, Term term) {
  const auto status = log_.find_partition(replicated(journal));
  {
    const std::lock_guard lock(mutex_);
    Journal& opened = journals_[journal];
    opened.term = term;
    opened.is_open = false;
    opened.opens_at = status ? status->high_watermark() : Offset{0};
  }
  schedule_check();
}

// Called under the mutex.
void ReplicatedJournals::open_if_due(PartitionId number, Journal& journal) {
  if (!journal.term || journal.is_open || journal.place.next < journal.opens_at) return;
  journal.is_open = true;
  log_info("this node runs the queries of a journal journal={}", number.value());
  on_change_(queries_of(number));
}

void ReplicatedJournals::closed(PartitionId journal) {
  const std::lock_guard lock(mutex_);
  Journal& closed = journals_[journal];
  closed.term.reset();
  if (!std::exchange(closed.is_open, false)) return;
  log_info("this node no longer runs the queries of a journal journal={}", journal.value());
  std::vector<std::string> queries = queries_of(journal);
  for (Shard* shard : shards_)
    shard->post([shard, queries] {
      for (const std::string& query : queries) shard->remove_query(query);
    });
  on_change_(std::move(queries));
}

std::vector<std::string> ReplicatedJournals::queries_of(PartitionId journal) const {
  std::vector<std::string> queries;
  const auto image = image_();
  for (const auto& [id, defined] : image->queries())
    if (defined->journal == journal) queries.push_back(id);
  return queries;
}

std::optional<ReplicatedJournals::Term> ReplicatedJournals::term(PartitionId journal) const {
  const std::lock_guard lock(mutex_);
  const auto found = journals_.find(journal);
  if (found == journals_.end() || !found->second.is_open) return std::nullopt;
  return found->second.term;
}

// --- Building tasks

ReplicatedJournals::Pause::Pause(ReplicatedJournals& journals, std::set<PartitionId> which)
    : journals_(journals), which_(std::move(which)) {
  std::unique_lock lock(journals_.mutex_);
  for (const PartitionId number : which_) ++journals_.journals_[number].paused;
  journals_.settled_.wait(lock, [this] {
    return std::ranges::none_of(
        which_, [this](PartitionId number) { return journals_.journals_.at(number).is_under_way; });
  });
}

ReplicatedJournals::Pause::~Pause() {
  {
    const std::lock_guard lock(journals_.mutex_);
    for (const PartitionId number : which_) --journals_.journals_.at(number).paused;
  }
  journals_.schedule_check();
}

void ReplicatedJournals::set_task(const std::string& task, LocalTask local) {
  const std::lock_guard lock(mutex_);
  cannot_run_.erase(std::string(query_of(task)));
  tasks_[task] = local;
}

void ReplicatedJournals::cannot_run(const std::string& query_id, Plans plans, Failed how) {
  const std::lock_guard lock(mutex_);
  cannot_run_[query_id] = {plans, how};
}

bool ReplicatedJournals::knows_newer_plan(const DefinedQuery& query) const {
  const DefinedQueryPtr now = image_()->find_query(query.plan->id);
  return now && now->planned_at > query.planned_at;
}

void ReplicatedJournals::forget(const std::string& query_id) {
  const std::lock_guard lock(mutex_);
  cannot_run_.erase(query_id);
  const std::string prefix = query_id + "/";
  for (auto task = tasks_.lower_bound(prefix);
       task != tasks_.end() && task->first.starts_with(prefix);)
    task = tasks_.erase(task);
}

Status ReplicatedJournals::settle(PartitionId journal) {
  const auto its_term = term(journal);
  if (!its_term) return {};
  const Error late{ErrorCode::QueryCanceled, "commits of the query are still in progress"};
  // The promise is shared, because the answer may arrive after this call has returned.
  const auto visible = std::make_shared<std::promise<bool>>();
  proposals_.when_visible(journal, *its_term, [visible](bool is) { visible->set_value(is); });
  auto answer = visible->get_future();
  if (answer.wait_for(kSettlePatience) != std::future_status::ready) return late;
  if (!answer.get()) return {};  // another node owns the journal
  // Waits only for the commits up to the current end, because new commits keep arriving.
  const auto status = log_.find_partition(replicated(journal));
  const Offset end = status ? status->high_watermark() : Offset{0};
  std::unique_lock lock(mutex_);
  const bool is_done = settled_.wait_for(lock, kSettlePatience, [&] {
    const Journal& its = journals_[journal];
    return (!is_lost(journal, its) && its.place.next >= end) || is_stopping_;
  });
  return is_done ? Status() : Status(late);
}

// --- Readers

void ReplicatedJournals::when_carried_out(PartitionId journal, Offset end,
                                          const std::weak_ptr<const void>& receiver,
                                          std::function<void(Status)> done) {
  loop_.post([this, journal, waiter = Waiter{end, receiver, std::move(done)}]() mutable {
    std::optional<Error> broken;
    {
      const std::lock_guard lock(mutex_);
      Journal& its = journals_[journal];
      std::erase_if(its.waiters, [](const Waiter& each) { return each.receiver.expired(); });
      broken = its.broken;
      if (!broken && (its.place.next < waiter.end || is_lost(journal, its))) {
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

// Calls the waiters' functions after each shard has processed all messages that it has received so
// far.
void ReplicatedJournals::tell_waiters(std::vector<Waiter> reached) {
  std::vector<std::function<void(Status)>> done;
  for (Waiter& waiter : reached)
    if (!waiter.receiver.expired()) done.push_back(std::move(waiter.done));
  if (done.empty()) return;
  // Each shard answers on the journals' loop, so `countdown` needs no lock.
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
  return found == journals_.end() || is_lost(journal, found->second)
             ? Offset{0}
             : found->second.place.first_needed;
}

Offset ReplicatedJournals::first_not_carried_out(PartitionId journal) const {
  const std::lock_guard lock(mutex_);
  const auto found = journals_.find(journal);
  if (found == journals_.end() || is_lost(journal, found->second)) return Offset{0};
  return found->second.broken ? Offset{INT64_MAX} : found->second.place.next;
}

// --- Snapshots

std::pair<Revision, std::vector<DefinedQueryPtr>> ReplicatedJournals::queries_in(
    PartitionId journal) const {
  const MetadataImagePtr image = image_();
  std::pair<Revision, std::vector<DefinedQueryPtr>> found{image->revision, {}};
  for (const auto& [id, defined] : image->queries())
    if (defined->journal == journal) found.second.push_back(defined);
  return found;
}

std::optional<ReplicatedJournals::Contents> ReplicatedJournals::contents(
    const Pause& /*pause*/, PartitionId journal) const {
  const std::vector<DefinedQueryPtr> queries = queries_in(journal).second;
  const std::lock_guard lock(mutex_);
  const auto found = journals_.find(journal);
  if (found == journals_.end() || !found->second.is_open || !found->second.term)
    return std::nullopt;
  Contents contents{*found->second.term, found->second.place, queries, {}};
  for (const DefinedQueryPtr& query : queries) {
    // A query that has not started here or cannot run here lacks some of its commits, so this node
    // cannot write a snapshot.
    const std::string prefix = query->plan->id + "/";
    auto task = tasks_.lower_bound(prefix);
    const bool is_here = task != tasks_.end() && task->first.starts_with(prefix) &&
                         task->second.plans.made_at == query->made_at && task->second.runs;
    if (!is_here || cannot_run_.contains(query->plan->id)) return std::nullopt;
    for (; task != tasks_.end() && task->first.starts_with(prefix); ++task)
      contents.tasks.push_back(task->first);
  }
  return contents;
}

size_t ReplicatedJournals::snapshot_bytes(PartitionId journal) const {
  const std::lock_guard lock(mutex_);
  const auto found = journals_.find(journal);
  return found == journals_.end() ? 0 : found->second.snapshot_bytes;
}

std::optional<storage::FoundSnapshot> ReplicatedJournals::to_install(PartitionId journal) const {
  const std::lock_guard lock(mutex_);
  const auto found = journals_.find(journal);
  return found == journals_.end() ? std::nullopt : found->second.to_install;
}

Status ReplicatedJournals::installed(PartitionId journal, const storage::FoundSnapshot& snapshot) {
  TRY(write_place(journal, snapshot));
  schedule_check();
  return {};
}

void ReplicatedJournals::search_again(PartitionId journal) {
  const std::lock_guard lock(mutex_);
  journals_[journal].to_install.reset();
}

}  // namespace server
