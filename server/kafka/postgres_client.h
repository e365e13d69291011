// The first bytes of PostgreSQL's clients, and an answer that they show to their users.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace server::kafka {

enum class PostgresGreeting : uint8_t {
  None,        // no such client, or not yet all of it
  Encryption,  // SSLRequest or GSSENCRequest, of kEncryptionRequestBytes
  Start        // StartupMessage of protocol 3
};
inline constexpr size_t kEncryptionRequestBytes = 8;

// Reads the first bytes of a client, or, when it `is_postgres`, those behind such a request. A StartupMessage has the bytes of a Metadata
// request of version 0 up to the name of its first parameter, which is always "user".
PostgresGreeting read_postgres_greeting(std::string_view bytes, bool is_postgres);

// An ErrorResponse that ends the connection, with the port that is meant.
std::string postgres_refusal();

}  // namespace server::kafka
