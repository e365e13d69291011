#include "server/cluster/session_notices.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "storage/meta/shared_sessions_level.h"

namespace server {

namespace {

constexpr int64_t kNoticePatienceUs = 10'000'000, kNoticeRepeatUs = 500'000;

size_t size_of(const NotifySessions& message) {
  size_t bytes = sizeof message;
  for (const auto& note : message.notes)
    bytes += sizeof note + note.channel.size() + note.payload.size();
  return bytes;
}

}  // namespace

// Returns the state for the node's present process; null while the node is fenced.
SessionNotices::Receiver* SessionNotices::receiver(const storage::ClusterNode& node) {
  Receiver& found = receivers_[node.id];
  if (found.process != node.epoch) found = {.process = node.epoch};
  if (!node.is_fenced) return &found;
  drop(found);
  return nullptr;
}

void SessionNotices::drop(Receiver& receiver) {
  receiver.any_lost = true;
  receiver.unacknowledged.clear();
  receiver.bytes = 0;
  receiver.more_after = 0;
}

void SessionNotices::notify(Notes notes, Done done) {
  const auto cluster = around_.cluster();
  const auto process = around_.process();
  if (!process || cluster->feature_level() < storage::kSharedSessionsLevel) return done({});
  Wait wait{{}, around_.clock.monotonic_us() + kNoticePatienceUs, std::move(done)};
  for (const auto& [id, node] : cluster->nodes()) {
    Receiver* const to = id == around_.self ? nullptr : receiver(node);
    if (to == nullptr) continue;
    NotifySessions message{*process, node.epoch, ++to->last_number, to->any_lost, notes};
    const size_t bytes = size_of(message);
    if (to->bytes + bytes > kMostBytes) drop(*to);
    message.any_lost = to->any_lost;
    to->any_lost = false;
    assert(to->unacknowledged.empty() ||
           to->unacknowledged.back().number < message.number);  // invariant 1
    to->bytes += bytes;
    if (to->unacknowledged.empty()) to->progress_at_us = around_.clock.monotonic_us();
    around_.send(id, to->unacknowledged.emplace_back(std::move(message)));
    wait.left.emplace(id, to->last_number);
  }
  waits_.push_back(std::move(wait));
  end_waits();
}

void SessionNotices::on_message(NodeId from, NotifySessions message) {
  const auto process = around_.process();
  if (!process || message.receiver != *process) return;
  Sender& sender = senders_[from];
  if (message.sender < sender.process) return;
  if (message.sender > sender.process) sender = {message.sender};
  if (message.number > sender.last_number) {
    // An earlier message is missing. The sender will send it again, followed by this one.
    if (message.number != sender.last_number + 1 && !message.any_lost) return;
    sender.last_number = message.number;
    if (message.any_lost) around_.end_listeners();
    around_.deliver(std::move(message.notes));
  }
  around_.send(from, SessionsNotified{message.sender, sender.last_number});
}

void SessionNotices::on_message(NodeId from, const SessionsNotified& message) {
  const auto found = receivers_.find(from);
  if (found == receivers_.end() || message.sender != around_.process()) return;
  Receiver& receiver = found->second;
  if (message.number > receiver.acknowledged) {
    receiver.acknowledged = message.number;
    receiver.progress_at_us = around_.clock.monotonic_us();
  }
  while (!receiver.unacknowledged.empty() &&
         receiver.unacknowledged.front().number <= receiver.acknowledged) {
    assert(size_of(receiver.unacknowledged.front()) <= receiver.bytes);
    receiver.bytes -= size_of(receiver.unacknowledged.front());
    receiver.unacknowledged.pop_front();
  }
  assert(!receiver.unacknowledged.empty() || receiver.bytes == 0);
  if (receiver.more_after > 0 && receiver.acknowledged >= receiver.more_after) send(from, receiver);
  end_waits();
}

void SessionNotices::send(NodeId node, Receiver& receiver) {
  constexpr size_t kMostAtOnce = 1 << 20;
  receiver.progress_at_us = around_.clock.monotonic_us();
  receiver.more_after = 0;
  size_t bytes = 0;
  for (const NotifySessions& message : receiver.unacknowledged) {
    bytes += size_of(message);
    around_.send(node, message);
    if (bytes <= kMostAtOnce) continue;
    receiver.more_after = message.number;
    return;
  }
}

void SessionNotices::on_connected(NodeId node) {
  if (const auto found = receivers_.find(node); found != receivers_.end())
    send(node, found->second);
}

void SessionNotices::cluster_changed() {
  const auto cluster = around_.cluster();
  for (auto& [id, known] : receivers_)
    if (const storage::ClusterNode* node = cluster->find(id)) receiver(*node);
  std::erase_if(receivers_, [&](const auto& each) { return cluster->find(each.first) == nullptr; });
  const storage::ClusterNode* self = cluster->find(around_.self);
  // When this node is fenced, its listening sessions end. A new process is registered as fenced,
  // too, but then no session listens yet.
  const bool is_fenced = self != nullptr && self->is_fenced;
  if (is_fenced && !is_fenced_) around_.end_listeners();
  is_fenced_ = is_fenced;
  end_waits();
}

void SessionNotices::tick() {
  const int64_t now_us = around_.clock.monotonic_us();
  for (auto& [id, receiver] : receivers_)
    if (!receiver.unacknowledged.empty() && now_us - receiver.progress_at_us >= kNoticeRepeatUs)
      send(id, receiver);
  end_waits();
}

void SessionNotices::end_waits() {
  if (waits_.empty()) return;
  const auto cluster = around_.cluster();
  const int64_t now_us = around_.clock.monotonic_us();
  std::vector<std::pair<Done, std::set<NodeId>>> over;
  std::erase_if(waits_, [&](Wait& wait) {
    std::erase_if(wait.left, [&](const auto& each) {
      const storage::ClusterNode* node = cluster->find(each.first);
      const auto found = receivers_.find(each.first);
      return node == nullptr || node->is_fenced || found == receivers_.end() ||
             found->second.process != node->epoch || found->second.acknowledged >= each.second ||
             found->second.last_number < each.second;
    });
    if (!wait.left.empty() && now_us < wait.until_us) return false;
    std::set<NodeId> silent;
    for (const auto& [id, number] : wait.left) silent.insert(id);
    over.emplace_back(std::move(wait.done), std::move(silent));
    return true;
  });
  for (const auto& [done, silent] : over) done(silent);
}

}  // namespace server
