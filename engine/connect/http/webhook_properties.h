// The properties of the class "webhook", which receives records by HTTP.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/connect/properties.h"
#include "engine/connect/row_columns.h"

namespace engine {

// The services whose signatures are known. Hmac: a signature of the body, in a header that the user names.
enum class SignatureScheme : uint8_t { None, GitHub, Stripe, Slack, Shopify, Hmac };
enum class SignatureEncoding : uint8_t { Hex, Base64 };
enum class SignatureHash : uint8_t { Sha256, Sha512 };

struct WebhookSignature {
  SignatureScheme scheme = SignatureScheme::None;
  // The header, the text before the signature in it, and the form of the signature. Set for all schemes but None and
  // Stripe, whose header has several parts.
  std::string header = {}, prefix = {};
  SignatureEncoding encoding = SignatureEncoding::Hex;
  SignatureHash hash = SignatureHash::Sha256;
  std::vector<std::string> secrets =
      {};                          // one or two, so that a secret can be replaced without a gap
  int64_t tolerance_ms = 300'000;  // largest difference between the sender's time and the server's
};

enum class WebhookFormat : uint8_t { Json, Text };

// The checked properties of a connector of class "webhook".
struct WebhookSource {
  std::string topic = {};
  WebhookSignature signature = {};
  std::vector<std::string> tokens = {};  // one or two; empty: no token is needed
  std::string token_header = {};         // in lower case; "authorization" has the scheme Bearer
  WebhookFormat format = WebhookFormat::Json;
  std::string key_header = {}, key_pointer = {};  // at most one is set; the header in lower case
  std::vector<std::string> include_headers = {};  // in lower case
  size_t max_body_bytes = 0;
  size_t max_queue_bytes = 0;
  std::string columns = {};       // of the declared stream, in SQL; empty: no stream is declared
  RowColumns given_columns = {};  // the names and types that `columns` contains
};

std::vector<PropertyRow> webhook_rows();

// Returns the source that a configuration describes, or each wrong property. Values with references to secrets have
// been replaced.
struct WebhookResult {
  WebhookSource source;
  std::vector<WrongProperty> wrong;
};
WebhookResult read_webhook(const PropertyValues& values);

}  // namespace engine
