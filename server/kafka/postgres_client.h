// Recognizes PostgreSQL clients by their first bytes, and creates an answer that these clients show
// to their users.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace server::kafka {

enum class PostgresGreeting : uint8_t {
  None,        // no PostgreSQL client, or too few bytes
  Encryption,  // SSLRequest or GSSENCRequest, of kEncryptionRequestBytes
  Start        // StartupMessage of protocol 3
};
inline constexpr size_t kEncryptionRequestBytes = 8;

// Reads the first bytes of a client or, if `is_postgres`, the bytes that follow an encryption
// request. A StartupMessage looks like a Metadata request of version 0 up to the name of its first
// parameter, which is always "user".
PostgresGreeting read_postgres_greeting(std::string_view bytes, bool is_postgres);

// Returns an ErrorResponse that ends the connection and names the port for PostgreSQL clients.
std::string postgres_refusal();

}  // namespace server::kafka
