#include "server/cluster/cluster_member.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <limits>
#include <utility>

#include "base/log.h"
#include "server/cluster/placement.h"
#include "storage/log/replica_log.h"
#include "storage/meta/shared_sessions_level.h"
#include "storage/meta/topic_configs.h"

namespace server {

using storage::TopicPartition;

namespace {

// The period of ticks. It is short enough for heartbeats and timeouts, which are multiples of some tens of
// milliseconds.
constexpr int64_t kTickMs = 10;
constexpr auto kPause = std::chrono::milliseconds(5);
constexpr auto kJoinPatience = std::chrono::seconds(10), kLeavePatience = std::chrono::seconds(3);
// Time limit for the cluster to notice that the earlier process of this node has ended: a fixed
// time plus a number of session timeouts.
constexpr auto kFencePatience = std::chrono::seconds(10);
constexpr int64_t kFenceSessions = 4;
constexpr auto kFencePause = std::chrono::milliseconds(50);
// Number of producer ids that one command allocates; the first id is the command's revision, multiplied by this
// number.
constexpr int64_t kProducersOfRevision = 1'000;

ClusterSettings with_prefix(const ClusterMemberOptions& options) {
  ClusterSettings settings = options.settings;
  settings.prefix = fmt::format("/millrace/{}/", options.cluster_id);
  return settings;
}

}  // namespace

ClusterMember::ClusterMember(ClusterMemberOptions options, storage::Log& log, const Clock& clock)
    : options_(std::move(options)),
      log_(log),
      clock_(clock),
      random_(static_cast<uint64_t>(clock.monotonic_us()) ^
              std::hash<std::string>()(Uuid::random().to_string())),
      mirror_(
          [this](Revision last, const storage::MetadataCommand& command,
                 std::function<void(Result<Revision>)> done) {
            if (auto out = node_->out_of_cluster()) return done(*std::move(out));
            node_->metadata().append(last, command, std::nullopt, std::move(done));
          },
          [this](std::function<void()> task) { loop_.post(std::move(task)); },
          [this](Revision revision, std::string bytes) {
            node_->save_snapshot(revision, std::move(bytes));
          },
          clock) {
  view_ = std::make_shared<const kafka::ClusterView>();
}

Result<std::unique_ptr<ClusterMember>> ClusterMember::open(ClusterMemberOptions options,
                                                           storage::Log& log, const Clock& clock) {
  const ClusterSettings settings = with_prefix(options);
  std::unique_ptr<ClusterMember> member(new ClusterMember(std::move(options), log, clock));
  ClusterMember& self = *member;
  const ClusterMemberOptions& with = self.options_;
  TRY(self.check_membership());
  self.reader_ = TRY(storage::LogReader::open(log));
  self.digests_ = TRY(DigestThread::start(log));
  self.etcd_ = std::make_unique<EtcdGateway>(
      EtcdGatewayOptions{.endpoints = with.etcd}, clock,
      [&loop = self.loop_](std::function<void()> task) { loop.post(std::move(task)); });
  ClusterNetworkOptions network;
  network.cluster_id = with.cluster_id;
  network.self = with.node;
  network.listen = with.listen;
  network.tls = with.tls;
  self.network_ = TRY(ClusterNetwork::open(self.loop_, network, clock, self));
  ClusterPort& port = self;
  TaskHost& tasks = self;
  TransactionHost& transactions = self;
  self.node_ = std::make_unique<ClusterNode>(
      ClusterNode::Identity{with.node, log.store().instance_id(), with.rack}, log, *self.reader_,
      *self.etcd_, port, tasks, transactions, clock, self.random_, settings);
  const auto send = [&self](NodeId to, ClusterMessage message) {
    self.network_->send(to, std::move(message));
  };
  self.applied_calls_ = std::make_unique<AppliedCalls>(AppliedCalls::Around{
      clock, send, [&self] { return self.reached_that_tell(); },
      [&self] { return self.find_applied_ ? self.find_applied_() : Revision{0}; }});
  self.group_calls_ = std::make_unique<GroupCalls>(
      GroupCalls::Around{clock, send, [&self] { return self.others_that_tell(); },
                         [&self] { return self.reached_that_tell(); },
                         [&self](std::function<void(GroupCalls::Groups)> done) {
                           if (self.own_groups_) self.own_groups_(self.at_home(std::move(done)));
                         }});
  self.log_calls_ = std::make_unique<LogCalls>(LogCalls::Around{
      with.node, clock, send, [&self] { return self.node_->cluster(); },
      [&self](const TopicPartition& partition) { return self.log_of(partition); }});
  self.request_calls_ = std::make_unique<RequestCalls>(RequestCalls::Around{
      clock, send, [&self](NodeId node) { return self.network_->connected().contains(node); },
      [&self] { return self.node_->cluster()->feature_level(); },
      [&self](std::string frame, RequestCalls::Done done) {
        if (!self.handle_request_)
          return done(Error{ErrorCode::ShuttingDown, "the node does not accept requests yet"});
        self.handle_request_(std::move(frame), self.at_home(std::move(done)));
      }});
  self.open_session_parts();
  self.timer_ = std::make_unique<Timer>(self.loop_, "cluster", [&self] { self.tick(); });
  self.timer_->start_every(kTickMs);
  self.thread_ = std::thread([&loop = self.loop_] { loop.run(); });
  return member;
}

void ClusterMember::stop_thread() {
  if (digests_) digests_->stop();
  loop_.stop();
  if (thread_.joinable()) thread_.join();
}

ClusterMember::~ClusterMember() {
  stop_thread();
  timer_.reset();
  network_.reset();
  node_.reset();
  etcd_.reset();
  reader_.reset();
}

template <class Ask>
auto ClusterMember::on_loop(Ask ask) -> decltype(ask()) {
  std::promise<decltype(ask())> answer;
  loop_.post([&] { answer.set_value(ask()); });
  return answer.get_future().get();
}

// --- Ownership of the data directory

Status ClusterMember::check_membership() {
  const auto known = TRY(storage::read_cluster_membership(log_));
  if (!known) {
    if (!log_.topics().empty())
      return Error{ErrorCode::ObjectState,
                   "the data directory holds topics of a server that was not part of a cluster",
                   {},
                   "Make it the first node of the cluster (millrace cluster join), start it "
                   "without --cluster, or choose another --data-dir."};
    membership_ = {options_.cluster_id, options_.node};
    is_new_ = true;
    return {};
  }
  membership_ = *known;
  if (known->cluster_id == options_.cluster_id && known->node == options_.node) return {};
  return Error{
      ErrorCode::ObjectState,
      fmt::format(
          "the data directory belongs to node {} of cluster \"{}\", not to node {} of \"{}\"",
          known->node.value(), known->cluster_id, options_.node.value(), options_.cluster_id),
      {},
      "Choose the --data-dir of this node, or an empty one."};
}

Status ClusterMember::check_metadata() {
  const auto [first, last] = on_loop([this] {
    return std::pair(node_->metadata().first_id(), node_->metadata().last_revision());
  });
  const std::string& known = membership_.first_command;
  if (!known.empty() && first == known && last < membership_.last_revision)
    return Error{ErrorCode::ObjectState,
                 fmt::format("etcd has lost some of the metadata of cluster \"{}\": it has {} "
                             "commands, and this data directory has seen {}",
                             options_.cluster_id, last.value(), membership_.last_revision.value()),
                 {},
                 "This node would remove the partitions of the topics that etcd has lost. Restore "
                 "a newer backup of etcd, or start with empty data directories."};
  const storage::FeatureLevel level = on_loop([this] { return node_->cluster()->feature_level(); });
  if (level > storage::kNewestLevel)
    return Error{
        ErrorCode::ObjectState,
        fmt::format("cluster \"{}\" is at feature level {}, and this program knows up to {}",
                    options_.cluster_id, level.value(), storage::kNewestLevel.value()),
        {},
        "Start this node with the program that the other nodes run, or with a newer one."};
  if (!known.empty() && first != known)
    return Error{ErrorCode::ObjectState,
                 fmt::format("etcd does not have the metadata of cluster \"{}\" that this data "
                             "directory has seen: etcd's are {}",
                             options_.cluster_id, first.empty() ? "gone" : "others"),
                 {},
                 "Set --etcd to the etcd of this cluster, or restore that etcd from its backup."};
  return {};
}

// Fails with ObjectState if another process already runs as this node: the cluster would listen to
// only one of the two processes, and the one that already runs must keep working. If the
// registration of the node has this data directory and this address, it comes from a process that
// has ended, because only one process at a time can use a data directory. A process with another
// directory may take over the node when no process answers at the registered address and the other
// nodes receive no heartbeats of the node.
Status ClusterMember::check_is_alone(const std::atomic<bool>& must_stop) {
  const auto known = on_loop([this] {
    const storage::ClusterNode* node = node_->cluster()->find(options_.node);
    return node == nullptr ? std::nullopt : std::optional(*node);
  });
  replaces_ = known ? known->epoch : storage::NodeEpoch{};
  const bool is_its_own = known && known->directory == log_.store().instance_id();
  if (!known || (is_its_own && known->endpoint == advertised().to_string())) return {};
  if (is_another_at(known->endpoint))
    return is_there_already(fmt::format("answers at {}", known->endpoint));
  if (is_its_own) return {};
  const auto give_up_at =
      std::chrono::steady_clock::now() + kFencePatience +
      std::chrono::microseconds(kFenceSessions * options_.settings.controller.session_timeout_us);
  for (; is_heard_of(); std::this_thread::sleep_for(kFencePause)) {
    if (must_stop)
      return Error{ErrorCode::ShuttingDown,
                   "stopped while another process was running as this node"};
    if (std::chrono::steady_clock::now() > give_up_at)
      return is_there_already(
          fmt::format("is known to the other nodes, as the one at {}, which this node cannot reach",
                      known->endpoint));
  }
  return {};
}

Error ClusterMember::is_there_already(const std::string& how) const {
  return {ErrorCode::ObjectState,
          fmt::format("node {} of cluster \"{}\" exists already: a process with another data "
                      "directory {}",
                      options_.node.value(), options_.cluster_id, how),
          {},
          "Start this process with another --node-id. If it is to replace the other process, stop "
          "that one first."};
}

bool ClusterMember::is_another_at(const std::string& endpoint) {
  const auto address = parse_address(endpoint);
  if (!address) return false;
  std::promise<bool> answer;
  loop_.post([&] {
    network_->find_other(*address, [&answer](bool is_one) { answer.set_value(is_one); });
  });
  return answer.get_future().get();
}

// Returns whether the metadata do not show this node as fenced, and a controller exists, whose key is in etcd. Without
// a controller a dead node would not be fenced.
bool ClusterMember::is_heard_of() {
  const bool is_fenced = on_loop([this] {
    const storage::ClusterNode* known = node_->cluster()->find(options_.node);
    return known == nullptr || known->is_fenced;
  });
  if (is_fenced) return false;
  std::promise<bool> answer;
  loop_.post([&] {
    etcd_->find_first(storage::EtcdRange::only(with_prefix(options_).prefix + "controller"),
                      [&answer](const Result<storage::EtcdFound>& found) {
                        answer.set_value(!found || !found->entries.empty());
                      });
  });
  return answer.get_future().get();
}

// Saves the position in the metadata at most once per kPauseUs, since each write costs a commit.
void ClusterMember::keep_membership() {
  constexpr int64_t kPauseUs = 1'000'000;
  const int64_t now_us = clock_.monotonic_us();
  if (now_us < membership_at_us_ || !save_membership()) return;
  membership_at_us_ = now_us + kPauseUs;
}

bool ClusterMember::save_membership() {
  const storage::EtcdMetadataLog& log = node_->metadata();
  if (!node_->is_registered() || membership_.last_revision == log.last_revision()) return false;
  membership_.first_command = log.first_id();
  membership_.last_revision = log.last_revision();
  storage::submit_cluster_membership(log_, membership_, [](const Status& kept) {
    if (!kept)
      log_warn("cannot save the position in the metadata error=\"{}\"", kept.error().message);
  });
  return true;
}

// --- Starting and stopping

Status ClusterMember::begin(const std::atomic<bool>& must_stop) {
  const auto began = std::chrono::steady_clock::now();
  for (bool has_warned = false; !on_loop([this] { return node_->metadata().has_read(); });
       std::this_thread::sleep_for(kPause)) {
    if (must_stop) return Error{ErrorCode::ShuttingDown, "stopped while waiting for etcd"};
    if (auto trouble = on_loop([this] { return node_->metadata().trouble(); }))
      return *std::move(trouble);
    constexpr auto kQuietFor = std::chrono::seconds(1);
    if (has_warned || std::chrono::steady_clock::now() - began < kQuietFor) continue;
    has_warned = true;
    log_warn(
        "waiting for etcd, which holds the metadata of the cluster: most of its members have to "
        "run, which are the nodes of --peers with --etcd start endpoints={}",
        fmt::join(options_.etcd, ","));
  }
  TRY(check_metadata());
  TRY(check_is_alone(must_stop));
  on_loop([this] {
    knows_nodes_ = true;
    tell_nodes();
    return true;
  });
  // The membership is stored only after the node has joined: a process that was started with a
  // wrong node id by mistake can then be restarted with the right one.
  return is_new_ ? storage::write_cluster_membership(log_, membership_) : Status();
}

Status ClusterMember::join(const Address& clients, const std::atomic<bool>& must_stop) {
  const Address nodes = advertised();
  loop_.post([this, nodes, clients] {
    node_->announce(nodes.to_string(), clients.to_string(), replaces_);
  });
  const auto is_there = [this] {
    const storage::ClusterNode* known = node_->cluster()->find(options_.node);
    return node_->is_registered() && known != nullptr && !known->is_fenced;
  };
  const auto give_up_at = std::chrono::steady_clock::now() + kJoinPatience;
  while (!on_loop(is_there)) {
    if (must_stop) return Error{ErrorCode::ShuttingDown, "stopped while joining the cluster"};
    if (on_loop([this] { return node_->is_taken(); }))
      return is_there_already("started at the same time, and registered first");
    if (std::chrono::steady_clock::now() > give_up_at) {
      log_warn("the controller of the cluster has not registered this node yet node={}",
               options_.node.value());
      break;
    }
    std::this_thread::sleep_for(kPause);
  }
  return {};
}

void ClusterMember::leave() {
  if (!thread_.joinable() || std::exchange(is_stopped_, true)) return;
  // Returns whether another node could take over the leaderships.
  const auto has_heir = [this] {
    const auto cluster = node_->cluster();
    for (const auto& [id, node] : cluster->nodes())
      if (id != options_.node && !node.is_fenced) return true;
    return false;
  };
  loop_.post([this] { node_->leave(); });
  const auto give_up_at = std::chrono::steady_clock::now() + kLeavePatience;
  while (on_loop([&] { return has_heir() && !node_->leads_nothing(); }) &&
         std::chrono::steady_clock::now() < give_up_at)
    std::this_thread::sleep_for(kPause);
  // Another node has to become the controller before this node stops, and before the etcd member
  // that runs on this node stops.
  const auto decides = [this] { return node_->controller() == options_.node; };
  if (on_loop(has_heir) && on_loop(decides)) {
    on_loop([this] { return node_->step_down(); });
    while (on_loop(decides) && std::chrono::steady_clock::now() < give_up_at)
      std::this_thread::sleep_for(kPause);
  }
  on_loop([this] {
    // Stores the last metadata revision that this node has read. At the next start the node refuses an etcd that has
    // fewer revisions, because such an etcd has lost commands. The tick stores the revision only once a second: without
    // this write, the loss of a command from the last second would not be noticed.
    save_membership();
    mirror_.stop();
    for (const auto& each : std::exchange(want_producers_, {}))
      each(Error{ErrorCode::ShuttingDown, "the server is stopping"});
    return true;
  });
}

// --- The loop

void ClusterMember::tick() {
  etcd_->tick();
  network_->tick();
  node_->tick();
  tick_tasks();
  mirror_.tick();
  give_producer_ids();
  keep_membership();
  differing_.store(node_->scrub().differing_count(), std::memory_order_relaxed);
  scrub_rounds_.store(node_->scrub().rounds(), std::memory_order_relaxed);
  applied_calls_->tick();
  group_calls_->tick();
  request_calls_->tick();
  log_calls_->tick();
  note_controller();
  lock_keeper_->tick();
  lock_client_->tick();
  notices_->tick();
  note_touch();
}

std::set<NodeId> ClusterMember::others_that_tell() const {
  std::set<NodeId> others;
  const auto cluster = node_->cluster();
  if (cluster->feature_level() < storage::kDefiningTransactionsLevel) return others;
  for (const auto& [id, node] : cluster->nodes())
    if (!node.is_fenced && id != options_.node) others.insert(id);
  return others;
}

std::set<NodeId> ClusterMember::reached_that_tell() const {
  std::set<NodeId> others = others_that_tell();
  const std::set<NodeId> connected = network_->connected();
  std::erase_if(others, [&](NodeId node) { return !connected.contains(node); });
  return others;
}

void ClusterMember::use_applied(std::function<Revision()> find_applied) {
  loop_.post([this, find = std::move(find_applied)]() mutable { find_applied_ = std::move(find); });
}

void ClusterMember::await_applied(Revision revision, std::function<void()> done) {
  loop_.post([this, revision, done = std::move(done)]() mutable {
    applied_calls_->ask(revision, std::move(done));
  });
}

void ClusterMember::use_groups(OwnGroups own) {
  loop_.post([this, own = std::move(own)]() mutable { own_groups_ = std::move(own); });
}

void ClusterMember::ask_groups(std::function<void(GroupCalls::Told)> done) {
  loop_.post([this, done = std::move(done)]() mutable { group_calls_->ask(std::move(done)); });
}

void ClusterMember::use_requests(RequestCalls::Handle handle) {
  loop_.post([this, handle = std::move(handle)]() mutable { handle_request_ = std::move(handle); });
}

void ClusterMember::ask_node(NodeId node, std::string frame, RequestCalls::Done done) {
  loop_.post([this, node, frame = std::move(frame), done = std::move(done)]() mutable {
    request_calls_->ask(node, std::move(frame), std::move(done));
  });
}

void ClusterMember::find_best_logs(std::vector<TopicPartition> partitions, LogCalls::Done done) {
  loop_.post([this, partitions = std::move(partitions), done = std::move(done)]() mutable {
    if (node_->cluster()->feature_level() < storage::kDefiningTransactionsLevel)
      return done(LogCalls::Best());
    log_calls_->ask(partitions, std::move(done));
  });
}

void ClusterMember::find_ends(std::vector<TopicPartition> partitions, LogCalls::EndsDone done) {
  loop_.post([this, partitions = std::move(partitions), done = std::move(done)]() mutable {
    if (node_->cluster()->feature_level() < storage::kDefiningTransactionsLevel) return done({});
    log_calls_->ask_leaders(partitions, std::move(done));
  });
}

LogsReported::Log ClusterMember::log_of(const TopicPartition& partition) const {
  const auto status = log_.find_partition(partition);
  if (!status) return {};
  const auto last = storage::ReplicaLog(log_).last_epoch(partition);
  return {last ? last->value_or(LeaderEpoch{-1}) : LeaderEpoch{-1}, status->log_end(),
          status->high_watermark()};
}

void ClusterMember::note_touch() {
  std::set<NodeId> connected = network_->connected();
  const bool hears_most = 2 * (connected.size() + 1) > node_->cluster()->nodes().size();
  if (connected != *connected_.load(std::memory_order_relaxed))
    connected_.store(std::make_shared<const std::set<NodeId>>(std::move(connected)),
                     std::memory_order_release);
  const int64_t now_us = clock_.monotonic_us();
  const bool has_recent_report =
      now_us - node_->told_us().value_or(now_us) < options_.settings.out_of_touch_us;
  // A NodesProgress message that this node, as the controller, sends to itself counts only if etcd
  // confirms that this node is the controller.
  const bool is_in_touch =
      !node_->is_suspended() && has_recent_report && (hears_most || !node_->is_in_doubt());
  is_in_touch_.store(is_in_touch, std::memory_order_relaxed);
  is_isolated_.store(!is_in_touch && !hears_most, std::memory_order_relaxed);
}

void ClusterMember::digest(const TopicPartition& partition, Offset from, std::optional<Offset> end,
                           size_t max_bytes, ScrubCalls::Digested done) {
  digests_->ask(partition, from, end, max_bytes,
                [this, done = std::move(done)](Result<storage::RangeDigest> digest) {
                  loop_.post([done, digest = std::move(digest)] { done(digest); });
                });
}

void ClusterMember::differs(const ReplicaDifference& difference) {
  log_error("{} topic={} partition={} node={} leader={} from={} end={}{}",
            difference.damaged ? "a record batch is damaged on the disk of a node"
                               : "a replica differs from its leader below the high watermark",
            difference.partition.topic.to_string(), difference.partition.partition.value(),
            difference.node.value(), options_.node.value(), difference.from.value(),
            difference.end.value(),
            difference.damaged ? fmt::format(" batch={}", difference.damaged->value()) : "");
}

void ClusterMember::send(NodeId to, ClusterMessage message) {
  network_->send(to, std::move(message));
}

void ClusterMember::on_message(NodeId from, ClusterMessage message) {
  if (const auto* ask = std::get_if<AskApplied>(&message))
    return applied_calls_->on_message(from, *ask);
  if (const auto* report = std::get_if<AppliedReported>(&message))
    return applied_calls_->on_message(from, *report);
  if (const auto* ask = std::get_if<AskGroups>(&message))
    return group_calls_->on_message(from, *ask);
  if (auto* report = std::get_if<GroupsReported>(&message))
    return group_calls_->on_message(from, std::move(*report));
  if (const auto* ask = std::get_if<AskLogs>(&message)) return log_calls_->on_message(from, *ask);
  if (const auto* report = std::get_if<LogsReported>(&message))
    return log_calls_->on_message(from, *report);
  if (auto* relayed = std::get_if<RelayedRequest>(&message))
    return request_calls_->on_message(from, std::move(*relayed));
  if (auto* answer = std::get_if<RelayedAnswer>(&message))
    return request_calls_->on_message(from, std::move(*answer));
  if (auto* wanted = std::get_if<LocksWanted>(&message))
    return lock_keeper_->on_message(from, std::move(*wanted));
  if (const auto* granted = std::get_if<LocksGranted>(&message))
    return lock_client_->on_message(from, *granted);
  if (auto* notify = std::get_if<NotifySessions>(&message))
    return notices_->on_message(from, std::move(*notify));
  if (const auto* notified = std::get_if<SessionsNotified>(&message))
    return notices_->on_message(from, *notified);
  node_->on_message(from, std::move(message));
}

void ClusterMember::on_gone(NodeId node) {
  log_info("a node no longer listens at its address node={}", node.value());
  node_->on_gone(node);
  lock_keeper_->on_gone(node);
}

void ClusterMember::on_connected(NodeId node) {
  node_->on_connected(node);
  lock_client_->on_connected(node);
  notices_->on_connected(node);
}

// --- Locks and notifications of sessions

void ClusterMember::open_session_parts() {
  const auto send_to = [this](NodeId to, ClusterMessage message) {
    network_->send(to, std::move(message));
  };
  const auto cluster = [this] { return node_->cluster(); };
  const auto own_process = [this] { return process(); };
  lock_keeper_ = std::make_unique<LockKeeper>(LockKeeper::Around{
      clock_, send_to, cluster, [this] { return node_->is_confirmed_controller(); },
      [this](NodeId node) { return node_->is_gone(node); }});
  lock_client_ = std::make_unique<LockClient>(LockClient::Around{
      clock_, send_to, [this](std::function<void()> work) { loop_.post(std::move(work)); },
      own_process,
      [this] { return node_->cluster()->feature_level() >= storage::kSharedSessionsLevel; }});
  notices_ = std::make_unique<SessionNotices>(
      SessionNotices::Around{options_.node, clock_, send_to, cluster, own_process,
                             [this](SessionNotices::Notes notes) {
                               if (listeners_.deliver) listeners_.deliver(std::move(notes));
                             },
                             [this] {
                               if (listeners_.end_all) listeners_.end_all();
                             }});
}

std::optional<storage::NodeEpoch> ClusterMember::process() const {
  const storage::ClusterNode* known = node_->cluster()->find(options_.node);
  return node_->is_registered() && known != nullptr ? std::optional(known->epoch) : std::nullopt;
}

void ClusterMember::note_controller() {
  if (!lock_keeper_ || !node_) return;  // called from the constructor of ClusterNode
  const auto& key = node_->controller_key();
  const std::optional<int64_t> own =
      node_->is_controller() && key ? std::optional(key->created.value()) : std::nullopt;
  if (own != keeps_at_) {
    keeps_at_ = own;
    if (own)
      lock_keeper_->begin(*own);
    else
      lock_keeper_->end();
  }
  lock_client_->controller_changed(
      key ? std::optional(LockClient::Controller{key->node, key->created.value()}) : std::nullopt);
}

void ClusterMember::notify_sessions(SessionNotices::Notes notes, SessionNotices::Done done) {
  loop_.post([this, notes = std::move(notes), done = std::move(done)]() mutable {
    notices_->notify(std::move(notes), std::move(done));
  });
}

void ClusterMember::use_listeners(Listeners listeners) {
  loop_.post(
      [this, listeners = std::move(listeners)]() mutable { listeners_ = std::move(listeners); });
}

void ClusterMember::applied(const storage::MetadataRecord& record,
                            std::span<const TopicPartition> changed) {
  cluster_changed(changed);
  mirror_.read(record, node_->cluster_table());
}

void ClusterMember::loaded(const storage::MetadataSnapshot& snapshot,
                           std::span<const TopicPartition> changed) {
  cluster_changed(changed);
  // Listening sessions end, because the snapshot does not show whether this node was fenced in the
  // meantime, and then has missed messages of NOTIFY.
  if (listeners_.end_all) listeners_.end_all();
  mirror_.load(snapshot);
}

void ClusterMember::cluster_changed(std::span<const TopicPartition> changed) {
  if (knows_nodes_) tell_nodes();
  publish_view();
  if (notices_) notices_->cluster_changed();
  if (options_.on_changed && !changed.empty()) options_.on_changed(changed);
}

void ClusterMember::tell_nodes() {
  std::map<NodeId, std::string> endpoints;
  const auto cluster = node_->cluster();
  for (const auto& [id, node] : cluster->nodes()) endpoints[id] = node.endpoint;
  // Until this node is registered, the other nodes refuse its greetings, so it connects to none of them.
  if (!endpoints.contains(options_.node)) endpoints.clear();
  network_->set_nodes(endpoints);
  network_->require(node_->cluster()->feature_level());
}

void ClusterMember::publish_view() {
  if (!node_) return;  // called from the constructor of ClusterNode
  auto view = std::make_shared<kafka::ClusterView>();
  view->self = options_.node;
  view->is_suspended = node_->is_suspended();
  view->metadata = node_->cluster();
  view->min_insync_replicas = options_.settings.replicas.min_insync_replicas;
  for (const auto& [id, node] : view->metadata->nodes()) {
    if (node.is_fenced || (id == options_.node && node_->is_suspended())) continue;
    const auto address = parse_address(node.clients);
    if (!address) continue;
    view->nodes.push_back({id.value(), address->host, address->port,
                           node.rack.empty() ? std::nullopt : std::optional(node.rack)});
  }
  const auto controller = node_->controller();
  if (controller && view->find(controller->value()) != nullptr)
    view->controller_id = controller->value();
  view->metadata_log = describe_metadata_log();
  view_.store(std::move(view), std::memory_order_release);
}

std::shared_ptr<const kafka::ClusterView::MetadataLog> ClusterMember::describe_metadata_log()
    const {
  const auto progress = node_->progress();
  if (!progress) return nullptr;
  auto log = std::make_shared<kafka::ClusterView::MetadataLog>();
  // Kafka's epoch has 32 bits and a revision of etcd 64 bits, so a larger revision is cut to the maximum.
  log->controller_epoch = static_cast<int32_t>(
      std::min<int64_t>(progress->told.controller_epoch, std::numeric_limits<int32_t>::max()));
  log->end = progress->told.known;
  log->told_us = progress->at_us;
  const int64_t reported_ms = clock_.wall_ms() - (clock_.monotonic_us() - progress->at_us) / 1'000;
  const auto at_ms = [&](int64_t ago_ms) { return ago_ms < 0 ? -1 : reported_ms - ago_ms; };
  for (const NodesProgress::Node& each : progress->told.nodes)
    log->readers.push_back({each.node, each.applied, at_ms(each.heard_ms), at_ms(each.caught_up_ms),
                            each.differing, each.knows});
  return log;
}

// Posts the partitions to the loop. Many commits may arrive before the loop runs, so the loop
// handles each partition only once.
void ClusterMember::on_durable(std::span<const TopicPartition> grown) {
  {
    const std::lock_guard lock(mutex_);
    const bool is_posted = !grown_.empty();
    grown_.insert(grown.begin(), grown.end());
    if (is_posted || grown_.empty()) return;
  }
  loop_.post([this] {
    std::set<TopicPartition> taken;
    {
      const std::lock_guard lock(mutex_);
      taken.swap(grown_);
    }
    const std::vector<TopicPartition> partitions(taken.begin(), taken.end());
    node_->on_durable(partitions);
  });
}

// --- Topics

Status ClusterMember::place(const storage::TopicDelta& delta, const Wanted& wanted,
                            storage::MetadataCommand& command) const {
  const auto add = [&](std::string part) {
    command.parts.push_back({std::string(storage::kClusterPart), std::move(part)});
  };
  if (!delta.now) {
    add(storage::encode_remove_assignments(delta.before->id));
    return {};
  }
  const storage::ClusterSnapshot& cluster = *view()->metadata;
  const int32_t first = delta.before ? delta.before->partition_count : 0;
  const int32_t count = delta.now->partition_count - first;
  const bool may_ask = cluster.feature_level() >= storage::kDefiningTransactionsLevel;
  const auto own_min = may_ask ? storage::own_min_insync(*delta.now) : std::nullopt;
  const size_t cluster_min = options_.settings.replicas.min_insync_replicas;
  if (may_ask && delta.before) {
    // A min.insync.replicas that was set while the feature level was lower takes effect with the next change of the
    // topic.
    const auto* known = cluster.find({delta.now->id, PartitionId{0}});
    if (storage::own_min_insync(*delta.before) != own_min ||
        (known != nullptr && known->own_min_insync != own_min))
      add(storage::encode_require_in_sync(delta.now->id, own_min, cluster_min));
  }
  if (count == 0) return {};
  int32_t factor = wanted.factor;
  // New partitions get as many replicas as the existing partitions have.
  if (delta.before)
    if (const auto* known = cluster.find({delta.now->id, PartitionId{0}}))
      factor = static_cast<int32_t>(known->replicas.size() - known->adding.size());
  auto replicas = wanted.replicas;
  if (replicas.empty())
    replicas = TRY(place_replicas(cluster, delta.now->id, first, count, factor));
  if (replicas.size() != static_cast<size_t>(count))  // the topic has changed since the command was
                                                      // prepared
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("replicas are assigned to {} partitions, but {} are to be created",
                             replicas.size(), count)};
  for (const storage::PartitionAssignment& assignment :
       TRY(assign_replicas(cluster, delta.now->id, first, replicas, cluster_min, own_min)))
    add(storage::encode_assign_partition(assignment));
  return {};
}

