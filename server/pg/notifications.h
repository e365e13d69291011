// LISTEN and NOTIFY: who listens to which channel, over all sessions of a server.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"

namespace server::pg {

class TableListener;

struct Notification {
  int32_t process_id = 0;  // of who sent it
  std::string channel, payload;
  bool operator==(const Notification&) const = default;
};
using NotificationPtr = std::shared_ptr<const Notification>;

// As PostgreSQL's bounds. Fails with InvalidParameter.
Status check_notification(const std::string& channel, const std::string& payload);

// What has come for one session and has not been sent to its client.
//
// Threads: any.
class Mailbox {
 public:
  // More bytes than this are not kept, here or in all together: who listens and does not read is sent away, and knows
  // then that it has missed something.
  static constexpr size_t kMostBytes = 8 << 20, kMostOfAll = 256 << 20;

  // `wake` is called, on any thread, when something has come; not again before take(). `of_all`: bytes of all
  // mailboxes.
  Mailbox(std::function<void()> wake, std::atomic<size_t>& of_all)
      : wake_(std::move(wake)), of_all_(of_all) {}
  ~Mailbox() { of_all_ -= bytes_; }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void put(NotificationPtr notification);
  // Fails with LimitExceeded once more has come than is kept.
  Result<std::vector<NotificationPtr>> take();

 private:
  const std::function<void()> wake_;
  std::atomic<size_t>& of_all_;
  std::mutex mutex_;
  // Guarded by mutex_
  std::vector<NotificationPtr> waiting_;
  size_t bytes_ = 0;
  bool has_missed_any_ = false;
};

// Invariant: a mailbox gets a notification once, in the order of notify(), if it listened before.
// Threads:   any. Owner: the server's sessions together.
class Notifications {
 public:
  using MailboxPtr = std::shared_ptr<Mailbox>;
  void listen(const std::string& channel, const MailboxPtr& mailbox);
  void unlisten(const std::string& channel, const MailboxPtr& mailbox);
  void notify(const std::vector<NotificationPtr>& all);
  std::atomic<size_t>& waiting_bytes() { return waiting_bytes_; }

 private:
  std::atomic<size_t> waiting_bytes_ = 0;  // in mailboxes
  std::mutex mutex_;
  // Guarded by mutex_
  std::map<std::string, std::set<MailboxPtr>, std::less<>> channels_;
};

// What one session listens to, and what it says within a transaction.
//
// Threads: its loop's. Owner: the session.
class SessionNotifications {
 public:
  SessionNotifications(std::shared_ptr<Notifications> all, std::function<void()> wake);
  ~SessionNotifications();
  SessionNotifications(const SessionNotifications&) = delete;
  SessionNotifications& operator=(const SessionNotifications&) = delete;

  // These count at once, or with commit() when they are said between begin() and that. Empty: all channels.
  void begin();
  void listen(const std::string& channel);
  // The channel stands for a table, whose changes `table` tells; null: for none.
  void listen(const std::string& channel, std::unique_ptr<TableListener> table);
  void unlisten(const std::string& channel);
  // The same twice in a transaction is told once, as in PostgreSQL.
  void notify(Notification notification);
  void commit();
  void rollback();

  void unlisten_all();
  const std::set<std::string>& channels() const { return channels_; }
  // Bytes of channels and of what waits for commit().
  size_t size_bytes() const;
  // Tables tell as `process_id`.
  Result<std::vector<NotificationPtr>> take(int32_t process_id);

 private:
  struct Change {
    bool is_listen;
    std::string channel;
    std::unique_ptr<TableListener> table;
  };
  struct Pending {
    std::vector<Change> changes;
    std::vector<NotificationPtr> notifications;
    std::set<std::pair<std::string, std::string>> told;
    size_t bytes = 0;
  };
  void apply(Change change);

  const std::shared_ptr<Notifications> all_;
  const Notifications::MailboxPtr mailbox_;
  std::set<std::string> channels_;
  size_t channel_bytes_ = 0;
  std::map<std::string, std::unique_ptr<TableListener>> tables_;  // by channel
  std::optional<Pending> pending_;                                // within a transaction
};

}  // namespace server::pg
