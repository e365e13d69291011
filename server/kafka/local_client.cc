#include "server/kafka/local_client.h"

#include <algorithm>

namespace server::kafka {

namespace {

// The longest time that a client waits for memory, and the pause between retries. The values are
// those of connections.
constexpr int64_t kMemoryWaitUs = 5'000'000;
constexpr int64_t kMemoryTickMs = 50;
constexpr size_t kCorrelationIdSize = sizeof(int32_t);

}  // namespace

LocalClient::LocalClient(Loop& loop, const Clock& clock, MemoryAccount* memory,
                         const MakeSession& make, int32_t self, Relay relay)
    : loop_(loop),
      clock_(clock),
      self_(self),
      relay_(std::move(relay)),
      answers_(kMaxFrameSize, memory),
      session_(make(*this)) {
  timer_.emplace(loop, "requests within the process", [this] { run(); });
}

LocalClient::~LocalClient() { *alive_ = false; }

void LocalClient::send(const std::string& frame, Take take) {
  waiting_.push_back(std::move(take));
  session_->receive(frame);
  wake();
}

void LocalClient::pass(NodeId node, std::string frame, Take take) {
  relay_(node, std::move(frame),
         [&loop = loop_, alive = alive_, take = std::move(take)](Result<std::string> answer) {
           loop.post([alive, take, answer = std::move(answer)] {
             if (!*alive) return;
             if (answer)
               take(std::string_view(*answer));
             else
               take(answer.error());
           });
         });
}

void LocalClient::wake() {
  if (std::exchange(is_woken_, true)) return;
  loop_.defer([this, alive = alive_] {
    if (*alive) run();
  });
}

void LocalClient::run() {
  is_woken_ = false;
  const std::shared_ptr<bool> alive = alive_;
  session_->run();
  if (const std::string output = session_->take_output(); !output.empty()) answers_.receive(output);
  while (*alive) {
    const auto frame = answers_.next();
    if (!frame || !*frame || waiting_.empty()) break;
    const Take take = std::move(waiting_.front());
    waiting_.pop_front();
    take((*frame)->substr(kCorrelationIdSize));
  }
  if (!*alive) return;
  answers_.tidy();
  if (session_->is_over()) return fail_all({ErrorCode::ProtocolViolation, session_->end_reason()});
  const int64_t now_us = clock_.monotonic_us();
  if (session_->refused_memory().empty()) {
    refused_since_us_ = 0;
  } else {
    if (refused_since_us_ == 0) refused_since_us_ = now_us;
    if (now_us - refused_since_us_ > kMemoryWaitUs)
      return fail_all(
          {ErrorCode::OutOfMemory, "not enough memory for " + session_->refused_memory()});
    return timer_->start_once(kMemoryTickMs);
  }
  if (const auto deadline_us = session_->deadline_us())
    timer_->start_once(std::max<int64_t>(0, *deadline_us - now_us) / 1000 + 1);
  else
    timer_->stop();
}

void LocalClient::fail_all(const Error& error) {
  const std::shared_ptr<bool> alive = alive_;
  while (*alive && !waiting_.empty()) {
    const Take take = std::move(waiting_.front());
    waiting_.pop_front();
    take(error);
  }
}

}  // namespace server::kafka
