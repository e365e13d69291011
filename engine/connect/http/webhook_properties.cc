#include "engine/connect/http/webhook_properties.h"

#include <fmt/format.h>

#include "engine/types/ascii.h"

namespace engine {

namespace {

constexpr PropertyRow kRows[] = {
    {.name = "topic", .doc = "topic that the records are written to", .is_required = true},
    {.name = "format",
     .default_value = "json",
     .doc = "json: the body is a JSON value, an array of values, lines of values, or a form; text: "
            "the body is the value",
     .words = "json text"},
    {.name = "signature.scheme",
     .doc =
         "the sender's signature, which is checked: github, stripe, slack, shopify, or hmac with "
         "signature.header; none: everybody may send",
     .words = "none github stripe slack shopify hmac"},
    {.name = "signature.secret", .type = PropertyType::Password, .doc = "secret of the signature"},
    {.name = "signature.secret.previous",
     .type = PropertyType::Password,
     .doc = "a second valid secret, while the secret is being replaced"},
    {.name = "signature.header", .doc = "header of the signature, with hmac"},
    {.name = "signature.prefix",
     .default_value = "",
     .doc = "text before the signature in its header, with hmac: sha256="},
    {.name = "signature.encoding",
     .default_value = "hex",
     .doc = "form of the signature, with hmac",
     .words = "hex base64"},
    {.name = "signature.algorithm",
     .default_value = "sha256",
     .doc = "hash function of the signature, with hmac",
     .words = "sha256 sha512"},
    {.name = "signature.tolerance.ms",
     .type = PropertyType::Long,
     .default_value = "300000",
     .doc = "largest difference between the time in the request and the server's, with stripe and "
            "slack",
     .least = 1'000,
     .most = 86'400'000},
    {.name = "token",
     .type = PropertyType::Password,
     .doc = "secret that the sender repeats in each request"},
    {.name = "token.previous",
     .type = PropertyType::Password,
     .doc = "a second valid token, while the token is being replaced"},
    {.name = "token.header",
     .default_value = "authorization",
     .doc = "header of the token; in Authorization it follows the word Bearer"},
    {.name = "key.header", .doc = "header whose value is the key of the records"},
    {.name = "key.pointer", .doc = "JSON pointer to the key in each value: /order/id"},
    {.name = "include.headers",
     .type = PropertyType::List,
     .doc = "headers of the request that become headers of the records"},
    {.name = "body.max.bytes",
     .type = PropertyType::Long,
     .default_value = "1000000",
     .doc = "largest body, and largest record made of it; max.message.bytes of the topic must be "
            "larger",
     .least = 1,
     .most = 16'000'000},
    {.name = "max.queue.size.in.bytes",
     .type = PropertyType::Long,
     .default_value = "8388608",
     .doc = "bytes of records that wait for the log; further requests get the status 429",
     .least = 1'024,
     .most = 1 << 30},
    {.name = "columns", .doc = "columns of the declared stream, as in CREATE STREAM"},
    {.name = "batch.size",
     .type = PropertyType::Int,
     .default_value = "2000",
     .doc = "most requests of one commit",
     .least = 1,
     .most = 100'000},
};

struct Scheme {
  std::string_view name;
  SignatureScheme scheme;
  std::string_view header, prefix;
  SignatureEncoding encoding = SignatureEncoding::Hex;
};
// GitHub: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
// Stripe: https://docs.stripe.com/webhooks/signature
// Slack: https://docs.slack.dev/authentication/verifying-requests-from-slack
// Shopify: https://shopify.dev/docs/apps/build/webhooks/subscribe/https
constexpr Scheme kSchemes[] = {
    {"none", SignatureScheme::None, "", ""},
    {"github", SignatureScheme::GitHub, "x-hub-signature-256", "sha256="},
    {"stripe", SignatureScheme::Stripe, "stripe-signature", ""},
    {"slack", SignatureScheme::Slack, "x-slack-signature", "v0="},
    {"shopify", SignatureScheme::Shopify, "x-shopify-hmac-sha256", "", SignatureEncoding::Base64},
    {"hmac", SignatureScheme::Hmac, "", ""},
};

std::vector<std::string> secrets_of(const PropertyValues& values, const std::string& name) {
  std::vector<std::string> secrets;
  for (const std::string& each : {name, name + ".previous"})
    if (std::string secret = values.text(each); !secret.empty())
      secrets.push_back(std::move(secret));
  return secrets;
}

void read_signature(const PropertyValues& values, WebhookSignature& signature,
                    std::vector<WrongProperty>& wrong) {
  const std::string name = values.text("signature.scheme");
  for (const Scheme& each : kSchemes) {
    if (each.name != name) continue;
    signature.scheme = each.scheme;
    signature.header = each.header;
    signature.prefix = each.prefix;
    signature.encoding = each.encoding;
  }
  signature.tolerance_ms = values.number("signature.tolerance.ms");
  if (signature.scheme == SignatureScheme::Hmac) {
    signature.header = lower_case(values.text("signature.header"));
    signature.prefix = values.text("signature.prefix");
    signature.encoding = values.text("signature.encoding") == "base64" ? SignatureEncoding::Base64
                                                                       : SignatureEncoding::Hex;
    signature.hash = values.text("signature.algorithm") == "sha512" ? SignatureHash::Sha512
                                                                    : SignatureHash::Sha256;
    if (signature.header.empty())
      wrong.push_back({"signature.header",
                       "property \"signature.header\" is required with "
                       "\"signature.scheme\" = hmac"});
  }
  if (signature.scheme == SignatureScheme::None) return;
  signature.secrets = secrets_of(values, "signature.secret");
  if (values.text("signature.secret").empty())
    wrong.push_back(
        {"signature.secret",
         fmt::format("property \"signature.secret\" is required with "
                     "\"signature.scheme\" = {}",
                     name),
         "\"signature.secret\" = '${file:NAME}' reads it from the directory of secrets."});
}

}  // namespace

std::vector<PropertyRow> webhook_rows() {
  std::vector<PropertyRow> rows = common_properties(ConnectorType::Source);
  rows.insert(rows.end(), std::begin(kRows), std::end(kRows));
  return rows;
}

WebhookResult read_webhook(const PropertyValues& values) {
  WebhookResult read;
  WebhookSource& source = read.source;
  source.topic = values.text("topic");
  source.format = values.text("format") == "text" ? WebhookFormat::Text : WebhookFormat::Json;
  read_signature(values, source.signature, read.wrong);
  source.tokens = secrets_of(values, "token");
  source.token_header = lower_case(values.text("token.header"));
  if (!values.find("signature.scheme") && source.tokens.empty())
    read.wrong.push_back(
        {"signature.scheme",
         "property \"signature.scheme\" or \"token\" is required, because everybody "
         "could send records otherwise",
         "\"signature.scheme\" = 'none' allows it."});
  source.key_header = lower_case(values.text("key.header"));
  source.key_pointer = values.text("key.pointer");
  if (!source.key_header.empty() && !source.key_pointer.empty())
    read.wrong.push_back(
        {"key.pointer", "properties \"key.header\" and \"key.pointer\" exclude each other"});
  if (!source.key_pointer.empty() &&
      (source.format != WebhookFormat::Json || source.key_pointer[0] != '/'))
    read.wrong.push_back({"key.pointer",
                          "property \"key.pointer\" begins with / and needs \"format\" "
                          "= json"});
  for (const std::string& header : values.list("include.headers"))
    source.include_headers.push_back(lower_case(header));
  source.max_body_bytes = static_cast<size_t>(values.number("body.max.bytes"));
  source.max_queue_bytes = static_cast<size_t>(values.number("max.queue.size.in.bytes"));
  source.columns = values.text("columns");
  if (!source.columns.empty()) source.given_columns = row_columns_of_sql(source.columns);
  if (!source.columns.empty() && source.format != WebhookFormat::Json)
    read.wrong.push_back({"columns", "property \"columns\" needs \"format\" = json"});
  return read;
}

}  // namespace engine
