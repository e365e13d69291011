#include "client/admin/wire_connection.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace client {

namespace {

constexpr int kPatienceSeconds = 30;
// More than any of these answers has; what is no Kafka server may say anything.
constexpr int32_t kMaxAnswerBytes = 256 << 20;
constexpr size_t kFirstHeaderBytes = 4;  // the number of the request; a flexible one has no tagged fields behind it

Error failure(std::string message) { return {ErrorCode::NetworkFailure, std::move(message)}; }
Error failure_now(std::string_view what) {
  return failure(fmt::format("{}: {}", what, std::strerror(errno)));
}

Result<int> connect_to(const addrinfo& at) {
  const int socket = ::socket(at.ai_family, at.ai_socktype | SOCK_CLOEXEC, at.ai_protocol);
  if (socket < 0) return failure_now("a socket could not be made");
  const timeval patience{kPatienceSeconds, 0};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
    ::setsockopt(socket, SOL_SOCKET, option, &patience, sizeof patience);
  if (::connect(socket, at.ai_addr, at.ai_addrlen) == 0) return socket;
  Error error = failure_now("no connection");
  ::close(socket);
  return error;
}

}  // namespace

WireWriter& WireWriter::text(std::string_view value) {
  count(static_cast<int64_t>(value.size()));
  bytes_ += value;
  return *this;
}

WireWriter& WireWriter::count(int64_t elements) {
  append_varint(bytes_, static_cast<uint64_t>(elements + 1));
  return *this;
}

std::string WireReader::text() { return std::string(in_.bytes(count())); }

size_t WireReader::count() {
  const uint64_t size = in_.varint();
  if (size == 0) return 0;
  // An element has a byte at least.
  if (size - 1 > in_.rest().size()) in_.fail();
  return in_.ok() ? size - 1 : 0;
}

void WireReader::end() {
  for (uint64_t left = in_.varint(); left > 0 && in_.ok(); --left) {
    in_.varint();
    in_.bytes(in_.varint());
  }
}

std::pair<uint64_t, size_t> WireReader::next_tagged() {
  const uint64_t tag = in_.varint();
  return {tag, in_.varint()};
}

Result<WireConnection> WireConnection::open(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == address.npos)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("\"{}\" is no address: HOST:PORT is meant", address)};
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found))
    return failure(fmt::format("the address {} is not known: {}", address, ::gai_strerror(code)));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all(found, ::freeaddrinfo);
  Error last = failure("there is no address");
  for (const addrinfo* at = all.get(); at; at = at->ai_next) {
    const Result<int> socket = connect_to(*at);
    if (socket) return WireConnection(*socket);
    last = socket.error();
  }
  last.message = fmt::format("cannot reach the server at {}: {}", address, last.message);
  return last;
}

WireConnection::~WireConnection() {
  if (socket_ >= 0) ::close(socket_);
}

Result<std::string> WireConnection::ask(int16_t api_key, int16_t version,
                                        const WireWriter& request, Header answers) {
  const int32_t number = ++asked_;
  constexpr std::string_view kClientId = "millrace";
  WireWriter header;
  header.number(api_key).number(version).number(number);
  header.number(static_cast<int16_t>(kClientId.size()));
  std::string frame = header.bytes();
  frame += kClientId;
  frame += '\0';
  frame += request.bytes();
  std::string size;
  append_be(size, static_cast<int32_t>(frame.size()));
  TRY(send(size + frame));
  const std::string said = TRY(receive(sizeof(int32_t)));
  const auto answer_size = load_be<int32_t>(said.data());
  const size_t header_bytes = kFirstHeaderBytes + (answers == Header::Flexible ? 1 : 0);
  if (answer_size < static_cast<int32_t>(header_bytes) || answer_size > kMaxAnswerBytes)
    return failure("what answers is no Kafka server");
  std::string answer = TRY(receive(static_cast<size_t>(answer_size)));
  if (load_be<int32_t>(answer.data()) != number)
    return failure("the server has answered another request");
  return answer.substr(header_bytes);
}

Status WireConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return failure_now("the connection broke");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

Result<std::string> WireConnection::receive(size_t size) {
  std::string bytes(size, '\0');
  for (size_t have = 0; have < size;) {
    const ssize_t came = ::recv(socket_, bytes.data() + have, size - have, 0);
    if (came < 0 && errno == EINTR) continue;
    if (came < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return failure(fmt::format("no answer within {} s", kPatienceSeconds));
    if (came < 0) return failure_now("the connection broke");
    if (came == 0)
      return failure(
          "the server ended the connection: it does not know the request, or wants TLS or SASL");
    have += static_cast<size_t>(came);
  }
  return bytes;
}

}  // namespace client
