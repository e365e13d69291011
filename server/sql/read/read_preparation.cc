#include "server/sql/read/read_preparation.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "engine/plan/analysis.h"
#include "server/sql/read/read_barrier.h"
#include "server/tasks/log_ports.h"
#include "storage/log/log_statistics.h"
#include "storage/log/task_journal.h"

namespace server {

Error behind_transaction(const std::string& which, int64_t waited_ms) {
  return {
      ErrorCode::ObjectState,
      fmt::format("acknowledged rows of {} follow an open transaction", which),
      fmt::format("Waited {} ms for the transaction to end.", waited_ms),
      "Try again when the transaction has ended; most likely a Kafka producer has started it. The "
      "setting read.wait.ms limits the wait."};
}

ReadPreparation::ReadPreparation(SqlSession& session, sql::Receiver& receiver,
                                 MetadataImagePtr image, std::vector<MaterializedTable> tables,
                                 Kind kind)
    : session_(session),
      receiver_(receiver),
      image_(std::move(image)),
      tables_(std::move(tables)),
      kind_(kind),
      needed_(tables_.size()) {}

bool ReadPreparation::is_of_topic(const MaterializedTable& table) const {
  return table.query->query->kind == engine::QueryKind::SourceTable;
}

std::optional<storage::TopicInfo> ReadPreparation::topic_of(const MaterializedTable& table) const {
  const storage::TopicInfo* topic =
      is_of_topic(table) ? image_->topics->find(table.table->topic) : nullptr;
  return topic ? std::optional(*topic) : std::nullopt;
}

void ReadPreparation::begin(std::function<void(Status)> opened) {
  opened_ = std::move(opened);
  begun_us_ = session_.parts().clock.monotonic_us();
  if (session_.parts().cluster->asks_leaders()) return ask_leaders();
  begin_waiting();
}

void ReadPreparation::ask_leaders() {
  ClusterTopics& cluster = *session_.parts().cluster;
  std::set<storage::TopicPartition> partitions;
  const auto not_here = [](const MaterializedTable& table) {
    return Error{ErrorCode::NotSupported,
                 fmt::format("table {} has partitions without a replica on this node, so reading "
                             "it here is not supported in a cluster yet",
                             table.table->name),
                 {},
                 "Connect to a node that has replicas of all partitions, or give its topic as many "
                 "REPLICAS as the cluster has nodes."};
  };
  for (const MaterializedTable& table : tables_) {
    // The rows of a table made by a query are in the commits of the query's journal, so the replica
    // of the journal decides whether the table is current.
    if (const auto& journal = table.query->journal) {
      if (!cluster.has_replica({storage::kReplicatedJournal, *journal}))
        return end(not_here(table));
      partitions.insert({storage::kReplicatedJournal, *journal});
      continue;
    }
    const auto topic = topic_of(table);
    if (topic && !cluster.has_topic(topic->id))
      return end(Error{ErrorCode::UndefinedSource,
                       fmt::format("table {} was just dropped", table.table->name)});
    for (PartitionId i{0}; topic && i < PartitionId{topic->partition_count}; ++i) {
      if (!cluster.has_replica({topic->id, i})) return end(not_here(table));
      partitions.insert({topic->id, i});
    }
  }
  const std::vector<storage::TopicPartition> asked(partitions.begin(), partitions.end());
  if (auto ends = old_ends(asked)) return leaders_told(*std::move(ends));
  if (kind_ == Kind::Change) stalled_.emplace(session_);
  cluster.ask_ends(asked, session_.open_wait_ms(),
                   there_.on(session_.shard().loop(), [this](Result<ClusterTopics::Ends> ends) {
                     leaders_told(std::move(ends));
                   }));
}

// Returns ends that the leaders have reported earlier, for a reader that sets read.staleness. All records that were
// acknowledged that long ago are before these ends. The ends of the session's own writes are added.
std::optional<ClusterTopics::Ends> ReadPreparation::old_ends(
    std::span<const storage::TopicPartition> partitions) const {
  const int64_t staleness_ms = session_.setting_ms("read.staleness", 0);
  if (staleness_ms == 0 || kind_ == Kind::Change) return std::nullopt;
  auto ends =
      session_.parts().cluster->ends_asked_since(partitions, begun_us_ - staleness_ms * 1000);
  if (!ends) return std::nullopt;
  for (auto& [partition, end] : *ends)
    if (const auto own = session_.written().find(to_engine(partition));
        own != session_.written().end())
      end = std::max(end, own->second);
  return ends;
}

void ReadPreparation::leaders_told(Result<ClusterTopics::Ends> ends) {
  if (!opened_) return;
  stalled_.reset();
  if (!ends && ends.error().code == ErrorCode::ObjectState) {
    const bool of_topics = std::ranges::any_of(
        tables_, [this](const MaterializedTable& each) { return is_of_topic(each); });
    return end(behind_transaction(names(of_topics), waited_ms()));
  }
  if (!ends) return end(std::move(ends).error());
  if (kind_ == Kind::Change) session_.note_read({ends->begin(), ends->end()});
  ClusterTopics::Ends journals;
  for (const auto& [partition, readable_end] : *ends)
    if (partition.topic == storage::kReplicatedJournal)
      journals.emplace_back(partition, readable_end);
    else if (readable_end > Offset(0))
      leaders_ends_.emplace_back(to_engine(partition), readable_end);
  await_journals(journals);
}

void ReadPreparation::await_journals(const ClusterTopics::Ends& ends) {
  if (ends.empty()) return begin_waiting();
  timer_.emplace(session_.shard().loop(), "waiting reads", [this] { end(behind(false)); });
  timer_->start_once(session_.read_wait_ms());
  waiter_ = std::make_shared<int>();
  left_ = static_cast<int>(ends.size());
  for (const auto& [partition, readable_end] : ends)
    session_.parts().queries.commits().when_applied(
        partition.partition, readable_end, waiter_,
        there_.on(session_.shard().loop(), [this](const Status& status) {
          if (!opened_ || !waiter_) return;
          if (!status) return end(status.error());
          if (--left_ > 0) return;
          waiter_.reset();
          timer_.reset();
          begin_waiting();
        }));
}

void ReadPreparation::begin_waiting() {
  std::vector<CatchingUp::Made> made;
  for (const MaterializedTable& each : tables_)
    if (!is_of_topic(each)) made.push_back({each.table->name, each.query});
  if (made.empty()) return open();
  catching_up_.emplace(session_, image_, "table", std::move(made), demand_);
  catching_up_->begin([this](Status caught_up) {
    if (!opened_) return;
    if (!caught_up) return end(std::move(caught_up));
    open();
  });
}

void ReadPreparation::open() {
  const bool is_ready = find_needed();
  // A look-up by key sees one row, so it cannot see only a part of a statement's rows, and need not wait for
  // writers. A barrier waits for writers itself.
  if (kind_ == Kind::Keys || precedes_barrier_)
    return is_ready ? end({}) : wait([this] { end({}); });
  if (is_ready) return await_writers();
  wait([this] { await_writers(); });
}

bool ReadPreparation::find_needed() {
  CommittedEnds& ends = session_.parts().committed_ends;
  bool is_ready = true;
  for (size_t i = 0; i < tables_.size(); ++i) {
    const auto topic = topic_of(tables_[i]);
    if (!topic) continue;
    CommittedEnds::Needed& needed = needed_[i] = {};
    const CommittedEnds::Keeper& keeper = tables_[i].query->plan;
    if (session_.parts().cluster->asks_leaders()) {
      for (const auto& each : leaders_ends_)
        if (each.first.topic == topic->id) needed.ends.push_back(each);
      needed.has_passed = needed.ends.empty();
    } else if (kind_ == Kind::Change) {
      needed = ends.needed_by_writer(topic->id, topic->partition_count, keeper);
    } else {
      needed = ends.needed(topic->id, topic->partition_count, keeper);
    }
    is_ready = is_ready && needed.has_passed;
  }
  return is_ready;
}

void ReadPreparation::wait(std::function<void()> then) {
  then_ = std::move(then);
  const int64_t most_ms = session_.read_wait_ms();
  if (!patience_) patience_.emplace(session_, most_ms);
  std::vector<const DefinedQuery*> queries;
  SessionWrites ends;
  for (size_t i = 0; i < tables_.size(); ++i) {
    if (!is_of_topic(tables_[i]) || needed_[i].has_passed) continue;
    queries.push_back(tables_[i].query.get());
    for (const auto& [partition, end] : needed_[i].ends)
      ends[partition] = std::max(ends[partition], end);
  }
  const auto waiter = waiter_ = std::make_shared<int>();
  const auto mode = most_ms == 0 ? ReadBarrier::Mode::Look : ReadBarrier::Mode::Wait;
  auto barrier =
      ReadBarrier::begin(session_.parts(), session_.shard(), image_, queries, ends, mode, waiter,
                         there_.here([this](const Status& status) { passed(status); }));
  if (waiter_ != waiter || mode == ReadBarrier::Mode::Look) return;
  barrier_ = std::move(barrier);
  patience_->watch([barrier = barrier_](auto take) { barrier->ask_progress(std::move(take)); },
                   [this](const ReadBarrier::Progress&) { end(behind(true)); });
}

// Waits again after a failure: a failed query usually restarts within a moment. If it does not
// restart, its table shows less than was acknowledged, so in the end the read fails.
void ReadPreparation::passed(const Status& status) {
  waiter_.reset();
  barrier_.reset();
  if (!then_) return;
  patience_->rest();
  if (status) {
    patience_.reset();
    return std::exchange(then_, nullptr)();
  }
  for (const MaterializedTable& each : tables_)
    if (!is_current(session_.parts(), *each.query))
      return end(
          Error{ErrorCode::UndefinedObject,
                fmt::format("the query that keeps table {} was replaced", each.table->name)});
  if (patience_->is_over()) return end(behind(true));
  constexpr int64_t kAgainMs = 20;
  timer_.emplace(session_.shard().loop(), "waiting reads", [this] {
    timer_.reset();
    if (then_) wait(std::exchange(then_, nullptr));
  });
  timer_->start_once(kAgainMs);
}

// Waits while a statement commits several records: the statement either finishes before this read
// or waits until the scans of this read have begun.
void ReadPreparation::await_writers() {
  std::set<std::string> topics;
  for (const MaterializedTable& each : tables_)
    if (const auto topic = topic_of(each)) topics.insert(topic->id.to_string());
  if (topics.empty()) return end({});
  const auto granted = [this](TableLocks::Hold hold) {
    hold_ = std::move(hold);
    timer_.reset();
    await_needed();  // rows were committed during the wait
  };
  TableLocks::Asked asked = session_.parts().commits.ask(
      std::move(topics), TableLocks::Mode::Readers, there_.on(session_.shard().loop(), granted));
  if (asked.hold) return granted(std::move(asked.hold));
  place_ = std::move(asked.place);
  timer_.emplace(session_.shard().loop(), "waiting reads", [this] { on_late_writers(); });
  timer_->start_once(session_.read_wait_ms());
}

// Stops waiting for writers. On a lone node the read then fails. In a cluster it continues with a
// warning: a writer may wait for a long time for leaders that cannot acknowledge, and a read should
// not wait for such a writer.
void ReadPreparation::on_late_writers() {
  if (!session_.parts().cluster->asks_leaders()) return end(behind(true));
  place_.leave();
  timer_.reset();
  receiver_.on_notice({sql::NoticeLevel::Warning,
                       fmt::format("{} may show only some of the rows of a statement", names(true)),
                       "Rows of another session wait for the leaders of their partitions.",
                       "SHOW CLUSTER shows which nodes are available."});
  await_needed();
}

void ReadPreparation::await_needed() {
  if (session_.parts().cluster->asks_leaders()) add_written_ends();
  if (find_needed()) return end({});
  wait([this] { end({}); });
}

// Adds the ends of those statements of this node that have ended since the leaders were asked.
// Otherwise their rows in one partition might be visible while their rows in another partition are
// not.
void ReadPreparation::add_written_ends() {
  std::vector<storage::TopicPartition> partitions;
  for (const MaterializedTable& each : tables_)
    if (const auto topic = topic_of(each))
      for (PartitionId i{0}; i < PartitionId{topic->partition_count}; ++i)
        partitions.emplace_back(topic->id, i);
  for (const auto& [partition, end] :
       session_.parts().cluster->written_since(partitions, begun_us_))
    leaders_ends_.emplace_back(to_engine(partition), end);
}

void ReadPreparation::end(Status status) {
  waiter_.reset();
  timer_.reset();
  barrier_.reset();
  if (patience_) patience_->rest();
  then_ = nullptr;
  if (!status) give_up();
  std::exchange(opened_, nullptr)(std::move(status));
}

void ReadPreparation::close() {
  hold_ = nullptr;
  for (size_t i = 0; i < tables_.size(); ++i) {
    if (auto warning = warning_of_late_records(session_, tables_[i]))
      receiver_.on_notice(*std::move(warning));
    const auto topic = topic_of(tables_[i]);
    if (!topic) continue;
    session_.note_passed(tables_[i].query);
    if (needed_[i].version > 0)
      session_.parts().committed_ends.note_passed(topic->id, tables_[i].query->plan,
                                                  needed_[i].version);
    if (auto warning = warning_of_trouble(session_.parts(), tables_[i]))
      receiver_.on_notice(*std::move(warning));
  }
  if (!catching_up_) return;
  if (auto warning = catching_up_->take_warning()) receiver_.on_notice(*std::move(warning));
}

void ReadPreparation::give_up() {
  hold_ = nullptr;
  place_.leave();
}

std::string ReadPreparation::names(bool of_topics) const {
  std::vector<std::string> names;
  for (const MaterializedTable& each : tables_)
    if (is_of_topic(each) == of_topics && std::ranges::find(names, each.table->name) == names.end())
      names.push_back(each.table->name);
  return (names.size() == 1 ? "table " : "tables ") + engine::join_words(names, "and");
}

// Returns whether a row that must be visible was written after the first record of an open
// transaction. Readers of committed rows stop before that record.
bool ReadPreparation::lies_behind_transaction() const {
  const auto is_out_of_reach = [this](const auto& needed) {
    const auto status = session_.parts().log.find_partition(to_storage(needed.first));
    return status && needed.second > status->readable_end();
  };
  return std::ranges::any_of(needed_, [&](const CommittedEnds::Needed& needed) {
    return std::ranges::any_of(needed.ends, is_out_of_reach);
  });
}

int64_t ReadPreparation::waited_ms() const {
  return (session_.parts().clock.monotonic_us() - begun_us_) / 1000;
}

Error ReadPreparation::behind(bool of_topics) const {
  const std::string which = names(of_topics);
  const bool are_many = which.starts_with("tables ");
  if (of_topics && !session_.parts().cluster->asks_leaders() && lies_behind_transaction())
    return behind_transaction(which, waited_ms());
  // If the disk of this node is full, its replica receives no records, so waiting longer does not
  // help.
  if (storage::statistics_of(session_.parts().log).refuses_appends)
    return Error{ErrorCode::DiskFull,
                 fmt::format("the disk of this server is full, and {} {} records that were written "
                             "to {}",
                             which, are_many ? "lack" : "lacks", are_many ? "them" : "it"),
                 fmt::format("Waited {} ms.", waited_ms()),
                 "Free disk space, or connect to another node of the cluster."};
  std::string detail = fmt::format("Waited {} ms.", waited_ms());
  for (const MaterializedTable& each : tables_)
    if (const auto trouble = session_.parts().supervisor.trouble_of(each.query_id());
        trouble && is_of_topic(each) == of_topics)
      detail += fmt::format(" Query {} has failed: {}.", each.query_id(), trouble->message);
  return Error{ErrorCode::ObjectState,
               fmt::format("{} {} still catching up with the records written to {}", which,
                           are_many ? "are" : "is", are_many ? "them" : "it"),
               std::move(detail),
               "Try again in a moment. SHOW QUERIES shows the lag of the query; the setting "
               "read.wait.ms limits the wait without progress."};
}

}  // namespace server
