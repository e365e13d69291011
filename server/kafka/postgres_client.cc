#include "server/kafka/postgres_client.h"

#include <utility>

#include "base/bytes.h"

namespace server::kafka {

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

std::string postgres_refusal() {
  constexpr std::pair<char, std::string_view> kFields[] = {
      {'S', "FATAL"},
      {'V', "FATAL"},
      {'C', "08P01"},
      {'M', "this port uses the Kafka protocol, not the PostgreSQL protocol"},
      {'H', "Connect to the address in --pg (port 7432 by default)."}};
  std::string fields;
  for (const auto& [type, text] : kFields) {
    fields += type;
    fields += text;
    fields += '\0';
  }
  fields += '\0';
  std::string message("E\0\0\0\0", 5);
  store_be<int32_t>(message.data() + 1, static_cast<int32_t>(fields.size() + sizeof(int32_t)));
  return message + fields;
}

}  // namespace server::kafka
