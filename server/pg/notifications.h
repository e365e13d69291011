// LISTEN and NOTIFY: the channels and their listeners, over all sessions of a server.
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
  int32_t process_id = 0;  // number of the sending session
  std::string channel, payload;
  bool operator==(const Notification&) const = default;
};
using NotificationPtr = std::shared_ptr<const Notification>;

// Checks PostgreSQL's limits. Fails with InvalidParameter.
Status check_notification(const std::string& channel, const std::string& payload);

// The notifications for one session that have not been sent to its client.
//
// Threads: any.
class Mailbox {
 public:
  // Limits of one mailbox and of all mailboxes together. A session that listens but does not read
  // is ended when a limit is reached, so that its client notices the loss.
  static constexpr size_t kMostBytes = 8 << 20, kMostOfAll = 256 << 20;

  // `wake` is called on any thread when a notification has arrived. It is not called again until take() is called.
  // `of_all` counts the bytes in all mailboxes.
  Mailbox(std::function<void()> wake, std::atomic<size_t>& of_all)
      : wake_(std::move(wake)), of_all_(of_all) {}
  ~Mailbox() { of_all_ -= bytes_; }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void put(NotificationPtr notification);
  // Makes take() fail with `reason`, because notifications may be missing.
  void fail(Error reason);
  // Takes the notifications that have arrived. Fails with LimitExceeded once a notification was
  // dropped because of a limit, and with the reason of fail().
  Result<std::vector<NotificationPtr>> take();

 private:
  const std::function<void()> wake_;
  std::atomic<size_t>& of_all_;
  std::mutex mutex_;
  // Guarded by mutex_
  std::vector<NotificationPtr> waiting_;
  size_t bytes_ = 0;
  std::optional<Error> failure_;
};

// Passes notifications to the sessions of other nodes. `done` is called on any thread or within the
// call: when all nodes have confirmed them, or after a time limit with the numbers of the nodes
// that have not.
using NotifyNodes =
    std::function<void(const std::vector<NotificationPtr>& all,
                       std::function<void(const std::vector<int32_t>& silent)> done)>;

// Invariant: a mailbox that listens to the channel at the time of notify() gets the notification
// once, in the order of the calls.
// Threads:   any. Owner: shared by the server's sessions.
class Notifications {
 public:
  using MailboxPtr = std::shared_ptr<Mailbox>;
  using Done = std::function<void(const std::vector<int32_t>& silent)>;
  // `notify_nodes`: empty on a lone node.
  explicit Notifications(NotifyNodes notify_nodes = {}) : notify_nodes_(std::move(notify_nodes)) {}
  void listen(const std::string& channel, const MailboxPtr& mailbox);
  void unlisten(const std::string& channel, const MailboxPtr& mailbox);
  // Passes the notifications to the sessions of this node, and to the sessions of the other nodes.
  // `done` gets the nodes that have not confirmed them, see NotifyNodes.
  void notify(const std::vector<NotificationPtr>& all, Done done);
  // Passes notifications that another node has sent to the sessions of this node.
  void deliver(const std::vector<NotificationPtr>& all);
  // Ends all sessions that listen to a channel.
  void end_listeners(const Error& reason);
  std::atomic<size_t>& waiting_bytes() { return waiting_bytes_; }

 private:
  const NotifyNodes notify_nodes_;
  std::atomic<size_t> waiting_bytes_ = 0;  // bytes in all mailboxes
  std::mutex mutex_;
  // Guarded by mutex_
  std::map<std::string, std::set<MailboxPtr>, std::less<>> channels_;
};

// The channels of one session, and the changes and notifications of its transaction.
//
// Threads: the session's loop. Owner: the session.
class SessionNotifications {
 public:
  SessionNotifications(std::shared_ptr<Notifications> all, std::function<void()> wake);
  ~SessionNotifications();
  SessionNotifications(const SessionNotifications&) = delete;
  SessionNotifications& operator=(const SessionNotifications&) = delete;

  // The effects of the calls below occur immediately or, after begin(), with commit(). An empty
  // channel means all channels.
  void begin();
  void listen(const std::string& channel);
  // Listens to a channel that stands for a table. `table` reports the changes of the table; null:
  // an ordinary channel.
  void listen(const std::string& channel, std::unique_ptr<TableListener> table);
  void unlisten(const std::string& channel);
  // Equal notifications in one transaction are sent once, as in PostgreSQL.
  void notify(Notification notification);
  void commit();
  void rollback();
  // Whether notifications of this session have not reached all nodes yet. The session is woken when
  // they have.
  bool is_sending() const { return sending_->open > 0; }
  // Takes the numbers of the nodes that did not confirm notifications of this session in time, so
  // that the client can be warned.
  std::vector<int32_t> take_silent();

  void unlisten_all();
  const std::set<std::string>& channels() const { return channels_; }
  // Bytes of the channels and of changes that wait for commit().
  size_t size_bytes() const;
  // Takes the notifications that have arrived. Notifications of tables have `process_id` as their
  // sender.
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
  struct Sending {
    std::atomic<int> open = 0;        // calls of Notifications::notify() that are not done
    std::atomic<bool> wakes = false;  // whether the end of sending wakes the session
    std::mutex mutex = {};
    std::vector<int32_t> silent = {};  // guarded by mutex
  };
  void apply(Change change);
  void send(const std::vector<NotificationPtr>& all);

  const std::function<void()> wake_;
  // shared with the callbacks of notify()
  const std::shared_ptr<Sending> sending_ = std::make_shared<Sending>();
  const std::shared_ptr<Notifications> all_;
  const Notifications::MailboxPtr mailbox_;
  std::set<std::string> channels_;
  size_t channel_bytes_ = 0;
  std::map<std::string, std::unique_ptr<TableListener>> tables_;  // by channel
  std::optional<Pending> pending_;                                // set within a transaction
};

}  // namespace server::pg
