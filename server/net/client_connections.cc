#include "server/net/client_connections.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "base/log.h"
#include "server/net/slice_meter.h"

namespace server {

namespace {

// The time that a client has to read the error that ends its session.
constexpr int64_t kCloseTimeoutMs = 2000;
// When the server stops, all output has been sent. A client that does not then close its side, for example an idle
// connection of a pool, gets only this time. The server waits at all because of a client that is just sending data:
// without the wait, the system would answer these data with a reset, and the client could lose output that it has
// not read yet.
constexpr int64_t kLingerAtStopMs = 50;
// The intervals at which the memory of connections is checked. The first is for connections that
// wait for memory, the second for connections that hold memory.
constexpr int64_t kWaitingTickMs = 50, kHoldingTickMs = 1000;
// Limit for the memory of an idle connection.
constexpr size_t kIdleBytes = 16 * 1024;
// The size of a read while incomplete messages hold most of the memory.
constexpr size_t kShortReadBytes = 4 * 1024;
// Limit for the number of refused clients that get the protocol's greeting before the error. Beyond
// the limit, clients get only the error and are closed.
constexpr size_t kMaxRefused = 100;

// Returns the host of "127.0.0.1:51234", and of "[::1]:51234" without brackets.
std::string host_of(std::string_view peer) {
  peer = peer.substr(0, peer.rfind(':'));
  if (peer.starts_with('[') && peer.ends_with(']')) peer = peer.substr(1, peer.size() - 2);
  return std::string(peer);
}

// Returns whether incomplete messages hold more than half of the memory budget. They may never be
// completed.
bool has_many_messages(const MemoryBudget& budget) {
  return budget.held_bytes(MemoryKind::Connections) > budget.limit_bytes() / 2;
}

// Shortens and escapes a reason for the log. A reason may contain a name that the client has
// chosen, and the name must not look like another field or another line of the log.
std::string for_log(std::string_view reason) {
  constexpr size_t kShown = 300;
  std::string shown(reason.substr(0, kShown));
  for (char& c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
    if (c == '"') c = '\'';
  }
  if (reason.size() > kShown) shown += "...";
  return shown;
}

}  // namespace

// Threads: one loop. Owner: ClientConnections.
class ClientConnection final : private ConnectionHandler, private SessionHost {
  using MemoryNeed = ClientConnections::MemoryNeed;

 public:
  ClientConnection(ClientConnections& owner, Socket socket, uint64_t id)
      : owner_(owner),
        id_(id),
        pass_(owner.shared_.connections),
        memory_(owner.shared_.memory),
        unsent_(&memory_, MemoryKind::Results),
        connection_(owner.loop_, std::move(socket), *this),
        channel_{.peer_host = host_of(connection_.peer())},
        session_(open_session()),
        progress_us_(owner.shared_.clock.monotonic_us()) {}
  ~ClientConnection() {
    if (is_refused_) --owner_.shared_.refused_count;
    stop_waiting();
  }
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  ClientSession& session() { return *session_; }
  bool is_admitted() const { return pass_.is_admitted(); }
  void refuse(Error reason) {
    is_refused_ = true;
    if (++owner_.shared_.refused_count <= kMaxRefused)
      session_->refuse(std::move(reason));
    else
      session_->shut_down(std::move(reason));
  }

  // Runs the pump that pump_soon() has posted. Until it runs, further wakes post no other pump. Otherwise each read
  // of a session with more than one slice of work would post another pump, and all of them would run in each loop
  // iteration.
  void pump_as_promised() {
    is_woken_ = false;
    pump();
  }

  void pump() {
    if (is_closing_) return;
    owner_.loop_.slices().describe(owner_.slice_name_);
    session_->run();
    if (std::string output = session_->take_output(); !output.empty()) {
      connection_.write(std::move(output));
      // The memory of unsent output is charged even if this exceeds the budget. Only one answer can
      // be in excess of what the socket accepts, because is_full() stops further answers.
      unsent_.resize(connection_.held_bytes());
    }
    session_->set_output_full(is_output_full());
    if (session_->is_over()) return close();
    if (session_->wants_input() && session_->refused_memory().empty())
      connection_.resume_input();
    else
      connection_.pause_input();
    set_deadline(session_->deadline_us());
    const bool waits = is_held_up_ || !session_->refused_memory().empty();
    owner_.watch_memory(id_, waits                               ? MemoryNeed::Waits
                             : memory_.held_bytes() > kIdleBytes ? MemoryNeed::Holds
                                                                 : MemoryNeed::Idle);
  }

  // Requests again the memory that was refused, and ends the session if the refusal has lasted too
  // long.
  void look_at_memory(int64_t now_us) {
    if (is_closing_) return;
    const bool is_refused = !session_->refused_memory().empty();
    note_sent(now_us);
    if (is_held_up_ && !is_output_full()) pump();
    if (is_closing_) return;
    if (is_refused || memory_.budget().is_tight())
      if (now_us - progress_us_ > owner_.shared_.options.memory_wait_ms * 1000) end_stalled();
    if (is_refused) pump();
  }

