#include "server/cluster/cluster_node.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "records/batch.h"
#include "storage/log/append_unless_changed.h"
#include "storage/log/log_statistics.h"
#include "storage/meta/closed_partition.h"
#include "storage/replica/on_loop.h"
#include "storage/replica/task_producer.h"

namespace server {

using storage::ClusterDelta;
using storage::TopicPartition;

struct ClusterNode::Owned final : storage::OutboxPort {
  Owned(ClusterNode& its_node, const TopicPartition& its_journal, storage::JournalOwnerPort& tasks)
      : node(its_node),
        journal(its_journal),
        owner(node.replicas_.context(), journal, tasks, *this, node.rules_.journals) {}

  void deliver(const TopicPartition& partition, std::string batch, uint64_t number) override {
    const auto* assignment = node.cluster()->find(partition);
    // The batch is dropped and reported as delivered if its topic was deleted, or if an unclean
    // election has ended the query.
    if (assignment == nullptr || is_lost(partition, batch))
      node.port_.post([this, number, open = std::weak_ptr<const char>(alive)] {
        if (!open.expired() && owner.is_open()) owner.outbox().answered(number, {});
      });
    else if (assignment->leader)
      node.port_.send(*assignment->leader,
                      DeliverOutput{journal, number, {partition, std::move(batch)}});
  }

  // Returns whether an unclean election may have removed the batches before `batch`. Then the
  // partition would reject `batch` each time because of the gap, and the later batches in the
  // outbox would never be sent.
  bool is_lost(const TopicPartition& partition, std::string_view batch) const {
    const auto* election = node.cluster()->unclean_elections().get(partition);
    if (election == nullptr) return false;
    const auto parsed = records::parse_batch(batch, records::BatchCheck::Shape);
    const auto task = parsed ? storage::TaskProducer::of(parsed->header.producer_id) : std::nullopt;
    return task && task->made_at < election->revision;
  }

