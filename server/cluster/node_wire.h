// Encodes messages between nodes: requests in Kafka's framing (server/kafka/schemas), under our own api keys from 20000
// on. Only the greeting has a response; the answer to any other message is a message of its own.
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
  // Random id of the answering process. Nil if the process runs as another node than the greeting
  // names, or if it is of an older version.
  Uuid process = {};
  bool is_reading = false;  // the node refuses all greetings until it knows the cluster's nodes
  bool operator==(const HelloAnswer&) const = default;
};
std::string encode_hello_answer(const HelloAnswer& answer);
Result<HelloAnswer> decode_hello_answer(std::string_view frame);

std::string encode(const ClusterMessage& message);

// An encoded message in pieces: large fields are not copied.
struct FramePieces {
  std::string head;
  SharedBytes large = {};
  std::string tail = {};
};
FramePieces encode_in_pieces(const ClusterMessage& message);

// Decodes a message. The result is empty for a message that only newer versions know; such a
// message is dropped, which the protocol permits for any message. If `keeper` owns the frame's
// bytes, large fields of the message refer to them.
Result<std::optional<ClusterMessage>> decode_message(
    std::string_view frame, const std::shared_ptr<const void>& keeper = nullptr);

}  // namespace server
