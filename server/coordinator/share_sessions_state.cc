// The state of the partitions that this node leads: it is read from the group's coordinator, which stores all changes.
#include <algorithm>
#include <cassert>
#include <utility>

#include "server/coordinator/group_errors.h"
#include "server/coordinator/share_records.h"
#include "server/coordinator/share_sessions.h"

namespace server::coordinator {

namespace {

constexpr int64_t kLookUs = 100'000;  // pause before failed requests are repeated
// A change is repeated this long while the coordinator moves. Clients wait 30 s for an answer by default.
constexpr int64_t kWritePatienceUs = 25'000'000;
// Limit for the writes in flight on a single server, where writes stay in order. In a cluster the limit is 1.
constexpr size_t kMostWrites = 64;

// The error of a change that the coordinator has refused, as in Kafka: the client looks for the new leader.
KafkaError client_error(KafkaError error) {
  const bool is_fenced = error == KafkaError::FencedLeaderEpoch || error == kFencedStateEpoch;
  return is_fenced ? KafkaError::NotLeaderOrFollower : error;
}

bool is_of_coordinator(KafkaError error) {
  return error == kNotCoordinator || error == kCoordinatorLoadInProgress ||
         error == KafkaError::CoordinatorNotAvailable;
}

}  // namespace

template <class Answer>
Done<Answer> ShareSessions::while_alive(std::function<void(const Answer&)> take) {
  return [weak = std::weak_ptr(alive_), take = std::move(take)](const Answer& answer) {
    if (!weak.expired()) take(answer);
  };
}

// --- Reading

Result<ShareSessions::Shared*> ShareSessions::find(const TopicIdPartition& id) {
  const Result<int32_t> leads = around_.shared_log->leader_epoch(id);
  auto found = shared_.find(id);
  if (found != shared_.end() && (!leads || found->second.leader_epoch != *leads)) {
    drop(id);
    found = shared_.end();
  }
  if (!leads) return leads.error();
  if (found == shared_.end()) {
    found = shared_.emplace(id, Shared{.leader_epoch = *leads}).first;
    charge(found->second);
  }
  if (found->second.stage == Stage::Read) return &found->second;
  if (found->second.stage == Stage::Unread) look_later();
  return nullptr;
}

void ShareSessions::read(const std::set<TopicIdPartition>& ids) {
  ReadShareState request{.group_id = id_};
  Reading reading{.partitions = {}, .place = place()};
  for (const TopicIdPartition& id : ids) {
    const auto found = shared_.find(id);
    if (found == shared_.end() || found->second.stage != Stage::Unread) continue;
    found->second.stage = Stage::Reading;
    request.partitions.push_back({id, found->second.leader_epoch});
    reading.partitions.push_back(id);
  }
  if (reading.partitions.empty()) return;
  const uint64_t number = ++last_number_;
  reads_.emplace(number, std::move(reading));
  coordinator_.read(std::move(request), while_alive<ShareStateRead>(
                                            [this, number](const auto& a) { on_read(number, a); }));
  if (coordinator_.find) look_later();
}

void ShareSessions::install(Shared& shared, const ShareStateRead::Partition& from) {
  const auto ranges = kept_of(from.batches);
  if (!ranges) {
    shared.stage = Stage::Unread;
    return;
  }
  shared.stage = Stage::Read;
  shared.state_epoch = from.state_epoch;
  if (from.start >= 0) shared.state.restore(from.start, *ranges);
  shared.state.forget_changes();
  charge(shared);
}

void ShareSessions::on_read(uint64_t number, const ShareStateRead& answer) {
  const auto read = reads_.extract(number);
  if (read.empty()) return;  // it was given up
  if (answer.error == kGroupIdNotFound) return end(kGroupIdNotFound);
  const std::vector<TopicIdPartition>& ids = read.mapped().partitions;
  const bool is_answer = answer.error == KafkaError::None && answer.partitions.size() == ids.size();
  std::vector<TopicIdPartition> ready;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto found = shared_.find(ids[i]);
    if (found == shared_.end() || found->second.stage != Stage::Reading) continue;
    const KafkaError error = is_answer ? answer.partitions[i].error : answer.error;
    if (is_answer && error == KafkaError::None) {
      install(found->second, answer.partitions[i]);
      ready.push_back(ids[i]);
    } else if (error == kUnknownTopicOfId) {
      drop(ids[i]);
    } else {
      found->second.stage = Stage::Unread;
      look_later();
    }
  }
  serve_early();
  for (const TopicIdPartition& id : ready) wake(id);
  if (!changed_.empty()) commit([](const Stored&) {});
}

// Forgets the state of a partition. Members keep the records that they have acquired, but cannot acknowledge them.
void ShareSessions::drop(const TopicIdPartition& id) {
  const auto found = shared_.find(id);
  if (found == shared_.end()) return;
  around_.deadlines.cancel(found->second.lock);
  around_.size.shrink(found->second.charged);
  shared_.erase(found);
  changed_.erase(id);
  for (auto& [member, session] : sessions_) session.lent.erase(id);
  if (waiting_.contains(id)) look_later();
}