  ClusterNode& node;
  const TopicPartition journal;
  storage::JournalOwner owner;
  const std::shared_ptr<const char> alive = std::make_shared<const char>('\0');
};

ClusterNode::~ClusterNode() = default;

namespace {

// Returns the settings with `unheard_max_us`: the time for which the controller may keep its role
// although no other node hears it. Within this time it learns from the heartbeats of the other
// nodes that they do not hear it, and resigns.
storage::ReplicaSettings replica_settings(const ClusterSettings& settings) {
  storage::ReplicaSettings replicas = settings.replicas;
  replicas.unheard_max_us = settings.out_of_touch_us + settings.controller.session_timeout_us;
  return replicas;
}

}  // namespace

ClusterNode::ClusterNode(Identity identity, storage::Log& log, storage::LogReader& reader,
                         storage::EtcdClient& etcd, ClusterPort& port, TaskHost& tasks,
                         TransactionHost& transactions, const Clock& clock, Random& random,
                         ClusterSettings settings, ClusterRules rules)
    : identity_(std::move(identity)),
      log_(log),
      port_(port),
      tasks_(tasks),
      clock_(clock),
      patience_(clock),
      etcd_(etcd),
      random_(random),
      settings_(std::move(settings)),
      rules_(rules),
      replicas_(identity_.id, log, reader, *this, clock, replica_settings(settings_),
                rules_.replicas),
      metadata_(
          etcd, settings_.prefix, clock, random,
          {.tell = [this](const storage::MetadataRecord& record) { apply(record); },
           .load = [this](const storage::MetadataSnapshot& snapshot) { return load(snapshot); }}),
      lease_(etcd, settings_.prefix + "controller", identity_.id, settings_.controller_lease_ms,
             clock,
             [this](const std::optional<Lease::Controller>& controller) {
               controller_changed(controller);
             }),
      transactions_(
          {.self = identity_.id,
           .clock = clock,
           .send = [this](NodeId to,
                          ClusterMessage message) { port_.send(to, std::move(message)); },
           .cluster = [this] { return table_.snapshot(); },
           .epoch = [this] { return node_epoch_; },
           .check_leads =
               [this](const TopicPartition& partition) { return replicas_.check_leads(partition); },
           .host = transactions},
          rules_.transactions),
      appends_(
          {.clock = patience_,
           .send = [this](NodeId to,
                          ClusterMessage message) { port_.send(to, std::move(message)); },
           .cluster = [this] { return table_.snapshot(); },
           .allocate_producer = [this](auto done) { port_.allocate_producer(std::move(done)); },
           .check_leads = [this](const TopicPartition& partition) -> Status {
             TRY(replicas_.check_leads(partition));
             if (!storage::is_closed((*replicas_.find_leader(partition))->assignment())) return {};
             return Error{ErrorCode::LockTimeout, "the table is being altered by another session",
                          "No row was written.",
                          "Try again after the ALTER TABLE of the other session."};
           },
           .append = [this](storage::AppendRequest request,
                            storage::AppendDone done) { append_here(request, std::move(done)); },
           .append_unless_changed =
               [this](storage::AppendRequest request, storage::Unchanged unchanged,
                      storage::AppendDone done) {
                 storage::append_unless_changed(
                     log_, std::move(request), unchanged,
                     storage::on_loop<Result<storage::Appended>>(*this, alive_, std::move(done)));
               }},
          rules_.appends),
      ends_({.self = identity_.id,
             .clock = patience_,
             .send = [this](NodeId to,
                            ClusterMessage message) { port_.send(to, std::move(message)); },
             .cluster = [this] { return table_.snapshot(); },
             .epoch = [this] { return node_epoch_; },
             .leads = [this](const TopicPartition& partition) { return leader_ends(partition); },
             .confirm_read =
                 [this](std::function<void(Status)> done) {
                   metadata_.confirm_read(std::move(done));
                 },
             .session_timeout_us = settings_.controller.session_timeout_us},
            rules_.ends),
      commits_({.self = identity_.id,
                .clock = patience_,
                .cluster = [this] { return table_.snapshot(); },
                .appends = appends_,
                .ends = ends_,
                .transactions = transactions_,
                .host = transactions},
               rules_.commits),
      scrub_({.self = identity_.id,
              .clock = clock,
              .send = [this](NodeId to,
                             ClusterMessage message) { port_.send(to, std::move(message)); },
              .cluster = [this] { return table_.snapshot(); },
              .leads = [this](const TopicPartition& partition) { return leader_ends(partition); },
              .follows =
                  [this](const TopicPartition& partition) {
                    return replicas_.follows_under(partition);
                  },
              .digest =
                  [this](const TopicPartition& partition, Offset from, std::optional<Offset> end,
                         size_t max_bytes, ScrubCalls::Digested done) {
                    port_.digest(partition, from, end, max_bytes, std::move(done));
                  },
              .found = [this](const ReplicaDifference& difference) { port_.differs(difference); }},
             settings_.scrub),
      in_touch_us_(clock.monotonic_us()) {}

void ClusterNode::tick() {
  metadata_.tick();
  if (is_outdated_) return;
  if (announced_) lease_.tick();
  clear_the_way();
  if (announced_ && !node_epoch_ && !registration_ && !is_registering_) register_node();
  if (clock_.monotonic_us() >= beat_at_us_) beat();
  replicas_.tick();
  for (const auto& [journal, owned] : owned_) owned->owner.tick();
  if (controller_) controller_->tick();
  if (controller_ && clock_.monotonic_us() >= tell_progress_at_us_) tell_progress();
  if (cutter_) cutter_->tick();
  port_.want_snapshot(cutter_ && !has_passed_over_ && cutter_->is_due());
  transactions_.tick();
  patience_.tick();
  appends_.tick();
  ends_.tick();
  commits_.tick();
  scrub_.tick();
  if (!trimming_.empty()) look_at_trimming();
}

// --- Registration

void ClusterNode::announce(std::string endpoint, std::string clients,
                           std::optional<storage::NodeEpoch> replaces) {
  announced_ = Places{std::move(endpoint), std::move(clients)};
  replaces_ = replaces;
}

// Appends the registration of this node. The command fails if it does not directly follow the last
// revision that was read. So if two processes start at the same time, only one of them succeeds. A
// late request of an earlier process over the same directory is harmless, because that process has
// ended.
void ClusterNode::register_node() {
  const storage::ClusterNode* known = cluster()->find(identity_.id);
  is_taken_ = replaces_ && known != nullptr && known->epoch > *replaces_ &&
              known->directory != identity_.directory;
  if (is_taken_) return;
  is_registering_ = true;
  storage::ClusterNode node{.id = identity_.id};
  node.directory = identity_.directory;
  node.endpoint = announced_->endpoint;
  node.clients = announced_->clients;
  node.rack = identity_.rack;
  storage::MetadataCommand command;
  const std::string type(storage::kClusterPart);
  // The cluster has no nodes, so this node is its first one, although the log may already have
  // commands. No node with an older program exists, so the newest feature level is safe.
  if (cluster()->nodes().empty() && cluster()->feature_level() < storage::kNewestLevel)
    command.parts.push_back({type, storage::encode_raise_level(storage::kNewestLevel)});
  command.parts.push_back({type, storage::encode_register_node(node)});
  metadata_.append(metadata_.last_revision(), command, std::nullopt,
                   [this](const Result<Revision>& revision) {
                     is_registering_ = false;
                     if (revision) registered(*revision);
                   });
}

// Called when the registration is read from the log, and when etcd's answer gives its revision.
// Either event may happen first.
void ClusterNode::registered(Revision revision) {
  registration_ = revision;
  if (metadata_.last_revision() < revision || node_epoch_) return;
  node_epoch_ = storage::NodeEpoch{revision.value()};
  std::vector<TopicPartition> all;
  const auto current = cluster();
  for (const auto& [partition, assignment] : current->partitions()) all.push_back(partition);
  replicas_.apply(cluster(), *node_epoch_, all);
}

void ClusterNode::apply(const storage::MetadataRecord& record) {
  std::vector<TopicPartition> changed;
  for (const storage::MetadataPart& part : record.command.parts) {
    if (part.type != storage::kClusterPart) continue;
    const Result<ClusterDelta> delta = table_.apply(part.bytes, record.revision);
    if (delta)
      changed.insert(changed.end(), delta->partitions.begin(), delta->partitions.end());
    else {
      log_info("a part of a command could not be applied revision={} error=\"{}\"",
               record.revision.value(), delta.error().message);
      has_passed_over_ = has_passed_over_ || delta.error().code == ErrorCode::IncompatibleFormat ||
                         delta.error().code == ErrorCode::DataCorrupted;
    }
  }
  note_replacement();
  note_level();
  if (node_epoch_)
    replicas_.apply(cluster(), *node_epoch_, changed);
  else if (registration_ == record.revision)
    registered(record.revision);
  note_progress();
  if (controller_) controller_->applied(cluster(), record.revision, changed);
  port_.applied(record, changed);
}

// Loads a snapshot in place of the commands up to its revision. The replicas do not need the
// intermediate states: a node that was away applies all these changes at once.
Status ClusterNode::load(const storage::MetadataSnapshot& snapshot) {
  storage::ClusterTable table;
  for (const storage::MetadataPart& part : snapshot.state.parts)
    if (part.type == storage::kClusterPart) table = TRY(storage::ClusterTable::load(part.bytes));
  std::set<TopicPartition> changed;
  const auto before = cluster();
  for (const auto& [partition, assignment] : before->partitions()) changed.insert(partition);
  table_ = std::move(table);
  const auto now = cluster();
  for (const auto& [partition, assignment] : now->partitions()) changed.insert(partition);
  const std::vector<TopicPartition> partitions(changed.begin(), changed.end());
  log_info("the metadata were loaded from a snapshot revision={}", snapshot.revision.value());
  note_replacement();
  note_level();
  if (node_epoch_)
    replicas_.apply(cluster(), *node_epoch_, partitions);
  else if (registration_ && *registration_ <= snapshot.revision)
    registered(*registration_);
  note_progress();
  if (controller_) controller_->applied(cluster(), snapshot.revision);
  port_.loaded(snapshot, partitions);
  return {};
}

void ClusterNode::save_snapshot(Revision revision, std::string bytes) {
  if (cutter_) cutter_->save(revision, std::move(bytes));
}

// Stops the controller and suspends the replicas if the cluster's feature level is newer than this program: a node that
// interpreted the newer log in its own way would diverge from the other nodes.
void ClusterNode::note_level() {
  if (is_outdated_ || cluster()->feature_level() <= storage::kNewestLevel) return;
  is_outdated_ = true;
  controller_.reset();
  cutter_.reset();
  log_error(
      "the feature level of the cluster is not supported by this program, the node leaves the "
      "cluster: start it with a newer program node={} level={} known={}",
      identity_.id.value(), cluster()->feature_level().value(), storage::kNewestLevel.value());
  replicas_.suspend(true);
  port_.standing_changed();
}

void ClusterNode::note_replacement() {
  if (!node_epoch_ || is_replaced_) return;
  const storage::ClusterNode* known = cluster()->find(identity_.id);
  is_replaced_ = known == nullptr || known->epoch > *node_epoch_;
  if (!is_replaced_) return;
  log_error("{} node={}",
            known == nullptr ? "this node was removed from the cluster and can be stopped"
                             : "another process runs as this node, which leaves the cluster",
            identity_.id.value());
  // Another process has registered with this node's id. From now on, metadata about a leader with
  // this id refer to that process. This process must also give up the role of controller.
  replicas_.suspend(true);
  lease_.retire();
  port_.standing_changed();
}

std::optional<Error> ClusterNode::out_of_cluster() const {
  if (!is_replaced_) return std::nullopt;
  return Error{ErrorCode::NotLeader,
               cluster()->find(identity_.id) == nullptr
                   ? "this node was removed from the cluster"
                   : "another process runs as this node, which has left the cluster",
               "Nothing was written or changed.", "Ask another node; this one can be stopped."};
}

void ClusterNode::on_fenced(const NodeFenced& fenced) {
  if (fenced.epoch != node_epoch_ || metadata_.last_revision() >= fenced.revision) return;
  if (!fenced_until_)
    log_warn(
        "other nodes lead the partitions of this node: it receives no metadata from etcd and "
        "rejects records until it does node={} read={} of={}",
        identity_.id.value(), metadata_.last_revision().value(), fenced.revision.value());
  fenced_until_ = std::max(fenced_until_.value_or(fenced.revision), fenced.revision);
  replicas_.suspend(true);
  port_.standing_changed();
}

void ClusterNode::note_progress() {
  if (!fenced_until_ || metadata_.last_revision() < *fenced_until_) return;
  log_info("this node has caught up with the metadata of the cluster node={} read={}",
           identity_.id.value(), metadata_.last_revision().value());
  fenced_until_.reset();
  if (is_replaced_ || is_outdated_) return;
  replicas_.suspend(false);
  port_.standing_changed();
}

bool ClusterNode::leads_nothing() const {
  const auto current = cluster();
  for (const auto& [partition, assignment] : current->partitions())
    if (assignment.leader == identity_.id) return false;
  return true;
}

Heartbeat ClusterNode::heartbeat_now() const {
  return {identity_.id,
          *node_epoch_,
          metadata_.last_revision(),
          is_leaving_,
          scrub_.differing_count(),
          statistics_of(log_).refuses_appends,
          is_out_of_touch(),
          storage::kNewestLevel};
}

// Sends a heartbeat. A node that does not reach etcd may not know the current controller, so it
// sends the heartbeat to all nodes. A node that knows the controller forwards it.
void ClusterNode::beat() {
  beat_at_us_ = clock_.monotonic_us() + settings_.heartbeat_us;
  if (!node_epoch_) return;
  const Heartbeat heartbeat = heartbeat_now();
  const auto& controller = lease_.controller();
  const bool is_sure = controller && !gone_.contains(controller->node) && !lease_.is_over() &&
                       !lease_.is_left_over();
  if (controller) port_.send(controller->node, heartbeat);
  if (is_sure) return;
  const auto current = cluster();
  for (const auto& [id, node] : current->nodes())
    if (id != identity_.id && (!controller || id != controller->node)) port_.send(id, heartbeat);
}

void ClusterNode::on_heartbeat(NodeId from, const Heartbeat& heartbeat) {
  if (controller_)
    controller_->on_heartbeat(heartbeat);
  else if (from == heartbeat.node && lease_.controller() && lease_.controller()->node != from)
    port_.send(lease_.controller()->node, heartbeat);
}

void ClusterNode::tell_progress() {
  tell_progress_at_us_ = clock_.monotonic_us() + settings_.tell_progress_us;
  // A controller that hears no majority may have been replaced without its knowledge, so it sends
  // no reports.
  if (!lease_.is_held() || controller_->hears_too_few()) return;
  NodesProgress progress = controller_->progress();
  progress.controller_epoch = lease_.controller()->created.value();
  const auto current = cluster();
  for (const auto& [id, node] : current->nodes()) port_.send(id, progress);
}

bool ClusterNode::is_out_of_touch() const {
  return lease_.controller() && !lease_.is_held() &&
         clock_.monotonic_us() - in_touch_us_ > settings_.out_of_touch_us;
}

// Handles a report of a controller; a report may show that this node is in touch with the
// controller. A report of an earlier controller does not count, because it may have been delayed. A
// report of a later controller than the known one counts: this node will soon read the new
// controller's key from etcd, if etcd is reachable.
void ClusterNode::on_progress(NodeId from, NodesProgress told) {
  const auto& controller = lease_.controller();
  if (!controller || controller->created.value() <= told.controller_epoch)
    in_touch_us_ = clock_.monotonic_us();
  if (!controller || controller->node != from ||
      controller->created.value() != told.controller_epoch)
    return;
  told_us_ = clock_.monotonic_us();
  progress_ = std::make_shared<const Progress>(Progress{std::move(told), *told_us_});
  port_.standing_changed();
}

// --- The controller

void ClusterNode::controller_changed(const std::optional<Lease::Controller>& controller) {
  controller_.reset();
  cutter_.reset();
  progress_.reset();
  in_touch_us_ = clock_.monotonic_us();
  replicas_.context().decides_since_us.reset();
  tell_progress_at_us_ = 0;
  port_.standing_changed();
  if (controller && !lease_.is_held()) {
    has_resigned_ = false;
    predecessor_ = controller->node;
  }
  if (!lease_.is_held() || is_replaced_) return;
  log_info("this node is now the controller node={}", identity_.id.value());
  replicas_.context().decides_since_us = clock_.monotonic_us();
  ControllerPort& port = *this;
  controller_ =
      std::make_unique<Controller>(port, clock_, settings_.controller, rules_.controller,
                                   has_resigned_, std::exchange(predecessor_, identity_.id));
  cutter_ = std::make_unique<storage::EtcdLogCutter>(
      etcd_, metadata_,
      storage::EtcdMetadataLog::Holding{lease_.key(), lease_.controller()->created}, clock_,
      random_, settings_.cuts, rules_.cuts);
  // The controller makes its first decisions immediately, so it first needs its own heartbeat,
  // which reports whether its disk is full.
  if (node_epoch_) controller_->on_heartbeat(heartbeat_now());
  controller_->applied(cluster(), metadata_.last_revision());
  // Processes in gone_ ended before this node became the controller, perhaps together with the previous controller. So
  // controller_ does not know yet that they have ended.
  for (const auto& [node, epoch] : gone_)
    if (const auto* known = cluster()->find(node); known != nullptr && known->epoch == epoch)
      controller_->on_disconnected(node);
}

void ClusterNode::on_gone(NodeId node) {
  if (const auto* known = cluster()->find(node)) gone_.insert_or_assign(node, known->epoch);
  if (controller_) controller_->on_disconnected(node);
  const auto& controller = lease_.controller();
  if (controller && controller->node == node && node != identity_.id) lease_.depose(*controller);
}

// If an earlier process of this node was the controller and has left its key in etcd, deletes the
// key. Otherwise no node could become the controller before the lease of that process has ended.
void ClusterNode::clear_the_way() {
  constexpr int64_t kRetryUs = 50'000;
  const int64_t now_us = clock_.monotonic_us();
  if (!lease_.is_left_over() || !node_epoch_ || is_replaced_ || now_us < clear_at_us_) return;
  clear_at_us_ = now_us + kRetryUs;
  lease_.depose(*lease_.controller());
}

void ClusterNode::append(Revision last, storage::MetadataCommand command,
                         std::function<void(Result<Revision>)> done) {
  std::optional<storage::EtcdMetadataLog::Holding> holding;
  if (rules_.fences_controllers) {
    if (!lease_.is_held())
      return done(Error{ErrorCode::OutOfOrderSequence, "this node is not the controller"});
    holding = {lease_.key(), lease_.controller()->created};
  }
  metadata_.append(last, command, std::move(holding), std::move(done));
}

// Resigns, and does not take the role again during a pause. The pause is long enough for another node to notice that
// the cluster has no controller, and to become the controller.
bool ClusterNode::step_down() {
  constexpr int64_t kSessions = 4;
  if (!lease_.resign(kSessions * settings_.controller.session_timeout_us)) return false;
  has_resigned_ = true;
  return true;
}

void ClusterNode::resign() {
  if (step_down())
    log_warn(
        "too few nodes are connected with this node in both directions, another node becomes the "
        "controller node={}",
        identity_.id.value());
}

void ClusterNode::tell_fenced(NodeId node, storage::NodeEpoch epoch, Revision revision) {
  port_.send(node, NodeFenced{epoch, revision});
}

// --- Messages

void ClusterNode::on_message(NodeId from, ClusterMessage message) {
  gone_.erase(from);
  if (auto* fetch = std::get_if<storage::ReplicaFetch>(&message)) {
    replicas_.on_fetch(*fetch);
  } else if (auto* fetched = std::get_if<storage::ReplicaFetched>(&message)) {
    replicas_.on_fetched(std::move(*fetched));
  } else if (auto* proposal = std::get_if<storage::IsrProposal>(&message)) {
    if (controller_) controller_->on_proposal(std::move(*proposal));
  } else if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
    on_heartbeat(from, *heartbeat);
  } else if (const auto* fenced = std::get_if<NodeFenced>(&message)) {
    on_fenced(*fenced);
  } else if (auto* progress = std::get_if<NodesProgress>(&message)) {
    on_progress(from, std::move(*progress));
  } else if (auto* output = std::get_if<DeliverOutput>(&message)) {
    deliver(from, std::move(*output));
  } else if (const auto* delivered = std::get_if<OutputDelivered>(&message)) {
    const auto owned = owned_.find(delivered->journal);
    if (owned != owned_.end() && owned->second->owner.is_open())
      owned->second->owner.outbox().answered(
          delivered->number, delivered->error ? Status(*delivered->error) : Status());
  } else {
    call(from, std::move(message));
  }
}

