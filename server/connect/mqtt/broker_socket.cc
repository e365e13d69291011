#include "server/connect/mqtt/broker_socket.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/http_client/addresses.h"

namespace server {

namespace {

constexpr int64_t kOneMsInUs = 1'000;

std::string text_of_errno(int number) {
  std::string text = strerror(number);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

// Returns whether the socket became ready for the events of poll(2) within the time.
bool await(int fd, short events, int64_t ms) {
  pollfd polled{fd, events, 0};
  return ::poll(&polled, 1, static_cast<int>(std::max<int64_t>(ms, 0))) > 0;
}

struct FreeAddresses {
  void operator()(addrinfo* addresses) const { freeaddrinfo(addresses); }
};

}  // namespace

Result<Socket> BrokerSocket::connect(const Options& options, const Clock& clock) {
  const int64_t end_us = clock.monotonic_us() + options.timeout_ms * kOneMsInUs;
  const auto fails = [&](std::string_view why) {
    return Error{ErrorCode::NetworkFailure,
                 fmt::format("cannot connect to {}: {}", options.address.to_string(), why)};
  };
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(options.address.host.c_str(),
                               std::to_string(options.address.port).c_str(), &hints, &found);
  if (code != 0) return fails(gai_strerror(code));
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
  Error last = fails("the host has no address");
  for (const addrinfo* each = addresses.get(); each != nullptr; each = each->ai_next) {
    if (!options.allows_private_addresses && !is_public_address(*each->ai_addr)) {
      last = {ErrorCode::InsufficientPrivilege,
              fmt::format("{} is not a public address", options.address.to_string()),
              {},
              "Only connectors of a superuser reach the server's own networks."};
      continue;
    }
    Socket socket(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.fd() < 0) {
      last = fails(text_of_errno(errno));
      continue;
    }
    int error = ::connect(socket.fd(), each->ai_addr, each->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      if (!await(socket.fd(), POLLOUT, (end_us - clock.monotonic_us()) / kOneMsInUs)) {
        last = fails("no answer");
        continue;
      }
      socklen_t size = sizeof error;
      getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) return socket;
    last = fails(text_of_errno(error));
  }
  return last;
}

Result<std::unique_ptr<BrokerSocket>> BrokerSocket::open(Options options, const Clock& clock) {
  Socket socket = TRY(connect(options, clock));
  const int on = 1;
  setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::unique_ptr<BrokerSocket> opened(
      new BrokerSocket(std::move(options), std::move(socket), clock));
  if (opened->tls_) TRY(opened->send(opened->tls_->take_encrypted()));
  return opened;
}

BrokerSocket::BrokerSocket(Options options, Socket socket, const Clock& clock)
    : options_(std::move(options)), socket_(std::move(socket)), clock_(clock) {
  if (options_.certificates != nullptr)
    tls_ = std::make_unique<ClientTls>(*options_.certificates, options_.address.host,
                                       HostCheck::SameHost);
}

Error BrokerSocket::failure(std::string_view problem, std::string hint) const {
  return {ErrorCode::NetworkFailure,
          fmt::format("{}: {}", options_.address.to_string(), problem),
          {},
          std::move(hint)};
}

Status BrokerSocket::write(std::string_view bytes) {
  if (!tls_) return send(bytes);
  tls_->say(bytes);
  return send(tls_->take_encrypted());
}

Status BrokerSocket::send(std::string_view bytes) {
  const int64_t end_us = clock_.monotonic_us() + options_.timeout_ms * kOneMsInUs;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return failure(text_of_errno(errno));
    if (!await(socket_.fd(), POLLOUT, (end_us - clock_.monotonic_us()) / kOneMsInUs))
      return failure(
          fmt::format("the broker has accepted no bytes for {} ms", options_.timeout_ms));
  }
  return {};
}

Result<std::string> BrokerSocket::read(int64_t wait_ms) {
  constexpr size_t kBytesOfOneRead = 64 << 10;
  if (!await(socket_.fd(), POLLIN, wait_ms)) return std::string();
  std::string bytes(kBytesOfOneRead, '\0');
  const ssize_t received = ::recv(socket_.fd(), bytes.data(), bytes.size(), 0);
  if (received < 0) {
    if (errno == EAGAIN || errno == EINTR) return std::string();
    return failure(text_of_errno(errno));
  }
  if (received == 0) return failure("the broker has closed the connection");
  bytes.resize(static_cast<size_t>(received));
  return tls_ ? decrypt(bytes) : std::move(bytes);
}

Result<std::string> BrokerSocket::decrypt(std::string_view bytes) {
  auto plain = tls_->receive(bytes);
  // After a failure, this sends the alert that names the reason to the broker.
  const Status sent = send(tls_->take_encrypted());
  if (plain) {
    TRY(sent);
    if (plain->empty() && tls_->is_closed_by_peer())
      return failure("the broker has closed the connection");
    return plain;
  }
  if (tls_->is_other_host())
    return failure(fmt::format("the certificate of the broker is not for the host \"{}\"",
                               options_.address.host),
                   "Use a name of the certificate in mqtt.server.uri.");
  if (tls_->is_certificate_refused())
    return failure(
        fmt::format("the certificate of the broker is not accepted: {}", plain.error().message),
        "mqtt.ssl.ca.pem is the certificate of the authority that signed it.");
  return failure(plain.error().message,
                 plain.error().message.find("alert") == std::string::npos
                     ? "The port may be one without TLS: tcp:// instead of ssl://."
                     : "The broker may ask for a certificate: mqtt.ssl.certificate.pem, "
                       "mqtt.ssl.key.pem.");
}

}  // namespace server
