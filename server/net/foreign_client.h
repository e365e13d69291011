// Recognizes clients of another protocol by their first bytes, and creates answers that these
// clients show to their users. Users often mistake the port. They lose much time if the answer is
// only bytes that their client cannot read.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace server {

enum class WireProtocol : uint8_t { Kafka, Postgres, Http };

// Returns the log message for a client of protocol `client` that has connected to the port of
// `port`. The message includes the address to which the client should connect.
std::string wrong_port(WireProtocol client, WireProtocol port);

enum class PostgresGreeting : uint8_t {
  None,        // no PostgreSQL client, or too few bytes
  Encryption,  // an SSLRequest or GSSENCRequest, of kEncryptionRequestBytes
  Start        // a StartupMessage of protocol 3
};
inline constexpr size_t kEncryptionRequestBytes = 8;

// Reads the first bytes of a client. With `is_postgres`, reads the bytes that follow an encryption
// request. A StartupMessage looks like a Metadata request of version 0 of Kafka's protocol, except
// for the name of its first parameter, which is always "user".
PostgresGreeting read_postgres_greeting(std::string_view bytes, bool is_postgres);

// Returns an ErrorResponse that ends the connection and names the port for PostgreSQL clients.
std::string postgres_refusal(WireProtocol port);

// Returns whether the first bytes are the method of an HTTP request. In the other protocols, the
// same bytes would be a length of more than a gigabyte.
bool is_http_request(std::string_view bytes);

// Returns an HTTP answer that ends the connection and names the port for HTTP clients.
std::string http_refusal(WireProtocol port);

// Whether the first bytes are a request with which Kafka clients begin: ApiVersions, or SaslHandshake of older clients.
// At least eight bytes are needed.
bool is_kafka_request(std::string_view bytes);

}  // namespace server