void ClusterNode::call(NodeId from, ClusterMessage message) {
  std::visit(
      [&](auto& each) {
        if constexpr (requires { transactions_.on_message(from, std::move(each)); })
          transactions_.on_message(from, std::move(each));
        else if constexpr (requires { appends_.on_message(from, std::move(each)); })
          appends_.on_message(from, std::move(each));
        else if constexpr (requires { ends_.on_message(from, std::move(each)); })
          ends_.on_message(from, std::move(each));
        else if constexpr (requires { scrub_.on_message(from, std::move(each)); })
          scrub_.on_message(from, std::move(each));
      },
      message);
}

// --- The leader's log

void ClusterNode::append_here(storage::AppendRequest request, storage::AppendDone done) {
  storage::AppendDone answered =
      storage::on_loop<Result<storage::Appended>>(*this, alive_, std::move(done));
  if (!log_.try_append(request, answered))
    answered(Error{ErrorCode::OutOfMemory, "the queue of the leader's log is full"});
}

void ClusterNode::await_trimmed(const TopicPartition& partition, Offset start, int64_t patience_us,
                                std::function<void(Status)> done) {
  trimming_.push_back({partition, start, clock_.monotonic_us() + patience_us, std::move(done)});
  look_at_trimming();
}

void ClusterNode::look_at_trimming() {
  std::vector<std::pair<std::function<void(Status)>, Status>> answers;
  std::erase_if(trimming_, [&](Trimming& each) {
    Status answer = replicas_.check_leads(each.partition);
    if (answer && !(*replicas_.find_leader(each.partition))->have_all_trimmed(each.start)) {
      if (clock_.monotonic_us() < each.until_us) return false;
      answer =
          Error{ErrorCode::ReadTimeout, "not all replicas in sync have deleted the records yet"};
    }
    answers.emplace_back(std::move(each.done), std::move(answer));
    return true;
  });
  for (auto& [done, answer] : answers) done(std::move(answer));
}

