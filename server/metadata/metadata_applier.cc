#include "server/metadata/metadata_applier.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "base/log.h"
#include "engine/types/ascii.h"
#include "server/metadata/cluster_limits.h"
#include "server/metadata/missing_partitions.h"
#include "server/metadata/plan_users.h"
#include "server/metadata/query_topics.h"
#include "server/metadata/topic_rewrite.h"
#include "storage/log/task_journal.h"
#include "storage/meta/cluster_table.h"

namespace server {

namespace {

// Limit of one lane of the job queue. A waiting change holds a parsed statement in memory, so a
// client that sends changes too fast is refused.
constexpr size_t kMaxWaitingJobs = 1000;
constexpr size_t kBlock = 1000;  // revisions that are read at a time
// Limit for the attempts to plan one change. An attempt fails if another node's command is appended
// before it. If all attempts fail, the other nodes leave this node no chance to append anything.
constexpr int kMaxAttempts = 1'000;
// A snapshot is written after at least kMinSnapshotRevisions, and not before its number of objects
// is at most kObjectsPerRevision times the number of revisions since the last snapshot. So writing
// snapshots costs only a few objects per revision, and the log that is read at a start is at most
// three times as large as the snapshot. (A CREATE ... AS creates three objects.)
constexpr int64_t kMinSnapshotRevisions = 1000;
constexpr int64_t kObjectsPerRevision = 4;

QueryRunner::Known known_objects(const MetadataImage& image) {
  QueryRunner::Known known;
  // The data of unreadable definitions (left_out) cannot be distinguished from unused data. So while such
  // definitions exist, no data are removed as unused.
  known.is_complete = image.left_out.empty();
  for (const auto& [name, topic] : image.topics->by_name()) known.topics.insert(topic.id);
  for (const auto& [transaction, open] : image.open_definitions)
    for (const storage::TopicInfo& topic : open->dropped_topics) known.topics.insert(topic.id);
  for (const auto& [id, defined] : image.queries()) {
    known.queries.insert(id);
    known.topics.insert(defined->exchange_ids.begin(), defined->exchange_ids.end());
    if (!defined->unreadable.empty() && defined->exchange_ids.empty())
      // the query's exchanges are unknown, so their data must not be removed
      known.is_complete = false;
  }
  return known;
}

// Fails if another node has undone the transaction because that node considered this process gone.
Status check_not_undone(const DefiningTransaction& transaction, const MetadataImage& image) {
  if (!transaction.has_defined || image.open_definitions.contains(transaction.id)) return {};
  return Error{ErrorCode::FencedTask,
               "the definitions of the transaction were rolled back: this node was disconnected "
               "for too long",
               {},
               "Repeat the transaction."};
}

// Whether an open transaction has dropped the topic: its ROLLBACK then needs the records again.
bool is_kept(const MetadataImage& image, const Uuid& topic) {
  return std::ranges::any_of(image.open_definitions, [&](const auto& open) {
    return std::ranges::find(open.second->dropped_topics, topic, &storage::TopicInfo::id) !=
           open.second->dropped_topics.end();
  });
}

}  // namespace

MetadataApplier::MetadataApplier(storage::Log& log, storage::MetadataLog& metadata,
                                 QueryRunner& queries, engine::EngineSettings settings,
                                 const ClusterFacts& facts)
    : log_(log),
      metadata_(metadata),
      queries_(queries),
      settings_(std::move(settings)),
      facts_(facts),
      jobs_(kMaxWaitingJobs),
      image_(std::make_shared<const MetadataImage>()) {}

MetadataApplier::~MetadataApplier() { stop_thread(); }

Status MetadataApplier::recover(const std::atomic<bool>& must_stop) {
  Result<MetadataImagePtr> read = read_all(must_stop);
  // The next records may have been replaced by a snapshot since the last attempt, so the attempt is repeated with
  // the new snapshot. If the snapshot is the same as at the last attempt, a repetition would fail again, so the
  // loop ends.
  for (std::optional<Revision> tried; !read && read.error().code == ErrorCode::OffsetOutOfRange &&
                                      tried != snapshot_revision_ && !must_stop;
       read = read_all(must_stop))
    tried = snapshot_revision_;
  const MetadataImagePtr now = TRY(std::move(read));
  image_ = now;
  QueryRunner::Known known = known_objects(*now);
  if (known.is_complete) queries_.remove_leftovers(known);
  for (const auto& [name, topic] : now->topics->by_name()) make_missing_partitions(topic);
  std::vector<DefinedQueryPtr> queries;
  for (const auto& [id, defined] : now->queries()) queries.push_back(defined);
  start(queries);
  return {};
}

Result<MetadataImagePtr> MetadataApplier::read_all(const std::atomic<bool>& must_stop) {
  MetadataImagePtr now = image();
  // The log does not contain the settings from the server's start, so they are copied to the new
  // table.
  storage::TopicTable from_the_start;
  from_the_start.set_defaults({{}, topics_.defaults().started_with});
  topics_ = std::move(from_the_start);
  const auto snapshot = TRY(metadata_.load_snapshot());
  const Revision newest = metadata_.last_revision();
  const auto read_ahead = [&](Revision first) {
    return std::async(std::launch::async, [this, first, newest] { return read(first, newest); });
  };
  auto ahead = read_ahead((snapshot ? snapshot->revision : now->revision) + 1);
  if (snapshot) {
    now = TRY(apply_snapshot(*snapshot, topics_)).next;
    snapshot_revision_ = snapshot->revision;
  }
  while (now->revision < newest) {
    const std::vector<ReadCommand> block = TRY(ahead.get());
    ahead = read_ahead(block.back().revision + 1);
    for (const ReadCommand& command : block) {
      now = TRY(apply_command(*now, topics_, command)).next;
      if (must_stop) return Error{ErrorCode::ShuttingDown, "the server is stopping"};
    }
  }
  return now;
}

Result<std::vector<ReadCommand>> MetadataApplier::read(Revision first, Revision newest) const {
  std::vector<ReadCommand> commands;
  if (first > newest) return commands;
  for (storage::MetadataRecord& record : TRY(metadata_.read(first, kBlock)))
    commands.push_back(read_definitions(record.revision, std::move(record.command)));
  if (commands.empty())
    return Error{ErrorCode::DataCorrupted, "the metadata log ends before its last revision"};
  return commands;
}

void MetadataApplier::start_thread() {
  metadata_.watch([this](Revision) {
    if (is_told_.exchange(true)) return;
    jobs_.add(JobQueue::Lane::Statements,
              {[this] { is_told_ = false; }, [this](const Error&) { is_told_ = false; }});
  });
  thread_ = std::thread([this] { run(); });
}

void MetadataApplier::await_undone() { begun_.get_future().wait(); }

void MetadataApplier::stop_thread() {
  metadata_.watch({});
  jobs_.close();
  if (thread_.joinable()) thread_.join();
}

void MetadataApplier::run() {
  // The interval of checks for abandoned transactions.
  constexpr std::chrono::seconds kLookEvery{1};
  const bool has_others = facts_.has_other_processes();
  const auto patience =
      has_others ? std::optional<std::chrono::milliseconds>(kLookEvery) : std::nullopt;
  if (!has_others) undo_left_transactions();
  begun_.set_value();
  while (!jobs_.is_closed()) {
    if (const auto job = jobs_.take(patience)) job->run();
    undo_abandoned_transactions();
    if (const Status applied = catch_up(); !applied)
      log_error("cannot apply the metadata log after a revision revision={} error=\"{}\"",
                image()->revision.value(), applied.error().message);
  }
}

Status MetadataApplier::catch_up() {
  while (image()->revision < metadata_.last_revision()) {
    const auto records = metadata_.read(image()->revision + 1, kBlock);
    if (!records && records.error().code == ErrorCode::OffsetOutOfRange) {
      TRY(jump());
      continue;
    }
    if (!records) return records.error();
    for (const storage::MetadataRecord& record : *records) TRY(apply(record));
  }
  return {};
}

Status MetadataApplier::jump() {
  const auto snapshot = TRY(metadata_.load_snapshot());
  if (!snapshot || snapshot->revision <= image()->revision)
    return Error{ErrorCode::DataCorrupted, "the metadata log has a gap"};
  const ImageChange change = TRY(jump_to_snapshot(*image(), *snapshot, topics_));
  log_info("the metadata were loaded from a snapshot revision={}", snapshot->revision.value());
  image_.store(change.next, std::memory_order_release);
  apply_change(change);
  return {};
}

Status MetadataApplier::apply(const storage::MetadataRecord& record) {
  const ImageChange change =
      TRY(apply_command(*image(), topics_, read_definitions(record.revision, record.command)));
  image_.store(change.next, std::memory_order_release);
  apply_change(change);
  save_snapshot_if_due();
  return {};
}

template <class Attempt>
auto MetadataApplier::decide(Attempt attempt) -> decltype(attempt()) {
  constexpr auto kPause = std::chrono::milliseconds(1);
  for (int left = kMaxAttempts;; --left) {
    const Revision before = image()->revision;
    TRY(catch_up());
    auto decided = attempt();
    if (decided || decided.error().code != ErrorCode::OutOfOrderSequence || left == 1)
      return decided;
    // If this node has not read the command that was appended first, it waits briefly before the
    // next attempt. After a snapshot, this may concern several commands.
    if (image()->revision == before) std::this_thread::sleep_for(kPause);
  }
}

void MetadataApplier::submit(std::shared_ptr<const engine::ParsedStatement> statement,
                             engine::Properties properties, DefinitionDone done, Asker asker,
                             DefiningTransactionPtr transaction) {
  submit(std::make_shared<Definition>(Definition{std::move(statement), std::move(properties),
                                                 std::move(done), std::move(asker),
                                                 std::move(transaction)}));
}

void MetadataApplier::submit(std::shared_ptr<const engine::ParsedStatement> statement,
                             RekeyRequest request, DefinitionDone done, Asker asker,
                             DefiningTransactionPtr transaction) {
  submit(std::make_shared<Definition>(Definition{std::move(statement),
                                                 {},
                                                 std::move(done),
                                                 std::move(asker),
                                                 std::move(transaction),
                                                 {},
                                                 0,
                                                 std::move(request)}));
}

void MetadataApplier::end(const DefiningTransactionPtr& transaction, TransactionEnd how,
                          std::function<void(Status)> done) {
  transaction->has_ended = true;
  const auto run = [this, transaction, how, done] {
    Status ended = decide([&]() -> Status {
      const Status stands = check_not_undone(*transaction, *image());
      if (!stands) transaction->undone = stands.error();
      if (how == TransactionEnd::Commit) TRY(stands);
      return end_transaction(transaction->id, how);
    });
    live_.erase(transaction->id);
    const bool is_decided = ended.has_value();
    answer_when_told([done, ended = std::move(ended)] { done(ended); }, is_decided);
  };
  jobs_.add_always(JobQueue::Lane::Statements,
                   {run, [done](Error error) { done(std::move(error)); }});
}

Status MetadataApplier::end_transaction(const Uuid& transaction, TransactionEnd how) {
  auto planned = plan_transaction_end(*image(), transaction, how);
  if (!planned) return {};
  for (const std::string& id : planned->new_queries) TRY(queries_.finish_removal(id));
  TRY(place({}, planned->returning, planned->command));
  // A topic that an ALTER TABLE has closed is opened again.
  const MetadataImagePtr now = image();
  if (how == TransactionEnd::Rollback)
    for (const storage::TopicInfo& topic : now->open_definitions.at(transaction)->dropped_topics)
      if (now->topics->find(topic.id) || planned->returning.contains(topic.id))
        TRY(facts_.place({}, {topic, topic}, planned->command));
  for (storage::TopicInfo& topic : planned->ending)
    TRY(facts_.place({}, {std::move(topic), std::nullopt}, planned->command));
  return commit(planned->command);
}

Result<DefinitionOutcome> MetadataApplier::begin_rewrite(const Definition& definition) {
  const RekeyRequest& request = *definition.rekey;
  const auto process = TRY(facts_.process());
  if (!process || !definition.transaction)
    return Error{ErrorCode::Internal, "only a node of a cluster closes the topic of a table"};
  // If the statement would be refused after its rows were copied, it is refused now.
  const RekeyedTable copied{request.old_topic, request.new_topic, [] { return true; }};
  const auto no_end = [](const Uuid&, PartitionId) { return Offset(0); };
  const DefinitionSources sources{Uuid::random, no_end,  outside_ ? &definition.known : nullptr,
                                  &copied,      nullptr, facts_,
                                  std::nullopt};
  TRY(plan_definition(*definition.statement, *image(), settings_, definition.properties, sources,
                      definition.asker));
  storage::MetadataCommand command =
      TRY(plan_topic_rewrite({request.old_topic, request.new_topic, request.begin->partitions,
                              definition.transaction->id, *process},
                             definition.statement->text, *image(), definition.asker));
  TRY(place({.factor = request.begin->replicas}, {}, command));
  live_.insert(definition.transaction->id);
  TRY(commit(command));
  definition.transaction->has_defined = true;
  return DefinitionOutcome{};
}

void MetadataApplier::answer_when_told(std::function<void()> answer, bool is_decided) const {
  if (!is_decided) return answer();
  facts_.announce(image()->revision, std::move(answer));
}

void MetadataApplier::undo(const Uuid& transaction) {
  const Status undone =
      decide([&] { return end_transaction(transaction, TransactionEnd::Rollback); });
  if (!undone)
    log_error("cannot roll back definitions of a transaction that was not committed error=\"{}\"",
              undone.error().message);
}

// Undoes all open transactions. Called at a start, when no session exists that could commit them.
void MetadataApplier::undo_left_transactions() {
  const MetadataImagePtr current = image();
  for (const auto& [transaction, open] : current->open_definitions) undo(transaction);
}

void MetadataApplier::undo_abandoned_transactions() {
  const MetadataImagePtr current = image();
  if (current->open_definitions.empty()) return away_since_.clear();
  for (const auto& [transaction, open] : current->open_definitions)
    if (is_abandoned(transaction, *open)) undo(transaction);
}

bool MetadataApplier::is_abandoned(const Uuid& transaction, const OpenDefinitions& open) {
  // Another node's process that has not answered for this time counts as ended, and its transactions are undone. After
  // a shorter silence it may continue with its sessions.
  constexpr std::chrono::seconds kLongestAway{10};
  if (!facts_.has_other_processes() || !open.owner) return false;
  if (const auto own = facts_.process(); own && *own == open.owner)
    return !live_.contains(transaction);
  const Presence presence = facts_.presence(*open.owner);
  if (presence == Presence::Gone) return true;
  if (presence == Presence::There) return away_since_.erase(transaction), false;
  const auto now = std::chrono::steady_clock::now();
  return now - away_since_.emplace(transaction, now).first->second > kLongestAway;
}

void MetadataApplier::submit(std::shared_ptr<Definition> definition) {
  jobs_.add(JobQueue::Lane::Statements,
            {[this, definition] { carry_on(definition); },
             [definition](Error error) { definition->done(std::move(error)); }});
}

// Plans and commits the definition, and answers it. The metadata thread does not wait for an
// external registry: the statement is submitted again with the registry's answers.
void MetadataApplier::carry_on(const std::shared_ptr<Definition>& definition) {
  constexpr int kMaxRounds = 10;  // one round each is needed for keys, values and registration
  std::vector<engine::SchemaQuestion> questions;
  Result<DefinitionOutcome> outcome = decide([&] { return define(*definition, questions); });
  if (questions.empty()) {
    const bool is_decided = outcome.has_value();
    return answer_when_told(
        [definition, outcome = std::move(outcome)] { definition->done(outcome); }, is_decided);
  }
  if (++definition->rounds > kMaxRounds)
    return definition->done(Error{ErrorCode::LimitExceeded,
                                  "the statement needs too many answers of the schema registry"});
  outside_->answer(std::move(questions), std::move(definition->known),
                   [this, definition](Result<engine::OutsideSchemas> known) {
                     if (!known) return definition->done(std::move(known).error());
                     definition->known = *std::move(known);
                     submit(definition);
                   });
}

Result<Revision> MetadataApplier::append(const storage::MetadataCommand& command) {
  std::promise<Result<Revision>> done;
  metadata_.append(image()->revision, command,
                   [&](Result<Revision> result) { done.set_value(std::move(result)); });
  return done.get_future().get();
}

Status MetadataApplier::make_partitions(const storage::MetadataCommand& command,
                                        std::vector<Uuid>& new_topics) {
  storage::TopicTable next = topics_;
  for (const storage::MetadataPart& part : command.parts) {
    if (part.type != storage::kTopicsPart) continue;
    TRY(next.check(part.bytes));
    const storage::TopicDelta delta = TRY(next.apply(part.bytes));
    if (!delta.now) continue;
    // The records of this topic were kept by the transaction that has dropped it, so its partitions exist.
    if (!delta.before && is_kept(*image(), delta.now->id)) continue;
    if (!delta.before) new_topics.push_back(delta.now->id);
    if (delta.before && delta.before->partition_count == delta.now->partition_count) continue;
    TRY(storage::create_partitions_and_wait(log_, delta.now->id, delta.now->partition_count));
  }
  return {};
}

Status MetadataApplier::commit(const storage::MetadataCommand& command) {
  // The partitions are created before the append: a change that storage refuses must not enter the
  // log, and no reader may see a stream without its partitions.
  std::vector<Uuid> new_topics;
  const Status made = facts_.places_replicas() ? Status{} : make_partitions(command, new_topics);
  const Result<Revision> revision = made ? append(command) : Result<Revision>(made.error());
  if (!revision) {
    for (const Uuid& topic : new_topics) queries_.drop_topic(topic);
    return revision.error();
  }
  return catch_up();
}

Result<DefinitionOutcome> MetadataApplier::define(const Definition& definition,
                                                  std::vector<engine::SchemaQuestion>& questions) {
  const engine::ParsedStatement& statement = *definition.statement;
  questions.clear();
  TRY(check_supported(statement, definition.transaction != nullptr, facts_, facts_.level()));
  const MetadataImagePtr now = image();
  std::optional<Error> unknown_end;
  const auto end_of = [&, this](const Uuid& topic, PartitionId partition) {
    if (unknown_end) return Offset(0);
    Result<Offset> end = facts_.find_end(log_, {topic, partition});
    if (!end) unknown_end = std::move(end).error();
    return end ? *end : Offset(0);
  };
  if (definition.rekey && definition.rekey->begin) return begin_rewrite(definition);
  std::optional<RekeyedTable> rekeyed;
  if (definition.rekey)
    rekeyed =
        RekeyedTable{definition.rekey->old_topic, definition.rekey->new_topic,
                     [&, this, request = *definition.rekey] {
                       for (size_t i = 0; i < request.old_ends.size(); ++i)
                         if (end_of(request.old_topic, PartitionId(static_cast<int32_t>(i))) !=
                             request.old_ends[i])
                           return false;
                       return true;
                     }};
  const DefiningTransactionPtr& transaction = definition.transaction;
  if (transaction) {
    if (transaction->has_ended)  // the transaction has ended while the registry was asked
      return Error{ErrorCode::FailedTransaction, "the transaction has ended"};
    TRY(check_not_undone(*transaction, *now));
  }
  const auto process = transaction ? TRY(facts_.process()) : std::nullopt;
  const DefinitionSources sources{Uuid::random,
                                  end_of,
                                  outside_ ? &definition.known : nullptr,
                                  rekeyed ? &*rekeyed : nullptr,
                                  transaction ? &transaction->id : nullptr,
                                  facts_,
                                  process};
  PlannedDefinition planned = TRY(plan_definition(statement, *now, settings_, definition.properties,
                                                  sources, definition.asker));
  if (unknown_end) return *std::move(unknown_end);
  if (facts_.has_replicated_journals() && !planned.started_query.empty() &&
      image()->topics->find(storage::kReplicatedJournalName) == nullptr) {
    TRY(make_journals());
    return define(definition, questions);
  }
  if (!planned.questions.empty()) {
    questions = std::move(planned.questions);
    return DefinitionOutcome();
  }
  // Data that earlier queries with the same ids have left are removed before the command is appended. If the server
  // crashed between the append and a later removal, a restart would mistake these data for data of the new queries.
  for (const std::string& id : planned.new_queries) TRY(queries_.finish_removal(id));
  if (!planned.is_nothing) {
    TRY(place(planned.replicas, planned.kept_topics, planned.command));
    if (transaction) live_.insert(transaction->id);
    TRY(commit(planned.command));
    if (transaction) transaction->has_defined = true;
  }
  return DefinitionOutcome{std::move(planned.tag), std::move(planned.notices),
                           std::move(planned.started_query)};
}

void MetadataApplier::submit(TopicChange change,
                             std::function<void(Result<storage::TopicInfo>)> done) {
  jobs_.add(JobQueue::Lane::Topics, {[this, change = std::move(change), done] {
                                       done(decide([&] { return change_topic(change); }));
                                     },
                                     [done](Error error) { done(std::move(error)); }});
}

void MetadataApplier::submit(std::vector<storage::QuotaChange> changes,
                             std::function<void(Status)> done) {
  jobs_.add(JobQueue::Lane::Topics, {[this, changes = std::move(changes), done] {
                                       done(decide([&] { return change_quotas(changes); }));
                                     },
                                     [done](Error error) { done(std::move(error)); }});
}

void MetadataApplier::submit(RebuildStep step, std::function<void(Status)> done) {
  jobs_.add(JobQueue::Lane::Statements,
            {[this, step = std::move(step), done] {
               done(decide([&]() -> Status {
                 auto planned = TRY(plan_rebuild_step(step, *image()));
                 // RebuildStep::Kind::Finish drops the temporary topic of the rebuild, so
                 // place() adds the removal of its replicas to the command.
                 TRY(place({}, {}, planned));
                 return commit(planned);
               }));
             },
             [done](Error error) { done(std::move(error)); }});
}

void MetadataApplier::submit(SequenceMove move, std::function<void(Result<SequenceMoved>)> done) {
  jobs_.add(JobQueue::Lane::Topics, {[this, move = std::move(move), done] {
                                       done(decide([&] { return move_sequence(move); }));
                                     },
                                     [done](Error error) { done(std::move(error)); }});
}

Result<MetadataApplier::SequenceMoved> MetadataApplier::move_sequence(const SequenceMove& move) {
  const engine::SequencePtr* present = image()->catalog->sequences.get(move.name);
  if (!present)
    return Error{ErrorCode::UndefinedSource,
                 fmt::format("relation \"{}\" does not exist", engine::display_name(move.name))};
  engine::Sequence sequence = **present;
  SequenceMoved moved{sequence.id, 0, {}};
  if (move.set) {
    if (!is_superuser(*image()->users, move.set->asker) && sequence.owner_role != move.set->asker)
      return Error{
          ErrorCode::InsufficientPrivilege,
          fmt::format("permission denied for sequence {}", engine::display_name(move.name))};
    TRY(engine::set_value(sequence, move.set->value, move.set->is_called));
    moved.numbers = {move.set->value, 1, sequence.increment};
  } else if (move.unused) {
    if (sequence.id != move.unused->id || sequence.version != move.unused->version ||
        sequence.last_value != move.unused->reserved_to)
      return moved;
    sequence.last_value = move.unused->given_to;
    ++sequence.version;
  } else if (move.passed) {
    moved.passed = engine::pass_numbers(sequence, move.passed->least, move.passed->greatest);
    if (auto behind = engine::take_numbers(sequence, move.count)) moved.numbers = *behind;
  } else {
    moved.numbers = TRY(engine::take_numbers(sequence, move.count));
  }
  moved.version = sequence.version;
  DefinitionCommand command;
  command.settings = settings_;
  command.changes.push_back(MoveSequence{sequence.name, sequence.id, sequence.last_value,
                                         sequence.is_called, sequence.version});
  TRY(commit({{{std::string(kSqlPart), encode_definition(command)}}}));
  return moved;
}

// Creates the topic of the journals. Called before the first query is defined, since the tasks of
// queries commit to the journals.
Status MetadataApplier::make_journals() {
  storage::MetadataCommand command{
      {{std::string(storage::kTopicsPart),
        storage::encode_create_topic({storage::kReplicatedJournal,
                                      std::string(storage::kReplicatedJournalName),
                                      storage::kReplicatedJournals,
                                      {{"retention.bytes", "-1"}, {"retention.ms", "-1"}}})}}};
  TRY(place({}, {}, command));
  return commit(command);
}

Status MetadataApplier::change_quotas(const std::vector<storage::QuotaChange>& changes) {
  std::string part = storage::encode_quota_changes(changes);
  // The changes are checked before they are appended, because a command that cannot be applied
  // would stop every node.
  TRY(storage::apply_quota_changes(*image()->quotas, part));
  return commit({{{std::string(storage::kQuotasPart), std::move(part)}}});
}

void MetadataApplier::submit(GroupConfigChange change, std::function<void(Status)> done) {
  jobs_.add(JobQueue::Lane::Topics, {[this, change = std::move(change), done] {
                                       done(decide([&] { return change_group_config(change); }));
                                     },
                                     [done](Error error) { done(std::move(error)); }});
}

Status MetadataApplier::change_group_config(const GroupConfigChange& change) {
  const storage::GroupConfigs& all = *image()->group_configs;
  const auto found = all.find(change.group);
  const storage::GroupConfig before =
      change.replaces_all || found == all.end() ? storage::GroupConfig() : found->second;
  std::string part = storage::encode_group_config(
      change.group, TRY(storage::changed_group_config(before, change.changes)));
  TRY(storage::apply_group_configs(all, part));
  return commit({{{std::string(storage::kGroupConfigsPart), std::move(part)}}});
}

void MetadataApplier::submit(TopicDefaultsChange change, std::function<void(Status)> done) {
  jobs_.add(JobQueue::Lane::Topics, {[this, change = std::move(change), done] {
                                       done(decide([&] { return change_topic_defaults(change); }));
                                     },
                                     [done](Error error) { done(std::move(error)); }});
}

Status MetadataApplier::change_topic_defaults(const TopicDefaultsChange& change) {
  const storage::TopicDefaults now = topics_.defaults();
  const auto next = TRY(storage::changed_topic_defaults(
      change.replaces_all ? std::map<std::string, std::string>() : now.cluster_wide,
      change.changes));
  if (next == now.cluster_wide) return {};
  return commit(
      {{{std::string(storage::kTopicDefaultsPart), storage::encode_topic_defaults(next)}}});
}

void MetadataApplier::use_topic_defaults(std::map<std::string, std::string> started_with) {
  topics_.set_defaults({topics_.defaults().cluster_wide, std::move(started_with)});
}

void MetadataApplier::submit(UsersChange change, std::function<void(Status)> done) {
  jobs_.add(JobQueue::Lane::Topics, {[this, change = std::move(change), done] {
                                       done(decide([&] { return change_users(change); }));
                                     },
                                     [done](Error error) { done(std::move(error)); }});
}

Status MetadataApplier::change_users(const UsersChange& change) {
  const std::vector<storage::UserChange> changes = TRY(change(*image()->users));
  if (changes.empty()) return {};
  std::string part = storage::encode_user_changes(changes);
  TRY(storage::apply_user_changes(*image()->users, part));
  return commit({{{std::string(storage::kUsersPart), std::move(part)}}});
}

void MetadataApplier::submit(ConnectorsChange change, std::function<void(Status)> done) {
  jobs_.add(JobQueue::Lane::Topics, {[this, change = std::move(change), done] {
                                       done(decide([&] { return change_connectors(change); }));
                                     },
                                     [done](Error error) { done(std::move(error)); }});
}

Status MetadataApplier::change_connectors(const ConnectorsChange& change) {
  const std::vector<storage::ConnectorChange> changes = TRY(change(*image()->connectors));
  if (changes.empty()) return {};
  std::string part = storage::encode_connector_changes(changes);
  TRY(storage::apply_connector_changes(*image()->connectors, part));
  return commit({{{std::string(storage::kConnectorsPart), std::move(part)}}});
}

void MetadataApplier::submit(LinksChange change, std::function<void(Status)> done) {
  const auto run = [this, change = std::move(change), done] {
    Status changed = decide([&] { return change_links(change); });
    const bool is_decided = changed.has_value();
    answer_when_told([done, changed = std::move(changed)] { done(changed); }, is_decided);
  };
  jobs_.add(JobQueue::Lane::Topics, {run, [done](Error error) { done(std::move(error)); }});
}

Status MetadataApplier::change_links(const LinksChange& change) {
  const std::vector<storage::LinkChange> changes = TRY(change(*image()->links));
  if (changes.empty()) return {};
  std::string part = storage::encode_link_changes(changes);
  TRY(storage::apply_link_changes(*image()->links, part));
  return commit({{{std::string(storage::kLinksPart), std::move(part)}}});
}

void MetadataApplier::submit(ClusterChange change, std::function<void(Status)> done) {
  jobs_.add(JobQueue::Lane::Topics, {[this, change = std::move(change), done] {
                                       done(decide([&] { return change_cluster(change); }));
                                     },
                                     [done](Error error) { done(std::move(error)); }});
}

Status MetadataApplier::change_cluster(const ClusterChange& change) {
  storage::MetadataCommand command;
  for (std::string& part : change())
    command.parts.push_back({std::string(storage::kClusterPart), std::move(part)});
  return command.parts.empty() ? Status() : commit(command);
}

void MetadataApplier::submit(SchemaChange change,
                             std::function<void(engine::RegistryResult<void>)> done) {
  constexpr int kStoreFailed = 50001;
  const auto fail = [done](const Error& error) {
    done(engine::RegistryError{kStoreFailed, error.message});
  };
  jobs_.add(JobQueue::Lane::Topics, {[this, change = std::move(change), done, fail] {
                                       const auto refused =
                                           decide([&] { return change_schemas(change); });
                                       if (!refused) return fail(refused.error());
                                       if (*refused) return done(**refused);
                                       done({});
                                     },
                                     [fail](const Error& error) { fail(error); }});
}

Result<std::optional<engine::RegistryError>> MetadataApplier::change_schemas(
    const SchemaChange& change) {
  auto changes = change(*image()->schemas);
  if (!changes) return std::optional(changes.error());
  if (changes->empty()) return std::optional<engine::RegistryError>();
  DefinitionCommand command;
  command.settings = settings_;
  for (engine::RegistryChange& one : *changes)
    command.changes.push_back(ChangeSchemas{std::move(one)});
  TRY(commit({{{std::string(kSqlPart), encode_definition(command)}}}));
  return std::optional<engine::RegistryError>();
}

Status MetadataApplier::place(const ReplicaWish& wish, const std::set<Uuid>& kept,
                              storage::MetadataCommand& command) const {
  if (!facts_.places_replicas()) return {};
  storage::TopicTable next = topics_;
  // The topics that the command changes. place() adds the assignments of their new partitions to
  // the command.
  std::vector<storage::TopicDelta> deltas;
  for (const storage::MetadataPart& part : command.parts) {
    if (part.type != storage::kTopicsPart) continue;
    TRY(next.check(part.bytes));
    deltas.push_back(TRY(next.apply(part.bytes)));
  }
  for (const storage::TopicDelta& delta : deltas)
    if (!kept.contains(delta.now ? delta.now->id : delta.before->id))
      TRY(facts_.place(wish, delta, command));
  return {};
}

Result<storage::TopicInfo> MetadataApplier::change_topic(const TopicChange& change) {
  const auto before = topics_.snapshot();
  // A new setting would open a topic that an ALTER TABLE has closed, and a rollback of the ALTER
  // TABLE would create a deleted topic again.
  if (const storage::TopicInfo* known = before->find(topic_name(change));
      known && !std::holds_alternative<CreateTopic>(change))
    TRY(check_not_dropped(known->id, *image()));
  storage::MetadataCommand command = TRY(plan_topic_change(change, topics_, Uuid::random));
  if (const auto* create = std::get_if<CreateTopic>(&change))
    if (const auto owned = owned_by(*image()->users, create->name, create->owner); !owned.empty())
      command.parts.push_back(
          {std::string(storage::kUsersPart), storage::encode_user_changes(owned)});
  ReplicaWish wish;
  if (const auto* create = std::get_if<CreateTopic>(&change)) wish = create->replicas;
  if (const auto* grow = std::get_if<GrowTopic>(&change)) wish.replicas = grow->replicas;
  TRY(place(wish, {}, command));
  TRY(commit(command));
  const std::string& name = topic_name(change);
  const storage::TopicInfo* now = topics_.snapshot()->find(name);
  if (now) return *now;
  // The topic no longer exists: this change has deleted it, or a later one.
  if (const storage::TopicInfo* was = before->find(name)) return *was;
  return Error{ErrorCode::UnknownTopic, fmt::format("topic \"{}\" was deleted", name)};
}

void MetadataApplier::start(const std::vector<DefinedQueryPtr>& queries) {
  std::vector<QueryRunner::QueryPtr> readable;
  for (const DefinedQueryPtr& query : queries)
    if (query->unreadable.empty())
      readable.push_back(query);
    else
      queries_.stop_with_error(*query, {ErrorCode::IncompatibleFormat, query->unreadable});
  if (!readable.empty()) queries_.start(std::move(readable));
}

void MetadataApplier::drop_topic(const storage::TopicInfo& topic) {
  const std::vector<DefinedQueryPtr> users = image()->users_of(topic.id);
  for (const DefinedQueryPtr& user : users)
    queries_.stop_with_error(*user, {.code = ErrorCode::UnknownTopic,
                                     .message = fmt::format("topic \"{}\" was deleted", topic.name),
                                     .hint = hint_about_lost_topic(*user)});
  // One line is logged for all queries, since a topic may have thousands.
  if (!users.empty())
    log_error("queries are stopped because a topic was deleted topic={} queries={} first={}",
              topic.name, users.size(), users.front()->plan->id);
  queries_.drop_topic(topic.id);
}

void MetadataApplier::make_missing_partitions(const storage::TopicInfo& topic) {
  if (!facts_.has_replicas(topic)) return;
  server::make_missing_partitions(log_, topic);
}

void MetadataApplier::apply_change(const ImageChange& change) {
  for (const DefinedQueryPtr& ended : change.ended)
    queries_.stop(*ended, QueryRunner::Keep::Nothing);
  for (const storage::TopicDelta& delta : change.topics)
    if (delta.now)
      make_missing_partitions(*delta.now);
    else if (!is_kept(*image(), delta.before->id) && !image()->topics->find(delta.before->id))
      drop_topic(*delta.before);
  for (const storage::TopicInfo& topic : change.released)
    if (!image()->topics->find(topic.id)) queries_.drop_topic(topic.id);
  start(change.started);
  for (const std::string& id : change.paused) queries_.pause(id, true);
  for (const std::string& id : change.resumed) queries_.pause(id, false);
  // If a topic has more partitions now, its queries restart with tasks for them.
  for (const storage::TopicDelta& delta : change.topics)
    if (delta.before && delta.now && delta.before->partition_count != delta.now->partition_count)
      start(image()->users_of(delta.now->id));
}

bool MetadataApplier::is_snapshot_due(const MetadataImage& image) const {
  using Wish = storage::MetadataLog::SnapshotWish;
  // The log is kept for another program, which may be able to read the definitions that this
  // program has left out: a snapshot would delete their commands.
  if (!image.left_out.empty()) return false;
  if (const Wish wish = metadata_.snapshot_wish(); wish != Wish::ReaderDecides)
    return wish == Wish::Due;
  const size_t objects =
      image.topics->by_name().size() + image.catalog->sources().size() + image.queries().size();
  return image.revision.value() - snapshot_revision_.value() >=
         std::max(kMinSnapshotRevisions, static_cast<int64_t>(objects) / kObjectsPerRevision);
}

void MetadataApplier::save_snapshot_if_due() {
  const MetadataImagePtr now = image();
  if (!is_snapshot_due(*now)) return;
  snapshot_revision_ = now->revision;
  // The result is only logged. Without the snapshot, the next start reads a longer log.
  metadata_.save_snapshot(snapshot_of(*now, topics_), [](const Status& saved) {
    if (!saved) log_warn("metadata snapshot not saved error=\"{}\"", saved.error().message);
  });
}

}  // namespace server
