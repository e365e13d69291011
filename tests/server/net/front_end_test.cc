// Tests the front end with sockets, loops and threads, and a protocol that is as simple as
// possible.
#include "server/net/front_end.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <thread>

#include "server/net/input_buffer.h"
#include "server/net/listener.h"

namespace server {
namespace {

constexpr size_t kMb = 1 << 20;

// A message is a line: "N" requests N bytes, any other line is echoed. "long" begins a message of 60 MB.
class LineSession final : public ClientSession {
 public:
  explicit LineSession(const NewClient& client) : host_(client.host), input_(&client.memory) {}

  void receive(std::string_view bytes) override { input_.append(bytes); }
  void run() override {
    refused_.clear();
    for (size_t end; !is_full_ && (end = input_.unread().find('\n')) != std::string_view::npos;) {
      const std::string line(input_.unread().substr(0, end));
      input_.consume(end + 1);
      const size_t size = static_cast<size_t>(std::atoll(line.c_str()));
      output_ += size > 0 ? std::string(size, 'x') : line;
      is_full_ = size > 0;
    }
    input_.tidy();
    const bool is_long = input_.unread().starts_with("long");
    if (is_long && !input_.make_room(60 * kMb)) refused_ = "a message of 60 MB";
  }
  std::string take_output() override { return std::exchange(output_, {}); }
  bool wants_input() const override { return !is_full_; }
  bool is_inside_message() const override { return !input_.unread().empty(); }
  void set_output_full(bool is_full) override { is_full_ = is_full; }
  const std::string& refused_memory() const override { return refused_; }
  std::optional<int64_t> deadline_us() const override { return std::nullopt; }
  bool is_over() const override { return is_over_; }
  void shut_down(Error reason) override {
    output_ += "error: " + reason.message + ": " + reason.detail + "\n";
    is_over_ = true;
    host_.wake();
  }

 private:
  SessionHost& host_;
  InputBuffer input_;
  std::string output_, refused_;
  bool is_full_ = false, is_over_ = false;
};

struct LineProtocol final : ClientProtocol {
  std::string_view name() const override { return "lines"; }
  std::unique_ptr<ClientSession> open_session(const NewClient& client) override {
    return std::make_unique<LineSession>(client);
  }
};

// A session that, after its first input, always has more to do than one run allows.
class BusySession final : public ClientSession {
 public:
  struct Seen {
    std::atomic<int> runs = 0, reads = 0;
    std::atomic<std::thread::id> thread;
  };
  BusySession(const NewClient& client, Seen& seen) : host_(client.host), seen_(seen) {}
  void receive(std::string_view) override {
    seen_.thread = std::this_thread::get_id();
    ++seen_.reads;
  }
  void run() override {
    if (seen_.reads == 0 || is_over_) return;
    ++seen_.runs;
    host_.wake();
  }
  std::string take_output() override { return {}; }
  bool wants_input() const override { return true; }
  bool is_inside_message() const override { return false; }
  void set_output_full(bool) override {}
  const std::string& refused_memory() const override { return nothing_; }
  std::optional<int64_t> deadline_us() const override { return std::nullopt; }
  bool is_over() const override { return is_over_; }
  void shut_down(Error) override {
    is_over_ = true;
    host_.wake();
  }

 private:
  SessionHost& host_;
  Seen& seen_;
  const std::string nothing_;
  bool is_over_ = false;
};

struct BusyProtocol final : ClientProtocol {
  BusySession::Seen seen;
  std::string_view name() const override { return "busy"; }
  std::unique_ptr<ClientSession> open_session(const NewClient& client) override {
    return std::make_unique<BusySession>(client, seen);
  }
};

template <class Protocol>
struct RunningWith {
  SystemClock clock;
  MemoryBudget memory;
  Protocol protocol;
  Loop loops[2];
  std::unique_ptr<FrontEnd> front_end;
  std::thread threads[2];