Result<LeaderEnds> ClusterNode::leader_ends(const TopicPartition& partition) const {
  const storage::LeaderReplica* leader = TRY(replicas_.find_leader(partition));
  return LeaderEnds{.epoch = leader->assignment().leader_epoch,
                    .readable_end = TRY(leader->readable_end()),
                    .has_all_of_before = leader->has_all_of_before(),
                    .heirs = leader->heirs(),
                    .has_min_isr = leader->has_min_isr(),
                    .acknowledged_end = appends_.acknowledged_end(partition),
                    .begin = leader->begin()};
}

// --- Tasks

void ClusterNode::leads(const TopicPartition& partition) {
  appends_.forget_acknowledged(partition);
  storage::JournalOwnerPort* tasks = tasks_.tasks_of(partition);
  if (tasks == nullptr) return;
  const auto& owned =
      owned_.emplace(partition, std::make_unique<Owned>(*this, partition, *tasks)).first->second;
  tasks_.owns(partition, &owned->owner);
}

Offset ClusterNode::first_needed(const TopicPartition& partition) {
  storage::JournalOwnerPort* tasks = tasks_.tasks_of(partition);
  return tasks == nullptr ? Offset{INT64_MAX} : tasks->first_not_carried_out();
}

void ClusterNode::leads_no_more(const TopicPartition& partition) {
  appends_.forget_acknowledged(partition);
  const auto found = owned_.find(partition);
  if (found == owned_.end()) return;
  tasks_.owns(partition, nullptr);
  owned_.erase(found);
}