 private:
  std::unique_ptr<ClientSession> open_session() {
    const FrontEndOptions& options = owner_.shared_.options;
    auto session = owner_.shared_.protocol.open_session(
        {owner_.shard_, *this, connection_, memory_, channel_});
    if (!options.tls) return session;
    return std::make_unique<TlsSession>(*options.tls, options.tls_start, std::move(session),
                                        channel_, static_cast<SessionHost&>(*this),
                                        owner_.handshakes_, owner_.shared_.clock, &memory_);
  }

  void on_input(std::string_view bytes) override {
    progress_us_ = owner_.shared_.clock.monotonic_us();
    session_->receive(bytes);
    pump();
    if (!is_closing_ && session_->is_inside_message()) connection_.acknowledge_now();
  }
  // Returns a short buffer while incomplete messages hold most of the memory. Bytes that were read must be kept
  // even if memory is exhausted. So with buffers of full size, the incomplete messages of all clients could take
  // the whole memory.
  std::span<char> input_room() override {
    thread_local std::array<char, kShortReadBytes> room;
    return has_many_messages(memory_.budget()) ? std::span<char>(room) : std::span<char>();
  }
  void on_drained() override {
    note_sent(owner_.shared_.clock.monotonic_us());
    session_->set_output_full(false);
    pump();
  }
  void on_closed() override { owner_.remove(id_); }  // destroys this object

  void wake() override {
    if (!std::exchange(is_woken_, true)) owner_.pump_soon(id_);
  }

  // Returns whether the session has to pause its output. If many answers wait for their clients, a
  // session pauses until its client has taken the last answer. No event reports the end of this
  // state, so a timer checks it.
  bool is_output_full() {
    is_held_up_ = !connection_.is_full() && memory_.budget().has_many_answers() &&
                  connection_.unsent_bytes() > MemoryBudget::kShortAnswerBytes;
    return is_held_up_ || connection_.is_full();
  }

  void note_sent(int64_t now_us) {
    const size_t unsent = connection_.unsent_bytes();
    if (unsent != std::exchange(last_unsent_, unsent)) progress_us_ = now_us;
    unsent_.resize(connection_.held_bytes());
  }

  // Ends a session that makes no progress, with an error that names the held memory. A session that
  // works on a statement is not ended, but a session that waits for its client is.
  void end_stalled() {
    if (const std::string& refused = session_->refused_memory(); !refused.empty())
      session_->shut_down(memory_.refusal(refused));
    else if (connection_.unsent_bytes() > 0)
      session_->shut_down(memory_.refusal(fmt::format("{} of answers that the client does not read",
                                                      format_bytes(connection_.unsent_bytes()))));
    else if (session_->unsent_bytes() > 0)
      session_->shut_down(memory_.refusal(fmt::format("{} of answers that the client does not read",
                                                      format_bytes(session_->unsent_bytes()))));
    else if (session_->is_inside_message())
      session_->shut_down(memory_.refusal("a message whose rest does not arrive"));
    else
      return;
    pump();
  }

  void close() {
    is_closing_ = true;
    if (const std::string reason = session_->end_reason(); !reason.empty())
      owner_.log_end(connection_.peer(), reason);
    stop_waiting();
    connection_.close_when_sent(
        kCloseTimeoutMs, owner_.is_shutting_down_ ? std::optional(kLingerAtStopMs) : std::nullopt);
  }

  void stop_waiting() {
    set_deadline(std::nullopt);
    owner_.watch_memory(id_, MemoryNeed::Idle);
  }
  void set_deadline(std::optional<int64_t> deadline_us) {
    if (deadline_us == deadline_us_) return;
    owner_.set_deadline(id_, deadline_us_, deadline_us);
    deadline_us_ = deadline_us;
  }

