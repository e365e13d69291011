#include "server/net/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <vector>

#include "base/clock.h"
#include "server/net/slice_meter.h"

namespace server {

namespace {

// Limits for the reads from one socket in a loop iteration, by number and by time, so that one fast
// sender does not delay the other clients. Processing 64 KB of COPY takes up to a millisecond.
constexpr int kReadsPerTurn = 4;
constexpr int64_t kReadingUs = 500;
constexpr size_t kMostAtOnce = 256 * 1024;  // limit of one read
constexpr size_t kMaxParts = 64;            // most pieces in one call of sendmsg()

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

Address to_address(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family != AF_INET6) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return {text.data(), ntohs(v4.sin_port)};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
    inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
  else
    inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return {text.data(), ntohs(v6.sin6_port)};
}

}  // namespace

struct Connection::Impl : std::enable_shared_from_this<Connection::Impl> {
  uv_poll_t poll;
  Socket socket;
  ConnectionHandler* handler;           // null after on_closed(), or if the owner is gone
  std::shared_ptr<Impl> kept_by_libuv;  // keeps this object alive until libuv has closed the handle
  std::unique_ptr<Timer> last_call;     // time limit of close_when_sent()
  std::optional<int64_t> linger_ms;     // parameter of close_when_sent()
  struct Unsent {
    std::string own;
    SharedBytes shared = {};
    std::string_view view() const { return shared.empty() ? own : shared.view(); }
  };
  std::deque<Unsent> unsent;
  size_t sent_of_front = 0, unsent_size = 0;
  bool input_paused = false, closing_when_sent = false, was_full = false;
  int polled_events = 0;

  void watch() {
    if (!handler) return;
    int events = UV_DISCONNECT;
    if (!input_paused || closing_when_sent) events |= UV_READABLE;
    if (unsent_size > 0) events |= UV_WRITABLE;
    if (events == polled_events) return;
    polled_events = events;
    uv_poll_start(&poll, events, [](uv_poll_t* handle, int status, int ready) {
      const SliceMeter::Slice slice(slices_of(handle->loop), "socket");
      static_cast<Impl*>(handle->data)->on_ready(status, ready);
    });
  }

  void on_ready(int status, int ready) {
    // The owner may release this object below, so it keeps itself alive until the end of this function.
    const std::shared_ptr<Impl> self = shared_from_this();
    if (status < 0) return end();
    if (handler && (ready & UV_WRITABLE)) send_unsent();
    if (handler && (ready & UV_READABLE)) receive();
    // Input that arrived before the peer has closed is read first; a later read then detects the
    // end. But while input is paused, the socket is not read, so the connection ends immediately.
    if (handler && (ready & UV_DISCONNECT) && input_paused) end();
    watch();
  }

  void receive() {
    // The alignment works around a fault of lld: GNU_RELRO begins where thread-local data begins,
    // and lld lets unaligned data begin on a page that is not mapped. Whether the program starts
    // would then depend on the size of its text.
    alignas(4096) thread_local std::array<char, Connection::kReadSizeBytes> buffer;
    const SystemClock clock;
    const int64_t until_us = clock.monotonic_us() + kReadingUs;
    for (int i = 0; i < kReadsPerTurn; ++i) {
      if (i > 0 && clock.monotonic_us() >= until_us) return;
      if (!handler || (input_paused && !closing_when_sent)) return;
      std::span<char> room = closing_when_sent ? std::span<char>() : handler->input_room();
      if (room.empty()) room = buffer;
      room = room.first(std::min(room.size(), kMostAtOnce));
      const ssize_t size = recv(socket.fd(), room.data(), room.size(), 0);
      if (size < 0 && would_block()) return;
      if (size <= 0) return end();
      if (!closing_when_sent) handler->on_input({room.data(), static_cast<size_t>(size)});
      if (static_cast<size_t>(size) < room.size()) return;
    }
  }