// --- Tasks

void ClusterMember::observe(std::set<Uuid> topics) {
  const auto before = observed_.load(std::memory_order_acquire);
  if (before && *before == topics) return;
  const auto told = std::make_shared<const std::set<Uuid>>(std::move(topics));
  observed_.store(told, std::memory_order_release);
  run_soon([this, told] { node_->observe(*told); });
}

bool ClusterMember::has_copy(const TopicPartition& partition) const {
  const auto view = this->view();
  const storage::PartitionAssignment* known = view->metadata->find(partition);
  if (known == nullptr) return false;
  const auto observed = observed_.load(std::memory_order_acquire);
  return known->has_replica(view->self) || (observed && observed->contains(partition.topic));
}

void ClusterMember::set_tasks(TaskHost& host) {
  on_loop([this, &host] {
    tasks_ = &host;
    return true;
  });
}

// --- Transactions

void ClusterMember::set_transactions(TransactionHost& host) {
  loop_.post([this, &host] { transactions_ = &host; });
}

void ClusterMember::tell_end(const TopicPartition& partition,
                             const coordinator::TransactionEnded& ended,
                             std::function<void(Status)> done) {
  loop_.post([this, partition, ended, done = std::move(done)]() mutable {
    node_->transactions().tell_end(partition, ended, std::move(done));
  });
}