  ClientConnections& owner_;
  const uint64_t id_;
  const Gate::Pass pass_;  // destroyed last, after the socket is closed
  MemoryAccount memory_;
  MemoryCharge unsent_;
  Connection connection_;
  Channel channel_;
  std::unique_ptr<ClientSession> session_;
  int64_t progress_us_;  // time when the client last sent or took bytes
  size_t last_unsent_ = 0;
  std::optional<int64_t> deadline_us_;
  bool is_woken_ = false, is_closing_ = false, is_refused_ = false;
  bool is_held_up_ = false;  // pauses its output because of the memory that other clients hold
};

ClientConnections::ClientConnections(Loop& loop, size_t shard, FrontEndShared& shared)
    : loop_(loop),
      shard_(shard),
      shared_(shared),
      slice_name_(fmt::format("{} client", shared.protocol.name())),
      deadline_timer_(loop, "deadlines of clients", [this] { on_deadlines(); }),
      memory_timer_(loop, "memory of clients", [this] { on_memory_timer(); }),
      handshakes_(shared.clock) {}
ClientConnections::~ClientConnections() = default;

void ClientConnections::accept(Socket socket) {
  const uint64_t id = ++last_id_;
  ClientConnection& added =
      *(connections_[id] = std::make_unique<ClientConnection>(*this, std::move(socket), id));
  if (!added.is_admitted())
    added.session().shut_down({ErrorCode::ShuttingDown, "the server is shutting down"});
  else if (shared_.connections.count() >
           shared_.options.max_connections + shared_.refused_count.load())
    added.refuse({ErrorCode::TooManyConnections, "sorry, too many clients already",
                  fmt::format("max-connections is {}.", shared_.options.max_connections)});
  else
    added.pump();
}

void ClientConnections::shut_down() {
  is_shutting_down_ = true;
  for (const auto& [id, connection] : connections_)
    connection->session().shut_down(
        {ErrorCode::ShuttingDown, "terminating connection due to administrator command"});
}

void ClientConnections::clear() { connections_.clear(); }
void ClientConnections::remove(uint64_t id) { connections_.erase(id); }

void ClientConnections::pump_soon(uint64_t id) {
  loop_.defer([weak = weak_from_this(), id] {
    const std::shared_ptr<ClientConnections> self = weak.lock();
    if (!self) return;
    const auto found = self->connections_.find(id);
    if (found != self->connections_.end()) found->second->pump_as_promised();
  });
}

void ClientConnections::set_deadline(uint64_t id, std::optional<int64_t> before_us,
                                     std::optional<int64_t> now_us) {
  if (before_us) deadlines_.erase({*before_us, id});
  if (now_us) deadlines_.emplace(*now_us, id);
  set_timer();
}

void ClientConnections::set_timer() {
  if (deadlines_.empty() || is_in_deadlines_) return;
  const int64_t first_us = deadlines_.begin()->first;
  // If the timer is set to an earlier time, it is not changed. When it fires too early, no deadline is due, and the
  // timer is set again.
  if (deadline_timer_.is_running() && deadline_us_ <= first_us) return;
  deadline_us_ = first_us;
  const int64_t left_us = first_us - shared_.clock.monotonic_us();
  deadline_timer_.start_once(std::max<int64_t>(left_us, 0) / 1000 + 1);
}

void ClientConnections::on_deadlines() {
  const int64_t now_us = shared_.clock.monotonic_us();
  std::vector<uint64_t> due;  // copied, because pump() changes the deadlines
  for (const auto& [deadline_us, id] : deadlines_) {
    if (deadline_us > now_us) break;
    due.push_back(id);
  }
  is_in_deadlines_ = true;
  for (const uint64_t id : due)
    if (const auto found = connections_.find(id); found != connections_.end())
      found->second->pump();
  is_in_deadlines_ = false;
  set_timer();
}

void ClientConnections::watch_memory(uint64_t id, MemoryNeed need) {
  if (need == MemoryNeed::Idle && waiting_.empty() && holding_.empty()) return;
  need == MemoryNeed::Waits ? void(waiting_.insert(id)) : void(waiting_.erase(id));
  need == MemoryNeed::Holds ? void(holding_.insert(id)) : void(holding_.erase(id));
  set_memory_timer();
}

void ClientConnections::set_memory_timer() {
  const int64_t wanted_ms = !waiting_.empty()   ? kWaitingTickMs
                            : !holding_.empty() ? kHoldingTickMs
                                                : 0;
  if (std::exchange(memory_timer_ms_, wanted_ms) == wanted_ms) return;
  wanted_ms > 0 ? memory_timer_.start_every(wanted_ms) : memory_timer_.stop();
}

void ClientConnections::on_memory_timer() {
  const int64_t now_us = shared_.clock.monotonic_us();
  std::vector<uint64_t> looked_at(waiting_.begin(), waiting_.end());
  if (shared_.memory.is_tight() || shared_.memory.has_many_answers())
    looked_at.insert(looked_at.end(), holding_.begin(), holding_.end());
  for (const uint64_t id : looked_at)
    if (const auto found = connections_.find(id); found != connections_.end())
      found->second->look_at_memory(now_us);
}

void ClientConnections::log_end(const std::string& peer, const std::string& reason) {
  constexpr int64_t kPauseUs = 1'000'000;
  const int64_t now_us = shared_.clock.monotonic_us();
  if (now_us - logged_us_ < kPauseUs) {
    ++unlogged_;
    return;
  }
  log_warn("{} connection ended peer={} reason=\"{}\" others={}", shared_.protocol.name(), peer,
           for_log(reason), std::exchange(unlogged_, 0));
  logged_us_ = now_us;
}

}  // namespace server