void ShareSessions::read_again() {
  std::vector<TopicIdPartition> all;
  for (const auto& [id, shared] : shared_) all.push_back(id);
  for (const TopicIdPartition& id : all) drop(id);
}

// --- Writing

void ShareSessions::gather_changes() {
  for (const TopicIdPartition& id : std::exchange(changed_, {})) {
    const auto found = shared_.find(id);
    if (found == shared_.end() || !found->second.state.has_changed()) continue;
    Shared& shared = found->second;
    WriteShareState::Partition& to = next_[{id, shared.state_epoch}];
    to.id = id;
    to.leader_epoch = shared.leader_epoch;
    to.state_epoch = shared.state_epoch;
    to.start = shared.state.start();
    for (const SharePartition::Change& change : shared.state.changes())
      std::ranges::move(batches_of(shared.state.kept(change.first, change.end)),
                        std::back_inserter(to.batches));
    shared.state.forget_changes();
  }
}

void ShareSessions::commit(Done<Stored> done) {
  gather_changes();
  if (next_.empty()) {
    if (writes_.empty()) return done({});
    writes_.back().done.push_back(std::move(done));
    return;
  }
  next_done_.push_back(std::move(done));
  begin_write();
}

void ShareSessions::begin_write() {
  if (next_.empty() || writes_.size() >= (coordinator_.find ? 1 : kMostWrites)) return;
  Write& write = writes_.emplace_back();
  write.request.group_id = id_;
  write.request.sequence = ++sequence_;
  for (auto& [key, part] : std::exchange(next_, {}))
    write.request.partitions.push_back(std::move(part));
  write.done = std::exchange(next_done_, {});
  write.until_us = around_.clock.monotonic_us() + kWritePatienceUs;
  attempt(write);
}

void ShareSessions::attempt(Write& write) {
  write.attempt = ++last_number_;
  write.place = place();
  coordinator_.write(write.request,
                     while_alive<ShareStateWritten>(
                         [this, number = write.attempt](const auto& a) { on_written(number, a); }));
  if (coordinator_.find) look_later();
}

bool ShareSessions::is_repeated(const Write& write, KafkaError error) const {
  return coordinator_.find && is_of_coordinator(error) &&
         around_.clock.monotonic_us() < write.until_us;
}

// Drops the states whose changes were not stored. Whether a change without an answer is stored is unknown.
ShareSessions::Stored ShareSessions::settle(const Write& write, const ShareStateWritten& answer) {
  Stored stored{.error = answer.error};
  const auto& parts = write.request.partitions;
  const bool is_answer =
      answer.error == KafkaError::None && answer.partitions.size() == parts.size();
  if (!is_answer && stored.error == KafkaError::None) stored.error = KafkaError::UnknownServerError;
  for (size_t i = 0; i < parts.size(); ++i) {
    const KafkaError error = is_answer ? answer.partitions[i].error : stored.error;
    if (error == KafkaError::None) continue;
    stored.refused[parts[i].id] = client_error(error);
    const auto found = shared_.find(parts[i].id);
    if (found != shared_.end() && found->second.state_epoch == parts[i].state_epoch)
      drop(TopicIdPartition(parts[i].id));
  }
  return stored;
}

void ShareSessions::on_written(uint64_t number, const ShareStateWritten& answer) {
  const auto found = std::ranges::find(writes_, number, &Write::attempt);
  if (found == writes_.end()) return;  // it was sent again
  if (is_repeated(*found, answer.error)) {
    found->attempt = 0;
    return look_later();
  }
  const Write write = std::move(*found);
  writes_.erase(found);
  const Stored stored = settle(write, answer);
  for (const Done<Stored>& done : write.done) done(stored);
  begin_write();
  if (answer.error == kGroupIdNotFound) return end(kGroupIdNotFound);
  on_idle_();
}

// --- Repeated attempts

void ShareSessions::look_later() {
  if (!look_.is_set())
    look_ = around_.deadlines.set(around_.clock.monotonic_us() + kLookUs, [this] { look(); });
}

// Returns the partitions that requests or sessions need, unless their states are read already.
std::set<TopicIdPartition> ShareSessions::wanted() const {
  std::set<TopicIdPartition> all;
  for (const auto& [number, early] : early_) all.insert(early.unread.begin(), early.unread.end());
  for (const auto& [id, waiting] : waiting_) all.insert(id);
  for (const auto& [id, shared] : shared_)
    if (shared.stage == Stage::Unread) all.insert(id);
  return all;
}

void ShareSessions::look() {
  look_ = {};
  const Place now = place();
  for (Write& write : writes_) {
    if (write.attempt != 0 && write.place == now) continue;
    attempt(write);
  }
  std::vector<uint64_t> given_up;
  for (const auto& [number, reading] : reads_)
    if (reading.place != now) given_up.push_back(number);
  for (const uint64_t number : given_up)
    on_read(number, {.error = KafkaError::CoordinatorNotAvailable});
  std::set<TopicIdPartition> unread;
  for (const TopicIdPartition& id : wanted())
    if (is_there(id))
      if (const auto found = find(id); found && *found == nullptr) unread.insert(id);
  read(unread);
  serve_early();
  if (coordinator_.find && (!writes_.empty() || !reads_.empty())) look_later();
}

}  // namespace server::coordinator
