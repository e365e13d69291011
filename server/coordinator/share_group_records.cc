// The stored state of a share group.
#include <algorithm>
#include <utility>

#include "server/coordinator/share_group.h"

namespace server::coordinator {

namespace {

// If a partition has at most this number of ranges, each record stores all of them. Otherwise a record stores only the
// changes, until the changes are larger than the last full record.
constexpr size_t kFewRanges = 24;
// The number of slots (one per Change record) after which a Progress record is written.
constexpr int32_t kMostSlots = 1'000;

}  // namespace

Status ShareGroup::restore(const ShareGroupKey& key, std::optional<std::string_view> value) {
  switch (key.kind) {
    case ShareGroupRecord::Group:
      epoch_ = value ? TRY(decode_share_epoch(*value)) : 0;
      return {};
    case ShareGroupRecord::Member:
      if (!value) {
        members_.erase(key.member_id);
        return {};
      }
      members_[key.member_id] = {.id = key.member_id,
                                 .said = TRY(decode_share_member(*value)),
                                 .epoch = -1,
                                 .previous_epoch = -1};
      return {};
    case ShareGroupRecord::Progress:
    case ShareGroupRecord::Change:
      break;
  }
  if (!value) {
    if (key.kind == ShareGroupRecord::Progress) shared_.erase(key.partition);
    return {};
  }
  const ShareProgressValue read = TRY(decode_share_progress(*value));
  if (key.kind == ShareGroupRecord::Progress) {
    Shared& shared = shared_[key.partition];
    shared.state.restore(read.start, read.ranges);
    shared.number = read.number;
    shared.leader_epoch = read.leader_epoch;
    shared.state_epoch = read.state_epoch;
    shared.slots = 0;
    shared.change_bytes = 0;
    shared.progress_bytes = value->size();
    return {};
  }
  const auto found = shared_.find(key.partition);
  if (found == shared_.end()) return {};  // a tombstone has deleted the partition's Progress record
  Shared& shared = found->second;
  shared.most_slots = std::max(shared.most_slots, key.slot + 1);
  if (read.number != shared.number) return {};  // the last Progress record includes this change
  shared.state.restore_change(read.start, read.ranges);
  shared.slots = std::max(shared.slots, key.slot + 1);
  shared.change_bytes += value->size();
  return {};
}

void ShareGroup::put_epoch() {
  changes_.add({encode(ShareGroupKey{ShareGroupRecord::Group, id_}), encode_share_epoch(epoch_)});
}

void ShareGroup::put(const Member& member) {
  changes_.add(
      {encode(ShareGroupKey{ShareGroupRecord::Member, id_, member.id}), encode(member.said)});
}

void ShareGroup::put_whole(const TopicIdPartition& id, Shared& shared) {
  ShareProgressValue value{++shared.number, shared.state.start(),
                           shared.state.kept(shared.state.start(), shared.state.end()),
                           shared.leader_epoch, shared.state_epoch};
  // Available ranges at the end that were never delivered are not stored: offsets after the stored ranges count as
  // available and undelivered anyway.
  while (!value.ranges.empty() && value.ranges.back().second.state == RecordState::Available &&
         value.ranges.back().second.delivery_count == 0)
    value.ranges.pop_back();
  std::string bytes = encode(value);
  shared.slots = 0;
  shared.change_bytes = 0;
  shared.progress_bytes = bytes.size();
  shared.state.forget_changes();
  changes_.add(
      {encode(ShareGroupKey{.kind = ShareGroupRecord::Progress, .group_id = id_, .partition = id}),
       std::move(bytes)});
}

void ShareGroup::put_change(const TopicIdPartition& id, Shared& shared) {
  const bool is_enough = shared.change_bytes > shared.progress_bytes || shared.slots >= kMostSlots;
  if (shared.state.ranges().size() <= kFewRanges || shared.number == 0 || is_enough)
    return put_whole(id, shared);
  ShareProgressValue value{.number = shared.number, .start = shared.state.start()};
  for (const SharePartition::Change& change : shared.state.changes())
    std::ranges::move(shared.state.kept(change.first, change.end),
                      std::back_inserter(value.ranges));
  std::string bytes = encode(value);
  shared.change_bytes += bytes.size();
  shared.state.forget_changes();
  changes_.add({encode(ShareGroupKey{.kind = ShareGroupRecord::Change,
                                     .group_id = id_,
                                     .partition = id,
                                     .slot = shared.slots++}),
                std::move(bytes)});
  shared.most_slots = std::max(shared.most_slots, shared.slots);
}

void ShareGroup::put_changed() {
  for (const TopicIdPartition& id : std::exchange(changed_, {}))
    if (const auto found = shared_.find(id);
        found != shared_.end() && found->second.state.has_changed())
      put_change(id, found->second);
}

void ShareGroup::put_all() {
  put_epoch();
  for (const auto& [id, member] : members_) put(member);
  for (auto& [id, shared] : shared_)
    if (shared.state.has_begun()) put_whole(id, shared);
}

void ShareGroup::add_tombstones(const std::string& group, const TopicIdPartition& id,
                                const Shared& shared, std::vector<StoredRecord>& to) {
  for (int32_t slot = 0; slot < shared.most_slots; ++slot)
    to.push_back(
        {encode(ShareGroupKey{
             .kind = ShareGroupRecord::Change, .group_id = group, .partition = id, .slot = slot}),
         std::nullopt});
  to.push_back({encode(ShareGroupKey{
                    .kind = ShareGroupRecord::Progress, .group_id = group, .partition = id}),
                std::nullopt});
}

std::map<TopicIdPartition, ShareGroup::Shared>::iterator ShareGroup::erase(
    std::map<TopicIdPartition, Shared>::iterator shared) {
  std::vector<StoredRecord> tombstones;
  add_tombstones(id_, shared->first, shared->second, tombstones);
  changes_.add(std::move(tombstones));
  around_.size.shrink(shared->second.charged);
  return shared_.erase(shared);
}

std::vector<StoredRecord> ShareGroup::tombstones() const {
  std::vector<StoredRecord> all = changes_.undeleted();
  for (const auto& [id, member] : members_)
    all.push_back({encode(ShareGroupKey{ShareGroupRecord::Member, id_, id}), std::nullopt});
  for (const auto& [id, shared] : shared_) add_tombstones(id_, id, shared, all);
  all.push_back({encode(ShareGroupKey{ShareGroupRecord::Group, id_}), std::nullopt});
  return all;
}

void ShareGroup::commit(Done<KafkaError> done) {
  if (has_ended_) return done(kNotCoordinator);
  put_changed();
  changes_.commit([this] { put_all(); }, std::move(done));
}

}  // namespace server::coordinator
