#include "server/net/listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "server/net/slice_meter.h"

namespace server {

namespace {

constexpr int kBacklog = 1024;
// Limit for the connections that are accepted in a turn, so that many new connections do not starve
// the existing ones.
constexpr int kAcceptsPerTurn = 64;

struct AddressList {
  addrinfo* first = nullptr;
  ~AddressList() {
    if (first) freeaddrinfo(first);
  }
};

// Returns the text of strerror() with a small first letter, because it follows a colon.
std::string reason_of(int error_number) {
  std::string reason = std::strerror(error_number);
  if (!reason.empty()) reason[0] = static_cast<char>(std::tolower(reason[0]));
  return reason;
}

Error cannot_listen(const Address& address, const std::string& reason, std::string hint) {
  return Error{ErrorCode::NetworkFailure, "cannot listen on " + address.to_string() + ": " + reason,
               "", std::move(hint)};
}

Error cannot_listen(const Address& address, int error_number) {
  std::string hint;
  if (error_number == EADDRINUSE)
    hint = "Another program is listening there. Choose another port, or 0 for any free one.";
  if (error_number == EACCES) hint = "Ports below 1024 need privileges. Choose a higher port.";
  return cannot_listen(address, reason_of(error_number), std::move(hint));
}

uint16_t bound_port(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  if (bound.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6&>(bound).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(bound).sin_port);
}

Result<Socket> bind_and_listen(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  AddressList found;
  const std::string port = std::to_string(address.port);
  const int lookup = getaddrinfo(address.host.empty() ? nullptr : address.host.c_str(),
                                 port.c_str(), &hints, &found.first);
  if (lookup != 0) return cannot_listen(address, gai_strerror(lookup), "");

  int last_error = EADDRNOTAVAIL;
  for (const addrinfo* each = found.first; each; each = each->ai_next) {
    Socket socket_(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    // A restarted server must not wait until the closed connections of its predecessor have
    // expired.
    if (socket_.fd() >= 0 &&
        setsockopt(socket_.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(socket_.fd(), each->ai_addr, each->ai_addrlen) == 0 &&
        listen(socket_.fd(), kBacklog) == 0)
      return socket_;
    last_error = errno;
  }
  return cannot_listen(address, last_error);
}

}  // namespace

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

struct Listener::Impl {
  uv_poll_t poll;
  uv_timer_t retry;  // runs while the process has no free file descriptor
  int open_handles = 2;
  Socket socket;
  Address address;
  OnAccept on_accept;

  void accept_some() {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      const int fd = accept4(socket.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd >= 0) {
        on_accept(Socket(fd));
        if (uv_is_closing(reinterpret_cast<uv_handle_t*>(&poll))) return;
        continue;
      }
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        wait_for_resources();
      if (errno != ECONNABORTED && errno != EINTR) return;
    }
  }

  // Stops polling for a while, because no file descriptor is free. The connection stays in the
  // backlog. Without the pause, polling would only occupy a core.
  void wait_for_resources() {
    log_warn("cannot accept a connection address={} reason=\"{}\"", address.to_string(),
             reason_of(errno));
    uv_poll_stop(&poll);
    constexpr uint64_t kRetryMs = 100;
    uv_timer_start(
        &retry, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->poll_again(); }, kRetryMs,
        0);
    errno = EMFILE;
  }

  void poll_again() {
    uv_poll_start(&poll, UV_READABLE, [](uv_poll_t* handle, int, int) {
      const SliceMeter::Slice slice(slices_of(handle->loop), "accept");
      static_cast<Impl*>(handle->data)->accept_some();
    });
  }

  static void on_handle_closed(uv_handle_t* handle) {
    auto* impl = static_cast<Impl*>(handle->data);
    if (--impl->open_handles == 0) delete impl;
  }
};

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const Address& address,
                                                 OnAccept on_accept) {
  Socket socket = TRY(bind_and_listen(address));
  Address bound{address.host, bound_port(socket.fd())};
  auto* impl = new Impl{{}, {}, 2, std::move(socket), std::move(bound), std::move(on_accept)};
  uv_poll_init(loop.uv(), &impl->poll, impl->socket.fd());
  uv_timer_init(loop.uv(), &impl->retry);
  impl->poll.data = impl->retry.data = impl;
  impl->poll_again();
  return std::unique_ptr<Listener>(new Listener(impl));
}

Listener::~Listener() {
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->poll), Impl::on_handle_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->retry), Impl::on_handle_closed);
}

const Address& Listener::address() const { return impl_->address; }

}  // namespace server