  // Returns the number of bytes that the socket has taken, or nullopt if the connection is broken.
  std::optional<size_t> try_send(std::span<const std::string_view> parts) const {
    std::array<iovec, kMaxParts> vectors;
    const size_t count = std::min(parts.size(), vectors.size());
    for (size_t i = 0; i < count; ++i)
      vectors[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t size = sendmsg(socket.fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size >= 0) return static_cast<size_t>(size);
    if (would_block()) return 0;
    return std::nullopt;
  }

  void send_unsent() {
    while (unsent_size > 0) {
      std::vector<std::string_view> parts;
      for (const Unsent& each : unsent) {
        if (parts.size() == kMaxParts) break;
        parts.push_back(each.view());
      }
      parts.front().remove_prefix(sent_of_front);
      const std::optional<size_t> sent = try_send(parts);
      if (!sent) return end();
      if (*sent == 0) break;
      forget(*sent);
    }
    if (closing_when_sent && unsent_size == 0) stop_sending();
    if (was_full && unsent_size <= kLowMarkBytes) {
      was_full = false;
      handler->on_drained();
    }
  }

  // Shuts down the sending side. Input is still read until the peer closes, too: if a socket with
  // unread input is closed, the kernel sends a reset, which can overtake the last output.
  void stop_sending() {
    shutdown(socket.fd(), SHUT_WR);
    if (linger_ms) last_call->start_once(*linger_ms);
  }

  void forget(size_t size) {
    unsent_size -= size;
    while (size > 0) {
      const size_t left = unsent.front().view().size() - sent_of_front;
      if (size < left) {
        sent_of_front += size;
        return;
      }
      size -= left;
      unsent.pop_front();
      sent_of_front = 0;
    }
  }

  // Buffers the part of `bytes` that the socket has not taken; it has taken the first `sent` bytes.
  // Only the first buffered piece may contain bytes that were sent.
  void keep(std::string bytes, size_t sent = 0) {
    if (bytes.size() == sent) return;
    // A buffer that has grown may have twice the necessary capacity, and most of its bytes may be
    // sent already. In this case the rest is copied into a buffer of its size. If most bytes of a
    // long buffer are unsent, they are not copied, because the copy would take milliseconds.
    constexpr size_t kMostSlack = 4 * 1024, kMostPart = 4;
    const size_t waiting = bytes.size() - sent;
    if (bytes.capacity() - waiting > std::max(kMostSlack, waiting / kMostPart))
      bytes = std::string(std::string_view(bytes).substr(std::exchange(sent, 0)));
    queue({std::move(bytes)}, sent);
  }
  void queue(Unsent piece, size_t sent) {
    if (unsent.empty()) sent_of_front = sent;
    unsent_size += piece.view().size() - sent;
    unsent.push_back(std::move(piece));
    was_full = was_full || unsent_size > kHighMarkBytes;
  }

  void end() {
    uv_poll_stop(&poll);
    if (ConnectionHandler* told = std::exchange(handler, nullptr)) told->on_closed();
  }

  void close() {
    handler = nullptr;
    last_call.reset();
    uv_close(reinterpret_cast<uv_handle_t*>(&poll), [](uv_handle_t* handle) {
      auto* impl = static_cast<Impl*>(handle->data);
      impl->socket = Socket();
      impl->kept_by_libuv.reset();
    });
  }
};

Connection::Connection(Loop& loop, Socket socket, ConnectionHandler& handler)
    : impl_(std::make_shared<Impl>()) {
  impl_->socket = std::move(socket);
  impl_->handler = &handler;
  const int on = 1;
  // Answers are written as a whole, so Nagle's algorithm could only delay them. Keep-alive detects
  // peers whose machine is gone. If an option cannot be set, the connection works without it.
  setsockopt(impl_->socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(impl_->socket.fd(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  uv_poll_init(loop.uv(), &impl_->poll, impl_->socket.fd());
  impl_->poll.data = impl_.get();
  impl_->kept_by_libuv = impl_;
  impl_->last_call = std::make_unique<Timer>(loop, "closing a connection", [impl = impl_.get()] {
    const std::shared_ptr<Impl> self = impl->shared_from_this();
    impl->end();
  });
  impl_->watch();
}

Connection::~Connection() { impl_->close(); }

void Connection::write(std::string bytes) {
  const std::string_view whole = bytes;
  if (impl_->unsent_size > 0) {
    impl_->keep(std::move(bytes));
    return;
  }
  // after a failure nothing is sent, and polling then reports the end of the connection
  const size_t sent = impl_->try_send({&whole, 1}).value_or(0);
  impl_->keep(std::move(bytes), sent);
  impl_->watch();
}

void Connection::write(std::string head, SharedBytes middle, std::string tail) {
  const std::array<std::string_view, 3> parts{head, middle, tail};
  size_t sent = impl_->unsent_size > 0 ? 0 : impl_->try_send(parts).value_or(0);
  std::array<Impl::Unsent, 3> pieces{Impl::Unsent{std::move(head)},
                                     Impl::Unsent{{}, std::move(middle)},
                                     Impl::Unsent{std::move(tail)}};
  for (Impl::Unsent& piece : pieces) {
    const size_t size = piece.view().size();
    if (size > sent) impl_->queue(std::move(piece), sent);
    sent -= std::min(sent, size);
  }
  impl_->watch();
}

size_t Connection::unsent_bytes() const { return impl_->unsent_size; }
size_t Connection::held_bytes() const { return impl_->unsent_size + impl_->sent_of_front; }

void Connection::acknowledge_now() {
  const int on = 1;
  setsockopt(impl_->socket.fd(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

void Connection::pause_input() {
  impl_->input_paused = true;
  impl_->watch();
}
void Connection::resume_input() {
  impl_->input_paused = false;
  impl_->watch();
}

void Connection::close_when_sent(int64_t timeout_ms, std::optional<int64_t> linger_ms) {
  impl_->closing_when_sent = true;
  impl_->linger_ms = linger_ms;
  impl_->last_call->start_once(timeout_ms);
  if (impl_->unsent_size == 0) impl_->stop_sending();
  impl_->watch();
}

std::string Connection::peer() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(impl_->socket.fd(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return "unknown";
  return to_address(address).to_string();
}

std::optional<Address> Connection::local() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(impl_->socket.fd(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return std::nullopt;
  return to_address(address);
}

}  // namespace server