void ClusterMember::join_transaction(const TopicPartition& coordinator,
                                     coordinator::AddPartitions request,
                                     coordinator::Done<coordinator::TransactionAnswer> done) {
  loop_.post([this, coordinator, request = std::move(request), done = std::move(done)]() mutable {
    node_->transactions().join(coordinator, std::move(request), std::move(done));
  });
}

void ClusterMember::join(coordinator::AddPartitions request,
                         coordinator::Done<coordinator::TransactionAnswer> done) {
  if (transactions_ == nullptr) return done(request.refusal(KafkaError::CoordinatorNotAvailable));
  transactions_->join(std::move(request), at_home(std::move(done)));
}

void ClusterMember::end(const TopicPartition& partition, LeaderEpoch under,
                        const coordinator::TransactionEnded& ended,
                        std::function<void(Status)> done) {
  if (transactions_ == nullptr)
    return done(Error{ErrorCode::NotLeader, "the node is not ready yet"});
  transactions_->end(partition, under, ended, [this, done = std::move(done)](Status status) {
    loop_.post([done, status = std::move(status)] { done(status); });
  });
}

void ClusterMember::begin_commit(coordinator::InitProducer request,
                                 coordinator::Done<coordinator::InitializedProducer> done) {
  if (transactions_ == nullptr) return done(request.refusal(KafkaError::CoordinatorNotAvailable));
  transactions_->begin_commit(std::move(request), at_home(std::move(done)));
}

