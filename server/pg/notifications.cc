#include "server/pg/notifications.h"

#include <utility>

#include "server/pg/table_listener.h"

namespace server::pg {

namespace {

constexpr size_t kBytesOfOne = 128;  // size of a notification, in addition to its texts
// Bytes of a notification in a mailbox, in addition to its texts. All mailboxes that receive a
// notification share its texts. Nevertheless each mailbox counts the bytes of the texts, because they stay in memory
// until the last receiver has read them.
constexpr size_t kBytesOfPlace = 32;

size_t size_of(const Notification& notification) {
  return kBytesOfOne + notification.channel.size() + notification.payload.size();
}

Error too_many() {
  return {ErrorCode::LimitExceeded, "terminating connection: too many notifications are queued",
          "The client has not read them in time. The queue of a session is limited to 8 MB, all "
          "queues together to 256 MB.",
          "Reconnect, listen again, and then read the changed data."};
}

}  // namespace

Status check_notification(const std::string& channel, const std::string& payload) {
  constexpr size_t kMostChannelBytes = 63, kMostPayloadBytes = 7999;
  if (channel.empty()) return Error{ErrorCode::InvalidParameter, "channel name cannot be empty"};
  if (channel.size() > kMostChannelBytes)
    return Error{ErrorCode::InvalidParameter, "channel name too long",
                 "It can have at most 63 bytes."};
  if (payload.size() > kMostPayloadBytes)
    return Error{ErrorCode::InvalidParameter, "payload string too long",
                 "It can have at most 7999 bytes.",
                 "Send the key of a long value instead of the "
                 "value."};
  return {};
}

// --- Mailbox

void Mailbox::fail(Error reason) {
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return;
    failure_ = std::move(reason);
  }
  wake_();
}

void Mailbox::put(NotificationPtr notification) {
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return;
    const size_t size = kBytesOfPlace + notification->channel.size() + notification->payload.size();
    const bool is_first = waiting_.empty();
    if (bytes_ + size > kMostBytes || of_all_ + size > kMostOfAll) {
      failure_ = too_many();
    } else {
      of_all_ += size;
      bytes_ += size;
      waiting_.push_back(std::move(notification));
    }
    if (!is_first) return;
  }
  wake_();
}

Result<std::vector<NotificationPtr>> Mailbox::take() {
  const std::lock_guard lock(mutex_);
  if (failure_) return *failure_;
  of_all_ -= std::exchange(bytes_, 0);
  return std::exchange(waiting_, {});
}

// --- All sessions

void Notifications::listen(const std::string& channel, const MailboxPtr& mailbox) {
  const std::lock_guard lock(mutex_);
  channels_[channel].insert(mailbox);
}

void Notifications::unlisten(const std::string& channel, const MailboxPtr& mailbox) {
  const std::lock_guard lock(mutex_);
  const auto found = channels_.find(channel);
  if (found == channels_.end()) return;
  found->second.erase(mailbox);
  if (found->second.empty()) channels_.erase(found);
}

// The lock is held during delivery, so that all receivers get the notifications in the same order.
// Waking a session only posts to a loop.
void Notifications::deliver(const std::vector<NotificationPtr>& all) {
  const std::lock_guard lock(mutex_);
  for (const NotificationPtr& each : all) {
    const auto found = channels_.find(each->channel);
    if (found == channels_.end()) continue;
    for (const MailboxPtr& mailbox : found->second) mailbox->put(each);
  }
}

void Notifications::notify(const std::vector<NotificationPtr>& all, Done done) {
  deliver(all);
  if (notify_nodes_ && !all.empty()) return notify_nodes_(all, std::move(done));
  done({});
}

void Notifications::end_listeners(const Error& reason) {
  const std::lock_guard lock(mutex_);
  for (const auto& [channel, mailboxes] : channels_)
    for (const MailboxPtr& mailbox : mailboxes) mailbox->fail(reason);
}

// --- One session

