// The stored state of partitions, which their leaders read and change.
#include <utility>

#include "base/bytes.h"
#include "server/coordinator/share_group.h"

namespace server::coordinator {

void ShareGroup::charge(Shared& shared) {
  const size_t bytes = shared.state.memory_bytes();
  if (bytes > shared.charged)
    around_.size.grow(bytes - shared.charged);
  else
    around_.size.shrink(shared.charged - bytes);
  shared.charged = bytes;
}

// State epochs are random, so that a leader which has read the state of a deleted group cannot change the state of a
// new group with the same name. 0 stands for a state that no leader has read.
int32_t ShareGroup::new_state_epoch() const {
  const Uuid id = around_.new_id();
  uint32_t epoch = 0;
  for (size_t at = 0; at < id.bytes.size(); at += sizeof(epoch))
    epoch = epoch * 31 + load_be<uint32_t>(reinterpret_cast<const char*>(id.bytes.data()) + at);
  constexpr uint32_t kMost = INT32_MAX;
  return static_cast<int32_t>(epoch % kMost) + 1;
}

// The answer is sent when the new epochs are durable. The state before them is then durable, too, so the leader never
// works with a change that could be lost together with the coordinator.
void ShareGroup::read(const ReadShareState& request, Done<ShareStateRead> done) {
  ShareStateRead answer;
  for (const ReadShareState::Partition& each : request.partitions) {
    ShareStateRead::Partition& part = answer.partitions.emplace_back();
    part.id = each.id;
    if (!is_there(each.id)) {
      part.error = kUnknownTopicOfId;
      continue;
    }
    Shared& shared = shared_[each.id];
    charge(shared);
    if (each.leader_epoch < shared.leader_epoch) {
      part.error = KafkaError::FencedLeaderEpoch;
      continue;
    }
    shared.leader_epoch = each.leader_epoch;
    shared.state_epoch = part.state_epoch = new_state_epoch();
    shared.sequence = 0;
    // No state is stored for a partition that the group does not read yet. If another node becomes the coordinator, it
    // refuses the leader's first change, and the leader reads the state again.
    if (!shared.state.has_begun()) continue;
    part.start = shared.state.start();
    part.batches = batches_of(shared.state.kept(shared.state.start(), shared.state.end()));
    put_whole(each.id, shared);
  }
  commit([request, answer = std::move(answer), done = std::move(done)](KafkaError error) mutable {
    done(error == KafkaError::None ? std::move(answer) : request.refusal(error));
  });
}

KafkaError ShareGroup::apply(const WriteShareState::Partition& change, int64_t sequence) {
  if (!is_there(change.id)) return kUnknownTopicOfId;
  const auto found = shared_.find(change.id);
  if (found == shared_.end() || found->second.state_epoch != change.state_epoch)
    return kFencedStateEpoch;
  Shared& shared = found->second;
  if (change.leader_epoch < shared.leader_epoch) return KafkaError::FencedLeaderEpoch;
  // A repeated request that arrives after a later one would undo the later changes, so it is refused.
  if (sequence < shared.sequence) return kFencedStateEpoch;
  const auto ranges = kept_of(change.batches);
  if (!ranges || change.start < 0) return KafkaError::InvalidRequest;
  shared.sequence = sequence;
  shared.state.apply_change(change.start, *ranges);
  if (shared.state.has_changed()) changed_.insert(change.id);
  charge(shared);
  return KafkaError::None;
}

void ShareGroup::write(const WriteShareState& request, Done<ShareStateWritten> done) {
  ShareStateWritten answer;
  for (const WriteShareState::Partition& each : request.partitions)
    answer.partitions.push_back({each.id, apply(each, request.sequence)});
  commit([answer = std::move(answer), done = std::move(done)](KafkaError error) mutable {
    answer.error = error;
    done(std::move(answer));
  });
}

}  // namespace server::coordinator
