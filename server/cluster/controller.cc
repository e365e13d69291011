#include "server/cluster/controller.h"

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

#include "base/log.h"
#include "storage/meta/partition_requests.h"

namespace server {

namespace {
// Stands for the time of the last heartbeat of a node whose process is known to have ended, so that the node counts as
// silent at once.
constexpr int64_t kLongAgo = INT64_MIN / 2;
}  // namespace

using storage::ClusterNode;
using storage::IsrProposal;
using storage::PartitionAssignment;
using storage::TopicPartition;

struct Controller::Draft {
  std::set<NodeId> available;  // nodes that are registered and not fenced after the command
  storage::MetadataCommand command;
  size_t size_bytes = 0;   // size of the command's parts
  std::set<NodeId> unfit;  // subset of `available`: nodes that lead only partitions that no other
                           // node can lead
  bool has_changed_nodes = false;
  std::vector<TopicPartition> decided;  // partitions in the command
  bool balances = false;                // moves leadership back to the preferred replicas
  std::map<TopicPartition, std::vector<NodeId>> proposed;  // acceptable ISRs of proposals
  std::vector<TopicPartition> moving;                      // examined partitions that are moving

  void add(std::string part) {
    size_bytes += part.size();
    command.parts.push_back({std::string(storage::kClusterPart), std::move(part)});
  }
  bool is_available(NodeId node) const { return available.contains(node); }
  bool is_full(size_t most_bytes) const { return size_bytes >= most_bytes; }
};

Controller::Controller(ControllerPort& port, const Clock& clock, ControllerSettings settings,
                       ControllerRules rules, bool is_last, std::optional<NodeId> predecessor)
    : port_(port),
      clock_(clock),
      settings_(settings),
      rules_(rules),
      since_us_(clock.monotonic_us()),
      ticked_us_(since_us_),
      balanced_us_(since_us_),
      is_last_(is_last),
      predecessor_(predecessor) {}

void Controller::applied(std::shared_ptr<const storage::ClusterSnapshot> cluster,
                         Revision revision) {
  cluster_ = std::move(cluster);
  revision_ = revision;
  std::erase_if(moves_, [&](const auto& move) { return !is_moving(move.first); });
  must_look_ = true;
  decide();
}

void Controller::applied(std::shared_ptr<const storage::ClusterSnapshot> cluster, Revision revision,
                         std::span<const TopicPartition> changed) {
  assert(revision >= revision_);
  cluster_ = std::move(cluster);
  revision_ = revision;
  changed_.insert(changed.begin(), changed.end());
  for (const TopicPartition& partition : changed)
    if (!is_moving(partition)) moves_.erase(partition);
  decide();
}

void Controller::on_heartbeat(const Heartbeat& heartbeat) {
  const NodeId node = heartbeat.node;
  const storage::NodeEpoch epoch = heartbeat.epoch;
  const auto [place, is_new] = heard_.try_emplace(node);
  Heard& heard = place->second;
  if (!is_new && epoch < heard.epoch) return;  // a late heartbeat of an earlier process
  const bool leaves_now =
      heartbeat.is_leaving && (is_new || !heard.is_leaving || heard.epoch != epoch);
  if (is_new || heard.epoch != epoch) heard = {epoch, 0, Revision{0}, false};
  const int64_t now_us = clock_.monotonic_us();
  if (now_us - heard.at_us > settings_.session_timeout_us) heard.progress.doubt();
  heard.at_us = now_us;
  // Moves of replicas may have waited until this node had read the request for the move. It has
  // read more now, so the partitions of these moves are examined again.
  if (heard.applied < newest_move_)
    for (const auto& [partition, asked] : moves_)
      if (asked > heard.applied && asked <= heartbeat.applied) changed_.insert(partition);
  heard.is_leaving |= heartbeat.is_leaving;  // the announcement to leave remains valid if an older
                                             // heartbeat arrives late
  if (heartbeat.applied >= heard.applied) note_state(heard, heartbeat);
  heard.progress.heard(heartbeat.applied, revision_, now_us);
  must_look_ |= leaves_now;
  // A fenced node that reads no new metadata would continue to act as a leader, so it gets a
  // message that it is fenced.
  const ClusterNode* known = cluster_ ? cluster_->find(node) : nullptr;
  if (known != nullptr && known->epoch == epoch && known->is_fenced &&
      heard.progress.is_late(now_us, settings_.session_timeout_us))
    port_.tell_fenced(node, epoch, revision_);
}

// Stores the state that a heartbeat reports for the node. The caller has checked by the revision
// that the heartbeat is not older than the last one.
void Controller::note_state(Heard& heard, const Heartbeat& heartbeat) const {
  tell_changes(heard, heartbeat);
  heard.applied = heartbeat.applied;
  heard.differing = heartbeat.differing;
  heard.knows = heartbeat.knows;
  heard.disk_is_full = heartbeat.disk_is_full;
  heard.is_out_of_touch = heartbeat.is_out_of_touch;
}

void Controller::tell_changes(const Heard& heard, const Heartbeat& heartbeat) const {
  if (heard.disk_is_full != heartbeat.disk_is_full)
    log_info("the disk of a node {} node={}",
             heartbeat.disk_is_full ? "is full, other nodes lead its partitions where possible"
                                    : "accepts records again",
             heartbeat.node.value());
  if (heard.is_out_of_touch == heartbeat.is_out_of_touch) return;
  if (!heartbeat.is_out_of_touch)
    return log_info("the controller receives heartbeats from a node again node={}",
                    heartbeat.node.value());
  log_warn(
      "a node sends heartbeats and does not receive those of the controller, other nodes lead its "
      "partitions where possible: can the address in its --nodes be reached? node={}",
      heartbeat.node.value());
}

void Controller::on_disconnected(NodeId node) {
  const auto found = heard_.find(node);
  if (found != heard_.end()) {
    found->second.at_us = kLongAgo;
  } else if (const ClusterNode* known = cluster_ ? cluster_->find(node) : nullptr) {
    // The node has sent heartbeats to the previous controller only, and none to this controller.
    heard_[node] = {.epoch = known->epoch, .at_us = kLongAgo, .applied = {}, .is_leaving = false};
  }
}

void Controller::on_proposal(IsrProposal proposal) {
  const TopicPartition partition = proposal.partition;
  proposals_.insert_or_assign(partition, std::move(proposal));
  decide();
}

void Controller::tick() {
  // If this controller was paused itself, it could not receive heartbeats during the pause. This
  // time must not count against the nodes.
  const int64_t now_us = clock_.monotonic_us();
  const int64_t gap_us = now_us - std::exchange(ticked_us_, now_us);
  if (gap_us > settings_.session_timeout_us / 4) {
    since_us_ += gap_us;
    for (auto& [node, heard] : heard_) {
      if (heard.at_us != kLongAgo) heard.at_us += gap_us;
      heard.progress.hold_up(gap_us);
    }
  }
  for (auto& [node, heard] : heard_)
    must_look_ |= heard.progress.notice(now_us, settings_.metadata_lag_max_us);
  if (is_with_majority()) is_last_ = false;
  if (hears_too_few()) return port_.resign();
  decide();
}

NodesProgress Controller::progress() const {
  NodesProgress report{.known = revision_};
  if (!cluster_) return report;
  const int64_t now_us = clock_.monotonic_us();
  const auto ago_ms = [&](int64_t at_us) { return at_us < 0 ? -1 : (now_us - at_us) / 1'000; };
  for (const auto& [id, node] : cluster_->nodes()) {
    NodesProgress::Node& each = report.nodes.emplace_back(NodesProgress::Node{.node = id});
    each.applied = Revision{-1};
    const auto heard = heard_.find(id);
    if (heard == heard_.end() || heard->second.epoch != node.epoch) continue;
    const MetadataProgress& its = heard->second.progress;
    each.applied = its.applied();
    each.heard_ms = ago_ms(its.heard_us());
    each.caught_up_ms = ago_ms(its.caught_up_us());
    each.differing = heard->second.differing;
    each.knows = heard->second.knows;
  }
  return report;
}

bool Controller::hears_too_few() const {
  return !is_last_ && clock_.monotonic_us() - since_us_ > settings_.session_timeout_us &&
         !is_with_majority();
}

size_t Controller::majority() const {
  size_t expected = 0;
  for (const auto& [id, node] : cluster_->nodes()) {
    const auto heard = heard_.find(id);
    if (heard == heard_.end() || heard->second.at_us != kLongAgo) ++expected;
  }
  return expected / 2 + 1;
}

bool Controller::hears_most_now(int64_t now_us) const {
  size_t heard_now = 0;
  for (const auto& [id, node] : cluster_->nodes()) {
    const auto heard = heard_.find(id);
    if (heard != heard_.end() && now_us - heard->second.at_us <= settings_.session_timeout_us / 2)
      ++heard_now;
  }
  return heard_now >= majority();
}

// Returns whether the controller may keep its role. Two conditions hold then: it hears a majority,
// and the nodes that do not hear it are less than a majority, so they could not elect another
// controller.
bool Controller::is_with_majority() const {
  if (!cluster_) return false;
  const int64_t now_us = clock_.monotonic_us();
  size_t alive = 0, do_not_hear = 0;
  for (const auto& [id, node] : cluster_->nodes()) {
    if (!heard_.contains(id) || !is_alive(node, now_us)) continue;
    ++alive;
    if (is_out_of_touch(node)) ++do_not_hear;
  }
  return alive >= majority() && do_not_hear < majority();
}

// Returns whether the node is alive, by its last heartbeat. If a node has sent no heartbeat to this
// controller, it may have sent heartbeats to the previous one. So it counts as alive for one
// session timeout after this controller has taken its role. The previous controller itself counts
// as alive for half of this time.
bool Controller::is_alive(const ClusterNode& node, int64_t now_us) const {
  const auto found = heard_.find(node.id);
  if (found != heard_.end() && found->second.epoch == node.epoch)
    return now_us - found->second.at_us <= settings_.session_timeout_us;
  const int64_t patience_us = settings_.session_timeout_us / (node.id == predecessor_ ? 2 : 1);
  return !node.is_fenced && now_us - since_us_ <= patience_us;
}

void Controller::decide() {
  if (is_appending_ || !cluster_ || hears_too_few()) return;
  Draft draft;
  decide_nodes(draft);
  take_proposals(draft);
  draft.balances = clock_.monotonic_us() - balanced_us_ > settings_.balance_us;
  if (draft.balances) balanced_us_ = clock_.monotonic_us();
  must_look_at_all(draft) ? look_at_all(draft) : look_at_changed(draft);
  remember_moves(draft);
  // If the command is full, some partitions were not balanced. They are balanced with the next
  // decision instead of after a whole period.
  if (draft.balances && draft.is_full(settings_.max_command_bytes))
    balanced_us_ -= settings_.balance_us;
  if (draft.command.parts.empty()) return;
  assert(
      // one command in flight, because the next decision needs the outcome of the previous one
      !is_appending_);
  is_appending_ = true;
  port_.append(revision_, std::move(draft.command),
               [this, decided = std::move(draft.decided),
                alive = std::weak_ptr<const char>(alive_)](const Result<Revision>&) {
                 if (alive.expired()) return;
                 // The result is not needed, because the metadata log shows whether the command was
                 // appended. If this node makes the next decision before it has read the command,
                 // the next append fails, and the decision is made again.
                 is_appending_ = false;
                 changed_.insert(decided.begin(), decided.end());
               });
}

bool Controller::must_look_at_all(const Draft& draft) const {
  return must_look_ || draft.balances || draft.has_changed_nodes || draft.available != available_ ||
         draft.unfit != unfit_;
}

void Controller::look_at_all(Draft& draft) {
  for (const auto& [partition, known] : cluster_->partitions()) decide_partition(draft, known);
  // If the command is full, the remaining partitions are decided after it.
  must_look_ = draft.is_full(settings_.max_command_bytes);
  available_ = draft.available;
  unfit_ = draft.unfit;
  changed_.clear();
}

void Controller::look_at_changed(Draft& draft) {
  std::set<TopicPartition> to_look_at = std::exchange(changed_, {});
  for (const auto& [partition, isr] : draft.proposed) to_look_at.insert(partition);
  for (const TopicPartition& partition : to_look_at) {
    const PartitionAssignment* known = cluster_->find(partition);
    if (known == nullptr) continue;
    if (draft.is_full(settings_.max_command_bytes))
      changed_.insert(partition);
    else
      decide_partition(draft, *known);
  }
}

// Returns true if the partition needs no decision. This test is cheap and copies no assignment;
// most partitions pass it.
bool Controller::is_settled(const Draft& draft, const PartitionAssignment& known) const {
  return may_stay(draft, known) && !known.is_moving() && known.eligible.empty() &&
         std::ranges::all_of(known.isr, [&](NodeId node) { return draft.is_available(node); }) &&
         !draft.proposed.contains(known.partition);
}

bool Controller::is_behind(NodeId node) const {
  const auto heard = heard_.find(node);
  return rules_.fences_who_is_behind && heard != heard_.end() && heard->second.progress.is_behind();
}

const Controller::Heard* Controller::find_heard(const ClusterNode& node) const {
  const auto heard = heard_.find(node.id);
  return heard == heard_.end() || heard->second.epoch != node.epoch ? nullptr : &heard->second;
}

bool Controller::is_out_of_touch(const ClusterNode& node) const {
  const Heard* const heard = find_heard(node);
  return heard != nullptr && heard->is_out_of_touch && rules_.heeds_who_is_out_of_touch;
}

// Returns whether the node should lead only those partitions that no other node can lead, because
// it is out of touch. If a majority of nodes is out of touch, the reason is probably this
// controller itself, so the result is then false.
bool Controller::is_unfit(const ClusterNode& node) const {
  const Heard* const heard = find_heard(node);
  return heard != nullptr &&
         (heard->is_leaving || (heard->disk_is_full && rules_.spares_full_disks) ||
          (is_out_of_touch(node) && is_with_majority()));
}

bool Controller::leads_alone(const Draft& draft, NodeId node) const {
  return std::ranges::any_of(cluster_->partitions(), [&](const auto& entry) {
    const PartitionAssignment& assignment = entry.second;
    return assignment.leader == node && !std::ranges::any_of(assignment.isr, [&](NodeId other) {
             return other != node && draft.is_available(other);
           });
  });
}

// Returns whether the node is alive and reads the metadata. A fenced node must also have read its
// new registration, and have read further commands since then; otherwise it would continue in the
// role that it had before it was fenced.
bool Controller::is_fit(const ClusterNode& node, int64_t now_us) const {
  if (!is_alive(node, now_us) || is_behind(node.id)) return false;
  if (!node.is_fenced) return true;
  const Heard& heard = heard_.at(node.id);
  return heard.applied >= Revision{node.epoch.value()} &&
         (heard.progress.makes_progress() || !rules_.fences_who_is_behind);
}

void Controller::decide_nodes(Draft& draft) const {
  const int64_t now_us = clock_.monotonic_us();
  // If this controller itself is cut off, the sessions of some nodes expire before the sessions of other nodes. Fencing
  // the first nodes could leave the controller's node as the only replica in sync. So a silent node is fenced only if a
  // majority was heard within half a session. Otherwise the controller waits, and resigns soon if this state lasts
  // (hears_too_few()).
  const bool waits = !is_last_ && !hears_most_now(now_us);
  const auto is_waited_for = [&](const ClusterNode& node) {
    const Heard* heard = find_heard(node);
    return waits && !node.is_fenced && heard && heard->at_us != kLongAgo && !is_behind(node.id);
  };
  for (const auto& [id, node] : cluster_->nodes())
    if (is_fit(node, now_us) || is_waited_for(node)) draft.available.insert(id);
  for (const auto& [id, node] : cluster_->nodes()) {
    // A node is not fenced while it leads partitions that no other node can lead. It keeps only
    // these partitions.
    if (is_behind(id) && !node.is_fenced && is_alive(node, now_us) && leads_alone(draft, id)) {
      draft.available.insert(id);
      draft.unfit.insert(id);
    }
    if (is_unfit(node)) draft.unfit.insert(id);
    const bool is_fenced = !draft.is_available(id);
    if (is_fenced == node.is_fenced) continue;
    tell_fence(id, is_fenced);
    draft.has_changed_nodes = true;
    draft.add(storage::encode_fence_node(id, node.epoch, is_fenced));
  }
}

void Controller::tell_fence(NodeId node, bool is_fenced) const {
  if (!is_fenced || !is_behind(node))
    return log_info("a node is {} node={}", is_fenced ? "fenced" : "there", node.value());
  const Heard& heard = heard_.at(node);
  log_warn(
      "a node does not read the metadata and is fenced: can it reach etcd? node={} read={} of={}",
      node.value(), heard.applied.value(), heard.progress.goal().value());
}

bool Controller::is_acceptable(const Draft& draft, const IsrProposal& proposal,
                               const PartitionAssignment& known) const {
  if (rules_.checks_versions &&
      (known.leader != proposal.leader || known.leader_epoch != proposal.leader_epoch ||
       known.version != proposal.version))
    return false;
  const auto is_the_same = [&](NodeId id, storage::NodeEpoch epoch) {
    const ClusterNode* node = cluster_->find(id);
    return node != nullptr && draft.is_available(id) &&
           (node->epoch == epoch || !rules_.checks_node_epochs);
  };
  return is_the_same(proposal.leader, proposal.node_epoch) &&
         std::ranges::all_of(proposal.isr, [&](const IsrProposal::Member& member) {
           return known.has_replica(member.node) && is_the_same(member.node, member.epoch);
         });
}

// Adds the acceptable proposals of leaders to the draft. A refused proposal was made for an older assignment: the
// leader will read the newer assignment and propose again.
void Controller::take_proposals(Draft& draft) {
  for (const auto& [partition, proposal] : std::exchange(proposals_, {})) {
    const PartitionAssignment* known = cluster_->find(partition);
    if (known == nullptr || !is_acceptable(draft, proposal, *known)) continue;
    std::vector<NodeId>& isr = draft.proposed[partition];
    for (const NodeId node : known->replicas)
      if (std::ranges::find(proposal.isr, node, &IsrProposal::Member::node) != proposal.isr.end())
        isr.push_back(node);
  }
}

// Returns the first available replica in the order of preference: replicas in sync come before replicas that are only
// eligible.
std::optional<NodeId> Controller::elect(const Draft& draft,
                                        const PartitionAssignment& assignment) const {
  const auto first = [&](const auto& may_lead) -> std::optional<NodeId> {
    for (const NodeId node : assignment.replicas)
      if (draft.is_available(node) && may_lead(node)) return node;
    return std::nullopt;
  };
  if (!rules_.elects_from_isr) return first([](NodeId) { return true; });
  const auto stays = [&](NodeId node) {
    return assignment.is_in_sync(node) && !draft.unfit.contains(node);
  };
  if (const auto staying = first(stays)) return staying;
  const auto& leader = assignment.leader;
  // If the leader is out of touch and too few replicas are in sync, the partition would accept no
  // records. An eligible replica then takes over.
  if (leader && draft.unfit.contains(*leader) && is_out_of_touch(*cluster_->find(*leader)) &&
      assignment.isr.size() < assignment.least_in_sync(settings_.min_insync_replicas))
    if (const auto heir = first([&](NodeId node) {
          return assignment.is_eligible(node) && !draft.unfit.contains(node);
        }))
      return heir;
  // The current leader keeps the partition, because no other replica is better.
  if (leader && draft.is_available(*leader) && assignment.is_in_sync(*leader)) return leader;
  // A node that does not read the decisions would not learn that it is the leader, so the other
  // nodes are preferred.
  if (const auto reads =
          first([&](NodeId node) { return assignment.is_in_sync(node) && !is_behind(node); }))
    return reads;
  if (const auto in_sync = first([&](NodeId node) { return assignment.is_in_sync(node); }))
    return in_sync;
  return first([&](NodeId node) { return assignment.is_eligible(node); });
}

// Returns whether the leader can keep the partition. The other replicas are not examined.
bool Controller::may_stay(const Draft& draft, const PartitionAssignment& assignment) const {
  const auto& leader = assignment.leader;
  if (!leader || !draft.is_available(*leader) || !assignment.is_in_sync(*leader)) return false;
  const bool is_away_from_home = draft.balances && *leader != assignment.replicas.front();
  return !draft.unfit.contains(*leader) && !is_away_from_home;
}

void Controller::remember_moves(const Draft& draft) {
  for (const TopicPartition& partition : draft.moving)
    if (moves_.try_emplace(partition, revision_).second) newest_move_ = revision_;
}

bool Controller::is_moving(const TopicPartition& partition) const {
  const PartitionAssignment* known = cluster_->find(partition);
  return known != nullptr && known->is_moving();
}

void Controller::decide_partition(Draft& draft, const PartitionAssignment& known) const {
  if (draft.is_full(settings_.max_command_bytes) || is_settled(draft, known)) return;
  PartitionAssignment next = known;
  if (known.is_moving()) draft.moving.push_back(known.partition);
  const auto proposed = draft.proposed.find(known.partition);
  if (proposed != draft.proposed.end()) next.isr = proposed->second;
  std::erase_if(next.isr, [&](NodeId node) { return !draft.is_available(node); });
  if (next.isr.empty()) next.isr = known.isr;
  const bool have_gone = finish_move(draft, next);
  if (!may_stay(draft, next)) {
    next.leader = elect(draft, next);
    if (next.leader && !next.is_in_sync(*next.leader)) next.isr = {*next.leader};
  }
  keep_eligible(next, known);
  if (next.leader != known.leader || (have_gone && rules_.raises_epoch_of_moved))
    ++next.leader_epoch;
  // A proposal that repeats the current state requests a newer version, which makes all older proposals invalid.
  if (next == known && proposed == draft.proposed.end()) return;
  assert(!next.isr.empty() || known.isr.empty());  // invariant 2
  assert(!next.leader || (next.is_in_sync(*next.leader) && next.has_replica(*next.leader) &&
                          draft.is_available(*next.leader)));  // invariant 1
  assert(next.leader == known.leader || next.leader_epoch > known.leader_epoch);
  ++next.version;
  draft.decided.push_back(next.partition);
  draft.add(storage::encode_assign_partition(next));
}

// Returns whether the node has read the request for the move. The reason for this check: a replica
// that lost its disk before the request still counts as in sync until the loss is detected. A node
// that has just lost its disk has not read the request.
bool Controller::has_read_of_move(const TopicPartition& partition, NodeId node) const {
  const auto move = moves_.find(partition);
  const Heard* heard = find_heard(*cluster_->find(node));
  return heard != nullptr && heard->applied >= (move == moves_.end() ? revision_ : move->second);
}

bool Controller::finish_move(const Draft& draft, PartitionAssignment& next) const {
  PartitionAssignment ready = next;
  if (!rules_.waits_for_new_replicas) ready.isr = ready.replicas;
  auto done = storage::completed_move(ready, settings_.min_insync_replicas);
  // A replica whose node is down remains in the ISR if it was the last one in sync. So the
  // availability of the node is checked, too.
  if (!done || !std::ranges::all_of(done->isr, [&](NodeId node) {
        return draft.is_available(node) && has_read_of_move(next.partition, node);
      }))
    return false;
  const bool have_gone = !next.removing.empty();
  next = *std::move(done);
  return have_gone;
}

void Controller::keep_eligible(PartitionAssignment& next, const PartitionAssignment& known) const {
  next.eligible.clear();
  if (next.isr.size() >= next.least_in_sync(settings_.min_insync_replicas)) return;
  for (const NodeId node : next.replicas)
    if (!next.is_in_sync(node) && (known.is_in_sync(node) || known.is_eligible(node)))
      next.eligible.push_back(node);
}

}  // namespace server