void ClusterMember::end_commit(coordinator::EndTransaction request,
                               coordinator::Done<coordinator::EndedTransaction> done) {
  if (transactions_ == nullptr) return done(request.refusal(KafkaError::CoordinatorNotAvailable));
  transactions_->end_commit(std::move(request), at_home(std::move(done)));
}

void ClusterMember::place_commit(std::string ids, coordinator::Done<CommitPlace> done) {
  if (transactions_ == nullptr) return done({KafkaError::CoordinatorNotAvailable});
  transactions_->place_commit(std::move(ids), at_home(std::move(done)));
}

// --- Rows

void ClusterMember::commit_rows(std::vector<TransactionCommits::Part> parts,
                                TransactionCommits::Done done) {
  loop_.post([this, parts = std::move(parts), done = std::move(done)]() mutable {
    if (auto out = node_->out_of_cluster()) return done(*std::move(out));
    node_->commits().commit(std::move(parts), std::move(done));
  });
}

void ClusterMember::append_rows(const TopicPartition& partition, std::string batches,
                                RemoteAppends::Done done) {
  loop_.post([this, partition, batches = std::move(batches), done = std::move(done)]() mutable {
    if (auto out = node_->out_of_cluster()) return done(*std::move(out));
    node_->appends().append(partition, std::move(batches), std::move(done));
  });
}

