// Passes the messages of NOTIFY to the sessions of the other nodes.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.h"
#include "server/cluster/cluster_messages.h"
#include "storage/meta/cluster_table.h"

namespace server {

// The `done` of notify() is called after each live node has received the messages. A fenced node
// gets no message. It ends its listening sessions with an error when it learns that it was fenced,
// so a session that misses a message always gets an error.
//
// Invariants:
//   1. a process passes on the messages of one sender in the order of their numbers, and none twice;
//   2. if the sender has dropped messages for a process, `any_lost` of the next one is set, and
//      that process ends the sessions that listen.
//
// Threads: one loop. Owner: ClusterMember.
class SessionNotices {
 public:
  // Limit for the bytes of messages that a node has not acknowledged. Messages beyond the limit are
  // dropped.
  static constexpr size_t kMostBytes = 8 << 20;
  using Notes = std::vector<NotifySessions::Note>;
  // Gets the live nodes that did not acknowledge the messages in time.
  using Done = std::function<void(std::set<NodeId> silent)>;
  struct Around {
    NodeId self;
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster;
    // Returns the registration epoch of this process; nothing until the process is registered in
    // the cluster.
    std::function<std::optional<storage::NodeEpoch>()> process;
    // deliver() passes messages to the sessions of this node; end_listeners() ends the sessions that listen.
    std::function<void(Notes)> deliver;
    std::function<void()> end_listeners;
  };
  explicit SessionNotices(Around around) : around_(std::move(around)) {}

  // Sends the messages of one transaction to the other nodes.
  void notify(Notes notes, Done done);
  void on_message(NodeId from, NotifySessions message);
  void on_message(NodeId from, const SessionsNotified& message);
  void on_connected(NodeId node);
  // Called when the nodes of the cluster, or their states, have changed.
  void cluster_changed();
  void tick();

 private:
  struct Receiver {
    storage::NodeEpoch process;
    uint64_t last_number = 0, acknowledged = 0;
    bool any_lost = false;
    std::deque<NotifySessions> unacknowledged = {};
    size_t bytes = 0;
    // Time at which the queue last became non-empty, shrank, or was sent again. Adding a message
    // does not change it. Otherwise frequent new messages would delay the repetition of a lost one
    // for ever.
    int64_t progress_at_us = 0;
    // The queue is sent again in parts. `more_after` is the number of the last message in the part
    // that was sent last. When this message is acknowledged, the next part is sent. 0: no part is
    // left.
    uint64_t more_after = 0;
  };
  struct Sender {
    storage::NodeEpoch process;
    uint64_t last_number = 0;
  };
  struct Wait {
    std::map<NodeId, uint64_t> left;  // for each node, the message that it has not acknowledged
    int64_t until_us;
    Done done;
  };
  Receiver* receiver(const storage::ClusterNode& node);
  static void drop(Receiver& receiver);
  void send(NodeId node, Receiver& receiver);
  void end_waits();

  const Around around_;
  std::map<NodeId, Receiver> receivers_;
  std::map<NodeId, Sender> senders_;
  std::vector<Wait> waits_;
  // whether this node is fenced, according to the metadata that it has read
  bool is_fenced_ = false;
};

}  // namespace server
