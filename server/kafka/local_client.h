// A client within the process: its requests are worked on as those of a connection are, by a session of their own,
// with its order, its bounds, its quotas and its long polls.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/kafka/codec.h"
#include "server/kafka/frame_reader.h"
#include "server/kafka/session.h"
#include "server/net/loop.h"

namespace server::kafka {

// Invariant: requests are answered in their order, each once, and never inside ask().
// Threads:   the loop's. Owner: whoever asks; what is answered after its end is for nobody.
class LocalClient final : private SessionHost {
 public:
  using MakeSession = std::function<std::unique_ptr<Session>(SessionHost&)>;
  LocalClient(Loop& loop, const Clock& clock, MemoryAccount* memory, const MakeSession& make);
  ~LocalClient();
  LocalClient(const LocalClient&) = delete;
  LocalClient& operator=(const LocalClient&) = delete;

  // `version`: of the message, one that the server speaks. Views in the answer are good during the call. Fails when the
  // session ends: of a malformed request, and when there is no memory for one.
  template <class Request, class Response>
  void ask(const Request& request, int16_t version, std::function<void(Result<Response>)> done) {
    static_assert(Request::kApiKey == Response::kApiKey);
    std::string frame;
    append_request(frame, {0, version, next_id_++, std::string("http")}, request);
    send(frame, [version, done = std::move(done)](Result<std::string_view> answer) {
      if (!answer) return done(answer.error());
      done(decode_response<Response>(*answer, version));
    });
  }

 private:
  using Take = std::function<void(Result<std::string_view>)>;
  void send(const std::string& frame, Take take);
  void wake() override;
  void run();
  void fail_all(const Error& error);

  Loop& loop_;
  const Clock& clock_;
  int32_t next_id_ = 1;
  std::deque<Take> waiting_;
  FrameReader answers_;
  std::unique_ptr<Session> session_;
  std::optional<Timer> timer_;  // of the session's deadline, or of memory that it waits for
  int64_t refused_since_us_ = 0;
  bool is_woken_ = false;
  // Shared with what is deferred, and with callbacks, which may destroy this.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace server::kafka