  explicit RunningWith(size_t memory_bytes, FrontEndOptions options = {}) : memory(memory_bytes) {
    options.address = {"127.0.0.1", 0};
    front_end =
        FrontEnd::open({&loops[0], &loops[1]}, options, protocol, memory, clock).value_or(nullptr);
    for (size_t i = 0; i < 2; ++i) threads[i] = std::thread([this, i] { loops[i].run(); });
  }
  ~RunningWith() {
    for (Loop& loop : loops) loop.stop();
    for (std::thread& thread : threads) thread.join();
    front_end.reset();
  }
};

using Running = RunningWith<LineProtocol>;

class Client {
 public:
  template <class Protocol>
  explicit Client(const RunningWith<Protocol>& to) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(to.front_end->address().port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{20, 0};
    setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(connect(socket_.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  // Sends as much of the bytes as the server accepts. Returns their number.
  size_t send_some(std::string_view bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t size =
          send(socket_.fd(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (size <= 0) break;
      sent += static_cast<size_t>(size);
    }
    return sent;
  }
  std::string hear(size_t size) {
    std::string heard(size, 0);
    size_t at = 0;
    while (at < size) {
      const ssize_t got = recv(socket_.fd(), heard.data() + at, size - at, 0);
      if (got <= 0) break;
      at += static_cast<size_t>(got);
    }
    heard.resize(at);
    return heard;
  }
  std::string hear_all() { return hear(100 * kMb); }

 private:
  Socket socket_;
};

// Sends until the server has accepted no bytes for a while.
void push(Client& client, size_t most) {
  const std::string piece(256 * 1024, 'x');
  size_t sent = 0;
  for (int idle = 0; idle < 20 && sent < most;) {
    const size_t now = client.send_some(piece);
    sent += now;
    idle = now > 0 ? 0 : idle + 1;
    if (now == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST(FrontEnd, answers_on_all_loops) {
  Running running(64 * kMb);
  for (int i = 0; i < 4; ++i) {
    Client client(running);
    client.send_some("hello\n");
    EXPECT_EQ(client.hear(5), "hello");
  }
}

// Other sessions run between two runs of a session, however often its client sends something.
TEST(FrontEnd, a_session_that_always_has_more_to_do_runs_once_a_turn) {
  RunningWith<BusyProtocol> running(64 * kMb);
  Client client(running);
  constexpr int kReads = 50;
  for (int i = 1; i <= kReads; ++i) {
    client.send_some("x");
    while (running.protocol.seen.reads < i) std::this_thread::yield();
  }
  // A message that posts itself again runs once per loop iteration.
  std::atomic<int> turns = 0;
  std::atomic<bool> is_over = false;

  std::atomic<int> counting = 2;
  const auto count_turns = [&](Loop& its, auto& self) -> void {
    if (is_over) return void(--counting);
    if (std::this_thread::get_id() == running.protocol.seen.thread.load()) ++turns;
    its.post([&its, &self] { self(its, self); });
  };
  const int runs_before = running.protocol.seen.runs;
  for (Loop* each : {&running.loops[0], &running.loops[1]})
    each->post([each, &count_turns] { count_turns(*each, count_turns); });
  while (turns < 2'000) std::this_thread::yield();
  const int runs = running.protocol.seen.runs - runs_before, seen = turns;
  is_over = true;
  while (counting > 0) std::this_thread::yield();
  EXPECT_LE(runs, 2 * seen) << "runs in that many turns of its loop";
}

TEST(FrontEnd, one_connection_too_many_is_refused_with_the_reason) {
  FrontEndOptions options;
  options.max_connections = 1;
  Running running(64 * kMb, options);
  Client first(running);
  first.send_some("a\n");
  EXPECT_EQ(first.hear(1), "a");
  EXPECT_EQ(Client(running).hear_all(),
            "error: sorry, too many clients already: max-connections is 1.\n");
}

TEST(FrontEnd, half_sent_messages_of_many_stay_below_the_limit_and_a_small_client_goes_on) {
  FrontEndOptions options;
  options.memory_wait_ms = 300;
  Running running(64 * kMb, options);
  std::deque<Client> greedy;
  for (int i = 0; i < 30; ++i) {
    Client& client = greedy.emplace_back(running);
    client.send_some("long");
    push(client, 4 * kMb);
    EXPECT_LE(running.memory.held_bytes(), 64 * kMb);
  }
  Client small(running);
  for (int i = 0; i < 20; ++i) {
    small.send_some("ping\n");
    EXPECT_EQ(small.hear(4), "ping");
  }
  // Only the greedy clients are refused memory; they receive the reason.
  const std::string told = greedy.front().hear_all();
  EXPECT_TRUE(told.starts_with("error: not enough memory for a message ")) << told;
  EXPECT_NE(told.find("memory-limit is 64 MB, and "), std::string::npos) << told;
}

TEST(FrontEnd, a_client_that_does_not_read_is_ended_when_others_need_the_memory) {
  FrontEndOptions options;
  options.memory_wait_ms = 300;
  Running running(64 * kMb, options);
  std::deque<Client> deaf;
  for (int i = 0; i < 4; ++i) deaf.emplace_back(running).send_some("18000000\n");
  // The sockets hold a few megabytes each, and the server holds the rest, which is more than three quarters of the
  // limit.
  for (int i = 0; i < 6000 && running.front_end->connection_count() > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(running.front_end->connection_count(), 0u);
  EXPECT_EQ(running.memory.held_bytes(), 0u);
}

// Each client holds too little to be refused; together they hold all of the memory.
TEST(FrontEnd, many_that_hold_a_little_and_do_nothing_are_ended_when_memory_is_short) {
  FrontEndOptions options;
  options.memory_wait_ms = 300;
  Running running(16 * kMb, options);
  std::deque<Client> idle;
  bool was_tight = false;
  for (int i = 0; i < 80; ++i) {
    idle.emplace_back(running).send_some("long" + std::string(230'000, 'x'));
    was_tight |= running.memory.is_tight();
  }
  for (int i = 0; i < 6000 && (!was_tight || running.memory.is_tight()); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    was_tight |= running.memory.is_tight();
  }
  EXPECT_TRUE(was_tight);
  EXPECT_FALSE(running.memory.is_tight());
}

// A pooled connection reads the reason when it is used next; the stop does not wait for this.
TEST(FrontEnd, a_stop_ends_all_sessions_with_a_reason_that_they_may_read_later) {
  Running running(64 * kMb);
  Client first(running), second(running);
  for (Client* client : {&first, &second}) {
    client->send_some("a\n");
    EXPECT_EQ(client->hear(1), "a");
  }
  std::promise<void> stopped;
  running.front_end->stop([&] { stopped.set_value(); });
  EXPECT_EQ(stopped.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  for (Client* client : {&first, &second})
    EXPECT_TRUE(client->hear_all().starts_with("error: terminating connection"));
}

}  // namespace
}  // namespace server