void ClusterMember::append_rows_unless_changed(const TopicPartition& partition, std::string batches,
                                               Offset since, RemoteAppends::ChangeDone done) {
  loop_.post([this, partition, batches = std::move(batches), since,
              done = std::move(done)]() mutable {
    if (auto out = node_->out_of_cluster()) return done(*std::move(out), 0);
    node_->appends().append_unless_changed(partition, std::move(batches), since, std::move(done));
  });
}

void ClusterMember::ask_ends(std::vector<TopicPartition> partitions, int64_t open_wait_us,
                             LeaderEndRequests::Done done) {
  loop_.post(
      [this, partitions = std::move(partitions), open_wait_us, done = std::move(done)]() mutable {
        if (auto out = node_->out_of_cluster()) return done(*std::move(out));
        node_->ends().ask(std::move(partitions), open_wait_us, std::move(done));
      });
}

void ClusterMember::confirm_leads(std::set<TopicPartition> partitions,
                                  std::function<void(ConfirmedLeaders)> done) {
  struct Asked {
    size_t left;
    ConfirmedLeaders confirmed;
    std::function<void(ConfirmedLeaders)> done;
  };
  if (partitions.empty()) return done({});
  auto asked = std::make_shared<Asked>(Asked{partitions.size(), {}, std::move(done)});
  loop_.post([this, asked, partitions = std::move(partitions)] {
    for (const TopicPartition& partition : partitions)
      node_->ends().confirm(partition, [asked, partition](const Status& leads) {
        if (leads) asked->confirmed.insert(partition);
        if (--asked->left == 0) asked->done(std::move(asked->confirmed));
      });
  });
}