void ClusterNode::deliver(NodeId from, DeliverOutput message) {
  const auto reply = [this, from, journal = message.journal,
                      number = message.number](std::optional<Error> error) {
    port_.send(from, OutputDelivered{journal, number, std::move(error)});
  };
  if (const Status leads = replicas_.check_leads(message.output.partition); !leads)
    return reply(leads.error());
  if (const Status checked = storage::check_for_follow(message.output.batch); !checked)
    return reply(checked.error());
  storage::AppendRequest request;
  request.parts.push_back({message.output.partition, std::move(message.output.batch)});
  request.acks =
      rules_.journals.counts_what_is_visible ? storage::Acks::All : storage::Acks::Leader;
  append_here(std::move(request), [reply](const Result<storage::Appended>& result) {
    reply(result ? std::nullopt : std::optional(result.error()));
  });
}

void ClusterNode::send(NodeId to, storage::ReplicaFetch fetch) { port_.send(to, std::move(fetch)); }
void ClusterNode::send(NodeId to, storage::ReplicaFetched fetched) {
  port_.send(to, std::move(fetched));
}
void ClusterNode::propose(storage::IsrProposal proposal) {
  if (lease_.controller()) port_.send(lease_.controller()->node, std::move(proposal));
}
void ClusterNode::post(std::function<void()> work) { port_.post(std::move(work)); }

}  // namespace server
