#include "server/kafka/fetch_sessions.h"

#include <algorithm>
#include <optional>

#include "server/kafka/wire_errors.h"

namespace server::kafka {

// --- One session

std::string FetchSession::key_of(const std::string& name, const Uuid& id) const {
  return uses_topic_ids_ ? id.to_string() : name;
}

void FetchSession::forget(const FetchRequest::ForgottenTopic& topic) {
  const auto found = topics_.find(key_of(topic.topic, topic.topic_id));
  if (found == topics_.end()) return;
  for (const int32_t index : topic.partitions) {
    const auto place = found->second.by_index.find(index);
    if (place == found->second.by_index.end()) continue;
    partitions_.erase(place->second);
    found->second.by_index.erase(place);
  }
  if (!found->second.by_index.empty()) return;
  names_size_ -= found->first.size();
  topics_.erase(found);
}

void FetchSession::update(const FetchRequest& request) {
  for (const FetchRequest::Topic& topic : request.topics) {
    if (topic.partitions.empty()) continue;
    const auto [found, is_new] = topics_.try_emplace(key_of(topic.topic, topic.topic_id));
    Places& places = found->second;
    if (is_new) {
      places.topic = std::make_shared<Topic>(Topic{topic.topic, topic.topic_id});
      names_size_ += found->first.size();
    }
    for (const FetchRequest::Topic::Partition& asked : topic.partitions) {
      const auto place = places.by_index.find(asked.partition);
      if (place != places.by_index.end()) {
        place->second->asked = asked;
        continue;
      }
      partitions_.push_back({places.topic, asked});
      places.by_index.emplace(asked.partition, std::prev(partitions_.end()));
    }
  }
  for (const FetchRequest::ForgottenTopic& topic : request.forgotten_topics_data) forget(topic);
}

void FetchSession::note_told(const FetchResponse& response) {
  for (const FetchResponse::Topic& topic : response.responses) {
    const auto found = topics_.find(key_of(topic.topic, topic.topic_id));
    if (found == topics_.end()) continue;
    for (const FetchResponse::Topic::Partition& told : topic.partitions) {
      const auto place = found->second.by_index.find(told.partition_index);
      if (place == found->second.by_index.end()) continue;
      const bool has_failed = told.error_code != KafkaError::None;
      place->second->high_watermark = has_failed ? -1 : told.high_watermark;
      place->second->log_start_offset = told.log_start_offset;
    }
  }
}

size_t FetchSession::size_bytes() const {
  // The constants include the memory for the nodes of the list and the maps.
  constexpr size_t kPerPartition = sizeof(Partition) + 64, kPerTopic = 256;
  return partitions_.size() * kPerPartition + topics_.size() * kPerTopic + 2 * names_size_;
}

// --- All sessions

FetchSessions::Taken FetchSessions::take(int32_t id, int32_t epoch, bool uses_topic_ids) {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return {kFetchSessionNotFound, nullptr};
  Entry& entry = found->second;
  if (entry.is_in_use || entry.next_epoch != epoch) return {kInvalidFetchSessionEpoch, nullptr};
  if (entry.session->uses_topic_ids() != uses_topic_ids)
    return {kFetchSessionTopicIdError, nullptr};
  entry.is_in_use = true;
  entry.next_epoch = epoch == INT32_MAX ? 1 : epoch + 1;
  note_use(id, entry);
  return {KafkaError::None, std::make_unique<Use>(*this, id, entry.session)};
}

bool FetchSessions::resize(const Use& use) {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(use.id());
  if (found == entries_.end()) return false;
  found->second.partition_count = use->partitions().size();
  if (found->second.charge.try_resize(use->size_bytes())) return true;
  erase(found);
  return false;
}

int32_t FetchSessions::add(std::shared_ptr<FetchSession> session) {
  OwnedCharge charge(memory_, MemoryKind::Connections);
  if (!charge.try_resize(session->size_bytes())) return 0;
  const int64_t now_ms = clock_.monotonic_us() / 1000;
  const size_t partition_count = session->partitions().size();
  std::lock_guard lock(mutex_);
  if (entries_.size() >= slots_ && !make_room(partition_count, now_ms)) return 0;
  int32_t id;
  do id = static_cast<int32_t>(random_.next() & INT32_MAX);
  while (id == 0 || entries_.contains(id));
  entries_.emplace(id,
                   Entry{std::move(session), std::move(charge), now_ms, now_ms, partition_count});
  by_use_.emplace(now_ms, id);
  return id;
}

bool FetchSessions::make_room(size_t partition_count, int64_t now_ms) {
  if (by_use_.empty()) return false;
  if (const auto [used_ms, id] = *by_use_.begin(); now_ms - used_ms > kEvictionMs) {
    erase(entries_.find(id));
    return true;
  }
  // The scan of all sessions is slow but rare: it happens only when a client begins a session while all slots are
  // taken.
  auto smallest = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry)
    if (now_ms - entry->second.created_ms > kEvictionMs &&
        (smallest == entries_.end() ||
         entry->second.partition_count < smallest->second.partition_count))
      smallest = entry;
  if (smallest == entries_.end() || smallest->second.partition_count > partition_count)
    return false;
  erase(smallest);
  return true;
}

void FetchSessions::note_use(int32_t id, Entry& entry) {
  by_use_.erase({entry.used_ms, id});
  entry.used_ms = clock_.monotonic_us() / 1000;
  by_use_.emplace(entry.used_ms, id);
}

void FetchSessions::give_back(int32_t id) {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  found->second.is_in_use = false;
  note_use(id, found->second);
}

void FetchSessions::close(int32_t id) {
  std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(id); found != entries_.end()) erase(found);
}

void FetchSessions::erase(Entries::iterator entry) {
  by_use_.erase({entry->second.used_ms, entry->first});
  entries_.erase(entry);
}

size_t FetchSessions::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace server::kafka
