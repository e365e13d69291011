// A client within the process. Its requests are handled by a session of its own, with the same
// order, limits, quotas and long polls as those of a connection.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "server/kafka/codec.h"
#include "server/kafka/frame_reader.h"
#include "server/kafka/session.h"
#include "server/net/loop.h"

namespace server::kafka {

// Invariant: requests are answered in their order, each once, and never inside ask(). Threads: the
// loop's. Owner: the caller; answers after its destruction are dropped.
class LocalClient final : private SessionHost {
 public:
  using MakeSession = std::function<std::unique_ptr<Session>(SessionHost&)>;
  // Answers are without length and correlation id. The view is valid while the function runs.
  using Take = std::function<void(Result<std::string_view>)>;
  // Passes a frame to another node of the cluster; `done` may be called on any thread.
  using Relay = std::function<void(NodeId node, std::string frame,
                                   std::function<void(Result<std::string>)> done)>;
  // `self` is the number of this node. `relay` is empty on a lone node.
  LocalClient(Loop& loop, const Clock& clock, MemoryAccount* memory, const MakeSession& make,
              int32_t self = 0, Relay relay = {});
  ~LocalClient();
  LocalClient(const LocalClient&) = delete;
  LocalClient& operator=(const LocalClient&) = delete;

  // Sends a request. `version` is the version of the message, which the server must support. Views
  // in the answer are valid while `done` runs. Fails if the session ends, which happens after a
  // malformed request or if memory is exhausted.
  template <class Request, class Response>
  void ask(const Request& request, int16_t version, std::function<void(Result<Response>)> done) {
    static_assert(Request::kApiKey == Response::kApiKey);
    std::string frame;
    append_request(frame, {0, version, next_id_++, std::string("http")}, request);
    send(frame, decoded<Response>(version, std::move(done)));
  }
  // Sends a request to a node of the cluster, which may be this node. The other node answers without checks of rights.
  // Fails with NetworkFailure if the node does not answer; the request may then have been executed.
  template <class Request, class Response>
  void ask_node(int32_t node, const Request& request, int16_t version,
                std::function<void(Result<Response>)> done) {
    if (node == self_ || !relay_) return ask<Request, Response>(request, version, std::move(done));
    std::string frame;
    append_request(frame, {0, version, next_id_++, std::string("http")}, request);
    pass(NodeId{node}, std::move(frame), decoded<Response>(version, std::move(done)));
  }
  // Sends a request that another node has passed on: a frame with its length.
  void send(const std::string& frame, Take take);

 private:
  template <class Response>
  static Take decoded(int16_t version, std::function<void(Result<Response>)> done) {
    return [version, done = std::move(done)](Result<std::string_view> answer) {
      if (!answer) return done(answer.error());
      done(decode_response<Response>(*answer, version));
    };
  }
  void pass(NodeId node, std::string frame, Take take);
  void wake() override;
  void run();
  void fail_all(const Error& error);

  Loop& loop_;
  const Clock& clock_;
  const int32_t self_;
  const Relay relay_;
  int32_t next_id_ = 1;
  std::deque<Take> waiting_;
  FrameReader answers_;
  std::unique_ptr<Session> session_;
  std::optional<Timer> timer_;  // for the session's deadline, or for a retry to get memory
  int64_t refused_since_us_ = 0;
  bool is_woken_ = false;
  // Deferred calls and callbacks share its ownership, because they may destroy this object.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace server::kafka
