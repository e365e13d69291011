// Encodes messages between nodes. They are requests in Kafka's framing (server/kafka/schemas), with
// our own api keys from 20000 on. Only the greeting has a response in Kafka's sense; all other
// answers are messages of their own.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "server/cluster/cluster_messages.h"

namespace server {

// The first frame of a connection. The receiver accepts it if the sender belongs to the same
// cluster and `to` is the receiver's id.
struct NodeHello {
  std::string cluster_id;
  NodeId from, to;
  storage::FeatureLevel knows = storage::kNewestLevel;  // newest level of the sender's program
  bool operator==(const NodeHello&) const = default;
};
std::string encode(const NodeHello& hello);
bool is_hello(std::string_view frame);
// Decodes a greeting; `frame` is without its size. Fails with ProtocolViolation, like the other decoders below.
Result<NodeHello> decode_hello(std::string_view frame);

struct HelloAnswer {
  std::optional<std::string> refusal = {};  // why the connection is refused
  // Random id of the answering process. It is nil if the process runs as another node than
  // NodeHello::to, or if it is of an older version.
  Uuid process = {};
  // the node does not know the nodes of the cluster yet, and refuses all greetings until then
  bool is_reading = false;
  bool operator==(const HelloAnswer&) const = default;
};
std::string encode_hello_answer(const HelloAnswer& answer);
Result<HelloAnswer> decode_hello_answer(std::string_view frame);

std::string encode(const ClusterMessage& message);

// An encoded message in pieces, so that large fields need not be copied.
struct FramePieces {
  std::string head;
  SharedBytes large = {};
  std::string tail = {};
};
FramePieces encode_in_pieces(const ClusterMessage& message);

// Decodes a message. The result is empty for a message that only newer versions know. Such a
// message is dropped; each protocol between nodes tolerates lost messages. If `keeper` owns the
// bytes of the frame, large fields of the message refer to them.
Result<std::optional<ClusterMessage>> decode_message(
    std::string_view frame, const std::shared_ptr<const void>& keeper = nullptr);

}  // namespace server
