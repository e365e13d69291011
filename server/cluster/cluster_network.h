// The connections between this node and the other nodes of its cluster.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "server/cluster/cluster_messages.h"
#include "server/net/address.h"
#include "server/net/loop.h"
#include "server/net/node_tls.h"

namespace server {

struct ClusterNetworkOptions {
  std::string cluster_id;
  NodeId self;
  Address listen;
  // limit for the number of connections that have not sent a greeting yet
  size_t max_greeting = 256;
  int64_t greeting_ms = 5'000;
  int64_t connect_ms = 1'000, retry_ms = 50;
  // Every `ask_ms`, this node asks a peer to confirm that it still receives on a connection. If no
  // answer arrives within `answer_ms`, the connection is closed. The check is needed because a
  // proxy between the nodes may acknowledge bytes that never arrive, or damage the size of a frame.
  int64_t ask_ms = 1'000, answer_ms = 10'000;
  // Limit for the unsent bytes of a node. Beyond it, answers to followers' fetches carry an error
  // instead of batches, and the followers ask again later. Beyond twice the limit, messages are
  // dropped; each protocol between nodes tolerates lost messages.
  size_t max_unsent_bytes = 16 << 20;
  std::optional<NodeTlsFiles> tls = {};  // none: plain text
};

// Each node opens a connection to each other node and sends its messages on this connection, so two
// connections exist between any two nodes. A connection begins with a greeting. The sender repeats
// the greeting periodically, and its answer proves that everything before it has arrived. A
// greeting is refused with a reason if it comes from another cluster, from a node that is not in
// the metadata, or from a node that expects another node at this address. With certificates, TLS
// encrypts everything, and a peer without a certificate of the same authority is rejected before
// the greeting.
//
// Threads: only the thread of the loop.
class ClusterNetwork {
 public:
  class Handler {
   public:
    virtual void on_message(NodeId from, ClusterMessage message) = 0;
    // Called when one of the two connections with the node was opened again. Messages on the
    // previous connection may have been lost, so the handler has to repeat its unanswered requests.
    virtual void on_connected(NodeId node) = 0;
    // Called when a node that was connected refuses a new connection, which proves that its process
    // has ended. A connection attempt without any answer proves nothing, so it does not lead to
    // this call.
    virtual void on_gone(NodeId node) = 0;

   protected:
    ~Handler() = default;
  };
  // Listens for connections of other nodes. Fails with NetworkFailure, or with InvalidParameter if
  // the certificates cannot be used.
  static Result<std::unique_ptr<ClusterNetwork>> open(Loop& loop, ClusterNetworkOptions options,
                                                      const Clock& clock, Handler& handler);
  ~ClusterNetwork();
  ClusterNetwork(const ClusterNetwork&) = delete;
  ClusterNetwork& operator=(const ClusterNetwork&) = delete;

  const Address& address() const;
  // Sets the addresses of all nodes from the metadata. Connections with nodes that are not in
  // `endpoints` are closed. Before the first call, all greetings are refused. This is not logged as
  // a warning, because it happens at each start.
  void set_nodes(const std::map<NodeId, std::string>& endpoints);
  // Refuses nodes whose program does not know this feature level of the cluster.
  void require(storage::FeatureLevel level);
  // Finds out whether another process with this node's id answers at the address. Calls back later,
  // on the loop.
  void find_other(const Address& address, std::function<void(bool)> done);
  // Sends a message, or drops it if it cannot be sent now. A message to this node itself is passed
  // to the handler on the loop, after the call.
  void send(NodeId to, ClusterMessage message);
  // Returns whether the bytes that are queued for the node are at most a quarter of
  // max_unsent_bytes.
  bool has_room(NodeId to) const;
  // Call it every few milliseconds.
  void tick();
  std::set<NodeId> connected() const;

 private:
  struct Impl;
  explicit ClusterNetwork(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;  // shared with the work that is posted to the loop
};

}  // namespace server
