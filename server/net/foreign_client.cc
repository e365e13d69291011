#include "server/net/foreign_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace server {

namespace {

struct ProtocolRow {
  std::string_view name, setting, usual_port;
};
constexpr ProtocolRow kProtocols[] = {
    {"Kafka", "--kafka", "9092"}, {"PostgreSQL", "--pg", "7432"}, {"HTTP", "--http", "8088"}};

const ProtocolRow& row_of(WireProtocol protocol) {
  return kProtocols[static_cast<size_t>(protocol)];
}

std::string message(WireProtocol client, WireProtocol port) {
  return fmt::format("this port uses the {} protocol, not the {} protocol", row_of(port).name,
                     row_of(client).name);
}

std::string hint(WireProtocol client) {
  const ProtocolRow& row = row_of(client);
  return fmt::format("Connect to the address in {} (port {} by default).", row.setting,
                     row.usual_port);
}

}  // namespace

std::string wrong_port(WireProtocol client, WireProtocol port) {
  const ProtocolRow& row = row_of(client);
  return fmt::format(
      "{} {} client has connected to the {} port; the port for it is in {} ({} by default)",
      client == WireProtocol::Http ? "an" : "a", row.name, row_of(port).name, row.setting,
      row.usual_port);
}

PostgresGreeting read_postgres_greeting(std::string_view bytes, bool is_postgres) {
  constexpr int32_t kSsl = 80877103, kGss = 80877104, kVersion3 = 3 << 16;
  constexpr size_t kHead = 8;
  if (bytes.size() < kHead) return PostgresGreeting::None;
  const auto size = load_be<int32_t>(bytes.data()), code = load_be<int32_t>(bytes.data() + 4);
  if (code == kSsl || code == kGss)
    return size == static_cast<int32_t>(kEncryptionRequestBytes) ? PostgresGreeting::Encryption
                                                                 : PostgresGreeting::None;
  constexpr std::string_view kFirst{"user\0", 5};
  const bool is_start =
      (code & ~0xffff) == kVersion3 && (is_postgres || bytes.substr(kHead).starts_with(kFirst));
  return is_start ? PostgresGreeting::Start : PostgresGreeting::None;
}

std::string postgres_refusal(WireProtocol port) {
  const std::pair<char, std::string> all_fields[] = {{'S', "FATAL"},
                                                     {'V', "FATAL"},
                                                     {'C', "08P01"},
                                                     {'M', message(WireProtocol::Postgres, port)},
                                                     {'H', hint(WireProtocol::Postgres)}};
  std::string fields;
  for (const auto& [type, text] : all_fields) {
    fields += type;
    fields += text;
    fields += '\0';
  }
  fields += '\0';
  std::string refusal("E\0\0\0\0", 5);
  store_be<int32_t>(refusal.data() + 1, static_cast<int32_t>(fields.size() + sizeof(int32_t)));
  return refusal + fields;
}

bool is_http_request(std::string_view bytes) {
  // The first four letters of each method, and of HTTP/2's preface.
  constexpr std::string_view kBeginnings[] = {"GET ", "POST", "PUT ", "HEAD", "DELE",
                                              "OPTI", "PATC", "CONN", "TRAC", "PRI "};
  constexpr size_t kLetters = 4;
  return bytes.size() >= kLetters &&
         std::ranges::find(kBeginnings, bytes.substr(0, kLetters)) != std::end(kBeginnings);
}

std::string http_refusal(WireProtocol port) {
  const std::string body =
      fmt::format("{}. {}\n", message(WireProtocol::Http, port), hint(WireProtocol::Http));
  return fmt::format(
      "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n"
      "connection: close\r\n\r\n{}",
      body.size(), body);
}

bool is_kafka_request(std::string_view bytes) {
  constexpr size_t kHead = 8;
  constexpr int16_t kSaslHandshake = 17, kApiVersions = 18, kMostVersion = 20;
  constexpr int32_t kLeastBytes = 8, kMostBytes = 4096;
  if (bytes.size() < kHead) return false;
  const auto size = load_be<int32_t>(bytes.data());
  const auto api_key = load_be<int16_t>(bytes.data() + 4),
             version = load_be<int16_t>(bytes.data() + 6);
  return size >= kLeastBytes && size <= kMostBytes &&
         (api_key == kApiVersions || api_key == kSaslHandshake) && version >= 0 &&
         version <= kMostVersion;
}

}  // namespace server
