// The connections between a node and the others of its cluster.
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
  size_t max_greeting = 256;  // connections that have not said yet who they are
  int64_t greeting_ms = 5'000;
  int64_t connect_ms = 1'000, retry_ms = 50;
  // So often a node is asked whether it still hears what is said on a connection; one on which it has not answered for so long
  // is given up: what lies between may acknowledge bytes that never arrive, or damage the size of a frame.
  int64_t ask_ms = 1'000, answer_ms = 10'000;
  // Of what a node has not taken yet. Beyond that followers are told to ask again later; at twice as much
  // messages are lost, as messages may be.
  size_t max_unsent_bytes = 16 << 20;
  std::optional<NodeTlsFiles> tls = {};  // none: they speak in the clear
};

// Each node connects to each other one, and says what it has to say on that connection; so there are two between
// any two nodes. A connection begins with a greeting, which is said again now and then, since its answer tells that all
// before it has arrived: a node of another cluster, one that the metadata do not know, or
// who takes this node for another one, is told so and refused. With certificates all of it goes by TLS, and who shows
// none of the same authority does not get as far as that.
//
// Threads: the loop's.
class ClusterNetwork {
 public:
  class Handler {
   public:
    virtual void on_message(NodeId from, ClusterMessage message) = 0;
    // A connection is new by which one of the two speaks to the other, and that one says now what it is asked.
    virtual void on_connected(NodeId node) = 0;
    // It was connected, and nobody listens there any more: the process is gone.
    virtual void on_gone(NodeId node) = 0;

   protected:
    ~Handler() = default;
  };
  // Fails with NetworkFailure; with InvalidParameter where the certificates cannot be used.
  static Result<std::unique_ptr<ClusterNetwork>> open(Loop& loop, ClusterNetworkOptions options,
                                                      const Clock& clock, Handler& handler);
  ~ClusterNetwork();
  ClusterNetwork(const ClusterNetwork&) = delete;
  ClusterNetwork& operator=(const ClusterNetwork&) = delete;

  const Address& address() const;
  // Where the nodes are, as the metadata say; connections with others end. Before it was told, all are refused: that is
  // no news, as at each start.
  void set_nodes(const std::map<NodeId, std::string>& endpoints);
  // Whose program does not know the level that the cluster is at is refused.
  void require(storage::FeatureLevel level);
  // Answers whether another process than this one runs there as this node; later, on the loop.
  void find_other(const Address& address, std::function<void(bool)> done);
  // What cannot be sent now is lost. To this node itself, too: then it comes soon.
  void send(NodeId to, ClusterMessage message);
  // Whether little waits on the way there already.
  bool has_room(NodeId to) const;
  // Every few milliseconds.
  void tick();
  std::set<NodeId> connected() const;

 private:
  struct Impl;
  explicit ClusterNetwork(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;  // shared with what is posted to the loop
};

}  // namespace server
