// The settings of access: rules, tokens, TLS and the first user.
#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>

#include "server/node/settings.h"
#include "server/node/settings/setting_row.h"

namespace server {

namespace {

Status set_audiences(NodeSettings& settings, const std::string& text) {
  std::vector<std::string> audiences = absl::StrSplit(text, ',', absl::SkipWhitespace());
  for (std::string& each : audiences) absl::StripAsciiWhitespace(&each);
  settings.security.tokens.audiences = std::move(audiences);
  return {};
}

constexpr SettingRow kAccessSettings[] = {
    {"access-file",
     "file in the format of PostgreSQL's pg_hba.conf with the rules for connections and "
     "authentication; read again on SIGHUP [none: every client has all rights]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.access_file = text;
       return {};
     }},
    {"sasl-oauthbearer-jwks-endpoint-url",
     "URL of the public keys (JSON Web Key Set) of the issuer of tokens: https://, http:// or "
     "file:///; Kafka clients can then use OAUTHBEARER [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.tokens.keys_url = text;
       return {};
     }},
    {"sasl-oauthbearer-expected-audience",
     "audiences, separated by commas; a token must have one of them [none: tokens for all services "
     "are accepted]",
     set_audiences},
    {"sasl-oauthbearer-expected-issuer", "issuer that a token must have [none: not checked]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.tokens.issuer = text;
       return {};
     }},
    {"sasl-oauthbearer-sub-claim-name", "claim of a token with the name of the user [sub]",
     [](NodeSettings& s, const std::string& text) -> Status {
       if (text.empty())
         return Error{ErrorCode::InvalidParameter, "the name of a claim is missing"};
       s.security.tokens.user_claim = text;
       return {};
     }},
    {"sasl-oauthbearer-clock-skew-seconds",
     "greatest difference between the clocks of the issuer and of the server [30]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.security.tokens.clock_skew_s, text, 0, 86'400);
     }},
    {"sasl-oauthbearer-jwks-endpoint-refresh-ms",
     "interval at which the keys are fetched again; a token with an unknown key causes an earlier "
     "fetch [3600000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.security.tokens.refresh_ms, text, 1'000, INT32_MAX);
     }},
    {"sasl-oauthbearer-secret-file",
     "file whose first line is the secret of tokens that are signed with HS256 [none: such tokens "
     "are refused]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.tokens.secret_file = text;
       return {};
     }},
    {"tls-cert", "the server's certificate, PEM; clients can then use TLS [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.tls.certificate = text;
       return {};
     }},
    {"tls-key", "its key, PEM, without a pass phrase",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.tls.key = text;
       return {};
     }},
    {"tls-ca",
     "certificate authority of the certificates of clients, PEM [none: clients need no "
     "certificate]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.tls.client_authority = text;
       return {};
     }},
    {"superuser", "name of the first user, for superuser-password-file [millrace]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.superuser = text;
       return {};
     }},
    {"superuser-password-file",
     "file whose first line is the password of the first user, which is created if it does not "
     "exist [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.superuser_password_file = text;
       return {};
     }},
    {"insecure",
     "true: without an access file, accept all clients even at addresses that other machines can "
     "reach [false]",
     // --insecure may be written without a value.
     [](NodeSettings& s, const std::string& text) {
       return set_bool(s.insecure, text.empty() ? "true" : text);
     }},
};

}  // namespace

std::span<const SettingRow> access_settings() { return kAccessSettings; }

}  // namespace server
