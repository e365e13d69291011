#include "server/net/connector.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <uv.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/net/slice_meter.h"

namespace server {

namespace {

std::string lower(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(text[0]));
  return text;
}

}  // namespace

// Deletes itself when the Connector is destroyed and libuv has closed all handles.
struct Connector::Impl {
  Impl(Loop& on, const Address& to, int64_t timeout_ms, Done when_done)
      : loop(on), address(to), done(std::move(when_done)) {
    uv_timer_init(loop.uv(), &timer);
    timer.data = this;
    uv_timer_start(
        &timer,
        [](uv_timer_t* handle) {
          auto* self = static_cast<Impl*>(handle->data);
          self->was_refused = false;
          self->fail("no answer");
        },
        static_cast<uint64_t>(timeout_ms), 0);
    look_up();
  }

  void look_up() {
    lookup.data = this;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    const std::string port = std::to_string(address.port);
    is_looking_up = true;
    const int begun = uv_getaddrinfo(
        loop.uv(), &lookup,
        [](uv_getaddrinfo_t* request, int status, addrinfo* found) {
          static_cast<Impl*>(request->data)->looked_up(status, found);
        },
        address.host.c_str(), port.c_str(), &hints);
    if (begun == 0) return;
    is_looking_up = false;
    why = uv_strerror(begun);
    uv_timer_start(
        &timer, [](uv_timer_t* handle) { static_cast<Impl*>(handle->data)->fail({}); }, 0, 0);
  }

  void looked_up(int status, addrinfo* found) {
    const SliceMeter::Slice slice(slices_of(loop.uv()), "connecting");
    is_looking_up = false;
    addresses = found;
    next = found;
    if (is_over) return delete_if_unused();
    if (status != 0) return fail(uv_strerror(status));
    try_next();
  }

  void try_next() {
    for (; next != nullptr; next = next->ai_next) {
      socket = Socket(::socket(next->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (socket.fd() < 0) {
        why = lower(strerror(errno));
        continue;
      }
      const int connected = connect(socket.fd(), next->ai_addr, next->ai_addrlen);
      if (connected == 0 || errno == EINPROGRESS) {
        next = next->ai_next;
        return await();
      }
      was_refused = errno == ECONNREFUSED;
      why = lower(strerror(errno));
    }
    fail(why);
  }

  void await() {
    auto* poll = new uv_poll_t;
    uv_poll_init(loop.uv(), poll, socket.fd());
    poll->data = this;
    polling = poll;
    uv_poll_start(poll, UV_WRITABLE, [](uv_poll_t* handle, int, int) {
      const SliceMeter::Slice slice(slices_of(handle->loop), "connecting");
      static_cast<Impl*>(handle->data)->on_writable();
    });
  }

  void stop_polling() {
    if (uv_poll_t* poll = std::exchange(polling, nullptr))
      uv_close(reinterpret_cast<uv_handle_t*>(poll),
               [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
  }

  void on_writable() {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    stop_polling();
    if (error == 0) return end(std::move(socket));
    was_refused = error == ECONNREFUSED;
    why = lower(strerror(error));
    try_next();
  }

  void fail(const std::string& reason) {
    end(Error{ErrorCode::NetworkFailure,
              fmt::format("cannot connect to {}: {}", address.to_string(),
                          reason.empty() ? why : reason)});
  }
  void end(Result<Socket> result) {
    uv_timer_stop(&timer);
    stop_polling();
    // The callback may destroy the connector, so no member is used after the call.
    if (Done told = std::exchange(done, nullptr)) told(std::move(result));
  }

  void close() {
    done = nullptr;
    is_over = true;
    stop_polling();
    if (is_looking_up) uv_cancel(reinterpret_cast<uv_req_t*>(&lookup));
    uv_close(reinterpret_cast<uv_handle_t*>(&timer), [](uv_handle_t* handle) {
      auto* self = static_cast<Impl*>(handle->data);
      self->is_timer_closed = true;
      self->delete_if_unused();
    });
  }
  void delete_if_unused() {
    if (!is_timer_closed || is_looking_up) return;
    if (addresses != nullptr) uv_freeaddrinfo(addresses);
    delete this;
  }

  Loop& loop;
  const Address address;
  Done done;  // empty after the call, or if the owner is gone
  uv_timer_t timer;
  uv_getaddrinfo_t lookup;
  uv_poll_t* polling = nullptr;
  addrinfo *addresses = nullptr, *next = nullptr;
  Socket socket;
  std::string why = "the host has no address";
  bool is_looking_up = false, is_over = false, is_timer_closed = false;
  bool was_refused = false;  // the last address that was tried has refused
};

Connector::Connector(Loop& loop, const Address& address, int64_t timeout_ms, Done done)
    : impl_(new Impl(loop, address, timeout_ms, std::move(done))) {}

bool Connector::was_refused() const { return impl_->was_refused; }

Connector::~Connector() { impl_->close(); }

}  // namespace server
