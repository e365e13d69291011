// Asks the process at an address which node of the cluster it runs, and for its process id
// (HelloAnswer).
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/cluster/node_wire.h"
#include "server/kafka/frame_reader.h"
#include "server/net/connection.h"
#include "server/net/connector.h"
#include "server/net/node_tls.h"

namespace server {

// Threads: only the thread of the loop.
class NodeProbe final : ConnectionHandler {
 public:
  // Gets the node's answer. Gets an error if no process listens at the address, or if the process there is no node.
  using Done = std::function<void(Result<HelloAnswer>)>;
  struct Patience {
    int64_t connect_ms, answer_ms;
  };
  // `certificates` is null for plain text. `done` is called once, never within the constructor; it may destroy the
  // probe.
  NodeProbe(Loop& loop, const Address& address, NodeHello hello,
            const NodeCertificates* certificates, Patience patience, Done done);

 private:
  void connected(Result<Socket> socket);
  void end(Result<HelloAnswer> answer);
  Status read(std::string_view bytes);
  // Implements ConnectionHandler.
  void on_input(std::string_view bytes) override;
  void on_drained() override {}
  void on_closed() override;

  Loop& loop_;
  const NodeHello hello_;
  const NodeCertificates* const certificates_;
  const Patience patience_;
  Done done_;
  std::unique_ptr<Connector> connector_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<NodeTls> tls_;
  kafka::FrameReader frames_;
  Timer timer_;
};

}  // namespace server
