#include "server/cluster/cluster_node.h"

#include <utility>
#include <vector>

#include "base/log.h"

namespace server {

using storage::ClusterDelta;
using storage::TopicPartition;

ClusterNode::ClusterNode(Identity identity, storage::Log& log, storage::LogReader& reader,
                         storage::EtcdClient& etcd, ClusterPort& port, const Clock& clock,
                         Random& random, ClusterSettings settings, ClusterRules rules)
    : identity_(std::move(identity)),
      port_(port),
      clock_(clock),
      settings_(std::move(settings)),
      rules_(rules),
      replicas_(identity_.id, log, reader, *this, clock, settings_.replicas, rules_.replicas),
      metadata_(etcd, settings_.prefix, clock, random,
                [this](const storage::MetadataRecord& record) { apply(record); }),
      lease_(etcd, settings_.prefix + "controller", identity_.id, settings_.controller_lease_ms,
             clock, [this](const std::optional<Lease::Controller>& controller) {
               controller_changed(controller);
             }) {}

void ClusterNode::tick() {
  metadata_.tick();
  lease_.tick();
  if (!node_epoch_ && !registration_ && !is_registering_) register_node();
  if (clock_.monotonic_us() >= beat_at_us_) beat();
  replicas_.tick();
  if (controller_) controller_->tick();
}

// --- Being known

void ClusterNode::register_node() {
  is_registering_ = true;
  storage::ClusterNode node{.id = identity_.id};
  node.directory = identity_.directory;
  node.endpoint = identity_.endpoint;
  node.rack = identity_.rack;
  storage::MetadataCommand command;
  command.parts.push_back(
      {std::string(storage::kClusterPart), storage::encode_register_node(node)});
  metadata_.append(metadata_.last_revision(), command, std::nullopt,
                   [this](const Result<Revision>& revision) {
                     is_registering_ = false;
                     if (revision) registered(*revision);
                   });
}

// The command may have been read before it was known that it was this one.
void ClusterNode::registered(Revision revision) {
  registration_ = revision;
  if (metadata_.last_revision() < revision || node_epoch_) return;
  node_epoch_ = storage::NodeEpoch{revision.value()};
  std::vector<TopicPartition> all;
  for (const auto& [partition, assignment] : cluster()->partitions()) all.push_back(partition);
  replicas_.apply(cluster(), *node_epoch_, all);
}

void ClusterNode::apply(const storage::MetadataRecord& record) {
  std::vector<TopicPartition> changed;
  for (const storage::MetadataPart& part : record.command.parts) {
    if (part.type != storage::kClusterPart) continue;
    const Result<ClusterDelta> delta = table_.apply(part.bytes, record.revision);
    if (delta)
      changed.insert(changed.end(), delta->partitions.begin(), delta->partitions.end());
    else
      log_info("a part of a command is not carried out revision={} error=\"{}\"",
               record.revision.value(), delta.error().message);
  }
  if (node_epoch_)
    replicas_.apply(cluster(), *node_epoch_, changed);
  else if (registration_ == record.revision)
    registered(record.revision);
  if (controller_) controller_->applied(cluster(), record.revision);
}

void ClusterNode::beat() {
  beat_at_us_ = clock_.monotonic_us() + settings_.heartbeat_us;
  if (node_epoch_ && lease_.controller())
    port_.send(lease_.controller()->node,
               Heartbeat{identity_.id, *node_epoch_, metadata_.last_revision()});
}

// --- Deciding

void ClusterNode::controller_changed(const std::optional<Lease::Controller>&) {
  controller_.reset();
  if (!lease_.is_held()) return;
  log_info("this node is the controller node={}", identity_.id.value());
  ControllerPort& port = *this;
  controller_ = std::make_unique<Controller>(port, clock_, settings_.controller, rules_.controller);
  controller_->applied(cluster(), metadata_.last_revision());
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

// --- Messages

void ClusterNode::on_message(NodeId, ClusterMessage message) {
  if (auto* fetch = std::get_if<storage::ReplicaFetch>(&message)) {
    replicas_.on_fetch(*fetch);
  } else if (auto* fetched = std::get_if<storage::ReplicaFetched>(&message)) {
    replicas_.on_fetched(std::move(*fetched));
  } else if (auto* proposal = std::get_if<storage::IsrProposal>(&message)) {
    if (controller_) controller_->on_proposal(std::move(*proposal));
  } else if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
    if (controller_)
      controller_->on_heartbeat(heartbeat->node, heartbeat->epoch, heartbeat->applied);
  }
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