SessionNotifications::SessionNotifications(std::shared_ptr<Notifications> all,
                                           std::function<void()> wake)
    : wake_(std::move(wake)),
      all_(std::move(all)),
      mailbox_(std::make_shared<Mailbox>(wake_, all_->waiting_bytes())) {}
SessionNotifications::~SessionNotifications() { unlisten_all(); }

void SessionNotifications::begin() { pending_ = Pending(); }
void SessionNotifications::rollback() { pending_.reset(); }

void SessionNotifications::listen(const std::string& channel) { listen(channel, nullptr); }

void SessionNotifications::listen(const std::string& channel,
                                  std::unique_ptr<TableListener> table) {
  if (!pending_) return apply({true, channel, std::move(table)});
  pending_->bytes += kBytesOfOne + channel.size();
  pending_->changes.push_back({true, channel, std::move(table)});
}

void SessionNotifications::unlisten(const std::string& channel) {
  if (!pending_) return apply({false, channel, nullptr});
  pending_->bytes += kBytesOfOne + channel.size();
  pending_->changes.push_back({false, channel, nullptr});
}

void SessionNotifications::notify(Notification notification) {
  if (pending_ && !pending_->told.emplace(notification.channel, notification.payload).second)
    return;
  auto shared = std::make_shared<const Notification>(std::move(notification));
  if (!pending_) return send({std::move(shared)});
  pending_->bytes += 2 * size_of(*shared);
  pending_->notifications.push_back(std::move(shared));
}

void SessionNotifications::commit() {
  std::optional<Pending> done = std::exchange(pending_, std::nullopt);
  if (!done) return;
  for (Change& change : done->changes) apply(std::move(change));
  send(done->notifications);
}

// `wakes` is set after the call: if the confirmation arrives within the call, the session need not
// be woken.
void SessionNotifications::send(const std::vector<NotificationPtr>& all) {
  if (all.empty()) return;
  ++sending_->open;
  all_->notify(all, [sending = sending_, wake = wake_](const std::vector<int32_t>& silent) {
    {
      const std::lock_guard lock(sending->mutex);
      sending->silent.insert(sending->silent.end(), silent.begin(), silent.end());
    }
    --sending->open;
    if (sending->wakes) wake();
  });
  if (sending_->open > 0) sending_->wakes = true;
}

std::vector<int32_t> SessionNotifications::take_silent() {
  const std::lock_guard lock(sending_->mutex);
  return std::exchange(sending_->silent, {});
}

void SessionNotifications::apply(Change change) {
  if (change.channel.empty()) return unlisten_all();
  if (change.is_listen) {
    if (!channels_.insert(change.channel).second) return;
    channel_bytes_ += 2 * (kBytesOfOne + change.channel.size());
    all_->listen(change.channel, mailbox_);
    if (change.table) tables_[change.channel] = std::move(change.table);
  } else if (channels_.erase(change.channel) > 0) {
    channel_bytes_ -= 2 * (kBytesOfOne + change.channel.size());
    all_->unlisten(change.channel, mailbox_);
    tables_.erase(change.channel);
  }
}

void SessionNotifications::unlisten_all() {
  for (const std::string& channel : channels_) all_->unlisten(channel, mailbox_);
  channels_.clear();
  tables_.clear();
  channel_bytes_ = 0;
}

Result<std::vector<NotificationPtr>> SessionNotifications::take(int32_t process_id) {
  std::vector<NotificationPtr> all = TRY(mailbox_->take());
  for (const auto& [channel, table] : tables_)
    while (auto payload = table->take())
      all.push_back(std::make_shared<const Notification>(
          Notification{process_id, channel, *std::move(payload)}));
  std::erase_if(tables_, [](const auto& each) { return each.second->has_ended(); });
  return all;
}

size_t SessionNotifications::size_bytes() const {
  return channel_bytes_ + (pending_ ? pending_->bytes : 0);
}

}  // namespace server::pg
