// The settings of a client of a Kafka cluster, with the names of Kafka's Java client and of librdkafka.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "base/result.h"
#include "server/net/address.h"
#include "server/net/client_tls.h"

namespace server::kafka_client {

enum class SaslMechanism : uint8_t { None, Plain, ScramSha256, ScramSha512 };
// Returns the name in Kafka's protocol: "SCRAM-SHA-256".
std::string_view mechanism_name(SaslMechanism mechanism);

struct ClientSettings {
  std::vector<Address> bootstrap;  // at least one
  std::string client_id = "millrace";
  int64_t request_timeout_ms = 30'000;
  int64_t setup_timeout_ms = 10'000;  // TCP, TLS, versions and SASL together
  int64_t backoff_ms = 50, backoff_max_ms = 10'000;
  int64_t metadata_max_age_ms = 30'000;
  int32_t fetch_min_bytes = 1, fetch_max_bytes = 16 << 20, partition_max_bytes = 1 << 20;
  int32_t fetch_max_wait_ms = 500;

  SaslMechanism mechanism = SaslMechanism::None;  // None: security.protocol PLAINTEXT or SSL
  std::string user, password;

  // charged for answers that are being received; null: their memory is not counted
  std::shared_ptr<MemoryAccount> memory;

  // null: security.protocol PLAINTEXT or SASL_PLAINTEXT
  std::shared_ptr<const ClientCertificates> tls;
  HostCheck host_check = HostCheck::SameHost;
};

using Properties = std::map<std::string, std::string>;

// Reads the settings. The caller has already replaced references to secrets and files by the
// contents. The settings of TLS are therefore PEM texts, in the properties ssl.ca.pem,
// ssl.certificate.pem and ssl.key.pem, or in the properties that Java has for the type PEM. Fails
// with InvalidParameter for a wrong value and for a name that is not known, and with NotSupported
// for a setting without an effect here. No error contains a value that may be a secret.
Result<ClientSettings> parse_client_settings(const Properties& properties);

// Returns whether parse_client_settings() knows the property, under this name.
bool is_client_setting(const std::string& name);

// If a property has several names, returns the name that parse_client_settings() uses:
// "sasl.mechanism" for librdkafka's "sasl.mechanisms", and "ssl.ca.pem" for Java's
// "ssl.truststore.certificates". Returns any other name unchanged.
std::string canonical_name(const std::string& name);

}  // namespace server::kafka_client
