#include "client/admin/wire_connection.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "client/admin/scram_client.h"
#include "client/security.h"

namespace client {

namespace {

// Limit for the size in front of a response. It is larger than any real response; a peer that is
// not a Kafka server may send any bytes.
constexpr int32_t kMaxAnswerBytes = 256 << 20;
constexpr size_t kFirstHeaderBytes = 4;  // correlation id; the flexible header adds tagged fields

constexpr int16_t kSaslHandshake = 17, kApiVersions = 18, kSaslAuthenticate = 36;
const std::string kNoTaggedFields(1, '\0');

Error failure(std::string message) { return {ErrorCode::NetworkFailure, std::move(message)}; }
Error failure_now(std::string_view what) {
  return failure(fmt::format("{}: {}", what, std::strerror(errno)));
}

void wait_at(int socket, std::chrono::seconds patience) {
  const timeval time{patience.count(), 0};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
    ::setsockopt(socket, SOL_SOCKET, option, &time, sizeof time);
}

Result<int> connect_to(const addrinfo& at, std::chrono::seconds patience) {
  const int socket = ::socket(at.ai_family, at.ai_socktype | SOCK_CLOEXEC, at.ai_protocol);
  if (socket < 0) return failure_now("cannot create a socket");
  wait_at(socket, patience);
  if (::connect(socket, at.ai_addr, at.ai_addrlen) == 0) return socket;
  Error error = failure_now("no connection");
  ::close(socket);
  return error;
}

// Returns the value of security.protocol in lower case, because librdkafka and Java accept it in
// any letter case.
std::string protocol_of(const Properties& properties) {
  std::string protocol = value_of(properties, "security.protocol");
  for (char& c : protocol) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return protocol.empty() ? "plaintext" : protocol;
}

Error not_let_in(std::string why) {
  return {ErrorCode::InvalidAuthorization, fmt::format("SASL: {}", why)};
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

Error cut_short() { return {ErrorCode::NetworkFailure, "the answer of the server is truncated"}; }

std::string WireReader::text() { return std::string(in_.bytes(count())); }

size_t WireReader::count() {
  const uint64_t size = in_.varint();
  if (size == 0) return 0;
  // An element has at least one byte, so the number of elements cannot be larger than the number of
  // bytes.
  if (size - 1 > in_.rest().size()) in_.fail();
  return in_.ok() ? size - 1 : 0;
}

std::vector<int32_t> WireReader::int32s() {
  std::vector<int32_t> numbers;
  for (size_t left = count(); left > 0 && ok(); --left) numbers.push_back(number<int32_t>());
  return numbers;
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

Result<WireConnection> WireConnection::open(const std::string& address, const Properties& given,
                                            std::chrono::seconds patience) {
  const Properties properties = TRY(with_own_security(given));
  const std::string protocol = protocol_of(properties);
  if (protocol != "plaintext" && protocol != "ssl" && protocol != "sasl_plaintext" &&
      protocol != "sasl_ssl")
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("security.protocol: {} is not one of PLAINTEXT, SSL, SASL_PLAINTEXT "
                             "and SASL_SSL",
                             protocol)};
  const size_t colon = address.rfind(':');
  if (colon == address.npos)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("\"{}\" is not an address of the form HOST:PORT", address)};
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found))
    return failure(
        fmt::format("the address {} cannot be resolved: {}", address, ::gai_strerror(code)));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all(found, ::freeaddrinfo);
  Error last = failure("the host has no address");
  for (const addrinfo* at = all.get(); at; at = at->ai_next) {
    const Result<int> socket = connect_to(*at, patience);
    if (!socket) {
      last = socket.error();
      continue;
    }
    WireConnection connection(*socket, patience);
    if (protocol.ends_with("ssl")) TRY(connection.begin_tls(properties, host));
    if (protocol.starts_with("sasl")) TRY(connection.log_in(properties));
    return connection;
  }
  last.message = fmt::format("cannot reach the server at {}: {}", address, last.message);
  return last;
}

void WireConnection::be_patient(std::chrono::seconds patience) {
  wait_at(socket_, patience);
  patience_ = patience;
}

WireConnection::~WireConnection() {
  if (socket_ >= 0) ::close(socket_);
}

Status WireConnection::begin_tls(const Properties& properties, const std::string& host) {
  tls_ = TRY(WireTls::open(properties, host));
  while (true) {
    const std::string hello = TRY(tls_->shake_hands());
    TRY(send_raw(hello));
    if (tls_->is_open()) return {};
    tls_->take(TRY(receive_some()));
  }
}

