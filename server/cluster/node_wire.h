// What nodes say to each other, as bytes: requests in Kafka's framing (server/kafka/schemas), under api keys of
// our own from 20000 on. But for the greeting none has an answer of its own: what comes back is a message, too.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "server/cluster/cluster_messages.h"

namespace server {

// The first thing that a connection says. A node takes it from who is of the same cluster, and means it.
struct NodeHello {
  std::string cluster_id;
  NodeId from, to;
  storage::FeatureLevel knows = storage::kNewestLevel;  // who greets
  bool operator==(const NodeHello&) const = default;
};
std::string encode(const NodeHello& hello);
bool is_hello(std::string_view frame);
// Of a frame without its size. Fails with ProtocolViolation, as all that follow.
Result<NodeHello> decode_hello(std::string_view frame);

struct HelloAnswer {
  std::optional<std::string> refusal = {};  // why the connection is refused
  // Of who is the node that was meant: a number of its process. Nil where it is another one, and of versions before.
  Uuid process = {};
  bool is_reading = false;  // it does not know the cluster's nodes yet, and refuses all for as long
  bool operator==(const HelloAnswer&) const = default;
};
std::string encode_hello_answer(const HelloAnswer& answer);
Result<HelloAnswer> decode_hello_answer(std::string_view frame);

std::string encode(const ClusterMessage& message);

// The same bytes in pieces: what is large is not copied.
struct FramePieces {
  std::string head;
  SharedBytes large = {};
  std::string tail = {};
};
FramePieces encode_in_pieces(const ClusterMessage& message);

// Nothing where a newer version has messages that this one does not know: they may get lost, as all may. Where somebody
// keeps the frame's bytes, what is large of the message is a part of them.
Result<std::optional<ClusterMessage>> decode_message(
    std::string_view frame, const std::shared_ptr<const void>& keeper = nullptr);

}  // namespace server