void ClusterMember::await_trimmed(const TopicPartition& partition, Offset start, int64_t timeout_ms,
                                  std::function<void(Status)> done) {
  loop_.post([this, partition, start, timeout_ms, done = std::move(done)]() mutable {
    node_->await_trimmed(partition, start, timeout_ms * 1'000, std::move(done));
  });
}

// --- Producer ids

void ClusterMember::allocate_producer_id(std::function<void(Result<ProducerId>)> done) {
  loop_.post([this, done = std::move(done)]() mutable { allocate_producer(std::move(done)); });
}

void ClusterMember::allocate_producer(std::function<void(Result<ProducerId>)> done) {
  constexpr size_t kMostWanted = 1'000;  // further callers have to try again
  if (want_producers_.size() >= kMostWanted)
    return done(
        Error{ErrorCode::NotEnoughReplicas, "too many requests wait for a producer id already"});
  want_producers_.push_back(std::move(done));
  give_producer_ids();
}

// Calls the waiting callers with the allocated producer ids, and allocates a new block of ids when the last block is
// used up. To allocate a block, it appends an empty command to the metadata log. The block begins at the revision of
// this command times kProducersOfRevision. No two commands have the same revision, so no two blocks overlap.
void ClusterMember::give_producer_ids() {
  while (!want_producers_.empty() && next_producer_ < end_of_producers_) {
    const auto done = std::move(want_producers_.front());
    want_producers_.pop_front();
    const ProducerId id = next_producer_;
    ++next_producer_;
    done(id);
  }
  // Some ids are allocated in advance, because etcd may be down when an id is needed.
  const bool has_some = next_producer_ < end_of_producers_ || !node_->is_registered();
  if (is_allocating_ || (want_producers_.empty() && has_some)) return;
  is_allocating_ = true;
  storage::EtcdMetadataLog& log = node_->metadata();
  log.append(log.last_revision(), {}, std::nullopt, [this](const Result<Revision>& revision) {
    is_allocating_ = false;
    if (!revision) return;  // another command was first; the next tick tries again
    next_producer_ = ProducerId{revision->value() * kProducersOfRevision};
    end_of_producers_ = next_producer_ + kProducersOfRevision;
    give_producer_ids();
  });
}

}  // namespace server