Status WireConnection::log_in(const Properties& properties) {
  std::string mechanism = value_of(properties, "sasl.mechanism");
  if (mechanism.empty()) mechanism = value_of(properties, "sasl.mechanisms");
  const std::string user = value_of(properties, "sasl.username");
  const std::string password = value_of(properties, "sasl.password");
  if (mechanism != "PLAIN" && mechanism != "SCRAM-SHA-256" && mechanism != "SCRAM-SHA-512")
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("sasl.mechanism: \"{}\" is not one of PLAIN, SCRAM-SHA-256 and "
                             "SCRAM-SHA-512",
                             mechanism)};
  std::string body;
  append_be(body, static_cast<int16_t>(mechanism.size()));
  WireReader offered(TRY(ask_frame(kSaslHandshake, 1, body + mechanism, kFirstHeaderBytes)));
  if (const auto code = offered.number<int16_t>(); code != 0)
    return not_let_in(fmt::format("the server does not offer {}", mechanism));
  if (mechanism == "PLAIN") {
    std::string both(1, '\0');
    both += user;
    both += '\0';
    TRY(authenticate(both + password));
    return {};
  }
  ScramClient scram(mechanism == "SCRAM-SHA-256" ? ScramHash::Sha256 : ScramHash::Sha512, user,
                    password, new_client_nonce());
  const std::string challenge = TRY(authenticate(scram.first()));
  const std::string proof = TRY(scram.final(challenge));
  return scram.check(TRY(authenticate(proof)));
}

Result<std::string> WireConnection::authenticate(const std::string& message) {
  WireWriter request;
  request.text(message).end();
  WireReader in(TRY(ask(kSaslAuthenticate, 2, request)));
  const auto code = in.number<int16_t>();
  const std::string why = in.text();
  std::string answer = in.text();
  if (!in.ok()) return failure("the answer of the server is truncated");
  if (code != 0) return not_let_in(why.empty() ? fmt::format("error {}", code) : why);
  return answer;
}

Result<std::string> WireConnection::ask(int16_t api_key, int16_t version,
                                        const WireWriter& request) {
  return ask_frame(api_key, version, kNoTaggedFields + request.bytes(), kFirstHeaderBytes + 1);
}

Result<std::string> WireConnection::ask_versions() {
  WireWriter request;
  request.text("millrace").text("1").end();
  return ask_frame(kApiVersions, 3, kNoTaggedFields + request.bytes(), kFirstHeaderBytes);
}

Result<std::string> WireConnection::ask_frame(int16_t api_key, int16_t version,
                                              std::string_view body, size_t header_bytes) {
  const int32_t number = ++asked_;
  constexpr std::string_view kClientId = "millrace";
  WireWriter header;
  header.number(api_key).number(version).number(number);
  header.number(static_cast<int16_t>(kClientId.size()));
  std::string frame = header.bytes();
  frame += kClientId;
  frame += body;
  std::string size;
  append_be(size, static_cast<int32_t>(frame.size()));
  TRY(send(size + frame));
  const std::string said = TRY(receive(sizeof(int32_t)));
  const auto answer_size = load_be<int32_t>(said.data());
  if (answer_size < static_cast<int32_t>(header_bytes) || answer_size > kMaxAnswerBytes)
    return failure("the server does not use the Kafka protocol");
  std::string answer = TRY(receive(static_cast<size_t>(answer_size)));
  if (load_be<int32_t>(answer.data()) != number)
    return failure("the server has answered a different request");
  return answer.substr(header_bytes);
}

Status WireConnection::send(std::string_view bytes) {
  return tls_ ? send_raw(tls_->encrypted(bytes)) : send_raw(bytes);
}

Status WireConnection::send_raw(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return failure_now("the connection was lost");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

Result<std::string> WireConnection::receive(size_t size) {
  while (plain_.size() < size) {
    const std::string came = TRY(receive_some());
    if (!tls_) {
      plain_ += came;
      continue;
    }
    tls_->take(came);
    plain_ += TRY(tls_->plain());
  }
  std::string bytes = plain_.substr(0, size);
  plain_.erase(0, size);
  return bytes;
}

Result<std::string> WireConnection::receive_some() {
  constexpr size_t kPieceBytes = 64 * 1024;
  std::string bytes(kPieceBytes, '\0');
  while (true) {
    const ssize_t came = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (came < 0 && errno == EINTR) continue;
    if (came < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return failure(fmt::format("no answer within {} s", patience_.count()));
    if (came < 0) return failure_now("the connection was lost");
    if (came == 0)
      return Error{ErrorCode::NetworkFailure,
                   tls_ ? "the server closed the connection: it does not support the request, or "
                          "requires a user"
                        : "the server closed the connection: it does not support the request, or "
                          "requires TLS or SASL",
                   {},
                   "Use --command-config FILE to set user, password and TLS of the connection."};
    bytes.resize(static_cast<size_t>(came));
    return bytes;
  }
}

}  // namespace client
